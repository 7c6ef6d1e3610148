//! Two families: required, preferred, gained and lost.

use super::*;
use ipam::ShortageCause;

const V4: &str = "198.51.100.0/24";
const V6: &str = "2001:db8::/64";

#[test]
fn required_families_come_from_one_pool() {
    let mut world = World::new([
        pool("a", &[V4]),
        pool("b", &[V6]),
        pool("c", &["203.0.113.0/24", "2001:db8:1::/64"]),
    ]);
    world.ask("web", require_dual());
    world.settle();
    assert_eq!(world.held("web"), "203.0.113.0, 2001:db8:1::");
}

#[test]
fn required_families_are_all_or_nothing() {
    let mut world = World::new([pool("a", &[V4]), pool("b", &[V6])]);
    world.ask("web", require_dual());
    let plan = world.settle();
    assert_eq!(
        error(&plan, "web").to_string(),
        "no address for IPv4 and IPv6; pool a has no IPv6 addresses; pool b has no IPv4 addresses"
    );
}

#[test]
fn a_preferred_pair_comes_from_the_first_pool_with_both() {
    let mut world = World::new([pool("a", &[V4]), pool("b", &["203.0.113.0/24", V6])]);
    world.ask("web", prefer_dual(Family::V4));
    let plan = world.settle();
    assert_eq!(world.held("web"), "203.0.113.0, 2001:db8::");
    assert_eq!(plan.decisions["web"].placement().unwrap().missing, None);
}

#[test]
fn without_a_pool_of_both_the_primary_family_wins_whatever_the_order_of_pools() {
    for (primary, held) in [(Family::V4, "198.51.100.0"), (Family::V6, "2001:db8::")] {
        for (v4, v6) in [("a", "b"), ("b", "a")] {
            let mut world = World::new([pool(v4, &[V4]), pool(v6, &[V6])]);
            world.ask("web", prefer_dual(primary));
            world.settle();
            assert_eq!(world.held("web"), held, "{primary} with {v4}, {v6}");
        }
    }
}

#[test]
fn without_the_primary_family_the_other_one_is_given_with_the_reason() {
    let mut world = World::new([pool("a", &[V6])]);
    world.ask("web", prefer_dual(Family::V4));
    let plan = world.settle();
    assert_eq!(world.held("web"), "2001:db8::");
    let missing = plan.decisions["web"]
        .placement()
        .unwrap()
        .missing
        .clone()
        .unwrap();
    assert_eq!(
        (missing.family, missing.cause),
        (Family::V4, ShortageCause::None)
    );
}

#[test]
fn a_single_family_of_a_pinned_pool_beats_a_pair_of_an_open_one() {
    let mut world = World::new([pinned("a", &[V4], 1), pool("b", &["203.0.113.0/24", V6])]);
    world.ask("web", admitted(&["a"], prefer_dual(Family::V6)));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}

#[test]
fn a_named_pool_gives_the_families_it_has() {
    let mut world = World::new([pool("a", &[V4]), pool("b", &["203.0.113.0/24", V6])]);
    world.ask("web", from_pool("a", prefer_dual(Family::V6)));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}

#[test]
fn a_pool_that_gains_a_family_adds_it_to_its_holders_after_what_they_have() {
    let mut world = World::new([pool("a", &[V6])]);
    world.ask("web", prefer_dual(Family::V4));
    world.settle();
    world.set_pools([pool("a", &[V6, V4])]);
    let plan = world.settle();
    assert!(matches!(plan.decisions["web"], Decision::AddFamily(_)));
    assert_eq!(world.held("web"), "2001:db8::, 198.51.100.0");
}

#[test]
fn a_holder_of_one_family_does_not_jump_to_a_new_pool_of_both() {
    let mut world = World::new([pool("b", &[V4])]);
    world.ask("web", prefer_dual(Family::V4));
    world.settle();
    world.set_pools([pool("b", &[V4]), pool("a", &["203.0.113.0/24", V6])]);
    let plan = world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
    let Decision::Keep(placement) = &plan.decisions["web"] else {
        panic!()
    };
    assert_eq!(
        placement.missing.as_ref().unwrap().to_string(),
        "pool b has no IPv6 addresses"
    );
}

#[test]
fn a_pool_that_loses_a_family_sends_its_holders_to_another_pool_of_both() {
    let mut world = World::new([
        pool("a", &[V4, V6]),
        pool("b", &["203.0.113.0/24", "2001:db8:1::/64"]),
    ]);
    world.ask("web", prefer_dual(Family::V4));
    world.settle();
    world.set_pools([
        pool("a", &[V4]),
        pool("b", &["203.0.113.0/24", "2001:db8:1::/64"]),
    ]);
    let plan = world.settle();
    assert_eq!(world.held("web"), "203.0.113.0, 2001:db8:1::");
    assert_eq!(
        released(&plan, "web").to_string(),
        "2001:db8:: is in no pool"
    );
}

#[test]
fn requiring_instead_of_preferring_moves_a_holder_of_one_family() {
    let mut world = World::new([pool("a", &[V4])]);
    world.ask("web", prefer_dual(Family::V4));
    world.settle();
    world.set_pools([pool("a", &[V4]), pool("b", &["203.0.113.0/24", V6])]);
    world.ask("web", require_dual());
    let plan = world.settle();
    assert_eq!(world.held("web"), "203.0.113.0, 2001:db8::");
    assert_eq!(
        released(&plan, "web").to_string(),
        "198.51.100.0 cannot be kept, because the request is for IPv4 and IPv6"
    );
}

#[test]
fn preferring_instead_of_requiring_changes_nothing() {
    let mut world = World::new([pool("a", &[V4, V6])]);
    world.ask("web", require_dual());
    world.settle();
    world.ask("web", prefer_dual(Family::V6));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0, 2001:db8::");
}

#[test]
fn asking_for_one_family_gives_up_the_pair() {
    let mut world = World::new([pool("a", &[V4, V6])]);
    world.ask("web", require_dual());
    world.settle();
    world.ask("web", ipv6());
    let plan = world.settle();
    assert_eq!(world.held("web"), "2001:db8::");
    assert!(matches!(released(&plan, "web"), Release::Families { .. }));
}

#[test]
fn a_second_family_is_not_added_to_a_wanted_address() {
    let mut world = World::new([pool("a", &[V4, V6])]);
    world.ask("web", wanting(&["198.51.100.7"], prefer_dual(Family::V4)));
    world.hold("web", &["198.51.100.7"]);
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.7");
}

#[test]
fn a_second_family_waits_for_older_newcomers() {
    let mut world = World::new([pool("a", &[V4, "2001:db8::1/128"])]);
    world.ask("young", born(2, prefer_dual(Family::V4)));
    world.hold("young", &["198.51.100.7"]);
    world.ask("old", born(1, ipv6()));
    let plan = world.settle();
    assert_eq!(world.held("old"), "2001:db8::1");
    let missing = plan.decisions["young"]
        .placement()
        .unwrap()
        .missing
        .clone()
        .unwrap();
    assert_eq!(
        missing.cause,
        ShortageCause::Full {
            usable: 1,
            reserved: 0
        }
    );
}
