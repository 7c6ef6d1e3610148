//! `BGPPeer`: a router to hold a BGP session with. `v1beta2` is stored; the deprecated `v1beta1` is served and read.
#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats the type within a function"
)]

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::core::Duration;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EmptyStatus, is_false, rules};

/// The port of BGP (RFC 4271 §8.2.1).
pub const BGP_PORT: u16 = 179;

/// The desired state of a BGPPeer.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[kube(
    group = "metallb.io",
    version = "v1beta2",
    kind = "BGPPeer",
    plural = "bgppeers",
    namespaced,
    status = "EmptyStatus",
    derive = "PartialEq",
    doc = "A router to peer with over BGP.",
    validation = rules::has_spec(),
    printcolumn(name = "Address", type_ = "string", json_path = ".spec.peerAddress"),
    printcolumn(name = "ASN", type_ = "string", json_path = ".spec.peerASN"),
    printcolumn(name = "BFD Profile", type_ = "string", json_path = ".spec.bfdProfile"),
    printcolumn(
        name = "Multi Hops",
        type_ = "string",
        json_path = ".spec.ebgpMultiHop"
    )
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::one_kind_of_asn(),
    validation = rules::one_kind_of_peer(),
    validation = rules::one_password(),
    validation = rules::password_fits(),
    validation = rules::source_of_same_family(),
    validation = rules::keepalive_within_hold(),
    validation = rules::multi_hop_is_external()
)]
pub struct BGPPeerSpec {
    /// AS number of the local end of the session.
    #[serde(rename = "myASN")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    #[x_kube(validation = rules::asn())]
    pub my_asn: u32,
    /// AS number shown to this peer in place of `myASN` (local-as, without prepending `myASN`).
    #[serde(rename = "localASN", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4_294_967_295_i64))]
    pub local_asn: Option<u32>,
    /// AS number expected of the peer. Exactly one of `peerASN` and `dynamicASN` is set.
    #[serde(rename = "peerASN", default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 4_294_967_295_i64))]
    pub peer_asn: Option<u32>,
    /// Accepts any AS number that is the same as (`internal`) or different from (`external`) the local one.
    #[serde(
        rename = "dynamicASN",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub dynamic_asn: Option<DynamicAsn>,
    /// Address to connect to. Exactly one of `peerAddress` and `interface` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::address())]
    pub peer_address: Option<String>,
    /// Interface over which an unnumbered session is made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<String>,
    /// Address to connect from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::address())]
    pub source_address: Option<String>,
    /// Port to connect to.
    #[serde(default = "bgp_port")]
    #[schemars(range(min = 1, max = 16384))]
    pub peer_port: u16,
    /// Hold time to propose (RFC 4271 §4.2): zero, or at least three seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::hold_time())]
    pub hold_time: Option<Duration>,
    /// Time between KEEPALIVE messages; at most the hold time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::keepalive_time())]
    pub keepalive_time: Option<Duration>,
    /// Time between attempts to connect: whole seconds, 1 to 65535.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(
        validation = Rule::new("duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535")
            .message("connect time should be between 1 seconds to 65535"),
        validation = Rule::new("duration(self).getMilliseconds() % 1000 == 0")
            .message("connect time should contain a whole number of seconds")
    )]
    pub connect_time: Option<Duration>,
    /// BGP identifier to send to this peer, written as an IPv4 address.
    #[serde(rename = "routerID", default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::router_id())]
    pub router_id: Option<String>,
    /// Nodes that hold this session: those matched by any of the selectors; all nodes when there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub node_selectors: Vec<LabelSelector>,
    /// TCP MD5 password (RFC 2385). Not together with `passwordSecret`.
    #[serde(default, skip_serializing_if = "Password::is_empty")]
    pub password: Password,
    /// A `kubernetes.io/basic-auth` Secret in FerroLB's namespace whose key `password` holds the TCP MD5 password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<SecretReference>,
    /// Name of the BFDProfile to watch this peer with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd_profile: Option<String>,
    /// Lets the peer keep forwarding while the session restarts (RFC 4724). Cannot be changed later.
    #[serde(default, skip_serializing_if = "is_false")]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("EnableGracefulRestart cannot be changed after creation"))]
    pub enable_graceful_restart: bool,
    /// The peer is more than one hop away.
    #[serde(default, skip_serializing_if = "is_false")]
    pub ebgp_multi_hop: bool,
    /// VRF of the host that the session belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// Deprecated and without effect.
    #[serde(rename = "disableMP", default)]
    pub disable_mp: bool,
    /// Exchange both address families on the session, not only the one of its transport.
    #[serde(default)]
    pub dual_stack_address_family: bool,
}

fn bgp_port() -> u16 {
    BGP_PORT
}

/// Which AS numbers a peer without a fixed one may have.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum DynamicAsn {
    /// The local AS number only (iBGP).
    Internal,
    /// Any but the local AS number (eBGP).
    External,
}

/// A password of a manifest. `Debug` never shows it.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Default, PartialEq, Eq)]
#[serde(transparent)]
pub struct Password(pub String);

impl Password {
    /// True when no password is set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "none" } else { "redacted" })
    }
}

/// The name of a Secret; `namespace` empty means FerroLB's own.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
#[schemars(extend("x-kubernetes-map-type" = "atomic"))]
pub struct SecretReference {
    /// Name of the Secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Namespace of the Secret.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
}

