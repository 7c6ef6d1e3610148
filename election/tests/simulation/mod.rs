//! A world in virtual time for members: a network that loses, delays and blocks, clocks that drift, nodes that crash, start
//! anew and do not run for a while. Everything follows from the seed.
#![expect(
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use election::membership::{
    Config, Event, Facts, Input, Key, Local, MemberName, Membership, Output,
};

/// How datagrams fare.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Net {
    /// The share that is lost.
    pub(crate) loss: f64,
    /// How long the others take, at least and at most.
    pub(crate) delay: (Duration, Duration),
}

impl Net {
    /// A network of one data centre that loses this share.
    pub(crate) fn lan(loss: f64) -> Self {
        Self {
            loss,
            delay: (Duration::from_micros(200), Duration::from_millis(2)),
        }
    }
}

/// Something that a member told.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) at: Instant,
    pub(crate) by: usize,
    pub(crate) event: Event,
}

/// What was on the network.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) datagrams: u64,
    pub(crate) octets: u64,
}

/// The world.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) now: Instant,
    pub(crate) net: Net,
    /// Datagrams from the first to the second are lost.
    pub(crate) blocked: BTreeSet<(usize, usize)>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) told: Vec<Told>,
    pub(crate) traffic: Traffic,
    /// Everything that was sent, when somebody wants to know.
    pub(crate) recorded: Option<Vec<(usize, usize, Vec<u8>)>>,
    /// The key of those who start.
    pub(crate) key: Key,
    start: Instant,
    config: Config,
    by_address: BTreeMap<SocketAddr, usize>,
    agenda: BinaryHeap<Reverse<(Instant, u64, Item)>>,
    count: u64,
    rng: fastrand::Rng,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Item {
    Arrive {
        from: SocketAddr,
        to: usize,
        octets: Vec<u8>,
    },
    Wake(usize),
}

/// A machine, and the member on it when one runs.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: MemberName,
    pub(crate) address: SocketAddr,
    pub(crate) membership: Option<Membership>,
    /// How fast its clock goes, and what it showed when; 1.0 is right.
    clock: (f64, Duration, Duration),
    asleep_until: Option<Instant>,
    socket: Vec<(SocketAddr, Vec<u8>)>,
    /// The incarnation of the last member that ran here.
    pub(crate) incarnation: u64,
    /// The next wake that is planned.
    wake: Option<Instant>,
}

impl World {
    /// So many machines on which nothing runs yet.
    pub(crate) fn new(nodes: usize, config: Config, net: Net, seed: u64) -> Self {
        let start = now();
        let nodes: Vec<Node> = (0..nodes).map(Node::new).collect();
        Self {
            now: start,
            net,
            blocked: BTreeSet::new(),
            by_address: nodes
                .iter()
                .enumerate()
                .map(|(index, node)| (node.address, index))
                .collect(),
            nodes,
            told: Vec::new(),
            traffic: Traffic::default(),
            recorded: None,
            start,
            config,
            key: Key::derive(b"the secret of this world"),
            agenda: BinaryHeap::new(),
            count: 0,
            rng: fastrand::Rng::with_seed(seed),
        }
    }

    /// All members run and know each other.
    pub(crate) fn settled(nodes: usize, config: Config, net: Net, seed: u64) -> Self {
        let mut world = Self::new(nodes, config, net, seed);
        world.settle();
        world
    }

    /// Starts all members, and lets them find each other.
    pub(crate) fn settle(&mut self) {
        let usual = std::mem::replace(&mut self.net, Net::lan(0.0));
        for node in 0..self.nodes.len() {
            self.start(node);
            self.run(Duration::from_millis(3));
            self.told.clear();
        }
        let together = self.run_until(Duration::from_secs(60), Self::is_whole);
        assert!(together.is_some(), "they must find each other");
        self.net = usual;
        self.run(Duration::from_secs(2));
        self.told.clear();
    }

    /// Everybody who runs knows everybody who runs, and nobody else.
    pub(crate) fn is_whole(&self) -> bool {
        let running: BTreeSet<&MemberName> = self.running().map(|node| &node.name).collect();
        // Most that are not whole show it by the number.
        self.running()
            .all(|node| node.members().len() == running.len())
            && self
                .running()
                .all(|node| node.members().keys().eq(running.iter().copied()))
    }

