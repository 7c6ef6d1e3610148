//! What the ConfigMap says, as the objects of today.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, LabelSelectorRequirement, ObjectMeta,
};

use super::config_map::{
    AddressPool, BfdProfile, BgpAdvertisement, LegacyConfig, MatchExpression, NodeSelector, Peer,
    Protocol,
};
use super::names::object_name;
use super::{ConfigObject, Fault};
use crate::crd::{
    BFDProfile, BFDProfileSpec, BGPAdvertisement, BGPAdvertisementSpec, BGPPeer, BGPPeerSpec,
    Community, CommunityAlias, CommunitySpec, IPAddressPool, IPAddressPoolSpec, L2Advertisement,
    L2AdvertisementSpec, Password,
};
use crate::translate::Reason;

/// What a ConfigMap comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Converted {
    /// The objects, peers first.
    pub objects: Vec<ConvertedObject>,
    /// What has no object, and why, and what one should know.
    pub faults: Vec<Fault>,
}

/// An object and what it is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct ConvertedObject {
    /// The object.
    pub object: ConfigObject,
    /// The path of the key that it stands for, such as `peers[0]`.
    pub key: String,
}

impl LegacyConfig {
    /// The objects, with that metadata but for the name.
    #[must_use]
    pub fn convert(&self, metadata: &ObjectMeta) -> Converted {
        Converter::new(metadata.clone()).config(self)
    }
}

/// Converts one thing after another, all with names of their own.
#[derive(Debug)]
pub(super) struct Converter {
    metadata: ObjectMeta,
    pools: BTreeSet<String>,
    bgp_advertisements: usize,
    l2_advertisements: usize,
    converted: Converted,
}

impl Converter {
    pub(super) fn new(metadata: ObjectMeta) -> Self {
        Self {
            metadata,
            pools: BTreeSet::new(),
            bgp_advertisements: 0,
            l2_advertisements: 0,
            converted: Converted::default(),
        }
    }

    /// What the ConfigMap comes to.
    pub(super) fn config(&mut self, config: &LegacyConfig) -> Converted {
        for (index, peer) in config.peers.iter().flatten().enumerate() {
            self.peer(index, peer);
        }
        let pools = config.address_pools.iter().flatten().enumerate();
        let pools = pools.map(|(index, pool)| (format!("address-pools[{index}]"), pool));
        self.pools(pools);
        self.bfd_profiles(config.bfd_profiles.as_deref().unwrap_or_default());
        self.communities(config.bgp_communities.iter().flatten());
        std::mem::take(&mut self.converted)
    }

    /// What a pool by itself comes to; its keys are the paths within it.
    pub(super) fn pool(&mut self, pool: &AddressPool) -> Converted {
        self.pools([(String::new(), pool)].into_iter());
        std::mem::take(&mut self.converted)
    }

    fn metadata(&self, name: impl Into<String>) -> ObjectMeta {
        ObjectMeta {
            name: Some(name.into()),
            ..self.metadata.clone()
        }
    }

    fn add(&mut self, key: impl Into<String>, object: ConfigObject) {
        let key = key.into();
        self.converted.objects.push(ConvertedObject { object, key });
    }

    fn reject(&mut self, key: String, reason: Reason) {
        self.converted.faults.push(Fault::new(key, reason));
    }

    fn peer(&mut self, index: usize, peer: &Peer) {
        let key = format!("peers[{index}]");
        let hold_time = self.time(format!("{key}.hold-time"), peer.hold_time.as_deref());
        let keepalive_key = format!("{key}.keepalive-time");
        let keepalive_time = self.time(keepalive_key, peer.keepalive_time.as_deref());
        let (Ok(hold_time), Ok(keepalive_time)) = (hold_time, keepalive_time) else {
            return;
        };
        let spec = BGPPeerSpec {
            my_asn: peer.my_asn,
            peer_asn: Some(peer.peer_asn),
            peer_address: Some(peer.peer_address.clone()),
            source_address: given(peer.source_address.as_ref()),
            peer_port: peer.peer_port.filter(|port| *port != 0).unwrap_or(BGP_PORT),
            hold_time: Some(hold_time.unwrap_or(DEFAULT_HOLD_TIME).into()),
            keepalive_time: keepalive_time.map(Into::into),
            router_id: given(peer.router_id.as_ref()),
            node_selectors: peer
                .node_selectors
                .iter()
                .flatten()
                .map(node_selector)
                .collect(),
            password: Password(peer.password.clone().unwrap_or_default()),
            // A profile that does not exist is missed by its name; one without a name that could exist, too.
            bfd_profile: given(peer.bfd_profile.as_ref())
                .map(|name| object_name(&name).unwrap_or(name)),
            ebgp_multi_hop: peer.ebgp_multihop.unwrap_or_default(),
            ..BGPPeerSpec::default()
        };
        let metadata = self.metadata(format!("peer{}", index.saturating_add(1)));
        let peer = BGPPeer {
            metadata,
            spec,
            status: None,
        };
        self.add(key, ConfigObject::BGPPeer(Arc::new(peer)));
    }

