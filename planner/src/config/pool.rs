//! IPAddressPool.

use std::collections::{BTreeMap, BTreeSet};

use ipam::{Family, Pool, PoolName, PoolsError, Priority};

use crate::family::Families;
use crate::names::{NamespaceName, ServiceKey};
use crate::selector::{Labels, Selectors};
use crate::service::Service;

/// Annotation of an IPAddressPool: `true` hands out nothing new, so that the pool can be drained.
pub const DISABLED: &str = "ferrolb.io/disabled";
/// Annotation of an IPAddressPool: ranges that are handed out no more, written as those of the pool, with commas between.
pub const EXCLUDED_ADDRESSES: &str = "ferrolb.io/excluded-addresses";

/// All IPAddressPools: their addresses, no two of which overlap, and whom they serve.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pools {
    addresses: ipam::Pools,
    policies: BTreeMap<PoolName, PoolPolicy>,
}

impl Pools {
    /// Adds a pool. Its `pinned` is set from the policy.
    ///
    /// # Errors
    ///
    /// Its name is taken, or it overlaps a pool that is there; the set is then as before.
    pub fn insert(&mut self, mut pool: Pool, policy: PoolPolicy) -> Result<(), PoolsError> {
        let name = pool.name().clone();
        pool.pinned = policy
            .allocation
            .as_ref()
            .map(|allocation| allocation.priority);
        self.addresses.insert(pool)?;
        self.policies.insert(name, policy);
        Ok(())
    }

    /// The pools as the allocator takes them.
    #[must_use]
    pub fn addresses(&self) -> &ipam::Pools {
        &self.addresses
    }

    /// What there is to say about each pool beside its addresses.
    pub fn policies(&self) -> impl Iterator<Item = (&PoolName, &PoolPolicy)> {
        self.policies.iter()
    }

    /// The families of a pool's addresses; `None` when there is no such pool.
    #[must_use]
    pub fn families(&self, name: &PoolName) -> Option<Families> {
        let pool = self.addresses.get(name)?;
        match (pool.has_family(Family::V4), pool.has_family(Family::V6)) {
            (true, true) => Some(Families::Both),
            (true, false) => Some(Families::Ipv4),
            (false, true) => Some(Families::Ipv6),
            (false, false) => None,
        }
    }
}

/// What there is to say about a pool beside its addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PoolPolicy {
    /// Labels of the object, for the selectors of advertisements.
    pub labels: Labels,
    /// `serviceAllocation`: whom the pool serves; absent: everybody.
    pub allocation: Option<ServiceAllocation>,
}

/// `serviceAllocation` of an IPAddressPool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceAllocation {
    /// `priority`: the order among pools that serve a Service.
    pub priority: Priority,
    /// `namespaces` and `namespaceSelectors`.
    pub namespaces: NamespaceRule,
    /// `serviceSelectors`.
    pub services: Selectors,
}

impl ServiceAllocation {
    /// Whether the pool serves the Service: its namespace and its labels both match.
    #[must_use]
    pub fn admits(&self, key: &ServiceKey, service: &Service) -> bool {
        self.namespaces.admits(key.namespace()) && self.services.match_labels(&service.labels)
    }
}

/// Which namespaces a pool serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum NamespaceRule {
    /// All: neither `namespaces` nor `namespaceSelectors` is given.
    #[default]
    Any,
    /// Those listed and those that a selector matches now. Empty: none, since something was asked for and nothing is
    /// like it.
    Only(BTreeSet<NamespaceName>),
}

impl NamespaceRule {
    /// Whether the namespace is served.
    #[must_use]
    pub fn admits(&self, namespace: &NamespaceName) -> bool {
        match self {
            Self::Any => true,
            Self::Only(names) => names.contains(namespace),
        }
    }
}
