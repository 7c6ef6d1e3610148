//! The engine's sessions as the planner describes them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::sync::Arc;

use arp_ndp::driver::Links;
use bgp_fsm::driver::{Hops, Password, Peer, Status, Transport};
use bgp_fsm::{Advertised, AdvertisedRoutes, PeerAs, PeerConfig, Routes, Updates};
use bgp_wire::{AfiSafi, AsPath, Asn, Cease, FamilySet, NextHop, PathAttributes, RouterId};
use imbl::OrdMap;
use ipnet::IpNet;
use planner::config;
use planner::desired::{PeerSession, Route, RouteAttributes, Ttl};
use planner::family::Families;
use planner::names::{NodeName, PeerName};
use tokio::sync::watch;
use tracing::error;

use super::board::Board;
use super::peers::{Reconfigured, Session, SessionError, Sessions};
use super::router_id::router_id;

/// Sessions of the engine, over TCP.
#[derive(Debug)]
pub(super) struct BgpSessions {
    node: NodeName,
    links: watch::Receiver<Arc<Links>>,
    seed: u64,
    board: Board<PeerName, Status>,
}

impl BgpSessions {
    /// Sessions of this node. Its links tell the BGP identifier where none is given; the seed is for the jitter of
    /// timers: another on each node.
    pub(super) fn new(node: NodeName, links: watch::Receiver<Arc<Links>>, seed: u64) -> Self {
        let board = Board::default();
        Self {
            node,
            links,
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
        self.seed = self.seed.wrapping_add(1);
        let session = Peer::spawn(config, transport.clone(), self.seed);
        let status = session.status();
        self.board.show(peer.clone(), status.clone());
        Ok(BgpSession {
            name: peer.clone(),
            session,
            status,
            transport,
            local_as: settings.local_as,
            router_id: chosen,
            sent: Arc::default(),
        })
    }
}

/// One session of the engine.
#[derive(Debug)]
pub(super) struct BgpSession {
    name: PeerName,
    session: Peer,
    status: watch::Receiver<Status>,
    transport: Transport,
    /// What routes are prepended with.
    local_as: Asn,
    /// The identifier in use: one that was chosen stays, since another would need a new session.
    router_id: RouterId,
    sent: Arc<BTreeSet<IpNet>>,
}

impl Session for BgpSession {
    fn reconfigure(&mut self, settings: &PeerSession) -> Result<Reconfigured, SessionError> {
        let config = peer_config(settings, settings.router_id.unwrap_or(self.router_id))?;
        // Another local AS is another AS_PATH for the routes that the session has; its OPEN is another in any case.
        if transport(settings)? != self.transport || settings.local_as != self.local_as {
            return Ok(Reconfigured::NeedsRestart);
        }
        self.session.set_config(config);
        Ok(Reconfigured::Applied)
    }

    fn set_routes(&mut self, routes: &OrdMap<IpNet, Route>) {
        let encoded = encode(&self.name, self.local_as, routes);
        self.session.set_routes(encoded);
    }

    fn adj_rib_out(&self) -> Arc<BTreeSet<IpNet>> {
        Arc::clone(&self.sent)
    }

    /// The status also changes with every counter, which nobody here waits for.
    async fn changed(&mut self) {
        while self.status.changed().await.is_ok() {
            if self.take_over_sent() {
                return;
            }
        }
        // The task has ended, which it does not do by itself: a panic, reported as such.
        std::future::pending().await
    }

    async fn stop(self, cease: Cease, text: String) {
        self.session.shutdown(cease, &text).await;
    }
}

impl BgpSession {
    /// Brings `sent` up to date, and says whether it was not.
    fn take_over_sent(&mut self) -> bool {
        let status = self.status.borrow_and_update();
        let advertised = || status.advertised.values().filter_map(Advertised::routes);
        // IPv4 comes before IPv6 in the families as in the set.
        let prefixes = || advertised().flat_map(AdvertisedRoutes::prefixes);
        if prefixes().eq(self.sent.iter()) {
            return false;
        }
        self.sent = Arc::new(prefixes().copied().collect());
        true
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

/// The routes as the engine takes them. Routes of equal attributes share them; what depends on the session (ORIGIN, the
/// local AS that is in every AS_PATH, NEXT_HOP where none is given) is left to it.
fn encode(peer: &PeerName, local_as: Asn, routes: &OrdMap<IpNet, Route>) -> Routes {
    let mut encoded: BTreeMap<&RouteAttributes, Option<Arc<PathAttributes>>> = BTreeMap::new();
    let with_attributes = routes.iter().filter_map(|(prefix, route)| {
        let attributes = encoded
            .entry(&route.attributes)
            .or_insert_with(|| path_attributes(peer, local_as, &route.attributes));
        Some((*prefix, attributes.clone()?))
    });
    with_attributes.collect()
}

fn path_attributes(
    peer: &PeerName,
    local_as: Asn,
    attributes: &RouteAttributes,
) -> Option<Arc<PathAttributes>> {
    let prepended = std::iter::repeat_n(local_as, usize::from(attributes.as_path_prepend));
    let built = PathAttributes::builder()
        .as_path((attributes.as_path_prepend > 0).then(|| AsPath::sequence(prepended)))
        .next_hop(attributes.next_hop.map(NextHop::from))
        .med(attributes.med)
        .local_pref(attributes.local_pref)
        .communities(attributes.communities.iter().copied())
        .large_communities(attributes.large_communities.iter().copied())
        .build();
    // Only more communities than an attribute can hold come here.
    built
        .map(Arc::new)
        .inspect_err(|error| error!(%peer, %error, "routes cannot be announced"))
        .ok()
}

#[cfg(test)]
mod tests;
