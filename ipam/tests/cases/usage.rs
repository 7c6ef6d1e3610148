//! Counts of pools.

use super::*;

fn counts(plan: &Plan<Key>, pool: &str) -> [i64; 4] {
    let usage = plan.usage[&pool.into()];
    [
        usage.assigned_ipv4,
        usage.available_ipv4,
        usage.assigned_ipv6,
        usage.available_ipv6,
    ]
}

#[test]
fn both_families_are_counted_with_what_the_plan_hands_out() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/24", "2001:db8::/120"]),
        pool("b", &["203.0.113.0/30"]),
    ]);
    world.ask("web", require_dual());
    world.ask("mail", ipv4());
    let plan = world.settle();
    assert_eq!(counts(&plan, "a"), [2, 254, 1, 255]);
    assert_eq!(counts(&plan, "b"), [0, 4, 0, 0]);
}

#[test]
fn foreign_holders_are_counted() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world
        .current
        .insert("theirs", Assignment::foreign(ips(&["198.51.100.7"])));
    assert_eq!(counts(&world.settle(), "a"), [1, 255, 0, 0]);
}

#[test]
fn avoided_addresses_are_not_available() {
    for (range, usable) in [
        ("198.51.100.0/24", 254),
        ("198.51.0.0/16", 65_024),
        ("198.51.100.0/25", 127),
        ("198.51.100.128/25", 127),
        ("198.51.100.64/26", 64),
        ("198.51.100.0/32", 0),
        ("198.51.100.255-198.51.101.0", 0),
        ("198.51.100.254-198.51.101.1", 2),
        ("0.0.0.0/0", 4_261_412_864),
    ] {
        let mut world = World::new([avoiding("a", &[range])]);
        assert_eq!(counts(&world.settle(), "a"), [0, usable, 0, 0], "{range}");
    }
}

#[test]
fn huge_ranges_saturate() {
    for (ranges, usable) in [
        (&["2001:db8::/67"][..], 1 << 61),
        (&["2001:db8::/66"], i64::MAX),
        (&["2001:db8::/64"], i64::MAX),
        (&["2001:db8::/64", "2001:db9::/120"], i64::MAX),
        (&["::/0"], i64::MAX),
    ] {
        let mut world = World::new([pool("a", ranges)]);
        assert_eq!(
            counts(&world.settle(), "a"),
            [0, 0, 0, usable],
            "{ranges:?}"
        );
    }
}
