//! Sets of address families.

use std::fmt;
use std::net::IpAddr;

use ipam::Family;

/// One family or both.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Families {
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
    /// Both.
    Both,
}

impl Families {
    /// The families of `addresses`; `None` without any.
    #[must_use]
    pub fn of(addresses: impl IntoIterator<Item = IpAddr>) -> Option<Self> {
        addresses
            .into_iter()
            .map(|address| Self::from(Family::of(address)))
            .reduce(Self::union)
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Family> + Clone {
        let all = [Family::V4, Family::V6].into_iter();
        all.filter(move |family| self.contains(*family))
    }

    /// Whether `family` is among them.
    #[must_use]
    pub fn contains(self, family: Family) -> bool {
        match self {
            Self::Ipv4 => family == Family::V4,
            Self::Ipv6 => family == Family::V6,
            Self::Both => true,
        }
    }

    /// The families of both; `None` if they have none in common.
    #[must_use]
    pub fn intersection(self, other: Self) -> Option<Self> {
        match (self, other) {
            (Self::Both, one) | (one, Self::Both) => Some(one),
            (one, other) => (one == other).then_some(one),
        }
    }

    /// The families of either.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        if self == other { self } else { Self::Both }
    }
}

impl From<Family> for Families {
    fn from(family: Family) -> Self {
        match family {
            Family::V4 => Self::Ipv4,
            Family::V6 => Self::Ipv6,
        }
    }
}

impl fmt::Display for Families {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Both => "IPv4 and IPv6",
        })
    }
}
