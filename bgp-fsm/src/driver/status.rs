//! How a session is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bgp_wire::{AfiSafi, Negotiated};
use tokio::time::Instant;

use crate::rib::Advertised;
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
    /// Counters.
    pub stats: Stats,
    /// Why the latest session or attempt that failed did so, in plain words.
    pub last_error: Option<String>,
}

impl Status {
    pub(super) fn idle(now: Instant) -> Self {
        Self {
            state: State::Idle,
            since: now,
            negotiated: None,
            local: None,
            remote: None,
            advertised: BTreeMap::new(),
            stats: Stats::default(),
            last_error: None,
        }
    }
}
