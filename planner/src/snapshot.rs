//! Everything that a decision is made from, at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipam::{IpRange, PoolName, ReservationName, Usage};

use crate::config::Config;
use crate::endpoints::Endpoints;
use crate::names::{NodeName, ServiceKey};
use crate::node::Node;
use crate::reservation::ReservationStatus;
use crate::service::Service;

/// Everything that a decision is made from, at one moment.
///
/// Nothing in it is looked up, waited for or remembered: two equal snapshots give equal decisions on every node.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The configuration in force.
    pub config: Config,
    /// Every Service, of whatever type and class. Shared, so that a clone costs the map and not what it holds.
    pub services: BTreeMap<ServiceKey, Arc<Service>>,
    /// Every Node.
    pub nodes: BTreeMap<NodeName, Arc<Node>>,
    /// The ranges of ClusterIPs, by the name of their ServiceCIDR; none where the cluster does not tell them.
    pub service_ranges: BTreeMap<Arc<str>, Vec<IpRange>>,
    /// The endpoints of each Service that has any.
    pub endpoints: BTreeMap<ServiceKey, Endpoints>,
    /// The usage that each pool's status shows now; read by the controller alone.
    pub reported_usage: BTreeMap<PoolName, Usage>,
    /// What each IPReservation's status says now; read by the controller alone.
    pub reported_reservations: BTreeMap<ReservationName, ReservationStatus>,
    /// How the process was started.
    pub options: Options,
}

/// What flags and environment say; the same on every node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `--lb-class`: the class of the Services that are ours; absent: those without a class.
    pub load_balancer_class: Option<String>,
    /// `--ignore-exclude-lb`.
    pub exclude_label: ExcludeLabel,
    /// `METALLB_BGP_TYPE`.
    pub bgp_defaults: BgpDefaults,
}

impl Options {
    /// Whether a Service of this class is ours.
    #[must_use]
    pub fn is_our_class(&self, class: Option<&str>) -> bool {
        self.load_balancer_class.as_deref() == class
    }
}

/// What becomes of nodes that carry [`EXCLUDE_LABEL`](crate::node::EXCLUDE_LABEL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExcludeLabel {
    /// They announce nothing.
    #[default]
    Respected,
    /// They announce like all others.
    Ignored,
}

/// Which of MetalLB's modes gives the defaults of a session. The engine is one and the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BgpDefaults {
    /// Hold time 90 s, the system's TTL, LOCAL_PREF 0 where none is given, both families in the OPEN.
    #[default]
    Native,
    /// Hold time 180 s, one hop to external peers, LOCAL_PREF 100 where none is given, the transport's family in the
    /// OPEN.
    Frr,
}
