//! What holds after any inputs in any order.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use arp_ndp::{Config, Event, Input, Link, LinkState, Output, Protocols, solicited_node_group};
use proptest::prelude::*;

use crate::{OTHER, OURS, Station, ips, owned};

/// Two families, and two addresses that share a group.
const ADDRESSES: [&str; 5] = [
    "198.51.100.10",
    "198.51.100.11",
    "2001:db8:1::10",
    "2001:db8:2::10",
    "2001:db8::20",
];

#[derive(Debug, Clone)]
enum Step {
    SetAddresses(BTreeSet<IpAddr>),
    SetLink(Link),
    Frame(Vec<u8>),
    Wait(Duration),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let addresses = proptest::sample::subsequence(ADDRESSES.to_vec(), 0..=ADDRESSES.len());
    let mac = prop_oneof![Just(OURS), Just(OTHER)];
    let state = prop_oneof![3 => Just(LinkState::Up), 1 => Just(LinkState::Down)];
    let link = (mac, state, 0..=3_u8).prop_map(|(mac, state, protocols)| {
        Link::new(mac)
            .with_state(state)
            .with_protocols(Protocols::from_bits_truncate(protocols))
    });
    let step = prop_oneof![
        addresses.prop_map(|addresses| Step::SetAddresses(ips(&addresses))),
        link.prop_map(Step::SetLink),
        proptest::collection::vec(any::<u8>(), 0..100).prop_map(Step::Frame),
        (0..20_000_u64).prop_map(|millis| Step::Wait(Duration::from_millis(millis))),
    ];
    proptest::collection::vec(step, 1..30)
}

fn protocol(address: &IpAddr) -> Protocols {
    if address.is_ipv4() {
        Protocols::ARP
    } else {
        Protocols::NDP
    }
}

/// The groups that these addresses need on this link.
fn groups(addresses: &BTreeSet<IpAddr>, link: Link) -> BTreeSet<Ipv6Addr> {
    let group = |address: &IpAddr| match address {
        IpAddr::V6(v6) if link.protocols.contains(Protocols::NDP) => {
            Some(solicited_node_group(*v6))
        }
        _ => None,
    };
    addresses.iter().filter_map(group).collect()
}

proptest! {
    #[test]
    fn what_is_announced_joined_and_planned_follows_from_addresses_and_link(steps in steps()) {
        let mut station = Station::new(Link::new(OURS), Config::default());
        let mut addresses = BTreeSet::new();
        let mut link = Link::new(OURS);
        let mut joined = BTreeSet::new();
        for step in steps {
            let outputs = match step {
                Step::SetAddresses(new) => {
                    addresses.clone_from(&new);
                    station.give(Input::SetAddresses(owned(new)))
                }
                Step::SetLink(new) => {
                    link = new;
                    station.give(Input::SetLink(new))
                }
                Step::Frame(octets) => station.give(Input::Frame(&octets)),
                Step::Wait(time) => station.run(time).into_iter().map(|(_, output)| output).collect(),
            };
            let active = |address: &IpAddr| link.state == LinkState::Up && link.protocols.contains(protocol(address));
            for output in outputs {
                match output {
                    Output::JoinGroup(group) => prop_assert!(joined.insert(group), "joined twice"),
                    Output::LeaveGroup(group) => prop_assert!(joined.remove(&group), "left, but not joined"),
                    Output::Event(Event::Announced { address, .. }) => {
                        prop_assert!(addresses.contains(&address) && active(&address));
                    }
                    Output::Transmit(frame) => prop_assert_eq!(&frame.as_ref()[6..12], &link.mac.octets()),
                    _ => {}
                }
            }
            prop_assert_eq!(&joined, &groups(&addresses, link));
            prop_assert!(station.responder.addresses().keys().eq(&addresses));
            prop_assert_eq!(station.responder.poll_timeout().is_some(), addresses.iter().any(active));
            prop_assert!(station.give(Input::SetAddresses(owned(addresses.clone()))).is_empty());
            prop_assert!(station.give(Input::SetLink(link)).is_empty());
        }
    }
}
