//! Pools that avoid addresses ending in .0 and .255.

use super::*;

#[test]
fn avoided_addresses_are_skipped() {
    let mut world = World::new([avoiding("a", &["198.51.100.254-198.51.101.1"])]);
    for key in ["a", "b", "c"] {
        world.ask(key, ipv4());
    }
    let plan = world.settle();
    assert_eq!(
        ["a", "b", "c"].map(|key| world.held(key)),
        ["198.51.100.254", "198.51.101.1", ""]
    );
    assert_eq!(
        error(&plan, "c").to_string(),
        "no address for IPv4; pool a is full, 2 of 2 IPv4 addresses are in use"
    );
}

#[test]
fn a_pool_of_avoided_addresses_alone_has_none() {
    let mut world = World::new([avoiding("a", &["198.51.100.255-198.51.101.0"])]);
    world.ask("web", ipv4());
    let plan = world.settle();
    assert_eq!(
        error(&plan, "web").to_string(),
        "no address for IPv4; pool a has no IPv4 addresses"
    );
}

#[test]
fn an_avoided_address_cannot_be_wanted() {
    for address in ["198.51.100.0", "198.51.100.255"] {
        let mut world = World::new([avoiding("a", &["198.51.100.0/24"])]);
        world.ask("web", wanting(&[address], ipv4()));
        let plan = world.settle();
        let expected = format!("pool a has avoidBuggyIPs set, which excludes {address}");
        assert_eq!(error(&plan, "web").to_string(), expected);
    }
}

#[test]
fn a_held_address_is_taken_away_when_the_pool_begins_to_avoid_it() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("web", ipv4());
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
    world.set_pools([avoiding("a", &["198.51.100.0/24"])]);
    let plan = world.settle();
    assert_eq!(world.held("web"), "198.51.100.1");
    assert_eq!(
        released(&plan, "web").to_string(),
        "pool a has avoidBuggyIPs set, which excludes 198.51.100.0"
    );
}

#[test]
fn ipv6_addresses_are_never_avoided() {
    let mut world = World::new([avoiding("a", &["2001:db8::/120"])]);
    world.ask("web", ipv6());
    world.settle();
    assert_eq!(world.held("web"), "2001:db8::");
}

#[test]
fn a_range_that_ends_the_address_space_is_used_up() {
    let mut world = World::new([
        avoiding("a", &["255.255.255.254/31"]),
        pool("b", &["ffff:ffff::ffff/128"]),
    ]);
    for (key, request) in [("a", ipv4()), ("b", ipv4()), ("c", ipv6()), ("d", ipv6())] {
        world.ask(key, request);
    }
    world.settle();
    assert_eq!(
        ["a", "b", "c", "d"].map(|key| world.held(key)),
        ["255.255.255.254", "", "ffff:ffff::ffff", ""]
    );
}
