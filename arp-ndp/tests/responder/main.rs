//! The responder in virtual time: what it answers, what it drops and why, when it announces.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod announce;
mod arp;
mod claims;
mod invariants;
mod leaving;
mod limit;
mod link;
mod marks;
mod ndp;
mod probe;
mod tenures;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use arp_ndp::{
    ALL_NODES, AdvertisementFlags, Arp, ArpOperation, Config, DropReason, EtherType,
    EthernetHeader, Event, Frame, Input, Link, MacAddr, NeighborAdvertisement,
    NeighborSolicitation, Output, Responder, Role, Tenure, Verdict, multicast_mac,
    solicited_node_group,
};
use testkit::Clock;

/// The station under test.
const OURS: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
/// Another one.
const OTHER: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);
/// A third one.
const THIRD: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0c]);

/// A responder and its clock.
struct Station {
    responder: Responder,
    clock: Clock,
}

impl Station {
    fn new(link: Link, config: Config) -> Self {
        Self {
            responder: Responder::new(link, config, 7),
            clock: Clock::new(),
        }
    }

    /// On a link that is up, with these addresses, their first announcements made and forgotten.
    fn with(addresses: &[&str]) -> Self {
        let mut station = Self::new(Link::new(OURS), Config::default());
        station.set_addresses(addresses);
        station
    }

    fn give(&mut self, input: Input<'_>) -> Vec<Output> {
        self.responder.handle_input(self.clock.now(), input);
        self.drain()
    }

    fn set_addresses(&mut self, addresses: &[&str]) -> Vec<Output> {
        self.give(Input::SetAddresses(owned(ips(addresses))))
    }

    /// All addresses in one role.
    fn set_role(&mut self, role: Role, addresses: &[&str]) -> Vec<Output> {
        let addresses = ips(addresses).into_iter();
        self.give(Input::SetAddresses(
            addresses.map(|address| (address, role)).collect(),
        ))
    }

    fn settle(&mut self, address: &str, by: MacAddr, verdict: Verdict) -> Vec<Output> {
        self.give(Input::Settle {
            address: ip(address),
            by,
            verdict,
        })
    }

    fn tenure(&self, address: &str) -> Option<Tenure> {
        self.responder.tenure(ip(address))
    }

    fn receive(&mut self, frame: &Frame) -> Vec<Output> {
        self.give(Input::Frame(frame.as_ref()))
    }

    /// Lets time pass, calling the responder when it wants to be called, and returns what it did and when.
    fn run(&mut self, time: Duration) -> Vec<(Duration, Output)> {
        let end = self.clock.now() + time;
        let mut done = Vec::new();
        while let Some(at) = self.responder.poll_timeout().filter(|at| *at <= end) {
            self.clock.advance_to(at);
            self.responder.handle_timeout(at);
            let outputs = self.drain();
            assert!(!outputs.is_empty(), "woken for nothing");
            let next = self.responder.poll_timeout();
            assert!(
                next.is_none_or(|next| next > at),
                "to be woken again at once"
            );
            done.extend(
                outputs
                    .into_iter()
                    .map(|output| (self.clock.elapsed(), output)),
            );
        }
        self.clock.advance_to(end);
        done
    }

    fn drain(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.responder.poll_output()).collect()
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn ip4(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn ip6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

fn ips(texts: &[&str]) -> BTreeSet<IpAddr> {
    texts.iter().copied().map(ip).collect()
}

/// All of them ours.
fn owned(addresses: impl IntoIterator<Item = IpAddr>) -> BTreeMap<IpAddr, Role> {
    addresses
        .into_iter()
        .map(|address| (address, Role::Owner))
        .collect()
}

fn dropped(reason: DropReason) -> Vec<Output> {
    vec![Output::Event(Event::Dropped(reason))]
}

/// The events among some outputs, without those that only say what became of a frame.
fn events(outputs: &[Output]) -> Vec<Event> {
    let event = |output: &Output| match output {
        Output::Event(Event::Dropped(_) | Event::Answered { .. }) => None,
        Output::Event(event) => Some(*event),
        _ => None,
    };
    outputs.iter().filter_map(event).collect()
}

/// The frames among some outputs.
fn frames(outputs: &[Output]) -> Vec<Frame> {
    let frame = |output: &Output| match output {
        Output::Transmit(frame) => Some(*frame),
        _ => None,
    };
    outputs.iter().filter_map(frame).collect()
}

/// The addresses announced among some outputs.
fn announced<'a>(outputs: impl IntoIterator<Item = &'a Output>) -> Vec<IpAddr> {
    let address = |output: &Output| match output {
        Output::Event(Event::Announced { address, .. }) => Some(*address),
        _ => None,
    };
    outputs.into_iter().filter_map(address).collect()
}

fn arp_frame(source: MacAddr, destination: MacAddr, arp: &Arp) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source,
        vlan: None,
        ether_type: EtherType::ARP,
    }
    .encode(&mut frame);
    arp.encode(&mut frame);
    frame
}

fn advertisement_frame(destination: MacAddr, advertisement: &NeighborAdvertisement) -> Frame {
    let mut frame = ipv6_header(OURS, destination);
    advertisement.encode(&mut frame);
    frame
}

fn ipv6_header(source: MacAddr, destination: MacAddr) -> Frame {
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    frame
}

/// Another station announces the address: a gratuitous request, or an unsolicited advertisement.
fn claim(address: &str, by: MacAddr) -> Frame {
    match ip(address) {
        IpAddr::V4(v4) => {
            let announcement = Arp {
                operation: ArpOperation::REQUEST,
                sender_hardware_address: by,
                sender_protocol_address: v4,
                target_hardware_address: MacAddr::ZERO,
                target_protocol_address: v4,
            };
            arp_frame(by, MacAddr::BROADCAST, &announcement)
        }
        IpAddr::V6(v6) => {
            let mut frame = ipv6_header(by, multicast_mac(ALL_NODES));
            NeighborAdvertisement {
                source: v6,
                destination: ALL_NODES,
                target: v6,
                flags: AdvertisementFlags::OVERRIDE,
                target_link_layer: Some(by),
                mark: None,
            }
            .encode(&mut frame);
            frame
        }
    }
}

/// Who has the address, asked by nobody in particular: of everybody, or of one station.
fn probe(address: &str, by: MacAddr, station: Option<MacAddr>) -> Frame {
    match ip(address) {
        IpAddr::V4(v4) => {
            let request = Arp {
                operation: ArpOperation::REQUEST,
                sender_hardware_address: by,
                sender_protocol_address: Ipv4Addr::UNSPECIFIED,
                target_hardware_address: MacAddr::ZERO,
                target_protocol_address: v4,
            };
            arp_frame(by, station.unwrap_or(MacAddr::BROADCAST), &request)
        }
        IpAddr::V6(v6) => {
            let destination = solicited_node_group(v6);
            let mut frame = ipv6_header(by, station.unwrap_or_else(|| multicast_mac(destination)));
            NeighborSolicitation {
                source: Ipv6Addr::UNSPECIFIED,
                destination,
                target: v6,
                source_link_layer: None,
            }
            .encode(&mut frame);
            frame
        }
    }
}
