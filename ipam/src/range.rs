//! A range of addresses, written as a CIDR or as `first-last`.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use ipnet::IpNet;

use crate::family::{Family, bits};

/// A contiguous, never empty range of addresses of one family.
///
/// Its text is a CIDR (`203.0.113.0/24`; bits right of the prefix are dropped, as `MetalLB` does) or `first-last`
/// (`203.0.113.7-203.0.113.9`), spaces around either part allowed. It is printed as a CIDR where it is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpRange {
    // Invariant: of one family, and first ≤ last.
    first: IpAddr,
    last: IpAddr,
}

impl IpRange {
    /// The range from `first` to `last`, both included.
    ///
    /// # Errors
    ///
    /// [`RangeError::MixedFamilies`] and [`RangeError::Reversed`].
    pub fn try_new(first: IpAddr, last: IpAddr) -> Result<Self, RangeError> {
        if Family::of(first) != Family::of(last) {
            return Err(RangeError::MixedFamilies { first, last });
        }
        if first > last {
            return Err(RangeError::Reversed { first, last });
        }
        Ok(Self { first, last })
    }

    /// The lowest address.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The highest address.
    #[must_use]
    pub const fn last(&self) -> IpAddr {
        self.last
    }

    /// The family of its addresses.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.first)
    }

    /// How many addresses it has. The whole IPv6 space has one more than can be counted and gives [`u128::MAX`].
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    #[must_use]
    pub const fn len(&self) -> u128 {
        (bits(self.last) - bits(self.first)).saturating_add(1)
    }

    /// Whether `address` is in it.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        // IPv4 addresses sort before IPv6 ones, so an address of the other family is on one side of both ends.
        self.first <= address && address <= self.last
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// The addresses that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        self.overlaps(other).then(|| Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        })
    }

    /// From the first address of two overlapping ranges to the last.
    pub(crate) fn hull(&self, other: &Self) -> Self {
        Self {
            first: self.first.min(other.first),
            last: self.last.max(other.last),
        }
    }

    /// What is left of it without `holes`, which are sorted and do not overlap.
    pub(crate) fn without(&self, holes: &[Self]) -> Vec<Self> {
        let mut left = Vec::new();
        let mut rest = Some(*self);
        for hole in holes {
            let Some(Self { first, last }) = rest else {
                break;
            };
            let Some(hole) = hole.intersection(&Self { first, last }) else {
                continue;
            };
            let family = self.family();
            left.extend((first < hole.first).then(|| Self {
                first,
                last: family.address(bits(hole.first) - 1),
            }));
            rest = (hole.last < last).then(|| Self {
                first: family.address(bits(hole.last) + 1),
                last,
            });
        }
        left.extend(rest);
        left
    }

    /// Its addresses, lowest first.
    pub fn addresses(&self) -> impl DoubleEndedIterator<Item = IpAddr> + use<> {
        let family = self.family();
        (bits(self.first)..=bits(self.last)).map(move |bits| family.address(bits))
    }

    /// The network that has exactly these addresses, if there is one.
    #[must_use]
    pub fn network(&self) -> Option<IpNet> {
        let host_bits = (bits(self.first) ^ bits(self.last)).count_ones();
        let width: u32 = match self.family() {
            Family::V4 => 32,
            Family::V6 => 128,
        };
        let prefix_len = u8::try_from(width.checked_sub(host_bits)?).ok()?;
        let network = IpNet::new(self.first, prefix_len).ok()?;
        (network.network() == self.first && network.broadcast() == self.last).then_some(network)
    }
}

impl From<IpNet> for IpRange {
    fn from(network: IpNet) -> Self {
        Self {
            first: network.network(),
            last: network.broadcast(),
        }
    }
}

impl From<IpAddr> for IpRange {
    fn from(address: IpAddr) -> Self {
        Self {
            first: address,
            last: address,
        }
    }
}

impl FromStr for IpRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, RangeError> {
        let text = text.trim();
        if text.is_empty() {
            return Err(RangeError::Empty);
        }
        if let Some((first, last)) = text.split_once('-') {
            return Self::try_new(parse_address(first)?, parse_address(last)?);
        }
        let Some((address, prefix_len)) = text.split_once('/') else {
            return Err(RangeError::SingleAddress {
                address: parse_address(text)?,
            });
        };
        let address = parse_address(address)?;
        // Only digits: the standard library would take a sign as well.
        let digits = prefix_len.bytes().all(|octet| octet.is_ascii_digit());
        let bad_length = || RangeError::PrefixLength {
            text: prefix_len.to_string(),
            family: Family::of(address),
        };
        let prefix_len = prefix_len
            .parse()
            .ok()
            .filter(|_| digits)
            .ok_or_else(bad_length)?;
        let network = IpNet::new(address, prefix_len).map_err(|_| bad_length())?;
        Ok(Self::from(network))
    }
}

impl fmt::Display for IpRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.network() {
            Some(network) => network.fmt(f),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

fn parse_address(text: &str) -> Result<IpAddr, RangeError> {
    let text = text.trim();
    let address: IpAddr = text.parse().map_err(|_| RangeError::NotAnAddress {
        text: text.to_string(),
    })?;
    if address.to_canonical() == address {
        Ok(address)
    } else {
        Err(RangeError::Mapped { address })
    }
}

/// What is wrong with a range.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// The text is empty.
    #[error("the range is empty; write it as 203.0.113.0/24 or 203.0.113.7-203.0.113.9")]
    Empty,
    /// A part that must be an address is none.
    #[error("{text:?} is not an IP address")]
    NotAnAddress {
        /// The part.
        text: String,
    },
    /// An IPv4 address written as IPv6 (`::ffff:203.0.113.7`), which nobody can announce as IPv6.
    #[error("{address} is an IPv4 address inside an IPv6 one; write {}", address.to_canonical())]
    Mapped {
        /// The address.
        address: IpAddr,
    },
    /// An address alone; a range of one must say so.
    #[error("{address} is a single address; write {address}/{} for a range of one", if address.is_ipv4() { 32 } else { 128 })]
    SingleAddress {
        /// The address.
        address: IpAddr,
    },
    /// The prefix length is not a number or too large for the family.
    #[error("{text:?} is not a prefix length of {family}, which is at most {}", match family { Family::V4 => 32, Family::V6 => 128 })]
    PrefixLength {
        /// What stands after the slash.
        text: String,
        /// The family of the address before the slash.
        family: Family,
    },
    /// One end is IPv4, the other IPv6.
    #[error("{first}-{last} mixes {} and {}", Family::of(*first), Family::of(*last))]
    MixedFamilies {
        /// The end before the dash.
        first: IpAddr,
        /// The end after the dash.
        last: IpAddr,
    },
    /// The ends are in the wrong order.
    #[error("{first}-{last} ends before it begins")]
    Reversed {
        /// The end before the dash.
        first: IpAddr,
        /// The end after the dash.
        last: IpAddr,
    },
}

#[cfg(test)]
mod tests;
