//! The order of candidates for a key.

use core::cmp::Reverse;

use sha2::{Digest, Sha256};

/// SHA-256 over the name, `#` and the key.
pub(crate) fn digest(name: &str, key: &str) -> [u8; 32] {
    Sha256::new()
        .chain_update(name)
        .chain_update("#")
        .chain_update(key)
        .finalize()
        .into()
}

/// What candidates are sorted by: the higher preference first, then the lower digest, then the lower name, which only
/// candidates with one digest, thus of one name, ever reach.
pub(crate) type Score<'a> = (Reverse<u32>, [u8; 32], &'a str);

#[cfg(test)]
mod tests {
    use super::*;

    /// What `printf 'node-a#203.0.113.10' | sha256sum` gives.
    const NODE_A: [u8; 32] = [
        0x93, 0x97, 0x33, 0x10, 0x8e, 0x70, 0x5e, 0x1c, 0x95, 0x3f, 0x95, 0xec, 0x29, 0xea, 0xef,
        0xfd, 0x20, 0x66, 0x35, 0xe3, 0xba, 0x16, 0xb2, 0x42, 0xcd, 0x13, 0xb2, 0xd1, 0x22, 0x42,
        0x43, 0x76,
    ];

    #[test]
    fn the_digest_is_over_name_hash_sign_and_key() {
        assert_eq!(digest("node-a", "203.0.113.10"), NODE_A);
    }

    #[test]
    fn equal_scores_are_ordered_by_name() {
        let score = |name| -> Score<'_> { (Reverse(0), NODE_A, name) };
        assert!(score("a") < score("b"));
    }
}
