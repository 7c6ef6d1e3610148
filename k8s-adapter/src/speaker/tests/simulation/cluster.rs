//! Nodes with speakers, the segment and the gossip network between them, and what happens to all of them, in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arp_ndp::{EthernetHeader, Frame, Input, Link, LinkState, MacAddr, Tenure};
use election::membership::{self, Key, Local, MemberName};
use fastrand::Rng;
use futures_util::FutureExt as _;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep_until;

use super::clock::DriftingClock;
use super::judge::{Findings, Judge, Standing};
use super::objects::Objects;
use super::process::Process;
use super::scenario::{Act, Medium, Scenario};
use super::seat::Seat;
use super::trace::Trace;
use super::wire::Wire;
use super::{node_address, node_name};
use crate::speaker::layer2::UsableLink;

/// Everything.
pub(super) struct Cluster {
    rng: Rng,
    start: Instant,
    key: Key,
    nodes: Vec<Node>,
    objects: Objects,
    segment: Medium,
    gossip: Medium,
    /// What of gossip is lost, by the number of the cut.
    cuts: BTreeMap<usize, BTreeSet<(usize, usize)>>,
    /// The part of the segment that each node is in.
    parts: Vec<u8>,
    agenda: BinaryHeap<Reverse<Appointment>>,
    count: u64,
    /// Some process has done something by itself.
    stirred: Arc<Notify>,
    judge: Judge,
    trace: Trace,
}

/// A machine with one link, and the speaker on it when one runs.
struct Node {
    mac: MacAddr,
    clock: DriftingClock,
    is_up: bool,
    process: Option<Process>,
    /// Until when it gets no processor time.
    paused_until: Option<Instant>,
    /// What came meanwhile.
    sockets: Vec<Arrival>,
    /// What its source has said.
    told: Option<Objects>,
}

/// Something that is to happen, in the order of its number if several are at one time.
struct Appointment {
    at: Instant,
    number: u64,
    what: What,
}

enum What {
    Act(Act),
    Arrive(usize, usize, Arrival),
    /// The source of a node says what is so then.
    Objects(usize),
    /// The kernel of a node tells of its link.
    Link(usize),
    Resume(usize),
}

/// What arrives at a node.
enum Arrival {
    Frame(Frame),
    Datagram(Vec<u8>),
}

impl Cluster {
    /// Everything as it is before the first speaker starts.
    pub(super) fn new(scenario: Scenario, rng: Rng, trace: Trace) -> Self {
        let start = now();
        let node = |(index, rate): (usize, &f64)| Node {
            mac: MacAddr([2, 0, 0, 0, 0, u8::try_from(index + 1).unwrap()]),
            clock: DriftingClock::new(start, *rate),
            is_up: true,
            process: None,
            paused_until: None,
            sockets: Vec::new(),
            told: None,
        };
        let nodes: Vec<Node> = scenario.clocks.iter().enumerate().map(node).collect();
        let mut cluster = Self {
            rng,
            start,
            key: Key::derive(b"the secret of this simulation"),
            parts: vec![0; nodes.len()],
            nodes,
            objects: scenario.objects,
            segment: scenario.segment,
            gossip: scenario.gossip,
            cuts: BTreeMap::new(),
            agenda: BinaryHeap::new(),
            count: 0,
            stirred: Arc::default(),
            judge: Judge::new(start),
            trace,
        };
        for (at, act) in scenario.acts {
            cluster.plan(at, What::Act(act));
        }
        cluster
    }

    /// Lets so much time pass, and tells what was seen.
    pub(super) async fn run(mut self, length: Duration) -> Findings {
        let end = self.start + length;
        loop {
            let next = self.next().filter(|next| *next < end).unwrap_or(end);
            tokio::select! {
                biased;
                () = sleep_until(next.into()) => {}
                () = self.stirred.notified() => {}
            }
            self.stirred.notify_one();
            self.settle().await;
            while let Some(happened) = self.take_due() {
                self.happen(happened);
                self.settle().await;
            }
            if now() >= end {
                return self.judge.into_findings();
            }
        }
    }

