//! Several responders and a client on one simulated segment, in virtual time, with delay and loss.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

mod fencing;
mod handover;
mod property;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::{
    Arp, ArpOperation, Config, EtherType, EthernetHeader, Event, Frame, Input, Link, MacAddr,
    NeighborAdvertisement, NeighborSolicitation, Output, Responder, Role, Tenure, Verdict,
    multicast_mac, solicited_node_group,
};
use testkit::{Happening, Host, HostId, Port, Simulation};

/// A machine on the segment.
enum Station {
    Member(Box<Member>),
    Client(Client),
}

/// A responder with the part of its caller that settles claims.
struct Member {
    /// How many stations are on the segment.
    stations: usize,
    responder: Responder,
    policy: Policy,
    alive: bool,
    events: Vec<(Instant, Event)>,
    sent: usize,
}

/// What a member makes of the claim of another station.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Policy {
    /// The station that was added first is the best, and the last, the client, is nobody's rival.
    Rank,
    Always(Verdict),
    /// It does not care, as a host that is no member does not.
    Unheeding,
}

/// Asks for addresses and takes note of who answers.
struct Client {
    answers: BTreeMap<IpAddr, BTreeSet<MacAddr>>,
}

/// Members in the order of their rank, then a client.
struct Segment {
    simulation: Simulation<Station>,
    members: usize,
}

impl Segment {
    fn new(seed: u64, members: usize, latency: Duration, loss: f64) -> Self {
        let link = testkit::Link {
            min_latency: latency / 10,
            max_latency: latency,
            loss,
            duplication: 0.0,
        };
        let mut simulation = Simulation::new(seed, link);
        for rank in 0..members {
            let member = Member::new(mac(HostId(rank)), members + 1, seed + rank as u64);
            simulation.add(&format!("member{rank}"), Station::Member(Box::new(member)));
        }
        let answers = BTreeMap::new();
        simulation.add("client", Station::Client(Client { answers }));
        Self {
            simulation,
            members,
        }
    }

    fn member(&self, rank: usize) -> &Member {
        match self.simulation.host(HostId(rank)) {
            Station::Member(member) => member,
            Station::Client(_) => panic!("host {rank} is the client"),
        }
    }

    fn change(&mut self, rank: usize, change: impl FnOnce(&mut Member)) {
        self.simulation
            .with(HostId(rank), |station, _| match station {
                Station::Member(member) => change(member),
                Station::Client(_) => panic!("host {rank} is the client"),
            });
    }

    fn give(&mut self, rank: usize, input: Input<'_>) {
        self.simulation.with(HostId(rank), |station, port| {
            if let Station::Member(member) = station {
                member.give(port, input);
            }
        });
    }

    fn set_role(&mut self, rank: usize, role: Role, addresses: &[IpAddr]) {
        let addresses = addresses.iter().map(|address| (*address, role));
        self.give(rank, Input::SetAddresses(addresses.collect()));
    }

    fn kill(&mut self, rank: usize) {
        self.change(rank, |member| member.alive = false);
    }

    /// Parts two members from each other; the client hears both.
    fn cut(&mut self, a: usize, b: usize) {
        self.simulation.cut(HostId(a), HostId(b));
    }

    fn mend(&mut self, a: usize, b: usize) {
        self.simulation.mend(HostId(a), HostId(b));
    }

    /// The living members that answer for an address.
    fn holders(&self, address: IpAddr) -> Vec<usize> {
        (0..self.members)
            .filter(|rank| self.member(*rank).answers_for(address))
            .collect()
    }

    /// Lets time pass and returns the longest times in a row in which nobody, and in which several answered.
    fn watch(&mut self, address: IpAddr, time: Duration) -> Spans {
        let mut spans = Spans::default();
        let (mut nobody, mut several) = (Duration::ZERO, Duration::ZERO);
        for _ in 0..time.as_millis() {
            self.simulation.run_for(STEP);
            let holders = self.holders(address).len();
            nobody = if holders == 0 {
                nobody + STEP
            } else {
                Duration::ZERO
            };
            several = if holders > 1 {
                several + STEP
            } else {
                Duration::ZERO
            };
            spans.nobody = spans.nobody.max(nobody);
            spans.several = spans.several.max(several);
        }
        spans
    }

    /// Asks for an address, waits for as long as an answer may take and returns who answered.
    fn ask(&mut self, address: IpAddr, wait: Duration) -> BTreeSet<MacAddr> {
        let members = self.members;
        let client = HostId(members);
        self.simulation.with(client, |station, port| {
            if let Station::Client(client) = station {
                client.answers.clear();
            }
            transmit(port, members + 1, &question(address, mac(client)));
        });
        self.simulation.run_for(wait);
        match self.simulation.host(client) {
            Station::Client(client) => client.answers.get(&address).cloned().unwrap_or_default(),
            Station::Member(_) => panic!("the client is the last host"),
        }
    }
}

/// How long something lasted at a time.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Spans {
    nobody: Duration,
    several: Duration,
}

