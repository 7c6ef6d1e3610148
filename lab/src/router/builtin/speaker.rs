//! The sessions of the built-in router, and what is made of their UPDATEs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};

use bgp_fsm::driver::{Hops, Listener, Password, Peer, Transport};
use bgp_fsm::{Event, PeerAs, PeerConfig, State};
use bgp_wire::{AfiSafi, Asn, Cease, FamilySet, RouterId};
use ipnet::IpNet;
use tokio::sync::mpsc;

use super::kernel::Kernel;
use super::rib::Rib;
use super::status::{SessionStatus, Status, since_epoch};
use super::update::Changes;
use crate::LabError;
use crate::router::{Config, Neighbour};

/// The port of BGP.
const PORT: u16 = 179;

/// Events of all sessions that wait; beyond that the sessions wait.
const EVENTS: usize = 1024;

/// A session's event, with the neighbour's address.
type SessionEvent = (IpAddr, Event);

/// The running router.
#[derive(Debug)]
pub(super) struct Speaker {
    rib: Rib,
    kernel: Kernel,
    sessions: BTreeMap<IpAddr, SessionStatus>,
    peers: Vec<Peer>,
    events: mpsc::Receiver<SessionEvent>,
    status_file: PathBuf,
    /// Keep listening as long as they are there.
    _listeners: [Listener; 2],
}

impl Speaker {
    /// Begins to listen for the neighbours.
    pub(super) async fn start(config: &Config, status_file: &Path) -> Result<Self, LabError> {
        let kernel = Kernel::open().await?;
        let listen = |address: IpAddr| {
            let address = SocketAddr::new(address, PORT);
            Listener::bind(address).map_err(LabError::io(format!("listening on {address}")))
        };
        let listeners = [
            listen(Ipv4Addr::UNSPECIFIED.into())?,
            listen(Ipv6Addr::UNSPECIFIED.into())?,
        ];
        let [ipv4, ipv6] = &listeners;
        let (sender, events) = mpsc::channel(EVENTS);
        let mut peers = Vec::new();
        for (seed, neighbour) in (0..).zip(&config.neighbours) {
            let peer = Peer::spawn(peer_config(config, neighbour)?, transport(neighbour)?, seed);
            tokio::spawn(forward(neighbour.address, peer.events(), sender.clone()));
            let listener = if neighbour.address.is_ipv4() {
                ipv4
            } else {
                ipv6
            };
            let added = listener.add(peer.acceptor());
            added.map_err(LabError::io(format!(
                "setting the password of {}",
                neighbour.address
            )))?;
            peers.push(peer);
        }
        let idle = |neighbour: &Neighbour| SessionStatus {
            neighbour: neighbour.address,
            established_at: None,
            last_error: None,
        };
        let sessions = config
            .neighbours
            .iter()
            .map(|neighbour| (neighbour.address, idle(neighbour)));
        let speaker = Self {
            rib: Rib::default(),
            kernel,
            sessions: sessions.collect(),
            peers,
            events,
            status_file: status_file.to_owned(),
            _listeners: listeners,
        };
        speaker.write_status()?;
        Ok(speaker)
    }

    /// Waits for events, and returns all that are there. Cancel-safe.
    pub(super) async fn next(&mut self) -> Vec<SessionEvent> {
        let mut events = Vec::new();
        self.events.recv_many(&mut events, EVENTS).await;
        events
    }

    /// Does what the events ask for, and tells about it.
    pub(super) async fn act(&mut self, events: Vec<SessionEvent>) -> Result<(), LabError> {
        let mut changed = BTreeSet::new();
        for (neighbour, event) in events {
            self.take(neighbour, event, &mut changed)?;
        }
        for prefix in changed {
            self.kernel.set(prefix, &self.rib.next_hops(prefix)).await?;
        }
        self.write_status()
    }

    /// Says goodbye to the neighbours and takes its routes out of the kernel.
    pub(super) async fn stop(mut self) -> Result<(), LabError> {
        for peer in self.peers {
            peer.shutdown(Cease::ADMINISTRATIVE_SHUTDOWN, "the lab's router ends")
                .await;
        }
        let prefixes: BTreeSet<IpNet> = self.rib.routes().map(|route| route.prefix).collect();
        for prefix in prefixes {
            self.kernel.set(prefix, &BTreeSet::new()).await?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        neighbour: IpAddr,
        event: Event,
        changed: &mut BTreeSet<IpNet>,
    ) -> Result<(), LabError> {
        let Some(session) = self.sessions.get_mut(&neighbour) else {
            return Ok(());
        };
        match event {
            Event::Established(_) => session.established_at = Some(since_epoch()),
            Event::Down { from, reason } => {
                session.last_error = Some(reason.to_string());
                if from == State::Established {
                    session.established_at = None;
                    changed.extend(self.rib.remove_peer(neighbour));
                }
            }
            Event::Update(update) => {
                self.update(Changes::of(&update, neighbour)?, neighbour, changed)
            }
            // The others tell of steps on the way, or of routes to be sent, of which there are none.
            _ => {}
        }
        Ok(())
    }

    /// Takes an UPDATE into the table, and notes its prefixes.
    fn update(&mut self, changes: Changes, neighbour: IpAddr, changed: &mut BTreeSet<IpNet>) {
        for prefix in changes.withdrawn {
            self.rib.remove(prefix, neighbour);
            changed.insert(prefix);
        }
        for route in changes.announced {
            changed.insert(route.prefix);
            self.rib.insert(route);
        }
    }

    fn write_status(&self) -> Result<(), LabError> {
        let status = Status {
            routes: self.rib.routes().cloned().collect(),
            sessions: self.sessions.values().cloned().collect(),
        };
        status.write(&self.status_file)
    }
}

/// The neighbours connect; this router only listens.
fn peer_config(config: &Config, neighbour: &Neighbour) -> Result<PeerConfig, LabError> {
    let invalid =
        |error: &dyn std::error::Error| LabError::Unexpected(format!("configuration: {error}"));
    let router_id = RouterId::try_from(config.router_id).map_err(|error| invalid(&error))?;
    let families = [
        (AfiSafi::IPV4_UNICAST, neighbour.carries_ipv4()),
        (AfiSafi::IPV6_UNICAST, neighbour.carries_ipv6()),
    ];
    let carried = families.into_iter().filter(|(_, is_carried)| *is_carried);
    let families: FamilySet = carried.map(|(family, _)| family).collect();
    let builder = PeerConfig::builder(
        Asn(config.asn),
        PeerAs::Exactly(Asn(neighbour.asn)),
        router_id,
    );
    builder
        .families(families)
        .passive()
        .build()
        .map_err(|error| invalid(&error))
}

fn transport(neighbour: &Neighbour) -> Result<Transport, LabError> {
    let mut transport = Transport::new(SocketAddr::new(neighbour.address, PORT));
    if let Some(source) = neighbour.multihop_from {
        let any = Hops::Multi(NonZeroU8::MAX);
        transport = transport.with_hops(any).with_source(source);
    }
    let Some(password) = &neighbour.password else {
        return Ok(transport);
    };
    let password = Password::try_new(password.as_str())
        .map_err(|error| LabError::Unexpected(error.to_string()))?;
    Ok(transport.with_password(password))
}

/// Puts the neighbour's address to its events, until the session or the router ends.
async fn forward(
    neighbour: IpAddr,
    mut events: mpsc::Receiver<Event>,
    sender: mpsc::Sender<SessionEvent>,
) {
    while let Some(event) = events.recv().await {
        if sender.send((neighbour, event)).await.is_err() {
            return;
        }
    }
}
