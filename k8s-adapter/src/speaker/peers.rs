//! BGP sessions: those that run are made those that are desired, and no other is touched.

use std::collections::BTreeMap;
use std::iter;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::Cease;
use futures_util::future::{self, FutureExt};
use imbl::OrdMap;
use ipnet::IpNet;
use planner::desired::{Desired, PeerDesired, PeerSession, Route, RouteAttributes};
use planner::diff::{Change, diff, diff_shared};
use planner::names::PeerName;
use planner::observed::SessionObserved;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

use super::drain::Audience;
use super::refusals::{Refusals, Refused};
use super::view::since_epoch;

/// Starts sessions: the engine in the product, a recorder in tests.
pub(super) trait Sessions: Send {
    /// A running session.
    type Session: Session;

    /// Starts a session without routes.
    ///
    /// # Errors
    /// The settings make no session.
    fn start(
        &mut self,
        peer: &PeerName,
        settings: &PeerSession,
    ) -> Result<Self::Session, SessionError>;
}

/// A running session. It connects, and connects again, by itself.
pub(super) trait Session: Send + 'static {
    /// Takes over other settings, as far as a running session can.
    ///
    /// # Errors
    /// The settings make no session; the session goes on with those it has.
    fn reconfigure(&mut self, settings: &PeerSession) -> Result<Reconfigured, SessionError>;

    /// What shall be advertised of these prefixes from now on; of all others what was before.
    fn update_routes<'a>(&mut self, changes: impl Iterator<Item = RouteChange<'a>>);

    /// Whether the peer has been told all of that: nothing is on its way any more. A peer that cannot be told counts as
    /// told.
    fn has_told(&self) -> bool;

    /// How the session is.
    fn observed(&self) -> &SessionObserved;

    /// Waits until [`Self::observed`] or [`Self::has_told`] is another. Cancel-safe.
    fn changed(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends the session with a Cease, and a text for the router's operator where the subcode takes one (RFC 9003).
    fn stop(self, cease: Cease, text: String) -> impl Future<Output = ()> + Send + 'static;
}

/// A prefix and the attributes that it is to be advertised with, if it is to be advertised.
pub(super) type RouteChange<'a> = (IpNet, Option<&'a Arc<RouteAttributes>>);

/// What became of new settings for a running session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reconfigured {
    /// They are in force. The session starts anew by itself if its OPEN is another now.
    Applied,
    /// They cannot be applied to what runs: stop it and start another.
    NeedsRestart,
}

/// Why settings make no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    /// The engine refuses them.
    #[error(transparent)]
    Config(#[from] bgp_fsm::ConfigError),
    /// The password is no key for TCP MD5.
    #[error(transparent)]
    Password(#[from] bgp_fsm::driver::PasswordError),
    /// The peer is to connect, and cannot.
    #[error(
        "the annotation ferrolb.io/passive says that the router connects, and nobody listens: start the speaker with \
         --bgp-listen ADDRESS:PORT, of the family of peerAddress"
    )]
    NobodyListens,
    /// Connections are told apart by the address that they come from.
    #[error("connections from {0} go to another BGPPeer's session")]
    AddressTaken(IpAddr),
    /// The listening socket does not take the password.
    #[error("connections of the router cannot be taken: {0}")]
    Listener(#[from] std::io::Error),
}

impl SessionError {
    /// Whether the same settings may be taken later.
    pub(super) const fn may_pass(&self) -> bool {
        match self {
            Self::Config(_) | Self::Password(_) | Self::NobodyListens => false,
            Self::AddressTaken(_) | Self::Listener(_) => true,
        }
    }
}

/// A session on its way out.
struct Stopping {
    task: JoinHandle<()>,
    /// How it is to others: down.
    observed: SessionObserved,
}

/// The node's sessions.
pub(super) struct Peers<S: Sessions> {
    sessions: S,
    running: BTreeMap<PeerName, S::Session>,
    /// Sessions on their way out. A peer is not started again before its old session is gone.
    stopping: BTreeMap<PeerName, Stopping>,
    /// Peers whose settings are refused; one that runs goes on with those it has.
    refusals: Refusals,
    desired: Arc<Desired>,
}

