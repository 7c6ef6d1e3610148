//! The client that watches, with kernels that answer.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::MacAddr;
use lab::failover::Watch;
use lab::{Host, Requirement, Size, Topology, requires};

/// Long enough for many questions, half of it still for a few on a machine that does something else.
const WHILE: Duration = Duration::from_secs(2);
const TIMEOUT: Duration = Duration::from_secs(60);
const ADDRESSES: [&str; 2] = ["198.51.100.99", "2001:db8:1::99"];

fn own(host: &Host) {
    let [v4, v6] = ADDRESSES;
    let namespace = &host.namespace;
    namespace.ip(&format!("addr add {v4}/32 dev eth0")).unwrap();
    namespace
        .ip(&format!("addr add {v6}/128 dev eth0 nodad"))
        .unwrap();
}

fn disown(host: &Host) {
    for address in ADDRESSES {
        host.namespace
            .ip(&format!("addr del {address} dev eth0"))
            .unwrap();
    }
}

#[test]
fn a_watch_sees_who_answers_a_quarrel_and_silence() {
    if !requires(&[Requirement::Root]) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    let [first, second] = [&topology.nodes[0], &topology.nodes[1]];
    let [one, other]: [MacAddr; 2] =
        [first, second].map(|host| host.mac().unwrap().parse().unwrap());
    let addresses: [IpAddr; 2] = ADDRESSES.map(|text| text.parse().unwrap());
    let mut watch = Watch::start(&topology.client, &addresses).unwrap();

    own(first);
    let alone = watch.until_settled(WHILE, TIMEOUT, |_| true).unwrap();
    assert_eq!(alone, BTreeSet::from([one]));

    let quarrel = Instant::now();
    own(second);
    std::thread::sleep(WHILE);
    disown(first);
    watch
        .until_settled(WHILE, TIMEOUT, |by| by == other)
        .unwrap();
    let end = Instant::now();
    for (address, seen) in watch.seen() {
        assert_eq!(seen.since(quarrel), [one, other].into());
        let contested = seen.contested(quarrel, end);
        assert!(contested >= WHILE / 2, "{address}: {contested:?}");
        assert!(
            contested < end - quarrel - WHILE / 2,
            "{address}: {contested:?}"
        );
        let silence = seen.longest_silence(quarrel, end);
        assert!(silence < WHILE / 2, "{address}: {silence:?}");
    }

    let silence = Instant::now();
    disown(second);
    std::thread::sleep(WHILE);
    own(first);
    watch.until_settled(WHILE, TIMEOUT, |by| by == one).unwrap();
    for (address, seen) in watch.seen() {
        let longest = seen.longest_silence(silence, Instant::now());
        assert!(longest >= WHILE / 2, "{address}: {longest:?}");
        assert_eq!(seen.contested(silence, Instant::now()), Duration::ZERO);
    }
}
