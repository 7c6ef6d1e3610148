//! The session: four verbs around the states, the connections and the Adj-RIB-Out.

pub(crate) mod collision;
mod connection;
mod damping;
pub(crate) mod negotiate;
mod receive;
mod send;
mod transitions;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use bgp_wire::{AfiSafi, Cease, Negotiated, Notification};

pub(crate) use connection::{Connection, Phase};
use damping::Damping;

use crate::config::{Establishment, PeerConfig};
use crate::input::{ConnId, Input};
use crate::output::{DownReason, Event, Output};
use crate::rib::{AdjRibOut, Advertised};
use crate::routes::Routes;
use crate::state::{
    Command, State, Trigger, active, connect, established, idle, open_confirm, open_sent,
};
use crate::stats::Stats;
use crate::timer::{Timer, TimerTable};

/// The session with one peer: a machine without sockets and clock.
///
/// After each call of [`handle_input`](Self::handle_input) and [`handle_timeout`](Self::handle_timeout), call
/// [`poll_output`](Self::poll_output) until there is no more, and do what it says; then wait for input, at most until
/// [`poll_timeout`](Self::poll_timeout). A session begins Idle and does nothing before [`Input::Start`].
///
/// # Attributes
/// Routes are given with the attributes that all peers have in common. Each session adds:
///
/// * ORIGIN IGP, where none is given.
/// * AS_PATH: to a peer in another AS the local AS in front of what is given; to one in the same AS what is given, empty
///   if nothing is (RFC 4271 §5.1.2).
/// * The next hop: its own address of the route's family (RFC 4271 §5.1.3, RFC 2545 §3), for IPv4 the one given if one
///   is.
/// * LOCAL_PREF: to a peer in the same AS as given, else 100; never to others (RFC 4271 §5.1.5).
#[derive(Debug)]
pub struct Session {
    pub(crate) config: PeerConfig,
    rng: fastrand::Rng,
    /// Idle, Connect or Active: the state while there is no connection.
    waiting: State,
    /// The connection that was asked for.
    connecting: Option<ConnId>,
    next_conn: u64,
    /// At most two.
    pub(crate) connections: BTreeMap<ConnId, Connection>,
    /// ConnectRetryTimer and IdleHoldTimer; the others are those of a connection.
    pub(crate) timers: TimerTable,
    damping: Damping,
    desired: Routes,
    /// Of the connection that is Established, by family.
    ribs: BTreeMap<AfiSafi, AdjRibOut>,
    outputs: VecDeque<Output>,
    stats: Stats,
    last_error: Option<DownReason>,
}

impl Session {
    /// A session in Idle. The seed is that of the jitter of its timers; give each session its own.
    #[must_use]
    pub fn new(config: PeerConfig, seed: u64) -> Self {
        Self {
            config,
            rng: fastrand::Rng::with_seed(seed),
            waiting: State::Idle,
            connecting: None,
            next_conn: 0,
            connections: BTreeMap::new(),
            timers: TimerTable::default(),
            damping: Damping::default(),
            desired: Routes::new(),
            ribs: BTreeMap::new(),
            outputs: VecDeque::new(),
            stats: Stats::default(),
            last_error: None,
        }
    }

