//! The responder in virtual time: what it answers, what it drops and why, when it announces.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod announce;
mod arp;
mod invariants;
mod link;
mod ndp;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use arp_ndp::{
    Arp, Config, DropReason, EtherType, EthernetHeader, Event, Frame, Input, Link, MacAddr,
    NeighborAdvertisement, Output, Responder, Role,
};
use testkit::Clock;

/// The station under test.
const OURS: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0a]);
/// Another one.
const OTHER: MacAddr = MacAddr([0x02, 0, 0, 0, 0, 0x0b]);

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
    let mut frame = Frame::new();
    EthernetHeader {
        destination,
        source: OURS,
        vlan: None,
        ether_type: EtherType::IPV6,
    }
    .encode(&mut frame);
    advertisement.encode(&mut frame);
    frame
}
