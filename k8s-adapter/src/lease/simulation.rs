//! Candidates and an API server in virtual time, with everything that may go wrong between them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use testkit::{Happening, Host, HostId, Link, Port, Simulation};

use super::machine::{Candidate, Input, Lease, Output, Timing, Write};

const SERVER: HostId = HostId(0);
const SECOND: Duration = Duration::from_secs(1);
/// As the driver has it.
const LATENCY: Link = Link {
    min_latency: Duration::from_millis(1),
    max_latency: Duration::from_millis(30),
    loss: 0.0,
    duplication: 0.0,
};

/// The API server: one Lease, written by compare and swap, shown to all who are there.
#[derive(Debug, Default)]
struct Server {
    lease: Option<Lease>,
    version: u32,
    watchers: Vec<HostId>,
}

impl Server {
    fn answer(&mut self, port: &mut Port<'_>, from: HostId, text: &str) {
        let mut words = text.split(' ');
        let request = words.next().unwrap();
        let based_on = words.next().unwrap();
        let known = self.lease.as_ref().map_or("none", |lease| &*lease.version);
        let answer = match words.next().unwrap() {
            "read" => format!("{request} read {}", self.shown()),
            _ if known != based_on => format!("{request} refused"),
            holder => {
                let seconds = words.next().unwrap().parse().unwrap();
                self.write(holder, Duration::from_secs(seconds));
                for &watcher in &self.watchers {
                    port.send(watcher, format!("0 seen {}", self.shown()).into_bytes());
                }
                format!("{request} written {}", self.shown())
            }
        };
        port.send(from, answer.into_bytes());
    }

    fn write(&mut self, holder: &str, duration: Duration) {
        self.version += 1;
        self.lease = Some(Lease {
            version: self.version.to_string().into(),
            holder: Some(holder)
                .filter(|&holder| holder != "nobody")
                .map(Into::into),
            duration,
            transitions: 0,
        });
    }

    fn shown(&self) -> String {
        self.lease.as_ref().map_or_else(
            || "none".to_owned(),
            |lease| {
                format!(
                    "{} {} {}",
                    lease.version,
                    lease.holder.as_deref().unwrap_or("nobody"),
                    lease.duration.as_secs()
                )
            },
        )
    }
}

/// A time during which a replica could have written.
#[derive(Clone, Copy, Debug)]
struct Reign {
    from: Instant,
    until: Instant,
}

/// A replica: the machine, what the driver does around it, and a way to stop the process.
#[derive(Debug)]
struct Replica {
    candidate: Candidate,
    identity: Arc<str>,
    request: u32,
    /// When the request under way has taken too long.
    patience: Option<Instant>,
    /// What came in while the process was stopped.
    missed: Option<VecDeque<Vec<u8>>>,
    dead: bool,
    reigns: Vec<Reign>,
    released: bool,
}

impl Replica {
    fn new(identity: &str, now: Instant) -> Self {
        Self {
            candidate: Candidate::new(now, identity.into(), Timing::default()),
            identity: identity.into(),
            request: 0,
            patience: None,
            missed: None,
            dead: false,
            reigns: Vec::new(),
            released: false,
        }
    }

    fn runs(&self) -> bool {
        !self.dead && self.missed.is_none()
    }

    fn leads(&self, now: Instant) -> bool {
        self.runs() && self.reigns.last().is_some_and(|reign| now < reign.until)
    }

    fn receive(&mut self, port: &mut Port<'_>, octets: &[u8]) {
        let text = String::from_utf8(octets.to_vec()).unwrap();
        let mut words = text.split(' ');
        let request: u32 = words.next().unwrap().parse().unwrap();
        let what = words.next().unwrap();
        let lease = lease_of(words);
        let input = match what {
            "seen" => Input::Seen(lease),
            // The driver has given up waiting for this one.
            _ if self.patience.is_none() || request != self.request => return,
            "read" => Input::Read(lease),
            "written" => Input::Written(lease.unwrap()),
            _ => Input::Refused,
        };
        if what != "seen" {
            self.patience = None;
        }
        self.input(port, input);
    }

    fn input(&mut self, port: &mut Port<'_>, input: Input) {
        self.candidate.handle_input(port.now(), input);
        self.drain(port);
    }

    fn drain(&mut self, port: &mut Port<'_>) {
        while let Some(output) = self.candidate.poll_output() {
            match output {
                Output::Read => self.ask(port, "none", "read"),
                Output::Write(Write::Create { duration }) => self.hold(port, "none", duration),
                Output::Write(
                    Write::Take {
                        version, duration, ..
                    }
                    | Write::Renew { version, duration },
                ) => self.hold(port, &version, duration),
                Output::Write(Write::GiveUp { version }) => self.ask(port, &version, "nobody 0"),
                Output::Leading { until } => self.reign(port, until),
                Output::Lost => self.lose(port),
                Output::Released => self.released = true,
            }
        }
    }

    fn hold(&mut self, port: &mut Port<'_>, based_on: &str, duration: Duration) {
        let what = format!("{} {}", self.identity, duration.as_secs());
        self.ask(port, based_on, &what);
    }

