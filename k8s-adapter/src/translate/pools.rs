//! IPAddressPool (compat/metallb.md 1.1).

use std::collections::BTreeSet;

use ipam::{IpRange, Pool, PoolError, PoolName, PoolsError, Priority, Usage};
use planner::config::{
    DISABLED, EXCLUDED_ADDRESSES, NamespaceRule, PoolPolicy, Pools, ServiceAllocation,
};
use planner::names::NamespaceName;
use planner::selector::{Labels, Selectors};

use super::error::{Kind, ObjectName, ObjectRef, Reason};
use super::last_good::Faults;
use super::objects::Objects;
use super::selectors::selectors;
use crate::crd::{self, IPAddressPool};

/// A pool as its object alone tells; which namespaces its selectors match now is told by others.
#[derive(Clone, Debug)]
pub(super) struct TranslatedPool {
    pool: Pool,
    labels: Labels,
    allocation: Option<Allocation>,
}

#[derive(Clone, Debug)]
struct Allocation {
    priority: Priority,
    namespaces: BTreeSet<NamespaceName>,
    namespace_selectors: Selectors,
    services: Selectors,
}

impl TranslatedPool {
    /// Whether the labels of namespaces matter for it.
    pub(super) fn selects_namespaces(&self) -> bool {
        let allocation = self.allocation.as_ref();
        allocation.is_some_and(|allocation| !allocation.namespace_selectors.is_empty())
    }
}

/// Reads an IPAddressPool.
pub(super) fn translate(
    name: &ObjectName,
    object: &IPAddressPool,
    faults: &mut Faults,
) -> Option<TranslatedPool> {
    let spec = &object.spec;
    let mut ranges: Vec<IpRange> = Vec::with_capacity(spec.addresses.len());
    for (index, text) in spec.addresses.iter().enumerate() {
        ranges.extend(faults.check(format!("spec.addresses[{index}]"), text.parse::<IpRange>()));
    }
    let allocation = spec
        .service_allocation
        .as_ref()
        .map(|allocation| translate_allocation(allocation, faults));
    if ranges.len() != spec.addresses.len() {
        return None;
    }
    let mut pool = match Pool::try_new(&*name.name, ranges.iter().copied()) {
        Ok(pool) => pool,
        Err(PoolError::Overlap { first, second, .. }) => {
            let later = ranges
                .iter()
                .rposition(|range| *range == first || *range == second)
                .unwrap_or_default();
            let detail = format!("{first} and {second} overlap");
            faults.reject(format!("spec.addresses[{later}]"), Reason::Invalid(detail));
            return None;
        }
        Err(error) => {
            faults.reject("spec.addresses", Reason::Invalid(error.to_string()));
            return None;
        }
    };
    pool.auto_assign = spec.auto_assign;
    pool.avoid_buggy_ips = spec.avoid_buggy_ips;
    drain(&mut pool, object, faults);
    Some(TranslatedPool {
        pool,
        labels: object.metadata.labels.clone().unwrap_or_default(),
        allocation,
    })
}

/// What the annotations of a pool say of draining it: all of it, or some addresses.
fn drain(pool: &mut Pool, object: &IPAddressPool, faults: &mut Faults) {
    let annotations = object.metadata.annotations.as_ref();
    let annotation = |name| annotations.and_then(|annotations| annotations.get(name));
    match annotation(DISABLED).map(String::as_str) {
        None | Some("false") => {}
        Some("true") => pool.disabled = true,
        Some(other) => {
            let detail = format!("{other:?} is not a boolean; write \"true\" or \"false\"");
            faults.reject(
                format!("metadata.annotations[{DISABLED}]"),
                Reason::Invalid(detail),
            );
        }
    }
    let excluded = annotation(EXCLUDED_ADDRESSES).map(|text| text.trim());
    let excluded = excluded.into_iter().filter(|text| !text.is_empty());
    for text in excluded.flat_map(|text| text.split(',')) {
        let field = format!("metadata.annotations[{EXCLUDED_ADDRESSES}]");
        pool.exclude(faults.check(field, text.parse::<IpRange>()));
    }
}

fn translate_allocation(allocation: &crd::ServiceAllocation, faults: &mut Faults) -> Allocation {
    const FIELD: &str = "spec.serviceAllocation";
    faults.distinct(&format!("{FIELD}.namespaces"), &allocation.namespaces);
    Allocation {
        priority: Priority::new(allocation.priority.unwrap_or_default()),
        namespaces: allocation
            .namespaces
            .iter()
            .map(|name| NamespaceName::from(name.as_str()))
            .collect(),
        namespace_selectors: selectors(
            faults,
            &format!("{FIELD}.namespaceSelectors"),
            &allocation.namespace_selectors,
        ),
        services: selectors(
            faults,
            &format!("{FIELD}.serviceSelectors"),
            &allocation.service_selectors,
        ),
    }
}

/// Adds a pool to those in force, unless an older one has some of its addresses.
pub(super) fn accept(
    name: &ObjectName,
    translated: &TranslatedPool,
    pools: &mut Pools,
    namespaces: &Objects<Labels>,
    faults: &mut Faults,
) {
    let allocation = translated
        .allocation
        .as_ref()
        .map(|allocation| ServiceAllocation {
            priority: allocation.priority,
            namespaces: namespace_rule(allocation, namespaces),
            services: allocation.services.clone(),
        });
    let policy = PoolPolicy {
        labels: translated.labels.clone(),
        allocation,
    };
    match pools.insert(translated.pool.clone(), policy) {
        Ok(()) => {}
        Err(PoolsError::Overlap {
            range,
            other,
            other_range,
            ..
        }) => {
            let index = translated
                .pool
                .ranges()
                .iter()
                .position(|own| *own == range)
                .unwrap_or_default();
            let other = ObjectName::new(name.namespace.clone(), other.as_str());
            faults.reject(
                format!("spec.addresses[{index}]"),
                Reason::Conflict {
                    what: range.to_string(),
                    with: ObjectRef::new(Kind::IPAddressPool, other),
                    there: other_range.to_string(),
                },
            );
        }
        Err(error) => faults.reject("", Reason::Invalid(error.to_string())),
    }
}

/// Which namespaces a pool serves now.
fn namespace_rule(allocation: &Allocation, namespaces: &Objects<Labels>) -> NamespaceRule {
    if allocation.namespaces.is_empty() && allocation.namespace_selectors.is_empty() {
        return NamespaceRule::Any;
    }
    let matching = namespaces
        .iter()
        .filter(|(_, namespace)| allocation.namespace_selectors.any_matches(&namespace.value));
    let matching = matching.map(|(name, _)| NamespaceName::new(name.name.clone()));
    NamespaceRule::Only(
        allocation
            .namespaces
            .iter()
            .cloned()
            .chain(matching)
            .collect(),
    )
}

/// The usage that a pool's status shows.
pub(super) fn reported_usage(
    name: &ObjectName,
    object: &IPAddressPool,
) -> Option<(PoolName, Usage)> {
    let status = object.status.as_ref()?;
    let mut usage = Usage::default();
    usage.assigned_ipv4 = status.assigned_ipv4;
    usage.assigned_ipv6 = status.assigned_ipv6;
    usage.available_ipv4 = status.available_ipv4;
    usage.available_ipv6 = status.available_ipv6;
    Some((PoolName::new(name.name.clone()), usage))
}
