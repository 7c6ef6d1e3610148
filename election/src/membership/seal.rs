//! Datagrams sealed and opened: nobody without the key reads, makes or changes one.
//!
//! ```text
//!  0        1                17          25
//! +---------+----------------+-----------+------------------------+--------+
//! | version | epoch (16)     | counter   | message, encrypted     | tag    |
//! | 1       | of the process | (8)       |                        | (16)   |
//! +---------+----------------+-----------+------------------------+--------+
//! ```
//!
//! XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha), whose nonce is epoch and counter: the epoch is random and new with every
//! process, and the counter never repeats in one, so that no nonce is ever used twice with a key that all share. Bound to
//! it, but not sent, are the version and the name of the cluster.
//!
//! The members get a new key one after the other. So who has it goes on with the one before beside it for a time: it opens
//! what is sealed with either, and sends everything sealed with each, under the same counter, so that only the first of
//! the two counts for who has both.

use std::time::Instant;

use chacha20poly1305::{AeadInOut as _, KeyInit as _, XChaCha20Poly1305, XNonce};

use super::key::Key;

/// Seals what this process sends, and opens what it gets.
pub(super) struct Seal {
    key: Key,
    cipher: XChaCha20Poly1305,
    /// The one before, and until when it is good.
    former: Option<(XChaCha20Poly1305, Instant)>,
    bound_to: Vec<u8>,
    epoch: [u8; EPOCH_LEN],
    counter: u64,
}

/// What was sealed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    pub(super) counter: u64,
    pub(super) message: Vec<u8>,
}

/// Why a datagram stays closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unopened {
    TooShort,
    Version,
    Unauthenticated,
}

impl Seal {
    /// The epoch must never have been used with this key before.
    pub(super) fn new(key: &Key, cluster: &str, epoch: [u8; EPOCH_LEN]) -> Self {
        Self {
            key: key.clone(),
            cipher: XChaCha20Poly1305::new(key.as_octets().into()),
            former: None,
            bound_to: [LABEL, &[VERSION], cluster.as_bytes()].concat(),
            epoch,
            counter: 0,
        }
    }

    /// Goes over to a key, unless it is the one already. The one before is good until then.
    pub(super) fn renew(&mut self, key: Key, until: Instant) {
        if self.key != key {
            let cipher = XChaCha20Poly1305::new(key.as_octets().into());
            self.former = Some((std::mem::replace(&mut self.cipher, cipher), until));
            self.key = key;
        }
    }

    /// Until when the key before is good, while there is one.
    pub(super) fn overlap(&self) -> Option<Instant> {
        self.former.as_ref().map(|(_, until)| *until)
    }

    pub(super) fn forget_former(&mut self) {
        self.former = None;
    }

    /// The datagrams for a message: one for each key.
    pub(super) fn seal(&mut self, message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        self.counter += 1;
        let nonce = nonce(&self.epoch, self.counter);
        let seal = &*self;
        seal.ciphers()
            .map(move |cipher| seal.seal_with(cipher, &nonce, message))
    }

    fn ciphers(&self) -> impl Iterator<Item = &XChaCha20Poly1305> {
        let former = self.former.as_ref().map(|(cipher, _)| cipher);
        std::iter::once(&self.cipher).chain(former)
    }

    fn seal_with(&self, cipher: &XChaCha20Poly1305, nonce: &XNonce, message: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(OVERHEAD + message.len());
        sealed.push(VERSION);
        sealed.extend_from_slice(nonce);
        sealed.extend_from_slice(message);
        let (_, text) = sealed.split_at_mut(HEADER_LEN);
        match cipher.encrypt_inout_detached(nonce, &self.bound_to, text.into()) {
            Ok(tag) => sealed.extend_from_slice(&tag),
            // Only a message of 256 GiB is too long. An empty datagram opens nowhere.
            Err(_) => sealed.clear(),
        }
        sealed
    }

    /// The message of a datagram.
    pub(super) fn open(&self, datagram: &[u8]) -> Result<Opened, Unopened> {
        let (header, rest) = datagram
            .split_first_chunk::<HEADER_LEN>()
            .ok_or(Unopened::TooShort)?;
        let (text, tag) = rest
            .split_last_chunk::<TAG_LEN>()
            .ok_or(Unopened::TooShort)?;
        let [version, nonce @ ..] = header;
        if *version != VERSION {
            return Err(Unopened::Version);
        }
        let message = self
            .ciphers()
            .find_map(|cipher| {
                let mut message = text.to_vec();
                let inout = message.as_mut_slice().into();
                cipher
                    .decrypt_inout_detached(
                        &XNonce::from(*nonce),
                        &self.bound_to,
                        inout,
                        tag.into(),
                    )
                    .is_ok()
                    .then_some(message)
            })
            .ok_or(Unopened::Unauthenticated)?;
        let counter = nonce
            .last_chunk()
            .map_or(0, |counter| u64::from_be_bytes(*counter));
        Ok(Opened { counter, message })
    }
}

