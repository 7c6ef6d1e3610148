//! Any payload ends without a panic: the body of the fuzz target over its corpus, over mutations of it and over random
//! octets.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::path::Path;

use bfd::fuzzing;
use proptest::prelude::*;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/bfd_packet");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

#[test]
fn the_corpus_is_survived() {
    let corpus = corpus();
    assert!(!corpus.is_empty());
    corpus
        .iter()
        .for_each(|payload| fuzzing::bfd_packet(payload));
}

proptest! {
    #[test]
    fn mutations_are_survived(
        mut payload in prop::sample::select(corpus()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        tail in prop::collection::vec(any::<u8>(), 0..4),
        cut in any::<prop::sample::Index>(),
    ) {
        for (at, octet) in changes {
            let at = at.index(payload.len());
            payload[at] = octet;
        }
        fuzzing::bfd_packet(&payload[..cut.index(payload.len())]);
        payload.extend(tail);
        fuzzing::bfd_packet(&payload);
    }

    #[test]
    fn random_payloads_are_survived(payload in prop::collection::vec(any::<u8>(), 0..300)) {
        fuzzing::bfd_packet(&payload);
    }
}
