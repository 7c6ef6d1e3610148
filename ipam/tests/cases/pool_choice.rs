//! Which pool a newcomer gets its addresses from.

use super::*;
use ipam::{PassedOverCause, Refusal};

#[test]
fn ranges_are_used_in_the_order_of_the_pool_and_then_pools_by_name() {
    let mut world = World::new([
        pool("b", &["192.0.2.1/32"]),
        pool("a", &["203.0.113.1/32", "198.51.100.1/32"]),
    ]);
    for key in ["1", "2", "3"] {
        world.ask(key, ipv4());
    }
    world.settle();
    assert_eq!(
        ["1", "2", "3"].map(|key| world.held(key)),
        ["203.0.113.1", "198.51.100.1", "192.0.2.1"]
    );
}

#[test]
fn a_pool_without_automatic_assignment_must_be_named() {
    let mut world = World::new([manual("a", &["198.51.100.0/24"])]);
    world.ask("by-chance", ipv4());
    world.ask("by-name", from_pool("a", ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("by-name"), "198.51.100.0");
    assert_eq!(
        error(&plan, "by-chance").to_string(),
        "no address for IPv4; pool a has autoAssign off and must be asked for by name"
    );
}

#[test]
fn a_named_pool_that_is_full_is_not_replaced_by_another() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/32"]),
        pool("b", &["203.0.113.0/24"]),
    ]);
    world.ask("1", from_pool("a", ipv4()));
    world.ask("2", from_pool("a", ipv4()));
    let plan = world.settle();
    assert_eq!(
        error(&plan, "2").to_string(),
        "no address for IPv4; pool a is full, 1 of 1 IPv4 addresses are in use"
    );
}

#[test]
fn a_named_pool_that_does_not_exist_gives_nothing() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", from_pool("b", ipv4()));
    world.hold("web", &["198.51.100.0"]);
    let plan = world.settle();
    assert_eq!(
        error(&plan, "web"),
        AllocError::UnknownPool { pool: "b".into() }
    );
    assert!(matches!(
        released(&plan, "web"),
        Release::OtherPoolWanted { .. }
    ));
}

#[test]
fn a_pinned_pool_serves_its_own_before_open_pools_do_and_nobody_else() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/24"]),
        pinned("b", &["203.0.113.0/24"], 0),
    ]);
    world.ask("insider", admitted(&["b"], ipv4()));
    world.ask("outsider", ipv4());
    world.settle();
    assert_eq!(world.held("insider"), "203.0.113.0");
    assert_eq!(world.held("outsider"), "198.51.100.0");
}

#[test]
fn pinned_pools_are_ordered_by_priority_with_zero_last_and_then_by_name() {
    let mut world = World::new([
        pinned("a", &["198.51.100.1/32"], 0),
        pinned("e", &["198.51.100.2/32"], 20),
        pinned("d", &["198.51.100.3/32"], 10),
        pinned("c", &["198.51.100.4/32"], 10),
        pool("0", &["198.51.100.5/32"]),
    ]);
    for key in ["1", "2", "3", "4", "5"] {
        world.ask(key, admitted(&["a", "c", "d", "e"], ipv4()));
    }
    world.settle();
    let held = ["1", "2", "3", "4", "5"].map(|key| world.held(key));
    assert_eq!(
        held,
        [
            "198.51.100.4",
            "198.51.100.3",
            "198.51.100.2",
            "198.51.100.1",
            "198.51.100.5"
        ]
    );
}

#[test]
fn a_pinned_pool_can_neither_be_named_nor_addressed_by_outsiders() {
    for request in [from_pool("b", ipv4()), wanting(&["203.0.113.1"], ipv4())] {
        let mut world = World::new([pinned("b", &["203.0.113.0/24"], 1)]);
        world.ask("outsider", request);
        let plan = world.settle();
        assert_eq!(
            error(&plan, "outsider"),
            Refusal::NotAdmitted { pool: "b".into() }.into()
        );
    }
}

#[test]
fn a_pinned_pool_without_automatic_assignment_waits_to_be_named_by_its_own() {
    let mut reserved = pinned("b", &["203.0.113.0/24"], 1);
    reserved.auto_assign = false;
    let mut world = World::new([reserved]);
    world.ask("by-chance", admitted(&["b"], ipv4()));
    world.ask("by-name", admitted(&["b"], from_pool("b", ipv4())));
    let plan = world.settle();
    assert_eq!(world.held("by-name"), "203.0.113.0");
    let AllocError::Exhausted {
        tried, passed_over, ..
    } = error(&plan, "by-chance")
    else {
        panic!()
    };
    assert!(tried.is_empty());
    assert_eq!(passed_over[0].cause, PassedOverCause::NotAutoAssigned);
}

#[test]
fn a_holder_that_its_pool_no_longer_admits_moves() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/24"]),
        pinned("b", &["203.0.113.0/24"], 1),
    ]);
    world.ask("web", admitted(&["b"], ipv4()));
    world.settle();
    world.ask("web", ipv4());
    let plan = world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
    assert_eq!(
        released(&plan, "web").to_string(),
        "pool b is reserved by its serviceAllocation, which does not match"
    );
}

#[test]
fn a_holder_stays_in_an_open_pool_when_a_pinned_one_appears() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.settle();
    world.set_pools([
        pool("a", &["198.51.100.0/24"]),
        pinned("b", &["203.0.113.0/24"], 1),
    ]);
    world.ask("web", admitted(&["b"], ipv4()));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}

#[test]
fn admission_to_a_pool_that_is_not_pinned_means_nothing() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/24"]),
        pool("b", &["203.0.113.0/24"]),
    ]);
    world.ask("web", admitted(&["b", "ghost"], ipv4()));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}

#[test]
fn what_every_pool_lacks_is_told() {
    let mut world = World::new([
        pool("a", &["198.51.100.1/32"]),
        pool("b", &["2001:db8::/64"]),
        manual("c", &["192.0.2.0/24"]),
        pinned("d", &["203.0.113.0/24"], 1),
    ]);
    world.ask("1", ipv4());
    world.ask("2", ipv4());
    let plan = world.settle();
    assert_eq!(
        error(&plan, "2").to_string(),
        "no address for IPv4; pool a is full, 1 of 1 IPv4 addresses are in use; pool b has no IPv4 addresses; \
         pool c has autoAssign off and must be asked for by name; pool d is reserved by its serviceAllocation"
    );
}