fn nonce(epoch: &[u8; EPOCH_LEN], counter: u64) -> XNonce {
    let mut nonce = XNonce::default();
    nonce
        .iter_mut()
        .zip(epoch.iter().copied().chain(counter.to_be_bytes()))
        .for_each(|(slot, octet)| *slot = octet);
    nonce
}

/// How much longer a datagram is than its message.
pub(super) const OVERHEAD: usize = HEADER_LEN + TAG_LEN;
pub(super) const EPOCH_LEN: usize = 16;
const VERSION: u8 = 1;
const NONCE_LEN: usize = EPOCH_LEN + 8;
const HEADER_LEN: usize = 1 + NONCE_LEN;
const TAG_LEN: usize = 16;
const LABEL: &[u8] = b"ferrolb membership\0";

#[cfg(test)]
mod tests {
    use super::*;

    fn seal(secret: &str, cluster: &str) -> Seal {
        Seal::new(&key(secret), cluster, [7; EPOCH_LEN])
    }

    fn key(secret: &str) -> Key {
        Key::derive(secret.as_bytes())
    }

    /// The only datagram for a message.
    fn sealed(seal: &mut Seal) -> Vec<u8> {
        let mut datagrams: Vec<Vec<u8>> = seal.seal(b"message").collect();
        assert_eq!(datagrams.len(), 1);
        datagrams.remove(0)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way; it is only handed on"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    #[test]
    fn what_is_sealed_opens_with_the_same_key_and_cluster_only() {
        let datagram = sealed(&mut seal("secret", "blue"));
        assert_eq!(datagram.len(), OVERHEAD + 7);
        assert_eq!(
            seal("secret", "blue").open(&datagram),
            Ok(Opened {
                counter: 1,
                message: b"message".to_vec()
            })
        );
        for other in [seal("other", "blue"), seal("secret", "green")] {
            assert_eq!(other.open(&datagram), Err(Unopened::Unauthenticated));
        }
    }

    #[test]
    fn a_datagram_with_any_octet_changed_does_not_open() {
        let datagram = sealed(&mut seal("secret", "blue"));
        for at in 0..datagram.len() {
            let mut changed = datagram.clone();
            changed[at] ^= 1;
            let refused = seal("secret", "blue").open(&changed).unwrap_err();
            let reason = if at == 0 {
                Unopened::Version
            } else {
                Unopened::Unauthenticated
            };
            assert_eq!(refused, reason, "octet {at}");
        }
    }

    #[test]
    fn a_datagram_cut_anywhere_does_not_open() {
        let datagram = sealed(&mut seal("secret", "blue"));
        for len in 0..datagram.len() {
            let refused = seal("secret", "blue").open(&datagram[..len]).unwrap_err();
            assert_eq!(refused == Unopened::TooShort, len < OVERHEAD, "{len}");
        }
    }

    #[test]
    fn the_same_message_is_never_sealed_the_same_way() {
        let mut seal = seal("secret", "blue");
        let (first, second) = (sealed(&mut seal), sealed(&mut seal));
        assert_ne!(first[HEADER_LEN..], second[HEADER_LEN..]);
        assert_eq!(seal.open(&second).unwrap().counter, 2);
    }

    #[test]
    fn who_has_both_keys_understands_and_is_understood_by_who_has_either() {
        let (mut old, mut new) = (seal("old", "blue"), seal("new", "blue"));
        let mut both = seal("old", "blue");
        both.renew(key("new"), now());
        for one in [&mut old, &mut new] {
            assert!(both.open(&sealed(one)).is_ok());
        }
        let datagrams: Vec<Vec<u8>> = both.seal(b"message").collect();
        assert_eq!(datagrams.len(), 2);
        assert_eq!(new.open(&datagrams[0]), old.open(&datagrams[1]));
        assert!(old.open(&datagrams[0]).is_err() && new.open(&datagrams[1]).is_err());
    }

    #[test]
    fn the_key_before_is_good_for_a_time_only() {
        let (mut old, mut seal) = (seal("old", "blue"), seal("old", "blue"));
        let until = now();
        seal.renew(key("old"), until);
        assert_eq!(seal.overlap(), None);
        seal.renew(key("new"), until);
        seal.renew(key("new"), until);
        assert_eq!(seal.overlap(), Some(until));
        seal.forget_former();
        assert_eq!(seal.overlap(), None);
        assert_eq!(seal.open(&sealed(&mut old)), Err(Unopened::Unauthenticated));
        assert!(old.open(&sealed(&mut seal)).is_err());
    }
}
