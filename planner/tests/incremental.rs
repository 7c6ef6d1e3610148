//! What holds for an allocation that is kept up to date, whatever happens to it.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipam::{Addresses, Pool, PoolName, Port, Protocol};
use planner::allocation::{Allocations, plan_allocation};
use planner::config::{NamespaceRule, PoolPolicy, Pools, ServiceAllocation};
use planner::effect::{ConditionStatus, Effect};
use planner::names::ServiceKey;
use planner::service::{
    AddressField, IpFamilyPolicy, Service, ServiceType, TrafficPolicy, WantedError,
};
use planner::snapshot::Snapshot;
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Something that happens to the cluster, or to how much of it is seen.
#[derive(Clone, Debug)]
enum Step {
    /// Services come, go (`None`) or are changed. They keep the addresses that they have if they are there already.
    Services(BTreeMap<ServiceKey, Option<Service>>),
    /// Somebody writes addresses into a status.
    Edit(ServiceKey, Vec<IpAddr>),
    /// The pools are others.
    Pools(Vec<PoolName>),
    /// These Services are seen as they are now.
    See(BTreeSet<ServiceKey>),
    /// The slow timer.
    Slow,
}

fn step() -> impl Strategy<Value = Step> {
    let services = btree_map(key(), option::weighted(0.8, service()), 1..4);
    let seen = subsequence(keys(), 0..=keys().len());
    prop_oneof![
        8 => services.prop_map(Step::Services),
        2 => (key(), held()).prop_map(|(key, held)| Step::Edit(key, held)),
        1 => pools().prop_map(Step::Pools),
        4 => seen.prop_map(|keys| Step::See(keys.into_iter().collect())),
        1 => Just(Step::Slow),
    ]
}

fn keys() -> Vec<ServiceKey> {
    let names = [
        "a/one", "a/two", "a/three", "b/one", "b/two", "b/three", "b/four",
    ];
    let key = |name: &str| {
        name.split_once('/')
            .map(|(space, name)| ServiceKey::new(space, name))
    };
    names.into_iter().filter_map(key).collect()
}

fn key() -> impl Strategy<Value = ServiceKey> {
    select(keys())
}

const POOLS: [(&str, &[&str]); 3] = [
    ("four", &["198.51.100.0/31"]),
    ("dual", &["203.0.113.128/31", "2001:db8::/127"]),
    ("mine", &["203.0.113.132/32"]),
];

fn pools() -> impl Strategy<Value = Vec<PoolName>> {
    let names: Vec<PoolName> = POOLS
        .iter()
        .map(|(name, _)| PoolName::from(*name))
        .collect();
    subsequence(names, 1..=POOLS.len())
}

/// The last pool is for namespace `b` alone.
fn config(names: &[PoolName]) -> Pools {
    let mut pools = Pools::default();
    for (name, ranges) in POOLS {
        if names.iter().any(|wanted| wanted.as_str() == name) {
            let ranges = ranges.iter().map(|range| range.parse().unwrap());
            let only = NamespaceRule::Only(["b".into()].into());
            let allocation = (name == "mine").then(|| ServiceAllocation {
                namespaces: only,
                ..ServiceAllocation::default()
            });
            let policy = PoolPolicy {
                allocation,
                ..PoolPolicy::default()
            };
            pools
                .insert(Pool::try_new(name, ranges).unwrap(), policy)
                .unwrap();
        }
    }
    pools
}

/// Mostly an address of a pool.
fn address() -> impl Strategy<Value = IpAddr> {
    let texts = [
        "198.51.100.0",
        "198.51.100.1",
        "203.0.113.128",
        "203.0.113.129",
        "203.0.113.132",
        "2001:db8::",
        "2001:db8::1",
        "192.0.2.1",
    ];
    select(texts.map(|text| text.parse::<IpAddr>().unwrap()).to_vec())
}

fn held() -> impl Strategy<Value = Vec<IpAddr>> {
    vec(address(), 0..3)
}

