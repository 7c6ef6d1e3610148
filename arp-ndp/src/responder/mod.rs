//! The responder of one interface: a machine with four verbs.

mod agenda;
mod announce;
mod arp;
mod config;
mod defence;
mod drops;
mod groups;
mod io;
pub(crate) mod limit;
mod link;
mod marker;
mod ndp;
mod probe;
mod receive;
mod tenure;
mod watch;

pub use config::{AnswerLimits, Config, ConflictProbe, RivalWatch};
pub use drops::DropReason;
pub use io::{
    AddressCounters, AddressStatus, Announcement, Event, Input, Output, Role, Tenure, Verdict,
};
pub use link::{Link, LinkState, Protocols};
pub use marker::Marker;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::time::Instant;

use indexmap::IndexMap;

use crate::mac::MacAddr;
use agenda::Agenda;
use announce::Announcer;
use defence::{Spaced, Word};
use groups::Groups;
use limit::{AnswerLimit, Pace};
use probe::{ProbeStep, Prober};
use tenure::Holding;
use watch::Watcher;

/// Answers for a set of addresses on one interface, announces them when they, or the interface, are new, and watches who
/// else claims them.
///
/// It neither sends nor waits: give it inputs, drain [`poll_output`](Self::poll_output) after each, and call
/// [`handle_timeout`](Self::handle_timeout) at [`poll_timeout`](Self::poll_timeout).
#[derive(Debug)]
pub struct Responder {
    config: Config,
    link: Link,
    siblings: BTreeSet<MacAddr>,
    marker: Option<Marker>,
    /// In the order in which they came, so that every run is the same. What is hashed into it comes from the caller and
    /// is only looked up for frames, so nobody on the link can fill it.
    addresses: IndexMap<IpAddr, Holding, foldhash::fast::FixedState>,
    refused: BTreeSet<IpAddr>,
    groups: Groups,
    answers: AnswerLimit,
    /// Of all that is sent to the whole link unasked.
    pace: Pace,
    announcer: Announcer,
    prober: Prober,
    watcher: Watcher,
    claims: Spaced<Word>,
    defences: Spaced<()>,
    leaving: Agenda<IpAddr, ()>,
    /// Whose turn it is at the next [`Input::Remind`], if there are so many addresses.
    reminded: usize,
    drops: BTreeMap<DropReason, u64>,
    outputs: VecDeque<Output>,
}

