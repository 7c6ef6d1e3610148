//! The engine's sessions as the planner describes them.

use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;

use arp_ndp::driver::Links;
use bgp_fsm::driver::{Hops, Password, Peer, Status, Transport};
use bgp_fsm::{PeerAs, PeerConfig, Updates};
use bgp_wire::{AfiSafi, Asn, Cease, FamilySet, RouterId};
use planner::config::{self, Establishment};
use planner::desired::{PeerSession, Ttl};
use planner::family::Families;
use planner::names::{NodeName, PeerName};
use planner::observed::SessionObserved;
use tokio::sync::watch;

use super::attributes::Encoder;
use super::board::Board;
use super::listeners::{Admission, Listeners};
use super::peers::{Reconfigured, RouteChange, Session, SessionError, Sessions};
use super::router_id::router_id;
use super::view::{Seen, View};

/// Sessions of the engine, over TCP.
#[derive(Debug)]
pub(super) struct BgpSessions {
    node: NodeName,
    links: watch::Receiver<Arc<Links>>,
    listeners: Listeners,
    seed: u64,
    board: Board<PeerName, Status>,
}

impl BgpSessions {
    /// Sessions of this node. Its links tell the BGP identifier where none is given; the seed is for the jitter of
    /// timers: another on each node.
    pub(super) fn new(
        node: NodeName,
        links: watch::Receiver<Arc<Links>>,
        listeners: Listeners,
        seed: u64,
    ) -> Self {
        let board = Board::default();
        Self {
            node,
            links,
            listeners,
            seed,
            board,
        }
    }

    /// The sessions that run.
    pub(super) fn board(&self) -> Board<PeerName, Status> {
        self.board.clone()
    }
}

impl Sessions for BgpSessions {
    type Session = BgpSession;

    fn start(
        &mut self,
        peer: &PeerName,
        settings: &PeerSession,
    ) -> Result<BgpSession, SessionError> {
        let given_or_chosen = settings.router_id;
        let chosen = given_or_chosen
            .unwrap_or_else(|| router_id(&self.node, settings, &self.links.borrow()));
        let config = peer_config(settings, chosen)?;
        let transport = transport(settings)?;
        self.listeners.check(settings)?;
        self.seed = self.seed.wrapping_add(1);
        let session = Peer::spawn(config.clone(), transport.clone(), self.seed);
        let admission = self.listeners.admit(settings.address, &session)?;
        let status = session.status();
        self.board.show(peer.clone(), status.clone());
        Ok(BgpSession {
            session,
            status,
            transport,
            listeners: self.listeners.clone(),
            admission,
            encoder: Encoder::new(peer.clone(), settings.local_as),
            local_as: settings.local_as,
            router_id: chosen,
            view: View::new(),
            config,
            told: true,
        })
    }
}

/// One session of the engine.
#[derive(Debug)]
pub(super) struct BgpSession {
    session: Peer,
    status: watch::Receiver<Status>,
    transport: Transport,
    listeners: Listeners,
    admission: Admission,
    encoder: Encoder,
    local_as: Asn,
    /// The identifier in use: where none is given any more it stays, since another would need a new session.
    router_id: RouterId,
    config: PeerConfig,
    view: View,
    told: bool,
}

impl Session for BgpSession {
    fn reconfigure(&mut self, settings: &PeerSession) -> Result<Reconfigured, SessionError> {
        let router_id = settings.router_id.unwrap_or(self.router_id);
        let config = peer_config(settings, router_id)?;
        // What a TCP connection is made with is made anew with it. Another local AS is another AS_PATH for the routes that the session has; its OPEN is another in any case.
        if transport(settings)? != self.transport || settings.local_as != self.local_as {
            return Ok(Reconfigured::NeedsRestart);
        }
        if settings.establishment == Establishment::Passive && self.admission.is_empty() {
            self.listeners.check(settings)?;
            self.admission = self.listeners.admit(settings.address, &self.session)?;
        }
        self.session.set_config(config.clone());
        self.config = config;
        self.router_id = router_id;
        Ok(Reconfigured::Applied)
    }

    fn update_routes<'a>(&mut self, changes: impl Iterator<Item = RouteChange<'a>>) {
        let changes = changes.map(|(prefix, attributes)| {
            let encoded = attributes.and_then(|attributes| self.encoder.encode(attributes));
            (prefix, encoded)
        });
        self.session.update_routes(changes);
        self.told = self.session.has_told();
    }

    fn has_told(&self) -> bool {
        self.session.has_told()
    }

    fn observed(&self) -> &SessionObserved {
        self.view.observed()
    }

    /// The status also changes with every counter, which nobody here waits for.
    async fn changed(&mut self) {
        while self.status.changed().await.is_ok() {
            let seen = self
                .view
                .update(&self.status.borrow_and_update(), &self.config);
            let told = self.session.has_told();
            let told = std::mem::replace(&mut self.told, told) != told;
            if seen == Seen::Other || told {
                return;
            }
        }
        // The task has ended, which it does not do by itself: a panic, reported as such.
        std::future::pending().await
    }

    async fn stop(self, cease: Cease, text: String) {
        // From here on the router is to be refused.
        drop(self.admission);
        self.session.shutdown(cease, &text).await;
    }
}

/// The settings as the engine takes them.
fn peer_config(settings: &PeerSession, router_id: RouterId) -> Result<PeerConfig, SessionError> {
    let peer_as = match settings.peer_as {
        config::PeerAs::Asn(asn) => PeerAs::Exactly(asn),
        config::PeerAs::Internal => PeerAs::Internal,
        config::PeerAs::External => PeerAs::External,
    };
    let families = [
        (Families::Ipv4, AfiSafi::IPV4_UNICAST),
        (Families::Ipv6, AfiSafi::IPV6_UNICAST),
    ];
    let offered = families
        .into_iter()
        .filter(|(family, _)| settings.families.union(*family) == settings.families);
    let mut builder = PeerConfig::builder(settings.local_as, peer_as, router_id)
        .hold_time(settings.hold_time)
        .families(offered.map(|(_, family)| family).collect::<FamilySet>())
        .updates(Updates::Discard);
    if settings.establishment == Establishment::Passive {
        builder = builder.passive();
    }
    if let Some(time) = settings.keepalive_time {
        builder = builder.keepalive_time(time);
    }
    if let Some(time) = settings.connect_time {
        builder = builder.connect_retry_time(time);
    }
    Ok(builder.build()?)
}

fn transport(settings: &PeerSession) -> Result<Transport, SessionError> {
    let mut transport =
        Transport::new(SocketAddr::new(settings.address, settings.port)).with_hops(match settings
            .ttl
        {
            Ttl::System => Hops::Any,
            Ttl::SingleHop => Hops::Single,
            Ttl::MultiHop => Hops::Multi(NonZeroU8::MAX),
        });
    if let Some(source) = settings.source {
        transport = transport.with_source(source);
    }
    if let Some(password) = &settings.password {
        transport = transport.with_password(Password::try_new(password.expose())?);
    }
    Ok(transport)
}

#[cfg(test)]
mod tests;
