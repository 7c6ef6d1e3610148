//! Extended next hop encoding (RFC 8950 §4).

use crate::afi_safi::{Afi, AfiSafi, Safi};
use crate::cursor::Cursor;
use crate::writer::Writer;

/// One entry: routes of this family may have a next hop of that address family.
///
/// ```text
/// +-----------------------------------------------------+
/// | NLRI AFI - 1 (2 octets)                             |
/// +-----------------------------------------------------+
/// | NLRI SAFI - 1 (2 octets)                            |
/// +-----------------------------------------------------+
/// | Nexthop AFI - 1 (2 octets)                          |
/// +-----------------------------------------------------+
/// ```
#[expect(clippy::exhaustive_structs, reason = "RFC 8950 closes the type")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExtendedNextHop {
    /// AFI of the routes.
    pub afi: Afi,
    /// SAFI of the routes: two octets here, unlike anywhere else.
    pub safi: u16,
    /// AFI of the next hop.
    pub next_hop_afi: Afi,
}

impl ExtendedNextHop {
    /// IPv4 unicast routes with a next hop of IPv6.
    pub const IPV4_UNICAST: Self = Self {
        afi: Afi::IPV4,
        safi: 1,
        next_hop_afi: Afi::IPV6,
    };

    /// The family whose routes may have a next hop of IPv6; `None` where the entry says something else.
    #[must_use]
    pub fn family(self) -> Option<AfiSafi> {
        let safi = u8::try_from(self.safi).ok()?;
        (self.next_hop_afi == Afi::IPV6).then_some(AfiSafi::new(self.afi, Safi(safi)))
    }

    pub(super) fn decode(cursor: &mut Cursor<'_>) -> Option<Self> {
        Some(Self {
            afi: Afi(cursor.u16()?),
            safi: cursor.u16()?,
            next_hop_afi: Afi(cursor.u16()?),
        })
    }

    pub(super) fn encode(self, w: &mut Writer<'_>) {
        w.u16(self.afi.0);
        w.u16(self.safi);
        w.u16(self.next_hop_afi.0);
    }
}
