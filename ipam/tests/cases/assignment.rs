//! What is held: confirmed, or taken away for a reason. What is asked for by address.

use super::*;
use ipam::{Addresses, ConflictCause, LookupError, Refusal, Wanted};

#[test]
fn a_holder_keeps_its_address_although_a_lower_one_is_free() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.hold("web", &["198.51.100.77"]);
    let plan = world.settle();
    assert!(matches!(plan.decisions["web"], Decision::Keep(_)));
    assert_eq!(world.held("web"), "198.51.100.77");
}

#[test]
fn a_held_address_survives_an_older_newcomer() {
    let mut world = World::new([pool("a", &["198.51.100.1/32"])]);
    world.ask("young", born(9, ipv4()));
    world.hold("young", &["198.51.100.1"]);
    world.ask("old", born(1, ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("young"), "198.51.100.1");
    assert_eq!(
        error(&plan, "old").to_string(),
        "no address for IPv4; pool a is full, 1 of 1 IPv4 addresses are in use"
    );
}

#[test]
fn newcomers_are_served_older_first_and_equal_ones_by_key() {
    let mut world = World::new([pool("a", &["198.51.100.1-198.51.100.3"])]);
    for (key, age) in [("a", 7), ("c", 3), ("b", 3), ("d", 8)] {
        world.ask(key, born(age, ipv4()));
    }
    world.settle();
    assert_eq!(
        ["b", "c", "a", "d"].map(|key| world.held(key)),
        ["198.51.100.1", "198.51.100.2", "198.51.100.3", ""]
    );
}

#[test]
fn an_address_that_is_given_up_goes_to_the_oldest_waiting() {
    let mut world = World::new([pool("a", &["198.51.100.1/32"])]);
    world.ask("first", born(1, ipv4()));
    world.ask("third", born(3, ipv4()));
    world.ask("second", born(2, ipv4()));
    world.settle();
    world.forget("first");
    let plan = world.settle();
    assert_eq!(released(&plan, "first"), Release::NotRequested);
    assert_eq!(world.held("second"), "198.51.100.1");
    assert_eq!(world.held("third"), "");
}

#[test]
fn an_address_goes_to_a_waiting_one_when_its_holder_moves() {
    let mut world = World::new([
        pool("a", &["198.51.100.1/32"]),
        pool("b", &["203.0.113.1/32"]),
    ]);
    world.ask("mover", born(1, from_pool("a", ipv4())));
    world.ask("waiter", born(2, from_pool("a", ipv4())));
    world.settle();
    world.ask("mover", born(1, from_pool("b", ipv4())));
    let plan = world.settle();
    assert_eq!(world.held("mover"), "203.0.113.1");
    assert_eq!(world.held("waiter"), "198.51.100.1");
    let expected = Release::OtherPoolWanted {
        pool: "a".into(),
        wanted: "b".into(),
    };
    assert_eq!(released(&plan, "mover"), expected);
}

#[test]
fn of_two_holders_of_one_address_the_older_keeps_it() {
    let mut world = World::new([pool("a", &["198.51.100.0/30"])]);
    for (key, age) in [("young", 2), ("old", 1)] {
        world.ask(key, born(age, ipv4()));
        world.hold(key, &["198.51.100.3"]);
    }
    let plan = world.settle();
    assert_eq!(world.held("old"), "198.51.100.3");
    assert_eq!(world.held("young"), "198.51.100.0");
    let Release::Refused(Refusal::Conflict(conflict)) = released(&plan, "young") else {
        panic!()
    };
    assert_eq!(
        (conflict.holder, conflict.cause),
        ("old", ConflictCause::NoKeys)
    );
}

#[test]
fn an_address_outside_all_pools_is_replaced() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.settle();
    world.set_pools([pool("b", &["203.0.113.0/24"])]);
    let plan = world.settle();
    assert_eq!(world.held("web"), "203.0.113.0");
    assert_eq!(
        released(&plan, "web").to_string(),
        "198.51.100.0 is in no pool"
    );
}

#[test]
fn a_pool_that_changes_its_name_keeps_its_holders() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.hold("web", &["198.51.100.9"]);
    world.set_pools([pool("renamed", &["198.51.100.0/24"])]);
    let plan = world.settle();
    assert_eq!(
        plan.decisions["web"].placement().unwrap().pool.as_str(),
        "renamed"
    );
    assert_eq!(world.held("web"), "198.51.100.9");
}

