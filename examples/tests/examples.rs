//! The examples do what their first lines say.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::process::Command;
use std::time::Duration;

use lab::router::{Config, Kind, Neighbour, Router};
use lab::topology::{NODE_ASN, ROUTER_ASN};
use lab::{Requirement, Size, Topology, requires};
use nix::sys::signal::Signal;

const TIMEOUT: Duration = Duration::from_secs(15);

/// Runs an example to its end and returns what it printed.
fn printed(example: &str) -> String {
    let output = Command::new(example).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// An example with its arguments.
fn example(path: &str, arguments: &[String]) -> Command {
    let mut command = Command::new(path);
    command.args(arguments);
    command
}

#[test]
fn ipam_plan_keeps_what_is_held_and_says_why_somebody_gets_nothing() {
    let text = printed(env!("CARGO_BIN_EXE_ipam_plan"));
    assert!(text.contains("docs  203.0.113.0 from pool small"), "{text}");
    assert!(text.contains("shop  203.0.113.1 from pool small"), "{text}");
    assert!(text.contains("zoo   no address: "), "{text}");
}

#[test]
fn elect_ranks_the_nodes_for_each_address() {
    let text = printed(env!("CARGO_BIN_EXE_elect"));
    assert!(
        text.contains("198.51.100.10  ranking node-1, node-2, node-3; without node-1: node-2"),
        "{text}"
    );
}

#[test]
fn bgp_announce_brings_its_prefix_to_a_router_and_says_goodbye() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = lab::folder().unwrap();
    let topology = Topology::build(&Size::new(1, 1)).unwrap();
    let (node, host) = (topology.node("node1").unwrap(), topology.router().unwrap());
    let kind = if Kind::Bird.is_installed() {
        Kind::Bird
    } else {
        Kind::Frr
    };
    if !requires(&kind.requirements()) {
        return;
    }
    let config = Config {
        asn: ROUTER_ASN,
        router_id: host.ipv4,
        neighbours: vec![Neighbour::new(node.ipv4, NODE_ASN)],
    };
    let router = Router::start(kind, host, &folder.path().join("router"), &config).unwrap();

    let arguments = [
        format!("{}:179", host.ipv4),
        NODE_ASN.to_string(),
        ROUTER_ASN.to_string(),
        "203.0.113.10/32".to_owned(),
    ];
    let command = example(env!("CARGO_BIN_EXE_bgp_announce"), &arguments);
    let mut announcer = node
        .namespace
        .spawn("announce", command, folder.path())
        .unwrap();
    let paths = router
        .wait_for_paths("203.0.113.10/32".parse().unwrap(), 1, TIMEOUT)
        .unwrap();
    let [path] = paths.as_slice() else {
        panic!("one path, not {paths:?}")
    };
    assert_eq!(path.as_path, [NODE_ASN]);
    assert_eq!(path.communities, ["64512:100"]);

    announcer.signal(Signal::SIGINT).unwrap();
    let end = router.wait_for_end(node.ipv4, TIMEOUT).unwrap();
    assert!(
        end.last_error
            .as_ref()
            .is_some_and(|error| error.contains("the example is over")),
        "{end:?}"
    );
}

#[test]
fn arp_answer_answers_for_its_address_alone() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let folder = lab::folder().unwrap();
    let topology = Topology::build(&Size::new(1, 1)).unwrap();
    let node = topology.node("node1").unwrap();
    let arguments = ["eth0".to_owned(), "198.51.100.210".to_owned()];
    let command = example(env!("CARGO_BIN_EXE_arp_answer"), &arguments);
    let mut answerer = node
        .namespace
        .spawn("answer", command, folder.path())
        .unwrap();
    answerer.wait_for_line("answers for", TIMEOUT).unwrap();

    let client = &topology.client;
    let answers = client.who_has("198.51.100.210".parse().unwrap()).unwrap();
    assert_eq!(answers, [node.mac().unwrap()]);
    let others = client.who_has("198.51.100.211".parse().unwrap()).unwrap();
    assert!(others.is_empty(), "{others:?}");

    answerer.signal(Signal::SIGINT).unwrap();
    answerer
        .wait_for_line("requests_received", TIMEOUT)
        .unwrap();
}
