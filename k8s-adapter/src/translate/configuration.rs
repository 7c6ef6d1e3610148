//! The configuration objects to the planner's [`Config`].

use std::collections::BTreeMap;
use std::sync::Arc;

use kube::Resource;
use kube::core::object::HasSpec;
use planner::config::{
    BgpAdvertisement, BgpPolicy, Config, L2Advertisement, Peer, Pools, Reservation,
};
use planner::effect::LastGoodVersions;
use planner::names::{AdvertisementName, NodeName};
use planner::node::Node;
use serde::de::DeserializeOwned;

use super::advertisements::{self, AcceptedBgp};
use super::communities::{self, Aliases, TranslatedAliases};
use super::error::{ConfigError, Kind};
use super::kept_nodes::KeptNodes;
use super::last_good::{Held, LastGood, Report};
use super::objects::{ClusterObjects, Object, Objects};
use super::pools::{self, TranslatedPool};
use super::{bfd, frr, peers, policies, reservations, stored};
use crate::crd;
use crate::legacy::Overlay;

/// The last good version of each configuration object.
#[derive(Debug, Default)]
pub(super) struct Configuration {
    /// What was configured before there were such objects.
    legacy: Overlay,
    nodes: KeptNodes,
    pools: LastGood<crd::IPAddressPool, TranslatedPool>,
    reservations: LastGood<crd::IPReservation, Reservation>,
    communities: LastGood<crd::Community, TranslatedAliases>,
    peers: LastGood<crd::BGPPeer, Peer>,
    bgp_advertisements: LastGood<crd::BGPAdvertisement, BgpAdvertisement>,
    bgp_policies: LastGood<crd::BGPPolicy, BgpPolicy>,
    l2_advertisements: LastGood<crd::L2Advertisement, L2Advertisement>,
}

/// Whether objects differ in anything that the configuration is made from, save Nodes and Namespaces.
pub(super) fn has_changed(objects: &ClusterObjects, seen: &ClusterObjects) -> bool {
    differ(&objects.ip_address_pools, &seen.ip_address_pools, says_same)
        || differ(&objects.communities, &seen.communities, says_same)
        || differ(&objects.bgp_peers, &seen.bgp_peers, says_same)
        || differ(
            &objects.bgp_advertisements,
            &seen.bgp_advertisements,
            says_same,
        )
        || differ(&objects.bgp_policies, &seen.bgp_policies, says_same)
        || differ(
            &objects.l2_advertisements,
            &seen.l2_advertisements,
            says_same,
        )
        || differ(&objects.bfd_profiles, &seen.bfd_profiles, says_same)
        || differ(&objects.ip_reservations, &seen.ip_reservations, says_same)
        || differ(&objects.service_cidrs, &seen.service_cidrs, PartialEq::eq)
        || differ(&objects.secrets, &seen.secrets, PartialEq::eq)
        || differ(&objects.config_maps, &seen.config_maps, PartialEq::eq)
        || differ(
            &objects.frr_configurations,
            &seen.frr_configurations,
            says_same,
        )
        || objects.field_lines != seen.field_lines
}

/// Whether objects of a kind differ in identity, place or what `is_same` looks at.
fn differ<K>(now: &Objects<K>, earlier: &Objects<K>, is_same: impl Fn(&K, &K) -> bool) -> bool {
    let is_same = |one: &Object<K>, other: &Object<K>| {
        one.origin == other.origin
            && one.uid() == other.uid()
            && (Arc::ptr_eq(&one.value, &other.value) || is_same(&one.value, &other.value))
    };
    let mut pairs = now.iter().zip(earlier);
    !now.ptr_eq(earlier)
        && (now.len() != earlier.len()
            || !pairs.all(|((name, one), (other_name, other))| {
                name == other_name && is_same(one, other)
            }))
}

/// Whether two objects say the same to their reader: a status is our own writing.
fn says_same<K>(one: &K, other: &K) -> bool
where
    K: Resource + HasSpec<Spec: PartialEq>,
{
    let (meta, other_meta) = (one.meta(), other.meta());
    meta.creation_timestamp == other_meta.creation_timestamp
        && meta.labels == other_meta.labels
        && meta.annotations == other_meta.annotations
        && one.spec() == other.spec()
}

impl Configuration {
    /// Whether it depends on the labels of namespaces.
    pub(super) fn selects_namespaces(&self) -> bool {
        self.pools.values().any(TranslatedPool::selects_namespaces)
    }

