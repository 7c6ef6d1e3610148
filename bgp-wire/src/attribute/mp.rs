//! MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 4760, RFC 2545, RFC 8950).

use crate::afi_safi::{Afi, AfiSafi, FamilySet, Safi};
use crate::context::OneWay;
use crate::cursor::Cursor;
use crate::nlri::{NlriField, PathIds};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Where to send packets for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum NextHop {
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address, with a link-local one where both speakers share a link with it (RFC 2545 §3).
    Ipv6 {
        /// The global address.
        global: Ipv6Addr,
        /// The link-local address.
        link_local: Option<Ipv6Addr>,
    },
}

impl NextHop {
    /// Whether every address could be that of a host: not unspecified, not multicast, not reserved
    /// (RFC 4271 §6.3).
    #[must_use]
    pub fn is_host(self) -> bool {
        match self {
            // 240.0.0.0/4 is reserved, and 255.255.255.255 with it.
            Self::Ipv4(address) => !address.is_unspecified() && address.octets() < [224, 0, 0, 0],
            Self::Ipv6 { global, .. } => !global.is_unspecified() && !global.is_multicast(),
        }
    }

    /// Reads the next hop field of MP_REACH_NLRI: 4, 16 or 32 octets.
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(octets, 0);
        match octets.len() {
            4 => Some(Self::Ipv4(Ipv4Addr::from(cursor.array::<4>()?))),
            16 => Some(Self::Ipv6 {
                global: Ipv6Addr::from(cursor.array::<16>()?),
                link_local: None,
            }),
            32 => {
                let global = Ipv6Addr::from(cursor.array::<16>()?);
                Some(Self::Ipv6 {
                    global,
                    link_local: Some(Ipv6Addr::from(cursor.array::<16>()?)),
                })
            }
            _ => None,
        }
    }
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ipv4(address) => fmt::Display::fmt(address, f),
            Self::Ipv6 {
                global,
                link_local: None,
            } => fmt::Display::fmt(global, f),
            Self::Ipv6 {
                global,
                link_local: Some(link_local),
            } => write!(f, "{global} ({link_local})"),
        }
    }
}

impl From<Ipv4Addr> for NextHop {
    fn from(address: Ipv4Addr) -> Self {
        Self::Ipv4(address)
    }
}

impl From<Ipv6Addr> for NextHop {
    fn from(global: Ipv6Addr) -> Self {
        Self::Ipv6 {
            global,
            link_local: None,
        }
    }
}

impl From<IpAddr> for NextHop {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => address.into(),
            IpAddr::V6(address) => address.into(),
        }
    }
}

/// Whether `next_hop` may be that of routes of `family` in one direction of a session.
///
/// IPv4 routes have one of IPv4, or of IPv6 where RFC 8950 was agreed on; IPv6 routes have one of IPv6 (RFC 2545 §3).
pub(crate) fn next_hop_fits(family: AfiSafi, next_hop: NextHop, extended: FamilySet) -> bool {
    match (family, next_hop) {
        (AfiSafi::IPV4_UNICAST, NextHop::Ipv4(_))
        | (AfiSafi::IPV6_UNICAST, NextHop::Ipv6 { .. }) => true,
        (AfiSafi::IPV4_UNICAST, NextHop::Ipv6 { .. }) => extended.contains(family),
        _ => false,
    }
}

/// MP_REACH_NLRI in the octets it arrived in.
///
/// ```text
/// +---------------------------------------------------------+
/// | Address Family Identifier (2 octets)                    |
/// +---------------------------------------------------------+
/// | Subsequent Address Family Identifier (1 octet)          |
/// +---------------------------------------------------------+
/// | Length of Next Hop Network Address (1 octet)            |
/// +---------------------------------------------------------+
/// | Network Address of Next Hop (variable)                  |
/// +---------------------------------------------------------+
/// | Reserved (1 octet)                                      |
/// +---------------------------------------------------------+
/// | Network Layer Reachability Information (variable)       |
/// +---------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MpReachRef<'a> {
    next_hop: &'a [u8],
    nlri: NlriField<'a>,
}

