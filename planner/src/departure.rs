//! How a node takes leave of the routers.

use crate::names::NodeName;
use crate::snapshot::Snapshot;

/// How far a node has got with leaving: because it was asked to ([`DRAIN`](crate::node::DRAIN)), or because the process
/// ends. Whoever carries out the decisions walks from one to the next, and back when the node is to stay after all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Departure {
    /// It announces what it can.
    #[default]
    Staying,
    /// Its routes say that they will go: they carry the community GRACEFUL_SHUTDOWN (RFC 8326 §4.1), and the least
    /// LOCAL_PREF towards internal peers, so that routers move to others while these still work.
    Announced,
    /// It announces nothing by BGP. By layer 2 it keeps, where its Node says that it drains, what no other node could
    /// take over; else nothing.
    Gone,
}

impl Departure {
    /// Where a node gets to that is left alone: it is gone if it drains.
    #[must_use]
    pub fn settled(snapshot: &Snapshot, node: &NodeName) -> Self {
        let is_draining = snapshot
            .nodes
            .get(node)
            .is_some_and(|node| node.is_draining);
        if is_draining {
            Self::Gone
        } else {
            Self::Staying
        }
    }
}
