//! The key that members share.

use std::fmt;
use std::time::Duration;

use hkdf::Hkdf;
use sha2::Sha256;

/// The key that seals every datagram, derived from a secret text that all members know.
///
/// It is HKDF (RFC 5869) with SHA-256: the same secret gives the same key on every node, and the secret can be used
/// elsewhere without one use telling anything about the other.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; LEN]);

impl Key {
    /// The key for a secret, such as the value `secretkey` of the Secret `memberlist`. White space around it does not
    /// count, since editors and tools add line ends.
    ///
    /// The secret is what keeps strangers out: whoever can guess it is a member. An empty one gives a key that
    /// everybody knows.
    #[must_use]
    pub fn derive(secret: &[u8]) -> Self {
        let mut key = [0; LEN];
        let expanded = Hkdf::<Sha256>::new(Some(SALT), secret.trim_ascii()).expand(INFO, &mut key);
        debug_assert!(expanded.is_ok(), "HKDF gives up to 255 hashes of octets");
        Self(key)
    }

    pub(super) const fn as_octets(&self) -> &[u8; LEN] {
        &self.0
    }
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

const LEN: usize = 32;
const SALT: &[u8] = b"ferrolb membership";
const INFO: &[u8] = b"datagram sealing key 1";

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
