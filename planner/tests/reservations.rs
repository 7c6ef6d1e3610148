//! Addresses that are kept for some Services, and pools that are drained, for snapshots in YAML.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod fixture;

use planner::allocation::{AllocationPlan, Outcome, plan_allocation};
use planner::effect::Effect;
use planner::reservation::ReservationPlan;
use planner::snapshot::Snapshot;

fn plan(yaml: &str) -> AllocationPlan {
    plan_allocation(&fixture::snapshot(yaml))
}

/// The addresses of a Service, or why it has none, as text.
fn outcome(plan: &AllocationPlan, key: &str) -> String {
    match &plan.services[&fixture::key(key)].outcome {
        Outcome::Assigned { addresses, .. } => addresses.to_string(),
        Outcome::Refused(refusal) => {
            format!("{}: {refusal}; {}", refusal.reason(), refusal.remedy())
        }
        other => format!("{other:?}"),
    }
}

/// The addresses of a reservation and what its condition says.
fn status(plan: &AllocationPlan, name: &str) -> (Vec<String>, String) {
    let status = &plan.reservations[&name.into()];
    let condition = status.condition.as_ref();
    let condition =
        condition.map(|condition| format!("{}: {}", condition.reason, condition.message));
    let addresses = status.addresses.iter().map(ToString::to_string);
    (addresses.collect(), condition.unwrap_or_default())
}

#[test]
fn a_listed_address_is_for_its_service_alone() {
    let plan = plan(
        "
pools: {a: {addresses: [198.51.100.0/24]}}
reservations: {r: {addresses: [198.51.100.0, 198.51.100.9], service: shop/web}}
services:
  shop/web: {created: 3}
  shop/mail: {created: 1}
  shop/thief: {wants: 198.51.100.9}
",
    );
    assert_eq!(outcome(&plan, "shop/web"), "198.51.100.0");
    assert_eq!(outcome(&plan, "shop/mail"), "198.51.100.1");
    assert_eq!(
        outcome(&plan, "shop/thief"),
        "AddressReserved: 198.51.100.9 is kept for others by reservation r; ask for another address, or make \
         IPReservation r select the Service"
    );
    let (addresses, condition) = status(&plan, "r");
    assert_eq!(addresses, ["198.51.100.0", "198.51.100.9"]);
    assert_eq!(condition, "Reserved: kept for Service shop/web");
    let users = plan.reservations[&"r".into()].users.iter();
    let users: Vec<String> = users
        .map(|(address, key)| format!("{address} {key}"))
        .collect();
    assert_eq!(users, ["198.51.100.0 shop/web"]);
}

#[test]
fn labels_and_namespaces_select_whom_addresses_are_for() {
    let plan = plan(
        "
pools: {a: {addresses: [198.51.100.0/24]}}
reservations: {r: {count: 3, pool: a, labels: {tier: front}, namespaces: [shop]}}
services:
  shop/web: {labels: {tier: front}}
  shop/mail: {labels: {tier: back}}
  blog/web: {labels: {tier: front}}
",
    );
    assert_eq!(outcome(&plan, "shop/web"), "198.51.100.0");
    assert_eq!(outcome(&plan, "blog/web"), "198.51.100.3");
    assert_eq!(outcome(&plan, "shop/mail"), "198.51.100.4");
    let (_, condition) = status(&plan, "r");
    assert_eq!(
        condition,
        "Reserved: kept for the Services that are selected"
    );
}

