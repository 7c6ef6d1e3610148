//! The digests that put candidates in order.

use core::cmp::Reverse;
use core::slice;

use sha2::block_api::compress256;

/// A SHA-256 digest as its eight words (FIPS 180-4 §6.2), which order as its octets do.
pub(crate) type Digest = [u32; 8];

/// SHA-256 over a name and `#`, to be completed by a key.
///
/// An election hashes one key for many names, and the names are the same for many keys: what does not depend on the key
/// is done once. With names and keys as short as those of nodes and addresses, one compression is left for each digest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Prefix {
    /// The state after the blocks that the name fills.
    state: Digest,
    /// What is left of the name, then zeros.
    block: [u8; BLOCK],
    /// How many octets of the block are taken.
    filled: usize,
    /// How many octets there have been in all.
    length: u64,
}

impl Prefix {
    pub(crate) fn new(name: &str) -> Self {
        let mut prefix = Self {
            state: INITIAL,
            block: [0; BLOCK],
            filled: 0,
            length: 0,
        };
        prefix.update(name.as_bytes());
        prefix.update(b"#");
        prefix
    }

    /// The message of the name, `#` and a key that is yet to be [written](Message::write).
    pub(crate) fn message(&self) -> Message {
        Message(self.clone())
    }

    fn update(&mut self, mut octets: &[u8]) {
        self.length = self.length.wrapping_add(octets.len() as u64);
        loop {
            let room = self.block.get_mut(self.filled..).unwrap_or_default();
            let (now, later) = octets.split_at(octets.len().min(room.len()));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.filled += now.len();
            if self.filled < BLOCK {
                return;
            }
            self.compress();
            octets = later;
        }
    }

    /// Pads as FIPS 180-4 §5.1.1 has it: one bit, zeros, and the length in bits at the end of a block.
    fn pad(&mut self) {
        let bits = self.length.wrapping_mul(8).to_be_bytes();
        // There is room for it: a full block is compressed at once.
        if let Some(next) = self.block.get_mut(self.filled) {
            *next = 0x80;
        }
        if self.filled >= BLOCK - bits.len() {
            self.compress();
        }
        if let Some(end) = self.block.last_chunk_mut() {
            *end = bits;
        }
    }

    fn compress(&mut self) {
        compress256(&mut self.state, &[self.block]);
        self.block = [0; BLOCK];
        self.filled = 0;
    }
}

/// A message that is one compression short of its digest, once its key is written.
///
/// Writing and hashing are two steps, since a processor begins with one digest while it ends another unless it has to
/// wait for the block: where all messages of an election are written before the first is hashed, it takes half the time.
#[derive(Debug)]
pub(crate) struct Message(Prefix);

impl Message {
    /// Adds the key, and what ends the message.
    pub(crate) fn write(&mut self, key: &str) {
        self.0.update(key.as_bytes());
        self.0.pad();
    }

    /// SHA-256 over the message.
    pub(crate) fn digest(&self) -> Digest {
        let mut state = self.0.state;
        compress256(&mut state, slice::from_ref(&self.0.block));
        state
    }
}

/// What candidates are sorted by: the higher preference first, then the lower digest, then the lower name, which only
/// candidates with one digest, thus of one name, ever reach.
pub(crate) type Score<'a> = (Reverse<u32>, Digest, &'a str);

/// Octets in a block of SHA-256.
const BLOCK: usize = 64;

/// The state that SHA-256 begins with (FIPS 180-4 §5.3.3).
const INITIAL: Digest = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use sha2::{Digest as _, Sha256};

    use super::*;

    /// What `printf 'node-a#203.0.113.10' | sha256sum` gives.
    const NODE_A: Digest = [
        0x9397_3310,
        0x8e70_5e1c,
        0x953f_95ec,
        0x29ea_effd,
        0x2066_35e3,
        0xba16_b242,
        0xcd13_b2d1,
        0x2242_4376,
    ];

    fn digest(name: &str, key: &str) -> Digest {
        let mut message = Prefix::new(name).message();
        message.write(key);
        message.digest()
    }

    fn digest_of_the_library(name: &str, key: &str) -> Digest {
        let whole = Sha256::digest(format!("{name}#{key}"));
        let (words, _) = whole.as_chunks();
        std::array::from_fn(|index| u32::from_be_bytes(words[index]))
    }

    #[test]
    fn the_digest_is_over_name_hash_sign_and_key() {
        assert_eq!(digest("node-a", "203.0.113.10"), NODE_A);
    }

    #[test]
    fn equal_scores_are_ordered_by_name() {
        let score = |name| -> Score<'_> { (Reverse(0), NODE_A, name) };
        assert!(score("a") < score("b"));
    }

    #[test]
    fn wherever_a_block_ends_the_digest_is_that_of_the_library() {
        for length in 0..3 * BLOCK {
            let name = "n".repeat(length);
            let key = "2001:db8::10";
            assert_eq!(
                digest(&name, key),
                digest_of_the_library(&name, key),
                "{length}"
            );
        }
    }

    proptest! {
        #[test]
        fn names_and_keys_of_any_length_have_the_digest_of_the_library(
            name in "[a-z0-9.-]{0,200}",
            key in "[0-9a-f:.]{0,200}",
        ) {
            prop_assert_eq!(digest(&name, &key), digest_of_the_library(&name, &key));
        }
    }
}
