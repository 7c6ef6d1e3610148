//! The allocation itself: confirm what is held, then serve what is asked for.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::occupancy::Occupancy;
use crate::plan::{Decision, Plan, Release};
use crate::pools::Pools;
use crate::request::{Assignment, Holder, Request};
use crate::rules::Rules;

/// Decides about every holder at once; see the [crate's documentation](crate#contract-of-allocate) for the contract.
pub fn allocate<Key: Ord + Clone>(
    pools: &Pools,
    current: &BTreeMap<Key, Assignment>,
    requests: &BTreeMap<Key, Request>,
) -> Plan<Key> {
    allocate_into(&mut Occupancy::new(pools), pools, current, requests)
}

/// The same, with the holders put into `occupancy`, which is empty before.
pub(crate) fn allocate_into<Key: Ord + Clone>(
    occupancy: &mut Occupancy<Key>,
    pools: &Pools,
    current: &BTreeMap<Key, Assignment>,
    requests: &BTreeMap<Key, Request>,
) -> Plan<Key> {
    let mut rules = Rules::new(pools, occupancy);
    let is_ours = |key: &Key| {
        current
            .get(key)
            .is_none_or(|assignment| assignment.holder == Holder::Ours)
    };

    // Nothing new may be given out before all that is held has been confirmed.
    let ours = by_age(requests).into_iter().filter(|(key, _)| is_ours(key));
    let standings =
        ours.map(|(key, request)| (key, request, rules.examine(key, request, current.get(key))));
    let standings: Vec<_> = standings.collect();
    let mut decisions = BTreeMap::new();
    for (key, assignment) in current {
        match assignment.holder {
            Holder::Foreign => assignment
                .addresses
                .iter()
                .for_each(|address| rules.block(*address, key)),
            Holder::Ours if requests.contains_key(key) || assignment.addresses.is_empty() => {}
            Holder::Ours => {
                decisions.insert(key.clone(), Decision::Release(Release::NotRequested));
            }
        }
    }
    let decided = standings
        .into_iter()
        .map(|(key, request, standing)| (key.clone(), rules.decide(key, request, standing)));
    decisions.extend(decided);
    Plan {
        decisions,
        usage: occupancy.usage(pools),
    }
}

/// The requests, older before younger, equal ones by key.
fn by_age<Key: Ord>(requests: &BTreeMap<Key, Request>) -> Vec<(&Key, &Request)> {
    let mut requests: Vec<_> = requests.iter().collect();
    // The sort is stable and the keys came in order.
    requests.sort_by_key(|(_, request)| request.created);
    requests
}
