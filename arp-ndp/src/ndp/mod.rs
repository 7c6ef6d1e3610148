//! Neighbor solicitation and advertisement over Ethernet, with the validity rules of RFC 4861 §7.1.
//!
//! Not done: router discovery, redirects, Secure Neighbor Discovery (RFC 3971), nonces (RFC 7527); messages behind
//! extension headers, fragments among them, are refused (RFC 6980 §5).

pub(crate) mod option;

use std::net::Ipv6Addr;

use bitflags::bitflags;
use pnet_packet::icmpv6::ndp::{MutableNeighborAdvertPacket, MutableNeighborSolicitPacket};
use pnet_packet::icmpv6::ndp::{NeighborAdvertPacket, NeighborSolicitPacket};
use pnet_packet::icmpv6::{self, Icmpv6Packet, Icmpv6Type, Icmpv6Types};
use pnet_packet::ip::IpNextHeaderProtocols;
use pnet_packet::ipv6::{Ipv6Packet, MutableIpv6Packet};

use crate::error::FrameError;
use crate::frame::Frame;
use crate::groups::is_solicited_node_group;
use crate::mac::MacAddr;
use crate::mark::Mark;
use option::OptionType;

/// Who has this target? (RFC 4861 §4.3)
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type = 135   |   Code = 0    |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                           Reserved                            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Target address (16 octets) ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Options: source link-layer address ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 4861 §4.3 closes the type; other options are not kept"
)]
pub struct NeighborSolicitation {
    /// Who asks: unspecified in Duplicate Address Detection (RFC 4862 §5.4.2).
    pub source: Ipv6Addr,
    /// The target's solicited-node group, or the target itself.
    pub destination: Ipv6Addr,
    /// The address asked for.
    pub target: Ipv6Addr,
    /// Where the answer can be sent.
    pub source_link_layer: Option<MacAddr>,
}

impl NeighborSolicitation {
    /// The ICMPv6 type.
    pub const TYPE: u8 = 135;

    /// Reads an IPv6 packet. Octets behind its payload are padding.
    ///
    /// # Errors
    /// What RFC 4861 §7.1.1 says to discard, and anything that is not a neighbor solicitation.
    pub fn decode(packet: &[u8]) -> Result<Self, FrameError> {
        let (source, destination, message) = icmpv6_message(packet, Icmpv6Types::NeighborSolicit)?;
        let (fixed, options) = split_message(message)?;
        let fixed = NeighborSolicitPacket::new(fixed).ok_or_else(|| too_short(message))?;
        let target = unicast_target(fixed.get_target_addr())?;
        let source_link_layer =
            option::link_layer_address(options, OptionType::SOURCE_LINK_LAYER_ADDRESS)?;
        if source.is_unspecified() {
            if !is_solicited_node_group(destination) {
                return Err(FrameError::ProbeDestination { destination });
            }
            if source_link_layer.is_some() {
                return Err(FrameError::ProbeLinkLayer);
            }
        }
        Ok(Self {
            source,
            destination,
            target,
            source_link_layer,
        })
    }

    /// Appends the octets of the IPv6 packet.
    pub fn encode(&self, out: &mut Frame) {
        let mut fixed = [0; MESSAGE_LEN];
        if let Some(mut message) = MutableNeighborSolicitPacket::new(&mut fixed) {
            message.set_icmpv6_type(Icmpv6Types::NeighborSolicit);
            message.set_target_addr(self.target);
        }
        let mut options = Frame::new();
        if let Some(mac) = self.source_link_layer {
            let kind = OptionType::SOURCE_LINK_LAYER_ADDRESS;
            options.extend(&option::encode_link_layer_address(kind, mac));
        }
        encode_message(self.source, self.destination, fixed, options.as_ref(), out);
    }
}

/// The sender has this target. (RFC 4861 §4.4)
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type = 136   |   Code = 0    |          Checksum             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |R|S|O|                     Reserved                            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Target address (16 octets) ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Options: target link-layer address, mark ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 4861 §4.4 closes the type; other options are not kept"
)]
pub struct NeighborAdvertisement {
    /// Who says so.
    pub source: Ipv6Addr,
    /// Who asked, or all nodes.
    pub destination: Ipv6Addr,
    /// The address that the sender has.
    pub target: Ipv6Addr,
    /// Router, solicited, override.
    pub flags: AdvertisementFlags,
    /// The hardware address of the target.
    pub target_link_layer: Option<MacAddr>,
    /// What the sender adds for those who know its meaning.
    pub mark: Option<Mark>,
}

bitflags! {
    /// The flags of a neighbor advertisement (RFC 4861 §4.4). Reserved bits are not kept.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct AdvertisementFlags: u8 {
        /// R: the sender is a router.
        const ROUTER = 0x80;
        /// S: sent in answer to a solicitation from the destination.
        const SOLICITED = 0x40;
        /// O: replaces the hardware address that the receiver has for the target.
        const OVERRIDE = 0x20;
    }
}

impl NeighborAdvertisement {
    /// The ICMPv6 type.
    pub const TYPE: u8 = 136;

