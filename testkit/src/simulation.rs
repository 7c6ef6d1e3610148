//! The runner: lets virtual time pass from one event to the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::clock::Clock;
use crate::host::{Happening, Host, HostId, Port};
use crate::link::Link;
use crate::net::{Delivery, Net, Payload};
use crate::stream::{Stream, StreamId, StreamOutput};
use crate::trace::Trace;

/// Hosts of one kind (an enum where kinds differ), a network between them, and virtual time.
///
/// When a panic drops it, it prints its seed and its trace.
#[derive(Debug)]
pub struct Simulation<H> {
    hosts: Vec<H>,
    started: usize,
    world: World,
}

impl<H: Host> Simulation<H> {
    /// An empty world. `link` is every path that [`set_link`](Self::set_link) does not change.
    #[must_use]
    pub fn new(seed: u64, link: Link) -> Self {
        Self {
            hosts: Vec::new(),
            started: 0,
            world: World::new(seed, link),
        }
    }

    /// Adds a host; ids count up from 0.
    pub fn add(&mut self, name: &str, host: H) -> HostId {
        self.hosts.push(host);
        self.world.names.push(name.to_owned());
        HostId(self.hosts.len() - 1)
    }

    /// Changes the path between two hosts.
    pub fn set_link(&mut self, a: HostId, b: HostId, link: Link) {
        self.world.net.set_link(a, b, link);
    }

    /// Loses everything between two hosts from now on, and what is under way.
    pub fn cut(&mut self, a: HostId, b: HostId) {
        self.world
            .note(a, format!("cut from {}", self.world.name(b)));
        self.world.net.cut(a, b);
    }

    /// Ends a [`cut`](Self::cut).
    pub fn mend(&mut self, a: HostId, b: HostId) {
        self.world
            .note(a, format!("joined with {}", self.world.name(b)));
        self.world.net.mend(a, b);
    }

    /// Lets virtual time pass.
    pub fn run_for(&mut self, time: Duration) {
        let end = self.world.clock.now() + time;
        while self.step(end) {}
        self.world.clock.advance_to(end);
    }

    /// Lets virtual time pass until `condition` holds, for at most `limit`. Returns how long that took.
    ///
    /// # Panics
    /// If it does not hold in time.
    pub fn run_until(
        &mut self,
        limit: Duration,
        mut condition: impl FnMut(&Self) -> bool,
    ) -> Duration {
        let begin = self.world.clock.now();
        let end = begin + limit;
        while !condition(self) {
            assert!(
                self.step(end),
                "the condition did not hold within {limit:?} of virtual time"
            );
        }
        self.world.clock.now() - begin
    }

    /// Calls a host from outside, as its user would.
    ///
    /// # Panics
    /// If there is no such host.
    pub fn with<R>(&mut self, host: HostId, action: impl FnOnce(&mut H, &mut Port<'_>) -> R) -> R {
        self.start_hosts();
        let Some(machine) = self.hosts.get_mut(host.0) else {
            panic!("there is no host {host:?}");
        };
        let result = action(
            machine,
            &mut Port {
                world: &mut self.world,
                me: host,
            },
        );
        self.deliver_local();
        result
    }

    /// A host, to look at.
    ///
    /// # Panics
    /// If there is no such host.
    #[must_use]
    pub fn host(&self, host: HostId) -> &H {
        match self.hosts.get(host.0) {
            Some(machine) => machine,
            None => panic!("there is no host {host:?}"),
        }
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.world.clock.now()
    }

    /// How much virtual time has passed since the start.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.world.clock.elapsed()
    }

    /// What happened so far.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.world.trace
    }

    /// Goes to the next event at or before `end` and lets it happen. False when there is none.
    fn step(&mut self, end: Instant) -> bool {
        self.start_hosts();
        let hosts = self.hosts.iter().filter_map(H::poll_timeout);
        let Some(next) = hosts
            .chain(self.world.poll_timeout())
            .min()
            .filter(|next| *next <= end)
        else {
            return false;
        };
        self.world.move_to(next);
        let now = self.world.clock.now();
        while let Some(delivery) = self.world.net.receive(now) {
            self.world.deliver(delivery);
            self.deliver_local();
        }
        self.world.time_out_streams();
        self.deliver_local();
        for (index, host) in self.hosts.iter_mut().enumerate() {
            if host.poll_timeout().is_some_and(|at| at <= now) {
                host.handle_timeout(&mut Port {
                    world: &mut self.world,
                    me: HostId(index),
                });
            }
        }
        self.deliver_local();
        true
    }

    fn start_hosts(&mut self) {
        while self.started < self.hosts.len() {
            self.world
                .inbox
                .push((HostId(self.started), Happening::Started));
            self.started += 1;
        }
        self.deliver_local();
    }

    /// Hands out what became known to hosts, until nothing new comes of it.
    fn deliver_local(&mut self) {
        while !self.world.inbox.is_empty() {
            for (to, happening) in std::mem::take(&mut self.world.inbox) {
                if let Some(host) = self.hosts.get_mut(to.0) {
                    host.handle(
                        &mut Port {
                            world: &mut self.world,
                            me: to,
                        },
                        happening,
                    );
                }
            }
        }
    }
}

