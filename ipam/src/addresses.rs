//! The one or two addresses of a holder.

use core::fmt;
use core::net::IpAddr;

use crate::family::Family;

/// One address, or one of each family. The order is kept: the first address of a dual-stack holder may mean more to
/// others (it decides the owner on a layer 2 network).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Addresses {
    first: IpAddr,
    // Invariant: of the other family.
    second: Option<IpAddr>,
}

impl Addresses {
    /// A single address.
    #[must_use]
    pub const fn single(address: IpAddr) -> Self {
        Self {
            first: address,
            second: None,
        }
    }

    /// Two addresses; `None` if they are of one family.
    #[must_use]
    pub fn dual(first: IpAddr, second: IpAddr) -> Option<Self> {
        (Family::of(first) != Family::of(second)).then_some(Self {
            first,
            second: Some(second),
        })
    }

    /// One or two addresses.
    ///
    /// # Errors
    ///
    /// None, more than two, or two of one family.
    pub fn try_new(addresses: &[IpAddr]) -> Result<Self, AddressesError> {
        match *addresses {
            [] => Err(AddressesError::Empty),
            [address] => Ok(Self::single(address)),
            [first, second] => {
                Self::dual(first, second).ok_or(AddressesError::SameFamily { first, second })
            }
            _ => Err(AddressesError::TooMany {
                count: addresses.len(),
            }),
        }
    }

    /// The first one.
    #[must_use]
    pub const fn first(&self) -> IpAddr {
        self.first
    }

    /// The addresses in their order.
    pub fn iter(&self) -> impl Iterator<Item = IpAddr> + use<> {
        core::iter::once(self.first).chain(self.second)
    }

    /// The address of a family.
    #[must_use]
    pub fn of(&self, family: Family) -> Option<IpAddr> {
        self.iter().find(|address| Family::of(*address) == family)
    }

    /// Whether both families are there.
    #[must_use]
    pub const fn is_dual(&self) -> bool {
        self.second.is_some()
    }

    /// Whether both hold the same addresses, in whatever order.
    #[must_use]
    pub fn same_set(&self, other: &Self) -> bool {
        [Family::V4, Family::V6]
            .into_iter()
            .all(|family| self.of(family) == other.of(family))
    }

    /// The same, IPv4 before IPv6.
    #[must_use]
    pub(crate) fn ipv4_first(self) -> Self {
        match self {
            Self {
                first: first @ IpAddr::V6(_),
                second: Some(second),
            } => Self {
                first: second,
                second: Some(first),
            },
            in_order => in_order,
        }
    }
}

impl fmt::Display for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first.fmt(f)?;
        self.second.map_or(Ok(()), |second| write!(f, ", {second}"))
    }
}

/// Why a list is not the addresses of one holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressesError {
    /// The list is empty.
    #[error("no address is given")]
    Empty,
    /// Two of one family.
    #[error(
        "{first} and {second} are of the same family; at most one IPv4 and one IPv6 address are possible"
    )]
    SameFamily {
        /// The first.
        first: IpAddr,
        /// The second.
        second: IpAddr,
    },
    /// More than two.
    #[error("{count} addresses are given; at most one IPv4 and one IPv6 address are possible")]
    TooMany {
        /// How many.
        count: usize,
    },
}
