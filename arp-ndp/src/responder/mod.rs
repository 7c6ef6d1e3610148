//! The responder of one interface: a machine with four verbs.

mod announce;
mod arp;
mod config;
mod groups;
mod io;
mod ndp;

pub use config::Config;
pub use io::{
    AddressCounters, Announcement, DropReason, Event, Input, Link, LinkState, Output, Protocols,
};

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use crate::ethernet::{EtherType, EthernetHeader};
use crate::frame::Frame;
use crate::mac::MacAddr;
use announce::Announcer;
use groups::Groups;

/// Answers for a set of addresses on one interface, and announces them when they, or the interface, are new.
///
/// It neither sends nor waits: give it inputs, drain [`poll_output`](Self::poll_output) after each, and call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Responder {
    link: Link,
    addresses: BTreeMap<IpAddr, AddressCounters>,
    refused: BTreeSet<IpAddr>,
    groups: Groups,
    announcer: Announcer,
    drops: BTreeMap<DropReason, u64>,
    outputs: VecDeque<Output>,
}

/// Someone wants to know where an address is.
struct Question<A> {
    address: A,
    asker: A,
    asker_mac: MacAddr,
}

impl Responder {
    /// A responder with no address yet. The seed is for the jitter of the periodic announcement.
    #[must_use]
    pub fn new(link: Link, config: Config, seed: u64) -> Self {
        Self {
            link,
            addresses: BTreeMap::new(),
            refused: BTreeSet::new(),
            groups: Groups::default(),
            announcer: Announcer::new(config, seed),
            drops: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`, which must not go back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Frame(octets) => self.receive(octets),
            Input::SetAddresses(addresses) => self.set_addresses(now, addresses),
            Input::SetLink(link) => self.set_link(now, link),
        }
        self.handle_timeout(now);
    }

    /// Does what is due at `now`. Nothing happens when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((address, announcement)) = self.announcer.next(now) {
            self.announce(address, announcement);
        }
    }

    /// Returns what is to be done next, until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) wants to be called; `None` while nothing is planned.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.announcer.timeout()
    }

    /// The interface as last told.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// The addresses answered for, and what was counted for each.
    #[must_use]
    pub const fn addresses(&self) -> &BTreeMap<IpAddr, AddressCounters> {
        &self.addresses
    }

    /// How many frames were not answered, by reason.
    #[must_use]
    pub const fn drops(&self) -> &BTreeMap<DropReason, u64> {
        &self.drops
    }

    fn set_addresses(&mut self, now: Instant, wanted: BTreeSet<IpAddr>) {
        let (wanted, refused): (BTreeSet<_>, BTreeSet<_>) =
            wanted.into_iter().partition(one_host_can_have);
        for &address in refused.difference(&self.refused) {
            self.outputs
                .push_back(Output::Event(Event::Refused { address }));
        }
        self.refused = refused;

        let gone: Vec<_> = self
            .addresses
            .keys()
            .filter(|held| !wanted.contains(held))
            .copied()
            .collect();
        let new: Vec<_> = wanted
            .into_iter()
            .filter(|address| !self.addresses.contains_key(address))
            .collect();
        for address in gone {
            self.addresses.remove(&address);
            self.announcer.stop(address);
            self.leave(address);
        }
        for address in new {
            self.addresses.insert(address, AddressCounters::default());
            self.join(address);
            self.start_announcing(now, address);
        }
    }

    fn set_link(&mut self, now: Instant, link: Link) {
        let before = std::mem::replace(&mut self.link, link);
        let held: Vec<_> = self.addresses.keys().copied().collect();
        for address in held {
            let protocol = Protocols::of(address);
            match (
                before.protocols.contains(protocol),
                link.protocols.contains(protocol),
            ) {
                (false, true) => self.join(address),
                (true, false) => self.leave(address),
                _ => {}
            }
            match (before.speaks(protocol), link.speaks(protocol)) {
                (_, false) => self.announcer.stop(address),
                (true, true) if before.mac == link.mac => {}
                (_, true) => self.start_announcing(now, address),
            }
        }
    }

    fn start_announcing(&mut self, now: Instant, address: IpAddr) {
        if self.link.speaks(Protocols::of(address)) {
            self.announcer.start(now, address);
        }
    }

    fn join(&mut self, address: IpAddr) {
        let IpAddr::V6(address) = address else { return };
        if self.link.protocols.contains(Protocols::NDP) {
            self.outputs
                .extend(self.groups.add(address).map(Output::JoinGroup));
        }
    }

    fn leave(&mut self, address: IpAddr) {
        let IpAddr::V6(address) = address else { return };
        self.outputs
            .extend(self.groups.remove(address).map(Output::LeaveGroup));
    }

    fn announce(&mut self, address: IpAddr, announcement: Announcement) {
        let sent = match address {
            IpAddr::V4(v4) => {
                let frames = arp::announcement(self.link.mac, v4);
                self.outputs.extend(frames.map(Output::Transmit));
                2
            }
            IpAddr::V6(v6) => {
                self.outputs
                    .push_back(Output::Transmit(ndp::announcement(self.link.mac, v6)));
                1
            }
        };
        if let Some(counters) = self.addresses.get_mut(&address) {
            counters.gratuitous_sent += sent;
        }
        self.outputs.push_back(Output::Event(Event::Announced {
            address,
            announcement,
        }));
    }

    fn receive(&mut self, octets: &[u8]) {
        let event = match self.answer(octets) {
            Ok(event) => event,
            Err(reason) => {
                *self.drops.entry(reason).or_default() += 1;
                Event::Dropped(reason)
            }
        };
        self.outputs.push_back(Output::Event(event));
    }

    fn answer(&mut self, octets: &[u8]) -> Result<Event, DropReason> {
        let (header, payload) = EthernetHeader::decode(octets)?;
        if header.vlan.is_some_and(|tag| tag.id() != 0) {
            return Err(DropReason::Vlan);
        }
        match header.ether_type {
            EtherType::ARP if self.link.speaks(Protocols::ARP) => self.answer_arp(&header, payload),
            EtherType::IPV6 if self.link.speaks(Protocols::NDP) => {
                self.answer_ndp(&header, payload)
            }
            EtherType::ARP | EtherType::IPV6 => Err(DropReason::Inactive),
            _ => Err(DropReason::EtherType),
        }
    }

    fn answer_arp(&mut self, header: &EthernetHeader, payload: &[u8]) -> Result<Event, DropReason> {
        let request = arp::read_request(header, payload, self.link.mac)?;
        let (address, by) = (
            request.sender_protocol_address.into(),
            request.sender_hardware_address,
        );
        if self.addresses.contains_key(&address) {
            self.outputs
                .push_back(Output::Event(Event::Claimed { address, by }));
        }
        let question = arp::question(&request)?;
        self.respond(&question, arp::reply)
    }

    fn answer_ndp(&mut self, header: &EthernetHeader, payload: &[u8]) -> Result<Event, DropReason> {
        let question = ndp::question(header, payload, self.link.mac)?;
        self.respond(&question, ndp::reply)
    }

    fn respond<A: Copy + Into<IpAddr>>(
        &mut self,
        question: &Question<A>,
        reply: impl FnOnce(MacAddr, &Question<A>) -> Frame,
    ) -> Result<Event, DropReason> {
        let address = question.address.into();
        let counters = self
            .addresses
            .get_mut(&address)
            .ok_or(DropReason::AnnounceIp)?;
        counters.requests_received += 1;
        counters.responses_sent += 1;
        self.outputs
            .push_back(Output::Transmit(reply(self.link.mac, question)));
        Ok(Event::Answered {
            address,
            asker: question.asker.into(),
            asker_mac: question.asker_mac,
        })
    }
}

/// Whether a single host can have this address, and ARP or Neighbor Discovery resolve it.
const fn one_host_can_have(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_unspecified() || v4.is_multicast() || v4.is_broadcast()),
        IpAddr::V6(v6) => {
            !(v6.is_unspecified() || v6.is_multicast() || v6.to_ipv4_mapped().is_some())
        }
    }
}