    /// When something is to happen.
    fn next(&self) -> Option<Instant> {
        let machines = self.nodes.iter().filter_map(Node::due);
        let planned = self.agenda.peek().map(|Reverse(planned)| planned.at);
        machines.chain(planned).min()
    }

    fn take_due(&mut self) -> Option<What> {
        let now = now();
        let is_due = |planned: &Reverse<Appointment>| planned.0.at <= now;
        if self.agenda.peek().is_some_and(is_due) {
            return self.agenda.pop().map(|Reverse(planned)| planned.what);
        }
        for node in &mut self.nodes {
            node.handle_timeout(now);
        }
        None
    }

    /// Lets every process do what it has reason to, and takes up what comes of it.
    async fn settle(&mut self) {
        while self.stirred.notified().now_or_never().is_some() {
            for _ in 0..YIELDS {
                yield_now().await;
            }
        }
        for from in 0..self.nodes.len() {
            self.collect(from);
        }
        self.look();
    }

    /// Sends what a node has to say on its way.
    fn collect(&mut self, from: usize) {
        let Some(process) = &self.nodes[from].process else {
            return;
        };
        let frames = std::mem::take(&mut process.wire.lock().unwrap().sent);
        let mut seat = process.seat.lock().unwrap();
        let datagrams = std::mem::take(&mut seat.sent);
        drop(seat);
        for frame in frames {
            let (header, _) = EthernetHeader::decode(frame.as_ref()).unwrap();
            for to in 0..self.nodes.len() {
                let is_for =
                    header.destination.is_multicast() || header.destination == self.nodes[to].mac;
                if is_for && to != from && self.are_on_one_link(from, to) {
                    self.send(self.segment, from, to, Arrival::Frame(frame));
                }
            }
        }
        for (address, octets) in datagrams {
            let to = (0..self.nodes.len()).find(|to| node_address(*to) == address.ip());
            if let Some(to) = to.filter(|to| !self.is_cut(from, *to)) {
                self.send(self.gossip, from, to, Arrival::Datagram(octets));
            }
        }
    }

    fn send(&mut self, medium: Medium, from: usize, to: usize, arrival: Arrival) {
        if self.rng.f64() >= medium.loss {
            let delay = medium.delay.mul_f64(self.rng.f64());
            self.plan(now() - self.start + delay, What::Arrive(from, to, arrival));
        }
    }

    fn happen(&mut self, what: What) {
        match what {
            What::Act(act) => self.act(act),
            What::Arrive(from, to, arrival) => {
                let passes = match arrival {
                    Arrival::Frame(_) => self.are_on_one_link(from, to),
                    Arrival::Datagram(_) => !self.is_cut(from, to),
                };
                if passes {
                    self.nodes[to].receive(arrival);
                }
            }
            What::Objects(node) => {
                let node = &mut self.nodes[node];
                if let Some(process) = &node.process {
                    process.set_objects(self.objects.read());
                    node.told = Some(self.objects.clone());
                    self.stirred.notify_one();
                }
            }
            What::Link(node) => {
                let node = &self.nodes[node];
                if let Some(process) = &node.process {
                    process.links.send_replace(node.links());
                    self.stirred.notify_one();
                }
            }
            What::Resume(node) => {
                let first = self.rng.bool();
                self.nodes[node].resume(first);
                self.stirred.notify_one();
            }
        }
    }