impl Member {
    fn new(mac: MacAddr, stations: usize, seed: u64) -> Self {
        Self {
            stations,
            responder: Responder::new(Link::new(mac), Config::default(), seed),
            policy: Policy::Rank,
            alive: true,
            events: Vec::new(),
            sent: 0,
        }
    }

    fn answers_for(&self, address: IpAddr) -> bool {
        let tenure = self.responder.tenure(address);
        self.alive && matches!(tenure, Some(Tenure::Held | Tenure::Leaving))
    }

    fn tells(&self, wanted: Event) -> bool {
        self.events.iter().any(|(_, event)| *event == wanted)
    }

    fn verdict(&self, by: MacAddr) -> Option<Verdict> {
        match self.policy {
            Policy::Unheeding => None,
            Policy::Always(verdict) => Some(verdict),
            Policy::Rank if by < self.responder.link().mac => Some(Verdict::Yield),
            Policy::Rank => Some(Verdict::Defend),
        }
    }

    fn give(&mut self, port: &mut Port<'_>, input: Input<'_>) {
        if self.alive {
            self.responder.handle_input(port.now(), input);
            self.drain(port);
        }
    }

    fn drain(&mut self, port: &mut Port<'_>) {
        while let Some(output) = self.responder.poll_output() {
            match output {
                Output::Transmit(frame) => {
                    self.sent += 1;
                    transmit(port, self.stations, &frame);
                }
                Output::Event(event) => self.note(port, event),
                _ => {}
            }
        }
    }

    fn note(&mut self, port: &mut Port<'_>, event: Event) {
        if let Event::Claimed { address, by, .. } | Event::Conflict { address, by, .. } = event {
            if let Some(verdict) = self.verdict(by) {
                let settle = Input::Settle {
                    address,
                    by,
                    verdict,
                };
                self.responder.handle_input(port.now(), settle);
            }
        }
        if !matches!(event, Event::Dropped(_) | Event::Answered { .. }) {
            self.events.push((port.now(), event));
        }
    }
}

impl Host for Station {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        let Happening::Datagram { octets, .. } = happening else {
            return;
        };
        match self {
            Self::Member(member) => member.give(port, Input::Frame(&octets)),
            Self::Client(client) => client.receive(&octets),
        }
    }

    fn handle_timeout(&mut self, port: &mut Port<'_>) {
        if let Self::Member(member) = self {
            member.responder.handle_timeout(port.now());
            member.drain(port);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Member(member) if member.alive => member.responder.poll_timeout(),
            _ => None,
        }
    }
}

impl Client {
    /// Answers are sent to the client alone.
    fn receive(&mut self, frame: &[u8]) {
        let (header, payload) = EthernetHeader::decode(frame).unwrap();
        if header.destination.is_multicast() {
            return;
        }
        let answer = if header.ether_type == EtherType::ARP {
            let reply = Arp::decode(payload).unwrap();
            Some((
                reply.sender_protocol_address.into(),
                reply.sender_hardware_address,
            ))
        } else {
            let advertisement = NeighborAdvertisement::decode(payload).ok();
            advertisement.and_then(|answer| Some((answer.target.into(), answer.target_link_layer?)))
        };
        if let Some((address, by)) = answer {
            self.answers.entry(address).or_default().insert(by);
        }
    }
}

/// As a switch does: to everybody, or to the one station that it is for.
fn transmit(port: &mut Port<'_>, stations: usize, frame: &Frame) {
    let (header, _) = EthernetHeader::decode(frame.as_ref()).unwrap();
    for host in (0..stations).map(HostId) {
        let to_it = header.destination.is_multicast() || header.destination == mac(host);
        if to_it && header.source != mac(host) {
            port.send(host, frame.as_ref().to_vec());
        }
    }
}

/// Who has this address? Asked by a client with an address of its own.
fn question(address: IpAddr, by: MacAddr) -> Frame {
    let mut frame = Frame::new();
    let header = |destination, ether_type| EthernetHeader {
        destination,
        source: by,
        vlan: None,
        ether_type,
    };
    match address {
        IpAddr::V4(target_protocol_address) => {
            header(MacAddr::BROADCAST, EtherType::ARP).encode(&mut frame);
            Arp {
                operation: ArpOperation::REQUEST,
                sender_hardware_address: by,
                sender_protocol_address: "198.51.100.2".parse().unwrap(),
                target_hardware_address: MacAddr::ZERO,
                target_protocol_address,
            }
            .encode(&mut frame);
        }
        IpAddr::V6(target) => {
            let destination = solicited_node_group(target);
            header(multicast_mac(destination), EtherType::IPV6).encode(&mut frame);
            NeighborSolicitation {
                source: "fe80::2".parse().unwrap(),
                destination,
                target,
                source_link_layer: Some(by),
            }
            .encode(&mut frame);
        }
    }
    frame
}

fn mac(host: HostId) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, u8::try_from(host.0).unwrap()])
}

/// One of each family.
fn both() -> [IpAddr; 2] {
    ["198.51.100.10", "2001:db8::10"].map(|text| text.parse().unwrap())
}

const STEP: Duration = Duration::from_millis(1);
