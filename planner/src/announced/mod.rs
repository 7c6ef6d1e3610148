//! Whether a Service is announced by anybody, as the nodes' statuses and the configuration tell: the condition
//! [`ANNOUNCED`](crate::service::ANNOUNCED) of the Service.

mod contested;
mod obstacle;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipam::PoolName;

pub use self::contested::{Claims, Contested};
pub(crate) use self::obstacle::obstacle;
use crate::announcements::Affected;
use crate::effect::{ConditionStatus, StatusAbout, StatusBody, StatusId};
use crate::names::{NodeName, PeerName, ServiceKey};
use crate::service::{AddressCondition, Service};
use crate::snapshot::Snapshot;

/// Whether a Service is announced, and what its condition says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prospect {
    /// At least one node says that it announces it.
    Announced(AddressCondition),
    /// A host that is no speaker claims an address of it, whether or not a node announces it: the condition says who and
    /// where.
    Contested(AddressCondition),
    /// No node says so, and none can: the condition says why, and what would help.
    Blocked(AddressCondition),
    /// No node says so, though nothing is known to be in the way. What the condition says holds after a while.
    Awaited(AddressCondition),
}

impl Prospect {
    /// What the condition says.
    #[must_use]
    pub fn condition(&self) -> &AddressCondition {
        match self {
            Self::Announced(condition)
            | Self::Contested(condition)
            | Self::Blocked(condition)
            | Self::Awaited(condition) => condition,
        }
    }
}

/// What the nodes' statuses say of one Service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// The nodes that answer for it by ARP and NDP.
    layer2: BTreeSet<NodeName>,
    /// The nodes that announce it by BGP, and the peers that hold a prefix of it.
    bgp: BTreeMap<NodeName, BTreeSet<PeerName>>,
}

impl Heard {
    fn hear(&mut self, id: &StatusId, body: Option<&StatusBody>) {
        let node = id.node.clone();
        match (&id.about, body) {
            (StatusAbout::Layer2(_), Some(_)) => drop(self.layer2.insert(node)),
            (StatusAbout::Layer2(_), None) => drop(self.layer2.remove(&node)),
            (StatusAbout::Bgp(_), Some(StatusBody::Bgp { peers })) => {
                self.bgp.insert(node, peers.clone());
            }
            (StatusAbout::Bgp(_), _) => drop(self.bgp.remove(&node)),
            (StatusAbout::Session(_), _) => {}
        }
    }

    fn is_nothing(&self) -> bool {
        self.layer2.is_empty() && self.bgp.is_empty()
    }

    /// By which protocol from which nodes, such as `by BGP from 3 nodes to 2 peers; by layer 2 from node1`.
    fn summary(&self) -> String {
        let peers: BTreeSet<&PeerName> = self.bgp.values().flatten().collect();
        let bgp = (!self.bgp.is_empty()).then(|| {
            let nodes = several(self.bgp.keys(), "nodes");
            format!("by BGP from {nodes} to {}", several(peers, "peers"))
        });
        let layer2 = (!self.layer2.is_empty())
            .then(|| format!("by layer 2 from {}", several(&self.layer2, "nodes")));
        let parts: Vec<String> = bgp.into_iter().chain(layer2).collect();
        parts.join("; ")
    }
}

/// The name of one, the number of several.
fn several<N: ToString>(names: impl IntoIterator<Item = N>, of_what: &str) -> String {
    let mut names = names.into_iter();
    match (names.next(), names.count()) {
        (Some(one), 0) => one.to_string(),
        (_, others) => format!("{} {of_what}", others.saturating_add(1)),
    }
}

/// Whether a Service is announced, given what is heard of it and of its addresses; `None` for one that has no addresses of
/// ours.
#[must_use]
pub fn prospect(
    snapshot: &Snapshot,
    key: &ServiceKey,
    service: &Service,
    heard: Option<&Heard>,
    contested: &Contested,
) -> Option<Prospect> {
    let pool = pool_of(snapshot, service)?;
    let heard = heard.filter(|heard| !heard.is_nothing());
    if heard.is_none()
        && let Some(blocked) = obstacle(snapshot, key, service, service.addresses(), pool)
    {
        return Some(Prospect::Blocked(blocked));
    }
    let owners = heard.map(|heard| &heard.layer2);
    let owners = owners.filter(|owners| !owners.is_empty());
    // Whoever had the address before another node has it now may be dead, and cannot take back what it said.
    let counts = |node: &NodeName| {
        snapshot.nodes.contains_key(node) && owners.is_none_or(|owners| owners.contains(node))
    };
    let claimed = contested.about(service.addresses(), counts);
    Some(match (heard.map(Heard::summary), claimed) {
        (Some(summary), None) => {
            Prospect::Announced(condition(ConditionStatus::True, "Announced", summary))
        }
        (Some(summary), Some(claimed)) => {
            let message = format!("{summary}, but {claimed}");
            Prospect::Contested(condition(ConditionStatus::True, CONFLICT, message))
        }
        (None, Some(claimed)) => {
            let message = format!("allocated, but {claimed}");
            Prospect::Contested(condition(ConditionStatus::False, CONFLICT, message))
        }
        (None, None) => {
            let message = UNHEARD.to_owned();
            Prospect::Awaited(condition(ConditionStatus::False, "NotAnnounced", message))
        }
    })
}

