//! What an allocation that is kept up to date writes and tells, step by step.

mod fixture;

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::allocation::Allocations;
use planner::effect::Effect;
use planner::service::{AddressField, Service};
use planner::snapshot::Snapshot;

/// Two addresses.
const POOL: &str = "pools: {p: {addresses: [203.0.113.0/31]}}\n";

struct World {
    seen: Snapshot,
    allocations: Allocations,
}

impl World {
    /// With the effects of the first decisions.
    fn start(services: &str) -> (Self, Vec<String>) {
        let seen = fixture::snapshot(&format!("{POOL}services: {services}"));
        let mut allocations = Allocations::default();
        let effects = allocations.decide_anew(&seen);
        (Self { seen, allocations }, texts(&effects))
    }

    fn update(&mut self, names: &[&str]) -> Vec<String> {
        let changed: BTreeSet<_> = names.iter().map(|name| fixture::key(name)).collect();
        texts(&self.allocations.update(&self.seen, &changed))
    }

    fn slow(&mut self) -> Vec<String> {
        self.allocations.doubt();
        texts(&self.allocations.decide_anew(&self.seen))
    }

    /// A Service is seen to be this now.
    fn set(&mut self, name: &str, change: impl FnOnce(&mut Service)) {
        let key = fixture::key(name);
        change(Arc::make_mut(self.seen.services.entry(key).or_default()));
    }

    /// What an effect has written is seen.
    fn see(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::PatchServiceStatus {
                    service,
                    ingress,
                    pool,
                    condition,
                    announced,
                } => self.set(&service.to_string(), |service| {
                    service.ingress = ingress.into_iter().map(AddressField::Ip).collect();
                    service.allocated_from = pool;
                    service.condition = condition;
                    service.announced = announced;
                }),
                Effect::PoolStatus { pool, usage } => {
                    self.seen.reported_usage.insert(pool, usage);
                }
                _ => {}
            }
        }
    }
}

/// Addresses and events; of pools how many addresses are in use.
fn texts(effects: &[Effect]) -> Vec<String> {
    let text = |effect: &Effect| match effect {
        Effect::PatchServiceStatus {
            service, ingress, ..
        } => format!("{service} {ingress:?}"),
        Effect::EmitEvent(event) => format!("{} {}", event.involved, event.reason),
        Effect::PoolStatus { pool, usage } => format!("{pool} {}", usage.assigned_ipv4),
        other => format!("{other:?}"),
    };
    effects.iter().map(text).collect()
}

fn address(text: &str) -> Vec<AddressField> {
    vec![AddressField::parse(text)]
}

const NOTHING: [String; 0] = [];

#[test]
fn what_is_written_is_written_once_and_counts_until_it_is_seen() {
    let (mut world, effects) = World::start("{a/one: }");
    assert_eq!(
        effects,
        ["a/one [203.0.113.0]", "Service a/one IPAllocated", "p 1"]
    );
    // The Service is seen again as it was before.
    assert_eq!(world.update(&["a/one"]), NOTHING);
    world.set("a/two", |service| service.cluster_ips = address("10.0.0.1"));
    assert_eq!(
        world.update(&["a/two"]),
        ["a/two [203.0.113.1]", "Service a/two IPAllocated", "p 2"]
    );
    assert_eq!(world.allocations.holders(&"p".into()), 2);
}

/// compat/metallb.md 11 #35.
#[test]
fn who_waits_is_served_when_the_holder_moves_changes_its_type_or_goes() {
    let services = "{a/one: {ips: [203.0.113.0], from: p}, b/waits: {wants: 203.0.113.0}}";
    let leave: [fn(&mut World); 3] = [
        |world| {
            let wanted = planner::service::wanted_addresses(Some("203.0.113.1"), None);
            world.set("a/one", |service| service.wanted = wanted);
        },
        |world| {
            let other = planner::service::ServiceType::Other;
            world.set("a/one", |service| service.service_type = other);
        },
        |world| drop(world.seen.services.remove(&fixture::key("a/one"))),
    ];
    for leave in leave {
        let (mut world, _) = World::start(services);
        leave(&mut world);
        let effects = world.update(&["a/one"]);
        assert!(
            effects.contains(&"b/waits [203.0.113.0]".to_owned()),
            "{effects:?}"
        );
    }
}

#[test]
fn a_service_made_anew_under_the_name_of_another_inherits_nothing() {
    let (mut world, _) = World::start("{a/one: , b/two: {ips: [203.0.113.1], from: p}}");
    // It had 203.0.113.0, which was never seen. The new one asks for the address that is in use.
    let wanted = planner::service::wanted_addresses(Some("203.0.113.1"), None);
    world.set("a/one", |service| {
        service.uid = Some("another".into());
        service.wanted = wanted;
    });
    assert_eq!(
        world.update(&["a/one"]),
        ["a/one []", "Service a/one AllocationFailed", "p 1"]
    );
    // And one that asks for nothing else is written and told of, although the old one has been.
    let (mut world, _) = World::start("{a/one: }");
    world.set("a/one", |service| service.uid = Some("another".into()));
    assert_eq!(
        world.update(&["a/one"]),
        ["a/one [203.0.113.0]", "Service a/one IPAllocated"]
    );
}

