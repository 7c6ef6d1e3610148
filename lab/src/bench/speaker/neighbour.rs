//! The router of the bench: a BGP neighbour that notes what comes, and when.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::time::{Duration, Instant};

use bgp_fsm::driver::{Listener, Peer, Transport};
use bgp_fsm::{Event, PeerAs, PeerConfig, ReceivedUpdate, State};
use bgp_wire::{Asn, RouterId, Validated};
use ipnet::IpNet;
use tokio::runtime::Runtime;

use crate::wait::receive;
use crate::{LabError, Namespace};

/// Where it is; `objects.yaml` says the same.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);

/// Where the speaker is.
const SPEAKER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 11);

const ASN: Asn = Asn(64512);
const SPEAKER_ASN: Asn = Asn(64500);
const PORT: u16 = 179;

/// A neighbour in a namespace of its own, joined to that of the speaker.
#[derive(Debug)]
pub(super) struct Neighbour {
    news: Receiver<News>,
    session: Option<Session>,
    sessions: usize,
    latest: Instant,
    /// Ends first, so that nothing is left in the namespace.
    _runtime: Runtime,
    _namespace: Namespace,
}

/// What the present session has brought.
#[derive(Clone, Debug)]
pub(super) struct Session {
    /// When it became Established.
    pub(super) established: Instant,
    /// The UPDATE messages with routes or withdrawals.
    pub(super) updates: usize,
    /// What is announced and not withdrawn.
    pub(super) routes: BTreeSet<IpNet>,
}

/// Something that came, and when.
#[derive(Debug)]
struct News {
    at: Instant,
    what: What,
}

#[derive(Debug)]
enum What {
    Established,
    Ended,
    Update {
        withdrawn: Vec<IpNet>,
        announced: Vec<IpNet>,
    },
}

impl Neighbour {
    /// Joins a new namespace to that of the speaker, and listens in it.
    ///
    /// # Errors
    /// When the network cannot be built.
    pub(super) fn listen(speaker: &Namespace) -> Result<Self, LabError> {
        let namespace = Namespace::create("router")?;
        namespace.link("eth0", speaker, "eth0")?;
        namespace.ip(&format!("addr add {ADDRESS}/24 dev eth0"))?;
        speaker.ip(&format!("addr add {SPEAKER}/24 dev eth0"))?;
        let runtime = namespace.runtime()?;
        let (sender, news) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        runtime.spawn(async move {
            match open() {
                Ok((listener, peer)) => {
                    // Whoever waits for it has not gone.
                    let _ = ready.send(Ok(()));
                    follow(&peer, &sender).await;
                    drop(listener);
                }
                Err(error) => drop(ready.send(Err(error))),
            }
        });
        let no_answer = |_| LabError::Unexpected("a neighbour that does not start".to_owned());
        is_ready.recv().map_err(no_answer)??;
        Ok(Self {
            news,
            session: None,
            sessions: 0,
            latest: Instant::now(),
            _runtime: runtime,
            _namespace: namespace,
        })
    }

    /// Waits until the present session is as wanted (`None`: there is none), and tells when it came to be so.
    ///
    /// # Errors
    /// [`LabError::Timeout`] naming `what`, [`LabError::Interrupted`] after an interruption.
    pub(super) fn until(
        &mut self,
        what: &str,
        patience: Duration,
        is_wanted: impl Fn(Option<&Session>) -> bool,
    ) -> Result<Instant, LabError> {
        let deadline = Instant::now() + patience;
        while !is_wanted(self.session.as_ref()) {
            let timeout = || LabError::Timeout {
                what: what.to_owned(),
                after: patience,
            };
            let news = receive(&self.news, deadline)?;
            self.take(news.ok_or_else(timeout)?);
        }
        Ok(self.latest)
    }

    /// The present session.
    ///
    /// # Errors
    /// When there is none.
    pub(super) fn session(&self) -> Result<&Session, LabError> {
        let no_session = || LabError::Unexpected("a session that has ended".to_owned());
        self.session.as_ref().ok_or_else(no_session)
    }

    /// How many sessions there have been.
    pub(super) fn sessions(&mut self) -> usize {
        while let Ok(news) = self.news.try_recv() {
            self.take(news);
        }
        self.sessions
    }

    fn take(&mut self, News { at, what }: News) {
        self.latest = at;
        match (what, &mut self.session) {
            (What::Established, session) => {
                self.sessions += 1;
                *session = Some(Session {
                    established: at,
                    updates: 0,
                    routes: BTreeSet::new(),
                });
            }
            (What::Ended, session) => *session = None,
            (
                What::Update {
                    withdrawn,
                    announced,
                },
                Some(session),
            ) => {
                session.updates += 1;
                for prefix in withdrawn {
                    session.routes.remove(&prefix);
                }
                session.routes.extend(announced);
            }
            // Nothing comes without a session.
            (What::Update { .. }, None) => {}
        }
    }
}

/// Listens for the speaker.
fn open() -> Result<(Listener, Peer), LabError> {
    let invalid = |error: &dyn std::error::Error| LabError::Unexpected(error.to_string());
    let router_id = RouterId::try_from(ADDRESS).map_err(|error| invalid(&error))?;
    let config = PeerConfig::builder(ASN, PeerAs::Exactly(SPEAKER_ASN), router_id)
        .passive()
        .build()
        .map_err(|error| invalid(&error))?;
    let transport = Transport::new(SocketAddr::new(IpAddr::from(SPEAKER), PORT));
    let peer = Peer::spawn(config, transport, 0);
    let listener = Listener::bind(SocketAddr::new(IpAddr::from(ADDRESS), PORT))
        .map_err(LabError::io("listening for the speaker"))?;
    listener
        .add(peer.acceptor())
        .map_err(LabError::io("listening for the speaker"))?;
    Ok((listener, peer))
}

/// Passes on what comes, until nobody is interested.
async fn follow(peer: &Peer, news: &Sender<News>) {
    let mut events = peer.events();
    while let Some(event) = events.recv().await {
        let at = Instant::now();
        let what = match event {
            Event::Established(_) => Some(What::Established),
            Event::Down { from, .. } => (from == State::Established).then_some(What::Ended),
            Event::Update(update) => content(&update),
            // The others tell of steps on the way.
            _ => None,
        };
        if let Some(what) = what
            && news.send(News { at, what }).is_err()
        {
            return;
        }
    }
}

/// What an UPDATE says, unless that is nothing (End-of-RIB, RFC 4724 §2).
fn content(update: &ReceivedUpdate) -> Option<What> {
    let (withdrawn, announced): (Vec<IpNet>, Vec<IpNet>) = match update.validate().ok()? {
        Validated::Routes(routes) => (
            routes
                .withdrawals()
                .flat_map(|field| field.prefixes())
                .collect(),
            routes
                .announcements()
                .flat_map(|field| field.nlri.prefixes())
                .collect(),
        ),
        Validated::Withdraw(withdrawn) | Validated::DisableFamily(_, withdrawn) => {
            (withdrawn.prefixes().collect(), Vec::new())
        }
    };
    let says_something = !withdrawn.is_empty() || !announced.is_empty();
    says_something.then_some(What::Update {
        withdrawn,
        announced,
    })
}
