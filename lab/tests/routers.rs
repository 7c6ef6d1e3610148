//! The routers of the lab, each against the other.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::path::Path;
use std::time::Duration;

use lab::router::{Config, Kind, Neighbour, Router};
use lab::topology::{NODE_ASN, ROUTER_ASN};
use lab::{Size, Topology, requires};

const TIMEOUT: Duration = Duration::from_secs(60);

/// FRR on `router1` and BIRD on `router2`, with a session over IPv4 with a password and one over IPv6.
fn routers(topology: &Topology, folder: &Path) -> (Router, Router) {
    let [one, two] = topology.routers.as_slice() else {
        panic!("two routers")
    };
    let neighbours = |host: &lab::Host, asn| {
        vec![
            Neighbour::new(host.ipv4, asn).with_password("sesame"),
            Neighbour::new(host.ipv6, asn),
        ]
    };
    let frr = Config {
        asn: ROUTER_ASN,
        router_id: one.ipv4,
        neighbours: neighbours(two, NODE_ASN),
    };
    let bird = Config {
        asn: NODE_ASN,
        router_id: two.ipv4,
        neighbours: neighbours(one, ROUTER_ASN),
    };
    (
        Router::start(Kind::Frr, one, &folder.join("frr"), &frr).unwrap(),
        Router::start(Kind::Bird, two, &folder.join("bird"), &bird).unwrap(),
    )
}

fn is_possible() -> bool {
    let kinds = [Kind::Frr, Kind::Bird];
    requires(&kinds.map(Kind::requirements).concat())
}

#[test]
fn frr_and_bird_establish_sessions_over_both_transports() {
    if !is_possible() {
        return;
    }
    let folder = lab::folder().unwrap();
    let topology = Topology::build(&Size::new(0, 2)).unwrap();
    let (frr, bird) = routers(&topology, folder.path());
    frr.wait_until_established(TIMEOUT).unwrap();
    bird.wait_until_established(TIMEOUT).unwrap();
    let neighbours: Vec<_> = frr
        .sessions()
        .unwrap()
        .into_iter()
        .map(|session| session.neighbour)
        .collect();
    let two = &topology.routers[1];
    assert_eq!(
        neighbours,
        [two.ipv4.into(), std::net::IpAddr::from(two.ipv6)]
    );
}

#[test]
fn a_router_that_is_stopped_says_goodbye_and_one_that_is_killed_does_not() {
    if !is_possible() {
        return;
    }
    let folder = lab::folder().unwrap();
    let topology = Topology::build(&Size::new(0, 2)).unwrap();
    let (mut frr, mut bird) = routers(&topology, folder.path());
    let [one, two] = topology.routers.as_slice() else {
        panic!("two routers")
    };
    frr.wait_until_established(TIMEOUT).unwrap();
    bird.stop().unwrap();
    let session = frr.wait_for_end(two.ipv4, TIMEOUT).unwrap();
    assert!(session.last_error.unwrap().contains("Cease"));
    bird.restart().unwrap();
    bird.wait_until_established(TIMEOUT).unwrap();
    frr.kill().unwrap();
    let session = bird.wait_for_end(one.ipv4, TIMEOUT).unwrap();
    assert!(!session.last_error.unwrap_or_default().contains("Cease"));
    frr.restart().unwrap();
    bird.wait_until_established(TIMEOUT).unwrap();
}
