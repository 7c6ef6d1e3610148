//! The rules once more, by looking at every address and every holder each time.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipam::{Assignment, Families, Family, Holder, Pool, Pools, Priority, Request, Wanted};

use crate::Held;
use crate::world::Key;

/// Who holds what, in the order in which it was given; `None` stands for a foreign holder.
type Table<'a> = Vec<(IpAddr, Option<&'a Request>)>;

pub(crate) fn allocate(
    pools: &Pools,
    current: &BTreeMap<Key, Assignment>,
    requests: &BTreeMap<Key, Request>,
) -> Held {
    let ours = |key: &Key| {
        current
            .get(key)
            .is_none_or(|assignment| assignment.holder == Holder::Ours)
    };
    let mut by_age: Vec<(Key, &Request)> = requests
        .iter()
        .filter(|(key, _)| ours(key))
        .map(|(key, request)| (*key, request))
        .collect();
    by_age.sort_by_key(|(key, request)| (request.created, *key));

    let mut table = Table::new();
    let mut held = Held::new();
    for (key, request) in &by_age {
        let addresses = current
            .get(key)
            .map(|assignment| assignment.addresses.clone())
            .unwrap_or_default();
        if may_keep(pools, &table, request, &addresses) {
            table.extend(addresses.iter().map(|address| (*address, Some(*request))));
            held.insert(*key, addresses);
        }
    }
    let foreign = current
        .values()
        .filter(|assignment| assignment.holder == Holder::Foreign);
    table.extend(
        foreign
            .flat_map(|assignment| assignment.addresses.clone())
            .map(|address| (address, None)),
    );
    for (key, request) in &by_age {
        let addresses = match held.get(key) {
            None => find(pools, &table, request),
            Some(addresses) => second(pools, &table, request, addresses),
        };
        if !addresses.is_empty() {
            table.extend(addresses.iter().map(|address| (*address, Some(*request))));
            held.entry(*key).or_default().extend(addresses);
        }
    }
    held
}

pub(crate) fn may_share(a: &Request, b: &Request) -> bool {
    a.sharing.is_some() && a.sharing == b.sharing && a.ports.is_disjoint(&b.ports)
}

pub(crate) fn usable(pool: &Pool, address: IpAddr) -> bool {
    let buggy = address.is_ipv4()
        && [".0", ".255"]
            .iter()
            .any(|end| address.to_string().ends_with(end));
    pool.ranges().iter().any(|range| range.contains(address)) && !(pool.avoid_buggy_ips && buggy)
}

pub(crate) fn addresses(pool: &Pool) -> impl Iterator<Item = IpAddr> {
    pool.ranges()
        .iter()
        .flat_map(|range| range.addresses())
        .filter(|address| usable(pool, *address))
}

/// Whether an address may be given to who does not have it yet.
pub(crate) fn is_for(pools: &Pools, request: &Request, address: IpAddr) -> bool {
    let excluding = |pool: &Pool| pool.excluded().iter().any(|range| range.contains(address));
    let mut reserved = pools
        .reserved()
        .filter(|(_, range)| range.contains(address));
    !pools.iter().any(excluding)
        && reserved.all(|(reservation, _)| request.reservations.contains(reservation))
}

fn is_reserved(pools: &Pools, address: IpAddr) -> bool {
    pools.reserved().any(|(_, range)| range.contains(address))
}

fn is_free(table: &Table<'_>, address: IpAddr, request: &Request) -> bool {
    let mut holders = table.iter().filter(|(taken, _)| *taken == address);
    holders.all(|(_, holder)| holder.is_some_and(|holder| may_share(holder, request)))
}

pub(crate) fn is_admitted(pool: &Pool, request: &Request) -> bool {
    pool.pinned.is_none() || request.admitted_to.contains(pool.name())
}

fn may_have(pools: &Pools, table: &Table<'_>, request: &Request, addresses: &[IpAddr]) -> bool {
    let in_one_pool = pools
        .iter()
        .find(|pool| addresses.iter().all(|address| usable(pool, *address)));
    in_one_pool.is_some_and(|pool| {
        is_admitted(pool, request)
            && request
                .pool
                .as_ref()
                .is_none_or(|wanted| wanted == pool.name())
    }) && addresses
        .iter()
        .all(|address| is_free(table, *address, request))
}

fn may_keep(pools: &Pools, table: &Table<'_>, request: &Request, held: &[IpAddr]) -> bool {
    let count = |v4: bool| {
        held.iter()
            .filter(|address| address.is_ipv4() == v4)
            .count()
    };
    let families = matches!(
        (request.families, count(true), count(false)),
        (Families::Single(Family::V4), 1, 0)
            | (Families::Single(Family::V6), 0, 1)
            | (Families::RequireDual, 1, 1)
            | (Families::PreferDual { .. }, 1, 0)
            | (Families::PreferDual { .. }, 0, 1)
            | (Families::PreferDual { .. }, 1, 1)
    );
    let wanted = match request.wanted {
        Wanted::Addresses(wanted) => {
            wanted.iter().count() == held.len() && wanted.iter().all(|a| held.contains(&a))
        }
        _ => true,
    };
    families && wanted && may_have(pools, table, request, held)
}