impl<'a> MpReachRef<'a> {
    /// Family of the routes.
    #[must_use]
    pub const fn family(self) -> AfiSafi {
        self.nlri.family()
    }

    /// The next hop; `None` where the family has one that this crate gives no type.
    #[must_use]
    pub fn next_hop(self) -> Option<NextHop> {
        matches!(self.family(), AfiSafi::IPV4_UNICAST | AfiSafi::IPV6_UNICAST)
            .then(|| NextHop::decode(self.next_hop))?
    }

    /// The next hop as on the wire.
    #[must_use]
    pub const fn next_hop_octets(self) -> &'a [u8] {
        self.next_hop
    }

    /// The prefixes.
    #[must_use]
    pub const fn nlri(self) -> NlriField<'a> {
        self.nlri
    }

    /// Reads the fields of the value, not what is in them; `None` where one is cut off.
    pub(crate) fn decode(value: &'a [u8], receive: &OneWay) -> Option<Self> {
        let mut cursor = Cursor::new(value, 0);
        let family = decode_family(&mut cursor)?;
        let len = cursor.u8()?;
        let next_hop = cursor.take(usize::from(len))?;
        let _reserved = cursor.u8()?;
        Some(Self {
            next_hop,
            nlri: field(family, cursor.rest(), receive),
        })
    }

    /// Whether the next hop is of a length that the family can have, and every prefix whole (RFC 7606 §7.11, §5.3).
    pub(crate) fn is_well_formed(self, receive: &OneWay) -> bool {
        let next_hop = match self.family() {
            AfiSafi::IPV4_UNICAST | AfiSafi::IPV6_UNICAST => NextHop::decode(self.next_hop)
                .is_some_and(|next_hop| {
                    next_hop_fits(self.family(), next_hop, receive.extended_next_hop)
                }),
            _ => true,
        };
        next_hop && self.nlri.is_well_formed()
    }
}

/// MP_UNREACH_NLRI in the octets it arrived in.
///
/// ```text
/// +---------------------------------------------------------+
/// | Address Family Identifier (2 octets)                    |
/// +---------------------------------------------------------+
/// | Subsequent Address Family Identifier (1 octet)          |
/// +---------------------------------------------------------+
/// | Withdrawn Routes (variable)                             |
/// +---------------------------------------------------------+
/// ```
#[derive(Clone, Copy, Debug)]
pub struct MpUnreachRef<'a> {
    nlri: NlriField<'a>,
}

impl<'a> MpUnreachRef<'a> {
    /// Family of the routes.
    #[must_use]
    pub const fn family(self) -> AfiSafi {
        self.nlri.family()
    }

    /// The prefixes.
    #[must_use]
    pub const fn nlri(self) -> NlriField<'a> {
        self.nlri
    }

    /// Reads the fields of the value, not what is in them; `None` where one is cut off.
    pub(crate) fn decode(value: &'a [u8], receive: &OneWay) -> Option<Self> {
        let mut cursor = Cursor::new(value, 0);
        let family = decode_family(&mut cursor)?;
        Some(Self {
            nlri: field(family, cursor.rest(), receive),
        })
    }
}

/// The family that either attribute begins with.
pub(crate) fn decode_family(cursor: &mut Cursor<'_>) -> Option<AfiSafi> {
    Some(AfiSafi::new(Afi(cursor.u16()?), Safi(cursor.u8()?)))
}

/// A field of prefixes that came in.
pub(crate) fn field<'a>(family: AfiSafi, octets: &'a [u8], receive: &OneWay) -> NlriField<'a> {
    let path_ids = if receive.add_path.contains(family) {
        PathIds::Present
    } else {
        PathIds::Absent
    };
    NlriField::new(family, octets, path_ids)
}