impl Responder {
    /// A responder with no address yet. The seed is for what has to differ between machines: the jitter of periodic
    /// announcements and of probes.
    #[must_use]
    pub fn new(link: Link, config: Config, seed: u64) -> Self {
        Self {
            config,
            link,
            siblings: BTreeSet::new(),
            marker: None,
            addresses: IndexMap::default(),
            refused: BTreeSet::new(),
            groups: Groups::default(),
            answers: AnswerLimit::new(config.answer_limits(), seed),
            pace: Pace::new(config.announcements_per_second(), AT_ONCE),
            announcer: Announcer::new(config.refresh(), seed),
            prober: Prober::new(config.conflict_probe(), seed),
            watcher: Watcher::new(config.rival_watch(), seed),
            claims: Spaced::new(config.defend_interval()),
            defences: Spaced::new(config.defend_interval()),
            leaving: Agenda::new(),
            reminded: 0,
            drops: BTreeMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`, which must not go back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Frame(octets) => self.receive(now, octets),
            Input::SetAddresses(addresses) => self.set_addresses(now, addresses),
            Input::SetLink(link) => self.set_link(now, link),
            Input::SetSiblings(siblings) => self.siblings = siblings,
            Input::SetMarker(marker) => self.marker = marker,
            Input::Settle {
                address,
                by,
                verdict,
            } => self.settle(now, address, by, verdict),
            Input::Ask { address, station } => self.ask_rival(address, station),
            Input::Refresh => self.refresh(now),
            Input::Remind => self.remind(now),
        }
        self.handle_timeout(now);
    }

    /// Does what is due at `now`. Nothing happens when nothing is.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((address, ())) = self.leaving.pop(now) {
            self.hand_over(address, None);
        }
        while let Some((address, Word { by, mark })) = self.claims.next(now) {
            self.tell(Event::Claimed { address, by, mark });
        }
        while let Some((address, ())) = self.defences.next(now) {
            self.announcer.defend(now, address);
        }
        while let Some(round) = self.watcher.next(now) {
            for address in round.ask {
                self.ask(address, round.rival);
            }
            for address in round.given_up {
                self.take_back(now, address, round.rival);
            }
        }
        while let Some(step) = self.prober.next(now, &mut self.pace) {
            match step {
                ProbeStep::Ask(address) => self.ask_everybody(address),
                ProbeStep::Free(address) => self.take(now, address),
            }
        }
        while let Some((address, announcement)) = self.announcer.next(now, &mut self.pace) {
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
        let timeouts = [
            self.leaving.timeout(),
            self.claims.timeout(),
            self.defences.timeout(),
            self.watcher.timeout(),
            self.prober.timeout(&self.pace),
            self.announcer.timeout(&self.pace),
        ];
        timeouts.into_iter().flatten().min()
    }

    /// The interface as last told.
    #[must_use]
    pub const fn link(&self) -> Link {
        self.link
    }

    /// The addresses cared for: where each stands, and what was counted for it. Collected for this call.
    #[must_use]
    pub fn addresses(&self) -> BTreeMap<IpAddr, AddressStatus> {
        let all = self.addresses.iter();
        all.map(|(address, holding)| (*address, holding.status()))
            .collect()
    }

    /// Where an address stands; `None` for one that is not cared for.
    #[must_use]
    pub fn tenure(&self, address: IpAddr) -> Option<Tenure> {
        let holding = self.addresses.get(&address);
        holding.map(|holding| holding.tenure)
    }

    /// How many frames were not answered, by reason.
    #[must_use]
    pub const fn drops(&self) -> &BTreeMap<DropReason, u64> {
        &self.drops
    }

    fn set_addresses(&mut self, now: Instant, wanted: BTreeMap<IpAddr, Role>) {
        let (wanted, refused): (BTreeMap<_, _>, BTreeMap<_, _>) = wanted
            .into_iter()
            .partition(|(address, _)| one_host_can_have(address));
        let refused: BTreeSet<_> = refused.into_keys().collect();
        for &address in refused.difference(&self.refused) {
            self.outputs
                .push_back(Output::Event(Event::Refused { address }));
        }
        self.refused = refused;

        let held = self.addresses.keys();
        let gone: Vec<_> = held
            .filter(|held| !wanted.contains_key(held))
            .copied()
            .collect();
        for address in gone {
            self.stop(address);
            self.addresses.swap_remove(&address);
            self.leave_group(address);
        }
        for (address, role) in wanted {
            match self.addresses.get(&address) {
                Some(holding) if holding.role == role => continue,
                Some(_) => {}
                None => {
                    self.addresses.insert(address, Holding::new(role));
                    self.join_group(address);
                }
            }
            self.assume(now, address, role);
        }
    }

    fn set_link(&mut self, now: Instant, link: Link) {
        let before = std::mem::replace(&mut self.link, link);
        if before == link {
            return;
        }
        let held: Vec<_> = self.addresses.keys().copied().collect();
        for address in held {
            let protocol = Protocols::of(address);
            match (
                before.protocols.contains(protocol),
                link.protocols.contains(protocol),
            ) {
                (false, true) => self.join_group(address),
                (true, false) => self.leave_group(address),
                _ => {}
            }
            match (before.speaks(protocol), link.speaks(protocol)) {
                (_, false) => self.pause(address),
                (true, true) if before.mac == link.mac && before.path == link.path => {}
                (_, true) => self.resume(now, address),
            }
        }
    }

    fn ask_rival(&mut self, address: IpAddr, station: MacAddr) {
        if self.tenure(address) == Some(Tenure::Held) && self.link.speaks(Protocols::of(address)) {
            self.ask(address, station);
        }
    }

    fn refresh(&mut self, now: Instant) {
        for (address, holding) in &self.addresses {
            if holding.tenure == Tenure::Held && self.link.speaks(Protocols::of(*address)) {
                self.announcer.repeat(now, *address);
            }
        }
    }

    fn remind(&mut self, now: Instant) {
        let before = self.addresses.iter().skip(self.reminded);
        let in_turn = before.chain(&self.addresses).take(self.addresses.len());
        let is_ours = |(address, holding): (&IpAddr, &Holding)| {
            holding.tenure == Tenure::Held && self.link.speaks(Protocols::of(*address))
        };
        let Some(step) = in_turn.clone().position(is_ours) else {
            return;
        };
        let address = in_turn.map(|(address, _)| *address).nth(step);
        self.reminded = (self.reminded + step + 1) % self.addresses.len();
        if let Some(address) = address {
            self.announcer.hasten(now, address);
        }
    }

    fn join_group(&mut self, address: IpAddr) {
        let IpAddr::V6(address) = address else { return };
        if self.link.protocols.contains(Protocols::NDP) {
            self.outputs
                .extend(self.groups.add(address).map(Output::JoinGroup));
        }
    }

    fn leave_group(&mut self, address: IpAddr) {
        let IpAddr::V6(address) = address else { return };
        self.outputs
            .extend(self.groups.remove(address).map(Output::LeaveGroup));
    }

    fn announce(&mut self, address: IpAddr, announcement: Announcement) {
        let mac = self.link.mac;
        let marker = self.marker.as_ref();
        let mark = marker.map(|marker| marker.mark(address, mac));
        let sent = match address {
            IpAddr::V4(v4) => {
                let frames = arp::announcement(mac, v4, mark);
                self.outputs.extend(frames.map(Output::Transmit));
                2
            }
            IpAddr::V6(v6) => {
                let frame = ndp::announcement(mac, v6, mark);
                self.outputs.push_back(Output::Transmit(frame));
                1
            }
        };
        if let Some(holding) = self.addresses.get_mut(&address) {
            holding.counters.gratuitous_sent += sent;
        }
        self.outputs.push_back(Output::Event(Event::Announced {
            address,
            announcement,
        }));
    }

    fn ask_everybody(&mut self, address: IpAddr) {
        let frame = match address {
            IpAddr::V4(v4) => arp::probe(self.link.mac, v4, MacAddr::BROADCAST),
            IpAddr::V6(v6) => ndp::probe(self.link.mac, v6, ndp::group_mac(v6)),
        };
        self.outputs.push_back(Output::Transmit(frame));
    }

    fn ask(&mut self, address: IpAddr, station: MacAddr) {
        let frame = match address {
            IpAddr::V4(v4) => arp::probe(self.link.mac, v4, station),
            IpAddr::V6(v6) => ndp::probe(self.link.mac, v6, station),
        };
        self.outputs.push_back(Output::Transmit(frame));
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

/// How many announcements and probes the pace lets through at once.
const AT_ONCE: u32 = 64;
