//! What shall change in the world outside: an API patch, or a file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::Asn;
use ipam::{PoolName, ReservationName, Usage};

use crate::names::{Interface, NamespaceName, NodeName, PeerName, ServiceKey};
use crate::observed::{Initiative, SessionNegotiated};
use crate::reservation::ReservationStatus;
use crate::service::AddressCondition;

/// One change to make. Losing one is harmless: the next pass sees the same difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Make a Service's status and annotation say this, in one write.
    PatchServiceStatus {
        /// Which Service.
        service: ServiceKey,
        /// `status.loadBalancer.ingress`, in this order; empty: clear `status.loadBalancer`.
        ingress: Vec<IpAddr>,
        /// Annotation `metallb.io/ip-allocated-from-pool`; absent: remove it.
        pool: Option<PoolName>,
        /// Condition [`ADDRESS_ASSIGNED`](crate::service::ADDRESS_ASSIGNED); absent: remove it.
        condition: Option<AddressCondition>,
        /// Condition [`ANNOUNCED`](crate::service::ANNOUNCED); absent: remove it.
        announced: Option<AddressCondition>,
    },
    /// Create a status object, or make it say this.
    UpsertStatus {
        /// Which object.
        id: StatusId,
        /// What it says.
        body: StatusBody,
    },
    /// Delete a status object.
    DeleteStatus {
        /// Which object.
        id: StatusId,
    },
    /// Make the status of an IPAddressPool say this.
    PoolStatus {
        /// Which pool.
        pool: PoolName,
        /// What it says.
        usage: Usage,
    },
    /// Make the status of an IPReservation say this.
    ReservationStatus {
        /// Which reservation.
        reservation: ReservationName,
        /// What it says.
        status: ReservationStatus,
    },
    /// Tell of something that happened to an object.
    EmitEvent(Event),
    /// Make a ConfigurationState object say this.
    ConfigurationState(ConfigurationState),
    /// Keep these and no others, for a process that comes later.
    KeepLastGood(LastGoodVersions),
}

/// The last good version of each configuration object, in text, by a key that names it. What the text says is between
/// those who write and read it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct LastGoodVersions(pub BTreeMap<String, String>);

/// Shows the keys alone: there may be passwords in the text.
impl fmt::Debug for LastGoodVersions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// A status object of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct StatusId {
    /// `status.node`.
    pub node: NodeName,
    /// What it is about; its kind follows from it.
    pub about: StatusAbout,
}

/// What a status object is about, as one node sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StatusAbout {
    /// ServiceL2Status: a Service, announced by ARP and NDP.
    Layer2(ServiceKey),
    /// ServiceBGPStatus: a Service, announced by BGP.
    Bgp(ServiceKey),
    /// BGPSession: a peer.
    Session(PeerName),
}

impl StatusAbout {
    /// The Service that it is about, if it is one.
    #[must_use]
    pub fn service(&self) -> Option<&ServiceKey> {
        match self {
            Self::Layer2(service) | Self::Bgp(service) => Some(service),
            Self::Session(_) => None,
        }
    }

    /// The peer whose session it is about, if it is about one.
    #[must_use]
    pub fn peer(&self) -> Option<&PeerName> {
        match self {
            Self::Session(peer) => Some(peer),
            Self::Layer2(_) | Self::Bgp(_) => None,
        }
    }
}

impl fmt::Display for StatusId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = &self.node;
        match &self.about {
            StatusAbout::Layer2(service) => {
                write!(f, "ServiceL2Status of {service} on node {node}")
            }
            StatusAbout::Bgp(service) => write!(f, "ServiceBGPStatus of {service} on node {node}"),
            StatusAbout::Session(peer) => write!(f, "BGPSession of {peer} on node {node}"),
        }
    }
}