fn condition(status: ConditionStatus, reason: &'static str, message: String) -> AddressCondition {
    AddressCondition {
        status,
        reason: Cow::Borrowed(reason),
        message,
    }
}

/// The pool of the addresses that a Service of ours has.
fn pool_of<'a>(snapshot: &'a Snapshot, service: &Service) -> Option<&'a PoolName> {
    let class = service.load_balancer_class.as_deref();
    if !snapshot.options.is_our_class(class) || service.ingress.is_empty() {
        return None;
    }
    let pools = snapshot.config.pools.addresses();
    Some(pools.pool_for(service.addresses()).ok()?.name())
}

/// The prospects of all Services, kept up to date at the cost of what has changed.
#[derive(Clone, Debug, Default)]
pub struct Prospects {
    heard: BTreeMap<ServiceKey, Heard>,
    contested: Contested,
    prospects: BTreeMap<ServiceKey, Prospect>,
}

/// What the nodes' speakers say now and did not before.
#[derive(Clone, Debug, Default)]
pub struct Testimony {
    /// Their status objects; `None`: such an object is no more.
    pub statuses: BTreeMap<StatusId, Option<StatusBody>>,
    /// Of each node that says something else, all that it says of claims to addresses.
    pub claims: BTreeMap<NodeName, Claims>,
}

impl Prospects {
    /// Takes up what has changed since the call before; what it says of Nodes and configuration concerns all Services.
    /// Returns the Services whose prospect is not as it was.
    pub fn update(
        &mut self,
        snapshot: &Snapshot,
        affected: &Affected,
        testimony: &Testimony,
    ) -> BTreeSet<ServiceKey> {
        let mut keys = affected.services.clone();
        for (id, body) in &testimony.statuses {
            if let Some(service) = id.about.service() {
                let heard = self.heard.entry(service.clone()).or_default();
                heard.hear(id, body.as_ref());
                if heard.is_nothing() {
                    self.heard.remove(service);
                }
                keys.insert(service.clone());
            }
        }
        let claims = testimony.claims.iter();
        let claimed: BTreeSet<IpAddr> = claims
            .flat_map(|(node, claims)| self.contested.hear(node, claims))
            .collect();
        if affected.config || !affected.nodes.is_empty() {
            keys.extend(snapshot.services.keys().cloned());
        } else if !claimed.is_empty() {
            let services = snapshot.services.iter();
            let having = services.filter(|(_, service)| {
                let mut addresses = service.addresses();
                addresses.any(|address| claimed.contains(&address))
            });
            keys.extend(having.map(|(key, _)| key.clone()));
        }
        keys.retain(|key| self.look_at(snapshot, key));
        keys
    }

    /// Whether a Service is announced; `None` for one that has no addresses of ours.
    #[must_use]
    pub fn get(&self, key: &ServiceKey) -> Option<&Prospect> {
        self.prospects.get(key)
    }

    /// Whether there is anything new about a Service.
    fn look_at(&mut self, snapshot: &Snapshot, key: &ServiceKey) -> bool {
        let service = snapshot.services.get(key);
        let heard = self.heard.get(key);
        let contested = &self.contested;
        let now = service.and_then(|service| prospect(snapshot, key, service, heard, contested));
        if self.prospects.get(key) == now.as_ref() {
            return false;
        }
        match now {
            Some(now) => drop(self.prospects.insert(key.clone(), now)),
            None => drop(self.prospects.remove(key)),
        }
        true
    }
}

/// What the condition gives as its reason where a host that is no speaker claims an address.
const CONFLICT: &str = "AddressConflict";
/// What it says where nobody is known to announce a Service, and nothing to be in the way.
const UNHEARD: &str = "allocated, but no node says that it announces it; see its events, the BGPSessions, the \
                       ConfigurationStates and the logs of the speakers";
