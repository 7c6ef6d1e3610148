//! Pools that are being drained.

use super::*;
use ipam::{PassedOverCause, Refusal};

fn disabled(name: &str, ranges: &[&str]) -> Pool {
    let mut pool = pool(name, ranges);
    pool.disabled = true;
    pool
}

#[test]
fn holders_keep_what_they_have_and_newcomers_go_elsewhere() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("old", ipv4());
    world.settle();
    world.set_pools([
        disabled("a", &["198.51.100.0/24"]),
        pool("b", &["203.0.113.0/24"]),
    ]);
    world.ask("new", ipv4());
    let plan = world.settle();
    assert_eq!(world.held("old"), "198.51.100.0");
    assert_eq!(world.held("new"), "203.0.113.0");
    let usage = plan.usage[&"a".into()];
    assert_eq!((usage.assigned_ipv4, usage.available_ipv4), (1, 0));
}

#[test]
fn naming_the_pool_or_an_address_of_it_does_not_help() {
    let mut world = World::new([disabled("a", &["198.51.100.0/24"])]);
    world.ask("by-chance", ipv4());
    world.ask("by-name", from_pool("a", ipv4()));
    world.ask("by-address", wanting(&["198.51.100.7"], ipv4()));
    let plan = world.settle();
    for key in ["by-name", "by-address"] {
        let refused = AllocError::Refused(Refusal::Disabled { pool: "a".into() });
        assert_eq!(error(&plan, key), refused);
    }
    match error(&plan, "by-chance") {
        AllocError::Exhausted { passed_over, .. } => {
            assert_eq!(passed_over[0].cause, PassedOverCause::Disabled);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn a_holder_gets_no_second_family() {
    let mut world = World::new([disabled("a", &["198.51.100.0/24", "2001:db8::/64"])]);
    world.hold("web", &["198.51.100.0"]);
    world.ask("web", prefer_dual(Family::V4));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}
