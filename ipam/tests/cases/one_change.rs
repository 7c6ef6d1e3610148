//! What one change does, and to whom.

use super::*;
use ipam::{Allocator, Changes};

fn start(pools: &[Pool]) -> Allocator<Key> {
    let pools = Pools::try_new(pools.iter().cloned()).unwrap();
    Allocator::start(pools, BTreeMap::new(), BTreeMap::new()).0
}

fn got(changes: &Changes<Key>, key: Key) -> String {
    let placement = changes[key].placement().unwrap();
    placement.addresses.to_string()
}

#[test]
fn the_oldest_that_waits_gets_what_frees_up_and_nobody_else_is_mentioned() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/32"])]);
    allocator.set_request("holder", ipv4());
    allocator.set_request("young", born(2, ipv4()));
    allocator.set_request("old", born(1, ipv4()));
    let changes = allocator.remove_request(&"holder");
    let keys: Vec<Key> = changes.keys().copied().collect();
    assert_eq!(keys, ["holder", "old"]);
    assert_eq!(got(&changes, "old"), "198.51.100.0");
    assert_eq!(changes["holder"], Decision::Release(Release::NotRequested));
}

#[test]
fn an_older_newcomer_takes_nothing_from_a_younger_holder() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/32"])]);
    allocator.set_request("young", born(2, ipv4()));
    let changes = allocator.set_request("old", born(1, ipv4()));
    assert_eq!(changes.len(), 1);
    assert!(matches!(changes["old"], Decision::Fail { .. }));
}

#[test]
fn an_older_holder_that_is_seen_with_an_address_moves_the_younger_one() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/30"])]);
    allocator.set_request("young", born(2, ipv4()));
    allocator.set_request("old", born(1, ipv4()));
    let seen = Assignment::new(ips(&["198.51.100.0"]));
    let changes = allocator.set_assignment("old", seen);
    assert!(matches!(changes["old"], Decision::Keep(_)));
    assert!(changes["young"].released().is_some());
    assert_eq!(got(&changes, "young"), "198.51.100.1");
}

#[test]
fn a_foreign_holder_that_leaves_makes_room() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/32"])]);
    allocator.set_assignment("foreign", Assignment::foreign(ips(&["198.51.100.0"])));
    assert!(matches!(
        allocator.set_request("web", ipv4())["web"],
        Decision::Fail { .. }
    ));
    let changes = allocator.remove_assignment(&"foreign");
    assert_eq!(got(&changes, "web"), "198.51.100.0");
}

#[test]
fn an_assignment_that_is_known_already_changes_nothing() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/30"])]);
    allocator.set_request("web", ipv4());
    let known = allocator.assignments()["web"].clone();
    let changes = allocator.set_assignment("web", known);
    assert_eq!(changes.len(), 1);
    assert!(matches!(changes["web"], Decision::Keep(_)));
}

#[test]
fn other_pools_move_those_whose_addresses_are_gone() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/31"])]);
    allocator.set_request("first", born(1, ipv4()));
    allocator.set_request("second", born(2, ipv4()));
    let pools = Pools::try_new([pool("a", &["198.51.100.1-198.51.100.2"])]).unwrap();
    let changes = allocator.set_pools(pools);
    assert_eq!(changes.len(), 1);
    assert_eq!(got(&changes, "first"), "198.51.100.2");
}

#[test]
fn why_somebody_waits_is_told_with_the_facts_of_now() {
    let mut allocator = start(&[pool("a", &["198.51.100.0/32"])]);
    let insisting = wanting(&["198.51.100.0"], born(9, ipv4()));
    allocator.set_request("first", ipv4());
    allocator.set_request("second", born(1, ipv4()));
    allocator.set_request("waits", insisting);
    let changes = allocator.remove_request(&"first");
    assert!(!changes.contains_key("waits"));
    let Some(Decision::Fail { error, .. }) = allocator.decision(&"waits") else {
        panic!("it has the address of another");
    };
    assert_eq!(
        error.to_string(),
        "198.51.100.0 is in use by second; neither has a sharing key"
    );
}
