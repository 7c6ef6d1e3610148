//! What members say to each other, from and to octets.
//!
//! The plain text of a datagram is one message. All numbers are big endian.
//!
//! ```text
//! 1 Hello    from [part]                   who is there? The only message that names no receiver; so am I
//! 2 Welcome  from to known(8) [part]       I am, and am so; the newest incarnation of you that I know is this
//! 3 Digest   from to digest(8)             do we know the same?
//! 4 Entries  from to answer(1) entry*      what I know; answer = 1: tell me what you know
//! 5 Swim     length(2) foca's entry*       a message of `foca`, whose header has from and to, and news
//!
//! name       length(1) octets
//! from, to   name address incarnation(8)
//! address    family(1), 4 or 6; octets(4 or 16) port(2)
//! entry      1 member | 2 part | 3 accusation
//! member     identity incarnation(2) state(1): 0 alive, 1 suspect, 2 down
//! part       name version(8) part(1) parts(1) length(2) octets, which together are Facts
//! accusation name incarnation(8) incarnation(2) accuser's name
//! ```

mod codec;
mod facts;
mod message;
#[cfg(test)]
mod tests;

pub(super) use codec::{Codec, SwimHeader, incarnation, told};
pub(super) use message::{Accusation, Entry, FactsPart, Message, swim};

use std::net::{IpAddr, SocketAddr};

use bytes::{Buf, BufMut, TryGetError};
use foca::{Member, State};

use super::identity::Identity;
use super::name::MemberName;

/// A value with one form on the wire.
pub(super) trait Wire: Sized {
    fn encode(&self, out: &mut Vec<u8>);
    fn decode(input: &mut &[u8]) -> Result<Self, Malformed>;
}

/// Octets that are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it ends too early")]
    Truncated,
    #[error("it goes on behind its end")]
    Trailing,
    #[error("{0} is no kind of message, entry, state or address")]
    Kind(u8),
    #[error("a text, name, number or prefix is out of range")]
    Value,
    #[error("no room for it")]
    NoRoom,
}

impl From<TryGetError> for Malformed {
    fn from(_: TryGetError) -> Self {
        Self::Truncated
    }
}

impl Wire for MemberName {
    fn encode(&self, out: &mut Vec<u8>) {
        put_short(out, self.as_str());
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        Self::try_new(get_short(input)?).map_err(|_| Malformed::Value)
    }
}

impl Wire for IpAddr {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::V4(address) => {
                out.put_u8(4);
                out.put_slice(&address.octets());
            }
            Self::V6(address) => {
                out.put_u8(6);
                out.put_slice(&address.octets());
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        match input.try_get_u8()? {
            4 => Ok(Self::from(input.try_get_u32()?.to_be_bytes())),
            6 => Ok(Self::from(input.try_get_u128()?.to_be_bytes())),
            family => Err(Malformed::Kind(family)),
        }
    }
}

impl Wire for SocketAddr {
    fn encode(&self, out: &mut Vec<u8>) {
        self.ip().encode(out);
        out.put_u16(self.port());
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let ip = IpAddr::decode(input)?;
        Ok(Self::new(ip, input.try_get_u16()?))
    }
}

impl Wire for Identity {
    fn encode(&self, out: &mut Vec<u8>) {
        self.name.encode(out);
        self.address.encode(out);
        out.put_u64(self.incarnation);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let name = MemberName::decode(input)?;
        let address = SocketAddr::decode(input)?;
        Ok(Self::new(name, address, input.try_get_u64()?))
    }
}

impl Wire for Member<Identity> {
    fn encode(&self, out: &mut Vec<u8>) {
        self.id().encode(out);
        out.put_u16(self.incarnation());
        out.put_u8(match self.state() {
            State::Alive => 0,
            State::Suspect => 1,
            State::Down => 2,
        });
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let identity = Identity::decode(input)?;
        let incarnation = input.try_get_u16()?;
        let state = match input.try_get_u8()? {
            0 => State::Alive,
            1 => State::Suspect,
            2 => State::Down,
            state => return Err(Malformed::Kind(state)),
        };
        Ok(Self::new(identity, incarnation, state))
    }
}

/// Takes as many octets off the input.
fn take<'a>(input: &mut &'a [u8], len: usize) -> Result<&'a [u8], Malformed> {
    let (taken, rest) = input.split_at_checked(len).ok_or(Malformed::Truncated)?;
    *input = rest;
    Ok(taken)
}

/// A text of up to 255 octets, which no text here is beyond.
fn put_short(out: &mut Vec<u8>, text: &str) {
    debug_assert!(text.len() <= usize::from(u8::MAX));
    out.put_u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
    out.put_slice(text.as_bytes());
}

fn get_short<'a>(input: &mut &'a [u8]) -> Result<&'a str, Malformed> {
    let len = input.try_get_u8()?;
    str::from_utf8(take(input, len.into())?).map_err(|_| Malformed::Value)
}

fn get_bool(input: &mut &[u8]) -> Result<bool, Malformed> {
    match input.try_get_u8()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(Malformed::Value),
    }
}
