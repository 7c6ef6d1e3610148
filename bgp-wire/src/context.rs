//! What two speakers agreed on and a codec must know.

use crate::afi_safi::FamilySet;
use crate::header::MaxLen;

/// How messages of one session are to be read and written.
///
/// `Copy` and computed once, by [`Negotiated::from_opens`](crate::Negotiated::from_opens).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SessionContext {
    /// What the peer is to us: decides which attributes may come from it.
    pub peer: PeerKind,
    /// Width of AS numbers in AS_PATH and AGGREGATOR, both ways (RFC 6793 §4).
    pub asn_width: AsnWidth,
    /// Whether the peer knows enhanced route refresh (RFC 7313), and so its error code.
    pub route_refresh: RouteRefreshKind,
    /// Families whose routes may be exchanged.
    pub families: FamilySet,
    /// What may come in: that which we said we take.
    pub receive: OneWay,
    /// What may go out: that which the peer said it takes.
    pub send: OneWay,
}

impl SessionContext {
    /// The context of two speakers with four-octet AS numbers, IPv4 and IPv6 unicast, and nothing beyond.
    #[must_use]
    pub const fn new(peer: PeerKind) -> Self {
        Self {
            peer,
            asn_width: AsnWidth::Four,
            route_refresh: RouteRefreshKind::Plain,
            families: FamilySet::UNICAST,
            receive: OneWay::PLAIN,
            send: OneWay::PLAIN,
        }
    }
}

/// What may be sent in one direction: these abilities are each receiver's own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct OneWay {
    /// How long messages may be (RFC 8654 §4).
    pub max_len: MaxLen,
    /// Families of IPv4 whose next hop may be of IPv6 (RFC 8950 §4).
    pub extended_next_hop: FamilySet,
    /// Families whose NLRI carry a path identifier (RFC 7911 §4).
    pub add_path: FamilySet,
}

impl OneWay {
    /// None of the abilities.
    pub const PLAIN: Self = Self {
        max_len: MaxLen::Standard,
        extended_next_hop: FamilySet::EMPTY,
        add_path: FamilySet::EMPTY,
    };
}

/// What a peer is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum PeerKind {
    /// In another AS.
    Ebgp,
    /// In the same AS, or the same member AS of a confederation.
    Ibgp,
    /// In another member AS of the same confederation (RFC 5065).
    Confederation,
    /// In another AS under the same administration, trusted with attributes that stay inside one.
    OneAdministrativeDomain,
}

impl PeerKind {
    /// Whether LOCAL_PREF is exchanged with the peer (RFC 4271 §5.1.5, RFC 5065 §4.1).
    #[must_use]
    pub const fn exchanges_local_pref(self) -> bool {
        matches!(self, Self::Ibgp | Self::Confederation)
    }

    /// Whether segments of a confederation may be in an AS_PATH from the peer (RFC 5065 §5).
    #[must_use]
    pub const fn exchanges_confederation_segments(self) -> bool {
        matches!(self, Self::Ibgp | Self::Confederation)
    }
}

/// Octets of an AS number in AS_PATH and AGGREGATOR.
#[expect(
    clippy::exhaustive_enums,
    reason = "RFC 4271 and RFC 6793 know these two"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AsnWidth {
    /// Two octets: one of the speakers is an old one (RFC 6793 §4.2).
    Two,
    /// Four octets (RFC 6793 §4.1).
    Four,
}

impl AsnWidth {
    /// Octets of one AS number.
    #[must_use]
    pub const fn octets(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}

/// Which route refresh both speakers know.
#[expect(clippy::exhaustive_enums, reason = "a session has one of these")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RouteRefreshKind {
    /// RFC 2918, or none at all.
    Plain,
    /// RFC 7313.
    Enhanced,
}