/// What a status object says beside its identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatusBody {
    /// ServiceL2Status.
    Layer2 {
        /// `status.interfaces`; empty: all.
        interfaces: BTreeSet<Interface>,
    },
    /// ServiceBGPStatus.
    Bgp {
        /// `status.peers`: those whose Adj-RIB-Out holds a prefix of the Service.
        peers: BTreeSet<PeerName>,
    },
    /// BGPSession.
    Session(Box<SessionStatus>),
}

/// What a BGPSession says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionStatus {
    /// The peer's address.
    pub address: IpAddr,
    /// The port that is connected to.
    pub port: u16,
    /// The AS that we are in.
    pub local_as: Asn,
    /// The AS that the peer is in; of a session that is down, the one that it must be in, if it is one.
    pub peer_as: Option<Asn>,
    /// Whether routes are exchanged.
    pub state: SessionSummary,
    /// When the session came up, went down or was begun, as time since the Unix epoch in whole seconds.
    pub since: Duration,
    /// The local address of the connection.
    pub local_address: Option<IpAddr>,
    /// What was agreed on, while it is up.
    pub negotiated: Option<SessionNegotiated>,
    /// How many prefixes the peer has been sent.
    pub sent: u64,
    /// How many of its prefixes are in use.
    pub accepted: u64,
    /// Why the latest session or attempt that failed did so.
    pub last_error: Option<String>,
    /// Who opens the connection.
    pub initiative: Initiative,
    /// Whether the peer is being led away from this node.
    pub draining: bool,
}

/// What is told of the state of a session. The other states of RFC 4271 follow one another several times a minute while a
/// router does not answer; how far it gets, the error says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionSummary {
    /// Routes are exchanged.
    Established,
    /// They are not.
    Down,
}

impl SessionSummary {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Established => "Established",
            Self::Down => "Down",
        }
    }
}

/// What an event is about: the object that it shows up on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Involved {
    /// A Service.
    Service(ServiceKey),
    /// A ConfigMap.
    ConfigMap {
        /// Its namespace.
        namespace: NamespaceName,
        /// Its name.
        name: Arc<str>,
    },
    /// An FRRConfiguration of frr-k8s.
    FrrConfiguration {
        /// Its namespace.
        namespace: NamespaceName,
        /// Its name.
        name: Arc<str>,
    },
}

impl fmt::Display for Involved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "Service {service}"),
            Self::ConfigMap { namespace, name } => write!(f, "ConfigMap {namespace}/{name}"),
            Self::FrrConfiguration { namespace, name } => {
                write!(f, "FRRConfiguration {namespace}/{name}")
            }
        }
    }
}

/// An event on an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// Which object.
    pub involved: Involved,
    /// What happened. The reporting component and the event's type follow from it.
    pub reason: EventReason,
    /// The facts.
    pub message: String,
}

/// `type` of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// `Normal`.
    Normal,
    /// `Warning`.
    Warning,
}

impl EventType {
    /// As Kubernetes spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "Normal",
            Self::Warning => "Warning",
        }
    }
}

/// `reason` of an event, as MetalLB names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EventReason {
    /// New addresses.
    IpAllocated,
    /// The addresses are no longer allowed.
    ClearAssignment,
    /// PreferDualStack, and the second family is not to be had.
    AdditionalAssignFailed,
    /// No address.
    AllocationFailed,
    /// What is asked for makes no sense; the addresses stay.
    LoadBalancerFailed,
    /// The families of the addresses in the status are undeterminable.
    NoLbIpsIpFamily,
    /// The families of the ClusterIPs are undeterminable.
    NoClusterIpsIpFamily,
    /// RequireDualStack with fewer than two ClusterIPs.
    NotEnoughClusterIps,
    /// An annotation with the old prefix is in use.
    DeprecatedAnnotation,
    /// A node announces the Service.
    NodeAssigned,
    /// The interfaces to announce on do not exist.
    AnnounceFailed,
    /// A host on the link says that an address of the Service is its own.
    AddressConflict,
    /// Raw configuration of another routing daemon, which cannot be honoured.
    RawConfigurationRejected,
    /// Configuration of another routing daemon, which is not honoured.
    ConfigurationNotHonoured,
    /// Configuration in a form that was given up.
    DeprecatedConfiguration,
}

