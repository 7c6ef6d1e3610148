//! ARP and Neighbour Discovery, as the client sees them.

use std::net::IpAddr;

use lab::{Requirement, requires, until};

use crate::stage::{Stage, TIMEOUT};

/// Addresses of the pool that no service has.
const UNUSED: [&str; 2] = ["198.51.100.250", "2001:db8:1:0:f::ffff"];

fn start() -> Option<Stage> {
    let tools = ["arping", "ndisc6"].map(Requirement::Program);
    requires(&tools).then(Stage::start).flatten()
}

#[test]
fn exactly_the_owner_answers_and_nobody_does_for_an_address_that_no_service_has() {
    let Some(stage) = start() else { return };
    let mac = stage.node(&stage.owner(|_| true)).mac().unwrap();
    let client = &stage.topology.client;
    for address in stage.addresses("shop") {
        expect_single_answer(&stage, address, &mac);
    }
    for address in UNUSED.map(|text| text.parse::<IpAddr>().unwrap()) {
        assert!(client.who_has(address).unwrap().is_empty(), "{address}");
    }
}

#[test]
fn the_neighbour_table_of_the_client_follows_the_owner() {
    let Some(stage) = start() else { return };
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
        expect_single_answer(&stage, address, &stage.node(&heir).mac().unwrap());
    }
}

/// One answer to one question, and never one from anybody else.
fn expect_single_answer(stage: &Stage, address: IpAddr, mac: &str) {
    // For the first seconds there are announcements too, which look like answers to the programs.
    until(&format!("single answer for {address}"), TIMEOUT, || {
        let answers = stage.topology.client.who_has(address)?;
        assert!(
            answers.iter().all(|answer| answer == mac),
            "{address} is not only at {mac}: {answers:?}"
        );
        Ok((answers.len() == 1).then_some(()))
    })
    .unwrap();
}
