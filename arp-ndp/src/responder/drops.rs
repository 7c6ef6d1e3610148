//! Why a frame was not answered: every reason has a name.

use std::fmt;

use crate::error::FrameError;

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
    /// It carries a hardware address of this machine as the sender's: it came back to us, or from another of our
    /// interfaces.
    OwnFrame,
    /// An announcement by another station (sender and target address are the same): nobody waits for an answer.
    Gratuitous,
    /// A multicast solicitation without the source link-layer address option that RFC 4861 §4.3 demands.
    NoSourceLinkLayer,
    /// It asks for an address that is not ours.
    AnnounceIp,
    /// It asks for an address that is not used yet: it is being looked for on the link.
    Probing,
    /// It asks for an address that was left to another station.
    Yielded,
    /// It asks for an address that was handed over.
    HandedOver,
    /// The one who asks has asked too often within a second.
    AskerRate,
    /// Everybody together has asked too often within a second.
    AnswerRate,
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
            Self::Probing => "probing",
            Self::Yielded => "yielded",
            Self::HandedOver => "handed_over",
            Self::AskerRate => "asker_rate",
            Self::AnswerRate => "answer_rate",
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
