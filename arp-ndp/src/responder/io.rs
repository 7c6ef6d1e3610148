//! What goes into a [`Responder`](crate::Responder) and what comes out.

use std::collections::BTreeSet;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use bitflags::bitflags;

use crate::error::FrameError;
use crate::frame::Frame;
use crate::mac::MacAddr;

/// What a responder has to know of its interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// The interface's own address: the one that answers carry.
    pub mac: MacAddr,
    /// Whether frames can be sent and received at all.
    pub state: LinkState,
    /// The protocols to answer and announce with.
    pub protocols: Protocols,
}

impl Link {
    /// A link that is up and speaks both protocols.
    #[must_use]
    pub const fn new(mac: MacAddr) -> Self {
        Self {
            mac,
            state: LinkState::Up,
            protocols: Protocols::all(),
        }
    }

    /// The same link in another state.
    #[must_use]
    pub const fn with_state(self, state: LinkState) -> Self {
        Self { state, ..self }
    }

    /// The same link with other protocols.
    #[must_use]
    pub const fn with_protocols(self, protocols: Protocols) -> Self {
        Self { protocols, ..self }
    }

    pub(crate) fn speaks(&self, protocols: Protocols) -> bool {
        self.state == LinkState::Up && self.protocols.contains(protocols)
    }
}

/// Whether an interface can send and receive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a link is up or it is not")]
pub enum LinkState {
    /// It can.
    Up,
    /// It cannot: switched off, or no carrier.
    Down,
}

bitflags! {
    /// The protocols that a link speaks.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct Protocols: u8 {
        /// ARP, for IPv4 addresses: any link with a broadcast address.
        const ARP = 1 << 0;
        /// Neighbor Discovery, for IPv6 addresses: any link with an IPv6 link-local address of its own.
        const NDP = 1 << 1;
    }
}

impl Protocols {
    /// The protocol that resolves this address.
    pub(crate) const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::ARP,
            IpAddr::V6(_) => Self::NDP,
        }
    }
}

/// What a responder is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Input<'a> {
    /// A frame was received on the interface: from the Ethernet destination address on, without frame check sequence.
    Frame(&'a [u8]),
    /// These, and no others, are the addresses to answer for. The same set again changes nothing.
    SetAddresses(BTreeSet<IpAddr>),
    /// The interface is now like this. The same link again changes nothing.
    SetLink(Link),
}

/// What a responder wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Output {
    /// Send this frame on the interface.
    Transmit(Frame),
    /// Become a member of this multicast group on the interface.
    JoinGroup(Ipv6Addr),
    /// Stop being a member of this multicast group on the interface.
    LeaveGroup(Ipv6Addr),
    /// Something happened that is worth telling.
    Event(Event),
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A question for one of the addresses was answered.
    Answered {
        /// The address asked for.
        address: IpAddr,
        /// Who asked: the protocol address, unspecified in a probe or in Duplicate Address Detection.
        asker: IpAddr,
        /// Who asked: the hardware address.
        asker_mac: MacAddr,
    },
    /// An address was announced to the whole link.
    Announced {
        /// The address.
        address: IpAddr,
        /// Why.
        announcement: Announcement,
    },
    /// Another station says that it has one of our addresses: the old owner does not know yet, or there are two.
    Claimed {
        /// The address.
        address: IpAddr,
        /// The other station.
        by: MacAddr,
    },
    /// An address is not answered for, since no single host can have it: unspecified, multicast, limited broadcast or
    /// IPv4-mapped.
    Refused {
        /// The address.
        address: IpAddr,
    },
    /// A frame was not answered.
    Dropped(DropReason),
}

/// Why an address was announced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Announcement {
    /// The address, or the link, is new.
    Takeover {
        /// Which announcement of the burst, counted from 1.
        round: u32,
    },
    /// The periodic reminder.
    Refresh,
}

/// Why a frame was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The link is down, or does not speak this protocol.
    Inactive,
    /// Neither ARP nor IPv6.
    EtherType,
    /// Tagged for a VLAN: the interface of that VLAN has to answer.
    Vlan,
    /// The frame cannot be decoded, or the standard says to discard it.
    Malformed,
    /// The IPv6 hop limit is not 255, so a router forwarded it and the sender is not on this link (RFC 4861 §7.1).
    HopLimit,
    /// The ICMPv6 checksum is wrong.
    Checksum,
    /// ARP, but not a request.
    ArpReply,
    /// ICMPv6, but not a neighbor solicitation.
    MessageType,
    /// Sent to another station's hardware address.
    EthernetDestination,
    /// It carries our own hardware address as the sender's: it came back to us.
    OwnFrame,
    /// An announcement by another station (sender and target address are the same): nobody waits for an answer.
    Gratuitous,
    /// A multicast solicitation without the source link-layer address option that RFC 4861 §4.3 demands.
    NoSourceLinkLayer,
    /// It asks for an address that is not ours.
    AnnounceIp,
}

impl DropReason {
    /// The reason as one word, for labels and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::EtherType => "ether_type",
            Self::Vlan => "vlan",
            Self::Malformed => "malformed",
            Self::HopLimit => "hop_limit",
            Self::Checksum => "checksum",
            Self::ArpReply => "arp_reply",
            Self::MessageType => "message_type",
            Self::EthernetDestination => "ethernet_destination",
            Self::OwnFrame => "own_frame",
            Self::Gratuitous => "gratuitous",
            Self::NoSourceLinkLayer => "no_source_link_layer",
            Self::AnnounceIp => "announce_ip",
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<FrameError> for DropReason {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::HopLimit { .. } => Self::HopLimit,
            FrameError::Checksum { .. } => Self::Checksum,
            FrameError::MessageType { .. } | FrameError::NextHeader { .. } => Self::MessageType,
            _ => Self::Malformed,
        }
    }
}

/// What was counted for one address since it was added.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddressCounters {
    /// Requests and solicitations for the address that deserved an answer.
    pub requests_received: u64,
    /// Answers to them.
    pub responses_sent: u64,
    /// Frames that announced the address: two a round with ARP, one with Neighbor Discovery.
    pub gratuitous_sent: u64,
}
