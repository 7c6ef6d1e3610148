//! Any payload ends without a panic: the body of the fuzz target over its corpus, over mutations of it and over random
//! octets.

use bfd::fuzzing;
use proptest::prelude::*;
use testkit::corpus;

#[test]
fn the_corpus_is_survived() {
    corpus("bfd_packet")
        .iter()
        .for_each(|payload| fuzzing::bfd_packet(payload));
}

proptest! {
    #[test]
    fn mutations_are_survived(
        mut payload in prop::sample::select(corpus("bfd_packet")),
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