    /// Takes the last good versions of an earlier process for its own, each if its object is still the same.
    pub(super) fn restore(&mut self, versions: &LastGoodVersions, namespace: &Arc<str>) {
        fn restore<K: Resource + DeserializeOwned, T>(
            into: &mut LastGood<K, T>,
            kind: Kind,
            (versions, namespace): (&LastGoodVersions, &Arc<str>),
        ) {
            into.restore(stored::of_kind(versions, kind, namespace));
        }
        let from = (versions, namespace);
        self.nodes.restore(versions);
        restore(&mut self.pools, Kind::IPAddressPool, from);
        restore(&mut self.reservations, Kind::IPReservation, from);
        restore(&mut self.communities, Kind::Community, from);
        restore(&mut self.peers, Kind::BGPPeer, from);
        restore(&mut self.bgp_advertisements, Kind::BGPAdvertisement, from);
        restore(&mut self.bgp_policies, Kind::BGPPolicy, from);
        restore(&mut self.l2_advertisements, Kind::L2Advertisement, from);
    }

    /// The last good versions, for a later process.
    pub(super) fn last_good(&self) -> LastGoodVersions {
        let mut versions = LastGoodVersions::default();
        self.nodes.store(&mut versions);
        let all = &mut versions;
        self.pools.store(Kind::IPAddressPool, all, |_, _| {});
        self.reservations.store(Kind::IPReservation, all, |_, _| {});
        self.communities.store(Kind::Community, all, |_, _| {});
        self.peers.store(Kind::BGPPeer, all, peers::put_in_password);
        self.bgp_advertisements.store(
            Kind::BGPAdvertisement,
            all,
            advertisements::put_in_communities,
        );
        self.bgp_policies
            .store(Kind::BGPPolicy, all, policies::put_in_communities);
        self.l2_advertisements
            .store(Kind::L2Advertisement, all, |_, _| {});
        versions
    }

    /// The objects together with the Nodes that the source could not read, and which these are; `None` if there is none.
    pub(super) fn keep_nodes(
        &mut self,
        objects: &ClusterObjects,
    ) -> Option<(ClusterObjects, Vec<Held>)> {
        self.nodes.lay_over(objects)
    }

    /// The configuration in force, and everything that is wrong: what the source could not read, and then what is wrong
    /// with the objects.
    pub(super) fn translate(
        &mut self,
        objects: &ClusterObjects,
        (nodes, kept): (&BTreeMap<NodeName, Arc<Node>>, Vec<Held>),
        namespace: &Arc<str>,
    ) -> (Config, Vec<ConfigError>) {
        let with_legacy = self.legacy.lay_over(objects, namespace);
        let objects = with_legacy.as_ref().unwrap_or(objects);
        let mut report = Report {
            namespace,
            unread: &objects.errors,
            errors: Vec::new(),
            held: kept,
        };
        let config = self.config(objects, nodes, &mut report);
        bfd::reject(&objects.bfd_profiles, &mut report);
        self.legacy.point_back(&mut report.errors);
        report.errors.extend(frr::rejections(objects, namespace));
        report.errors.extend(self.legacy.errors().iter().cloned());
        let mut errors = report.into_errors();
        locate(&mut errors, objects);
        (config, errors)
    }

    fn config(
        &mut self,
        objects: &ClusterObjects,
        nodes: &BTreeMap<NodeName, Arc<Node>>,
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
        let mut reservations = reservations::Accepted::default();
        self.reservations.bring_in_force(
            Kind::IPReservation,
            &objects.ip_reservations,
            report,
            |_, object, faults| reservations::translate(object, faults),
            |name, reservation, faults| reservations.accept(name, reservation, faults),
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
            |name, object, faults| peers::translate(name, object, objects, faults),
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
        let peers = peers.into_peers();
        let mut bgp_policies = policies::Accepted::new(&peers);
        self.bgp_policies.bring_in_force(
            Kind::BGPPolicy,
            &objects.bgp_policies,
            report,
            |_, object, faults| Some(policies::translate(object, &aliases, faults)),
            |name, policy, faults| bgp_policies.accept(name, policy, faults),
        );
        let bgp_policies = bgp_policies.into_policies();
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
            reservations: reservations.into_reservations(),
            peers,
            bgp_advertisements,
            bgp_policies,
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
