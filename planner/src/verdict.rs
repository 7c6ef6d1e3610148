//! Whether a Service is announced, by protocol, and if not, why.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipam::PoolName;

use crate::desired::{InterfaceSelection, Tenure};
use crate::endpoints::EndpointCount;
use crate::family::Families;
use crate::names::{AdvertisementName, NodeName, PeerName, PolicyName, ServiceKey};
use crate::node::EXCLUDE_LABEL;

/// What one node does about one Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdicts {
    /// By BGP.
    pub bgp: Verdict<BgpAnnouncement>,
    /// By ARP and NDP.
    pub layer2: Verdict<L2Announcement>,
}

/// Announced, or not and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<A> {
    /// This node announces the Service.
    Announced(A),
    /// It does not.
    Withheld(Reason),
}

impl<A> Verdict<A> {
    /// How it is announced, if it is.
    #[must_use]
    pub fn announcement(&self) -> Option<&A> {
        match self {
            Self::Announced(announcement) => Some(announcement),
            Self::Withheld(_) => None,
        }
    }

    /// Why it is not announced, if it is not.
    #[must_use]
    pub fn reason(&self) -> Option<&Reason> {
        match self {
            Self::Announced(_) => None,
            Self::Withheld(reason) => Some(reason),
        }
    }
}

/// How a node announces a Service by BGP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BgpAnnouncement {
    /// For each peer of the node, whether it is told. Empty where the node holds no session.
    pub peers: Arc<BTreeMap<PeerName, PeerVerdict>>,
}

/// Whether a peer is told of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerVerdict {
    /// It is told of the Service's addresses of these families.
    Advertised(Families),
    /// Advertisements name it, but its session carries no family of the Service's addresses.
    FamilyNotCarried(Families),
    /// No advertisement that applies names it.
    NotNamed,
    /// A BGPPolicy keeps every family of the Service's addresses from it.
    Withheld(Withholding),
}

/// Why a BGPPolicy keeps routes from a peer.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Withholding {
    /// The policy says so: `advertise: false`.
    NotAdvertised(PolicyName),
    /// The next hop that the policy gives is the peer itself, which must not get such a route (RFC 4271 §5.1.3).
    NextHopIsPeer(PolicyName),
}

impl PeerVerdict {
    /// The nearest change that would make the peer be told; `None` where it is.
    #[must_use]
    pub fn remedy(&self) -> Option<&'static str> {
        match self {
            Self::Advertised(_) => None,
            Self::FamilyNotCarried(_) => Some(
                "set dualStackAddressFamily on the BGPPeer, or add a BGPPeer with an address of the other family",
            ),
            Self::NotNamed => Some("add the BGPPeer to peers of a BGPAdvertisement"),
            Self::Withheld(why) => Some(why.remedy()),
        }
    }
}

impl Withholding {
    /// The nearest change that would let the routes through.
    #[must_use]
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotAdvertised(_) => {
                "set advertise in a BGPPolicy of higher priority, or leave the BGPPeer out of this one"
            }
            Self::NextHopIsPeer(_) => {
                "leave the BGPPeer out of peers of the BGPPolicy, or set nextHop to self for it in another one"
            }
        }
    }
}

impl fmt::Display for PeerVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advertised(families) => write!(f, "advertised ({families})"),
            Self::FamilyNotCarried(families) => {
                write!(f, "not advertised: the session does not carry {families}")
            }
            Self::NotNamed => {
                f.write_str("not advertised: no matching BGPAdvertisement names this peer")
            }
            Self::Withheld(why) => write!(f, "not advertised: {why}"),
        }
    }
}

impl fmt::Display for Withholding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAdvertised(policy) => {
                write!(f, "BGPPolicy {policy} says advertise: false")
            }
            Self::NextHopIsPeer(policy) => write!(
                f,
                "the next hop that BGPPolicy {policy} gives is the peer itself (RFC 4271 §5.1.3)"
            ),
        }
    }
}

