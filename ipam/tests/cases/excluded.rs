//! Addresses that are handed out no more.

use super::*;
use ipam::{Refusal, ShortageCause};

fn excluding(name: &str, ranges: &[&str], excluded: &[&str]) -> Pool {
    let mut pool = pool(name, ranges);
    pool.exclude(excluded.iter().map(|range| range.parse().unwrap()));
    pool
}

#[test]
fn newcomers_are_given_the_addresses_around_it() {
    let mut world = World::new([excluding(
        "a",
        &["198.51.100.0/29"],
        &["198.51.100.0/31", "198.51.100.3-198.51.100.5"],
    )]);
    for key in ["k", "l", "m", "n"] {
        world.ask(key, ipv4());
    }
    let plan = world.settle();
    assert_eq!(world.held("k"), "198.51.100.2");
    assert_eq!(world.held("l"), "198.51.100.6");
    assert_eq!(world.held("m"), "198.51.100.7");
    assert_eq!(
        error(&plan, "n").to_string(),
        "no address for IPv4; pool a is full, 3 of 3 IPv4 addresses are in use"
    );
}

#[test]
fn asking_for_it_by_name_does_not_help() {
    let mut world = World::new([excluding("a", &["198.51.100.0/24"], &["198.51.100.7/32"])]);
    world.ask("web", wanting(&["198.51.100.7"], ipv4()));
    let plan = world.settle();
    let refused = Refusal::Excluded {
        address: "198.51.100.7".parse().unwrap(),
        pool: "a".into(),
    };
    assert_eq!(error(&plan, "web"), AllocError::Refused(refused));
}

#[test]
fn who_has_it_keeps_it_and_it_does_not_come_back() {
    let mut world = World::new([pool("a", &["198.51.100.0/31"])]);
    world.ask("old", ipv4());
    world.settle();
    world.set_pools([excluding("a", &["198.51.100.0/31"], &["198.51.100.0/32"])]);
    world.ask("sharer", sharing("k", &[80], ipv4()));
    let usage = world.settle().usage[&"a".into()];
    assert_eq!(world.held("old"), "198.51.100.0");
    assert_eq!(world.held("sharer"), "198.51.100.1");
    assert_eq!((usage.assigned_ipv4, usage.available_ipv4), (2, 0));
    world.forget("old");
    world.ask("new", ipv4());
    let plan = world.settle();
    assert_eq!(world.held("new"), "");
    let usage = plan.usage[&"a".into()];
    assert_eq!((usage.assigned_ipv4, usage.available_ipv4), (1, 0));
}

#[test]
fn nobody_new_shares_it() {
    let mut world = World::new([excluding("a", &["198.51.100.0/31"], &["198.51.100.0/32"])]);
    world.hold("old", &["198.51.100.0"]);
    world.ask("old", sharing("k", &[80], ipv4()));
    world.ask("new", sharing("k", &[443], ipv4()));
    world.settle();
    assert_eq!(world.held("old"), "198.51.100.0");
    assert_eq!(world.held("new"), "198.51.100.1");
}

#[test]
fn a_pool_all_of_which_is_excluded_says_so() {
    let mut world = World::new([excluding("a", &["198.51.100.0/24"], &["198.51.0.0/16"])]);
    world.ask("web", ipv4());
    let plan = world.settle();
    match error(&plan, "web") {
        AllocError::Exhausted { tried, .. } => assert_eq!(tried[0].cause, ShortageCause::Excluded),
        other => panic!("{other}"),
    }
    assert_eq!(plan.usage[&"a".into()].available_ipv4, 0);
}

#[test]
fn ranges_that_overlap_are_one() {
    let mut pool = excluding(
        "a",
        &["198.51.100.0/24", "2001:db8::/64"],
        &[
            "198.51.100.8/29",
            "198.51.100.4-198.51.100.9",
            "2001:db8::/96",
        ],
    );
    pool.exclude(["198.51.100.9/32".parse().unwrap()]);
    let excluded: Vec<String> = pool.excluded().iter().map(ToString::to_string).collect();
    assert_eq!(excluded, ["198.51.100.4-198.51.100.15", "2001:db8::/96"]);
    for (address, expected) in [
        ("198.51.100.3", false),
        ("198.51.100.4", true),
        ("198.51.100.15", true),
        ("198.51.100.16", false),
        ("2001:db8::ffff:ffff", true),
        ("2001:db8::1:0:0", false),
    ] {
        assert_eq!(
            pool.excludes(address.parse().unwrap()),
            expected,
            "{address}"
        );
    }
}

#[test]
fn huge_ranges_saturate_all_the_same() {
    let mut world = World::new([excluding("a", &["2001:db8::/64"], &["2001:db8::/65"])]);
    let plan = world.settle();
    assert_eq!(plan.usage[&"a".into()].available_ipv6, i64::MAX);
    let mut world = World::new([excluding(
        "a",
        &["2001:db8::/64"],
        &["2001:db8::1-2001:db8::ffff:ffff:ffff:ffff"],
    )]);
    let plan = world.settle();
    assert_eq!(plan.usage[&"a".into()].available_ipv6, 1);
}