#[test]
fn without_pools_all_is_lost_with_a_reason() {
    let mut world = World::new([]);
    world.ask("web", ipv4());
    world.hold("web", &["198.51.100.9"]);
    let plan = world.settle();
    assert_eq!(error(&plan, "web"), AllocError::NoPools);
    assert_eq!(
        released(&plan, "web").to_string(),
        "198.51.100.9 is in no pool"
    );
}

#[test]
fn an_address_of_another_family_than_asked_for_is_replaced() {
    let mut world = World::new([pool("a", &["198.51.100.0/24", "2001:db8::/120"])]);
    world.ask("web", ipv6());
    world.hold("web", &["198.51.100.9"]);
    let plan = world.settle();
    assert_eq!(world.held("web"), "2001:db8::");
    assert_eq!(
        released(&plan, "web").to_string(),
        "198.51.100.9 cannot be kept, because the request is for IPv6"
    );
}

#[test]
fn a_recorded_list_that_makes_no_sense_is_replaced() {
    for recorded in [
        &["198.51.100.9", "198.51.100.10"][..],
        &["198.51.100.9", "2001:db8::1", "2001:db8::2"],
    ] {
        let mut world = World::new([pool("a", &["198.51.100.0/24", "2001:db8::/120"])]);
        world.ask("web", prefer_dual(Family::V4));
        world.hold("web", recorded);
        let plan = world.settle();
        assert!(matches!(released(&plan, "web"), Release::Families { .. }));
        assert_eq!(world.held("web"), "198.51.100.0, 2001:db8::");
    }
}

#[test]
fn an_empty_record_is_no_record() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.hold("gone", &[]);
    world.hold("web", &[]);
    world.ask("web", ipv4());
    let plan = world.settle();
    assert!(matches!(
        &plan.decisions["web"],
        Decision::Assign { released: None, .. }
    ));
    assert!(!plan.decisions.contains_key("gone"));
}

#[test]
fn a_wanted_address_is_given() {
    let mut world = World::new([manual("a", &["198.51.100.0/24"])]);
    world.ask("web", wanting(&["198.51.100.42"], ipv4()));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.42");
}

#[test]
fn a_new_wish_moves_the_holder() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.settle();
    world.ask("web", wanting(&["198.51.100.42"], ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("web"), "198.51.100.42");
    assert_eq!(
        released(&plan, "web").to_string(),
        "it has 198.51.100.0, but the request is for 198.51.100.42"
    );
}

#[test]
fn a_wish_that_cannot_be_fulfilled_leaves_nothing() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", wanting(&["198.51.100.1"], ipv4()));
    world.ask("mail", wanting(&["198.51.100.1"], ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("mail"), "198.51.100.1");
    assert_eq!(
        error(&plan, "web").to_string(),
        "198.51.100.1 is in use by mail; neither has a sharing key"
    );
}

#[test]
fn wanted_addresses_are_refused_with_the_reason() {
    let pools = || {
        [
            pool("a", &["198.51.100.0/24"]),
            pool("b", &["203.0.113.0/24", "2001:db8::/64"]),
        ]
    };
    let outside = wanting(&["192.0.2.1"], ipv4());
    let split = wanting(&["198.51.100.1", "2001:db8::1"], require_dual());
    let family = wanting(&["198.51.100.1"], ipv6());
    let half = wanting(&["203.0.113.1"], prefer_dual(Family::V4));
    let other_pool = from_pool("a", wanting(&["203.0.113.1"], ipv4()));
    let no_such_pool = from_pool("c", wanting(&["203.0.113.1"], ipv4()));
    for (request, reason) in [
        (outside, "192.0.2.1 is in no pool"),
        (
            split,
            "198.51.100.1 is in pool a, 2001:db8::1 in pool b; both must be in one",
        ),
        (
            family,
            "the request is for 198.51.100.1, which does not match its families, IPv6",
        ),
        (
            half,
            "the request is for 203.0.113.1, which does not match its families, IPv4 and IPv6, or else IPv4",
        ),
        (
            other_pool,
            "the request is for 203.0.113.1, which is in pool b, and for pool a",
        ),
        (no_such_pool, "there is no pool c"),
    ] {
        let mut world = World::new(pools());
        world.ask("web", request);
        let plan = world.settle();
        assert_eq!(error(&plan, "web").to_string(), reason);
    }
}