/// How a node announces a Service by ARP and NDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L2Announcement {
    /// The addresses, in the order of the Service's status.
    pub addresses: Vec<IpAddr>,
    /// The interfaces to answer on.
    pub interfaces: InterfaceSelection,
    /// On what terms.
    pub tenure: Tenure,
}

/// Why a node does not announce a Service.
///
/// [`Reason::code`] is MetalLB's name for it, `Display` a sentence with the facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// `spec.type` is another.
    NotLoadBalancer,
    /// Its class is another's business.
    NotOurClass {
        /// `spec.loadBalancerClass`.
        class: Option<String>,
    },
    /// The status holds no address.
    NoIpAllocated,
    /// The status holds something that is no address.
    InvalidIp {
        /// What it holds.
        text: String,
    },
    /// The addresses are not all in one pool.
    IpNotAllowed {
        /// The addresses.
        addresses: Vec<IpAddr>,
    },
    /// Another node announces it, or none may.
    NotOwner(NotOwner),
    /// No advertisement applies to this Service on this node.
    NoMatchingAdvertisement(Unselected),
    /// An advertisement that tells Services apart cannot apply to an address that several share.
    SharedIpWithServiceSelector {
        /// The advertisement.
        advertisement: AdvertisementName,
    },
    /// Two advertisements, or two Services that share a prefix, ask for different LOCAL_PREF.
    ConflictingAdvertisements(Conflict),
    /// The node's condition `NetworkUnavailable` is true.
    NodeNetworkUnavailable,
    /// The node carries [`EXCLUDE_LABEL`].
    NodeLabeledExcludeBalancers,
    /// The node has let go of what it announced, because it drains or its speaker stops.
    Draining,
    /// Traffic policy Local, and no usable endpoint on this node.
    NoLocalEndpoints {
        /// What there is on this node.
        here: EndpointCount,
        /// What there is anywhere.
        total: EndpointCount,
    },
    /// No usable endpoint anywhere.
    NoEndpoints {
        /// What there is.
        total: EndpointCount,
    },
}

/// Why a node does not own a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotOwner {
    /// The election gave it to another node.
    Elected {
        /// The owner.
        owner: NodeName,
    },
    /// There is nobody to elect.
    NoCandidate,
    /// The owner of an address that several Services share has no endpoint of this one, whose traffic policy is Local.
    OwnerCannotServe {
        /// The owner.
        owner: NodeName,
    },
    /// Layer 2: without a usable endpoint nobody owns it.
    NoEndpoints {
        /// What there is.
        total: EndpointCount,
    },
    /// BGP: no advertisement of the pool is for this node.
    NotAdvertisedHere(Unselected),
}

/// What is amiss with the advertisements of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unselected {
    /// The kind of advertisement that is needed.
    pub kind: AdvertisementKind,
    /// The pool.
    pub pool: PoolName,
    /// What such advertisements do not select.
    pub missing: Missing,
}

/// A kind of advertisement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdvertisementKind {
    /// BGPAdvertisement.
    Bgp,
    /// L2Advertisement.
    Layer2,
}

impl fmt::Display for AdvertisementKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bgp => "BGPAdvertisement",
            Self::Layer2 => "L2Advertisement",
        })
    }
}

/// What no advertisement selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// The pool.
    Pool,
    /// The pool together with this node.
    Node,
    /// The pool together with the Service.
    Service,
}

/// Who asks for different LOCAL_PREF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Two advertisements of this Service.
    Advertisements(AdvertisementName, AdvertisementName),
    /// An older Service with which it shares a prefix.
    Service(ServiceKey),
}

