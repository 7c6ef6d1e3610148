//! Which prefixes go to which peer, and with which attributes.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use ipam::{Family, PoolName};
use ipnet::IpNet;

use crate::bgp_grants::{Grants, PeerGrants};
use crate::config::BgpAdvertisement;
use crate::desired::{PeerDesired, PeerSession, Route, RouteAttributes};
use crate::eligible::{Unfit, fitness};
use crate::family::Families;
use crate::names::{AdvertisementName, NodeName, PeerName, ServiceKey};
use crate::node::Node;
use crate::service::TrafficPolicy;
use crate::snapshot::Snapshot;
use crate::subject::Subject;
use crate::verdict::{BgpAnnouncement, Conflict, NoMatch, NotOwner, PeerVerdict, Reason, Verdict};

/// The sessions and routes of one node, as they grow with each Service.
pub(crate) struct Bgp<'a> {
    snapshot: &'a Snapshot,
    me: &'a NodeName,
    fitness: Result<(), Unfit>,
    peers: BTreeMap<PeerName, PeerDesired>,
    advertisements: BTreeMap<&'a PoolName, OfPool<'a>>,
    grants: BTreeMap<(&'a PoolName, Vec<&'a AdvertisementName>), Rc<Grants>>,
}
