//! A large cluster in virtual time: what its speakers send and write when something happens to all of them at once.
//!
//! Each node decides for itself, as its speaker would, and is forgotten before the next one: what the cluster costs is
//! added up, and what it holds in memory is one node. Time passes only where a speaker waits for its budget of writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bgp_wire::Asn;
use imbl::OrdMap;
use ipam::{IpRange, Pool, PoolName};
use ipnet::IpNet;
use planner::announcements::{Affected, Announcements};
use planner::config::{
    BgpAdvertisement, L2Advertisement, Peer, PeerAs, PoolPolicy, PoolSelection, Pools,
};
use planner::desired::{Desired, Route};
use planner::diff::{Change, diff_shared};
use planner::effect::{Effect, StatusAbout, StatusId};
use planner::endpoints::Endpoint;
use planner::names::{Interface, NodeName, ServiceKey};
use planner::observed::{Observed, SessionObserved};
use planner::service::{AddressField, Service, TrafficPolicy};
use planner::snapshot::Snapshot;
use planner::status::{Ledger, News, NodeStatus, Statuses};

/// How large the cluster is. One half of the Services is announced by layer 2, the other by BGP from the nodes of its
/// three endpoints (traffic policy Local).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Size {
    pub(crate) nodes: usize,
    pub(crate) services: usize,
    pub(crate) routers: u8,
}

/// What one event has cost the whole cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cost {
    /// Nodes on which anything is announced otherwise.
    pub(crate) nodes: usize,
    /// Addresses that some node answers for by ARP or NDP and did not.
    pub(crate) taken: usize,
    /// Prefixes in UPDATEs, over all sessions: those announced, and those withdrawn.
    pub(crate) announced: usize,
    pub(crate) withdrawn: usize,
    /// UPDATE messages that hold them.
    pub(crate) updates: usize,
    /// Status objects written or deleted at the API server, in all and by the busiest node.
    pub(crate) writes: usize,
    pub(crate) most_writes: usize,
    /// Those of them that are of BGPSessions.
    pub(crate) session_writes: usize,
    /// Events told.
    pub(crate) events: usize,
}

impl Cost {
    /// Until the last status is written, from when the nodes know what has happened. Routes and answers do not wait for it.
    pub(crate) fn settled_after(&self) -> Duration {
        let waiting = self.most_writes.saturating_sub(BURST);
        Duration::from_secs_f64(waiting as f64 / WRITES_A_SECOND)
    }

    fn add(&mut self, before: &View, now: &View, left_behind: &Statuses) {
        let (were, are) = (&before.desired, &now.desired);
        self.nodes += usize::from(were != are);
        let addresses = diff_shared(&were.addresses, &are.addresses);
        self.taken += addresses
            .filter(|change| matches!(change, Change::Add(..)))
            .count();
        for (name, peer) in &are.peers {
            let none = OrdMap::new();
            let routes = were.peers.get(name).map_or(&none, |peer| &peer.routes);
            self.add_updates(routes, &peer.routes);
        }
        let mut ids = now.news.statuses.clone();
        ids.extend(superseded(now, left_behind));
        let sessions = ids
            .iter()
            .filter(|id| matches!(id.about, StatusAbout::Session(_)));
        self.writes += ids.len();
        self.session_writes += sessions.count();
        self.most_writes = self.most_writes.max(ids.len());
        self.events += now.news.events.len();
    }

    fn add_updates(&mut self, before: &OrdMap<IpNet, Route>, now: &OrdMap<IpNet, Route>) {
        let mut withdrawn = 0;
        let mut announced = BTreeMap::new();
        for change in diff_shared(before, now) {
            match change {
                Change::Add(_, route) => *announced.entry(&route.attributes).or_insert(0) += 1,
                Change::Update(prefix, route) => {
                    if before.get(prefix).map(|route| &route.attributes) != Some(&route.attributes)
                    {
                        *announced.entry(&route.attributes).or_insert(0) += 1;
                    }
                }
                Change::Remove(..) => withdrawn += 1,
            }
        }
        self.withdrawn += withdrawn;
        self.announced += announced.values().sum::<usize>();
        let messages = announced.values().chain([&withdrawn]);
        self.updates += messages
            .map(|prefixes: &usize| prefixes.div_ceil(PREFIXES))
            .sum::<usize>();
    }
}