    /// Takes one input. One about a connection that the session does not have (any more) has no effect.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Start => self.command(now, Command::ManualStart),
            Input::Stop { cease, text } => {
                let notification = Notification::cease_with_text(cease, &text);
                self.stop_connections(now, || Trigger::ManualStop(notification.clone()));
                self.command(now, Command::ManualStop);
            }
            Input::SetRoutes(routes) => self.set_routes(routes),
            Input::SetConfig(config) => self.set_config(now, config),
            Input::RequestRefresh(family) => self.request_refresh(now, family),
            Input::Connected {
                conn, next_hops, ..
            } => self.connected(now, Connection::new(conn, next_hops)),
            Input::ConnectFailed { conn } => {
                if self.connecting == Some(conn) {
                    self.connecting = None;
                    self.command(now, Command::TcpConnectionFails);
                }
            }
            Input::Received { conn, octets } => self.receive(now, conn, octets),
            Input::Drained { conn, octets } => self.drained(now, conn, octets),
            Input::Closed { conn } => self.trigger(now, conn, Trigger::TcpConnectionFails),
        }
        self.pump(now);
    }

    /// Lets timers expire that are due at `now`. An early call has no effect.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(timer) = self.timers.expire(now) {
            match timer {
                Timer::ConnectRetry => self.command(now, Command::ConnectRetryTimerExpires),
                Timer::IdleHold => self.command(now, Command::IdleHoldTimerExpires),
                Timer::Hold | Timer::Keepalive | Timer::SendHold => {
                    debug_assert!(false, "timers of a connection")
                }
            }
        }
        while let Some((conn, timer)) = self.expired(now) {
            match timer {
                Timer::Hold => self.trigger(now, conn, Trigger::HoldTimerExpires),
                Timer::Keepalive => self.trigger(now, conn, Trigger::KeepaliveTimerExpires),
                Timer::SendHold => self.trigger(now, conn, Trigger::SendHoldTimerExpires),
                Timer::ConnectRetry | Timer::IdleHold => {
                    debug_assert!(false, "timers of the session")
                }
            }
        }
        self.pump(now);
    }

    /// The next thing to do or to know, until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connections = self
            .connections
            .values()
            .filter_map(|connection| connection.timers.next());
        connections.chain(self.timers.next()).min()
    }

    /// The state: with two connections that of the one that got further.
    #[must_use]
    pub fn state(&self) -> State {
        self.connections
            .values()
            .map(Connection::state)
            .max()
            .unwrap_or(self.waiting)
    }

    /// What was agreed on with the peer, while the session is Established.
    #[must_use]
    pub fn negotiated(&self) -> Option<&Arc<Negotiated>> {
        self.established().and_then(Connection::negotiated)
    }

    /// The settings it runs with.
    #[must_use]
    pub const fn config(&self) -> &PeerConfig {
        &self.config
    }

    /// What it has done so far.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        &self.stats
    }

    /// The routes that the peer shall know.
    #[must_use]
    pub const fn routes(&self) -> &Routes {
        &self.desired
    }

    /// Octets that the transport was given and has not taken, of the connection that is Established.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.established()
            .map_or(0, |connection| connection.undrained)
    }

    /// The connection that is Established.
    #[must_use]
    pub fn established_connection(&self) -> Option<ConnId> {
        self.established().map(|connection| connection.id)
    }

    /// Why the latest session or attempt that failed did so.
    #[must_use]
    pub const fn last_error(&self) -> Option<&DownReason> {
        self.last_error.as_ref()
    }

    /// What the peer has been told, by family: of each family that was negotiated, or that the configuration has.
    #[must_use]
    pub fn advertised(&self) -> BTreeMap<AfiSafi, Advertised> {
        let status = |family: AfiSafi| match (self.ribs.get(&family), self.negotiated()) {
            (Some(rib), _) => rib.advertised(),
            (None, Some(negotiated)) if negotiated.families().contains(family) => {
                Advertised::NoNextHop
            }
            (None, Some(_)) => Advertised::NotNegotiated,
            (None, None) => Advertised::NotEstablished,
        };
        self.config
            .families
            .iter()
            .map(|family| (family, status(family)))
            .collect()
    }

    pub(crate) const fn establishment(&self) -> Establishment {
        self.config.establishment
    }

    pub(crate) fn connection_state(&self, conn: ConnId) -> Option<State> {
        self.connections.get(&conn).map(Connection::state)
    }

    /// Lets something happen to the session as long as it has no connection.
    fn command(&mut self, now: Instant, command: Command) {
        match self.state() {
            State::Idle => idle::handle(self, now, command),
            State::Connect => connect::handle(self, now, command),
            State::Active => active::handle(self, now, command),
            // A start is ignored, a stop has reached the connections, an attempt that failed was a second one, and the
            // timers of the session do not run.
            State::OpenSent | State::OpenConfirm | State::Established => {}
        }
    }

    /// Lets something happen to a connection.
    pub(crate) fn trigger(&mut self, now: Instant, conn: ConnId, trigger: Trigger) {
        match self.connection_state(conn) {
            Some(State::OpenSent) => open_sent::handle(self, now, conn, trigger),
            Some(State::OpenConfirm) => open_confirm::handle(self, now, conn, trigger),
            Some(State::Established) => established::handle(self, now, conn, trigger),
            Some(State::Idle | State::Connect | State::Active) | None => {}
        }
    }

    /// A TCP connection is open. While another one has got further it is the second one of RFC 4271 §6.8, which the
    /// states OpenSent, OpenConfirm and Established take "until an OPEN message is received".
    fn connected(&mut self, now: Instant, connection: Connection) {
        let id = connection.id;
        match id {
            ConnId::Outgoing(_) if self.connecting == Some(id) => self.connecting = None,
            // Given up meanwhile: the session has closed it already.
            ConnId::Outgoing(_) => return,
            ConnId::Incoming(_) if self.connections.contains_key(&id) => return,
            ConnId::Incoming(_) => {}
        }
        match self.connections.len() {
            0 => self.command(now, Command::TcpConnected(Box::new(connection))),
            1 => self.open(now, connection),
            _ => self.refuse(id),
        }
    }

    fn expired(&mut self, now: Instant) -> Option<(ConnId, Timer)> {
        self.connections
            .values_mut()
            .find_map(|connection| Some((connection.id, connection.timers.expire(now)?)))
    }

    fn established(&self) -> Option<&Connection> {
        self.connections
            .values()
            .find(|connection| connection.state() == State::Established)
    }

    fn stop_connections(&mut self, now: Instant, trigger: impl Fn() -> Trigger) {
        let all: Vec<ConnId> = self.connections.keys().copied().collect();
        for conn in all {
            self.trigger(now, conn, trigger());
        }
    }

    /// Ends what the new settings would have made otherwise; all else goes on under them.
    fn set_config(&mut self, now: Instant, config: PeerConfig) {
        let open_changed = self.config.has_another_open(&config);
        let outdated = self.connections.values().filter(|connection| {
            let negotiated = connection.negotiated();
            negotiated.map_or(open_changed, |negotiated| {
                !negotiate::still_holds(negotiated, &config)
            })
        });
        let outdated: Vec<ConnId> = outdated.map(|connection| connection.id).collect();
        let establishment_changed = self.config.establishment != config.establishment;
        self.config = config;
        for conn in &outdated {
            let cease = Notification::cease(Cease::OTHER_CONFIGURATION_CHANGE);
            self.trigger(now, *conn, Trigger::AutomaticStop(cease));
        }
        if outdated.is_empty() && establishment_changed {
            self.command(now, Command::Reconfigured);
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