    /// Reads an IPv6 packet. Octets behind its payload are padding.
    ///
    /// # Errors
    /// What RFC 4861 §7.1.2 says to discard, and anything that is not a neighbor advertisement.
    pub fn decode(packet: &[u8]) -> Result<Self, FrameError> {
        let (source, destination, message) = icmpv6_message(packet, Icmpv6Types::NeighborAdvert)?;
        let (fixed, options) = split_message(message)?;
        let fixed = NeighborAdvertPacket::new(fixed).ok_or_else(|| too_short(message))?;
        let target = unicast_target(fixed.get_target_addr())?;
        let flags = AdvertisementFlags::from_bits_truncate(fixed.get_flags());
        if destination.is_multicast() && flags.contains(AdvertisementFlags::SOLICITED) {
            return Err(FrameError::SolicitedMulticast { destination });
        }
        let target_link_layer =
            option::link_layer_address(options, OptionType::TARGET_LINK_LAYER_ADDRESS)?;
        Ok(Self {
            source,
            destination,
            target,
            flags,
            target_link_layer,
            mark: option::mark(options)?,
        })
    }

    /// Appends the octets of the IPv6 packet.
    pub fn encode(&self, out: &mut Frame) {
        let mut fixed = [0; MESSAGE_LEN];
        if let Some(mut message) = MutableNeighborAdvertPacket::new(&mut fixed) {
            message.set_icmpv6_type(Icmpv6Types::NeighborAdvert);
            message.set_flags(self.flags.bits());
            message.set_target_addr(self.target);
        }
        let mut options = Frame::new();
        if let Some(mac) = self.target_link_layer {
            let kind = OptionType::TARGET_LINK_LAYER_ADDRESS;
            options.extend(&option::encode_link_layer_address(kind, mac));
        }
        if let Some(mark) = self.mark {
            options.extend(&option::encode_mark(mark));
        }
        encode_message(self.source, self.destination, fixed, options.as_ref(), out);
    }
}

/// Checks what §7.1.1 and §7.1.2 have in common and returns source, destination and the ICMPv6 message.
fn icmpv6_message(
    packet: &[u8],
    expected: Icmpv6Type,
) -> Result<(Ipv6Addr, Ipv6Addr, &[u8]), FrameError> {
    let truncated = |needed| FrameError::Truncated {
        needed,
        available: packet.len(),
    };
    let header = Ipv6Packet::new(packet).ok_or_else(|| truncated(IPV6_LEN))?;
    if header.get_version() != 6 {
        return Err(FrameError::IpVersion {
            found: header.get_version(),
        });
    }
    if header.get_next_header() != IpNextHeaderProtocols::Icmpv6 {
        return Err(FrameError::NextHeader {
            found: header.get_next_header().0,
        });
    }
    let end = IPV6_LEN.saturating_add(header.get_payload_length().into());
    let message = packet.get(IPV6_LEN..end).ok_or_else(|| truncated(end))?;
    let icmpv6 = Icmpv6Packet::new(message).ok_or_else(|| too_short(message))?;
    if icmpv6.get_icmpv6_type() != expected {
        return Err(FrameError::MessageType {
            found: icmpv6.get_icmpv6_type().0,
            expected: expected.0,
        });
    }
    if header.get_hop_limit() != HOP_LIMIT {
        return Err(FrameError::HopLimit {
            found: header.get_hop_limit(),
        });
    }
    let (source, destination) = (header.get_source(), header.get_destination());
    if source.is_multicast() {
        return Err(FrameError::MulticastSource {
            source_address: source,
        });
    }
    let checksum = icmpv6::checksum(&icmpv6, &source, &destination);
    if icmpv6.get_checksum() != checksum {
        return Err(FrameError::Checksum {
            found: icmpv6.get_checksum(),
            expected: checksum,
        });
    }
    if icmpv6.get_icmpv6_code().0 != 0 {
        return Err(FrameError::Code {
            found: icmpv6.get_icmpv6_code().0,
        });
    }
    Ok((source, destination, message))
}

fn split_message(message: &[u8]) -> Result<(&[u8], &[u8]), FrameError> {
    message
        .split_at_checked(MESSAGE_LEN)
        .ok_or_else(|| too_short(message))
}

const fn too_short(message: &[u8]) -> FrameError {
    FrameError::Truncated {
        needed: MESSAGE_LEN,
        available: message.len(),
    }
}

const fn unicast_target(target: Ipv6Addr) -> Result<Ipv6Addr, FrameError> {
    if target.is_multicast() {
        Err(FrameError::MulticastTarget { target })
    } else {
        Ok(target)
    }
}

/// Appends the IPv6 header, the fixed part of a message with its checksum filled in, and options.
fn encode_message(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    fixed: [u8; MESSAGE_LEN],
    options: &[u8],
    out: &mut Frame,
) {
    let mut message = Frame::new();
    message.extend(&fixed);
    message.extend(options);

    let mut header = [0; IPV6_LEN];
    if let Some(mut header) = MutableIpv6Packet::new(&mut header) {
        header.set_version(6);
        // A message is 24 to 56 octets.
        header.set_payload_length(u16::try_from(message.as_ref().len()).unwrap_or(u16::MAX));
        header.set_next_header(IpNextHeaderProtocols::Icmpv6);
        header.set_hop_limit(HOP_LIMIT);
        header.set_source(source);
        header.set_destination(destination);
    }
    let checksum = Icmpv6Packet::new(message.as_ref())
        .map(|message| icmpv6::checksum(&message, &source, &destination))
        .unwrap_or_default();
    let [kind, code, _, _, rest @ ..] = fixed;
    out.extend(&header);
    out.extend(&[kind, code]);
    out.extend(&checksum.to_be_bytes());
    out.extend(&rest);
    out.extend(options);
}

const IPV6_LEN: usize = 40;
/// The fixed part of both messages.
const MESSAGE_LEN: usize = 24;
/// Proof that no router was on the way (RFC 4861 §3.1).
const HOP_LIMIT: u8 = 255;
