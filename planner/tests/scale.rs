//! What events that reach every node cost a cluster, on a small one: `make bench-scale` has the large one.

#[path = "../benches/gossip/mod.rs"]
mod gossip;
#[path = "../benches/simulation/mod.rs"]
mod simulation;

use std::time::Duration;

use simulation::{Cost, Size, run};

fn costs() -> [Cost; 3] {
    let size = Size {
        nodes: 50,
        services: 500,
        routers: 4,
    };
    let costs = run(size).into_iter().map(|(_, cost)| cost);
    let costs: Vec<_> = costs.collect();
    costs.try_into().unwrap_or_default()
}

#[test]
fn a_cluster_that_starts_tells_each_router_each_route_once() {
    let [start, ..] = costs();
    assert_eq!(start.nodes, 50);
    assert_eq!(start.taken, 250, "each address by one node");
    assert_eq!(
        start.announced,
        250 * 3 * 4,
        "by the nodes of the endpoints"
    );
    assert_eq!(start.updates, 50 * 4, "one message a session");
    let services = start.writes - start.session_writes;
    assert_eq!(services, 250 + 250 * 3, "a status a Service and node");
    assert_eq!(start.events, services);
}

#[test]
fn nodes_that_die_cost_the_others_what_these_had() {
    let [start, loss, _] = costs();
    assert!((1..=250 / 5).contains(&loss.taken), "{loss:?}");
    assert_eq!((loss.announced, loss.withdrawn), (0, 0), "{loss:?}");
    assert_eq!(
        loss.writes,
        2 * loss.taken,
        "the heir writes its status and deletes that of the dead node"
    );
    assert!(loss.nodes < start.nodes);
}

#[test]
fn addresses_that_leave_a_pool_are_withdrawn_and_nothing_else() {
    let [.., edition] = costs();
    assert_eq!((edition.taken, edition.announced), (0, 0));
    assert!((300..=1500).contains(&edition.withdrawn), "{edition:?}");
    let services = edition.writes - edition.session_writes;
    assert_eq!(services * 4, edition.withdrawn, "a status for four routers");
    assert_eq!(edition.settled_after(), Duration::ZERO);
}

#[test]
fn members_know_of_starts_and_deaths_in_seconds_and_say_little_otherwise() {
    let [start, rest, death] = gossip::run(30, 0..3);
    assert!(start.known_after < Duration::from_secs(5), "{start:?}");
    assert!(death.known_after < Duration::from_secs(5), "{death:?}");
    assert_eq!(rest.known_after, Duration::ZERO, "all know each other");
    // Each probes one member and is probed by one every 200 ms, which makes ten; what is more is about what got lost.
    assert!((10.0..20.0).contains(&rest.datagrams), "{rest:?}");
    assert!(rest.octets < start.octets.min(death.octets), "{rest:?}");
}
