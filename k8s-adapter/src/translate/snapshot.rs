//! All objects to one [`Snapshot`] that is kept up to date.

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::announcements::Affected;
use planner::effect::LastGoodVersions;
use planner::names::{NamespaceName, NodeName, ServiceKey};
use planner::overlap::{Overlap, Overlaps};
use planner::snapshot::{Options, Snapshot};

use super::configuration::{self, Configuration};
use super::endpoints::SliceIndex;
use super::error::{ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Reason};
use super::objects::ClusterObjects;
use super::stored::last_good_shown;
use super::{nodes, pools, reservations};

/// How to read the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateOptions {
    /// FerroLB's own namespace: configuration objects count there only.
    pub namespace: Arc<str>,
    /// What the planner is told of flags and environment.
    pub planner: Options,
}

/// Translates objects over and over: only what has changed since the last time. Remembers the last good version of each
/// configuration object.
#[derive(Debug)]
pub struct Translator {
    namespace: Arc<str>,
    /// What the snapshot is made from; `None` at first.
    seen: Option<ClusterObjects>,
    configuration: Configuration,
    slices: SliceIndex,
    snapshot: Snapshot,
    overlaps: Overlaps,
    errors: Vec<ConfigError>,
}

/// What an update has changed in the snapshot. The first one counts everything that is there as changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// The Services that have come, gone, or are not as they were.
    pub services: BTreeSet<ServiceKey>,
    /// The Services whose endpoints are not as they were.
    pub endpoints: BTreeSet<ServiceKey>,
    /// The Nodes that have come, gone, or are not as they were.
    pub nodes: BTreeSet<NodeName>,
    /// Whether the configuration in force is not as it was.
    pub config: bool,
    /// Whether configuration objects were looked at anew, so that errors and last good versions may not be as they were.
    pub reviewed: bool,
}

impl Changed {
    /// What of it announcements depend on.
    #[must_use]
    pub fn affected(&self) -> Affected {
        Affected {
            services: self.services.union(&self.endpoints).cloned().collect(),
            nodes: self.nodes.clone(),
            config: self.config,
        }
    }
}

/// Translates objects once, with no last good versions to fall back on.
#[must_use]
pub fn snapshot(
    objects: &ClusterObjects,
    options: &TranslateOptions,
) -> (Snapshot, Vec<ConfigError>) {
    let mut translator = Translator::new(options.clone());
    translator.update(objects);
    let overlaps = translator.overlaps();
    let mut errors = translator.errors;
    errors.extend(overlaps);
    (translator.snapshot, errors)
}

impl Translator {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(options: TranslateOptions) -> Self {
        Self {
            namespace: options.namespace,
            seen: None,
            configuration: Configuration::default(),
            slices: SliceIndex::default(),
            snapshot: Snapshot {
                options: options.planner,
                ..Snapshot::default()
            },
            overlaps: Overlaps::default(),
            errors: Vec::new(),
        }
    }

    /// Brings snapshot and errors up to date with the objects, in the time that it takes to find and translate those
    /// that are not as they were at the last update. The configuration is translated as a whole, if anything that it
    /// depends on has changed: its objects are few, and may conflict with one another.
    pub fn update(&mut self, objects: &ClusterObjects) -> Changed {
        let is_first = self.seen.is_none();
        let seen = self.seen.take().unwrap_or_default();
        if is_first {
            let stored = last_good_shown(objects, &self.namespace);
            self.configuration.restore(&stored, &self.namespace);
        }
        let (with_kept, kept) = self.configuration.keep_nodes(objects).unzip();
        let objects = with_kept.as_ref().unwrap_or(objects);
        let nodes = self.update_nodes(objects, &seen);
        let mut changed = Changed {
            services: self.update_services(objects, &seen),
            endpoints: self.update_endpoints(objects, &seen),
            nodes: nodes.names,
            config: is_first,
            reviewed: false,
        };
        let is_news = is_first
            || objects.errors != seen.errors
            || nodes.labels
            || configuration::has_changed(objects, &seen)
            || (self.configuration.selects_namespaces()
                && objects
                    .namespaces
                    .changed_since(&seen.namespaces)
                    .next()
                    .is_some());
        if is_news {
            let nodes = (&self.snapshot.nodes, kept.unwrap_or_default());
            let (config, errors) = self
                .configuration
                .translate(objects, nodes, &self.namespace);
            changed.config |= config != self.snapshot.config;
            self.snapshot.config = config;
            self.errors = errors;
            changed.reviewed = true;
        }
        if !objects.ip_address_pools.ptr_eq(&seen.ip_address_pools) {
            self.update_usage(objects);
        }
        if !objects.ip_reservations.ptr_eq(&seen.ip_reservations) {
            self.update_reservations(objects);
        }
        let ranges_changed = !objects.service_cidrs.ptr_eq(&seen.service_cidrs);
        if ranges_changed {
            self.update_service_ranges(objects);
        }
        if changed.config || !changed.nodes.is_empty() || ranges_changed {
            self.overlaps = Overlaps::new(&self.snapshot);
        } else {
            self.overlaps
                .update_services(&self.snapshot, &changed.services);
        }
        self.seen = Some(objects.clone());
        changed
    }

