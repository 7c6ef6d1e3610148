//! What a node's drivers report.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ipnet::IpNet;

use crate::names::{Interface, PeerName};

/// What a node's drivers report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// For each peer, the prefixes in the Adj-RIB-Out: what it has really been sent. Empty while the session is down.
    pub adj_ribs_out: BTreeMap<PeerName, Arc<BTreeSet<IpNet>>>,
    /// The interfaces that layer 2 uses.
    pub interfaces: BTreeSet<Interface>,
}
