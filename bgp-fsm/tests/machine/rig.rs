//! A session under test: every octet and every deadline in the hands of the test.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bgp_fsm::{
    ConnId, Event, Input, NextHops, Output, PeerAs, PeerConfig, PeerConfigBuilder, Routes, Session,
    State,
};
use bgp_wire::{
    AfiSafi, Asn, Capability, Framer, HoldTime, Message, MessageRef, MessageType, Notification,
    Open, PathAttributes, PeerKind, RouterId, SessionContext, ShutdownCommunication, Update,
    Validated,
};
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;
use testkit::Clock;

pub(crate) const LOCAL_AS: Asn = Asn(64500);
pub(crate) const PEER_AS: Asn = Asn(64501);
pub(crate) const OUTGOING: ConnId = ConnId::Outgoing(1);
pub(crate) const INCOMING: ConnId = ConnId::Incoming(1);

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn router_id(last: u8) -> RouterId {
    RouterId::try_new(Ipv4Addr::new(192, 0, 2, last)).unwrap()
}

/// An external session with defaults: our identifier is 192.0.2.10.
pub(crate) fn builder() -> PeerConfigBuilder {
    PeerConfig::builder(LOCAL_AS, PeerAs::Exactly(PEER_AS), router_id(10))
}

pub(crate) fn config() -> PeerConfig {
    builder().build().unwrap()
}

pub(crate) fn next_hops() -> NextHops {
    NextHops::new(
        Some(Ipv4Addr::new(198, 51, 100, 1)),
        Some("2001:db8::1".parse().unwrap()),
    )
}

/// The peer's OPEN: hold time 90 s, both families, identifier 192.0.2.`id`.
pub(crate) fn peer_open(asn: Asn, id: u8) -> Open {
    Open::new(asn, HoldTime::DEFAULT, router_id(id))
        .with_capability(Capability::RouteRefresh)
        .with_capability(Capability::Multiprotocol(AfiSafi::IPV4_UNICAST))
        .with_capability(Capability::Multiprotocol(AfiSafi::IPV6_UNICAST))
}

pub(crate) fn encoded(message: impl Into<Message>) -> Bytes {
    let mut out = BytesMut::new();
    message
        .into()
        .encode(&SessionContext::new(PeerKind::Ebgp), &mut out)
        .unwrap();
    out.freeze()
}

pub(crate) fn keepalive() -> Bytes {
    encoded(Message::Keepalive)
}

/// The smallest UPDATE: an End-of-RIB of IPv4.
pub(crate) fn empty_update() -> Bytes {
    encoded(Update::end_of_rib(AfiSafi::IPV4_UNICAST))
}

pub(crate) fn routes<'a>(prefixes: impl IntoIterator<Item = &'a str>) -> Routes {
    routes_with(prefixes, PathAttributes::default())
}

pub(crate) fn routes_with<'a>(
    prefixes: impl IntoIterator<Item = &'a str>,
    attributes: PathAttributes,
) -> Routes {
    let attributes = Arc::new(attributes);
    let route = |prefix: &str| (prefix.parse().unwrap(), Arc::clone(&attributes));
    prefixes.into_iter().map(route).collect()
}

pub(crate) fn prefix(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// What a session did in answer to one input.
#[derive(Debug, Default)]
pub(crate) struct Done {
    pub(crate) messages: Vec<(ConnId, Message)>,
    pub(crate) connects: Vec<ConnId>,
    pub(crate) closes: Vec<ConnId>,
    pub(crate) events: Vec<Event>,
}

impl Done {
    /// The messages in short: type, and code and subcode of a NOTIFICATION.
    pub(crate) fn summary(&self) -> Vec<String> {
        self.messages
            .iter()
            .map(|(_, message)| summary(message))
            .collect()
    }

    pub(crate) fn updates(&self) -> impl Iterator<Item = &Update> {
        self.messages
            .iter()
            .filter_map(|(_, message)| match message {
                Message::Update(update) => Some(update),
                _ => None,
            })
    }

    pub(crate) fn notification(&self) -> Option<&Notification> {
        self.messages.iter().find_map(|(_, message)| match message {
            Message::Notification(notification) => Some(notification),
            _ => None,
        })
    }

    /// "+prefix" and "-prefix" in the order of sending.
    pub(crate) fn changes(&self) -> Vec<String> {
        let withdrawn = |update: &Update| {
            update
                .withdrawn_prefixes()
                .map(|prefix| format!("-{prefix}"))
                .collect::<Vec<_>>()
        };
        let announced = |update: &Update| {
            update
                .announced_prefixes()
                .map(|prefix| format!("+{prefix}"))
                .collect::<Vec<_>>()
        };
        self.updates()
            .flat_map(|update| [withdrawn(update), announced(update)].concat())
            .collect()
    }
}

pub(crate) fn summary(message: &Message) -> String {
    match message {
        Message::Open(_) => "OPEN".to_owned(),
        Message::Update(_) => "UPDATE".to_owned(),
        Message::Keepalive => "KEEPALIVE".to_owned(),
        Message::RouteRefresh(_) => "ROUTE-REFRESH".to_owned(),
        Message::Notification(n) => format!("NOTIFICATION {}/{}", n.code.0, n.subcode),
        _ => "?".to_owned(),
    }
}

/// A session, a clock, and a transport that takes everything at once unless it is told to stall.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) session: Session,
    pub(crate) clock: Clock,
    pub(crate) next_hops: NextHops,
    pub(crate) stalled: bool,
    context: SessionContext,
}