    fn running(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.membership.is_some())
    }

    /// Starts a member, anew or for the first time.
    pub(crate) fn start(&mut self, node: usize) {
        let peers = self.nodes.iter().map(|node| node.address).collect();
        let seed = std::array::from_fn(|_| self.rng.u8(..));
        let time = self.local_time(node);
        let index = node;
        let config = self.config.clone();
        let node = &mut self.nodes[index];
        node.incarnation += 1_000_000;
        let local = Local {
            name: node.name.clone(),
            address: node.address,
            incarnation: node.incarnation,
        };
        node.asleep_until = None;
        node.socket.clear();
        node.membership = Some(Membership::new(local, config, &self.key, seed, time));
        self.input(index, Input::SetPeers(peers));
        self.input(index, Input::SetLocal(facts(index, 0)));
    }

    /// The power fails.
    pub(crate) fn crash(&mut self, node: usize) {
        self.nodes[node].membership = None;
        self.nodes[node].asleep_until = None;
        self.nodes[node].socket.clear();
    }

    /// The member says farewell and ends.
    pub(crate) fn leave(&mut self, node: usize) {
        self.input(node, Input::Leave);
        self.crash(node);
    }

    /// The member does not run for a time. Datagrams wait in its socket, as many as fit.
    pub(crate) fn sleep(&mut self, node: usize, time: Duration) {
        let until = self.now + time;
        self.nodes[node].asleep_until = Some(until);
        self.plan(until, Item::Wake(node));
    }

    /// Nothing passes from any of the first to any of the second.
    pub(crate) fn block(&mut self, from: &[usize], to: &[usize]) {
        for &from in from {
            self.blocked.extend(to.iter().map(|&to| (from, to)));
        }
    }

    /// Gives an input to a member that runs.
    pub(crate) fn input(&mut self, node: usize, input: Input<'_>) {
        let time = self.local_time(node);
        if let Some(membership) = &mut self.nodes[node].membership {
            membership.handle_input(time, input);
        }
        self.drive(node);
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    /// Lets time pass until something is so, looking every 10 ms; returns how long it took, unless it took longer than the
    /// limit.
    pub(crate) fn run_until(
        &mut self,
        limit: Duration,
        mut so: impl FnMut(&Self) -> bool,
    ) -> Option<Duration> {
        let began = self.now;
        while self.now <= began + limit {
            if so(self) {
                return Some(self.now - began);
            }
            self.run(Duration::from_millis(10));
        }
        None
    }

    fn step(&mut self, until: Instant) -> bool {
        match self.agenda.peek() {
            Some(Reverse((at, ..))) if *at <= until => {}
            _ => return false,
        }
        let Some(Reverse((at, _, item))) = self.agenda.pop() else {
            return false;
        };
        self.now = at;
        match item {
            Item::Arrive { from, to, octets } => self.arrive(from, to, octets),
            Item::Wake(node) => self.wake(node),
        }
        true
    }

    fn arrive(&mut self, from: SocketAddr, to: usize, octets: Vec<u8>) {
        let node = &mut self.nodes[to];
        if node.asleep_until.is_none() {
            let octets = &octets;
            self.input(to, Input::Datagram { from, octets });
        } else if node.membership.is_some() && node.socket.len() < SOCKET {
            node.socket.push((from, octets));
        }
    }

    fn wake(&mut self, index: usize) {
        let now = self.now;
        let node = &mut self.nodes[index];
        if node.asleep_until.is_some_and(|until| until > now) {
            return;
        }
        node.asleep_until = None;
        if node.wake.is_some_and(|wake| wake <= now) {
            node.wake = None;
        }
        for (from, octets) in std::mem::take(&mut node.socket) {
            let octets = &octets;
            self.input(index, Input::Datagram { from, octets });
        }
        self.drive(index);
    }

    /// Does what the driver does after each input: everything that is due, and plans when to do it again.
    fn drive(&mut self, index: usize) {
        let time = self.local_time(index);
        let asleep = self.nodes[index].asleep_until.is_some();
        let mut outputs = Vec::new();
        let Some(membership) = &mut self.nodes[index].membership else {
            return;
        };
        if !asleep {
            membership.handle_timeout(time);
        }
        outputs.extend(std::iter::from_fn(|| membership.poll_output()));
        let due = membership.poll_timeout();
        for output in outputs {
            match output {
                Output::Transmit { to, octets } => self.transmit(index, to, octets),
                Output::Event(Event::Dropped { .. }) => {}
                Output::Event(event) => self.told.push(Told {
                    at: self.now,
                    by: index,
                    event,
                }),
                _ => {}
            }
        }
        if let Some(due) = due {
            let due = self.global_time(index, due).max(self.now);
            let node = &mut self.nodes[index];
            if node.wake.is_none_or(|wake| wake > due || wake < self.now) {
                node.wake = Some(due);
                self.plan(due, Item::Wake(index));
            }
        }
    }

    fn transmit(&mut self, from: usize, to: SocketAddr, octets: Vec<u8>) {
        self.traffic.datagrams += 1;
        self.traffic.octets += octets.len() as u64;
        let Some(&to) = self.by_address.get(&to) else {
            return;
        };
        if let Some(recorded) = &mut self.recorded {
            recorded.push((from, to, octets.clone()));
        }
        if self.blocked.contains(&(from, to)) || self.rng.f64() < self.net.loss {
            return;
        }
        let (least, most) = self.net.delay;
        let at = self.now + least + (most - least).mul_f64(self.rng.f64());
        let from = self.nodes[from].address;
        self.plan(at, Item::Arrive { from, to, octets });
    }

    fn plan(&mut self, at: Instant, item: Item) {
        self.count += 1;
        self.agenda.push(Reverse((at, self.count, item)));
    }

    /// The node's clock goes so fast from now on; 1.0 is right.
    pub(crate) fn set_clock(&mut self, node: usize, speed: f64) {
        let (now, shows) = (self.now - self.start, self.local_time(node) - self.start);
        self.nodes[node].clock = (speed, now, shows);
        self.drive(node);
    }

    fn local_time(&self, node: usize) -> Instant {
        let (speed, since, showed) = self.nodes[node].clock;
        self.start + showed + (self.now - self.start - since).mul_f64(speed)
    }

    fn global_time(&self, node: usize, local: Instant) -> Instant {
        let (speed, since, showed) = self.nodes[node].clock;
        let from_then = (local - self.start).saturating_sub(showed);
        // A nanosecond more, so that rounding never wakes it too early for its own clock.
        self.start + since + from_then.div_f64(speed) + Duration::from_nanos(1)
    }
}

