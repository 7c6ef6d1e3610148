//! The owned UPDATE.

use super::decode::Routes;
use crate::afi_safi::AfiSafi;
use crate::attribute::mp::NextHop;
use crate::attribute::owned::PathAttributes;
use crate::nlri::{Ipv4Unicast, Ipv6Unicast, Nlri, NlriField};
use alloc::vec::Vec;
use bytes::Bytes;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// An UPDATE: what is withdrawn and what is announced, section by section as on the wire.
///
/// Whoever sends many routes uses an [`UpdatePacker`](crate::UpdatePacker) instead.
///
/// Canonicalised on encoding: attributes are in ascending order, behind MP_REACH_NLRI and MP_UNREACH_NLRI (RFC 7606
/// §5.1); lengths have two octets only where they need them; bits behind a prefix are zero; AS numbers have the width of
/// the session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Update {
    /// Section Withdrawn Routes.
    pub withdrawn: Vec<Nlri<Ipv4Net>>,
    /// MP_UNREACH_NLRI.
    pub mp_unreach: Option<MpUnreach>,
    /// The other attributes; their next hop is that of [`announced`](Self::announced), and must be of IPv4.
    pub attributes: PathAttributes,
    /// MP_REACH_NLRI.
    pub mp_reach: Option<MpReach>,
    /// Section Network Layer Reachability Information.
    pub announced: Vec<Nlri<Ipv4Net>>,
}

/// MP_REACH_NLRI (RFC 4760 §3).
#[expect(clippy::exhaustive_structs, reason = "RFC 4760 closes the type")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MpReach {
    /// Where to send packets.
    pub next_hop: MpNextHop,
    /// The prefixes.
    pub nlri: MpNlri,
}

/// MP_UNREACH_NLRI (RFC 4760 §4).
#[expect(clippy::exhaustive_structs, reason = "RFC 4760 closes the type")]
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MpUnreach {
    /// The prefixes.
    pub nlri: MpNlri,
}

/// The next hop of MP_REACH_NLRI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MpNextHop {
    /// Of a typed family.
    Typed(NextHop),
    /// Of any other, kept as it is.
    Opaque(Bytes),
}

/// Prefixes of one family.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MpNlri {
    /// IPv4 unicast.
    Ipv4Unicast(Vec<Nlri<Ipv4Net>>),
    /// IPv6 unicast.
    Ipv6Unicast(Vec<Nlri<Ipv6Net>>),
    /// A family without a type, kept as it is.
    Opaque {
        /// The family.
        family: AfiSafi,
        /// Its prefixes as on the wire.
        octets: Bytes,
    },
}

impl Update {
    /// The End-of-RIB marker of a family (RFC 4724 §2).
    #[must_use]
    pub fn end_of_rib(family: AfiSafi) -> Self {
        let nlri = match family {
            AfiSafi::IPV4_UNICAST => return Self::default(),
            AfiSafi::IPV6_UNICAST => MpNlri::Ipv6Unicast(Vec::new()),
            _ => MpNlri::Opaque {
                family,
                octets: Bytes::new(),
            },
        };
        Self {
            mp_unreach: Some(MpUnreach { nlri }),
            ..Self::default()
        }
    }

    /// Every announced prefix of a typed family.
    pub fn announced_prefixes(&self) -> impl Iterator<Item = IpNet> + Clone {
        let reach = self.mp_reach.iter().flat_map(|reach| reach.nlri.prefixes());
        self.announced
            .iter()
            .map(|nlri| IpNet::V4(nlri.prefix))
            .chain(reach)
    }

    /// Every withdrawn prefix of a typed family.
    pub fn withdrawn_prefixes(&self) -> impl Iterator<Item = IpNet> + Clone {
        let unreach = self
            .mp_unreach
            .iter()
            .flat_map(|unreach| unreach.nlri.prefixes());
        self.withdrawn
            .iter()
            .map(|nlri| IpNet::V4(nlri.prefix))
            .chain(unreach)
    }
}

impl MpNlri {
    /// The family.
    #[must_use]
    pub const fn family(&self) -> AfiSafi {
        match self {
            Self::Ipv4Unicast(_) => AfiSafi::IPV4_UNICAST,
            Self::Ipv6Unicast(_) => AfiSafi::IPV6_UNICAST,
            Self::Opaque { family, .. } => *family,
        }
    }

    /// The prefixes, where the family has a type.
    pub fn prefixes(&self) -> impl Iterator<Item = IpNet> + Clone {
        let (ipv4, ipv6): (&[_], &[_]) = match self {
            Self::Ipv4Unicast(nlri) => (nlri, &[]),
            Self::Ipv6Unicast(nlri) => (&[], nlri),
            Self::Opaque { .. } => (&[], &[]),
        };
        let ipv4 = ipv4.iter().map(|nlri| IpNet::V4(nlri.prefix));
        ipv4.chain(ipv6.iter().map(|nlri| IpNet::V6(nlri.prefix)))
    }

    fn copied(field: NlriField<'_>) -> Self {
        match field.family() {
            AfiSafi::IPV4_UNICAST => Self::Ipv4Unicast(field.to_vec::<Ipv4Unicast>()),
            AfiSafi::IPV6_UNICAST => Self::Ipv6Unicast(field.to_vec::<Ipv6Unicast>()),
            family => Self::Opaque {
                family,
                octets: Bytes::copy_from_slice(field.octets()),
            },
        }
    }
}

impl Routes<'_> {
    /// Copies the routes. Only an UPDATE that was validated has an owned twin.
    #[must_use]
    pub fn to_owned(&self) -> Update {
        let update = self.update();
        Update {
            withdrawn: update.withdrawn_routes().to_vec::<Ipv4Unicast>(),
            mp_unreach: update.mp_unreach().map(|unreach| MpUnreach {
                nlri: MpNlri::copied(unreach.nlri()),
            }),
            attributes: update.attributes().to_owned(),
            mp_reach: update.mp_reach().map(|reach| MpReach {
                next_hop: match reach.next_hop() {
                    Some(next_hop) => MpNextHop::Typed(next_hop),
                    None => MpNextHop::Opaque(Bytes::copy_from_slice(reach.next_hop_octets())),
                },
                nlri: MpNlri::copied(reach.nlri()),
            }),
            announced: update.nlri().to_vec::<Ipv4Unicast>(),
        }
    }
}
