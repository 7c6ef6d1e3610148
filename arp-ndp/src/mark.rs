//! Marks: opaque octets that say more of who announces an address than ARP and Neighbor Discovery do.
//!
//! Both carry them where receivers that do not know them do not look:
//!
//! * ARP behind the packet, in the padding that fills an Ethernet frame to its least length of 60 octets. So a marked frame
//!   is as long as any other is on the wire.
//! * Neighbor Discovery in an option of a type for experiments (RFC 4727 §5), which is stepped over by whoever does not know
//!   it (RFC 4861 §4.6).

use crate::arp::Arp;
use crate::frame::Frame;

/// What an announcement carries beside the address: 16 octets that mean something to the sender and to those receivers
/// that it wants to tell something. To this crate they mean nothing.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |    0x46       |    0x65       |  Mark (16 octets) ...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_structs, reason = "opaque: any 16 octets")]
pub struct Mark(pub [u8; Self::LEN]);

impl Mark {
    /// The length of a mark, in octets.
    pub const LEN: usize = 16;

    /// The mark behind an ARP packet in the payload of an Ethernet frame; `None` where there is none, such as with any
    /// other padding.
    #[must_use]
    pub fn behind_arp(payload: &[u8]) -> Option<Self> {
        Self::read(payload.get(Arp::LEN..)?).map(|(mark, _)| mark)
    }

    /// Appends the mark to a frame that ends with an ARP packet.
    pub fn encode_behind_arp(&self, out: &mut Frame) {
        out.extend(&MAGIC);
        out.extend(&self.0);
    }

    /// A mark at the beginning of these octets, and what follows it.
    pub(crate) fn read(octets: &[u8]) -> Option<(Self, &[u8])> {
        let (mark, rest) = octets.strip_prefix(&MAGIC)?.split_first_chunk()?;
        Some((Self(*mark), rest))
    }
}

/// Tells a mark from padding with something else in it, and from the options of other experiments.
pub(crate) const MAGIC: [u8; 2] = *b"Fe";
