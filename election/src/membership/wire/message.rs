//! The messages, and what they are made of.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::{Buf, BufMut};
use foca::Member;

use super::super::identity::Identity;
use super::super::name::MemberName;
use super::{Malformed, Wire, get_bool, get_short, take};

/// What one datagram says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Message<'a> {
    Hello {
        from: Identity,
        /// The sender's.
        facts: Option<FactsPart>,
    },
    Welcome {
        from: Identity,
        to: Identity,
        known: u64,
        /// The sender's.
        facts: Option<FactsPart>,
    },
    Digest {
        from: Identity,
        to: Identity,
        digest: u64,
    },
    Entries {
        from: Identity,
        to: Identity,
        /// The receiver shall tell what it knows.
        answer: bool,
        entries: Vec<Entry>,
    },
    Swim {
        payload: &'a [u8],
        entries: Vec<Entry>,
    },
}

/// One thing that a member knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Entry {
    Member(Member<Identity>),
    Facts(FactsPart),
    Accusation(Accusation),
}

/// Some of the octets of a member's facts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct FactsPart {
    pub(in super::super) name: MemberName,
    /// Grows with each change, over restarts too.
    pub(in super::super) version: u64,
    /// Which of the parts, below their number.
    pub(in super::super) part: u8,
    pub(in super::super) parts: u8,
    pub(in super::super) octets: Arc<[u8]>,
}

/// Somebody got no answer from a member in this incarnation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Accusation {
    pub(in super::super) suspect: MemberName,
    pub(in super::super) incarnation: (u64, foca::Incarnation),
    pub(in super::super) accuser: MemberName,
}

impl Accusation {
    pub(in super::super) fn new(
        suspect: &Identity,
        incarnation: foca::Incarnation,
        accuser: &Identity,
    ) -> Self {
        Self {
            suspect: suspect.name.clone(),
            incarnation: (suspect.incarnation, incarnation),
            accuser: accuser.name.clone(),
        }
    }
}

impl<'a> Message<'a> {
    pub(in super::super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Hello { from, facts } => {
                out.put_u8(HELLO);
                from.encode(out);
                facts.iter().for_each(|part| part.encode(out));
            }
            Self::Welcome {
                from,
                to,
                known,
                facts,
            } => {
                out.put_u8(WELCOME);
                from.encode(out);
                to.encode(out);
                out.put_u64(*known);
                facts.iter().for_each(|part| part.encode(out));
            }
            Self::Digest { from, to, digest } => {
                out.put_u8(DIGEST);
                from.encode(out);
                to.encode(out);
                out.put_u64(*digest);
            }
            Self::Entries {
                from,
                to,
                answer,
                entries,
            } => {
                out.put_u8(ENTRIES);
                from.encode(out);
                to.encode(out);
                out.put_u8((*answer).into());
                entries.iter().for_each(|entry| entry.encode(out));
            }
            Self::Swim { payload, entries } => {
                swim(out, payload);
                entries.iter().for_each(|entry| entry.encode(out));
            }
        }
    }

    pub(in super::super) fn decode(input: &'a [u8]) -> Result<Self, Malformed> {
        Self::decode_new(input, |_| true)
    }

    /// Of what travels along with a message of `foca`, decodes what is new by its octets.
    pub(in super::super) fn decode_new(
        mut input: &'a [u8],
        is_new: impl FnMut(&[u8]) -> bool,
    ) -> Result<Self, Malformed> {
        let message = match input.try_get_u8()? {
            HELLO => Self::Hello {
                from: Identity::decode(&mut input)?,
                facts: decode_if_any(&mut input)?,
            },
            WELCOME => Self::Welcome {
                from: Identity::decode(&mut input)?,
                to: Identity::decode(&mut input)?,
                known: input.try_get_u64()?,
                facts: decode_if_any(&mut input)?,
            },
            DIGEST => Self::Digest {
                from: Identity::decode(&mut input)?,
                to: Identity::decode(&mut input)?,
                digest: input.try_get_u64()?,
            },
            ENTRIES => Self::Entries {
                from: Identity::decode(&mut input)?,
                to: Identity::decode(&mut input)?,
                answer: get_bool(&mut input)?,
                entries: decode_entries(&mut input, |_| true)?,
            },
            SWIM => {
                let len = input.try_get_u16()?;
                Self::Swim {
                    payload: take(&mut input, len.into())?,
                    entries: decode_entries(&mut input, is_new)?,
                }
            }
            kind => return Err(Malformed::Kind(kind)),
        };
        if input.is_empty() {
            Ok(message)
        } else {
            Err(Malformed::Trailing)
        }
    }
}