impl<S: Sessions> Peers<S> {
    /// No sessions yet; `sessions` starts them.
    pub(super) fn new(sessions: S) -> Self {
        Self {
            sessions,
            running: BTreeMap::new(),
            stopping: BTreeMap::new(),
            refusals: Refusals::default(),
            desired: Arc::default(),
        }
    }

    /// Makes `desired` what runs. What is the same as before is left alone.
    pub(super) fn apply(&mut self, desired: &Arc<Desired>) {
        let before = std::mem::replace(&mut self.desired, Arc::clone(desired));
        for change in diff(&before.peers, &desired.peers) {
            match change {
                Change::Add(peer, wanted) => self.start(peer, wanted),
                Change::Update(peer, wanted) => {
                    if let Some(was) = before.peers.get(peer) {
                        self.update(peer, was, wanted);
                    }
                }
                Change::Remove(peer, _) => {
                    info!(%peer, "session removed: no BGPPeer asks this node for it any more");
                    self.stop(peer, Cease::PEER_DECONFIGURED, "");
                }
            }
        }
    }

    /// Whether each router has been told all that it shall know.
    pub(super) fn have_told(&self) -> bool {
        self.running.values().all(Session::has_told)
    }

    /// Whether there are routers that hold routes of this node.
    pub(super) fn audience(&self) -> Audience {
        let mut running = self.running.values();
        if running.any(|session| !session.observed().sent.is_empty()) {
            Audience::Routers
        } else {
            Audience::Nobody
        }
    }

    /// Ends all sessions with `text`, for the routers' operators. Takes no longer than `limit`.
    pub(super) async fn shut_down(&mut self, text: &str, limit: Duration) {
        // A session that stops from here on has no successor.
        self.desired = Arc::default();
        let peers: Vec<PeerName> = self.running.keys().cloned().collect();
        for peer in peers {
            self.stop(&peer, Cease::ADMINISTRATIVE_SHUTDOWN, text);
        }
        let stopping = std::mem::take(&mut self.stopping).into_values();
        let stopped = future::join_all(stopping.map(|stopping| stopping.task));
        if timeout(limit, stopped).await.is_err() {
            warn!("not every session ended in time");
        }
    }

