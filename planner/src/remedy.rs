//! What would help a Service that is not announced.

use crate::node::EXCLUDE_LABEL;
use crate::verdict::{Conflict, Missing, NotOwner, Reason, Unselected};

impl Reason {
    /// The nearest change that would make this node announce the Service, as a sentence without a full stop; `None`
    /// where nothing is amiss.
    #[must_use]
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::NotLoadBalancer
            | Self::NotOurClass { .. }
            | Self::NotOwner(NotOwner::Elected { .. }) => None,
            Self::NoIpAllocated => Some(
                "give the Service an address; the controller says what is in the way".to_owned(),
            ),
            Self::InvalidIp { .. } => {
                Some("clear the status of the Service, and look for who else writes it".to_owned())
            }
            Self::IpNotAllowed { .. } => Some(
                "add the addresses to one IPAddressPool, or let the controller assign others"
                    .to_owned(),
            ),
            Self::NotOwner(NotOwner::OwnerCannotServe { owner }) => Some(format!(
                "run a ready endpoint on node {owner}, or set externalTrafficPolicy to Cluster"
            )),
            Self::NotOwner(NotOwner::NoCandidate) => {
                Some("see the ranking of the address: every node has its reason there".to_owned())
            }
            Self::NotOwner(NotOwner::NoEndpoints { .. }) | Self::NoEndpoints { .. } => {
                Some(NEEDS_ENDPOINT.to_owned())
            }
            Self::NoMatchingAdvertisement(unselected)
            | Self::NotOwner(NotOwner::NotAdvertisedHere(unselected)) => {
                Some(advertise(unselected))
            }
            Self::SharedIpWithServiceSelector { advertisement } => Some(format!(
                "remove serviceSelectors from L2Advertisement {advertisement}, or the annotation \
                 metallb.io/allow-shared-ip from the Service"
            )),
            Self::ConflictingAdvertisements(Conflict::Advertisements(one, other)) => Some(format!(
                "give BGPAdvertisements {one} and {other} the same localPref, or different peers"
            )),
            Self::ConflictingAdvertisements(Conflict::Service(other)) => Some(format!(
                "give this Service and {other} the same localPref, and let the same BGPPolicies select both"
            )),
            Self::NodeNetworkUnavailable => {
                Some("let the network plugin make the node's network available".to_owned())
            }
            Self::NodeLabeledExcludeBalancers => Some(format!(
                "kubectl label node NODE {EXCLUDE_LABEL}-, or start with --ignore-exclude-lb"
            )),
            Self::Draining => Some(STOP_DRAINING.to_owned()),
            Self::NoLocalEndpoints { .. } => Some(
                "run a ready endpoint on the node, or set externalTrafficPolicy to Cluster"
                    .to_owned(),
            ),
        }
    }
}

fn advertise(unselected: &Unselected) -> String {
    let Unselected {
        kind,
        pool,
        missing,
    } = unselected;
    match missing {
        Missing::Pool => format!("create a {kind} with ipAddressPools: [{pool}]"),
        Missing::Node => format!("make nodeSelectors of a {kind} of pool {pool} match the node"),
        Missing::Service => {
            format!("make serviceSelectors of a {kind} of pool {pool} match the Service")
        }
    }
}

/// What a Service without usable endpoints needs.
pub(crate) const NEEDS_ENDPOINT: &str = "make at least one endpoint of the Service ready";

/// What a node needs that drains: to be without the annotation [`DRAIN`](crate::node::DRAIN).
pub(crate) const STOP_DRAINING: &str =
    "ferrolb drain --undo NODE, or kubectl annotate node NODE ferrolb.io/drain-";
