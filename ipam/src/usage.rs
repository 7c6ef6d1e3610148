//! How much of a pool is in use.

use crate::family::Family;
use crate::free::Avoidance;
use crate::pool::Pool;

/// Addresses of one pool, as counts of [`i64`] because that is what the Kubernetes API has. Never negative; a pool with
/// more counts as [`i64::MAX`], and so does one with an IPv6 range of 2^62 addresses or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
#[non_exhaustive]
pub struct Usage {
    /// IPv4 addresses in use, each counted once however many share it.
    pub assigned_ipv4: i64,
    /// IPv6 addresses in use.
    pub assigned_ipv6: i64,
    /// IPv4 addresses left to be handed out; none in a pool that is disabled.
    pub available_ipv4: i64,
    /// IPv6 addresses left, likewise.
    pub available_ipv6: i64,
}

impl Usage {
    /// The usage of a pool of which so many addresses are in use.
    pub(crate) fn new(pool: &Pool, assigned_ipv4: usize, assigned_ipv6: usize) -> Self {
        let count = |assigned: usize| i64::try_from(assigned).unwrap_or(i64::MAX);
        let (assigned_ipv4, assigned_ipv6) = (count(assigned_ipv4), count(assigned_ipv6));
        if pool.disabled {
            return Self {
                assigned_ipv4,
                assigned_ipv6,
                available_ipv4: 0,
                available_ipv6: 0,
            };
        }
        Self {
            assigned_ipv4,
            assigned_ipv6,
            available_ipv4: total(pool, Family::V4).saturating_sub(assigned_ipv4),
            available_ipv6: total(pool, Family::V6).saturating_sub(assigned_ipv6),
        }
    }
}

/// How many addresses of a family a pool can hand out.
pub(crate) fn usable(pool: &Pool, family: Family) -> u128 {
    usable_by_range(pool, family).fold(0, u128::saturating_add)
}

/// The same as a Kubernetes count.
fn total(pool: &Pool, family: Family) -> i64 {
    let counts = usable_by_range(pool, family).map(|usable| {
        if usable < HUGE {
            i64::try_from(usable).unwrap_or(i64::MAX)
        } else {
            i64::MAX
        }
    });
    counts.fold(0, i64::saturating_add)
}

fn usable_by_range(pool: &Pool, family: Family) -> impl Iterator<Item = u128> {
    let avoidance = Avoidance::of(pool, family);
    pool.ranges()
        .iter()
        .filter(move |range| range.family() == family)
        .map(move |range| avoidance.usable(range))
}

/// `MetalLB` counts a range of so many addresses as without end.
const HUGE: u128 = 1 << 62;
