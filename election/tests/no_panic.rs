//! Any input ends without a panic: the body of the fuzz target over its corpus, over mutations of it and over random
//! octets.

use election::membership::fuzzing;
use proptest::prelude::*;
use testkit::corpus;

fn entries() -> Vec<Vec<u8>> {
    corpus("membership_datagram")
}

/// Two entries of the corpus, one behind the other, with some octets replaced, cut off or repeated at the end.
fn mutated() -> impl Strategy<Value = Vec<u8>> {
    let entry = || proptest::sample::select(entries());
    let two = (entry(), entry()).prop_map(|(first, second)| [first, second].concat());
    testkit::mutated(two, 100)
}

#[test]
fn the_corpus_is_survived() {
    entries()
        .iter()
        .for_each(|octets| fuzzing::datagram(octets));
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
