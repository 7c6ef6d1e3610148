//! Many prefixes with one set of attributes, in as few messages as hold them.

use super::encode::{
    write_attribute, write_block, write_family, write_mp_next_hop, write_wire_prefix,
};
use super::owned::Update;
use crate::afi_safi::AfiSafi;
use crate::attribute::encode::AttributeBlock;
use crate::attribute::mp::{NextHop, next_hop_fits};
use crate::attribute::owned::PathAttributes;
use crate::context::SessionContext;
use crate::error::EncodeError;
use crate::iana::{AttrCode, MessageType};
use crate::nlri::{Family, PathId};
use crate::writer::Writer;
use bytes::BytesMut;
use core::iter::Peekable;

/// Packs prefixes that share attributes into UPDATEs, as many into each as the session allows, straight into the
/// caller's buffer.
///
/// A message holds announcements or withdrawals of one family, never both (RFC 7606 §5.1). What is written depends on
/// nothing but the context and the arguments: peers with equal contexts can share the octets.
///
/// ```
/// # use bgp_wire::{AsPath, Asn, Ipv4Unicast, Origin, PathAttributes, PeerKind, SessionContext, UpdatePacker};
/// # use std::net::Ipv4Addr;
/// let packer = UpdatePacker::new(SessionContext::new(PeerKind::Ebgp));
/// let attributes = PathAttributes::builder().origin(Origin::Igp).as_path(AsPath::sequence([Asn(64500)])).build()?;
/// let prefixes = (0..2000_u32).map(|n| ipnet::Ipv4Net::new_assert(Ipv4Addr::from(0xcb00_7100 + n), 32));
/// let mut out = bytes::BytesMut::new();
/// let messages = packer.announce::<Ipv4Unicast>(&attributes, Ipv4Addr::new(192, 0, 2, 1).into(), prefixes, &mut out)?;
/// assert_eq!(messages, 3);
/// # Ok::<(), bgp_wire::EncodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct UpdatePacker {
    cx: SessionContext,
    ipv4: Ipv4Encoding,
    path_id: PathId,
}

/// Where IPv4 unicast prefixes go.
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4271 and RFC 4760 know these two places"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ipv4Encoding {
    /// Into the sections of the message, as every speaker understands it. With a next hop of IPv6 (RFC 8950) they go
    /// into the attributes all the same: the sections have no place for one.
    #[default]
    Classic,
    /// Into MP_REACH_NLRI and MP_UNREACH_NLRI, as those of every other family.
    Multiprotocol,
}

impl UpdatePacker {
    /// A packer for a session, or for all that have this context.
    #[must_use]
    pub const fn new(cx: SessionContext) -> Self {
        Self {
            cx,
            ipv4: Ipv4Encoding::Classic,
            path_id: PathId(1),
        }
    }

    /// The same packer with IPv4 unicast prefixes in this place.
    #[must_use]
    pub const fn with_ipv4_encoding(self, ipv4: Ipv4Encoding) -> Self {
        Self { ipv4, ..self }
    }

    /// The same packer with this path identifier, for sessions that have them: it sends one path for a prefix, so one
    /// identifier does for all (RFC 7911 §3). It is 1 otherwise.
    #[must_use]
    pub const fn with_path_id(self, path_id: PathId) -> Self {
        Self { path_id, ..self }
    }

    /// Appends the messages that announce `prefixes` to `out` and returns how many there are.
    ///
    /// The attributes are sent as given, without the next hop that they may hold: that of the prefixes is `next_hop`.
    ///
    /// # Errors
    /// [`EncodeError::NextHopFamily`] where the next hop does not fit the family or the session,
    /// [`EncodeError::MessageTooLong`] where the attributes leave no room for a prefix. Whole messages that were written
    /// before stay.
    pub fn announce<F: Family>(
        &self,
        attributes: &PathAttributes,
        next_hop: NextHop,
        prefixes: impl IntoIterator<Item = F::Prefix>,
        out: &mut BytesMut,
    ) -> Result<usize, EncodeError> {
        let mut prefixes = prefixes.into_iter().peekable();
        let block = AttributeBlock::new(attributes, self.cx.asn_width)?;
        let mut messages = 0;
        while prefixes.peek().is_some() {
            self.announce_block::<F>(&block, next_hop, &mut prefixes, out)?;
            messages += 1;
        }
        Ok(messages)
    }

    /// Appends one message that announces as many of `prefixes` as it holds, and returns how many those are. The others
    /// are left: whoever must stop at a high-water mark calls again.
    ///
    /// # Errors
    /// As [`announce`](Self::announce). No prefix is taken then.
    pub fn announce_next<F: Family>(
        &self,
        attributes: &PathAttributes,
        next_hop: NextHop,
        prefixes: &mut Peekable<impl Iterator<Item = F::Prefix>>,
        out: &mut BytesMut,
    ) -> Result<usize, EncodeError> {
        if prefixes.peek().is_none() {
            return Ok(0);
        }
        let block = AttributeBlock::new(attributes, self.cx.asn_width)?;
        self.announce_block::<F>(&block, next_hop, prefixes, out)
    }