/// New addresses for a request that has none; empty if there are none.
fn find(pools: &Pools, table: &Table<'_>, request: &Request) -> Vec<IpAddr> {
    if let Wanted::Addresses(wanted) = request.wanted {
        let mut wanted: Vec<IpAddr> = wanted.iter().collect();
        wanted.sort();
        let families = match request.families {
            Families::Single(family) => wanted.len() == 1 && Family::of(wanted[0]) == family,
            Families::RequireDual | Families::PreferDual { .. } => wanted.len() == 2,
        };
        let disabled = pools
            .iter()
            .any(|pool| pool.disabled && pool.contains(wanted[0]));
        let ours = wanted
            .iter()
            .all(|address| is_for(pools, request, *address));
        let granted = families && !disabled && ours && may_have(pools, table, request, &wanted);
        return if granted { wanted } else { Vec::new() };
    }
    if request.wanted != Wanted::Any {
        return Vec::new();
    }
    if let Some(name) = &request.pool {
        let named = pools
            .iter()
            .filter(|pool| pool.name() == name && !pool.disabled && is_admitted(pool, request));
        return from_tier(&named.collect::<Vec<_>>(), pools, table, request);
    }
    let automatic = || {
        pools
            .iter()
            .filter(|pool| pool.auto_assign && !pool.disabled)
    };
    let rank = |pool: &&Pool| {
        let priority = pool.pinned.map(Priority::get);
        let priority = priority.map_or((true, 0), |priority| {
            (false, if priority == 0 { i64::MAX } else { priority })
        });
        (priority, pool.name().clone())
    };
    let families = [Family::V4, Family::V6].into_iter();
    let families = families.filter(|family| match request.families {
        Families::Single(only) => only == *family,
        _ => true,
    });
    let families: Vec<Family> = families.collect();
    let has_reserved = |pool: &&Pool| {
        addresses(pool).any(|address| {
            families.contains(&Family::of(address))
                && is_reserved(pools, address)
                && is_for(pools, request, address)
                && is_free(table, address, request)
        })
    };
    let admitting = pools
        .iter()
        .filter(|pool| !pool.disabled && is_admitted(pool, request));
    let mut reserved: Vec<&Pool> = admitting.filter(has_reserved).collect();
    reserved.sort_by_key(rank);
    let mut pinned: Vec<&Pool> = automatic()
        .filter(|pool| pool.pinned.is_some() && is_admitted(pool, request))
        .collect();
    pinned.sort_by_key(rank);
    let open: Vec<&Pool> = automatic().filter(|pool| pool.pinned.is_none()).collect();
    [reserved, pinned, open]
        .iter()
        .map(|tier| from_tier(tier, pools, table, request))
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn from_tier(tier: &[&Pool], pools: &Pools, table: &Table<'_>, request: &Request) -> Vec<IpAddr> {
    let first = |pool: &Pool, family: Family| {
        first_of(pools, pool, table, request, |address| {
            Family::of(address) == family
        })
    };
    let single = |family: Family| tier.iter().find_map(|pool| first(pool, family));
    let both = || {
        tier.iter()
            .find_map(|pool| Some(vec![first(pool, Family::V4)?, first(pool, Family::V6)?]))
    };
    match request.families {
        Families::Single(family) => single(family).into_iter().collect(),
        Families::RequireDual => both().unwrap_or_default(),
        Families::PreferDual { primary } => both()
            .or_else(|| single(primary).map(|address| vec![address]))
            .or_else(|| single(primary.other()).map(|address| vec![address]))
            .unwrap_or_default(),
    }
}

/// The first address of a pool that the request may get, of those that are reserved for it if there is one.
fn first_of(
    pools: &Pools,
    pool: &Pool,
    table: &Table<'_>,
    request: &Request,
    fits: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let usable = |address: &IpAddr| {
        fits(*address) && is_for(pools, request, *address) && is_free(table, *address, request)
    };
    let reserved = addresses(pool).find(|address| usable(address) && is_reserved(pools, *address));
    reserved.or_else(|| addresses(pool).find(usable))
}

/// An address of the family that a holder lacks and would like.
fn second(pools: &Pools, table: &Table<'_>, request: &Request, held: &[IpAddr]) -> Vec<IpAddr> {
    let wants =
        matches!(request.families, Families::PreferDual { .. }) && request.wanted == Wanted::Any;
    if !wants || held.len() != 1 {
        return Vec::new();
    }
    let pool = pools.iter().find(|pool| usable(pool, held[0])).unwrap();
    let other = |address: IpAddr| !pool.disabled && address.is_ipv4() != held[0].is_ipv4();
    first_of(pools, pool, table, request, other)
        .into_iter()
        .collect()
}
