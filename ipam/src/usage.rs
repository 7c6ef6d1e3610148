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
    /// IPv4 addresses left to be handed out, those that are reserved among them and those that are excluded not; none in
    /// a pool that is disabled.
    pub available_ipv4: i64,
    /// IPv6 addresses left, likewise.
    pub available_ipv6: i64,
}

impl Usage {
    /// The usage of a pool of which so many addresses are in use.
    pub(crate) fn new(pool: &Pool, ipv4: InUse, ipv6: InUse) -> Self {
        let count = |addresses: usize| i64::try_from(addresses).unwrap_or(i64::MAX);
        let available = |family, in_use: InUse| {
            if pool.disabled {
                return 0;
            }
            let taken = in_use.all.saturating_sub(in_use.excluded);
            total(pool, family).saturating_sub(count(taken))
        };
        Self {
            assigned_ipv4: count(ipv4.all),
            assigned_ipv6: count(ipv6.all),
            available_ipv4: available(Family::V4, ipv4),
            available_ipv6: available(Family::V6, ipv6),
        }
    }
}

/// How many addresses of one family of a pool somebody has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct InUse {
    /// All of them.
    pub(crate) all: usize,
    /// Those of them that are excluded.
    pub(crate) excluded: usize,
}

/// How many addresses of a family a pool can hand out, as a Kubernetes count.
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
        .map(move |range| {
            let excluded = pool.excluded().iter();
            let excluded = excluded.filter_map(|hole| hole.intersection(range));
            let excluded = excluded.map(|hole| avoidance.usable(&hole));
            excluded.fold(avoidance.usable(range), u128::saturating_sub)
        })
}

/// `MetalLB` counts a range of so many addresses as without end.
const HUGE: u128 = 1 << 62;
