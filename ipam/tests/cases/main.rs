//! The rules, case by case: what a holder of addresses gets, keeps, loses, and what it is told.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipam::{
    AllocError, Assignment, Decision, Families, Family, Holder, Plan, Pool, Pools, Port, Priority,
    Protocol, Release, Request, Sharing, allocate,
};

mod assignment;
mod buggy_ips;
mod disabled;
mod dual_stack;
mod excluded;
mod one_change;
mod pool_choice;
mod reserved;
mod sharing;
mod usage;

type Key = &'static str;

/// The arguments of an allocation; carrying out a plan changes what is held.
#[derive(Debug, Default)]
struct World {
    pools: Pools,
    current: BTreeMap<Key, Assignment>,
    requests: BTreeMap<Key, Request>,
}

impl World {
    fn new(pools: impl IntoIterator<Item = Pool>) -> Self {
        Self {
            pools: Pools::try_new(pools).unwrap(),
            ..Self::default()
        }
    }

    fn set_pools(&mut self, pools: impl IntoIterator<Item = Pool>) {
        self.pools = Pools::try_new(pools).unwrap();
    }

    fn ask(&mut self, key: Key, request: Request) -> &mut Request {
        self.requests.insert(key, request);
        self.requests.get_mut(key).unwrap()
    }

    fn hold(&mut self, key: Key, addresses: &[&str]) {
        self.current.insert(key, Assignment::new(ips(addresses)));
    }

    fn forget(&mut self, key: Key) {
        self.requests.remove(key);
    }

    /// Allocates, carries the plan out, and checks that a second allocation finds nothing left to do.
    fn settle(&mut self) -> Plan<Key> {
        let plan = allocate(&self.pools, &self.current, &self.requests);
        self.current
            .retain(|_, assignment| assignment.holder == Holder::Foreign);
        for (key, decision) in &plan.decisions {
            if let Some(placement) = decision.placement() {
                self.current
                    .insert(*key, Assignment::new(placement.addresses.iter()));
            }
        }
        let again = allocate(&self.pools, &self.current, &self.requests);
        assert_eq!(again.usage, plan.usage);
        for (key, decision) in &again.decisions {
            let before = &plan.decisions[key];
            assert_eq!(
                decision.placement(),
                before.placement(),
                "{key} does not settle"
            );
            assert!(
                matches!(
                    decision,
                    Decision::Keep(_) | Decision::Fail { released: None, .. }
                ),
                "{key}: {decision:?}"
            );
        }
        plan
    }

    /// What a key holds, as text; empty for nothing.
    fn held(&self, key: Key) -> String {
        let addresses = self
            .current
            .get(key)
            .map(|assignment| assignment.addresses.as_slice())
            .unwrap_or_default();
        addresses
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ")
    }
}

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

fn pool(name: &str, ranges: &[&str]) -> Pool {
    Pool::try_new(name, ranges.iter().map(|range| range.parse().unwrap())).unwrap()
}

fn manual(name: &str, ranges: &[&str]) -> Pool {
    let mut pool = pool(name, ranges);
    pool.auto_assign = false;
    pool
}

fn pinned(name: &str, ranges: &[&str], priority: i64) -> Pool {
    let mut pool = pool(name, ranges);
    pool.pinned = Some(Priority::new(priority));
    pool
}

fn avoiding(name: &str, ranges: &[&str]) -> Pool {
    let mut pool = pool(name, ranges);
    pool.avoid_buggy_ips = true;
    pool
}

fn ipv4() -> Request {
    Request::new(Families::Single(Family::V4))
}

fn ipv6() -> Request {
    Request::new(Families::Single(Family::V6))
}

fn require_dual() -> Request {
    Request::new(Families::RequireDual)
}

fn prefer_dual(primary: Family) -> Request {
    Request::new(Families::PreferDual { primary })
}

fn born(seconds: u64, mut request: Request) -> Request {
    request.created = Duration::from_secs(seconds);
    request
}

fn wanting(addresses: &[&str], mut request: Request) -> Request {
    let addresses = ipam::Addresses::try_new(&ips(addresses)).unwrap();
    request.wanted = ipam::Wanted::Addresses(addresses);
    request
}

fn from_pool(name: &str, mut request: Request) -> Request {
    request.pool = Some(name.into());
    request
}

fn admitted(pools: &[&str], mut request: Request) -> Request {
    request.admitted_to = pools.iter().map(|name| (*name).into()).collect();
    request
}

fn sharing(key: &str, ports: &[u16], mut request: Request) -> Request {
    request.sharing = Sharing::try_new(key, "");
    request.ports = ports
        .iter()
        .map(|number| Port::new(Protocol::Tcp, *number))
        .collect();
    request
}

fn error(plan: &Plan<Key>, key: Key) -> AllocError<Key> {
    match &plan.decisions[key] {
        Decision::Fail { error, .. } => error.clone(),
        other => panic!("{key} did not fail: {other:?}"),
    }
}

fn released(plan: &Plan<Key>, key: Key) -> Release<Key> {
    plan.decisions[key]
        .released()
        .unwrap_or_else(|| panic!("{key} lost nothing"))
        .clone()
}
