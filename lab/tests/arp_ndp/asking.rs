//! The lab's own questions, while much is said that looks like an answer.

use std::net::IpAddr;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use lab::failover::claim;
use lab::topology::Host;
use lab::{Requirement, Size, Topology, requires};

use crate::responding::{Responding, TIMEOUT, ips};
use crate::{ON_LINK, make_kernel_ask};

/// How often each question is asked.
const TIMES: u32 = 3;

/// Does something every 20 ms until something else has ended.
fn meanwhile(again: impl Fn() + Send, main: impl FnOnce()) {
    thread::scope(|scope| {
        // Gone when `main` panics, too.
        let (end, ended) = mpsc::channel::<()>();
        scope.spawn(move || {
            while ended.recv_timeout(Duration::from_millis(20)) == Err(RecvTimeoutError::Timeout) {
                again();
            }
        });
        main();
        drop(end);
    });
}

/// Fails unless a question on a link of the client is answered by one station alone, each time.
fn expect_answers(client: &Host, link: &str, address: IpAddr, mac: &str) {
    for _ in 0..TIMES {
        // Who is held up may miss the answer.
        let answers = lab::until(&format!("answer for {address}"), TIMEOUT, || {
            let answers = client.who_has_on(link, address)?;
            Ok(Some(answers).filter(|answers| !answers.is_empty()))
        });
        assert_eq!(answers.unwrap(), [mac], "{address} on {link}");
    }
}

/// As with speakers that miss another one: each reminds of its addresses on all links. What comes in by the one link of
/// the client is no answer to a question on the other, nor is it one on its own.
#[test]
fn who_is_reminded_of_an_address_all_the_time_gets_one_answer_on_each_link() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let (node, client) = (&topology.nodes[0], &topology.client);
    node.namespace
        .link("eth1", &client.namespace, "eth2")
        .unwrap();
    client
        .namespace
        .ip("addr add 198.51.100.102/32 dev eth2")
        .unwrap();
    let responding = ["eth0", "eth1"].map(|link| Responding::start_on(&node.namespace, link));
    for one in &responding {
        one.answer_for(&ON_LINK);
    }
    let remind = || responding.iter().for_each(|one| one.interface.remind());
    meanwhile(remind, || {
        for (link, of_client) in [("eth0", "eth0"), ("eth1", "eth2")] {
            let mac = node.namespace.mac(link).unwrap();
            for address in ips(&ON_LINK) {
                expect_answers(client, of_client, address, &mac);
            }
        }
    });
    responding.into_iter().for_each(Responding::stop);
}

#[test]
fn who_claims_an_address_and_does_not_answer_for_it_is_not_seen() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    let [owner, stranger] = [&topology.nodes[0], &topology.nodes[1]];
    let responding = Responding::start(&owner.namespace);
    responding.answer_for(&ON_LINK);
    let claim_all = || {
        for address in ips(&ON_LINK) {
            claim(stranger, address).unwrap();
        }
    };
    meanwhile(claim_all, || {
        for address in ips(&ON_LINK) {
            expect_answers(&topology.client, "eth0", address, &owner.mac().unwrap());
        }
    });
    responding.stop();
}

/// The kernel's own questions are answered to the same machine.
#[test]
fn one_answer_is_seen_while_the_kernel_of_who_asks_looks_for_the_same_address() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(1, 0)).unwrap();
    let (owner, client) = (&topology.nodes[0], &topology.client);
    let responding = Responding::start(&owner.namespace);
    responding.answer_for(&ON_LINK);
    for address in ips(&ON_LINK) {
        let look = || {
            let flush = format!("neigh flush to {address} dev eth0");
            client.namespace.ip(&flush).unwrap();
            make_kernel_ask(client, address);
        };
        meanwhile(look, || {
            expect_answers(client, "eth0", address, &owner.mac().unwrap());
        });
    }
    responding.stop();
}
