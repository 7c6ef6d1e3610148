//! Any input ends without a panic: the bodies of the fuzz targets over their corpus, over mutations of it and over
//! random octets.

use arp_ndp::fuzzing;
use proptest::prelude::*;
use testkit::corpus;

/// An entry of the corpus with some octets replaced, cut off or repeated at the end.
fn mutated(target: &str) -> impl Strategy<Value = Vec<u8>> {
    testkit::mutated(proptest::sample::select(corpus(target)), 400)
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