/// The statuses of other nodes that a node removes, since it answers for their Services now.
fn superseded(now: &View, left_behind: &Statuses) -> Vec<StatusId> {
    let mut ledger = Ledger::new(now.node.clone());
    for (id, body) in left_behind {
        ledger.show(id.clone(), Some(body.clone()));
    }
    let statuses = now.status.statuses();
    let new = now.news.statuses.iter();
    let new = new.filter(|id| is_layer2(id) && statuses.contains_key(*id));
    let services = new.filter_map(|id| id.about.service());
    let effects = services.flat_map(|service| ledger.supersede(service));
    let deleted = effects.filter_map(|effect| match effect {
        Effect::DeleteStatus { id } => Some(id),
        _ => None,
    });
    deleted.collect()
}

/// What happens, in turn, and what it costs.
pub(crate) fn run(size: Size) -> Vec<(&'static str, Cost)> {
    let started = cluster(size);
    let dead: BTreeSet<NodeName> = dead(size).map(node_name).collect();
    let mut bereft = started.clone();
    let mut lost = Affected {
        nodes: dead.clone(),
        ..Affected::default()
    };
    bereft.nodes.retain(|name, _| !dead.contains(name));
    for index in size.services / 2..size.services {
        let alive = hosts(size, index).filter(|node| !dead.contains(node));
        let key = service_key(index);
        bereft
            .endpoints
            .insert(key.clone(), alive.map(endpoint).collect());
        lost.services.insert(key);
    }
    let mut edited = bereft.clone();
    edited.config.pools = pools(size, Edit::BgpHalved);

    let mut seen = Announcements::new(node_name(1));
    seen.decide_anew(&started);
    let mut seen_bereft = seen.clone();
    seen_bereft.update(&bereft, &lost);
    let mut seen_edited = seen_bereft.clone();
    let edit = Affected {
        config: true,
        ..Affected::default()
    };
    seen_edited.update(&edited, &edit);

    let left_behind = left_behind(&seen, &started, &dead);
    let mut costs = [
        ("start", Cost::default()),
        ("10 % of the nodes gone", Cost::default()),
        ("half of a pool gone", Cost::default()),
    ];
    let nothing = Statuses::new();
    for node in started.nodes.keys() {
        let [(_, start), (_, loss), (_, edition)] = &mut costs;
        let unborn = View::unborn(node);
        let first = unborn.next(&seen, &started);
        start.add(&unborn, &first, &nothing);
        if dead.contains(node) {
            continue;
        }
        let second = first.next(&seen_bereft, &bereft);
        loss.add(&first, &second, &left_behind);
        let third = second.next(&seen_edited, &edited);
        edition.add(&second, &third, &nothing);
    }
    costs.to_vec()
}

/// The nodes that die.
pub(crate) fn dead(size: Size) -> impl Iterator<Item = usize> {
    (0..size.nodes).step_by(10)
}

/// The ServiceL2Status objects of nodes that cannot take them back.
fn left_behind(seen: &Announcements, snapshot: &Snapshot, dead: &BTreeSet<NodeName>) -> Statuses {
    let views = dead
        .iter()
        .map(|node| View::unborn(node).next(seen, snapshot));
    let statuses = views.flat_map(|view| view.status.statuses().clone());
    statuses.filter(|(id, _)| is_layer2(id)).collect()
}

fn is_layer2(id: &StatusId) -> bool {
    matches!(id.about, StatusAbout::Layer2(_))
}

/// One node: what it shall do, has done, and tells.
struct View {
    node: NodeName,
    desired: Desired,
    status: NodeStatus,
    /// What there is to write and to tell since the view before.
    news: News,
}

impl View {
    fn unborn(node: &NodeName) -> Self {
        Self {
            node: node.clone(),
            desired: Desired::default(),
            status: NodeStatus::new(node.clone(), &Statuses::new()),
            news: News::default(),
        }
    }

    /// The same node later on, with drivers that have done all they were told.
    fn next(&self, seen: &Announcements, snapshot: &Snapshot) -> Self {
        let desired = seen.of_other(snapshot, self.node.clone()).desired().clone();
        let sessions = desired.peers.iter().map(|(name, peer)| {
            let session = SessionObserved {
                sent: peer.routes.keys().copied().collect(),
                ..SessionObserved::default()
            };
            (name.clone(), session)
        });
        let observed = Observed {
            sessions: sessions.collect(),
            interfaces: BTreeSet::from([Interface::from("eth0")]),
            ..Observed::default()
        };
        let mut status = self.status.clone();
        let news = status.update(&desired, &observed);
        Self {
            node: self.node.clone(),
            desired,
            status,
            news,
        }
    }
}

