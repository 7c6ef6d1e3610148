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
