//! `BGPSession`: how the BGP session of a node with a peer is. FerroLB's own; written by the speaker.
#![expect(
    unreachable_pub,
    reason = "KubeSchema repeats the type within a function"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{IpFamily, is_false};

/// A BGPSession has no desired state: that is the BGPPeer's.
#[derive(
    CustomResource, JsonSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq,
)]
#[kube(
    group = "ferrolb.io",
    version = "v1alpha1",
    kind = "BGPSession",
    plural = "bgpsessions",
    namespaced,
    status = "BGPSessionStatus",
    derive = "PartialEq",
    derive = "Default",
    doc = "How the BGP session of a node with a BGPPeer is.",
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node"),
    printcolumn(name = "Peer", type_ = "string", json_path = ".status.peer"),
    printcolumn(name = "Address", type_ = "string", json_path = ".status.address"),
    printcolumn(name = "ASN", type_ = "integer", json_path = ".status.asn"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.state"),
    printcolumn(name = "Up/Down", type_ = "date", json_path = ".status.since"),
    printcolumn(name = "Sent", type_ = "integer", json_path = ".status.prefixesSent"),
    printcolumn(name = "Last Error", type_ = "string", json_path = ".status.lastError")
)]
pub struct BGPSessionSpec {}

/// How the session is.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BGPSessionStatus {
    /// The node that holds the session.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("Value is immutable"))]
    pub node: String,
    /// Name of the BGPPeer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[x_kube(validation = Rule::new("self == oldSelf").message("Value is immutable"))]
    pub peer: String,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub address: String,
    /// The port that is connected to.
    #[serde(default)]
    pub port: u16,
    /// The AS that the peer is in; while the session is down, the one that it must be in, if it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<u32>,
    /// The AS that this side of the session is in.
    #[serde(default, rename = "localASN")]
    pub local_asn: u32,
    /// Whether routes are exchanged.
    #[serde(default)]
    pub state: BGPSessionState,
    /// When the session came up, went down, or was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// The address of this side, while the session is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local_address: Option<String>,
    /// The peer's BGP Identifier, while the session is up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub router_id: Option<String>,
    /// The hold time agreed on, in seconds; 0: the session never expires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold_time_seconds: Option<u16>,
    /// Seconds between keepalives; absent: there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keepalive_time_seconds: Option<u16>,
    /// The families whose routes the peer takes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub families: Vec<IpFamily>,
    /// How many prefixes the peer has been sent.
    #[serde(default)]
    pub prefixes_sent: u64,
    /// How many of the peer's prefixes are in use.
    #[serde(default)]
    pub prefixes_accepted: u64,
    /// Why the latest session or attempt that failed did so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Whether the peer alone opens the connection.
    #[serde(default, skip_serializing_if = "is_false")]
    pub passive: bool,
    /// Whether the peer is being led away from this node.
    #[serde(default, skip_serializing_if = "is_false")]
    pub draining: bool,
}

/// Whether routes are exchanged. Which state of RFC 4271 a session is in that does not stand changes all the time; how
/// far it gets, the error says.
#[derive(Serialize, Deserialize, JsonSchema, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BGPSessionState {
    /// Routes are exchanged.
    Established,
    /// They are not.
    #[default]
    Down,
}
