//! What a session costs: a large table to a sink that takes everything, and many sessions at once.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark fails by panicking"
)]

mod rig;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Instant;

use bgp_fsm::{ConnId, Input, NextHops, Output, Session, State};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rig::{CONN, config, keepalive, open_confirm, routes, sink};
use testkit::{Clock, Happening, Host, HostId, Link, Port, Simulation, StreamId};

criterion_group!(benches, converge, diff, establish);
criterion_main!(benches);

fn converge(c: &mut Criterion) {
    let (routes, keepalive, now) = (routes(), keepalive(), Clock::new().now());
    c.benchmark_group("converge")
        .sample_size(10)
        .bench_function("1M routes to a null sink", |b| {
            b.iter_batched_ref(
                || {
                    let mut session = open_confirm(now);
                    session.handle_input(now, Input::SetRoutes(routes.clone()));
                    sink(&mut session, now);
                    session
                },
                |session| {
                    session.handle_input(
                        now,
                        Input::Received {
                            conn: CONN,
                            octets: &keepalive,
                        },
                    );
                    let octets = sink(session, now);
                    assert!(octets > 5_000_000, "{octets} octets");
                },
                BatchSize::LargeInput,
            );
        });
}

fn diff(c: &mut Criterion) {
    let (all, now) = (routes(), Clock::new().now());
    let (_, first) = all.iter().next().unwrap();
    let last = all.prefixes().rev().take(10_000);
    let mut most = all.clone();
    most.update(last.map(|prefix| (prefix, Some(Arc::clone(first)))));
    let mut session = open_confirm(now);
    session.handle_input(now, Input::SetRoutes(all.clone()));
    session.handle_input(
        now,
        Input::Received {
            conn: CONN,
            octets: &keepalive(),
        },
    );
    sink(&mut session, now);
    c.benchmark_group("diff").sample_size(10).bench_function(
        "10k of 1M routes change and change back",
        |b| {
            b.iter(|| {
                for routes in [&most, &all] {
                    session.handle_input(now, Input::SetRoutes(routes.clone()));
                    let octets = sink(&mut session, now);
                    assert!((50_000..200_000).contains(&octets), "{octets} octets");
                }
            });
        },
    );
}

/// Sessions of one host, each with the name of its connection.
#[derive(Default)]
struct Node {
    sessions: BTreeMap<StreamId, (ConnId, Session)>,
    waiting: Vec<(HostId, Session)>,
}

impl Node {
    fn established(&self) -> usize {
        self.sessions
            .values()
            .filter(|(_, session)| session.state() == State::Established)
            .count()
    }

    fn input(
        &mut self,
        port: &mut Port<'_>,
        stream: StreamId,
        input: impl FnOnce(ConnId, &mut Session),
    ) {
        let (conn, session) = self
            .sessions
            .get_mut(&stream)
            .expect("the stream has a session");
        input(*conn, session);
        while let Some(output) = session.poll_output() {
            if let Output::Transmit { conn, octets } = output {
                port.write(stream, &octets);
                let octets = octets.len();
                session.handle_input(port.now(), Input::Drained { conn, octets });
            }
        }
    }

    fn connected(&mut self, port: &mut Port<'_>, stream: StreamId) {
        let now = port.now();
        let (local, remote) = (
            "10.0.0.1:179".parse().unwrap(),
            "10.0.0.2:179".parse().unwrap(),
        );
        let next_hops = NextHops::new(Some(Ipv4Addr::new(10, 0, 0, 1)), None);
        self.input(port, stream, |conn, session| {
            session.handle_input(now, Input::Start);
            session.handle_input(
                now,
                Input::Connected {
                    conn,
                    local,
                    remote,
                    next_hops,
                },
            );
        });
    }
}

impl Host for Node {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        match happening {
            Happening::Started => {
                for (peer, session) in std::mem::take(&mut self.waiting) {
                    self.sessions.insert(port.connect(peer), (CONN, session));
                }
            }
            Happening::Connected(stream) => self.connected(port, stream),
            Happening::Accepted { stream, .. } => {
                let session = Session::new(config(64501), stream.0);
                self.sessions.insert(stream, (ConnId::Incoming(1), session));
                self.connected(port, stream);
            }
            Happening::Received { stream, octets } => {
                let now = port.now();
                self.input(port, stream, |conn, session| {
                    session.handle_input(
                        now,
                        Input::Received {
                            conn,
                            octets: &octets,
                        },
                    );
                });
            }
            _ => {}
        }
    }

    fn handle_timeout(&mut self, _: &mut Port<'_>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}

fn establish(c: &mut Criterion) {
    const SESSIONS: u32 = 1000;
    c.benchmark_group("establish")
        .sample_size(10)
        .bench_function("1000 sessions in simulation", |b| {
            b.iter(|| {
                let mut simulation = Simulation::new(1, Link::default());
                let sessions = (0..SESSIONS)
                    .map(|n| (HostId(1), Session::new(config(64_500), u64::from(n))))
                    .collect();
                let many = simulation.add(
                    "many",
                    Node {
                        waiting: sessions,
                        ..Node::default()
                    },
                );
                simulation.add("hub", Node::default());
                simulation.run_for(std::time::Duration::from_secs(1));
                assert_eq!(simulation.host(many).established(), 1000);
            });
        });
}