impl<H> Drop for Simulation<H> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "simulation with seed {}:\n{}",
                self.world.seed, self.world.trace
            );
        }
    }
}

/// Everything but the hosts.
#[derive(Debug)]
pub(crate) struct World {
    seed: u64,
    rng: fastrand::Rng,
    pub(crate) clock: Clock,
    net: Net,
    names: Vec<String>,
    /// By the host that holds this end.
    streams: BTreeMap<(HostId, StreamId), (HostId, Stream)>,
    opened: u64,
    inbox: Vec<(HostId, Happening)>,
    trace: Trace,
    steps_without_progress: u32,
}

impl World {
    fn new(seed: u64, link: Link) -> Self {
        Self {
            seed,
            rng: fastrand::Rng::with_seed(seed),
            clock: Clock::new(),
            net: Net::new(link),
            names: Vec::new(),
            streams: BTreeMap::new(),
            opened: 0,
            inbox: Vec::new(),
            trace: Trace::default(),
            steps_without_progress: 0,
        }
    }

    fn name(&self, host: HostId) -> &str {
        self.names.get(host.0).map_or("?", String::as_str)
    }

    pub(crate) fn note(&mut self, who: HostId, what: String) {
        let name = self.names.get(who.0).map_or("?", String::as_str);
        self.trace.push(self.clock.elapsed(), name, what);
    }

    pub(crate) fn send_datagram(&mut self, from: HostId, to: HostId, octets: Vec<u8>) {
        let delivery = Delivery {
            from,
            to,
            payload: Payload::Datagram(octets),
        };
        self.net.send(self.clock.now(), &mut self.rng, delivery);
    }

    pub(crate) fn connect(&mut self, from: HostId, to: HostId) -> StreamId {
        self.opened += 1;
        let stream = StreamId(self.opened);
        self.streams
            .insert((from, stream), (to, Stream::connect(self.clock.now())));
        self.drain(from, stream);
        stream
    }

    pub(crate) fn on_stream(
        &mut self,
        host: HostId,
        stream: StreamId,
        action: impl FnOnce(&mut Stream, Instant),
    ) {
        if let Some((_, endpoint)) = self.streams.get_mut(&(host, stream)) {
            action(endpoint, self.clock.now());
            self.drain(host, stream);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        let streams = self
            .streams
            .values()
            .filter_map(|(_, stream)| stream.poll_timeout());
        streams.chain(self.net.poll_timeout()).min()
    }

    fn move_to(&mut self, next: Instant) {
        if next > self.clock.now() {
            self.steps_without_progress = 0;
        } else {
            self.steps_without_progress += 1;
            assert!(
                self.steps_without_progress < LIVELOCK,
                "time stands still: a machine's deadline stays in the past"
            );
        }
        self.clock.advance_to(next);
    }

    fn deliver(&mut self, delivery: Delivery) {
        let Delivery { from, to, payload } = delivery;
        match payload {
            Payload::Datagram(octets) => {
                self.inbox.push((to, Happening::Datagram { from, octets }))
            }
            Payload::Segment(stream, segment) => {
                let now = self.clock.now();
                let known = self.streams.contains_key(&(to, stream));
                if !known && segment == crate::Segment::Syn {
                    self.streams.insert((to, stream), (from, Stream::accept()));
                } else if let Some((_, endpoint)) = self.streams.get_mut(&(to, stream)) {
                    endpoint.handle_segment(now, segment);
                }
                self.drain(to, stream);
            }
        }
    }

    fn time_out_streams(&mut self) {
        let now = self.clock.now();
        let due: Vec<_> = self
            .streams
            .iter()
            .filter(|(_, (_, stream))| stream.poll_timeout().is_some_and(|at| at <= now))
            .map(|(key, _)| *key)
            .collect();
        for (host, stream) in due {
            self.on_stream(host, stream, Stream::handle_timeout);
        }
    }

    /// Carries out what one end of a stream wants.
    fn drain(&mut self, host: HostId, stream: StreamId) {
        let now = self.clock.now();
        let Some((peer, endpoint)) = self.streams.get_mut(&(host, stream)) else {
            return;
        };
        let peer = *peer;
        while let Some(output) = endpoint.poll_output() {
            let happening = match output {
                StreamOutput::Transmit(segment) => {
                    let payload = Payload::Segment(stream, segment);
                    self.net.send(
                        now,
                        &mut self.rng,
                        Delivery {
                            from: host,
                            to: peer,
                            payload,
                        },
                    );
                    continue;
                }
                StreamOutput::Connected if endpoint.is_opener() => Happening::Connected(stream),
                StreamOutput::Connected => Happening::Accepted { stream, from: peer },
                StreamOutput::Received(octets) => Happening::Received { stream, octets },
                StreamOutput::Sent(octets) => Happening::Sent { stream, octets },
                StreamOutput::Closed => Happening::Closed(stream),
            };
            self.inbox.push((host, happening));
        }
    }
}

/// More events than any sane machine has at one instant.
const LIVELOCK: u32 = 100_000;