fn service() -> impl Strategy<Value = Service> {
    let policies = select(vec![
        IpFamilyPolicy::SingleStack,
        IpFamilyPolicy::PreferDualStack,
        IpFamilyPolicy::RequireDualStack,
    ]);
    let kinds = (
        prop_oneof![8 => Just(ServiceType::LoadBalancer), 1 => Just(ServiceType::Other)],
        prop::bool::weighted(0.1),
        any::<bool>(),
    );
    let wishes = (
        option::weighted(
            0.3,
            prop_oneof![4 => address().prop_map(Some), 1 => Just(None)],
        ),
        option::weighted(0.5, select(vec!["x", "y"])),
        1..4_u16,
    );
    let cluster_ips = select(vec![
        &["10.0.0.1"][..],
        &["10.0.0.1", "fd00::1"],
        &["fd00::1"],
        &["None"],
    ]);
    (kinds, policies, cluster_ips, 0..4_u64, wishes).prop_map(
        |((service_type, is_foreign, local), policy, cluster_ips, created, wishes)| {
            let (wanted, share, port) = wishes;
            let nonsense = || WantedError::InvalidField {
                text: "nowhere".to_owned(),
            };
            Service {
                service_type,
                load_balancer_class: is_foreign.then(|| "other".to_owned()),
                created: Duration::from_secs(created),
                cluster_ips: cluster_ips
                    .iter()
                    .map(|text| AddressField::parse(text))
                    .collect(),
                ip_family_policy: policy,
                traffic_policy: if local {
                    TrafficPolicy::Local
                } else {
                    TrafficPolicy::Cluster
                },
                ports: BTreeSet::from([Port::new(Protocol::Tcp, port)]),
                wanted: wanted.map(|wanted| wanted.map(Addresses::single).ok_or_else(nonsense)),
                sharing_key: share.map(str::to_owned),
                ..Service::default()
            }
        },
    )
}

/// A cluster: what it is, and what of it is seen.
struct World {
    truth: Snapshot,
    seen: Snapshot,
    allocations: Allocations,
    /// Effects that were returned, and not carried out yet.
    lost: Vec<Effect>,
    carry_out: Carry,
}

/// What becomes of effects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carry {
    /// They are carried out at once.
    All,
    /// So many in ten get lost at first.
    LoseSome(u64),
}

impl World {
    fn new(carry_out: Carry) -> Self {
        let mut truth = Snapshot::default();
        let names: Vec<PoolName> = POOLS
            .iter()
            .map(|(name, _)| PoolName::from(*name))
            .collect();
        truth.config.pools = config(&names);
        let mut world = Self {
            seen: truth.clone(),
            truth,
            allocations: Allocations::default(),
            lost: Vec::new(),
            carry_out,
        };
        world.decide_anew();
        world
    }

    /// Makes the change; the pools are seen at once.
    fn happen(&mut self, step: &Step) {
        match step {
            Step::Services(services) => {
                for (key, service) in services {
                    let had = self.truth.services.remove(key);
                    if let Some(service) = service {
                        let mut service = service.clone();
                        if let Some(had) = had.filter(|had| had.created == service.created) {
                            service.ingress.clone_from(&had.ingress);
                            service.allocated_from.clone_from(&had.allocated_from);
                            service.condition.clone_from(&had.condition);
                            service.announced.clone_from(&had.announced);
                        }
                        self.truth.services.insert(key.clone(), Arc::new(service));
                    }
                }
            }
            Step::Edit(key, held) => {
                if let Some(service) = self.truth.services.get_mut(key) {
                    Arc::make_mut(service).ingress =
                        held.iter().copied().map(AddressField::Ip).collect();
                }
            }
            Step::Pools(names) => {
                self.truth.config.pools = config(names);
                let usage = &mut self.truth.reported_usage;
                usage.retain(|name, _| names.contains(name));
                self.seen.config = self.truth.config.clone();
                self.decide_anew();
            }
            Step::See(keys) => self.see(keys),
            Step::Slow => {
                self.allocations.doubt();
                self.decide_anew();
            }
        }
    }

