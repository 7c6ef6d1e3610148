//! Two sessions on virtual time, over a link that delays, loses, reorders and duplicates.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bgp_fsm::{
    ConnId, DownReason, Event, Input, NextHops, Output, PeerAs, PeerConfig, PeerConfigBuilder,
    Routes, Session, State,
};
use bgp_wire::{Asn, Cease, ShutdownCommunication, Validated};
use ipnet::IpNet;
use testkit::{Happening, Host, HostId, Link, Port, Simulation, StreamId};

use crate::rig::{router_id, routes, seconds};

/// A speaker with one session, and the routes it was told.
struct Speaker {
    session: Session,
    peer: HostId,
    streams: BTreeMap<ConnId, StreamId>,
    pending: BTreeSet<ConnId>,
    accepted: u64,
    learnt: BTreeSet<IpNet>,
    downs: Vec<DownReason>,
    attempts: usize,
}

impl Speaker {
    fn new(config: PeerConfig, seed: u64, peer: HostId) -> Self {
        Self {
            session: Session::new(config, seed),
            peer,
            streams: BTreeMap::new(),
            pending: BTreeSet::new(),
            accepted: 0,
            learnt: BTreeSet::new(),
            downs: Vec::new(),
            attempts: 0,
        }
    }

    fn input(&mut self, port: &mut Port<'_>, input: Input<'_>) {
        self.session.handle_input(port.now(), input);
        self.carry_out(port);
    }

    fn carry_out(&mut self, port: &mut Port<'_>) {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect { conn } => {
                    self.attempts += 1;
                    self.pending.insert(conn);
                    self.streams.insert(conn, port.connect(self.peer));
                }
                Output::Transmit { conn, octets } => port.write(self.streams[&conn], &octets),
                Output::Close { conn } => {
                    self.pending.remove(&conn);
                    if let Some(stream) = self.streams.remove(&conn) {
                        port.close(stream);
                    }
                }
                Output::Event(event) => self.take(port, event),
                _ => panic!("unknown output"),
            }
        }
    }

    fn take(&mut self, port: &mut Port<'_>, event: Event) {
        match event {
            Event::StateChanged { from, to, cause } => {
                port.note(format!("{from} -> {to} ({cause})"))
            }
            Event::Down { reason, .. } => {
                port.note(format!("down: {reason}"));
                self.learnt.clear();
                self.downs.push(reason);
            }
            Event::Update(update) => match update.validate().expect("the session checked it") {
                Validated::Routes(routes) => {
                    let update = routes.to_owned();
                    for prefix in update.withdrawn_prefixes() {
                        assert!(self.learnt.remove(&prefix), "{prefix} was never announced");
                    }
                    self.learnt.extend(update.announced_prefixes());
                }
                other => panic!("malformed: {:?}", other.findings()),
            },
            other => port.note(format!("{other:?}")),
        }
    }

    fn conn_of(&self, stream: StreamId) -> Option<ConnId> {
        self.streams
            .iter()
            .find(|(_, known)| **known == stream)
            .map(|(conn, _)| *conn)
    }

    fn connected(&mut self, port: &mut Port<'_>, conn: ConnId) {
        self.pending.remove(&conn);
        let next_hops = NextHops::new(Some([198, 51, 100, 1].into()), "2001:db8::1".parse().ok());
        let local = "198.51.100.1:179".parse().unwrap();
        let remote = "198.51.100.2:179".parse().unwrap();
        self.input(
            port,
            Input::Connected {
                conn,
                local,
                remote,
                next_hops,
            },
        );
    }

    fn is_established(&self) -> bool {
        self.session.state() == State::Established
    }
}