    /// The objects as the planner takes them.
    ///
    /// A configuration object at fault keeps its last good version in force; all others are as they are.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// FerroLB's own namespace.
    #[must_use]
    pub fn namespace(&self) -> &Arc<str> {
        &self.namespace
    }

    /// Everything that is wrong with the objects, the source's errors first.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// The pools in force whose addresses the cluster uses for something else, as warnings: only who owns them can tell
    /// whether that is meant.
    #[must_use]
    pub fn overlaps(&self) -> Vec<ConfigError> {
        let overlaps = self.overlaps.by_pool().into_iter();
        let error = |overlap: Overlap| {
            let name = ObjectName::new(Arc::clone(&self.namespace), overlap.pool.as_str());
            let seen = self.seen.as_ref();
            let object = seen.and_then(|seen| seen.ip_address_pools.entry(&name));
            ConfigError {
                origin: object.and_then(|object| object.origin.clone()),
                object: Some(ObjectRef::new(Kind::IPAddressPool, name)),
                field: "spec.addresses".to_owned(),
                reason: Reason::Overlap(overlap),
                effect: ErrorEffect::Warning,
            }
        };
        overlaps.map(error).collect()
    }

    /// The last good versions of the configuration objects, for a process that comes later. The first update takes up
    /// those that the objects show.
    #[must_use]
    pub fn last_good(&self) -> LastGoodVersions {
        self.configuration.last_good()
    }

    fn update_services(
        &mut self,
        objects: &ClusterObjects,
        seen: &ClusterObjects,
    ) -> BTreeSet<ServiceKey> {
        let mut changed = BTreeSet::new();
        for name in objects.services.changed_since(&seen.services) {
            let key = service_key(name);
            match objects.services.get(name) {
                Some(service) => self
                    .snapshot
                    .services
                    .insert(key.clone(), Arc::clone(service)),
                None => self.snapshot.services.remove(&key),
            };
            changed.insert(key);
        }
        changed
    }

    fn update_endpoints(
        &mut self,
        objects: &ClusterObjects,
        seen: &ClusterObjects,
    ) -> BTreeSet<ServiceKey> {
        let mut changed = self
            .slices
            .update(&objects.endpoint_slices, &seen.endpoint_slices);
        changed.retain(|key| {
            let now = self.slices.endpoints(key, &objects.endpoint_slices);
            let differs = self.snapshot.endpoints.get(key) != now.as_ref();
            match now {
                Some(endpoints) => self.snapshot.endpoints.insert(key.clone(), endpoints),
                None => self.snapshot.endpoints.remove(key),
            };
            differs
        });
        changed
    }

    fn update_nodes(&mut self, objects: &ClusterObjects, seen: &ClusterObjects) -> NodesChanged {
        let mut changed = NodesChanged::default();
        for name in objects.nodes.changed_since(&seen.nodes) {
            let (was, is) = (seen.nodes.get(name), objects.nodes.get(name));
            changed.labels |= was.map(|node| &node.labels) != is.map(|node| &node.labels);
            let key = NodeName::new(Arc::clone(&name.name));
            changed.names.insert(key.clone());
            match is {
                Some(node) => self.snapshot.nodes.insert(key, Arc::clone(node)),
                None => self.snapshot.nodes.remove(&key),
            };
        }
        changed
    }

    fn update_usage(&mut self, objects: &ClusterObjects) {
        let own = |(name, _): &(&ObjectName, _)| name.namespace == self.namespace;
        let pools = objects.ip_address_pools.iter().filter(own);
        self.snapshot.reported_usage = pools
            .filter_map(|(name, pool)| pools::reported_usage(name, &pool.value))
            .collect();
    }

    fn update_service_ranges(&mut self, objects: &ClusterObjects) {
        let ranges = objects.service_cidrs.iter();
        let ranges = ranges.map(|(name, object)| {
            let ranges = nodes::service_ranges(&object.value);
            (Arc::clone(&name.name), ranges)
        });
        self.snapshot.service_ranges = ranges.collect();
    }

    fn update_reservations(&mut self, objects: &ClusterObjects) {
        let own = |(name, _): &(&ObjectName, _)| name.namespace == self.namespace;
        let reservations = objects.ip_reservations.iter().filter(own);
        self.snapshot.reported_reservations = reservations
            .filter_map(|(name, object)| reservations::reported_status(name, &object.value))
            .collect();
    }
}

fn service_key(name: &ObjectName) -> ServiceKey {
    let namespace = NamespaceName::new(Arc::clone(&name.namespace));
    ServiceKey::new(namespace, Arc::clone(&name.name))
}

/// What has changed about the Nodes.
#[derive(Default)]
struct NodesChanged {
    names: BTreeSet<NodeName>,
    labels: bool,
}

#[cfg(test)]
mod tests;
