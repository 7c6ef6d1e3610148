//! How a session is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bgp_wire::{AfiSafi, Negotiated};
use tokio::time::Instant;

use crate::rib::{Advertised, AdvertisedRoutes};
use crate::routes::Routes;
use crate::state::State;
use crate::stats::Stats;

/// How a session is at a moment.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Its state.
    pub state: State,
    /// Since when it is in it.
    pub since: Instant,
    /// What was agreed on, while the session is Established.
    pub negotiated: Option<Arc<Negotiated>>,
    /// The local end of the connection that is Established.
    pub local: Option<SocketAddr>,
    /// The peer's end.
    pub remote: Option<SocketAddr>,
    /// What the peer has been told, by family: the Adj-RIB-Out.
    pub advertised: BTreeMap<AfiSafi, Advertised>,
    /// The routes that the peer shall know, as the session was given them last.
    pub routes: Routes,
    /// Octets that are encoded and that the kernel has not taken yet.
    pub unsent: usize,
    /// Counters.
    pub stats: Stats,
    /// Why the latest session or attempt that failed did so, in plain words.
    pub last_error: Option<String>,
}

impl Status {
    /// Whether the peer has been told all that it shall know of `routes`: nothing waits here, neither to be encoded nor to
    /// be taken by the kernel. A session that is not Established has nobody to tell.
    #[must_use]
    pub fn has_told(&self, routes: &Routes) -> bool {
        let mut advertised = self.advertised.values().filter_map(Advertised::routes);
        self.state != State::Established
            || self.unsent == 0
                && self.routes.is_copy_of(routes)
                && advertised.all(|routes: &AdvertisedRoutes| routes.pending() == 0)
    }

    pub(super) fn idle(now: Instant) -> Self {
        Self {
            state: State::Idle,
            since: now,
            negotiated: None,
            local: None,
            remote: None,
            advertised: BTreeMap::new(),
            routes: Routes::new(),
            unsent: 0,
            stats: Stats::default(),
            last_error: None,
        }
    }
}