    /// A time in Go's notation, of which the whole seconds count.
    fn time(&mut self, key: String, text: Option<&str>) -> Result<Option<Duration>, ()> {
        let Some(text) = text.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match kube::core::Duration::from_str(text) {
            Ok(time) if !time.is_negative() => {
                Ok(Some(Duration::from_secs(Duration::from(time).as_secs())))
            }
            _ => {
                let detail = format!("{text:?} is not a time: write 90s or 1m30s");
                self.reject(key, Reason::Invalid(detail));
                Err(())
            }
        }
    }

    /// The pools, then how they are announced.
    fn pools<'a>(&mut self, pools: impl Iterator<Item = (String, &'a AddressPool)>) {
        let mut taken = std::mem::take(&mut self.pools);
        let mut named = Vec::new();
        for (key, pool) in pools {
            let Some(name) = self.name(&key, &pool.name, &mut taken) else {
                continue;
            };
            let spec = IPAddressPoolSpec {
                addresses: pool.addresses.clone().unwrap_or_default(),
                auto_assign: pool.auto_assign.unwrap_or(true),
                avoid_buggy_ips: pool.avoid_buggy_ips.unwrap_or_default(),
                service_allocation: None,
            };
            let object = IPAddressPool {
                metadata: self.metadata(name.as_str()),
                spec,
                status: None,
            };
            self.add(key.as_str(), ConfigObject::IPAddressPool(Arc::new(object)));
            named.push((key, name, pool));
        }
        self.pools = taken;
        for (key, name, pool) in &named {
            if pool.protocol == Protocol::Bgp {
                self.bgp_advertisements(key, name, pool);
            }
        }
        for (key, name, pool) in &named {
            if pool.protocol == Protocol::Layer2 {
                self.l2_advertisement(key, name, pool);
            }
        }
    }

    /// The name of the object for an entry of that name.
    fn name(&mut self, entry: &str, name: &str, taken: &mut BTreeSet<String>) -> Option<String> {
        let key = join(entry, "name");
        let Some(new) = object_name(name) else {
            let detail = format!(
                "{name:?} cannot be made a name that Kubernetes takes: use letters, digits and '-'"
            );
            self.reject(key, Reason::Invalid(detail));
            return None;
        };
        if !taken.insert(new.clone()) {
            self.reject(key, Reason::Duplicate(format!("{new:?}")));
            return None;
        }
        if new != name {
            let renamed = Reason::Renamed { name: new.clone() };
            self.converted.faults.push(Fault::warning(key, renamed));
        }
        Some(new)
    }

    fn bgp_advertisements(&mut self, key: &str, pool_name: &str, pool: &AddressPool) {
        let entries = pool.bgp_advertisements.as_deref().unwrap_or_default();
        if entries.is_empty() {
            self.bgp_advertisement(key.to_owned(), pool_name, &BgpAdvertisement::default());
        }
        for (index, entry) in entries.iter().enumerate() {
            let key = join(key, &format!("bgp-advertisements[{index}]"));
            self.bgp_advertisement(key, pool_name, entry);
        }
    }

    fn bgp_advertisement(&mut self, key: String, pool_name: &str, entry: &BgpAdvertisement) {
        self.bgp_advertisements = self.bgp_advertisements.saturating_add(1);
        let whole = BGPAdvertisementSpec::default();
        let spec = BGPAdvertisementSpec {
            aggregation_length: entry.aggregation_length.unwrap_or(whole.aggregation_length),
            aggregation_length_v6: entry
                .aggregation_length_v6
                .unwrap_or(whole.aggregation_length_v6),
            local_pref: entry.localpref,
            communities: entry.communities.clone().unwrap_or_default(),
            ip_address_pools: vec![pool_name.to_owned()],
            ..whole
        };
        let object = BGPAdvertisement {
            metadata: self.metadata(format!("bgpadvertisement{}", self.bgp_advertisements)),
            spec,
            status: None,
        };
        self.add(key, ConfigObject::BGPAdvertisement(Arc::new(object)));
    }

    fn l2_advertisement(&mut self, key: &str, pool_name: &str, pool: &AddressPool) {
        if pool.bgp_advertisements.iter().flatten().next().is_some() {
            let detail = "a pool of protocol layer2 is not announced over BGP: remove it";
            let key = join(key, "bgp-advertisements");
            self.reject(key, Reason::Invalid(detail.to_owned()));
        }
        self.l2_advertisements = self.l2_advertisements.saturating_add(1);
        let spec = L2AdvertisementSpec {
            ip_address_pools: vec![pool_name.to_owned()],
            ..L2AdvertisementSpec::default()
        };
        let object = L2Advertisement {
            metadata: self.metadata(format!("l2advertisement{}", self.l2_advertisements)),
            spec,
            status: None,
        };
        self.add(key, ConfigObject::L2Advertisement(Arc::new(object)));
    }

    fn bfd_profiles(&mut self, profiles: &[BfdProfile]) {
        let mut taken = BTreeSet::new();
        for (index, profile) in profiles.iter().enumerate() {
            let key = format!("bfd-profiles[{index}]");
            let Some(name) = self.name(&key, &profile.name, &mut taken) else {
                continue;
            };
            let spec = BFDProfileSpec {
                receive_interval: profile.receive_interval,
                transmit_interval: profile.transmit_interval,
                detect_multiplier: profile.detect_multiplier,
                echo_interval: profile.echo_interval,
                echo_mode: profile.echo_mode,
                passive_mode: profile.passive_mode,
                minimum_ttl: profile.minimum_ttl,
            };
            let object = BFDProfile {
                metadata: self.metadata(name),
                spec,
                status: None,
            };
            self.add(key, ConfigObject::BFDProfile(Arc::new(object)));
        }
    }

    fn communities<'a>(&mut self, aliases: impl Iterator<Item = (&'a String, &'a String)>) {
        let communities: Vec<CommunityAlias> = aliases
            .map(|(name, value)| CommunityAlias {
                name: name.clone(),
                value: value.clone(),
            })
            .collect();
        if communities.is_empty() {
            return;
        }
        let object = Community {
            metadata: self.metadata("communities"),
            spec: CommunitySpec { communities },
            status: None,
        };
        self.add("bgp-communities", ConfigObject::Community(Arc::new(object)));
    }
}

/// The path of a key within the entry at `entry`.
fn join(entry: &str, key: &str) -> String {
    if entry.is_empty() {
        key.to_owned()
    } else {
        format!("{entry}.{key}")
    }
}

fn node_selector(selector: &NodeSelector) -> LabelSelector {
    let expressions = selector.match_expressions.iter().flatten();
    let expressions: Vec<_> = expressions.map(requirement).collect();
    LabelSelector {
        match_labels: selector
            .match_labels
            .clone()
            .filter(|labels| !labels.is_empty()),
        match_expressions: Some(expressions).filter(|list| !list.is_empty()),
    }
}

fn requirement(expression: &MatchExpression) -> LabelSelectorRequirement {
    LabelSelectorRequirement {
        key: expression.key.clone(),
        operator: expression.operator.clone(),
        values: expression.values.clone(),
    }
}

/// A text that says something.
fn given(text: Option<&String>) -> Option<String> {
    text.filter(|text| !text.is_empty()).cloned()
}

/// The port of BGP (RFC 4271 §8.2.1).
const BGP_PORT: u16 = 179;

/// The hold time of a peer that names none.
const DEFAULT_HOLD_TIME: Duration = Duration::from_secs(90);