#[test]
fn counted_addresses_are_first_those_that_its_services_have_and_then_the_lowest_free_ones() {
    let yaml = "
pools:
  a: {addresses: [198.51.100.0/29, \"2001:db8::/125\"], excluded: [198.51.100.1/32]}
reservations:
  listed: {addresses: [198.51.100.2], service: shop/other}
  counted: {count: 3, pool: a, labels: {tier: front}}
services:
  shop/stranger: {ips: [198.51.100.0], from: a}
  shop/web: {labels: {tier: front}, ips: [198.51.100.5], from: a}
";
    let (addresses, _) = status(&plan(yaml), "counted");
    let expected = ["198.51.100.3", "198.51.100.4", "198.51.100.5"];
    assert_eq!(addresses[..3], expected);
    assert_eq!(addresses[3..], ["2001:db8::", "2001:db8::1", "2001:db8::2"]);
}

#[test]
fn what_was_chosen_is_kept_although_other_addresses_would_be_chosen_now() {
    let yaml = |count: usize| {
        format!(
            "
pools: {{a: {{addresses: [198.51.100.0/29], excluded: [198.51.100.5/32]}}}}
reservations:
  old: {{created: 1, count: 3, pool: a, service: shop/none, recorded: []}}
  new: {{created: 2, count: {count}, pool: a, service: shop/web, recorded: [198.51.100.1, 198.51.100.5, 198.51.100.7]}}
services:
  shop/web: {{ips: [198.51.100.7], from: a}}
"
        )
    };
    let plan_of = |count| plan(&yaml(count));
    // The older one does not take what the younger one has already; what is excluded is replaced.
    assert_eq!(
        status(&plan_of(3), "old").0,
        ["198.51.100.0", "198.51.100.2", "198.51.100.3"]
    );
    assert_eq!(
        status(&plan_of(3), "new").0,
        ["198.51.100.1", "198.51.100.4", "198.51.100.7"]
    );
    // Fewer are those in use.
    assert_eq!(status(&plan_of(1), "new").0, ["198.51.100.7"]);
}

#[test]
fn what_is_in_the_way_of_a_reservation_is_said_with_what_would_help() {
    let plan = plan(
        "
pools:
  a: {addresses: [198.51.100.0/30], excluded: [198.51.100.3/32]}
reservations:
  held: {addresses: [198.51.100.1], service: shop/web}
  nowhere: {addresses: [203.0.113.1], service: shop/web}
  excluded: {addresses: [198.51.100.3], service: shop/web}
  short: {count: 2, pool: a, service: shop/web}
  unknown: {count: 2, pool: b, service: shop/web, recorded: [192.0.2.1]}
services:
  shop/stranger: {ips: [198.51.100.1], from: a}
  shop/web: {created: 1}
",
    );
    let condition = |name| status(&plan, name).1;
    assert_eq!(
        condition("held"),
        "HeldByOthers: 198.51.100.1 is in use by shop/stranger, which keeps it; delete shop/stranger, or make it ask \
         for another address"
    );
    assert_eq!(
        condition("nowhere"),
        "NotInPool: 203.0.113.1 is in no pool; add it to an IPAddressPool, or reserve another address"
    );
    assert_eq!(
        condition("excluded"),
        "AddressExcluded: 198.51.100.3 is excluded from pool a; reserve another address, or take it out of the \
         annotation ferrolb.io/excluded-addresses of IPAddressPool a"
    );
    assert_eq!(
        condition("unknown"),
        "UnknownPool: there is no pool b; create the IPAddressPool b, or correct spec.pool"
    );
    assert_eq!(
        status(&plan, "unknown").0,
        ["192.0.2.1"],
        "the record is not lost"
    );
    assert_eq!(outcome(&plan, "shop/stranger"), "198.51.100.1");
    assert_eq!(outcome(&plan, "shop/web"), "198.51.100.0");
    assert_eq!(status(&plan, "short").0, ["198.51.100.0", "198.51.100.2"]);
}

#[test]
fn a_reservation_that_is_short_takes_what_becomes_free() {
    let mut snapshot = fixture::snapshot(
        "
pools: {a: {addresses: [198.51.100.0/31]}}
reservations: {r: {count: 2, pool: a, service: shop/web}}
services:
  shop/stranger: {ips: [198.51.100.0], from: a}
",
    );
    let plan = plan_allocation(&snapshot);
    let (addresses, condition) = status(&plan, "r");
    assert_eq!(addresses, ["198.51.100.1"]);
    assert_eq!(
        condition,
        "Exhausted: pool a has no more free IPv4 addresses, 1 of 2 are kept; add IPv4 addresses to pool a, or lower \
         spec.count"
    );
    assert!(ReservationPlan::of(&snapshot).is_short());
    plan.apply(&mut snapshot);
    snapshot.services.clear();
    assert_eq!(
        status(&plan_allocation(&snapshot), "r").0,
        ["198.51.100.0", "198.51.100.1"]
    );
    assert!(!ReservationPlan::of(&snapshot).is_short());
}

fn statuses_written(snapshot: &Snapshot) -> usize {
    let effects = plan_allocation(snapshot).effects(snapshot, &AllocationPlan::default());
    let statuses = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::ReservationStatus { .. }));
    statuses.count()
}

#[test]
fn the_status_is_written_when_it_says_something_new() {
    let mut snapshot = fixture::snapshot(
        "
pools: {a: {addresses: [198.51.100.0/24]}}
reservations: {r: {count: 2, pool: a, service: shop/web}, s: {count: 1, pool: a, service: shop/mail}}
services: {shop/web: }
",
    );
    assert_eq!(statuses_written(&snapshot), 2);
    plan_allocation(&snapshot).apply(&mut snapshot);
    assert_eq!(statuses_written(&snapshot), 0);
    snapshot.services.clear();
    assert_eq!(statuses_written(&snapshot), 1, "the user of one is gone");
}

#[test]
fn draining_names_the_annotation_to_remove() {
    let plan = plan(
        "
pools:
  off: {addresses: [198.51.100.0/24], disabled: true}
  hole: {addresses: [203.0.113.0/24], excluded: [203.0.113.0/24]}
services:
  shop/off: {pool: off}
  shop/hole: {pool: hole}
  shop/address: {wants: 203.0.113.7}
",
    );
    assert_eq!(
        outcome(&plan, "shop/off"),
        "PoolDisabled: pool off is disabled; ask for another pool, or remove the annotation ferrolb.io/disabled from \
         IPAddressPool off"
    );
    assert_eq!(
        outcome(&plan, "shop/hole"),
        "Exhausted: no address for IPv4; all IPv4 addresses of pool hole are excluded; take IPv4 addresses of pool \
         hole out of its annotation ferrolb.io/excluded-addresses"
    );
    assert_eq!(
        outcome(&plan, "shop/address"),
        "AddressExcluded: 203.0.113.7 is excluded from pool hole; ask for another address, or take 203.0.113.7 out \
         of the annotation ferrolb.io/excluded-addresses of IPAddressPool hole"
    );
}
