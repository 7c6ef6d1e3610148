//! The fuzz bodies over the vectors, over what becomes of them when octets change, and over random octets.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod hex;

use bgp_wire::fuzzing;

/// xorshift64*: the same octets in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    fn octets(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next().to_le_bytes()[0]).collect()
    }
}

/// Every body with every kind of session.
fn run(octets: &[u8]) {
    for selector in (0..64).chain([0x87]) {
        let data = [&[selector], octets].concat();
        fuzzing::message(&data);
        fuzzing::framer(&data);
        if let Some(body) = octets.get(19..) {
            fuzzing::update(&[&[selector], body].concat());
        }
    }
}

#[test]
fn vectors() {
    for (_, octets) in hex::vectors() {
        run(&octets);
    }
}

#[test]
fn vectors_cut_off_at_every_octet() {
    for (_, octets) in hex::vectors() {
        for end in 0..octets.len() {
            fuzzing::message(&[&[1], &octets[..end]].concat());
            fuzzing::update(&[&[1], octets.get(19..end).unwrap_or_default()].concat());
        }
    }
}

#[test]
fn vectors_with_changed_octets() {
    let mut random = Random(0x5eed);
    for (_, octets) in hex::vectors() {
        for _ in 0..60 {
            let mut changed = octets.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(changed.len());
                changed[at] = random.next().to_le_bytes()[0];
            }
            let selector = random.next().to_le_bytes()[0];
            fuzzing::message(&[&[selector], &changed[..]].concat());
            fuzzing::update(&[&[selector], changed.get(19..).unwrap_or_default()].concat());
        }
    }
}

#[test]
fn random_octets() {
    let mut random = Random(0xb6b);
    for _ in 0..2000 {
        let len = random.below(200);
        let octets = random.octets(len);
        fuzzing::message(&octets);
        fuzzing::update(&octets);
        fuzzing::framer(&octets);
    }
    for _ in 0..20 {
        let len = random.below(20_000);
        fuzzing::packer(&random.octets(len));
    }
}

#[test]
fn corpus() {
    replay("bgp_message", fuzzing::message);
    replay("bgp_update", fuzzing::update);
}

fn replay(target: &str, body: fn(&[u8])) {
    let folder = format!("{}/../fuzz/corpus/{target}", env!("CARGO_MANIFEST_DIR"));
    // A published package comes without the corpus; the vectors it has.
    let Ok(files) = std::fs::read_dir(folder) else {
        return;
    };
    let files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "{target} has seeds");
    for file in files {
        body(&std::fs::read(file).unwrap());
    }
}
