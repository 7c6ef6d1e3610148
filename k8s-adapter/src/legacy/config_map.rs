//! What the ConfigMap `config` of MetalLB 0.9 to 0.12 may say (compat/metallb.md 1.13).

use std::collections::BTreeMap;

use serde::Deserialize;

/// What the ConfigMap says.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LegacyConfig {
    /// Routers to hold a BGP session with.
    pub peers: Option<Vec<Peer>>,
    /// Addresses for Services, and how they are announced.
    pub address_pools: Option<Vec<AddressPool>>,
    /// Names of communities.
    pub bgp_communities: Option<BTreeMap<String, String>>,
    /// Timers of BFD sessions.
    pub bfd_profiles: Option<Vec<BfdProfile>>,
}

/// An entry of `peers`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Peer {
    /// AS number of the local end of the session.
    pub my_asn: u32,
    /// AS number of the router.
    pub peer_asn: u32,
    /// Address of the router.
    pub peer_address: String,
    /// Address to connect from.
    pub source_address: Option<String>,
    /// Port to connect to; zero or absent means 179.
    pub peer_port: Option<u16>,
    /// Hold time, as Go writes times; 90 s when it is absent.
    pub hold_time: Option<String>,
    /// Time between KEEPALIVE messages; a third of the hold time when it is absent.
    pub keepalive_time: Option<String>,
    /// BGP identifier.
    pub router_id: Option<String>,
    /// Nodes that hold the session: those matched by any of the selectors; all when there is none.
    pub node_selectors: Option<Vec<NodeSelector>>,
    /// TCP MD5 password.
    pub password: Option<String>,
    /// Name of the entry of `bfd-profiles` to watch the router with.
    pub bfd_profile: Option<String>,
    /// The router is more than one hop away.
    pub ebgp_multihop: Option<bool>,
}

/// An entry of `node-selectors`; all of its requirements must hold.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeSelector {
    /// Labels that the node must have with these values.
    pub match_labels: Option<BTreeMap<String, String>>,
    /// Further requirements.
    pub match_expressions: Option<Vec<MatchExpression>>,
}

/// An entry of `match-expressions`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct MatchExpression {
    /// The label's key.
    pub key: String,
    /// `In`, `NotIn`, `Exists` or `DoesNotExist`.
    pub operator: String,
    /// The values that `In` and `NotIn` compare with.
    pub values: Option<Vec<String>>,
}

/// An entry of `address-pools`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AddressPool {
    /// The pool's name, which need not be one that Kubernetes would take.
    pub name: String,
    /// How its addresses are announced.
    pub protocol: Protocol,
    /// Its ranges, each a prefix or first and last address.
    pub addresses: Option<Vec<String>>,
    /// Whether its addresses are chosen for Services that ask for none; on when it is absent.
    pub auto_assign: Option<bool>,
    /// Leave out IPv4 addresses that end in .0 or .255.
    pub avoid_buggy_ips: Option<bool>,
    /// With what attributes its addresses are announced over BGP; with none special when there is no entry.
    pub bgp_advertisements: Option<Vec<BgpAdvertisement>>,
}

/// How the addresses of a pool are announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// Over BGP.
    Bgp,
    /// By ARP and NDP.
    Layer2,
}

/// An entry of `bgp-advertisements`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BgpAdvertisement {
    /// Prefix length that IPv4 addresses are announced with; 32 when it is absent.
    pub aggregation_length: Option<i32>,
    /// Prefix length that IPv6 addresses are announced with; 128 when it is absent.
    pub aggregation_length_v6: Option<i32>,
    /// LOCAL_PREF to iBGP peers.
    pub localpref: Option<u32>,
    /// Communities to attach, by value or by a name of `bgp-communities`.
    pub communities: Option<Vec<String>>,
}

/// An entry of `bfd-profiles`. Times are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BfdProfile {
    /// The profile's name, which need not be one that Kubernetes would take.
    pub name: String,
    /// Least interval between control packets that can be received.
    pub receive_interval: Option<u32>,
    /// Least interval between control packets that are sent.
    pub transmit_interval: Option<u32>,
    /// How many missed control packets mean that the peer is gone.
    pub detect_multiplier: Option<u32>,
    /// Least interval between echo packets.
    pub echo_interval: Option<u32>,
    /// Send echo packets.
    pub echo_mode: Option<bool>,
    /// Wait for the peer's control packets before sending any.
    pub passive_mode: Option<bool>,
    /// Least TTL of an incoming control packet.
    pub minimum_ttl: Option<u32>,
}