    fn act(&mut self, act: Act) {
        self.trace.say(now() - self.start, || format!("{act:?}"));
        match act {
            Act::Start(node) => self.start_process(node),
            Act::Crash(node) => self.nodes[node].crash(),
            Act::Terminate(node) => {
                if let Some(process) = &mut self.nodes[node].process {
                    process.terminate();
                }
            }
            Act::Pause(node, time) => {
                let until = now() + time;
                if self.nodes[node].pause(until) {
                    self.plan(until - self.start, What::Resume(node));
                }
            }
            Act::Link(node, is_up) => {
                self.nodes[node].is_up = is_up;
                let after = Duration::from_millis(self.rng.u64(1..=20));
                self.plan(now() - self.start + after, What::Link(node));
            }
            Act::CutGossip(number, blocked) => drop(self.cuts.insert(number, blocked)),
            Act::HealGossip(number) => drop(self.cuts.remove(&number)),
            Act::Segment(parts) => self.parts = parts,
            Act::Drain(node, is_so) => put(&mut self.objects.draining, node, is_so),
            Act::Exclude(node, is_so) => put(&mut self.objects.excluded, node, is_so),
            Act::Service(service, is_so) => put(&mut self.objects.services, service, is_so),
        }
        for node in 0..self.nodes.len() {
            if self.nodes[node].told.as_ref() != Some(&self.objects) {
                let after = Duration::from_millis(self.rng.u64(1..=100));
                self.plan(now() - self.start + after, What::Objects(node));
            }
        }
        self.stirred.notify_one();
    }

    fn start_process(&mut self, index: usize) {
        let (seed, random) = (self.rng.u64(..), std::array::from_fn(|_| self.rng.u8(..)));
        let since = now() - self.start;
        let node = &mut self.nodes[index];
        if node
            .process
            .as_ref()
            .is_some_and(|process| !process.is_leaving())
        {
            return;
        }
        node.crash();
        let local = Local {
            name: MemberName::try_new(&node_name(index)).unwrap(),
            address: (node_address(index), PORT).into(),
            incarnation: (1 << 40) + u64::try_from(since.as_micros()).unwrap(),
        };
        let stirred = || Arc::clone(&self.stirred);
        let wire = Wire::new(node.clock, seed, stirred());
        let seated = Seat::take(local, &self.key, random, node.clock, stirred());
        node.process = Some(Process::start(
            index,
            node.links(),
            wire,
            seated,
            self.key.clone(),
        ));
    }

    fn plan(&mut self, after: Duration, what: What) {
        self.count += 1;
        self.agenda.push(Reverse(Appointment {
            at: self.start + after,
            number: self.count,
            what,
        }));
    }

    /// Whether frames pass from one to the other.
    fn are_on_one_link(&self, one: usize, other: usize) -> bool {
        self.parts[one] == self.parts[other] && self.nodes[one].is_up && self.nodes[other].is_up
    }

    /// Whether datagrams from one do not reach the other.
    fn is_cut(&self, from: usize, to: usize) -> bool {
        self.cuts
            .values()
            .any(|blocked| blocked.contains(&(from, to)))
    }

    /// Has the judge look at everything.
    fn look(&mut self) {
        let standings: Vec<Standing> = (0..self.nodes.len())
            .map(|node| self.standing(node))
            .collect();
        self.judge.look(now(), &standings);
        let nodes = self.nodes.iter().enumerate();
        let tenures = nodes.map(|(index, node)| (index, node.tenures()));
        self.trace.follow(now() - self.start, tenures);
    }

    fn standing(&self, index: usize) -> Standing {
        let node = &self.nodes[index];
        let Some(process) = node
            .process
            .as_ref()
            .filter(|_| node.paused_until.is_none())
        else {
            return Standing::default();
        };
        let tenures = node.tenures().into_iter();
        let answers =
            tenures.filter(|(_, tenure)| matches!(tenure, Tenure::Held | Tenure::Leaving));
        let is_told = node.told.as_ref() == Some(&self.objects);
        let near = self.gossip_near(index);
        let could = is_told && !process.is_leaving() && !self.is_elsewhere(index, &near);
        Standing {
            part: Some(self.parts[index]).filter(|_| node.is_up),
            answers: answers.map(|(address, _)| address).collect(),
            eligible: if could {
                self.objects.open_to(index)
            } else {
                BTreeSet::new()
            },
        }
    }

    /// The nodes with speakers that gossip connects a node with, be it over others and in one direction.
    fn gossip_near(&self, node: usize) -> BTreeSet<usize> {
        let mut near = BTreeSet::from([node]);
        let mut next = vec![node];
        while let Some(one) = next.pop() {
            for other in 0..self.nodes.len() {
                let is_near = !self.is_cut(one, other) || !self.is_cut(other, one);
                if is_near && self.nodes[other].process.is_some() && near.insert(other) {
                    next.push(other);
                }
            }
        }
        near
    }