impl Host for Speaker {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        match happening {
            Happening::Started => self.input(port, Input::Start),
            Happening::Accepted { stream, .. } => {
                self.accepted += 1;
                let conn = ConnId::Incoming(self.accepted);
                self.streams.insert(conn, stream);
                self.connected(port, conn);
            }
            Happening::Connected(stream) => {
                if let Some(conn) = self.conn_of(stream) {
                    self.connected(port, conn);
                }
            }
            Happening::Received { stream, octets } => {
                if let Some(conn) = self.conn_of(stream) {
                    self.input(
                        port,
                        Input::Received {
                            conn,
                            octets: &octets,
                        },
                    );
                }
            }
            Happening::Sent { stream, octets } => {
                if let Some(conn) = self.conn_of(stream) {
                    self.input(port, Input::Drained { conn, octets });
                }
            }
            Happening::Closed(stream) => match self.conn_of(stream) {
                Some(conn) if self.pending.contains(&conn) => {
                    self.input(port, Input::ConnectFailed { conn });
                }
                Some(conn) => self.input(port, Input::Closed { conn }),
                None => {}
            },
            Happening::Datagram { .. } => {}
        }
    }

    fn handle_timeout(&mut self, port: &mut Port<'_>) {
        self.session.handle_timeout(port.now());
        self.carry_out(port);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }
}

const A: HostId = HostId(0);
const B: HostId = HostId(1);

fn config(of: HostId) -> PeerConfigBuilder {
    let local_as = Asn(64500 + of.0 as u32);
    PeerConfig::builder(local_as, PeerAs::External, router_id(1 + of.0 as u8))
}

/// Two speakers that both connect to one another.
fn two(seed: u64, link: Link) -> Simulation<Speaker> {
    two_with(seed, link, config(A), config(B))
}

fn two_with(
    seed: u64,
    link: Link,
    a: PeerConfigBuilder,
    b: PeerConfigBuilder,
) -> Simulation<Speaker> {
    let mut simulation = Simulation::new(seed, link);
    simulation.add("a", Speaker::new(a.build().unwrap(), seed, B));
    simulation.add("b", Speaker::new(b.build().unwrap(), seed ^ 0xffff, A));
    simulation
}

fn both_established(simulation: &Simulation<Speaker>) -> bool {
    simulation.host(A).is_established() && simulation.host(B).is_established()
}

fn set_routes(simulation: &mut Simulation<Speaker>, host: HostId, routes: Routes) {
    simulation.with(host, |speaker, port| {
        speaker.input(port, Input::SetRoutes(routes))
    });
}

fn learnt(simulation: &Simulation<Speaker>, host: HostId, from: HostId) -> bool {
    let told: BTreeSet<IpNet> = simulation.host(from).session.routes().prefixes().collect();
    simulation.host(host).learnt == told
}

/// /32s of 203.0.113.0/24 and /64s, some of them.
fn some_routes(rng: &mut fastrand::Rng) -> Routes {
    let v4 = (0..100).map(|n| format!("203.0.113.{n}/32"));
    let v6 = (0..100).map(|n| format!("2001:db8:{n}::/64"));
    let all: Vec<String> = v4.chain(v6).filter(|_| rng.bool()).collect();
    routes(all.iter().map(String::as_str))
}

#[test]
fn two_speakers_find_each_other_over_a_bad_link_and_exchange_their_routes() {
    for seed in 0..25 {
        let mut simulation = two(seed, Link::lossy());
        let mut rng = fastrand::Rng::with_seed(seed);
        set_routes(&mut simulation, A, some_routes(&mut rng));
        set_routes(&mut simulation, B, some_routes(&mut rng));
        simulation.run_until(seconds(600), |simulation| {
            both_established(simulation) && learnt(simulation, A, B) && learnt(simulation, B, A)
        });
    }
}

#[test]
fn routes_that_keep_changing_end_up_the_same_on_both_sides() {
    for seed in 0..20 {
        let mut simulation = two(seed, Link::lossy());
        let mut rng = fastrand::Rng::with_seed(seed);
        for _ in 0..50 {
            set_routes(&mut simulation, A, some_routes(&mut rng));
            simulation.run_for(Duration::from_millis(rng.u64(0..2000)));
        }
        simulation.run_until(seconds(600), |simulation| {
            both_established(simulation) && learnt(simulation, B, A)
        });
    }
}

