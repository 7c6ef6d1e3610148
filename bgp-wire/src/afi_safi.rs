//! Address families: AFI, SAFI, the pair, and sets of pairs.

use core::fmt;
use core::str::FromStr;

pub use crate::iana::{Afi, Safi};

/// An address family and how its routes are used (RFC 4760 §3).
#[expect(
    clippy::exhaustive_structs,
    reason = "RFC 4760 closes the type: a family is this pair"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AfiSafi {
    /// Address family identifier.
    pub afi: Afi,
    /// Subsequent address family identifier.
    pub safi: Safi,
}

impl AfiSafi {
    /// IPv4 unicast, 1/1.
    pub const IPV4_UNICAST: Self = Self::new(Afi::IPV4, Safi::UNICAST);
    /// IPv6 unicast, 2/1.
    pub const IPV6_UNICAST: Self = Self::new(Afi::IPV6, Safi::UNICAST);

    /// Makes the pair.
    #[must_use]
    pub const fn new(afi: Afi, safi: Safi) -> Self {
        Self { afi, safi }
    }
}

impl fmt::Display for AfiSafi {
    /// Writes `ipv4-unicast`, or `16388/71` where a half has no name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.afi.name(), self.safi.name()) {
            (Some(afi), Some(safi)) => write!(f, "{afi}-{safi}"),
            _ => write!(f, "{}/{}", self.afi.0, self.safi.0),
        }
    }
}

/// The text names no address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an address family: write ipv4-unicast, ipv6-unicast or AFI/SAFI in numbers")]
#[non_exhaustive]
pub struct ParseAfiSafiError;

impl FromStr for AfiSafi {
    type Err = ParseAfiSafiError;

    /// Reads the name of any [known family](FamilySet#known-families), or `AFI/SAFI` in numbers.
    fn from_str(text: &str) -> Result<Self, ParseAfiSafiError> {
        if let Some((afi, safi)) = text.split_once('/') {
            let afi = afi.parse().map_err(|_| ParseAfiSafiError)?;
            let safi = safi.parse().map_err(|_| ParseAfiSafiError)?;
            return Ok(Self::new(Afi(afi), Safi(safi)));
        }
        let named = |family: &&Self| {
            let names = family.afi.name().zip(family.safi.name());
            names.is_some_and(|(afi, safi)| {
                text.strip_prefix(afi)
                    .and_then(|rest| rest.strip_prefix('-'))
                    == Some(safi)
            })
        };
        KNOWN_FAMILIES
            .iter()
            .find(named)
            .copied()
            .ok_or(ParseAfiSafiError)
    }
}

/// A set of address families: one word, so a session's settings are `Copy`.
///
/// # Known families
/// Unicast, multicast, labelled unicast, VPN, FlowSpec and VPN FlowSpec for IPv4 and IPv6, route target constraint,
/// EVPN and link state. Of a family outside this list there is nothing to negotiate, so a set cannot hold it.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FamilySet(u32);

impl FamilySet {
    /// The set without a family.
    pub const EMPTY: Self = Self(0);
    /// IPv4 and IPv6 unicast.
    pub const UNICAST: Self = Self(0b11);

    /// Adds a family and says whether the set holds it now: `false` for a family that is not known.
    pub fn insert(&mut self, family: AfiSafi) -> bool {
        let bit = bit_of(family);
        self.0 |= bit;
        bit != 0
    }

    /// Takes a family out.
    pub fn remove(&mut self, family: AfiSafi) {
        self.0 &= !bit_of(family);
    }

    /// Whether the family is in the set.
    #[must_use]
    #[inline]
    pub fn contains(self, family: AfiSafi) -> bool {
        // Most sets that are asked per message are empty.
        !self.is_empty() && self.0 & bit_of(family) != 0
    }

    /// The families of both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The families of this set that the other lacks.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is no family in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The families, IPv4 unicast and IPv6 unicast first.
    pub fn iter(self) -> impl Iterator<Item = AfiSafi> + Clone {
        KNOWN_FAMILIES
            .into_iter()
            .filter(move |&family| self.contains(family))
    }
}

impl FromIterator<AfiSafi> for FamilySet {
    /// Collects the families that are known and leaves out the others.
    fn from_iter<I: IntoIterator<Item = AfiSafi>>(families: I) -> Self {
        let mut set = Self::EMPTY;
        for family in families {
            set.insert(family);
        }
        set
    }
}

impl fmt::Debug for FamilySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.iter().map(DebugDisplay))
            .finish()
    }
}

/// Prints a family as text inside a `Debug` set.
struct DebugDisplay(AfiSafi);

impl fmt::Debug for DebugDisplay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn bit_of(family: AfiSafi) -> u32 {
    KNOWN_FAMILIES
        .iter()
        .zip(0_u32..)
        .find(|(known, _)| **known == family)
        .map_or(0, |(_, position)| 1 << position)
}

/// The position of a family is its bit; the first two are [`FamilySet::UNICAST`].
const KNOWN_FAMILIES: [AfiSafi; 15] = [
    AfiSafi::IPV4_UNICAST,
    AfiSafi::IPV6_UNICAST,
    AfiSafi::new(Afi::IPV4, Safi::MULTICAST),
    AfiSafi::new(Afi::IPV6, Safi::MULTICAST),
    AfiSafi::new(Afi::IPV4, Safi::LABELLED_UNICAST),
    AfiSafi::new(Afi::IPV6, Safi::LABELLED_UNICAST),
    AfiSafi::new(Afi::IPV4, Safi::VPN),
    AfiSafi::new(Afi::IPV6, Safi::VPN),
    AfiSafi::new(Afi::IPV4, Safi::FLOW_SPEC),
    AfiSafi::new(Afi::IPV6, Safi::FLOW_SPEC),
    AfiSafi::new(Afi::IPV4, Safi::VPN_FLOW_SPEC),
    AfiSafi::new(Afi::IPV6, Safi::VPN_FLOW_SPEC),
    AfiSafi::new(Afi::IPV4, Safi::ROUTE_TARGET),
    AfiSafi::new(Afi::L2VPN, Safi::EVPN),
    AfiSafi::new(Afi::BGP_LS, Safi::LINK_STATE),
];

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_known_family_has_a_text_that_reads_back() {
        for family in KNOWN_FAMILIES {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        assert_eq!(AfiSafi::IPV4_UNICAST.to_string(), "ipv4-unicast");
    }

    #[test]
    fn an_unknown_family_is_written_in_numbers_and_not_held_by_a_set() {
        let mup = AfiSafi::new(Afi::IPV4, Safi(85));
        assert_eq!(mup.to_string(), "1/85");
        assert_eq!("1/85".parse(), Ok(mup));
        assert_eq!("ipv4unicast".parse::<AfiSafi>(), Err(ParseAfiSafiError));
        let mut set = FamilySet::EMPTY;
        assert!(!set.insert(mup));
        assert!(set.is_empty());
    }

    #[test]
    fn the_constant_set_names_both_unicast_families() {
        let set: FamilySet = [AfiSafi::IPV6_UNICAST, AfiSafi::IPV4_UNICAST]
            .into_iter()
            .collect();
        assert_eq!(set, FamilySet::UNICAST);
        assert!(
            set.iter()
                .eq([AfiSafi::IPV4_UNICAST, AfiSafi::IPV6_UNICAST])
        );
    }
}
