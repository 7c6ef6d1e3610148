//! Any input ends without a panic: the bodies of the fuzz targets over their corpus, over mutations of it and over
//! random octets.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::fs;
use std::path::Path;

use arp_ndp::fuzzing;
use proptest::prelude::*;

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../fuzz/corpus")
        .join(target);
    let files = fs::read_dir(&folder).unwrap();
    let corpus: Vec<_> = files
        .map(|file| fs::read(file.unwrap().path()).unwrap())
        .collect();
    assert!(!corpus.is_empty());
    corpus
}

/// An entry of the corpus with some octets replaced, cut off or repeated at the end.
fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> {
    let changes = proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..6);
    let tail = proptest::collection::vec(any::<u8>(), 0..400);
    (
        proptest::sample::select(corpus(target)),
        changes,
        any::<proptest::sample::Index>(),
        tail,
        any::<bool>(),
    )
        .prop_map(|(mut octets, changes, cut, tail, keep)| {
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
fn the_corpus_of_arp_is_survived() {
    corpus("arp").iter().for_each(|frame| fuzzing::arp(frame));
}

#[test]
fn the_corpus_of_ndp_is_survived() {
    corpus("ndp").iter().for_each(|packet| fuzzing::ndp(packet));
}

proptest! {
    #[test]
    fn random_frames_are_survived(frame in proptest::collection::vec(any::<u8>(), 0..1600)) {
        fuzzing::arp(&frame);
        fuzzing::ndp(&frame);
    }

    #[test]
    fn mutated_arp_is_survived(frame in mutated("arp")) {
        fuzzing::arp(&frame);
    }

    /// Options of any length among them: 32 and more once panicked in a packet library.
    #[test]
    fn mutated_ndp_is_survived(packet in mutated("ndp")) {
        fuzzing::ndp(&packet);
    }
}