    /// Whether one of those that gossip connects a node with is in another part of the segment.
    fn is_elsewhere(&self, node: usize, near: &BTreeSet<usize>) -> bool {
        let mut near = near.iter();
        near.any(|other| self.nodes[*other].is_up && self.parts[*other] != self.parts[node])
    }
}

impl Node {
    fn links(&self) -> BTreeMap<u32, UsableLink> {
        let state = if self.is_up {
            LinkState::Up
        } else {
            LinkState::Down
        };
        let subnets = ["198.51.100.0/24", "2001:db8::/64"];
        let usable = UsableLink {
            index: 1,
            name: "eth0".into(),
            link: Link::new(self.mac).with_state(state),
            subnets: subnets.map(|subnet| subnet.parse().unwrap()).into(),
        };
        [(1, usable)].into()
    }

    /// The process that gets processor time.
    fn running(&self) -> Option<&Process> {
        let process = self.process.as_ref();
        process.filter(|process| self.paused_until.is_none() && !process.has_ended())
    }

    fn due(&self) -> Option<Instant> {
        let process = self.running()?;
        let wire = process.wire.lock().unwrap().due();
        let seat = process.seat.lock().unwrap().due();
        wire.into_iter().chain(seat).min()
    }

    fn handle_timeout(&mut self, now: Instant) {
        if self.due().is_some_and(|due| due <= now)
            && let Some(process) = self.running()
        {
            process.wire.lock().unwrap().handle_timeout();
            process.seat.lock().unwrap().handle_timeout();
        }
    }

    fn receive(&mut self, arrival: Arrival) {
        if self.paused_until.is_some() {
            if self.sockets.len() < SOCKETS {
                self.sockets.push(arrival);
            }
        } else if let Some(process) = self.running() {
            process.receive(&arrival);
        }
    }

    fn pause(&mut self, until: Instant) -> bool {
        let Some(process) = &self.process else {
            return false;
        };
        process.gate.shut();
        self.paused_until = self.paused_until.max(Some(until));
        true
    }

    /// Takes in what waits in its sockets before or after what its timers say.
    fn resume(&mut self, timers_first: bool) {
        if self.paused_until.is_none_or(|until| until > now()) {
            return;
        }
        self.paused_until = None;
        let sockets = std::mem::take(&mut self.sockets);
        let Some(process) = self.running() else {
            return;
        };
        if timers_first {
            process.wire.lock().unwrap().handle_timeout();
        }
        for arrival in sockets {
            process.receive(&arrival);
        }
        process.gate.open();
    }

    fn crash(&mut self) {
        self.process = None;
        self.paused_until = None;
        self.sockets.clear();
        self.told = None;
    }

    fn tenures(&self) -> BTreeMap<IpAddr, Tenure> {
        let process = self.process.as_ref();
        process.map_or_else(BTreeMap::new, |process| {
            process.wire.lock().unwrap().tenures()
        })
    }
}

impl Process {
    fn receive(&self, arrival: &Arrival) {
        match arrival {
            Arrival::Frame(frame) => {
                let mut wire = self.wire.lock().unwrap();
                wire.give(Input::Frame(frame.as_ref()));
            }
            Arrival::Datagram(octets) => {
                let mut seat = self.seat.lock().unwrap();
                // For the record only, as the machine says.
                let from = (IpAddr::from([0; 4]), PORT).into();
                seat.give(membership::Input::Datagram { from, octets });
            }
        }
    }
}

impl PartialEq for Appointment {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Appointment {}

impl PartialOrd for Appointment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Appointment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

fn put(set: &mut BTreeSet<usize>, one: usize, is_so: bool) {
    if is_so {
        set.insert(one);
    } else {
        set.remove(&one);
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// How often the others have to have their turn until nobody has anything to do: more than there are hops from one task of
/// a process to the next.
const YIELDS: usize = 4;
/// What fits into the sockets of a node that does not run.
const SOCKETS: usize = 500;
const PORT: u16 = 7946;