#[test]
fn a_simultaneous_open_leaves_one_connection_and_both_sides_agree_which() {
    for seed in 0..25 {
        let mut simulation = two(seed, Link::default());
        simulation.run_until(seconds(300), both_established);
        simulation.run_for(seconds(300));
        let stream = |host: HostId| {
            let speaker = simulation.host(host);
            assert_eq!(speaker.streams.len(), 1, "one connection is left");
            speaker.streams[&speaker.session.established_connection().unwrap()]
        };
        assert_eq!(stream(A), stream(B));
    }
}

#[test]
fn a_silent_peer_is_dropped_by_the_hold_timer_and_found_again() {
    let mut simulation = two(5, Link::default());
    set_routes(&mut simulation, A, routes(["203.0.113.1/32"]));
    simulation.run_until(seconds(60), |simulation| {
        learnt(simulation, B, A) && both_established(simulation)
    });
    simulation.run_for(seconds(500));
    simulation.cut(A, B);
    let took = simulation.run_until(seconds(600), |simulation| {
        !simulation.host(A).is_established() && !simulation.host(B).is_established()
    });
    assert!(
        (seconds(60)..=seconds(91)).contains(&took),
        "{took:?} for a hold time of 90 s"
    );
    let expired = DownReason::Sent(bgp_wire::Notification::hold_timer_expired());
    assert!(simulation.host(A).downs.contains(&expired));
    simulation.run_for(seconds(300));
    simulation.mend(A, B);
    let took = simulation.run_until(seconds(600), |simulation| {
        both_established(simulation) && learnt(simulation, B, A)
    });
    assert!(took < seconds(180), "found again after {took:?}");
}

#[test]
fn a_session_lasts_for_days_over_a_bad_link() {
    let mut simulation = two(7, Link::lossy());
    simulation.run_until(seconds(600), both_established);
    let before = simulation.host(A).session.stats().established_transitions;
    simulation.run_for(seconds(3 * 24 * 3600));
    assert!(both_established(&simulation));
    assert_eq!(
        simulation.host(A).session.stats().established_transitions,
        before
    );
    let keepalives = simulation.host(A).session.stats().sent.keepalive;
    assert!(
        (8640..11520 + 10).contains(&keepalives),
        "{keepalives} KEEPALIVEs in three days"
    );
}

#[test]
fn two_speakers_that_can_never_agree_do_not_keep_each_other_busy() {
    let internal = PeerConfig::builder(Asn(64500), PeerAs::Internal, router_id(1));
    let mut simulation = two_with(3, Link::default(), internal, config(B));
    simulation.run_for(seconds(24 * 3600));
    for host in [A, B] {
        let attempts = simulation.host(host).attempts;
        assert!(
            (100..2500).contains(&attempts),
            "{attempts} attempts in a day"
        );
        assert_eq!(
            simulation
                .host(host)
                .session
                .stats()
                .established_transitions,
            0
        );
    }
}

#[test]
fn a_passive_speaker_is_found_by_an_active_one() {
    let mut simulation = two_with(1, Link::lossy(), config(A), config(B).passive());
    simulation.run_until(seconds(300), both_established);
    assert_eq!(simulation.host(B).attempts, 0);
}

#[test]
fn a_stop_is_heard_with_its_text_and_a_simultaneous_restart_heals() {
    for seed in 0..30 {
        let mut simulation = two(seed, Link::default());
        simulation.run_until(seconds(300), both_established);
        simulation.run_for(seconds(120));
        let text = ShutdownCommunication::truncated("back in a minute");
        let cease = Cease::ADMINISTRATIVE_RESET;
        simulation.with(A, |speaker, port| {
            speaker.input(
                port,
                Input::Stop {
                    cease,
                    text: text.clone(),
                },
            );
        });
        simulation.run_for(seconds(5));
        let heard = simulation
            .host(B)
            .downs
            .iter()
            .any(|reason| reason.to_string().contains(&*text));
        assert!(heard, "{:?}", simulation.host(B).downs);
        for host in [A, B] {
            simulation.with(host, |speaker, port| {
                let text = ShutdownCommunication::default();
                speaker.input(port, Input::Stop { cease, text });
                speaker.input(port, Input::Start);
            });
        }
        simulation.run_until(seconds(300), both_established);
    }
}