/// The deprecated first version: its fields are a subset of `v1beta2`'s.
pub mod v1beta1 {
    use super::*;

    /// The desired state of a BGPPeer in version `v1beta1`.
    #[derive(
        CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq,
    )]
    #[kube(
        group = "metallb.io",
        version = "v1beta1",
        kind = "BGPPeer",
        plural = "bgppeers",
        namespaced,
        storage = false,
        deprecated = "v1beta1 is deprecated, please use v1beta2",
        status = "EmptyStatus",
        derive = "PartialEq",
        doc = "A router to peer with over BGP.",
        validation = rules::has_spec(),
        printcolumn(name = "Address", type_ = "string", json_path = ".spec.peerAddress"),
        printcolumn(name = "ASN", type_ = "string", json_path = ".spec.peerASN"),
        printcolumn(name = "BFD Profile", type_ = "string", json_path = ".spec.bfdProfile"),
        printcolumn(
            name = "Multi Hops",
            type_ = "string",
            json_path = ".spec.ebgpMultiHop"
        )
    )]
    #[serde(rename_all = "camelCase")]
    #[x_kube(
        validation = rules::password_fits(),
        validation = rules::source_of_same_family(),
        validation = rules::keepalive_within_hold(),
        validation = rules::multi_hop_is_external()
    )]
    pub struct BGPPeerSpec {
        /// AS number of the local end of the session.
        #[serde(rename = "myASN")]
        #[schemars(range(min = 0, max = 4_294_967_295_i64))]
        #[x_kube(validation = rules::asn())]
        pub my_asn: u32,
        /// AS number expected of the peer.
        #[serde(rename = "peerASN")]
        #[schemars(range(min = 0, max = 4_294_967_295_i64))]
        #[x_kube(validation = rules::asn())]
        pub peer_asn: u32,
        /// Address to connect to.
        #[x_kube(validation = rules::given(), validation = rules::address())]
        pub peer_address: String,
        /// Address to connect from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[x_kube(validation = rules::address())]
        pub source_address: Option<String>,
        /// Port to connect to; zero or absent means 179.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 0, max = 16384))]
        pub peer_port: Option<u16>,
        /// Hold time to propose (RFC 4271 §4.2): zero, or at least three seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[x_kube(validation = rules::hold_time())]
        pub hold_time: Option<Duration>,
        /// Time between KEEPALIVE messages; at most the hold time.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[x_kube(validation = rules::keepalive_time())]
        pub keepalive_time: Option<Duration>,
        /// BGP identifier to send to this peer, written as an IPv4 address.
        #[serde(rename = "routerID", default, skip_serializing_if = "Option::is_none")]
        #[x_kube(validation = rules::router_id())]
        pub router_id: Option<String>,
        /// Nodes that hold this session: those matched by any of the selectors; all nodes when there is none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub node_selectors: Vec<NodeSelector>,
        /// TCP MD5 password (RFC 2385).
        #[serde(default, skip_serializing_if = "Password::is_empty")]
        pub password: Password,
        /// Name of the BFDProfile to watch this peer with.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pub bfd_profile: Option<String>,
        /// The peer is more than one hop away.
        #[serde(default, skip_serializing_if = "is_false")]
        pub ebgp_multi_hop: bool,
    }

    /// A label selector over nodes; all of its requirements must hold.
    #[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, Default, PartialEq, Eq)]
    #[serde(rename_all = "camelCase")]
    pub struct NodeSelector {
        /// Labels that the node must have with these values.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        pub match_labels: BTreeMap<String, String>,
        /// Further requirements.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        pub match_expressions: Vec<MatchExpression>,
    }

    /// One requirement of a [`NodeSelector`].
    #[derive(Serialize, Deserialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
    pub struct MatchExpression {
        /// The label's key.
        pub key: String,
        /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
        pub operator: String,
        /// The values that `In` and `NotIn` compare with.
        #[schemars(length(min = 1))]
        pub values: Vec<String>,
    }

    impl From<NodeSelector> for LabelSelector {
        fn from(selector: NodeSelector) -> Self {
            let expressions =
                selector
                    .match_expressions
                    .into_iter()
                    .map(|e| LabelSelectorRequirement {
                        key: e.key,
                        operator: e.operator,
                        values: Some(e.values),
                    });
            Self {
                match_labels: Some(selector.match_labels).filter(|labels| !labels.is_empty()),
                match_expressions: Some(expressions.collect::<Vec<_>>())
                    .filter(|list| !list.is_empty()),
            }
        }
    }
}

impl From<v1beta1::BGPPeer> for BGPPeer {
    /// The same peer in the stored version; nothing is lost.
    fn from(old: v1beta1::BGPPeer) -> Self {
        let spec = old.spec;
        Self {
            metadata: old.metadata,
            spec: BGPPeerSpec {
                my_asn: spec.my_asn,
                peer_asn: Some(spec.peer_asn),
                peer_address: Some(spec.peer_address),
                source_address: spec.source_address,
                peer_port: spec.peer_port.filter(|port| *port != 0).unwrap_or(BGP_PORT),
                hold_time: spec.hold_time,
                keepalive_time: spec.keepalive_time,
                router_id: spec.router_id,
                node_selectors: spec.node_selectors.into_iter().map(Into::into).collect(),
                password: spec.password,
                bfd_profile: spec.bfd_profile,
                ebgp_multi_hop: spec.ebgp_multi_hop,
                ..BGPPeerSpec::default()
            },
            status: old.status,
        }
    }
}
