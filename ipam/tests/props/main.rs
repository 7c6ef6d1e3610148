//! What holds for every input, and agreement with an allocator that is too slow and too simple to be wrong.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipam::{
    AllocError, Assignment, Decision, Families, Family, Holder, Plan, Pool, Pools, allocate,
};
use proptest::prelude::*;

mod incremental;
mod naive;
mod world;

use world::{Key, World, world};

type Held = BTreeMap<Key, Vec<IpAddr>>;

/// What everybody has once a plan has been carried out, foreign holders left out.
fn held_after(plan: &Plan<Key>) -> Held {
    let placements = plan
        .decisions
        .iter()
        .filter_map(|(key, decision)| Some((*key, decision.placement()?)));
    placements
        .map(|(key, placement)| (key, placement.addresses.iter().collect()))
        .collect()
}

/// The record of holders once a plan has been carried out.
fn carry_out(world: &World, plan: &Plan<Key>) -> BTreeMap<Key, Assignment> {
    let foreign = world
        .current
        .iter()
        .filter(|(_, assignment)| assignment.holder == Holder::Foreign);
    let foreign = foreign.map(|(key, assignment)| (*key, assignment.clone()));
    let ours = held_after(plan)
        .into_iter()
        .map(|(key, addresses)| (key, Assignment::new(addresses)));
    foreign.chain(ours).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_result_is_that_of_the_naive_allocator(world in world()) {
        let plan = allocate(&world.pools(), &world.current, &world.requests);
        prop_assert_eq!(held_after(&plan), naive::allocate(&world.pools(), &world.current, &world.requests));
    }

    #[test]
    fn no_address_is_used_twice_against_the_sharing_rules(world in world()) {
        let held = held_after(&allocate(&world.pools(), &world.current, &world.requests));
        for (key, addresses) in &held {
            for (other, theirs) in held.range(..key) {
                if addresses.iter().any(|address| theirs.contains(address)) {
                    prop_assert!(naive::may_share(&world.requests[key], &world.requests[other]), "{key} and {other}");
                }
            }
        }
    }

    #[test]
    fn newcomers_never_get_a_foreign_address(world in world()) {
        let plan = allocate(&world.pools(), &world.current, &world.requests);
        let foreign = world.current.values().filter(|assignment| assignment.holder == Holder::Foreign);
        let foreign: BTreeSet<IpAddr> = foreign.flat_map(|assignment| assignment.addresses.clone()).collect();
        for (key, addresses) in held_after(&plan) {
            let before = world.current.get(&key).map(|assignment| assignment.addresses.clone()).unwrap_or_default();
            let new = addresses.iter().find(|address| foreign.contains(address) && !before.contains(address));
            prop_assert_eq!(new, None, "{} got what is foreign", key);
        }
    }

    #[test]
    fn nobody_is_given_what_is_excluded_or_kept_for_others(world in world()) {
        let pools = world.pools();
        for (key, addresses) in held_after(&allocate(&pools, &world.current, &world.requests)) {
            let before = world.current.get(&key).map(|assignment| assignment.addresses.clone()).unwrap_or_default();
            for address in addresses.iter().filter(|address| !before.contains(address)) {
                prop_assert!(naive::is_for(&pools, &world.requests[&key], *address), "{key} got {address}");
            }
        }
    }

    #[test]
    fn whoever_has_an_address_keeps_it_when_it_is_excluded_or_reserved(world in world(), supply in world::supply()) {
        let plan = allocate(&world.pools(), &world.current, &world.requests);
        let mut reserved_later = world.clone();
        for (pool, later) in reserved_later.supply.pools.iter_mut().zip(&supply.pools) {
            pool.exclude(later.excluded().iter().copied());
        }
        reserved_later.supply.reserved = supply.reserved;
        let again = allocate(&reserved_later.pools(), &carry_out(&world, &plan), &world.requests);
        let after = held_after(&again);
        for (key, addresses) in held_after(&plan) {
            prop_assert!(after[&key].starts_with(&addresses));
        }
    }

    #[test]
    fn a_second_allocation_changes_nothing(world in world()) {
        let pools = world.pools();
        let plan = allocate(&pools, &world.current, &world.requests);
        let again = allocate(&pools, &carry_out(&world, &plan), &world.requests);
        prop_assert_eq!(held_after(&again), held_after(&plan));
        prop_assert_eq!(again.usage, plan.usage);
        for (key, decision) in again.decisions {
            let settled = matches!(decision, Decision::Keep(_) | Decision::Fail { released: None, .. });
            prop_assert!(settled, "{key} does not settle: {decision:?}");
        }
    }

    #[test]
    fn a_newcomer_takes_nothing_from_anybody(world in world(), newcomer in world::request()) {
        let pools = world.pools();
        let plan = allocate(&pools, &world.current, &world.requests);
        let mut requests = world.requests.clone();
        requests.insert(Key::MAX, newcomer);
        let after = held_after(&allocate(&pools, &carry_out(&world, &plan), &requests));
        for (key, addresses) in held_after(&plan) {
            prop_assert!(after[&key].starts_with(&addresses));
        }
    }

    #[test]
    fn the_order_in_which_pools_became_known_makes_no_difference(world in world()) {
        let mut reversed = Pools::new();
        for pool in world.supply.pools.iter().rev() {
            reversed.insert(pool.clone()).unwrap();
        }
        for (reservation, range) in world.supply.reserved.iter().rev() {
            reversed.reserve(*reservation, *range).unwrap();
        }
        let plan = allocate(&world.pools(), &world.current, &world.requests);
        prop_assert_eq!(allocate(&reversed, &world.current, &world.requests), plan);
    }

    #[test]
    fn nobody_waits_while_there_is_an_address_for_it(world in world()) {
        let pools = world.pools();
        let plan = allocate(&pools, &world.current, &world.requests);
        let used: BTreeSet<IpAddr> =
            carry_out(&world, &plan).into_values().flat_map(|assignment| assignment.addresses).collect();
        for (key, decision) in &plan.decisions {
            let request = match decision {
                Decision::Fail { error: AllocError::Exhausted { .. }, .. } => &world.requests[key],
                _ => continue,
            };
            let named = |pool: &Pool| request.pool.as_ref().map_or(pool.auto_assign, |name| name == pool.name());
            for pool in pools.iter().filter(|pool| !pool.disabled && named(pool) && naive::is_admitted(pool, request)) {
                let free = |family| naive::addresses(pool).any(|ip| {
                    Family::of(ip) == family && !used.contains(&ip) && naive::is_for(&pools, request, ip)
                });
                let enough = match request.families {
                    Families::Single(family) => free(family),
                    Families::RequireDual => free(Family::V4) && free(Family::V6),
                    Families::PreferDual { .. } => free(Family::V4) || free(Family::V6),
                };
                prop_assert!(!enough, "{key} could have an address of {}", pool.name());
            }
        }
    }

    #[test]
    fn everybody_who_asks_or_holds_is_decided_about_and_nobody_else(world in world()) {
        let plan = allocate(&world.pools(), &world.current, &world.requests);
        let is_foreign = |key: &Key| world.current.get(key).is_some_and(|held| held.holder == Holder::Foreign);
        let holds = |key: &Key| world.current.get(key).is_some_and(|held| !held.addresses.is_empty());
        for key in 0..=Key::MAX {
            let expected = !is_foreign(&key) && (world.requests.contains_key(&key) || holds(&key));
            prop_assert_eq!(plan.decisions.contains_key(&key), expected, "{}", key);
        }
    }

    #[test]
    fn usage_counts_each_address_once(world in world()) {
        let pools = world.pools();
        let plan = allocate(&pools, &world.current, &world.requests);
        let used: BTreeSet<IpAddr> =
            carry_out(&world, &plan).into_values().flat_map(|assignment| assignment.addresses).collect();
        for pool in pools.iter() {
            let count = |ipv4| used.iter().filter(|address| address.is_ipv4() == ipv4 && naive::usable(pool, **address)).count();
            let is_left = |address: &IpAddr| !pool.disabled && !used.contains(address) && !pool.excludes(*address);
            let left = |ipv4| naive::addresses(pool).filter(|address| address.is_ipv4() == ipv4 && is_left(address)).count();
            let usage = plan.usage[pool.name()];
            prop_assert_eq!(usize::try_from(usage.assigned_ipv4).unwrap(), count(true));
            prop_assert_eq!(usize::try_from(usage.assigned_ipv6).unwrap(), count(false));
            prop_assert_eq!(usize::try_from(usage.available_ipv4).unwrap(), left(true));
            prop_assert_eq!(usize::try_from(usage.available_ipv6).unwrap(), left(false));
        }
    }
}
