//! Any input ends without a panic: the body of the fuzz target over its corpus, over mutations of it and over random
//! octets.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::fs;
use std::path::Path;

use election::membership::fuzzing;
use proptest::prelude::*;

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/membership_datagram");
    let files = fs::read_dir(&folder).unwrap();
    let corpus: Vec<_> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!corpus.is_empty());
    corpus
}

/// Two entries of the corpus, one behind the other, with some octets replaced, cut off or repeated at the end.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    let tail = proptest::collection::vec(any::<u8>(), 0..100);
    (
        proptest::sample::select(corpus()),
        proptest::sample::select(corpus()),
        changes,
        any::<proptest::sample::Index>(),
        tail,
        any::<bool>(),
    )
        .prop_map(|(mut octets, second, changes, cut, tail, keep)| {
            octets.extend(second);
            for (at, value) in changes {
                let at = at.index(octets.len());
                octets[at] = value;
            }
            if !keep {
                octets.truncate(cut.index(octets.len()));
            }
            octets.extend(tail);
            octets
        })
}

#[test]
fn the_corpus_is_survived() {
    corpus().iter().for_each(|octets| fuzzing::datagram(octets));
}

proptest! {
    #[test]
    fn random_octets_are_survived(octets in proptest::collection::vec(any::<u8>(), 0..1600)) {
        fuzzing::datagram(&octets);
    }

    #[test]
    fn mutations_are_survived(octets in mutated()) {
        fuzzing::datagram(&octets);
    }
}