impl Node {
    fn new(index: usize) -> Self {
        let host = u32::try_from(index + 1).expect("not that many nodes");
        // RFC 2544 sets 198.18.0.0/15 aside for measurements.
        let address = Ipv4Addr::from_bits(Ipv4Addr::new(198, 18, 0, 0).to_bits() + host);
        Self {
            name: MemberName::try_new(&format!("node-{index:03}")).expect("a short name"),
            address: SocketAddr::new(address.into(), 7946),
            membership: None,
            clock: (1.0, Duration::ZERO, Duration::ZERO),
            asleep_until: None,
            socket: Vec::new(),
            incarnation: 1 << 40,
            wake: None,
        }
    }

    /// Who is alive for the member that runs here.
    pub(crate) fn members(&self) -> &election::membership::Members {
        self.membership
            .as_ref()
            .expect("a member runs here")
            .members()
    }
}

/// What a node with an address of its own tells, in one of several versions.
pub(crate) fn facts(node: usize, version: u8) -> Facts {
    let host = u8::try_from(node % 250).expect("below 250");
    let link = election::membership::LinkFacts {
        up: true,
        mac: [2, 0, 0, version, 0, host],
        subnets: vec![
            "198.18.0.0/15".parse().expect("a prefix"),
            "2001:db8::/64".parse().expect("a prefix"),
        ],
    };
    Facts {
        links: [("eth0".to_owned(), link)].into(),
        draining: false,
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "an `Instant` cannot be made in another way; only differences from it are used"
)]
fn now() -> Instant {
    Instant::now()
}

/// How many datagrams wait in the socket of a node that does not run.
const SOCKET: usize = 250;
