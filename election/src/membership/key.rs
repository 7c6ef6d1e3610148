//! The key that members share.

use std::fmt;
use std::time::Duration;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The key that seals every datagram and attests statements, derived from a secret text that all members know.
///
/// It is HKDF (RFC 5869) with SHA-256: the same secret gives the same key on every node, and the secret can be used
/// elsewhere without one use telling anything about the other. Neither do its two uses here: each has a key of its own.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    sealing: [u8; SEALING_LEN],
    attesting: [u8; ATTESTING_LEN],
}

impl Key {
    /// The key for a secret, such as the value `secretkey` of the Secret `memberlist`. White space around it does not
    /// count, since editors and tools add line ends.
    ///
    /// The secret is what keeps strangers out: whoever can guess it is a member. An empty one gives a key that
    /// everybody knows.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let secret = Hkdf::<Sha256>::new(Some(SALT), secret.trim_ascii());
        Self {
            sealing: expand(&secret, SEALING),
            attesting: expand(&secret, ATTESTING),
        }
    }

    /// Shows for a statement that somebody with this key has made it: HMAC (RFC 2104) with SHA-256, cut to its first half.
    ///
    /// It does not say who, when and to whom. What of that matters has to be part of the statement, and so has what kind of
    /// statement it is.
    #[must_use]
    pub fn attest(&self, statement: &[u8]) -> [u8; ATTESTATION_LEN] {
        let hmac: [u8; HMAC_LEN] = self.hmac(statement).finalize().into_bytes().into();
        // The longer always begins with one of the shorter.
        hmac.first_chunk().copied().unwrap_or_default()
    }

    /// Whether somebody with this key has made the statement. It takes as long for whatever attestation.
    #[must_use]
    pub fn has_attested(&self, statement: &[u8], attestation: &[u8; ATTESTATION_LEN]) -> bool {
        let hmac = self.hmac(statement);
        hmac.verify_truncated_left(attestation).is_ok()
    }

    pub(super) const fn as_octets(&self) -> &[u8; SEALING_LEN] {
        &self.sealing
    }

    fn hmac(&self, statement: &[u8]) -> Hmac<Sha256> {
        Hmac::new((&self.attesting).into()).chain_update(statement)
    }
}

fn expand<const LEN: usize>(secret: &Hkdf<Sha256>, info: &[u8]) -> [u8; LEN] {
    let mut key = [0; LEN];
    let expanded = secret.expand(info, &mut key);
    debug_assert!(expanded.is_ok(), "HKDF gives up to 255 hashes of octets");
    key
}

/// Without the key.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// For how long a member goes on with the key before beside one that it was given. It sends each datagram sealed with
/// both, so that it costs twice as much, and of what it receives, the copy counts as
/// [replayed](super::DropReason::Replayed). Longer than the kubelet takes to show a changed Secret to the pods that mount
/// it.
pub const KEY_OVERLAP: Duration = Duration::from_secs(180);

/// The length of what [`Key::attest`] returns, in octets.
pub const ATTESTATION_LEN: usize = 16;

const SEALING_LEN: usize = 32;
/// The length of a block of SHA-256, which HMAC takes as it is.
const ATTESTING_LEN: usize = 64;
const HMAC_LEN: usize = 32;
const SALT: &[u8] = b"ferrolb membership";
const SEALING: &[u8] = b"datagram sealing key 1";
const ATTESTING: &[u8] = b"attestation key 1";

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked out with another implementation of RFC 5869: nodes of different versions must agree.
    #[test]
    fn the_key_of_a_secret_never_changes() {
        let key = Key::derive(b"dGhlIHNlY3JldCBvZiB0aGUgcmluZw");
        let text: String = key
            .as_octets()
            .iter()
            .map(|octet| format!("{octet:02x}"))
            .collect();
        assert_eq!(
            text,
            "b1f3a17fc23cc2f5e7d2314a26f29ce022d8f1bce6f5c6ae4f3804f571acc403"
        );
    }

    /// Worked out with another implementation of RFC 5869 and RFC 2104.
    #[test]
    fn what_is_attested_never_changes() {
        let key = Key::derive(b"dGhlIHNlY3JldCBvZiB0aGUgcmluZw");
        for (statement, expected) in [
            (
                &b"a statement"[..],
                0xc91a_5757_d8f5_5408_5a8e_d116_6fdc_0522,
            ),
            (b"", 0xd348_bbd9_ba53_d545_1efe_5c2a_7236_0ac6),
        ] {
            let attestation = key.attest(statement);
            assert_eq!(u128::from_be_bytes(attestation), expected);
            assert!(key.has_attested(statement, &attestation));
        }
    }

    #[test]
    fn another_statement_another_key_and_any_bit_changed_are_not_attested() {
        let key = Key::derive(b"secret");
        let attestation = key.attest(b"a statement");
        assert!(!key.has_attested(b"another statement", &attestation));
        assert!(!Key::derive(b"other").has_attested(b"a statement", &attestation));
        for bit in 0..128 {
            let changed = u128::from_be_bytes(attestation) ^ 1 << bit;
            let changed = changed.to_be_bytes();
            assert!(!key.has_attested(b"a statement", &changed), "bit {bit}");
        }
    }

    #[test]
    fn white_space_around_a_secret_does_not_count() {
        assert_eq!(Key::derive(b"secret\n"), Key::derive(b"secret"));
        assert_ne!(Key::derive(b"secret"), Key::derive(b"Secret"));
    }

    #[test]
    fn a_key_is_not_printed() {
        assert_eq!(format!("{:?}", Key::derive(b"secret")), "Key(..)");
    }
}
