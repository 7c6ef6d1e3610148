//! ARP and Neighbour Discovery, as the client sees them.

use std::net::IpAddr;

use crate::stage::Stage;

/// Addresses of the pool that no service has, and others of the link that nobody has.
const UNUSED: [&str; 4] = [
    "198.51.100.250",
    "2001:db8:1:0:f::ffff",
    "198.51.100.99",
    "2001:db8:1::99",
];

#[test]
fn exactly_the_owner_answers_and_nobody_does_for_an_address_that_is_not_announced_here() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let owner = stage.owner(|_| true);
    until_answers(&stage, &owner);
    // Those of `web` are announced by BGP alone.
    let unused = UNUSED.map(|text| text.parse::<IpAddr>().unwrap());
    for address in unused.into_iter().chain(stage.addresses("web")) {
        let answers = stage.topology.client.who_has(address).unwrap();
        assert!(answers.is_empty(), "{address} is at {answers:?}");
    }
}

#[test]
fn the_neighbour_table_of_the_client_follows_the_owner() {
    let Some(stage) = Stage::start() else { return };
    let client = &stage.topology.client;
    let owner = stage.owner(|_| true);
    let addresses = stage.addresses("shop");
    for address in addresses {
        // Puts the address into the table: from then on only what the nodes say changes it.
        client.send_datagram(address).unwrap();
        stage.wait_for_neighbour(address, &owner);
    }
    stage.exclude(&owner);
    let heir = stage.owner(|node| node != owner);
    for address in addresses {
        stage.wait_for_neighbour(address, &heir);
        stage.until_answered_by(address, &heir);
    }
}

/// The members are found by the addresses of the Nodes in the folder, so that a speaker that dies is missed.
#[test]
fn another_node_answers_when_the_speaker_of_the_owner_is_killed_and_makes_way_when_it_is_back() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    let owner = stage.owner(|_| true);
    until_answers(&stage, &owner);
    let node = stage.topology.node(&owner).unwrap();
    stage.product.kill_speaker(node).unwrap();
    let heir = stage.owner(|node| node != owner);
    until_answers(&stage, &heir);
    let node = stage.topology.node(&owner).unwrap();
    stage.product.start_speaker(node).unwrap();
    stage.owner(|node| node == owner);
    until_answers(&stage, &owner);
}

/// Waits until a node alone answers for `shop`.
fn until_answers(stage: &Stage, node: &str) {
    for address in stage.addresses("shop") {
        stage.until_answered_by(address, node);
    }
}
