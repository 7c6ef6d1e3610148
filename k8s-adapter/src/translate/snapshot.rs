//! All objects to one [`Snapshot`].

use std::collections::BTreeMap;
use std::sync::Arc;

use planner::config::{BgpAdvertisement, Config, L2Advertisement, Peer, Pools};
use planner::names::{AdvertisementName, NodeName, ServiceKey};
use planner::node::Node;
use planner::snapshot::{Options, Snapshot};

use super::advertisements::{self, AcceptedBgp};
use super::communities::{self, Aliases, TranslatedAliases};
use super::error::{ConfigError, ErrorEffect, Kind, ObjectName, ObjectRef, Reason};
use super::last_good::{LastGood, Report};
use super::objects::ClusterObjects;
use super::pools::{self, TranslatedPool};
use super::{bfd, endpoints, nodes, peers, services};

/// How to read the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateOptions {
    /// FerroLB's own namespace: configuration objects count there only.
    pub namespace: Arc<str>,
    /// What the planner is told of flags and environment.
    pub planner: Options,
}

/// Translates objects over and over, and remembers the last good version of each configuration object.
#[derive(Debug)]
pub struct Translator {
    options: TranslateOptions,
    pools: LastGood<TranslatedPool>,
    communities: LastGood<TranslatedAliases>,
    peers: LastGood<Peer>,
    bgp_advertisements: LastGood<BgpAdvertisement>,
    l2_advertisements: LastGood<L2Advertisement>,
}

/// Translates objects once, with no last good versions to fall back on.
#[must_use]
pub fn snapshot(
    objects: &ClusterObjects,
    options: &TranslateOptions,
) -> (Snapshot, Vec<ConfigError>) {
    Translator::new(options.clone()).translate(objects)
}

impl Translator {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(options: TranslateOptions) -> Self {
        Self {
            options,
            pools: LastGood::default(),
            communities: LastGood::default(),
            peers: LastGood::default(),
            bgp_advertisements: LastGood::default(),
            l2_advertisements: LastGood::default(),
        }
    }

    /// The objects as the planner takes them, and everything that is wrong with them, the source's errors first.
    ///
    /// An object at fault keeps its last good version in force; all others are as they are.
    pub fn translate(&mut self, objects: &ClusterObjects) -> (Snapshot, Vec<ConfigError>) {
        let namespace = Arc::clone(&self.options.namespace);
        let mut report = Report {
            namespace: &namespace,
            errors: objects.errors.clone(),
        };
        let nodes = objects
            .nodes
            .iter()
            .map(|(name, node)| (node_name(name), nodes::translate(&node.value)));
        let nodes: BTreeMap<NodeName, Node> = nodes.collect();
        let config = self.config(objects, &nodes, &mut report);
        bfd::reject(&objects.bfd_profiles, &mut report);
        report
            .errors
            .extend(raw_frr_configuration(objects, &namespace));
        report
            .errors
            .extend(legacy_configuration(objects, &namespace));
        let services = objects.services.iter().map(|(name, service)| {
            let key = ServiceKey::new(&*name.namespace, name.name.clone());
            (key, services::translate(&service.value))
        });
        let own_pools = objects
            .ip_address_pools
            .iter()
            .filter(|(name, _)| name.namespace == namespace);
        let snapshot = Snapshot {
            config,
            services: services.collect(),
            nodes,
            endpoints: endpoints::translate(&objects.endpoint_slices),
            reported_usage: own_pools
                .filter_map(|(name, pool)| pools::reported_usage(name, &pool.value))
                .collect(),
            options: self.options.planner.clone(),
        };
        let mut errors = report.errors;
        locate(&mut errors, objects);
        (snapshot, errors)
    }