    fn see(&mut self, keys: &BTreeSet<ServiceKey>) {
        let mut changed = BTreeSet::new();
        for key in keys {
            let is = self.truth.services.get(key);
            if self.seen.services.get(key) != is {
                changed.insert(key.clone());
                match is {
                    Some(service) => {
                        drop(self.seen.services.insert(key.clone(), Arc::clone(service)))
                    }
                    None => drop(self.seen.services.remove(key)),
                }
            }
        }
        self.seen.reported_usage = self.truth.reported_usage.clone();
        let effects = self.allocations.update(&self.seen, &changed);
        self.carry_out(effects);
    }

    fn see_all(&mut self) {
        self.see(&keys().into_iter().collect());
    }

    fn decide_anew(&mut self) {
        let effects = self.allocations.decide_anew(&self.seen);
        self.carry_out(effects);
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for (index, effect) in (0_u64..).zip(effects) {
            let is_lost =
                matches!(self.carry_out, Carry::LoseSome(share) if index * 7 % 10 < share);
            if is_lost {
                self.lost.push(effect);
            } else {
                self.write(effect);
            }
        }
    }

    fn write(&mut self, effect: Effect) {
        match effect {
            Effect::PatchServiceStatus {
                service,
                ingress,
                pool,
                condition,
                announced,
            } => {
                // An API server refuses what was decided from another version than it has.
                let is = self.truth.services.get(&service);
                if is.is_none()
                    || is.map(|is| &is.ingress)
                        != self.seen.services.get(&service).map(|seen| &seen.ingress)
                {
                    return;
                }
                let service = Arc::make_mut(self.truth.services.get_mut(&service).unwrap());
                service.ingress = ingress.into_iter().map(AddressField::Ip).collect();
                service.allocated_from = pool;
                service.condition = condition;
                service.announced = announced;
            }
            Effect::PoolStatus { pool, usage } => {
                self.truth.reported_usage.insert(pool, usage);
            }
            _ => {}
        }
    }

    /// Tries again what got lost.
    fn try_again(&mut self) {
        for effect in std::mem::take(&mut self.lost) {
            let effect = self.allocations.again(&self.seen, effect);
            effect.into_iter().for_each(|effect| self.write(effect));
        }
    }
}

/// What status and annotation of each Service say.
fn statuses(snapshot: &Snapshot) -> BTreeMap<ServiceKey, (Vec<AddressField>, Option<PoolName>)> {
    let status = |(key, service): (&ServiceKey, &Arc<Service>)| {
        (
            key.clone(),
            (service.ingress.clone(), service.allocated_from.clone()),
        )
    };
    snapshot.services.iter().map(status).collect()
}

/// Whether each Service of ours has its addresses, as its condition says.
fn conditions(snapshot: &Snapshot) -> BTreeMap<ServiceKey, Option<ConditionStatus>> {
    let status = |(key, service): (&ServiceKey, &Arc<Service>)| {
        (
            key.clone(),
            service.condition.as_ref().map(|condition| condition.status),
        )
    };
    snapshot.services.iter().map(status).collect()
}