    /// Appends the messages that withdraw `prefixes` to `out` and returns how many there are.
    ///
    /// # Errors
    /// None in fact: every limit has room for a prefix.
    pub fn withdraw<F: Family>(
        &self,
        prefixes: impl IntoIterator<Item = F::Prefix>,
        out: &mut BytesMut,
    ) -> Result<usize, EncodeError> {
        let mut prefixes = prefixes.into_iter().peekable();
        let mut messages = 0;
        while self.withdraw_next::<F>(&mut prefixes, out)? > 0 {
            messages += 1;
        }
        Ok(messages)
    }

    /// Appends one message that withdraws as many of `prefixes` as it holds, and returns how many those are. The others
    /// are left.
    ///
    /// # Errors
    /// As [`withdraw`](Self::withdraw).
    pub fn withdraw_next<F: Family>(
        &self,
        prefixes: &mut Peekable<impl Iterator<Item = F::Prefix>>,
        out: &mut BytesMut,
    ) -> Result<usize, EncodeError> {
        if prefixes.peek().is_none() {
            return Ok(0);
        }
        let mut run = self.run::<F>(out);
        Writer::message(out, MessageType::UPDATE, self.cx.send.max_len, |w| {
            if self.is_classic::<F>() {
                w.length_u16(|w| run.write::<F>(w, prefixes, 2))?;
                w.u16(0);
                return Ok(());
            }
            w.u16(0);
            w.length_u16(|w| {
                write_attribute(w, AttrCode::MP_UNREACH_NLRI, |w| {
                    write_family(w, F::FAMILY);
                    run.write::<F>(w, prefixes, 0)
                })
            })
        })?;
        Ok(run.written)
    }

    /// Appends the End-of-RIB marker of a family to `out` (RFC 4724 §2).
    ///
    /// # Errors
    /// None in fact: the marker has no more than 29 octets.
    pub fn end_of_rib(&self, family: AfiSafi, out: &mut BytesMut) -> Result<(), EncodeError> {
        Update::end_of_rib(family).encode(&self.cx, out)
    }

    fn announce_block<F: Family>(
        &self,
        block: &AttributeBlock<'_>,
        next_hop: NextHop,
        prefixes: &mut Peekable<impl Iterator<Item = F::Prefix>>,
        out: &mut BytesMut,
    ) -> Result<usize, EncodeError> {
        if !next_hop_fits(F::FAMILY, next_hop, self.cx.send.extended_next_hop) {
            return Err(EncodeError::NextHopFamily);
        }
        let mut run = self.run::<F>(out);
        Writer::message(out, MessageType::UPDATE, self.cx.send.max_len, |w| {
            w.u16(0);
            if self.is_classic::<F>() && matches!(next_hop, NextHop::Ipv4(_)) {
                w.length_u16(|w| {
                    write_block(w, block, Some(next_hop));
                    Ok(())
                })?;
                return run.write::<F>(w, prefixes, 0);
            }
            // RFC 7606 §5.1: MP_REACH_NLRI comes first, and so must leave room for the rest.
            w.length_u16(|w| {
                write_attribute(w, AttrCode::MP_REACH_NLRI, |w| {
                    write_family(w, F::FAMILY);
                    write_mp_next_hop(w, next_hop);
                    run.write::<F>(w, prefixes, block.len())
                })?;
                write_block(w, block, None);
                Ok(())
            })
        })?;
        Ok(run.written)
    }

    fn is_classic<F: Family>(&self) -> bool {
        F::FAMILY == AfiSafi::IPV4_UNICAST && self.ipv4 == Ipv4Encoding::Classic
    }

    fn run<F: Family>(&self, out: &BytesMut) -> Run {
        let add_path = self.cx.send.add_path.contains(F::FAMILY);
        let max = usize::from(self.cx.send.max_len.octets());
        Run {
            end: out.len() + max,
            max,
            path_id: add_path.then_some(self.path_id),
            written: 0,
        }
    }
}

/// The prefixes of one message.
struct Run {
    /// Where the message must end, as a position of the buffer.
    end: usize,
    max: usize,
    path_id: Option<PathId>,
    written: usize,
}

impl Run {
    /// Writes prefixes while there is room for them and for the `reserved` octets behind them.
    fn write<F: Family>(
        &mut self,
        w: &mut Writer<'_>,
        prefixes: &mut Peekable<impl Iterator<Item = F::Prefix>>,
        reserved: usize,
    ) -> Result<(), EncodeError> {
        let end = self.end.saturating_sub(reserved);
        let id = if self.path_id.is_some() { 4 } else { 0 };
        while let Some(prefix) = prefixes.peek() {
            let (octets, len) = F::to_wire(*prefix);
            if w.position() + id + len > end {
                break;
            }
            write_wire_prefix(w, self.path_id, octets.as_ref(), len);
            self.written += 1;
            prefixes.next();
        }
        if self.written == 0 {
            // One address and its length would have to fit: say how much too much that is.
            let needed = w.position() + reserved + id + 1 + usize::from(F::BITS / 8);
            return Err(EncodeError::MessageTooLong {
                len: self.max + needed.saturating_sub(self.end),
                max: self.max,
            });
        }
        Ok(())
    }
}
