//! Several holders of one address.

use super::*;
use ipam::{ConflictCause, Refusal};

fn two(first: Request, second: Request) -> World {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    world.ask("1", first);
    world.ask("2", second);
    world
}

fn cause(plan: &Plan<Key>, key: Key) -> ConflictCause {
    match error(plan, key) {
        AllocError::Refused(Refusal::Conflict(conflict)) => conflict.cause,
        other => panic!("no conflict: {other:?}"),
    }
}

fn local(key: &str, backend: &str, ports: &[u16], request: Request) -> Request {
    let mut request = sharing(key, ports, request);
    request.sharing = Sharing::try_new(key, backend);
    request
}

#[test]
fn equal_keys_and_different_ports_share_without_being_asked_to() {
    let mut world = two(sharing("k", &[80], ipv4()), sharing("k", &[443], ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("2"), "198.51.100.0");
    assert_eq!(plan.usage[&"a".into()].assigned_ipv4, 1);
}

#[test]
fn one_port_of_two_protocols_can_be_shared() {
    let mut world = two(sharing("k", &[53], ipv4()), sharing("k", &[], ipv4()));
    world
        .requests
        .get_mut("2")
        .unwrap()
        .ports
        .insert(Port::new(Protocol::Udp, 53));
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.0");
}

#[test]
fn a_port_in_use_sends_the_newcomer_to_the_next_address() {
    let mut world = two(
        sharing("k", &[80, 443], ipv4()),
        sharing("k", &[443], ipv4()),
    );
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.1");
}

#[test]
fn a_shareable_address_is_taken_only_if_no_free_one_is_before_it() {
    let mut world = two(sharing("k", &[80], ipv4()), sharing("k", &[443], ipv4()));
    world.hold("1", &["198.51.100.9"]);
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.0");
}

#[test]
fn a_full_pool_still_serves_those_who_share() {
    let mut world = two(sharing("k", &[80], ipv4()), sharing("k", &[443], ipv4()));
    world.set_pools([pool("a", &["198.51.100.0/32"])]);
    world.ask("0", ipv4());
    world.hold("1", &["198.51.100.0"]);
    let plan = world.settle();
    assert_eq!(world.held("2"), "198.51.100.0");
    assert!(matches!(error(&plan, "0"), AllocError::Exhausted { .. }));
}

#[test]
fn wanted_addresses_tell_why_they_cannot_be_shared() {
    let plain = || ipv4();
    for (first, second, expected) in [
        (plain(), plain(), ConflictCause::NoKeys),
        (
            plain(),
            sharing("k", &[80], plain()),
            ConflictCause::HolderHasNoKey,
        ),
        (
            sharing("k", &[80], plain()),
            plain(),
            ConflictCause::RequestHasNoKey { holder: "k".into() },
        ),
        (
            sharing("k", &[80], plain()),
            sharing("q", &[443], plain()),
            ConflictCause::DifferentKeys {
                holder: "k".into(),
                request: "q".into(),
            },
        ),
        (
            sharing("k", &[80], plain()),
            sharing("k", &[443, 80], plain()),
            ConflictCause::Port {
                port: Port::new(Protocol::Tcp, 80),
            },
        ),
        (
            local("k", "app=a", &[80], plain()),
            sharing("k", &[443], plain()),
            ConflictCause::DifferentBackends,
        ),
        (
            local("k", "app=a", &[80], plain()),
            local("k", "app=b", &[443], plain()),
            ConflictCause::DifferentBackends,
        ),
    ] {
        let wish = ["198.51.100.5"];
        let plan = two(wanting(&wish, first), wanting(&wish, second)).settle();
        assert_eq!(cause(&plan, "2"), expected);
    }
}

#[test]
fn the_holder_named_in_a_port_conflict_is_the_one_with_the_port() {
    let mut world = two(sharing("k", &[80], ipv4()), sharing("k", &[443], ipv4()));
    world.ask(
        "3",
        wanting(&["198.51.100.0"], sharing("k", &[443], ipv4())),
    );
    let plan = world.settle();
    assert_eq!(
        error(&plan, "3").to_string(),
        "198.51.100.0 is in use by 2; both serve port TCP/443"
    );
}

#[test]
fn local_services_share_if_they_select_the_same_pods() {
    let mut world = two(
        local("k", "app=a", &[80], ipv4()),
        local("k", "app=a", &[443], ipv4()),
    );
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.0");
}

#[test]
fn an_empty_key_shares_with_nobody() {
    let mut world = two(sharing("", &[80], ipv4()), sharing("", &[443], ipv4()));
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.1");
}

#[test]
fn the_only_holder_may_change_its_key() {
    let mut world = two(sharing("k", &[80], ipv4()), ipv4());
    world.settle();
    world.ask("1", sharing("q", &[81], ipv4()));
    let plan = world.settle();
    assert!(matches!(plan.decisions["1"], Decision::Keep(_)));
}

#[test]
fn a_holder_that_stops_sharing_leaves_the_older_one_where_it_is() {
    let mut world = two(
        born(1, sharing("k", &[80], ipv4())),
        born(2, sharing("k", &[443], ipv4())),
    );
    world.settle();
    world.ask("2", born(2, ipv4()));
    let plan = world.settle();
    assert_eq!(
        (world.held("1"), world.held("2")),
        ("198.51.100.0".into(), "198.51.100.1".into())
    );
    let Release::Refused(Refusal::Conflict(conflict)) = released(&plan, "2") else {
        panic!()
    };
    assert_eq!(
        conflict.cause,
        ConflictCause::RequestHasNoKey { holder: "k".into() }
    );
}

#[test]
fn one_who_waits_gets_a_share_once_the_keys_agree() {
    let wish = ["198.51.100.5"];
    let mut world = two(
        wanting(&wish, ipv4()),
        wanting(&wish, sharing("k", &[443], ipv4())),
    );
    world.settle();
    assert_eq!(world.held("2"), "");
    world.ask("1", wanting(&wish, sharing("k", &[80], ipv4())));
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.5");
}

#[test]
fn both_families_are_shared() {
    let mut world = two(
        sharing("k", &[80], require_dual()),
        sharing("k", &[443], require_dual()),
    );
    world.set_pools([pool("a", &["198.51.100.0/24", "2001:db8::/64"])]);
    world.settle();
    assert_eq!(world.held("2"), "198.51.100.0, 2001:db8::");
}