impl Rig {
    pub(crate) fn new(config: PeerConfig) -> Self {
        Self {
            session: Session::new(config, 1),
            clock: Clock::new(),
            next_hops: next_hops(),
            stalled: false,
            context: SessionContext::new(PeerKind::Ebgp),
        }
    }

    /// A session that got as far as `state`, on the connection [`OUTGOING`] if it has one.
    pub(crate) fn in_state(config: PeerConfig, state: State) -> Self {
        let peer_as = match config.peer_as() {
            PeerAs::Exactly(asn) => asn,
            _ => PEER_AS,
        };
        let config = if state == State::Active {
            passive(&config)
        } else {
            config
        };
        let mut rig = Self::new(config);
        if state >= State::Connect {
            rig.input(Input::Start);
        }
        if state >= State::OpenSent {
            rig.connect(OUTGOING);
        }
        if state >= State::OpenConfirm {
            rig.receive(OUTGOING, &encoded(peer_open(peer_as, 20)));
        }
        if state >= State::Established {
            rig.receive(OUTGOING, &keepalive());
        }
        assert_eq!(rig.session.state(), state);
        rig
    }

    pub(crate) fn established() -> Self {
        Self::in_state(config(), State::Established)
    }

    pub(crate) fn now(&self) -> Instant {
        self.clock.now()
    }

    pub(crate) fn input(&mut self, input: Input<'_>) -> Done {
        self.session.handle_input(self.clock.now(), input);
        self.drain()
    }

    pub(crate) fn connect(&mut self, conn: ConnId) -> Done {
        self.input(Input::Connected {
            conn,
            local: "198.51.100.1:179".parse().unwrap(),
            remote: "198.51.100.2:179".parse().unwrap(),
            next_hops: self.next_hops,
        })
    }

    pub(crate) fn receive(&mut self, conn: ConnId, octets: &[u8]) -> Done {
        self.input(Input::Received { conn, octets })
    }

    pub(crate) fn set_routes(&mut self, routes: Routes) -> Done {
        self.input(Input::SetRoutes(routes))
    }

    pub(crate) fn stop(&mut self) -> Done {
        let cease = bgp_wire::Cease::ADMINISTRATIVE_SHUTDOWN;
        self.input(Input::Stop {
            cease,
            text: ShutdownCommunication::truncated("maintenance"),
        })
    }

    /// Lets time pass, with a call at each deadline, and returns what was done meanwhile.
    pub(crate) fn pass(&mut self, time: Duration) -> Done {
        let end = self.clock.now() + time;
        let mut all = Done::default();
        while let Some(deadline) = self
            .session
            .poll_timeout()
            .filter(|deadline| *deadline <= end)
        {
            self.clock.advance_to(deadline);
            self.session.handle_timeout(self.clock.now());
            let done = self.drain();
            all.messages.extend(done.messages);
            all.connects.extend(done.connects);
            all.closes.extend(done.closes);
            all.events.extend(done.events);
        }
        self.clock.advance_to(end);
        all
    }

    /// How long until the next deadline.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.session
            .poll_timeout()
            .map(|deadline| deadline - self.clock.now())
    }

    fn drain(&mut self) -> Done {
        let mut done = Done::default();
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Connect { conn } => done.connects.push(conn),
                Output::Close { conn } => done.closes.push(conn),
                Output::Transmit { conn, octets } => {
                    done.messages
                        .extend(self.decode(&octets).map(|message| (conn, message)));
                    if !self.stalled {
                        let octets = octets.len();
                        self.session
                            .handle_input(self.clock.now(), Input::Drained { conn, octets });
                    }
                }
                Output::Event(event) => done.events.push(event),
                _ => panic!("unknown output"),
            }
        }
        done
    }

    fn decode(&self, octets: &[u8]) -> impl Iterator<Item = Message> {
        let mut framer = Framer::new();
        framer.set_max_len(bgp_wire::MaxLen::Extended);
        framer.push(octets);
        let context = self
            .session
            .negotiated()
            .map_or(self.context, |negotiated| {
                let mut context = *negotiated.context();
                std::mem::swap(&mut context.send, &mut context.receive);
                context
            });
        std::iter::from_fn(move || {
            let frame = framer.next().expect("what is sent is well framed")?;
            Some(owned(&frame, &context))
        })
    }
}

fn owned(frame: &[u8], context: &SessionContext) -> Message {
    match MessageRef::decode(frame, context).expect("what is sent can be read") {
        MessageRef::Open(open) => Message::Open(open.to_owned()),
        MessageRef::Update(update) => {
            match update.validate(context).expect("what is sent is valid") {
                Validated::Routes(routes) if routes.findings().is_empty() => {
                    Message::Update(routes.to_owned())
                }
                fault => panic!("what is sent is malformed: {:?}", fault.findings()),
            }
        }
        MessageRef::Notification(notification) => Message::Notification(notification.to_owned()),
        MessageRef::Keepalive => Message::Keepalive,
        MessageRef::RouteRefresh(refresh) => Message::RouteRefresh(refresh.to_owned()),
        _ => panic!("unknown message"),
    }
}

/// The same settings, passive: such a session is Active as soon as it starts.
fn passive(config: &PeerConfig) -> PeerConfig {
    PeerConfig::builder(config.local_as(), config.peer_as(), config.router_id())
        .passive()
        .build()
        .unwrap()
}

/// A message of a given type and body.
pub(crate) fn raw(message_type: MessageType, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(19 + body.len()).unwrap();
    [
        &[0xff; 16][..],
        &length.to_be_bytes(),
        &[message_type.0],
        body,
    ]
    .concat()
}
