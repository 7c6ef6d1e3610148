//! Ethernet II header with at most one IEEE 802.1Q tag.
//!
//! Not done: IEEE 802.3 length fields and service tags (0x88a8); both decode as an [`EtherType`] that nothing here reads.

use crate::error::FrameError;
use crate::frame::Frame;
use crate::mac::MacAddr;

/// What an Ethernet frame carries: one of the numbers that IEEE hands out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "an open code point: any 16 bits")]
pub struct EtherType(pub u16);

impl EtherType {
    /// IPv4.
    pub const IPV4: Self = Self(0x0800);
    /// ARP.
    pub const ARP: Self = Self(0x0806);
    /// IEEE 802.1Q: a [`VlanTag`] follows, then the EtherType of what is carried.
    pub const VLAN: Self = Self(0x8100);
    /// IPv6.
    pub const IPV6: Self = Self(0x86dd);
}

/// The tag control information of IEEE 802.1Q: priority (3 bits), drop eligible (1 bit), VLAN identifier (12 bits).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_structs,
    reason = "IEEE 802.1Q closes the type: any 16 bits"
)]
pub struct VlanTag(pub u16);

impl VlanTag {
    /// The VLAN identifier. 0 is no VLAN: such a tag only carries a priority.
    #[must_use]
    pub const fn id(self) -> u16 {
        self.0 & 0x0fff
    }
}

/// The header of an Ethernet II frame.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Destination (6 octets)                     |
/// +                               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                               |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+       Source (6 octets)       +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  [ 0x8100 ]                   |  [ PCP  DEI  VLAN id ]        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          EtherType            |  payload ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "IEEE 802.3 and 802.1Q close the type"
)]
pub struct EthernetHeader {
    /// The station or group that the frame is for.
    pub destination: MacAddr,
    /// The station that sent it.
    pub source: MacAddr,
    /// The tag, where there is one. A second tag is left in the payload.
    pub vlan: Option<VlanTag>,
    /// What the payload is.
    pub ether_type: EtherType,
}

impl EthernetHeader {
    /// Reads the header and returns it with the payload, which may end in padding.
    ///
    /// # Errors
    /// [`FrameError::Truncated`] when the frame ends within the header.
    pub fn decode(frame: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let truncated = |needed| FrameError::Truncated {
            needed,
            available: frame.len(),
        };
        let (destination, rest) = frame
            .split_first_chunk()
            .ok_or_else(|| truncated(UNTAGGED_LEN))?;
        let (source, rest) = rest
            .split_first_chunk()
            .ok_or_else(|| truncated(UNTAGGED_LEN))?;
        let (outer, rest) = rest
            .split_first_chunk()
            .ok_or_else(|| truncated(UNTAGGED_LEN))?;
        let outer = EtherType(u16::from_be_bytes(*outer));
        let (vlan, ether_type, payload) = if outer == EtherType::VLAN {
            let (tag, rest) = rest
                .split_first_chunk()
                .ok_or_else(|| truncated(TAGGED_LEN))?;
            let (inner, rest) = rest
                .split_first_chunk()
                .ok_or_else(|| truncated(TAGGED_LEN))?;
            (
                Some(VlanTag(u16::from_be_bytes(*tag))),
                EtherType(u16::from_be_bytes(*inner)),
                rest,
            )
        } else {
            (None, outer, rest)
        };
        Ok((
            Self {
                destination: MacAddr(*destination),
                source: MacAddr(*source),
                vlan,
                ether_type,
            },
            payload,
        ))
    }

    /// Appends the header's octets.
    pub fn encode(&self, out: &mut Frame) {
        out.extend(&self.destination.octets());
        out.extend(&self.source.octets());
        if let Some(tag) = self.vlan {
            out.extend(&EtherType::VLAN.0.to_be_bytes());
            out.extend(&tag.0.to_be_bytes());
        }
        out.extend(&self.ether_type.0.to_be_bytes());
    }
}

const UNTAGGED_LEN: usize = 14;
const TAGGED_LEN: usize = 18;
