//! Addresses that are kept for some.

use super::*;
use ipam::{Allocator, PoolsError, Refusal};

fn reserve(world: &mut World, reservation: &str, ranges: &[&str]) {
    for range in ranges {
        let range = range.parse().unwrap();
        world.pools.reserve(reservation, range).unwrap();
    }
}

fn entitled(reservation: &str, mut request: Request) -> Request {
    request.reservations.insert(reservation.into());
    request
}

#[test]
fn only_the_entitled_get_them_and_before_all_others() {
    let mut world = World::new([
        pool("a", &["198.51.100.0/30"]),
        pool("b", &["203.0.113.0/30"]),
    ]);
    reserve(&mut world, "r", &["198.51.100.0/32", "203.0.113.2/32"]);
    world.ask("anybody", born(1, ipv4()));
    for key in ["web-1", "web-2", "web-3"] {
        world.ask(key, born(2, entitled("r", ipv4())));
    }
    world.settle();
    assert_eq!(world.held("anybody"), "198.51.100.1");
    assert_eq!(world.held("web-1"), "198.51.100.0");
    assert_eq!(world.held("web-2"), "203.0.113.2");
    assert_eq!(world.held("web-3"), "198.51.100.2");
}

#[test]
fn asking_for_one_by_name_helps_the_entitled_alone() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    reserve(&mut world, "r", &["198.51.100.6/31"]);
    world.ask("stranger", wanting(&["198.51.100.7"], ipv4()));
    world.ask("web", entitled("r", wanting(&["198.51.100.7"], ipv4())));
    world.ask(
        "elsewhere",
        entitled("r", wanting(&["198.51.100.99"], ipv4())),
    );
    let plan = world.settle();
    let refused = Refusal::Reserved {
        address: "198.51.100.7".parse().unwrap(),
        reservation: "r".into(),
    };
    assert_eq!(error(&plan, "stranger"), AllocError::Refused(refused));
    assert_eq!(world.held("web"), "198.51.100.7");
    assert_eq!(world.held("elsewhere"), "198.51.100.99");
}

#[test]
fn they_wait_for_the_entitled_to_come_back() {
    let mut world = World::new([pool("a", &["198.51.100.0/31"])]);
    reserve(&mut world, "r", &["198.51.100.0/32"]);
    world.ask("web", entitled("r", ipv4()));
    world.ask("mail", ipv4());
    world.settle();
    world.forget("web");
    world.ask("news", ipv4());
    let plan = world.settle();
    assert_eq!(
        error(&plan, "news").to_string(),
        "no address for IPv4; pool a is full, 1 of 2 IPv4 addresses are in use and 1 reserved for others"
    );
    assert_eq!(plan.usage[&"a".into()].available_ipv4, 1);
    world.ask("web", entitled("r", ipv4()));
    world.settle();
    assert_eq!(world.held("web"), "198.51.100.0");
}

#[test]
fn who_has_one_without_being_entitled_keeps_it_and_the_entitled_wait() {
    let mut world = World::new([manual("a", &["198.51.100.0/32"])]);
    world.hold("old", &["198.51.100.0"]);
    world.ask("old", ipv4());
    reserve(&mut world, "r", &["198.51.100.0/32"]);
    world.ask("web", entitled("r", ipv4()));
    let plan = world.settle();
    assert_eq!(world.held("old"), "198.51.100.0");
    assert_eq!(
        error(&plan, "web").to_string(),
        "no address for IPv4; the IPv4 addresses of pool a that are reserved for it are in use, 1 of 1; \
         pool a has autoAssign off and must be asked for by name"
    );
    let (mut allocator, _) = Allocator::start(world.pools, world.current, world.requests);
    let changes = allocator.remove_request(&"old");
    let placement = changes["web"].placement().unwrap();
    assert_eq!(placement.addresses.to_string(), "198.51.100.0");
}

#[test]
fn a_pool_that_does_not_serve_the_request_gives_it_none() {
    let mut off = pool("off", &["198.51.100.0/32"]);
    off.disabled = true;
    let mut hole = pool("hole", &["203.0.113.0/32"]);
    hole.exclude(["203.0.113.0/32".parse().unwrap()]);
    let others = pinned("others", &["192.0.2.1/32"], 1);
    let mut world = World::new([off, hole, others]);
    let all = ["198.51.100.0/32", "203.0.113.0/32", "192.0.2.1/32"];
    reserve(&mut world, "r", &all);
    world.ask("web", entitled("r", ipv4()));
    world.settle();
    assert_eq!(world.held("web"), "");
    world.ask("web", admitted(&["others"], entitled("r", ipv4())));
    world.settle();
    assert_eq!(world.held("web"), "192.0.2.1");
}

#[test]
fn the_other_family_comes_from_the_same_pool_reserved_or_not() {
    let mut world = World::new([
        pool("a", &["203.0.113.0/24", "2001:db8:a::/64"]),
        pool("b", &["198.51.100.0/24", "2001:db8:b::/64"]),
    ]);
    reserve(&mut world, "r", &["198.51.100.7/32"]);
    reserve(&mut world, "s", &["2001:db8:a::5/128", "2001:db8:b::5/128"]);
    world.ask("one", entitled("r", require_dual()));
    world.ask("two", entitled("s", entitled("r", require_dual())));
    world.settle();
    assert_eq!(world.held("one"), "198.51.100.7, 2001:db8:b::");
    assert_eq!(world.held("two"), "203.0.113.0, 2001:db8:a::5");
}

#[test]
fn the_entitled_share_one_as_they_share_any() {
    let mut world = World::new([pool("a", &["198.51.100.0/24"])]);
    reserve(&mut world, "r", &["198.51.100.9/32"]);
    world.ask("http", entitled("r", sharing("k", &[80], ipv4())));
    world.ask("https", entitled("r", sharing("k", &[443], ipv4())));
    world.ask("stranger", sharing("k", &[22], ipv4()));
    world.settle();
    assert_eq!(world.held("http"), "198.51.100.9");
    assert_eq!(world.held("https"), "198.51.100.9");
    assert_eq!(world.held("stranger"), "198.51.100.0");
}

#[test]
fn no_address_is_reserved_twice() {
    let mut pools = Pools::new();
    pools
        .reserve("r", "198.51.100.0/30".parse().unwrap())
        .unwrap();
    pools
        .reserve("r", "198.51.100.4/32".parse().unwrap())
        .unwrap();
    let before = pools.clone();
    for (range, with) in [
        ("198.51.100.3/32", "198.51.100.0/30"),
        ("198.51.0.0/16", "198.51.100.4/32"),
    ] {
        let fault = pools.reserve("s", range.parse().unwrap()).unwrap_err();
        let text = format!("{range} of reservation s overlaps {with} of reservation r");
        assert_eq!(fault.to_string(), text);
        assert!(matches!(fault, PoolsError::ReservedTwice { .. }));
    }
    assert_eq!(pools, before);
    let reservation = |address: &str| pools.reservation_of(address.parse().unwrap());
    assert_eq!(reservation("198.51.100.3"), Some(&"r".into()));
    assert_eq!(reservation("198.51.100.5"), None);
    assert_eq!(pools.reserved().count(), 2);
    pools.clear_reservations();
    assert_eq!(pools, Pools::new());
}