/// Pairs of Services of ours that have an address in common which they must not share.
fn collisions(snapshot: &Snapshot) -> Vec<(ServiceKey, ServiceKey)> {
    // Whose ClusterIPs make no sense is left alone, whatever somebody writes on it.
    let ours = |service: &Service| {
        service.load_balancer_class.is_none()
            && service.families().is_some()
            && service
                .condition
                .as_ref()
                .is_some_and(|c| c.status == ConditionStatus::True)
    };
    let services: Vec<_> = snapshot
        .services
        .iter()
        .filter(|(_, service)| ours(service))
        .collect();
    let mut collisions = Vec::new();
    for (index, (one_key, one)) in services.iter().enumerate() {
        for (other_key, other) in &services[index + 1..] {
            let is_common = one
                .addresses()
                .any(|address| other.addresses().any(|also| also == address));
            let may_share = one.sharing_key.is_some()
                && one.sharing_key == other.sharing_key
                && one.ports.is_disjoint(&other.ports);
            if is_common && !may_share {
                collisions.push(((*one_key).clone(), (*other_key).clone()));
            }
        }
    }
    collisions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Everything is seen as soon as it happens, and carried out as soon as it is decided.
    #[test]
    fn each_change_gives_what_is_decided_from_scratch(steps in vec(step(), 1..20)) {
        let mut world = World::new(Carry::All);
        for step in steps {
            world.happen(&step);
            let mut expected = world.truth.clone();
            plan_allocation(&expected).apply(&mut expected);
            world.see_all();
            prop_assert_eq!(statuses(&world.truth), statuses(&expected), "after {:?}", step);
            prop_assert_eq!(conditions(&world.truth), conditions(&expected));
            prop_assert_eq!(&world.truth.reported_usage, &expected.reported_usage);
            prop_assert_eq!(&world.allocations.usage(), &expected.reported_usage);
            // What was written comes back, and there is nothing more to do.
            world.see_all();
            prop_assert_eq!(statuses(&world.truth), statuses(&expected));
        }
    }

    /// Some Services are seen late, some writes get lost, and somebody edits statuses.
    #[test]
    fn it_settles_whatever_got_lost_or_was_late(steps in vec(step(), 1..30), lost in 0..10_u64) {
        let mut world = World::new(Carry::LoseSome(lost));
        for step in steps {
            world.happen(&step);
        }
        world.carry_out = Carry::All;
        for _ in 0..4 {
            world.see_all();
            world.try_again();
        }
        // Writes that were refused because of a newer version are given up, and made again by the slow timer.
        for _ in 0..3 {
            world.happen(&Step::Slow);
            world.see_all();
        }
        let settled = statuses(&world.truth);
        let mut expected = world.truth.clone();
        plan_allocation(&expected).apply(&mut expected);
        prop_assert_eq!(&settled, &statuses(&expected), "all is as it is to be");
        prop_assert_eq!(collisions(&world.truth), vec![]);
        world.happen(&Step::Slow);
        world.see_all();
        prop_assert_eq!(settled, statuses(&world.truth), "and stays so");
    }

    /// Who has an address that the rules allow keeps it when a controller starts, whoever else waits.
    #[test]
    fn a_controller_that_starts_moves_nobody_who_may_stay(steps in vec(step(), 1..20)) {
        let mut world = World::new(Carry::All);
        for step in steps {
            world.happen(&step);
            world.see_all();
            world.see_all();
        }
        let before = statuses(&world.truth);
        let mut successor = World { allocations: Allocations::default(), ..world };
        successor.decide_anew();
        prop_assert_eq!(statuses(&successor.truth), before);
    }

    /// What arrives together is decided alike in whatever order it was seen before.
    #[test]
    fn the_order_in_which_services_were_seen_makes_no_difference(
        services in btree_map(key(), service(), 1..7),
        mut order in Just(keys()).prop_shuffle(),
    ) {
        let mut whole = World::new(Carry::All);
        let services: BTreeMap<_, _> = services.into_iter().map(|(key, service)| (key, Some(service))).collect();
        whole.happen(&Step::Services(services.clone()));
        whole.see_all();
        // The older is served first however they come, as long as nobody is served before all are there: no pools.
        let mut parts = World::new(Carry::All);
        parts.happen(&Step::Pools(Vec::new()));
        parts.happen(&Step::Services(services));
        while let Some(key) = order.pop() {
            parts.see(&BTreeSet::from([key]));
        }
        let names: Vec<PoolName> = POOLS.iter().map(|(name, _)| PoolName::from(*name)).collect();
        parts.see_all();
        parts.happen(&Step::Pools(names));
        prop_assert_eq!(statuses(&parts.truth), statuses(&whole.truth));
    }
}
