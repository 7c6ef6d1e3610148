//! The messages of `foca` in our form.
//!
//! ```text
//! incarnation(2) from to kind(1) [probe(1)] [identity]
//!
//! 1 Ping probe           2 Ack probe            3 PingReq probe target   4 IndirectPing probe origin
//! 5 IndirectAck probe target   6 ForwardedAck probe origin   7 Announce   8 Feed   9 Gossip   10 Broadcast
//! 11 TurnUndead
//! ```

use bytes::{Buf, BufMut};
use foca::{Header, Member, Message};

use super::super::identity::Identity;
use super::{Malformed, Wire};

/// What every message of `foca` begins with.
pub(in super::super) type SwimHeader = Header<Identity>;

/// The sender's incarnation in an encoded message of `foca`: what it contradicts suspicions with, which `foca` tells in no
/// other way.
pub(in super::super) fn incarnation(payload: &[u8]) -> foca::Incarnation {
    payload
        .first_chunk()
        .map_or(0, |octets| foca::Incarnation::from_be_bytes(*octets))
}

/// The members that an encoded message of `foca` tells of, behind its header.
pub(in super::super) fn told(mut payload: &[u8]) -> Result<Vec<Member<Identity>>, Malformed> {
    SwimHeader::decode(&mut payload)?;
    if payload.is_empty() {
        return Ok(Vec::new());
    }
    (0..payload.try_get_u16()?)
        .map(|_| Member::decode(&mut payload))
        .collect()
}

/// Encodes for `foca`, into one buffer that is used again.
#[derive(Debug, Default)]
pub(in super::super) struct Codec {
    buffer: Vec<u8>,
}

impl Codec {
    /// Puts the value there whole, or leaves what is there alone.
    fn put(&mut self, value: &impl Wire, mut out: impl BufMut) -> Result<(), Malformed> {
        self.buffer.clear();
        value.encode(&mut self.buffer);
        if out.remaining_mut() < self.buffer.len() {
            return Err(Malformed::NoRoom);
        }
        out.put_slice(&self.buffer);
        Ok(())
    }
}

/// `foca` promises that what is left to read is in one piece.
fn get<T: Wire>(mut input: impl Buf) -> Result<T, Malformed> {
    let mut rest = input.chunk();
    let before = rest.len();
    let value = T::decode(&mut rest)?;
    let read = before - rest.len();
    input.advance(read);
    Ok(value)
}

impl foca::Codec<Identity> for Codec {
    type Error = Malformed;

    fn encode_header(&mut self, header: &SwimHeader, out: impl BufMut) -> Result<(), Malformed> {
        self.put(header, out)
    }

    fn decode_header(&mut self, input: impl Buf) -> Result<SwimHeader, Malformed> {
        get(input)
    }

    fn encode_member(
        &mut self,
        member: &Member<Identity>,
        out: impl BufMut,
    ) -> Result<(), Malformed> {
        self.put(member, out)
    }

    fn decode_member(&mut self, input: impl Buf) -> Result<Member<Identity>, Malformed> {
        get(input)
    }
}

impl Wire for SwimHeader {
    fn encode(&self, out: &mut Vec<u8>) {
        out.put_u16(self.src_incarnation);
        self.src.encode(out);
        self.dst.encode(out);
        let (kind, probe, other) = match &self.message {
            Message::Ping(probe) => (1, Some(probe), None),
            Message::Ack(probe) => (2, Some(probe), None),
            Message::PingReq {
                target,
                probe_number,
            } => (3, Some(probe_number), Some(target)),
            Message::IndirectPing {
                origin,
                probe_number,
            } => (4, Some(probe_number), Some(origin)),
            Message::IndirectAck {
                target,
                probe_number,
            } => (5, Some(probe_number), Some(target)),
            Message::ForwardedAck {
                origin,
                probe_number,
            } => (6, Some(probe_number), Some(origin)),
            Message::Announce => (7, None, None),
            Message::Feed => (8, None, None),
            Message::Gossip => (9, None, None),
            Message::Broadcast => (10, None, None),
            Message::TurnUndead => (11, None, None),
        };
        out.put_u8(kind);
        if let Some(probe) = probe {
            out.put_u8(*probe);
        }
        if let Some(other) = other {
            other.encode(out);
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let src_incarnation = input.try_get_u16()?;
        let src = Identity::decode(input)?;
        let dst = Identity::decode(input)?;
        let message = match input.try_get_u8()? {
            1 => Message::Ping(input.try_get_u8()?),
            2 => Message::Ack(input.try_get_u8()?),
            3 => Message::PingReq {
                probe_number: input.try_get_u8()?,
                target: Identity::decode(input)?,
            },
            4 => Message::IndirectPing {
                probe_number: input.try_get_u8()?,
                origin: Identity::decode(input)?,
            },
            5 => Message::IndirectAck {
                probe_number: input.try_get_u8()?,
                target: Identity::decode(input)?,
            },
            6 => Message::ForwardedAck {
                probe_number: input.try_get_u8()?,
                origin: Identity::decode(input)?,
            },
            7 => Message::Announce,
            8 => Message::Feed,
            9 => Message::Gossip,
            10 => Message::Broadcast,
            11 => Message::TurnUndead,
            kind => return Err(Malformed::Kind(kind)),
        };
        Ok(Self {
            src,
            src_incarnation,
            dst,
            message,
        })
    }
}