#[test]
fn an_address_that_somebody_wrote_is_taken_as_it_is_and_one_that_is_taken_away_is_given_anew() {
    let (mut world, _) = World::start("{a/one: }");
    world.set("a/one", |service| {
        service.ingress = address("203.0.113.1");
        service.allocated_from = Some("p".into());
    });
    // Only the condition that goes with it is missing.
    assert_eq!(world.update(&["a/one"]), ["a/one [203.0.113.1]"]);
    world.set("a/one", |service| service.ingress = Vec::new());
    assert_eq!(
        world.update(&["a/one"]),
        ["a/one [203.0.113.0]", "Service a/one IPAllocated"]
    );
}

#[test]
fn what_was_written_and_never_seen_is_written_again_by_the_second_slow_timer() {
    let (mut world, _) = World::start("{a/one: }");
    assert_eq!(world.slow(), ["p 1"]);
    assert_eq!(world.slow(), ["a/one [203.0.113.0]", "p 1"]);
    assert_eq!(world.slow(), ["p 1"]);
}

#[test]
fn a_write_that_failed_is_decided_about_anew() {
    let seen = fixture::snapshot(&format!("{POOL}services: {{a/one: , a/two: }}"));
    let mut allocations = Allocations::default();
    let effects = allocations.decide_anew(&seen);
    let mut world = World { seen, allocations };
    let again = |world: &mut World, effect: &Effect| {
        let effect = world.allocations.again(&world.seen, effect.clone());
        texts(effect.as_slice())
    };
    let patch = |name: &str| {
        let key = fixture::key(name);
        let is_its = |effect: &&Effect| matches!(effect, Effect::PatchServiceStatus { service, .. } if *service == key);
        effects.iter().find(is_its).unwrap().clone()
    };
    let (one, two) = (patch("a/one"), patch("a/two"));
    assert_eq!(again(&mut world, &one), ["a/one [203.0.113.0]"]);
    // It had been carried out after all.
    world.see(vec![one.clone()]);
    world.update(&["a/one"]);
    assert_eq!(again(&mut world, &one), NOTHING);
    // The Service is gone.
    world.seen.services.remove(&fixture::key("a/two"));
    world.update(&["a/two"]);
    assert_eq!(again(&mut world, &two), NOTHING);
    let event = effects
        .iter()
        .find(|effect| matches!(effect, Effect::EmitEvent(_)));
    assert_eq!(
        again(&mut world, event.unwrap()),
        ["Service a/one IPAllocated"]
    );
}

#[test]
fn a_controller_that_starts_writes_and_tells_nothing_that_is_there_already() {
    let services = "{a/one: , b/two: , c/waits: }";
    let seen = fixture::snapshot(&format!("{POOL}services: {services}"));
    let mut world = World {
        seen,
        allocations: Allocations::default(),
    };
    let effects = world.allocations.decide_anew(&world.seen);
    assert!(texts(&effects).contains(&"Service c/waits AllocationFailed".to_owned()));
    world.see(effects);
    world.allocations = Allocations::default();
    assert_eq!(texts(&world.allocations.decide_anew(&world.seen)), NOTHING);
    assert_eq!(world.slow(), NOTHING);
    assert_eq!(
        world.seen.services[&fixture::key("a/one")].ingress,
        address("203.0.113.0")
    );
}

/// It cannot be written again, so it must not count for ever.
#[test]
fn a_write_that_got_lost_counts_no_more_once_its_service_cannot_be_written() {
    let (mut world, _) = World::start("{a/one: }");
    world.set("a/one", |service| service.cluster_ips = address("None"));
    world.update(&["a/one"]);
    world.set("a/two", |service| {
        service.cluster_ips = address("10.0.0.1");
        service.wanted = planner::service::wanted_addresses(Some("203.0.113.0"), None);
    });
    let effects = world.update(&["a/two"]);
    assert_eq!(effects, ["a/two []", "Service a/two AllocationFailed"]);
    world.slow();
    let effects = world.slow();
    assert!(
        effects.contains(&"a/two [203.0.113.0]".to_owned()),
        "{effects:?}"
    );
}

/// Its status is that of another object by then.
#[test]
fn a_pool_that_is_made_anew_is_told_its_usage_again() {
    let (mut world, effects) = World::start("{}");
    assert_eq!(effects, ["p 0"]);
    let config = std::mem::take(&mut world.seen.config);
    assert_eq!(texts(&world.allocations.decide_anew(&world.seen)), NOTHING);
    world.seen.config = config;
    assert_eq!(texts(&world.allocations.decide_anew(&world.seen)), ["p 0"]);
}
