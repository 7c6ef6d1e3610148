//! What the BGPPolicies of a node make of the routes to one peer.

use ipam::Family;

use crate::config::{Advertise, BgpPolicy, Config, Peer, RouteChanges};
use crate::desired::{PeerSession, RouteAttributes};
use crate::family::Families;
use crate::names::{PeerName, PolicyName};
use crate::node::Node;
use crate::selector::Labels;
use crate::snapshot::Snapshot;
use crate::verdict::Withholding;

/// A BGPPolicy and its name.
pub(crate) type NamedPolicy<'a> = (&'a PolicyName, &'a BgpPolicy);

/// The policies that select a node, in the order in which they apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Policies(Vec<(PolicyName, BgpPolicy)>);

impl Policies {
    /// Those that select `node`: the one of the highest priority last, equal ones by name.
    pub(crate) fn new(config: &Config, node: Option<&Node>) -> Self {
        let here = node.into_iter().flat_map(|node| of_node(config, node));
        let here = here.map(|(name, policy)| (name.clone(), policy.clone()));
        Self(here.collect())
    }

    /// The places of those of them that select a Service with these labels.
    pub(crate) fn of_service(&self, labels: &Labels) -> Vec<usize> {
        let policies = self.0.iter().enumerate();
        let selecting = policies.filter(|(_, (_, policy))| policy.services.match_labels(labels));
        selecting.map(|(place, _)| place).collect()
    }

    /// Those at these places.
    pub(crate) fn named(&self, places: &[usize]) -> Vec<NamedPolicy<'_>> {
        let named = places.iter().filter_map(|place| self.0.get(*place));
        named.map(|(name, policy)| (name, policy)).collect()
    }
}

/// Why policies keep every route of a Service with addresses of `families` from a peer that `node` has, if they do.
pub(crate) fn withholding(
    snapshot: &Snapshot,
    node: &Node,
    service: &Labels,
    families: Families,
    (name, peer): (&PeerName, &Peer),
) -> Option<Withholding> {
    let mut policies = of_node(&snapshot.config, node);
    policies.retain(|(_, policy)| policy.services.match_labels(service));
    if policies.is_empty() {
        return None;
    }
    let session = PeerSession::new(peer, snapshot.options.bgp_defaults);
    let carried = families.intersection(peer.carried())?;
    let outcome = Outcome::new(&policies, name);
    let why = carried
        .iter()
        .map(|family| outcome.withholding(family, &session));
    why.reduce(|one, other| one.filter(|_| other.is_some()))
        .flatten()
}

/// The policies that select a node, in the order in which they apply.
fn of_node<'a>(config: &'a Config, node: &Node) -> Vec<NamedPolicy<'a>> {
    let policies = config.bgp_policies.iter();
    let mut here: Vec<_> = policies
        .filter(|(_, policy)| policy.nodes.match_labels(&node.labels))
        .collect();
    // Stable: the map is in the order of names.
    here.sort_by_key(|(_, policy)| policy.priority);
    here
}

/// What policies make of the routes to one peer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    changes: RouteChanges,
    /// The policy that had the last word on `advertise`, and on each family's next hop.
    decided: Decided,
}

#[derive(Clone, Debug, Default)]
struct Decided {
    advertise: Option<PolicyName>,
    next_hop_ipv4: Option<PolicyName>,
    next_hop_ipv6: Option<PolicyName>,
}

impl Outcome {
    /// What `policies`, in the order in which they apply, make of the routes to `peer`.
    pub(crate) fn new(policies: &[NamedPolicy<'_>], peer: &PeerName) -> Self {
        let mut outcome = Self::default();
        for (name, policy) in policies
            .iter()
            .filter(|(_, policy)| policy.names_peer(peer))
        {
            let (changes, decided) = (&policy.changes, &mut outcome.decided);
            for (by, is_set) in [
                (&mut decided.advertise, changes.advertise.is_some()),
                (&mut decided.next_hop_ipv4, changes.next_hop_ipv4.is_some()),
                (&mut decided.next_hop_ipv6, changes.next_hop_ipv6.is_some()),
            ] {
                if is_set {
                    *by = Some((*name).clone());
                }
            }
            outcome.changes.then(changes);
        }
        outcome
    }

    /// Why routes of `family` do not go to the peer of `session` at all, if so.
    pub(crate) fn withholding(&self, family: Family, session: &PeerSession) -> Option<Withholding> {
        if self.changes.advertise == Some(Advertise::No) {
            let policy = self.decided.advertise.clone();
            return policy.map(Withholding::NotAdvertised);
        }
        // RFC 4271 §5.1.3: a route shall not go to a peer with an address of that peer as its next hop.
        let next_hop = self.changes.next_hop(family);
        let by = match family {
            Family::V4 => &self.decided.next_hop_ipv4,
            Family::V6 => &self.decided.next_hop_ipv6,
        };
        let by = by.clone().filter(|_| next_hop == Some(session.address));
        by.map(Withholding::NextHopIsPeer)
    }

    /// Makes the changes to a route of `family` to the peer of `session`.
    pub(crate) fn apply(
        &self,
        attributes: &mut RouteAttributes,
        family: Family,
        session: &PeerSession,
    ) {
        let changes = &self.changes;
        changes.communities.apply(
            &mut attributes.communities,
            &mut attributes.large_communities,
        );
        attributes.next_hop = changes.next_hop(family);
        attributes.med = changes.med;
        if session.is_internal() {
            // RFC 4271 §5.1.2: AS_PATH of what originates here is empty within the AS.
            attributes.local_pref = changes.local_pref.or(attributes.local_pref);
        } else {
            // RFC 4271 §5.1.5: LOCAL_PREF does not leave the AS.
            attributes.as_path_prepend = changes.as_path_prepend.unwrap_or_default();
        }
    }
}
