//! The Address Resolution Protocol for IPv4 over Ethernet (RFC 826), probes and announcements (RFC 5227).
//!
//! Not done: other link layers and protocols, RARP, InARP.

use std::net::Ipv4Addr;

use pnet_packet::arp::{ArpHardwareTypes, ArpPacket, MutableArpPacket};
use pnet_packet::ethernet::EtherTypes;

use crate::error::FrameError;
use crate::frame::Frame;
use crate::mac::MacAddr;

/// What an ARP packet is for (`ar$op`): one of the numbers that IANA hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an open code point: any 16 bits")]
pub struct ArpOperation(pub u16);

impl ArpOperation {
    /// Who has the target protocol address?
    pub const REQUEST: Self = Self(1);
    /// The sender has the sender protocol address.
    pub const REPLY: Self = Self(2);
}

/// An ARP packet for IPv4 over Ethernet.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Hardware type = 1         |    Protocol type = 0x0800     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Hw length = 6 | Proto len = 4 |           Operation           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              Sender hardware address (6 octets)               |
/// +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                               |  Sender protocol address      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  ... (4 octets)               |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+  Target hardware address      +
/// |                          (6 octets)                           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |              Target protocol address (4 octets)               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 826 closes the type for Ethernet and IPv4"
)]
pub struct Arp {
    /// Request, reply or something else.
    pub operation: ArpOperation,
    /// Who sends it.
    pub sender_hardware_address: MacAddr,
    /// The address that the sender says it has: unspecified in a probe (RFC 5227 §2.1.1).
    pub sender_protocol_address: Ipv4Addr,
    /// Whom it is for, zero in a request.
    pub target_hardware_address: MacAddr,
    /// The address asked for, or that of the one who asked.
    pub target_protocol_address: Ipv4Addr,
}

impl Arp {
    /// The length of an ARP packet for IPv4 over Ethernet, in octets.
    pub const LEN: usize = 28;

    /// Reads the payload of an Ethernet frame. Octets behind the packet are padding.
    ///
    /// # Errors
    /// [`FrameError::Truncated`], or what RFC 826 "Packet Reception" asks about and the packet answers with no:
    /// [`FrameError::HardwareType`], [`FrameError::ProtocolType`], [`FrameError::AddressLength`].
    pub fn decode(payload: &[u8]) -> Result<Self, FrameError> {
        let truncated = FrameError::Truncated {
            needed: Self::LEN,
            available: payload.len(),
        };
        let packet = ArpPacket::new(payload).ok_or(truncated)?;
        if packet.get_hardware_type() != ArpHardwareTypes::Ethernet {
            return Err(FrameError::HardwareType {
                found: packet.get_hardware_type().0,
            });
        }
        if packet.get_protocol_type() != EtherTypes::Ipv4 {
            return Err(FrameError::ProtocolType {
                found: packet.get_protocol_type().0,
            });
        }
        let (hardware, protocol) = (packet.get_hw_addr_len(), packet.get_proto_addr_len());
        if (hardware, protocol) != (HARDWARE_LEN, PROTOCOL_LEN) {
            return Err(FrameError::AddressLength { hardware, protocol });
        }
        Ok(Self {
            operation: ArpOperation(packet.get_operation().0),
            sender_hardware_address: packet.get_sender_hw_addr().octets().into(),
            sender_protocol_address: packet.get_sender_proto_addr(),
            target_hardware_address: packet.get_target_hw_addr().octets().into(),
            target_protocol_address: packet.get_target_proto_addr(),
        })
    }

    /// Appends the packet's octets.
    pub fn encode(&self, out: &mut Frame) {
        let mut octets = [0; Self::LEN];
        if let Some(mut packet) = MutableArpPacket::new(&mut octets) {
            packet.set_hardware_type(ArpHardwareTypes::Ethernet);
            packet.set_protocol_type(EtherTypes::Ipv4);
            packet.set_hw_addr_len(HARDWARE_LEN);
            packet.set_proto_addr_len(PROTOCOL_LEN);
            packet.set_operation(pnet_packet::arp::ArpOperation(self.operation.0));
            packet.set_sender_hw_addr(self.sender_hardware_address.octets().into());
            packet.set_sender_proto_addr(self.sender_protocol_address);
            packet.set_target_hw_addr(self.target_hardware_address.octets().into());
            packet.set_target_proto_addr(self.target_protocol_address);
        }
        out.extend(&octets);
    }
}

const HARDWARE_LEN: u8 = 6;
const PROTOCOL_LEN: u8 = 4;