    fn ask(&mut self, port: &mut Port<'_>, based_on: &str, what: &str) {
        self.request += 1;
        self.patience = Some(port.now() + self.candidate.patience());
        let text = format!("{} {based_on} {what}", self.request);
        port.send(SERVER, text.into_bytes());
    }

    fn reign(&mut self, port: &mut Port<'_>, until: Instant) {
        let now = port.now();
        match self.reigns.last_mut().filter(|reign| now < reign.until) {
            Some(reign) => reign.until = until,
            None => {
                port.note("leads");
                self.reigns.push(Reign { from: now, until });
            }
        }
    }

    fn lose(&mut self, port: &mut Port<'_>) {
        port.note("leads no more");
        let now = port.now();
        if let Some(reign) = self.reigns.last_mut() {
            reign.until = reign.until.min(now);
        }
    }

    /// Goes on where it was stopped: first all that waits to be read, then the timers.
    fn resume(&mut self, port: &mut Port<'_>) {
        for octets in self.missed.take().unwrap_or_default() {
            self.receive(port, &octets);
        }
        self.time_out(port);
    }

    fn time_out(&mut self, port: &mut Port<'_>) {
        let now = port.now();
        if self.patience.is_some_and(|patience| patience <= now) {
            self.patience = None;
            self.input(port, Input::Failed);
        }
        self.candidate.handle_timeout(now);
        self.drain(port);
    }
}

fn lease_of<'a>(mut words: impl Iterator<Item = &'a str>) -> Option<Lease> {
    let version = words.next().filter(|&version| version != "none")?;
    let holder = words.next().filter(|&holder| holder != "nobody");
    let seconds = words.next()?.parse().ok()?;
    Some(Lease {
        version: version.into(),
        holder: holder.map(Into::into),
        duration: Duration::from_secs(seconds),
        transitions: 0,
    })
}

#[derive(Debug)]
enum Member {
    Server(Server),
    Replica(Box<Replica>),
}

impl Host for Member {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        match (self, happening) {
            (Self::Server(server), Happening::Datagram { from, octets }) => {
                server.answer(port, from, &String::from_utf8(octets).unwrap());
            }
            (Self::Replica(replica), Happening::Started) => replica.drain(port),
            (Self::Replica(replica), Happening::Datagram { octets, .. }) => {
                match &mut replica.missed {
                    Some(missed) => missed.push_back(octets),
                    None if replica.dead => {}
                    None => replica.receive(port, &octets),
                }
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, port: &mut Port<'_>) {
        if let Self::Replica(replica) = self {
            replica.time_out(port);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Replica(replica) if replica.runs() => {
                let times = [replica.patience, replica.candidate.poll_timeout()];
                times.into_iter().flatten().min()
            }
            _ => None,
        }
    }
}

struct World {
    simulation: Simulation<Member>,
    replicas: Vec<HostId>,
}

impl World {
    fn new(seed: u64, replicas: usize, link: Link) -> Self {
        let mut simulation = Simulation::new(seed, link);
        let watchers = (1..=replicas).map(HostId).collect();
        let server = Server {
            watchers,
            ..Server::default()
        };
        simulation.add("server", Member::Server(server));
        let now = simulation.now();
        let replicas = (1..=replicas)
            .map(|number| {
                let name = format!("replica-{number}");
                simulation.add(&name, Member::Replica(Box::new(Replica::new(&name, now))))
            })
            .collect();
        Self {
            simulation,
            replicas,
        }
    }

    fn replica(&self, id: HostId) -> &Replica {
        match self.simulation.host(id) {
            Member::Replica(replica) => replica,
            Member::Server(_) => panic!("no replica"),
        }
    }