impl Reason {
    /// MetalLB's name for the reason.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotLoadBalancer => "notLoadBalancer",
            Self::NotOurClass { .. } => "notOurClass",
            Self::NoIpAllocated => "noIPAllocated",
            Self::InvalidIp { .. } => "invalidIP",
            Self::IpNotAllowed { .. } => "ipNotAllowed",
            Self::NotOwner(_) => "notOwner",
            Self::NoMatchingAdvertisement(_) => "noMatchingAdvertisement",
            Self::SharedIpWithServiceSelector { .. } => "sharedIPWithServiceSelector",
            Self::ConflictingAdvertisements(_) => "conflictingAdvertisements",
            Self::NodeNetworkUnavailable => "nodeNetworkUnavailable",
            Self::NodeLabeledExcludeBalancers => "nodeLabeledExcludeBalancers",
            Self::Draining => "draining",
            Self::NoLocalEndpoints { .. } => "noLocalEndpoints",
            Self::NoEndpoints { .. } => "noEndpoints",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoadBalancer => f.write_str("the Service is not of type LoadBalancer"),
            Self::NotOurClass { class: Some(class) } => {
                write!(
                    f,
                    "the Service has loadBalancerClass {class}, which this installation does not serve"
                )
            }
            Self::NotOurClass { class: None } => f.write_str(
                "the Service has no loadBalancerClass, and this installation serves a class",
            ),
            Self::NoIpAllocated => f.write_str("the Service has no address yet"),
            Self::InvalidIp { text } => write!(
                f,
                "the status of the Service holds {text:?}, which is no address"
            ),
            Self::IpNotAllowed { addresses } => {
                write!(
                    f,
                    "{} not in one pool of the configuration in force",
                    List(addresses, "is", "are")
                )
            }
            Self::NotOwner(cause) => cause.fmt(f),
            Self::NoMatchingAdvertisement(unselected) => unselected.fmt(f),
            Self::SharedIpWithServiceSelector { advertisement } => write!(
                f,
                "the Service has a sharing key, and L2Advertisement {advertisement} has serviceSelectors; the two do \
                 not go together"
            ),
            Self::ConflictingAdvertisements(Conflict::Advertisements(one, other)) => {
                write!(
                    f,
                    "BGPAdvertisements {one} and {other} give one prefix different localPref"
                )
            }
            Self::ConflictingAdvertisements(Conflict::Service(other)) => {
                write!(
                    f,
                    "Service {other}, which is older, shares a prefix with it and has other attributes (localPref, or what BGPPolicies set)"
                )
            }
            Self::NodeNetworkUnavailable => {
                f.write_str("the node's condition NetworkUnavailable is true")
            }
            Self::NodeLabeledExcludeBalancers => {
                write!(f, "the node has the label {EXCLUDE_LABEL}")
            }
            Self::Draining => f.write_str("the node drains: it has let go of what it announced"),
            Self::NoLocalEndpoints { here, total } => {
                write!(
                    f,
                    "externalTrafficPolicy is Local and this node has {here} (in all: {total})"
                )
            }
            Self::NoEndpoints { total } => write!(f, "the Service has {total}"),
        }
    }
}

impl fmt::Display for NotOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Elected { owner } => write!(f, "node {owner} is the owner"),
            Self::NoCandidate => f.write_str("no node may announce it"),
            Self::OwnerCannotServe { owner } => {
                write!(
                    f,
                    "node {owner} owns the shared address and has no endpoint of this Service"
                )
            }
            Self::NoEndpoints { total } => {
                write!(f, "nobody announces it, since the Service has {total}")
            }
            Self::NotAdvertisedHere(unselected) => unselected.fmt(f),
        }
    }
}

impl fmt::Display for Unselected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            pool,
            missing,
        } = self;
        match missing {
            Missing::Pool => write!(f, "no {kind} selects pool {pool}"),
            Missing::Node => write!(f, "no {kind} of pool {pool} selects this node"),
            Missing::Service => write!(f, "no {kind} of pool {pool} selects the Service"),
        }
    }
}

/// Addresses with commas, then a verb in the right number.
struct List<'a>(&'a [IpAddr], &'static str, &'static str);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(addresses, singular, plural) = self;
        let texts: Vec<String> = addresses.iter().map(ToString::to_string).collect();
        write!(
            f,
            "{} {}",
            texts.join(", "),
            if texts.len() == 1 { singular } else { plural }
        )
    }
}