impl EventReason {
    /// The reason as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IpAllocated => "IPAllocated",
            Self::ClearAssignment => "ClearAssignment",
            Self::AdditionalAssignFailed => "AdditionalAssignFailed",
            Self::AllocationFailed => "AllocationFailed",
            Self::LoadBalancerFailed => "LoadBalancerFailed",
            Self::NoLbIpsIpFamily => "nolbIPsIPFamily",
            Self::NoClusterIpsIpFamily => "noclusterIPsIPFamily",
            Self::NotEnoughClusterIps => "not enough clusterips",
            Self::DeprecatedAnnotation => "deprecatedAnnotation",
            Self::NodeAssigned => "nodeAssigned",
            Self::AnnounceFailed => "announceFailed",
            Self::AddressConflict => "addressConflict",
            Self::RawConfigurationRejected => "rawConfigurationRejected",
            Self::ConfigurationNotHonoured => "configurationNotHonoured",
            Self::DeprecatedConfiguration => "deprecatedConfiguration",
        }
    }

    /// The type of the events with this reason.
    #[must_use]
    pub fn event_type(self) -> EventType {
        match self {
            Self::IpAllocated
            | Self::ClearAssignment
            | Self::AdditionalAssignFailed
            | Self::NodeAssigned => EventType::Normal,
            Self::AllocationFailed
            | Self::LoadBalancerFailed
            | Self::NoLbIpsIpFamily
            | Self::NoClusterIpsIpFamily
            | Self::NotEnoughClusterIps
            | Self::DeprecatedAnnotation
            | Self::AnnounceFailed
            | Self::AddressConflict
            | Self::RawConfigurationRejected
            | Self::ConfigurationNotHonoured
            | Self::DeprecatedConfiguration => EventType::Warning,
        }
    }

    /// `source.component` of the events with this reason.
    #[must_use]
    pub fn source_component(self) -> &'static str {
        match self {
            Self::NodeAssigned | Self::AnnounceFailed | Self::AddressConflict => "metallb-speaker",
            _ => "metallb-controller",
        }
    }
}

impl fmt::Display for EventReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A process that reports on the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The controller.
    Controller,
    /// The speaker of a node.
    Speaker(NodeName),
}

/// Something in the configuration that is not in force, or that somebody should know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The object's kind, such as `BGPPeer`.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// What is wrong with which field, and what would be right.
    pub message: String,
    /// Whether the object is in force all the same.
    pub severity: Severity,
}

/// How much is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The object is in force as written, but may not do what was meant.
    Warning,
    /// The object is not in force as written.
    Fault,
}

/// A ConfigurationState object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigurationState {
    /// Whose it is.
    pub component: Component,
    /// `status.result`.
    pub result: ConfigurationResult,
    /// `status.errorSummary`.
    pub error_summary: String,
    /// `status.conditions`: one for the component, one for each object that is not in force, and one for each of which
    /// there is something to warn.
    pub conditions: Vec<Condition>,
}

/// `status.result` of a ConfigurationState.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfigurationResult {
    /// Everything is in force.
    Valid,
    /// Something is not.
    Invalid,
}

/// A condition of a ConfigurationState. Whoever writes it sets `lastTransitionTime` when the status changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// `type`.
    pub condition_type: String,
    /// `status`.
    pub status: ConditionStatus,
    /// `reason`.
    pub reason: &'static str,
    /// `message`.
    pub message: String,
}

/// `status` of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionStatus {
    /// `True`.
    True,
    /// `False`.
    False,
}

impl ConditionStatus {
    /// As Kubernetes spells it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
        }
    }
}
