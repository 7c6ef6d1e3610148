//! The vectors of `tests/vectors/*.hex`, by name.
#![expect(clippy::expect_used, reason = "a test may panic")]

/// Every vector with its name, in the order of the files.
pub(crate) fn vectors() -> Vec<(&'static str, Vec<u8>)> {
    let files = [
        include_str!("../vectors/session.hex"),
        include_str!("../vectors/update.hex"),
    ];
    files
        .into_iter()
        .flat_map(|file| file.split("\n== ").skip(1))
        .map(block)
        .collect()
}

fn block(block: &'static str) -> (&'static str, Vec<u8>) {
    let (name, body) = block
        .split_once('\n')
        .expect("a vector has a name and octets");
    let lines = body
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default());
    let digits: Vec<u8> = lines
        .flat_map(str::bytes)
        .filter(|byte| !byte.is_ascii_whitespace())
        .collect();
    let octet = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("digits are ASCII");
        u8::from_str_radix(pair, 16).unwrap_or_else(|_| panic!("{name}: {pair:?} is no octet"))
    };
    (name, digits.chunks(2).map(octet).collect())
}