/// The beginning of a [`Message::Swim`], behind which entries may be put.
pub(in super::super) fn swim(out: &mut Vec<u8>, payload: &[u8]) {
    debug_assert!(payload.len() <= usize::from(u16::MAX));
    out.put_u8(SWIM);
    out.put_u16(u16::try_from(payload.len()).unwrap_or(u16::MAX));
    out.put_slice(payload);
}

fn decode_if_any(input: &mut &[u8]) -> Result<Option<FactsPart>, Malformed> {
    if input.is_empty() {
        return Ok(None);
    }
    FactsPart::decode(input).map(Some)
}

fn decode_entries(
    input: &mut &[u8],
    mut wanted: impl FnMut(&[u8]) -> bool,
) -> Result<Vec<Entry>, Malformed> {
    let mut entries = Vec::new();
    while !input.is_empty() {
        let mut octets = take(input, entry_len(input)?)?;
        if wanted(octets) {
            entries.push(Entry::decode(&mut octets)?);
        }
    }
    Ok(entries)
}

/// How many octets the first entry has.
fn entry_len(octets: &[u8]) -> Result<usize, Malformed> {
    let mut rest = octets;
    match rest.try_get_u8()? {
        MEMBER => {
            get_short(&mut rest)?;
            SocketAddr::decode(&mut rest)?;
            take(&mut rest, 8 + 2 + 1)?;
        }
        FACTS => {
            get_short(&mut rest)?;
            take(&mut rest, 8 + 1 + 1)?;
            let len = rest.try_get_u16()?;
            take(&mut rest, len.into())?;
        }
        ACCUSATION => {
            get_short(&mut rest)?;
            take(&mut rest, 8 + 2)?;
            get_short(&mut rest)?;
        }
        kind => return Err(Malformed::Kind(kind)),
    }
    Ok(octets.len() - rest.len())
}

impl Wire for Entry {
    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Member(member) => {
                out.put_u8(MEMBER);
                member.encode(out);
            }
            Self::Facts(part) => {
                out.put_u8(FACTS);
                part.encode(out);
            }
            Self::Accusation(accusation) => {
                out.put_u8(ACCUSATION);
                accusation.encode(out);
            }
        }
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        match input.try_get_u8()? {
            MEMBER => Member::decode(input).map(Self::Member),
            FACTS => FactsPart::decode(input).map(Self::Facts),
            ACCUSATION => Accusation::decode(input).map(Self::Accusation),
            kind => Err(Malformed::Kind(kind)),
        }
    }
}

impl Wire for FactsPart {
    fn encode(&self, out: &mut Vec<u8>) {
        self.name.encode(out);
        out.put_u64(self.version);
        out.put_u8(self.part);
        out.put_u8(self.parts);
        debug_assert!(self.octets.len() <= usize::from(u16::MAX));
        out.put_u16(u16::try_from(self.octets.len()).unwrap_or(u16::MAX));
        out.put_slice(&self.octets);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        let name = MemberName::decode(input)?;
        let version = input.try_get_u64()?;
        let (part, parts) = (input.try_get_u8()?, input.try_get_u8()?);
        if part >= parts {
            return Err(Malformed::Value);
        }
        let len = input.try_get_u16()?;
        Ok(Self {
            name,
            version,
            part,
            parts,
            octets: take(input, len.into())?.into(),
        })
    }
}

impl Wire for Accusation {
    fn encode(&self, out: &mut Vec<u8>) {
        self.suspect.encode(out);
        out.put_u64(self.incarnation.0);
        out.put_u16(self.incarnation.1);
        self.accuser.encode(out);
    }

    fn decode(input: &mut &[u8]) -> Result<Self, Malformed> {
        Ok(Self {
            suspect: MemberName::decode(input)?,
            incarnation: (input.try_get_u64()?, input.try_get_u16()?),
            accuser: MemberName::decode(input)?,
        })
    }
}

const HELLO: u8 = 1;
const WELCOME: u8 = 2;
const DIGEST: u8 = 3;
const ENTRIES: u8 = 4;
const SWIM: u8 = 5;

const MEMBER: u8 = 1;
const FACTS: u8 = 2;
const ACCUSATION: u8 = 3;
