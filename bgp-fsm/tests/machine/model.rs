//! Random inputs in random order, and what has to hold after each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bgp_fsm::{ConnId, Input, Routes, State};
use bgp_wire::iana::RouteRefreshSubtype;
use bgp_wire::{
    AfiSafi, Asn, Cease, Community, HoldTime, Message, Notification, PathAttributes, RouteRefresh,
    ShutdownCommunication, Update,
};
use ipnet::IpNet;
use proptest::prelude::*;

use crate::rig::{
    Done, PEER_AS, Rig, builder, config, empty_update, encoded, keepalive, peer_open, seconds,
};

#[derive(Debug, Clone)]
enum Step {
    Start,
    Stop,
    /// For each of the prefixes: which attributes, if it is there at all.
    SetRoutes([Option<u32>; PREFIXES.len()]),
    SetHoldTime(u16),
    SwitchPassive,
    /// The attempt that is under way succeeds or fails.
    Connected,
    ConnectFailed,
    Accepted,
    /// Something on the nth connection.
    Closed(usize),
    Receive(usize, Received),
    /// The transport takes nothing by itself, or does again.
    Stall,
    Flow,
    Drained(usize),
    Pass(u64),
}

#[derive(Debug, Clone, Copy)]
enum Received {
    Open,
    WrongOpen,
    Keepalive,
    Update,
    Notification,
    Refresh,
    Garbage,
}

const PREFIXES: [&str; 5] = [
    "192.0.2.0/24",
    "198.51.100.1/32",
    "203.0.113.0/25",
    "2001:db8:1::/48",
    "2001:db8:2::1/128",
];

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let received = prop_oneof![
        6 => Just(Received::Open),
        1 => Just(Received::WrongOpen),
        8 => Just(Received::Keepalive),
        2 => Just(Received::Update),
        1 => Just(Received::Notification),
        2 => Just(Received::Refresh),
        1 => Just(Received::Garbage),
    ];
    let step = prop_oneof![
        3 => Just(Step::Start),
        1 => Just(Step::Stop),
        8 => prop::array::uniform5(prop::option::of(0..3_u32)).prop_map(Step::SetRoutes),
        1 => prop::sample::select(vec![0_u16, 3, 90]).prop_map(Step::SetHoldTime),
        1 => Just(Step::SwitchPassive),
        6 => Just(Step::Connected),
        1 => Just(Step::ConnectFailed),
        3 => Just(Step::Accepted),
        1 => (0..3_usize).prop_map(Step::Closed),
        20 => ((0..2_usize), received).prop_map(|(nth, received)| Step::Receive(nth, received)),
        1 => Just(Step::Stall),
        2 => Just(Step::Flow),
        3 => (1..200_usize).prop_map(Step::Drained),
        4 => (0..100_000_u64).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..80)
}

/// A session, and what the world around it knows of it.
struct Model {
    rig: Rig,
    attempt: Option<ConnId>,
    open: BTreeSet<ConnId>,
    accepted: u64,
    desired: Routes,
    /// What the peer holds, by what it was sent on the connection that is Established.
    held: BTreeMap<IpNet, BTreeSet<Community>>,
    /// Prefixes that the peer asked for again.
    asked: BTreeSet<IpNet>,
    unsent: usize,
    stopped: bool,
    passive: bool,
    hold_time: u16,
}

impl Model {
    fn new() -> Self {
        Self {
            rig: Rig::new(config()),
            attempt: None,
            open: BTreeSet::new(),
            accepted: 0,
            desired: Routes::new(),
            held: BTreeMap::new(),
            asked: BTreeSet::new(),
            unsent: 0,
            stopped: true,
            passive: false,
            hold_time: 90,
        }
    }

    fn step(&mut self, step: &Step) {
        let done = match step {
            Step::Start => {
                self.stopped = false;
                self.rig.input(Input::Start)
            }
            Step::Stop => {
                self.stopped = true;
                let text = ShutdownCommunication::default();
                self.rig.input(Input::Stop {
                    cease: Cease::ADMINISTRATIVE_SHUTDOWN,
                    text,
                })
            }
            Step::SetRoutes(chosen) => {
                self.desired = routes(chosen);
                self.rig.set_routes(self.desired.clone())
            }
            Step::SetHoldTime(seconds) => {
                self.hold_time = *seconds;
                self.set_config()
            }
            Step::SwitchPassive => {
                self.passive = !self.passive;
                self.set_config()
            }
            Step::Connected => match self.attempt.take() {
                Some(conn) => self.connect(conn),
                None => return,
            },
            Step::ConnectFailed => match self.attempt.take() {
                Some(conn) => self.rig.input(Input::ConnectFailed { conn }),
                None => return,
            },
            Step::Accepted => {
                self.accepted += 1;
                self.connect(ConnId::Incoming(self.accepted))
            }
            Step::Closed(nth) => match self.nth(*nth) {
                Some(conn) => self.rig.input(Input::Closed { conn }),
                None => return,
            },
            Step::Receive(nth, received) => match self.nth(*nth) {
                Some(conn) => self.receive(conn, *received),
                None => return,
            },
            Step::Stall => {
                self.rig.stalled = true;
                return;
            }
            Step::Flow => {
                self.rig.stalled = false;
                self.drained(usize::MAX)
            }
            Step::Drained(octets) => self.drained(*octets),
            Step::Pass(milliseconds) => self
                .rig
                .pass(std::time::Duration::from_millis(*milliseconds)),
        };
        self.follow(&done);
        self.check();
    }

    fn connect(&mut self, conn: ConnId) -> Done {
        self.open.insert(conn);
        self.rig.connect(conn)
    }

