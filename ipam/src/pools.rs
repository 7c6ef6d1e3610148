//! The set of all pools, in which no address is in two.

use alloc::collections::BTreeMap;
use core::net::IpAddr;
use core::ops::Bound;

use crate::names::{PoolName, ReservationName};
use crate::pool::Pool;
use crate::range::IpRange;

/// Pools by name, no two of which have an address in common, and reservations, of which the same is true.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pools {
    by_name: BTreeMap<PoolName, Pool>,
    // Every range by its first address. Since none overlap, the range that could contain an address is the last that
    // begins at or before it.
    by_first: BTreeMap<IpAddr, Place>,
    // What is reserved, by its first address.
    reserved: BTreeMap<IpAddr, (IpRange, ReservationName)>,
}

/// Where a range is: pool and index into its ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    range: IpRange,
    index: usize,
    pool: PoolName,
}

impl Pools {
    /// No pools.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            by_name: BTreeMap::new(),
            by_first: BTreeMap::new(),
            reserved: BTreeMap::new(),
        }
    }

    /// All of `pools`, or the first fault. To drop only the pools at fault, [`Self::insert`] them one by one in order of
    /// age.
    ///
    /// # Errors
    ///
    /// As [`Self::insert`].
    pub fn try_new(pools: impl IntoIterator<Item = Pool>) -> Result<Self, PoolsError> {
        let mut set = Self::new();
        pools.into_iter().try_for_each(|pool| set.insert(pool))?;
        Ok(set)
    }

    /// Adds a pool.
    ///
    /// # Errors
    ///
    /// Its name is taken, or it overlaps a pool that is there; the set is then as before.
    pub fn insert(&mut self, pool: Pool) -> Result<(), PoolsError> {
        if self.by_name.contains_key(pool.name()) {
            return Err(PoolsError::DuplicateName {
                pool: pool.name().clone(),
            });
        }
        for range in pool.ranges() {
            if let Some(other) = self.overlapping(range) {
                return Err(PoolsError::Overlap {
                    pool: pool.name().clone(),
                    range: *range,
                    other: other.pool.clone(),
                    other_range: other.range,
                });
            }
        }
        for (index, range) in pool.ranges().iter().enumerate() {
            let place = Place {
                range: *range,
                index,
                pool: pool.name().clone(),
            };
            self.by_first.insert(range.first(), place);
        }
        self.by_name.insert(pool.name().clone(), pool);
        Ok(())
    }

    /// Keeps addresses for those whose requests [name the reservation](crate::Request::reservations): nobody else is
    /// given one, not even who asks for it, and they are given these before any others. Who has one already keeps it. A
    /// reservation may have several ranges; what is in no pool, or excluded from it, is nobody's all the same.
    ///
    /// # Errors
    ///
    /// Some of the addresses are reserved already; the set is then as before.
    pub fn reserve(
        &mut self,
        reservation: impl Into<ReservationName>,
        range: IpRange,
    ) -> Result<(), PoolsError> {
        let reservation = reservation.into();
        if let Some((other_range, other)) = self.last_reserved(range.last()) {
            if other_range.overlaps(&range) {
                return Err(PoolsError::ReservedTwice {
                    reservation,
                    range,
                    other: other.clone(),
                    other_range: *other_range,
                });
            }
        }
        self.reserved.insert(range.first(), (range, reservation));
        Ok(())
    }

    /// Drops all reservations.
    pub fn clear_reservations(&mut self) {
        self.reserved.clear();
    }

    /// What is reserved, by address.
    pub fn reserved(&self) -> impl Iterator<Item = (&ReservationName, &IpRange)> {
        self.reserved.values().map(|(range, name)| (name, range))
    }

    /// For which reservation an address is kept.
    #[must_use]
    pub fn reservation_of(&self, address: IpAddr) -> Option<&ReservationName> {
        let (range, name) = self.last_reserved(address)?;
        range.contains(address).then_some(name)
    }

    /// What is reserved of a range, lowest first.
    pub(crate) fn reserved_within(
        &self,
        range: &IpRange,
    ) -> impl Iterator<Item = (&ReservationName, IpRange)> {
        // The first one may begin before the range.
        let first = self.last_reserved(range.first());
        let first = first.map_or_else(|| range.first(), |(first, _)| first.first());
        self.reserved
            .range(first..=range.last())
            .filter_map(|(_, (kept, name))| Some((name, kept.intersection(range)?)))
    }

    /// The last reserved range that begins at or before an address.
    fn last_reserved(&self, address: IpAddr) -> Option<&(IpRange, ReservationName)> {
        let (_, reserved) = self.reserved.range(..=address).next_back()?;
        Some(reserved)
    }

    /// The pool of that name.
    #[must_use]
    pub fn get(&self, name: &PoolName) -> Option<&Pool> {
        self.by_name.get(name)
    }

    /// All pools, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Pool> {
        self.by_name.values()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// The pool that has `address` in one of its ranges, usable or not.
    #[must_use]
    pub fn containing(&self, address: IpAddr) -> Option<&Pool> {
        self.locate(address).map(|(pool, _)| pool)
    }

    /// The one pool in which all of `addresses` are, and usable.
    ///
    /// # Errors
    ///
    /// An address is in no pool, in another pool than those before it, or one that its pool avoids; or there are no
    /// addresses.
    pub fn pool_for(
        &self,
        addresses: impl IntoIterator<Item = IpAddr>,
    ) -> Result<&Pool, LookupError> {
        let mut found: Option<(&Pool, IpAddr)> = None;
        for address in addresses {
            let pool = self
                .containing(address)
                .ok_or(LookupError::NoPool { address })?;
            if pool.avoids(address) {
                return Err(LookupError::Avoided {
                    address,
                    pool: pool.name().clone(),
                });
            }
            match found {
                Some((first_pool, first)) if first_pool.name() != pool.name() => {
                    return Err(LookupError::TwoPools {
                        first,
                        first_pool: first_pool.name().clone(),
                        second: address,
                        second_pool: pool.name().clone(),
                    });
                }
                Some(_) => {}
                None => found = Some((pool, address)),
            }
        }
        found.map(|(pool, _)| pool).ok_or(LookupError::NoAddresses)
    }

    /// The pool of an address and the index of the range it is in.
    pub(crate) fn locate(&self, address: IpAddr) -> Option<(&Pool, usize)> {
        let (_, place) = self.by_first.range(..=address).next_back()?;
        let pool = self.by_name.get(&place.pool)?;
        place.range.contains(address).then_some((pool, place.index))
    }

    fn overlapping(&self, range: &IpRange) -> Option<&Place> {
        let upto = (Bound::Unbounded, Bound::Included(range.last()));
        let (_, place) = self.by_first.range(upto).next_back()?;
        place.range.overlaps(range).then_some(place)
    }
}