/// What of the configuration is edited.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Edit {
    None,
    BgpHalved,
}

fn cluster(size: Size) -> Snapshot {
    let mut snapshot = Snapshot::default();
    snapshot.config.pools = pools(size, Edit::None);
    let of = |pool: &str| PoolSelection {
        names: BTreeSet::from([PoolName::from(pool)]),
        ..PoolSelection::default()
    };
    for index in 0..size.routers {
        let name = format!("router-{index}").into();
        snapshot.config.peers.insert(name, router(index));
    }
    let bgp = BgpAdvertisement {
        pools: of("bgp"),
        ..BgpAdvertisement::default()
    };
    snapshot.config.bgp_advertisements.insert("bgp".into(), bgp);
    let layer2 = L2Advertisement {
        pools: of("layer2"),
        ..L2Advertisement::default()
    };
    snapshot
        .config
        .l2_advertisements
        .insert("layer2".into(), layer2);
    for index in 0..size.nodes {
        snapshot.nodes.insert(node_name(index), Default::default());
    }
    for index in 0..size.services {
        let is_bgp = index >= size.services / 2;
        let service = Service {
            ingress: vec![AddressField::Ip(address(index))],
            traffic_policy: if is_bgp {
                TrafficPolicy::Local
            } else {
                TrafficPolicy::Cluster
            },
            ..Service::default()
        };
        let key = service_key(index);
        let endpoints = hosts(size, index).map(endpoint).collect();
        snapshot.endpoints.insert(key.clone(), endpoints);
        snapshot.services.insert(key, service.into());
    }
    snapshot
}

/// One pool for each half of the Services.
fn pools(size: Size, edit: Edit) -> Pools {
    let half = size.services / 2;
    let last = match edit {
        Edit::None => size.services,
        Edit::BgpHalved => half + half / 2,
    };
    let mut pools = Pools::default();
    for (name, first, last) in [("layer2", 0, half), ("bgp", half, last)] {
        let range = IpRange::try_new(address(first), address(last - 1));
        let pool = range
            .ok()
            .and_then(|range| Pool::try_new(name, [range]).ok());
        let inserted = pool.map(|pool| pools.insert(pool, PoolPolicy::default()));
        assert!(matches!(inserted, Some(Ok(()))), "pool {name}");
    }
    pools
}

fn router(index: u8) -> Peer {
    let address = IpAddr::from([192, 0, 2, index]);
    Peer::new(Asn(64512), PeerAs::External, address)
}

/// The nodes of a Service's three endpoints.
fn hosts(size: Size, service: usize) -> impl Iterator<Item = NodeName> {
    let nodes = (0..3).map(move |endpoint| (service * 7 + endpoint * 31) % size.nodes);
    nodes.map(node_name)
}

fn endpoint(node: NodeName) -> Endpoint {
    Endpoint {
        node: Some(node),
        ..Endpoint::default()
    }
}

fn node_name(index: usize) -> NodeName {
    format!("node-{index:04}").into()
}

fn service_key(index: usize) -> ServiceKey {
    ServiceKey::new("default", format!("service-{index:05}"))
}

/// Of 10.0.0.0/8, in order.
fn address(index: usize) -> IpAddr {
    let [.., b, c, d] = index.to_be_bytes();
    IpAddr::from([10, b, c, d])
}

impl fmt::Display for Cost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settled = self.settled_after().as_secs_f64();
        write!(
            f,
            "{:>6} {:>6} {:>9} {:>9} {:>8} {:>8} {:>9} {:>6} {:>8} {settled:>8.1} s",
            self.nodes,
            self.taken,
            self.announced,
            self.withdrawn,
            self.updates,
            self.writes,
            self.session_writes,
            self.most_writes,
            self.events,
        )
    }
}

/// How many status objects a speaker writes at once, and how many a second from then on.
const BURST: usize = 100;
const WRITES_A_SECOND: f64 = 20.0;

/// Prefixes in one UPDATE (RFC 4271 §4.3): a /32 takes 5 of its 4096 octets, the rest of the message about 80.
const PREFIXES: usize = 800;