    fn set_config(&mut self) -> Done {
        let hold_time = HoldTime::from_secs(self.hold_time).unwrap();
        let builder = builder().hold_time(hold_time);
        let builder = if self.passive {
            builder.passive()
        } else {
            builder
        };
        self.rig.input(Input::SetConfig(builder.build().unwrap()))
    }

    fn drained(&mut self, octets: usize) -> Done {
        let octets = octets.min(self.unsent);
        self.unsent -= octets;
        match self.rig.session.established_connection() {
            Some(conn) => self.rig.input(Input::Drained { conn, octets }),
            None => Done::default(),
        }
    }

    fn receive(&mut self, conn: ConnId, received: Received) -> Done {
        let octets = match received {
            Received::Open => encoded(peer_open(PEER_AS, 20)),
            Received::WrongOpen => encoded(peer_open(Asn(64999), 20)),
            Received::Keepalive => keepalive(),
            Received::Update => empty_update(),
            Received::Notification => encoded(Notification::hold_timer_expired()),
            Received::Refresh => {
                if self.rig.session.established_connection() == Some(conn) {
                    let v4 = |prefix: &IpNet| prefix.addr().is_ipv4();
                    self.asked.extend(self.desired.prefixes().filter(v4));
                }
                encoded(RouteRefresh::new(
                    AfiSafi::IPV4_UNICAST,
                    RouteRefreshSubtype::REQUEST,
                ))
            }
            Received::Garbage => vec![0xa5; 30].into(),
        };
        self.rig.receive(conn, &octets)
    }

    fn nth(&self, nth: usize) -> Option<ConnId> {
        self.open.iter().nth(nth).copied()
    }

    /// Keeps track of what the session did.
    fn follow(&mut self, done: &Done) {
        for (conn, message) in &done.messages {
            assert!(
                self.open.contains(conn),
                "{message:?} on a connection that is not open"
            );
            if let Message::Update(update) = message {
                self.apply(update);
            }
            if self.rig.stalled {
                self.unsent += 100;
            }
        }
        for conn in &done.closes {
            self.open.remove(conn);
            self.attempt.take_if(|attempt| attempt == conn);
        }
        if let Some(conn) = done.connects.last() {
            self.attempt = Some(*conn);
        }
        if self.rig.session.state() != State::Established {
            self.held.clear();
            self.asked.clear();
            self.unsent = 0;
        }
    }

    fn apply(&mut self, update: &Update) {
        for prefix in update.withdrawn_prefixes() {
            assert!(
                self.held.remove(&prefix).is_some(),
                "{prefix} withdrawn that was never announced"
            );
        }
        for prefix in update.announced_prefixes() {
            let communities: BTreeSet<_> = update.attributes.communities().collect();
            let before = self.held.insert(prefix, communities.clone());
            let asked = self.asked.remove(&prefix);
            assert!(
                asked || before != Some(communities),
                "{prefix} announced twice"
            );
        }
    }

    fn check(&mut self) {
        let state = self.rig.session.state();
        assert!(
            self.rig.session.poll_output().is_none(),
            "no output after a drain"
        );
        assert!(
            self.open.len() <= 2,
            "at most two connections: {:?}",
            self.open
        );
        let deadline = self.rig.session.poll_timeout();
        assert!(
            deadline.is_none_or(|deadline| deadline > self.rig.now()),
            "a deadline in the past"
        );
        self.rig.session.handle_timeout(self.rig.now());
        assert!(
            self.rig.session.poll_output().is_none(),
            "an early timeout has no effect"
        );
        match state {
            State::Idle => {
                assert!(self.open.is_empty() && self.attempt.is_none());
                let wait = self.rig.deadline();
                assert!(
                    wait.is_none_or(|wait| wait <= seconds(60)),
                    "only the IdleHoldTimer: {wait:?}"
                );
                assert_eq!(wait.is_none(), self.stopped);
            }
            State::Connect => assert!(self.open.is_empty() && self.attempt.is_some()),
            State::Active => assert!(self.open.is_empty()),
            State::OpenSent | State::OpenConfirm => assert!(!self.open.is_empty()),
            State::Established => {
                let conn = self.rig.session.established_connection().unwrap();
                assert!(self.open.contains(&conn));
                if !self.rig.stalled {
                    self.check_held();
                }
            }
        }
    }

    /// With a transport that takes everything, the peer holds exactly what is desired.
    fn check_held(&self) {
        let community = |attributes: &Arc<PathAttributes>| attributes.communities().collect();
        let desired: BTreeMap<IpNet, BTreeSet<Community>> = self
            .desired
            .iter()
            .map(|(prefix, of)| (prefix, community(of)))
            .collect();
        assert_eq!(self.held, desired);
    }
}

fn routes(chosen: &[Option<u32>; PREFIXES.len()]) -> Routes {
    let route = |(prefix, community): (&&str, &Option<u32>)| {
        let attributes = PathAttributes::builder().communities([Community((*community)?)]);
        Some((
            prefix.parse().unwrap(),
            Arc::new(attributes.build().unwrap()),
        ))
    };
    PREFIXES.iter().zip(chosen).filter_map(route).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_session_keeps_its_promises_whatever_happens(steps in steps()) {
        let mut model = Model::new();
        for step in &steps {
            model.step(step);
        }
    }

    #[test]
    fn octets_from_anywhere_never_upset_a_session(octets in prop::collection::vec(any::<u8>(), 0..300)) {
        for state in [State::OpenSent, State::OpenConfirm, State::Established] {
            let mut rig = Rig::in_state(config(), state);
            rig.receive(crate::rig::OUTGOING, &octets);
            let framed = crate::rig::raw(bgp_wire::MessageType(1 + octets.len() as u8 % 5), &octets);
            let mut rig = Rig::in_state(config(), state);
            rig.receive(crate::rig::OUTGOING, &framed);
        }
    }
}