    fn with(&mut self, id: HostId, action: impl FnOnce(&mut Replica, &mut Port<'_>)) {
        self.simulation.with(id, |member, port| match member {
            Member::Replica(replica) => action(replica, port),
            Member::Server(_) => panic!("no replica"),
        });
    }

    fn leader(&self) -> Option<HostId> {
        let now = self.simulation.now();
        let leads = |&&id: &&HostId| self.replica(id).leads(now);
        self.replicas.iter().find(leads).copied()
    }

    fn other(&self, leader: HostId) -> HostId {
        *self.replicas.iter().find(|&&id| id != leader).unwrap()
    }

    fn until_led(&mut self, limit: Duration) -> HostId {
        let begin = self.simulation.elapsed();
        loop {
            if let Some(leader) = self.leader() {
                return leader;
            }
            assert!(
                self.simulation.elapsed() - begin <= limit,
                "nobody leads after {limit:?}"
            );
            self.simulation.run_for(Duration::from_millis(1));
        }
    }

    /// No two may have been able to write at the same moment.
    fn check(&self) {
        for (index, &one) in self.replicas.iter().enumerate() {
            for &other in &self.replicas[index + 1..] {
                for a in &self.replica(one).reigns {
                    for b in &self.replica(other).reigns {
                        let apart = a.until <= b.from || b.until <= a.from;
                        assert!(apart, "{one:?} {a:?} and {other:?} {b:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_leader_stays_as_long_as_it_renews() {
    let mut world = World::new(1, 3, LATENCY);
    let leader = world.until_led(SECOND);
    world.simulation.run_for(SECOND * 3600);
    assert_eq!(world.leader(), Some(leader));
    assert_eq!(world.replica(leader).reigns.len(), 1);
    world.check();
}

#[test]
fn a_crash_is_handed_over_in_less_than_three_seconds() {
    for seed in 0..200 {
        let mut world = World::new(seed, 2, LATENCY);
        let leader = world.until_led(SECOND);
        // Anywhere between two renewals.
        let moment = Duration::from_millis(seed * 7 % 1500);
        world.simulation.run_for(SECOND * 5 + moment);
        world.with(leader, |replica, port| {
            replica.lose(port);
            replica.dead = true;
        });
        assert_eq!(
            world.until_led(Duration::from_millis(2100)),
            world.other(leader)
        );
        world.check();
    }
}

#[test]
fn a_leader_that_ends_hands_over_at_once() {
    for seed in 0..50 {
        let mut world = World::new(seed, 2, LATENCY);
        let leader = world.until_led(SECOND);
        world
            .simulation
            .run_for(SECOND * 5 + Duration::from_millis(seed * 11));
        world.with(leader, |replica, port| replica.input(port, Input::Release));
        let next = world.until_led(Duration::from_millis(200));
        assert_eq!(next, world.other(leader));
        world.simulation.run_for(SECOND);
        assert!(world.replica(leader).released);
        world.check();
    }
}

#[test]
fn a_leader_that_was_stopped_finds_out_before_it_writes() {
    for seed in 0..50 {
        let mut world = World::new(seed, 2, LATENCY);
        let leader = world.until_led(SECOND);
        world
            .simulation
            .run_for(SECOND * 5 + Duration::from_millis(seed * 13));
        world.with(leader, |replica, _| replica.missed = Some(VecDeque::new()));
        let next = world.other(leader);
        world.simulation.run_for(SECOND * 10);
        assert_eq!(world.leader(), Some(next));
        world.with(leader, Replica::resume);
        world.simulation.run_for(SECOND * 10);
        assert_eq!(world.leader(), Some(next));
        world.check();
    }
}

#[test]
fn nobody_leads_while_the_api_is_away_and_somebody_does_soon_after() {
    let mut world = World::new(3, 2, LATENCY);
    world.until_led(SECOND);
    world.simulation.run_for(SECOND * 5);
    for &replica in &[HostId(1), HostId(2)] {
        world.simulation.cut(SERVER, replica);
    }
    world.simulation.run_for(SECOND * 2);
    assert_eq!(world.leader(), None);
    world.simulation.run_for(SECOND * 60);
    assert_eq!(world.leader(), None);
    for &replica in &[HostId(1), HostId(2)] {
        world.simulation.mend(SERVER, replica);
    }
    world.until_led(SECOND * 2);
    world.check();
}

#[test]
fn of_two_only_the_one_that_is_cut_off_loses() {
    let mut world = World::new(4, 2, LATENCY);
    let leader = world.until_led(SECOND);
    world.simulation.run_for(SECOND * 5);
    let next = world.other(leader);
    world.simulation.cut(SERVER, leader);
    world.simulation.run_for(SECOND * 3);
    assert_eq!(world.leader(), Some(next));
    world.simulation.mend(SERVER, leader);
    world.simulation.run_for(SECOND * 60);
    assert_eq!(world.leader(), Some(next));
    world.check();
}

/// Everything at once, for as long as it takes to meet most orders of events.
#[test]
fn never_do_two_lead_at_once() {
    for seed in 0..60 {
        let mut rng = fastrand::Rng::with_seed(seed);
        let slow = Link {
            max_latency: Duration::from_millis(rng.u64(30..1500)),
            loss: rng.f64() * 0.3,
            duplication: 0.1,
            ..LATENCY
        };
        let mut world = World::new(seed, 3, slow);
        for _ in 0..40 {
            let id = world.replicas[rng.usize(..3)];
            match rng.u8(..6) {
                0 => world.simulation.cut(SERVER, id),
                1 | 2 => world.simulation.mend(SERVER, id),
                3 if world.replica(id).missed.is_none() => {
                    world.with(id, |replica, _| replica.missed = Some(VecDeque::new()));
                }
                4 | 5 if world.replica(id).missed.is_some() => world.with(id, Replica::resume),
                _ => {}
            }
            world
                .simulation
                .run_for(Duration::from_millis(rng.u64(1..4000)));
            world.check();
        }
        for id in world.replicas.clone() {
            world.simulation.mend(SERVER, id);
            world.simulation.set_link(SERVER, id, LATENCY);
            if world.replica(id).missed.is_some() {
                world.with(id, Replica::resume);
            }
        }
        // The last Lease may have been granted while everything was slow.
        let longest = Timing::default().longest;
        world.simulation.run_for(longest + SECOND * 5);
        assert!(world.leader().is_some(), "seed {seed}: nobody leads");
        world.check();
    }
}