    fn config(
        &mut self,
        objects: &ClusterObjects,
        nodes: &BTreeMap<NodeName, Node>,
        report: &mut Report<'_>,
    ) -> Config {
        let mut pools = Pools::default();
        self.pools.bring_in_force(
            Kind::IPAddressPool,
            &objects.ip_address_pools,
            report,
            pools::translate,
            |name, pool, faults| pools::accept(name, pool, &mut pools, &objects.namespaces, faults),
        );
        let mut aliases = Aliases::default();
        self.communities.bring_in_force(
            Kind::Community,
            &objects.communities,
            report,
            |_, object, faults| communities::translate(object, faults),
            |name, translated, faults| aliases.accept(name, translated, faults),
        );
        let mut peers = peers::Accepted::new(nodes);
        self.peers.bring_in_force(
            Kind::BGPPeer,
            &objects.bgp_peers,
            report,
            |name, object, faults| peers::translate(name, object, &objects.secrets, faults),
            |name, peer, faults| peers.accept(name, peer, faults),
        );
        let mut bgp_advertisements = AcceptedBgp::new(&pools, nodes);
        self.bgp_advertisements.bring_in_force(
            Kind::BGPAdvertisement,
            &objects.bgp_advertisements,
            report,
            |_, object, faults| advertisements::translate_bgp(object, &aliases, &pools, faults),
            |name, advertisement, faults| bgp_advertisements.accept(name, advertisement, faults),
        );
        let bgp_advertisements = bgp_advertisements.into_advertisements();
        let mut l2_advertisements = BTreeMap::new();
        self.l2_advertisements.bring_in_force(
            Kind::L2Advertisement,
            &objects.l2_advertisements,
            report,
            |_, object, faults| Some(advertisements::translate_l2(object, faults)),
            |name, advertisement, _| {
                l2_advertisements.insert(
                    AdvertisementName::new(name.name.clone()),
                    advertisement.clone(),
                );
            },
        );
        Config {
            pools,
            peers: peers.into_peers(),
            bgp_advertisements,
            l2_advertisements,
        }
    }
}

/// Points errors that name a field to the line of that field.
fn locate(errors: &mut [ConfigError], objects: &ClusterObjects) {
    for error in errors.iter_mut().filter(|error| !error.field.is_empty()) {
        let object = error.object.as_ref();
        let lines = object.and_then(|object| objects.field_lines.get(object));
        let line = lines.and_then(|lines| lines.line_of(&error.field));
        if let (Some(origin), Some(line)) = (&mut error.origin, line) {
            origin.line = Some(line);
        }
    }
}

fn node_name(name: &ObjectName) -> NodeName {
    NodeName::new(name.name.clone())
}

/// The ConfigMap that configured MetalLB up to 0.12 (compat/metallb.md 1.13).
fn legacy_configuration(objects: &ClusterObjects, namespace: &Arc<str>) -> Option<ConfigError> {
    let name = ObjectName::new(Arc::clone(namespace), "config");
    let object = objects.config_maps.entry(&name)?;
    object.value.data.as_ref()?.get("config")?;
    Some(ConfigError {
        object: Some(ObjectRef::new(Kind::ConfigMap, name)),
        field: "data.config".to_owned(),
        reason: Reason::NotSupportedYet {
            field: "configuration by ConfigMap",
        },
        origin: object.origin.clone(),
        effect: ErrorEffect::OutOfForce,
    })
}

/// The ConfigMap with raw FRR configuration, if there is one that says anything (compat/metallb.md 1.12).
fn raw_frr_configuration(objects: &ClusterObjects, namespace: &Arc<str>) -> Option<ConfigError> {
    let name = ObjectName::new(Arc::clone(namespace), "bgpextras");
    let object = objects.config_maps.entry(&name)?;
    let extras = object.value.data.as_ref()?.get("extras")?;
    (!extras.trim().is_empty()).then(|| ConfigError {
        object: Some(ObjectRef::new(Kind::ConfigMap, name)),
        field: "data.extras".to_owned(),
        reason: Reason::RawFrrConfiguration,
        origin: object.origin.clone(),
        effect: ErrorEffect::OutOfForce,
    })
}
