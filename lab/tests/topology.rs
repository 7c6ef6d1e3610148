//! The lab's network, on the kernel.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::net::IpAddr;
use std::time::Duration;

use lab::{Cable, Host, Passage, Probe, Requirement, Size, Topology, requires, until};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// How long anything may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Waits until a question gets just these answers, by MAC addresses in their order: who is held up may miss one.
fn until_answers(client: &Host, address: IpAddr, expected: &[String]) {
    let mut last = Vec::new();
    let found = until(&format!("{expected:?} for {address}"), TIMEOUT, || {
        last = client.who_has(address)?;
        last.sort_unstable();
        Ok((last == expected).then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
}

/// An address of a service on the switch.
const ON_LINK: [&str; 2] = ["198.51.100.200", "2001:db8:1:0:f::1"];
/// An address of a service behind the router.
const ROUTED: [&str; 2] = ["203.0.113.1", "2001:db8:f::1"];

#[test]
fn nodes_answer_on_their_own_addresses_and_for_no_address_of_a_service() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 1)).unwrap();
    let (client, node) = (&topology.client, &topology.nodes[0]);
    let mac = node.mac().unwrap();
    for address in [IpAddr::from(node.ipv4), node.ipv6.into()] {
        until_answers(client, address, std::slice::from_ref(&mac));
    }
    for address in ON_LINK.map(ip) {
        assert!(
            client.who_has(address).unwrap().is_empty(),
            "{address} must have no owner"
        );
        assert_eq!(client.neighbour(address).unwrap(), None);
    }
}

#[test]
fn two_owners_of_one_address_are_both_seen() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    for node in &topology.nodes {
        node.namespace
            .ip("addr add 198.51.100.99/24 dev eth0")
            .unwrap();
        node.namespace
            .ip("addr add 2001:db8:1::99/64 dev eth0 nodad")
            .unwrap();
    }
    let nodes = topology.nodes.iter();
    let mut macs: Vec<_> = nodes.map(|node| node.mac().unwrap()).collect();
    macs.sort_unstable();
    for address in ["198.51.100.99", "2001:db8:1::99"].map(ip) {
        until_answers(&topology.client, address, &macs);
    }
}

#[test]
fn a_node_takes_what_is_sent_to_it_for_a_service_address() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut topology = Topology::build(&Size::new(2, 1)).unwrap();
    topology.start_answerers(folder.path()).unwrap();
    let (client, node) = (&topology.client, &topology.nodes[1]);
    let mac = node.mac().unwrap();
    for address in ON_LINK.map(ip) {
        assert!(client.get(address).is_err(), "nobody has {address} yet");
        client
            .namespace
            .ip(&format!("neigh replace {address} lladdr {mac} dev eth0"))
            .unwrap();
        assert_eq!(client.get_within(address, TIMEOUT).unwrap(), "node2");
    }
    let router = &topology.routers[0];
    for (address, next_hop) in ROUTED
        .map(ip)
        .into_iter()
        .zip([ip("198.51.100.12"), ip("2001:db8:1::c")])
    {
        assert!(
            client.get(address).is_err(),
            "the router has no route to {address} yet"
        );
        router
            .namespace
            .ip(&format!("route add {address} via {next_hop}"))
            .unwrap();
        assert_eq!(client.get_within(address, TIMEOUT).unwrap(), "node2");
    }
}

#[test]
fn equal_paths_of_the_router_spread_connections_over_the_nodes() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut topology = Topology::build(&Size::new(2, 1)).unwrap();
    topology.start_answerers(folder.path()).unwrap();
    for (address, hops) in ROUTED.into_iter().zip([
        "nexthop via 198.51.100.11 nexthop via 198.51.100.12",
        "nexthop via 2001:db8:1::b nexthop via 2001:db8:1::c",
    ]) {
        topology.routers[0]
            .namespace
            .ip(&format!("route add {address} {hops}"))
            .unwrap();
        // A fair coin shows one side only 40 times once in 5e11.
        until(&format!("both nodes at {address}"), TIMEOUT, || {
            let answers = topology.client.get_many(ip(address), 40).ok();
            Ok(answers.filter(|answers| answers.len() == 2))
        })
        .unwrap();
    }
}

#[test]
fn a_probe_tells_what_a_pulled_cable_cost() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut topology = Topology::build(&Size::new(1, 0)).unwrap();
    topology.start_answerers(folder.path()).unwrap();
    let node = &topology.nodes[0];
    let probe = Probe::start(
        &topology.client,
        node.ipv4.into(),
        Duration::from_millis(10),
    )
    .unwrap();
    probe.wait_for_answer(TIMEOUT).unwrap();
    topology.set_cable(node, Cable::Pulled).unwrap();
    assert!(topology.client.get(node.ipv4.into()).is_err());
    topology.set_cable(node, Cable::Plugged).unwrap();
    probe.wait_for_answer(TIMEOUT).unwrap();
    let trace = probe.finish();
    assert!(trace.lost() > 0);
    assert!(
        trace.longest_gap() >= Duration::from_millis(500),
        "{:?}",
        trace.longest_gap()
    );
}

#[test]
fn a_closed_passage_leaves_the_link_up_and_lets_nothing_through() {
    if !requires(&[Requirement::Root, Requirement::Program("nft")]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut topology = Topology::build(&Size::new(1, 0)).unwrap();
    topology.start_answerers(folder.path()).unwrap();
    let (client, node) = (&topology.client, &topology.nodes[0]);
    let address = node.ipv4.into();
    assert_eq!(client.get_within(address, TIMEOUT).unwrap(), "node1");
    topology.set_passage(node, Passage::Closed).unwrap();
    assert!(client.get(address).is_err());
    let link = node.namespace.ip("link show dev eth0").unwrap();
    assert!(link.contains("LOWER_UP"), "{link}");
    topology.set_passage(node, Passage::Open).unwrap();
    let answer = client.get_within(address, TIMEOUT);
    assert_eq!(answer.unwrap(), "node1");
}
