//! An octet stream cut into messages.

use crate::error::DecodeError;
use crate::header::{MaxLen, MessageHeader};
use bytes::{Bytes, BytesMut};

/// Cuts the octets of a connection into messages.
///
/// Octets go in with [`push`](Self::push) in whatever pieces they arrived; whole messages come out of
/// [`next`](Self::next) without another copy: they share the framer's buffer, so a message that is kept keeps the buffer
/// it arrived in. Drained after every push, it holds at most one incomplete message beside what is pushed.
///
/// After an error the stream has lost its framing; `next` repeats the error.
///
/// ```
/// # use bgp_wire::{Framer, Message};
/// # let mut wire = bytes::BytesMut::new();
/// # bgp_wire::encode_keepalive(&mut wire);
/// let mut framer = Framer::new();
/// framer.push(&wire[..5]);
/// assert_eq!(framer.next()?, None);
/// framer.push(&wire[5..]);
/// assert_eq!(framer.next()?.as_deref(), Some(&wire[..]));
/// # Ok::<(), bgp_wire::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    limit: MaxLen,
}

impl Framer {
    /// A framer that takes messages of up to 4096 octets.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long messages may be: to [`Extended`](MaxLen::Extended) once the capability has been advertised and the
    /// peer's OPEN is in (RFC 8654 §4).
    pub fn set_max_len(&mut self, limit: MaxLen) {
        self.limit = limit;
    }

    /// Takes octets that arrived.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Hands out the next whole message, header included; `None` until more octets arrive.
    ///
    /// # Errors
    /// As [`MessageHeader::peek`].
    #[expect(
        clippy::should_implement_trait,
        reason = "`None` is not the end of the messages, as it is for an iterator"
    )]
    pub fn next(&mut self) -> Result<Option<Bytes>, DecodeError> {
        let Some(header) = MessageHeader::peek(&self.buffer, self.limit)? else {
            return Ok(None);
        };
        let length = usize::from(header.length);
        if self.buffer.len() < length {
            return Ok(None);
        }
        Ok(Some(self.buffer.split_to(length).freeze()))
    }

    /// How many octets wait for the rest of their message.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }
}