#[test]
fn wanted_addresses_are_compared_as_a_set_and_keep_their_recorded_order() {
    let mut world = World::new([pool("a", &["198.51.100.0/24", "2001:db8::/64"])]);
    world.ask(
        "web",
        wanting(&["198.51.100.1", "2001:db8::1"], require_dual()),
    );
    world.hold("web", &["2001:db8::1", "198.51.100.1"]);
    world.settle();
    assert_eq!(world.held("web"), "2001:db8::1, 198.51.100.1");
}

#[test]
fn new_wanted_addresses_are_given_ipv4_first() {
    let mut world = World::new([pool("a", &["198.51.100.0/24", "2001:db8::/64"])]);
    world.ask(
        "web",
        wanting(&["2001:db8::1", "198.51.100.1"], prefer_dual(Family::V6)),
    );
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.1, 2001:db8::1");
}

#[test]
fn a_wish_that_is_not_understood_takes_nothing_and_gives_nothing() {
    let mut world = World::new([pool("a", &["198.51.100.0/24", "2001:db8::/64"])]);
    world.ask("new", prefer_dual(Family::V4)).wanted = Wanted::KeepOnly;
    world.ask("old", prefer_dual(Family::V4)).wanted = Wanted::KeepOnly;
    world.hold("old", &["198.51.100.7"]);
    let plan = world.settle();
    assert_eq!(world.held("old"), "198.51.100.7");
    assert_eq!(error(&plan, "new"), AllocError::KeepOnly);
}

#[test]
fn a_wish_that_is_not_understood_does_not_protect_an_illegal_address() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4()).wanted = Wanted::KeepOnly;
    world.hold("web", &["203.0.113.1"]);
    let plan = world.settle();
    let address = ips(&["203.0.113.1"])[0];
    assert_eq!(
        released(&plan, "web"),
        Refusal::from(LookupError::NoPool { address }).into()
    );
}

#[test]
fn foreign_addresses_are_taken() {
    let mut world = World::new([pool("a", &["198.51.100.0/30"])]);
    world.current.insert(
        "theirs",
        Assignment::foreign(ips(&["198.51.100.0", "192.0.2.1"])),
    );
    world.ask("web", ipv4());
    world.ask("mail", wanting(&["198.51.100.0"], ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("web"), "198.51.100.1");
    assert_eq!(
        error(&plan, "mail").to_string(),
        "198.51.100.0 is in use by theirs; it is not managed here"
    );
    assert!(!plan.decisions.contains_key("theirs"));
}

#[test]
fn foreign_addresses_are_not_shared_by_newcomers() {
    let mut world = World::new([pool("a", &["198.51.100.0/30"])]);
    world.ask("web", sharing("k", &[80], ipv4()));
    world.hold("web", &["198.51.100.0"]);
    world
        .current
        .insert("theirs", Assignment::foreign(ips(&["198.51.100.0"])));
    world.ask("mail", sharing("k", &[25], ipv4()));
    world.settle();
    assert_eq!(
        world.held("web"),
        "198.51.100.0",
        "what is held stays, whoever claims it besides"
    );
    assert_eq!(world.held("mail"), "198.51.100.1");
}

#[test]
fn a_request_of_a_foreign_holder_is_ignored() {
    let mut world = World::new([pool("a", &["198.51.100.0/30"])]);
    world
        .current
        .insert("theirs", Assignment::foreign(ips(&["198.51.100.0"])));
    world.ask("theirs", ipv4());
    assert!(world.settle().decisions.is_empty());
}

#[test]
fn lists_of_addresses_are_checked() {
    let try_new =
        |texts: &[&str]| Addresses::try_new(&ips(texts)).map_err(|error| error.to_string());
    assert_eq!(try_new(&[]).unwrap_err(), "no address is given");
    assert!(
        try_new(&["192.0.2.1", "192.0.2.2"])
            .unwrap_err()
            .starts_with("192.0.2.1 and 192.0.2.2 are of the same")
    );
    assert!(
        try_new(&["192.0.2.1", "::1", "::2"])
            .unwrap_err()
            .starts_with("3 addresses are given")
    );
}