/// Why a pool or a reservation does not fit into a set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolsError {
    /// There is a pool of that name.
    #[error("there are two pools named {pool}")]
    DuplicateName {
        /// The name.
        pool: PoolName,
    },
    /// It has addresses that another pool has.
    #[error("{range} of pool {pool} overlaps {other_range} of pool {other}")]
    Overlap {
        /// The new pool.
        pool: PoolName,
        /// Its range.
        range: IpRange,
        /// The pool that was there.
        other: PoolName,
        /// Its range.
        other_range: IpRange,
    },
    /// Its addresses are kept for another reservation, or for the same already.
    #[error("{range} of reservation {reservation} overlaps {other_range} of reservation {other}")]
    ReservedTwice {
        /// The reservation.
        reservation: ReservationName,
        /// What it was to keep.
        range: IpRange,
        /// The reservation that was there.
        other: ReservationName,
        /// What that keeps.
        other_range: IpRange,
    },
}

/// Why there is no one pool for some addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// There were no addresses to look up.
    #[error("no address is given")]
    NoAddresses,
    /// An address is in no pool.
    #[error("{address} is in no pool")]
    NoPool {
        /// The address.
        address: IpAddr,
    },
    /// The addresses are in different pools.
    #[error("{first} is in pool {first_pool}, {second} in pool {second_pool}; both must be in one")]
    TwoPools {
        /// The first address.
        first: IpAddr,
        /// Its pool.
        first_pool: PoolName,
        /// The second address.
        second: IpAddr,
        /// Its pool.
        second_pool: PoolName,
    },
    /// The pool avoids addresses that end in .0 or .255.
    #[error("pool {pool} has avoidBuggyIPs set, which excludes {address}")]
    Avoided {
        /// The address.
        address: IpAddr,
        /// The pool.
        pool: PoolName,
    },
}

#[cfg(test)]
mod tests;
