//! Any text ends without a panic: the body of the fuzz target over its corpus and over random texts.

use ipam::fuzzing;
use proptest::prelude::*;
use testkit::corpus;

#[test]
fn the_corpus_is_survived() {
    corpus("ip_range")
        .iter()
        .for_each(|text| fuzzing::ip_range(text));
}

proptest! {
    #[test]
    fn random_texts_are_survived(text in "[0-9a-f.:/ -]{0,40}") {
        fuzzing::ip_range(text.as_bytes());
    }

    #[test]
    fn texts_that_look_like_ranges_are_survived(
        first in any::<std::net::IpAddr>(),
        last in any::<std::net::IpAddr>(),
        length in 0..140_u8,
    ) {
        fuzzing::ip_range(format!("{first}/{length}").as_bytes());
        fuzzing::ip_range(format!("{first} - {last}").as_bytes());
    }

    #[test]
    fn random_octets_are_survived(octets in prop::collection::vec(any::<u8>(), 0..60)) {
        fuzzing::ip_range(&octets);
    }
}