    /// Waits until [`Self::observed`] or [`Self::have_told`] is another. Starts the successors of sessions that have ended,
    /// and tries settings again that were refused. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        let sent = self
            .running
            .values_mut()
            .map(|session| session.changed().map(|()| None).boxed());
        let ended = self.stopping.iter_mut();
        let ended = ended.map(|(peer, stopping)| {
            let task = &mut stopping.task;
            task.map(|end| Some((peer.clone(), end))).boxed()
        });
        let again = self.refusals.poll_timeout();
        let again = async {
            match again {
                Some(at) => sleep_until(at).await,
                None => future::pending().await,
            }
            None
        };
        let (change, ..) = future::select_all(sent.chain(ended).chain([again.boxed()])).await;
        if let Some((peer, end)) = change {
            if let Err(error) = end {
                error!(%peer, %error, "session did not end as it should");
            }
            self.stopping.remove(&peer);
            self.start_after(&peer);
        }
        for peer in self.refusals.due(Instant::now()) {
            self.try_again(&peer);
        }
    }

    /// How each session is.
    pub(super) fn observed(&self) -> BTreeMap<PeerName, SessionObserved> {
        let running = self.running.iter();
        let running = running.map(|(peer, session)| (peer.clone(), session.observed().clone()));
        let stopping = self.stopping.iter();
        let stopping = stopping.map(|(peer, stopping)| (peer.clone(), stopping.observed.clone()));
        let mut observed: BTreeMap<_, _> = running.chain(stopping).collect();
        for (peer, refusal) in self.refusals.iter() {
            let absent = || SessionObserved {
                since: refusal.since,
                ..SessionObserved::default()
            };
            let session = observed.entry(peer.clone()).or_insert_with(absent);
            session.last_error = Some(refusal.last_error());
        }
        observed
    }

    /// The peers whose settings are refused, and why.
    pub(super) const fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    fn start(&mut self, peer: &PeerName, wanted: &PeerDesired) {
        if self.stopping.contains_key(peer) {
            return;
        }
        let settings = &wanted.session;
        match self.sessions.start(peer, settings) {
            Ok(mut session) => {
                let (address, port, routes) =
                    (settings.address, settings.port, wanted.routes.len());
                info!(%peer, %address, port, local_as = %settings.local_as, routes, "session started");
                session.update_routes(changes(&OrdMap::new(), &wanted.routes));
                self.running.insert(peer.clone(), session);
                self.refusals.end(peer);
            }
            Err(error) => self.refuse(peer, &error),
        }
    }

    /// Starts the successor of a session that has ended, and whatever was refused: the address may be free now.
    fn start_after(&mut self, ended: &PeerName) {
        let refused = self.refusals.iter().map(|(peer, _)| peer);
        let refused = refused.filter(|peer| *peer != ended);
        let peers: Vec<PeerName> = iter::once(ended).chain(refused).cloned().collect();
        for peer in &peers {
            self.try_again(peer);
        }
    }

    fn try_again(&mut self, peer: &PeerName) {
        let desired = Arc::clone(&self.desired);
        match desired.peers.get(peer) {
            Some(wanted) => self.settle(peer, wanted),
            None => self.refusals.end(peer),
        }
    }

    fn update(&mut self, peer: &PeerName, was: &PeerDesired, wanted: &PeerDesired) {
        if let Some(session) = self.running.get_mut(peer) {
            if was.routes != wanted.routes {
                info!(%peer, routes = wanted.routes.len(), "session has new routes");
                session.update_routes(changes(&was.routes, &wanted.routes));
            }
            if was.session == wanted.session {
                return;
            }
        }
        self.settle(peer, wanted);
    }

    /// Has a peer's session have its settings, whether or not it runs.
    fn settle(&mut self, peer: &PeerName, wanted: &PeerDesired) {
        let Some(session) = self.running.get_mut(peer) else {
            return self.start(peer, wanted);
        };
        match session.reconfigure(&wanted.session) {
            Ok(Reconfigured::Applied) => {
                info!(%peer, "session has new settings");
                self.refusals.end(peer);
            }
            Ok(Reconfigured::NeedsRestart) => {
                info!(%peer, "session restarts: its new settings cannot be applied to a running one");
                self.stop(peer, Cease::OTHER_CONFIGURATION_CHANGE, "");
            }
            Err(error) => self.refuse(peer, &error),
        }
    }

    fn refuse(&mut self, peer: &PeerName, error: &SessionError) {
        let refused = self
            .refusals
            .refuse(Instant::now(), since_epoch(), peer, error);
        if refused == Refused::Anew {
            error!(%peer, %error, "session settings refused");
        }
    }

    fn stop(&mut self, peer: &PeerName, cease: Cease, text: &str) {
        self.refusals.end(peer);
        if let Some(session) = self.running.remove(peer) {
            let observed = SessionObserved {
                last_error: session.observed().last_error.clone(),
                since: session.observed().since,
                initiative: session.observed().initiative,
                ..SessionObserved::default()
            };
            let task = tokio::spawn(session.stop(cease, text.to_owned()));
            self.stopping
                .insert(peer.clone(), Stopping { task, observed });
        }
    }
}

/// What is different between the routes of before and those of now.
fn changes<'a>(
    before: &'a OrdMap<IpNet, Route>,
    now: &'a OrdMap<IpNet, Route>,
) -> impl Iterator<Item = RouteChange<'a>> {
    diff_shared(before, now).map(|change| match change {
        Change::Add(prefix, route) | Change::Update(prefix, route) => {
            (*prefix, Some(&route.attributes))
        }
        Change::Remove(prefix, _) => (*prefix, None),
    })
}
