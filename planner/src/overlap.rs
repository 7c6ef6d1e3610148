//! Pools whose addresses the cluster uses for something else: addresses of Nodes, ranges of pods and of Services.
//!
//! Such a pool works in parts at best: what is announced for a Service is taken from a Node or a pod, or never leaves the
//! node. It stays in force, since only its users can tell whether they meant it (a range may be routed both ways, or
//! not be in use).

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipam::{IpRange, PoolName};

use crate::config::EXCLUDED_ADDRESSES;
use crate::names::{NodeName, ServiceKey};
use crate::service::{AddressField, Service};
use crate::snapshot::Snapshot;

/// Addresses of a pool that are used for something else. `Display` says what and what would help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// The pool.
    pub pool: PoolName,
    /// The range of the pool, what is excluded of it left out.
    pub range: IpRange,
    /// What its addresses are used for.
    pub with: Use,
    /// How many other uses of the same kind overlap the pool.
    pub others: usize,
}

/// What a cluster uses addresses for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// An address of a Node, internal or external.
    Node(NodeName, IpAddr),
    /// The range that the pods of a Node have their addresses from.
    Pods(NodeName, IpRange),
    /// A range of ClusterIPs, by the name of its ServiceCIDR.
    Services(Arc<str>, IpRange),
    /// The ClusterIP of a Service; looked at where the ranges are not known.
    ClusterIp(ServiceKey, IpAddr),
}

impl fmt::Display for Use {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node, address) => write!(f, "address {address} of Node {node}"),
            Self::Pods(node, range) => write!(f, "pod range {range} of Node {node}"),
            Self::Services(name, range) => write!(f, "range {range} of ServiceCIDR {name}"),
            Self::ClusterIp(service, address) => {
                write!(f, "ClusterIP {address} of Service {service}")
            }
        }
    }
}

impl fmt::Display for Overlap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} overlaps the {}", self.range, self.with)?;
        if self.others > 0 {
            write!(f, " and {} more like it", self.others)?;
        }
        write!(
            f,
            "; take these addresses out of the pool, or exclude them with the annotation {EXCLUDED_ADDRESSES}"
        )
    }
}

/// All overlaps, kept up to date as Services come and go.
#[derive(Clone, Debug, Default)]
pub struct Overlaps {
    /// What the pools hand out, by first address; no two ranges overlap.
    ranges: BTreeMap<IpAddr, (IpRange, PoolName)>,
    found: Vec<Overlap>,
    /// Services whose ClusterIPs are in a pool, where that is all there is to tell the ranges of ClusterIPs from.
    services: BTreeMap<ServiceKey, Vec<Overlap>>,
}

impl Overlaps {
    /// All of a snapshot.
    #[must_use]
    pub fn new(snapshot: &Snapshot) -> Self {
        let pools = snapshot.config.pools.addresses().iter();
        let ranges = pools.flat_map(|pool| {
            let ranges = pool.open_ranges();
            ranges.map(|range| (range.first(), (range, pool.name().clone())))
        });
        let mut overlaps = Self {
            ranges: ranges.collect(),
            ..Self::default()
        };
        for (name, node) in &snapshot.nodes {
            for address in &node.addresses {
                let range = (*address).into();
                overlaps.add(range, || Use::Node(name.clone(), *address));
            }
            for range in &node.pod_ranges {
                overlaps.add(*range, || Use::Pods(name.clone(), *range));
            }
        }
        for (name, ranges) in &snapshot.service_ranges {
            for range in ranges {
                overlaps.add(*range, || Use::Services(Arc::clone(name), *range));
            }
        }
        overlaps.update_services(snapshot, snapshot.services.keys());
        overlaps
    }

    /// Takes up the Services that have changed, come or gone. All else must be as it was.
    pub fn update_services<'a>(
        &mut self,
        snapshot: &Snapshot,
        changed: impl IntoIterator<Item = &'a ServiceKey>,
    ) {
        if !snapshot.service_ranges.is_empty() {
            return;
        }
        for key in changed {
            let service = snapshot.services.get(key);
            let found = service.map(|service| self.cluster_ips(key, service));
            match found.filter(|found| !found.is_empty()) {
                Some(found) => self.services.insert(key.clone(), found),
                None => self.services.remove(key),
            };
        }
    }

    /// One overlap for each pool and kind of use, by pool.
    #[must_use]
    pub fn by_pool(&self) -> Vec<Overlap> {
        let mut first: BTreeMap<(&PoolName, u8), Overlap> = BTreeMap::new();
        for overlap in self.found.iter().chain(self.services.values().flatten()) {
            let entry = first.entry((&overlap.pool, kind(&overlap.with)));
            entry
                .and_modify(|first| first.others += 1)
                .or_insert_with(|| overlap.clone());
        }
        first.into_values().collect()
    }

    fn add(&mut self, range: IpRange, with: impl Fn() -> Use) {
        let found = self.of(range, with);
        self.found.extend(found);
    }

    fn cluster_ips(&self, key: &ServiceKey, service: &Service) -> Vec<Overlap> {
        let addresses = service.cluster_ips.iter().filter_map(AddressField::ip);
        // A folder has no ClusterIPs; an unspecified address stands for one.
        let addresses = addresses.filter(|address| !address.is_unspecified());
        let found = addresses
            .map(|address| self.of(address.into(), || Use::ClusterIp(key.clone(), address)));
        found.flatten().collect()
    }

    /// The pools that have an address in common with a range, each with the first range of it that has.
    fn of(&self, range: IpRange, with: impl Fn() -> Use) -> Vec<Overlap> {
        // The ranges are apart, so that they end in the order in which they begin.
        let before = self.ranges.range(..=range.last()).rev();
        let overlapping = before.take_while(|(_, (other, _))| other.last() >= range.first());
        let first: BTreeMap<&PoolName, IpRange> = overlapping
            .map(|(_, (other, pool))| (pool, *other))
            .collect();
        let found = first.into_iter().map(|(pool, range)| Overlap {
            pool: pool.clone(),
            range,
            with: with(),
            others: 0,
        });
        found.collect()
    }
}

/// Uses of one kind are told together; kinds in this order.
const fn kind(with: &Use) -> u8 {
    match with {
        Use::Node(..) => 0,
        Use::Pods(..) => 1,
        Use::Services(..) | Use::ClusterIp(..) => 2,
    }
}
