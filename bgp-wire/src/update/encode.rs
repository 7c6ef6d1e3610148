//! The owned UPDATE to octets: order of the sections, lengths.

use super::owned::{MpNextHop, MpNlri, MpReach, Update};
use crate::afi_safi::AfiSafi;
use crate::attribute::AttrFlags;
use crate::attribute::encode::{self, AttributeBlock};
use crate::attribute::mp::{NextHop, next_hop_fits};
use crate::context::SessionContext;
use crate::error::EncodeError;
use crate::iana::{AttrCode, MessageType};
use crate::nlri::{Family, Ipv4Unicast, Ipv6Unicast, Nlri, PathId};
use crate::writer::Writer;
use bytes::BytesMut;

impl Update {
    /// Appends the message to `out`.
    ///
    /// # Errors
    /// [`EncodeError::MessageTooLong`] where one message does not hold it, [`EncodeError::MissingNextHop`] and
    /// [`EncodeError::NextHopFamily`] where the next hop does not fit the prefixes,
    /// [`EncodeError::PathIdentifier`] where a prefix has one and the session has none, or the other way round.
    pub fn encode(&self, cx: &SessionContext, out: &mut BytesMut) -> Result<(), EncodeError> {
        let block = AttributeBlock::new(&self.attributes, cx.asn_width)?;
        // RFC 4760 §3: NEXT_HOP is about the prefixes of the last section only.
        let next_hop = match self.attributes.next_hop() {
            _ if self.announced.is_empty() => None,
            Some(NextHop::Ipv4(address)) => Some(NextHop::Ipv4(address)),
            Some(NextHop::Ipv6 { .. }) => return Err(EncodeError::NextHopFamily),
            None => return Err(EncodeError::MissingNextHop),
        };
        Writer::message(out, MessageType::UPDATE, cx.send.max_len, |w| {
            w.length_u16(|w| write_all::<Ipv4Unicast>(w, cx, &self.withdrawn))?;
            w.length_u16(|w| {
                if let Some(reach) = &self.mp_reach {
                    write_mp_reach(w, cx, reach)?;
                }
                if let Some(unreach) = &self.mp_unreach {
                    write_attribute(w, AttrCode::MP_UNREACH_NLRI, |w| {
                        write_family(w, unreach.nlri.family());
                        write_nlri(w, cx, &unreach.nlri)
                    })?;
                }
                write_block(w, &block, next_hop);
                Ok(())
            })?;
            write_all::<Ipv4Unicast>(w, cx, &self.announced)
        })
    }
}

/// Writes the attributes, with NEXT_HOP in its place.
pub(super) fn write_block(
    w: &mut Writer<'_>,
    block: &AttributeBlock<'_>,
    next_hop: Option<NextHop>,
) {
    let (before, behind) = block.halves();
    w.slice(before);
    if let Some(NextHop::Ipv4(address)) = next_hop {
        w.slice(&[AttrFlags::TRANSITIVE.bits(), AttrCode::NEXT_HOP.0, 4]);
        w.slice(&address.octets());
    }
    w.slice(behind);
}

/// Writes one attribute that may grow beyond 255 octets, so always with a length of two.
pub(super) fn write_attribute(
    w: &mut Writer<'_>,
    code: AttrCode,
    value: impl FnOnce(&mut Writer<'_>) -> Result<(), EncodeError>,
) -> Result<(), EncodeError> {
    w.u8(encode::flags(code).union(AttrFlags::EXTENDED_LENGTH).bits());
    w.u8(code.0);
    w.length_u16(value)
}

pub(super) fn write_family(w: &mut Writer<'_>, family: AfiSafi) {
    w.u16(family.afi.0);
    w.u8(family.safi.0);
}

/// Writes the length of the next hop, the next hop, and the reserved octet behind it.
pub(super) fn write_mp_next_hop(w: &mut Writer<'_>, next_hop: NextHop) {
    match next_hop {
        NextHop::Ipv4(address) => {
            w.u8(4);
            w.slice(&address.octets());
        }
        NextHop::Ipv6 { global, link_local } => {
            w.u8(if link_local.is_some() { 32 } else { 16 });
            w.slice(&global.octets());
            if let Some(link_local) = link_local {
                w.slice(&link_local.octets());
            }
        }
    }
    w.u8(0);
}

/// Writes one prefix, given as its family has it on the wire.
#[inline]
pub(super) fn write_wire_prefix(
    w: &mut Writer<'_>,
    path_id: Option<PathId>,
    octets: &[u8],
    len: usize,
) {
    if let Some(PathId(path_id)) = path_id {
        w.u32(path_id);
    }
    w.prefix(octets, len);
}

fn write_mp_reach(
    w: &mut Writer<'_>,
    cx: &SessionContext,
    reach: &MpReach,
) -> Result<(), EncodeError> {
    let family = reach.nlri.family();
    write_attribute(w, AttrCode::MP_REACH_NLRI, |w| {
        write_family(w, family);
        match &reach.next_hop {
            MpNextHop::Typed(next_hop)
                if next_hop_fits(family, *next_hop, cx.send.extended_next_hop) =>
            {
                write_mp_next_hop(w, *next_hop);
            }
            MpNextHop::Opaque(octets) if matches!(reach.nlri, MpNlri::Opaque { .. }) => {
                w.length_u8(|w| {
                    w.slice(octets);
                    Ok(())
                })?;
                w.u8(0);
            }
            _ => return Err(EncodeError::NextHopFamily),
        }
        write_nlri(w, cx, &reach.nlri)
    })
}

fn write_nlri(w: &mut Writer<'_>, cx: &SessionContext, nlri: &MpNlri) -> Result<(), EncodeError> {
    match nlri {
        MpNlri::Ipv4Unicast(nlri) => write_all::<Ipv4Unicast>(w, cx, nlri),
        MpNlri::Ipv6Unicast(nlri) => write_all::<Ipv6Unicast>(w, cx, nlri),
        MpNlri::Opaque { octets, .. } => {
            w.slice(octets);
            Ok(())
        }
    }
}

fn write_all<F: Family>(
    w: &mut Writer<'_>,
    cx: &SessionContext,
    nlri: &[Nlri<F::Prefix>],
) -> Result<(), EncodeError> {
    let add_path = cx.send.add_path.contains(F::FAMILY);
    for nlri in nlri {
        if nlri.path_id.is_some() != add_path {
            return Err(EncodeError::PathIdentifier);
        }
        let (octets, len) = F::to_wire(nlri.prefix);
        write_wire_prefix(w, nlri.path_id, octets.as_ref(), len);
    }
    Ok(())
}
