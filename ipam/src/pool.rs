//! A pool: a name, ranges, and who may use it how.

use alloc::vec::Vec;
use core::cmp::Ordering;
use core::net::IpAddr;

use crate::family::Family;
use crate::names::PoolName;
use crate::range::IpRange;

/// The rank of a pinned pool: the lower number first, and 0, which stands for "not given", last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Priority(i64);

impl Priority {
    /// A priority; 0 comes after all others.
    #[must_use]
    pub const fn new(priority: i64) -> Self {
        Self(priority)
    }

    /// The number.
    #[must_use]
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl Ord for Priority {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.0 == 0, self.0).cmp(&(other.0 == 0, other.0))
    }
}

impl PartialOrd for Priority {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A named set of addresses to hand out.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pool {
    name: PoolName,
    // Invariant: not empty, and no two overlap.
    ranges: Vec<IpRange>,
    // Invariant: sorted, and no two overlap.
    excluded: Vec<IpRange>,
    /// Whether requests that name neither an address nor a pool may get addresses from here. Default: true.
    pub auto_assign: bool,
    /// Whether IPv4 addresses that end in .0 and .255, which some old equipment drops, are unusable. Default: false.
    pub avoid_buggy_ips: bool,
    /// `Some` for a pool that serves only the requests that list it in
    /// [`Request::admitted_to`](crate::Request::admitted_to), and serves those before open pools do. Default: `None`.
    pub pinned: Option<Priority>,
    /// Whether nothing new is handed out, not even to who asks for the pool or an address of it by name. Those that have
    /// addresses here keep them, so that a pool can be drained without breaking anybody. Default: false.
    pub disabled: bool,
}

impl Pool {
    /// A pool that everybody may use and that is assigned automatically. Addresses are handed out range by range in the
    /// order given, the lowest of a range first.
    ///
    /// # Errors
    ///
    /// An empty name, no ranges, or ranges that overlap.
    pub fn try_new(
        name: impl Into<PoolName>,
        ranges: impl IntoIterator<Item = IpRange>,
    ) -> Result<Self, PoolError> {
        let name = name.into();
        if name.as_str().is_empty() {
            return Err(PoolError::EmptyName);
        }
        let ranges: Vec<IpRange> = ranges.into_iter().collect();
        if ranges.is_empty() {
            return Err(PoolError::NoRanges { pool: name });
        }
        let mut sorted = ranges.clone();
        sorted.sort_unstable();
        for (first, second) in sorted.iter().zip(sorted.iter().skip(1)) {
            if first.overlaps(second) {
                return Err(PoolError::Overlap {
                    pool: name,
                    first: *first,
                    second: *second,
                });
            }
        }
        Ok(Self {
            name,
            ranges,
            excluded: Vec::new(),
            auto_assign: true,
            avoid_buggy_ips: false,
            pinned: None,
            disabled: false,
        })
    }

    /// Excludes addresses, of the pool or not: those are handed out no more, not even to who asks for one by name. Those
    /// that have one keep it, so that a part of a pool can be drained as [`Self::disabled`] drains all of it. The ranges
    /// may overlap each other and those excluded before.
    pub fn exclude(&mut self, ranges: impl IntoIterator<Item = IpRange>) {
        let mut sorted: Vec<IpRange> = self.excluded.drain(..).chain(ranges).collect();
        sorted.sort_unstable();
        for range in sorted {
            match self.excluded.last_mut() {
                Some(last) if last.overlaps(&range) => *last = last.hull(&range),
                _ => self.excluded.push(range),
            }
        }
    }

    /// Its name.
    #[must_use]
    pub const fn name(&self) -> &PoolName {
        &self.name
    }

    /// Its ranges, in the order in which they are used.
    #[must_use]
    pub fn ranges(&self) -> &[IpRange] {
        &self.ranges
    }

    /// What is [excluded](Self::exclude), lowest first; ranges that overlapped are one.
    #[must_use]
    pub fn excluded(&self) -> &[IpRange] {
        &self.excluded
    }

    /// Whether `address` is [excluded](Self::exclude).
    #[must_use]
    pub fn excludes(&self, address: IpAddr) -> bool {
        let after = self
            .excluded
            .partition_point(|range| range.first() <= address);
        let last = after
            .checked_sub(1)
            .and_then(|last| self.excluded.get(last));
        last.is_some_and(|range| range.contains(address))
    }

    /// Whether `address` is in one of its ranges, usable or not.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.ranges.iter().any(|range| range.contains(address))
    }

    /// The addresses of a family that are handed out, in that order: neither avoided nor excluded.
    pub fn addresses(&self, family: Family) -> impl Iterator<Item = IpAddr> {
        let open = self.open_ranges();
        open.filter(move |range| range.family() == family)
            .flat_map(|range| range.addresses())
            .filter(|address| !self.avoids(*address))
    }

    /// Its ranges without what is excluded, in the order in which they are used.
    pub fn open_ranges(&self) -> impl Iterator<Item = IpRange> {
        let ranges = self.ranges.iter();
        ranges.flat_map(|range| range.without(&self.excluded))
    }

    /// Whether it has a range of the family.
    #[must_use]
    pub fn has_family(&self, family: Family) -> bool {
        self.ranges.iter().any(|range| range.family() == family)
    }

    /// Whether the pool never hands out `address` because of [`Self::avoid_buggy_ips`].
    #[must_use]
    pub fn avoids(&self, address: IpAddr) -> bool {
        self.avoid_buggy_ips
            && matches!(address, IpAddr::V4(address) if matches!(address.octets(), [.., 0 | 255]))
    }
}

/// What is wrong with a pool by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// The name is empty.
    #[error("the pool has no name")]
    EmptyName,
    /// There is no range.
    #[error("pool {pool} has no addresses")]
    NoRanges {
        /// The pool.
        pool: PoolName,
    },
    /// Two of its ranges have addresses in common.
    #[error("pool {pool}: {first} and {second} overlap")]
    Overlap {
        /// The pool.
        pool: PoolName,
        /// The range with the lower first address.
        first: IpRange,
        /// The other.
        second: IpRange,
    },
}
