//! BGPPolicy: what becomes of the routes of some Services on their way to some peers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use planner::config::{
    Advertise, BgpPolicy, CommunityChanges, NextHop, OtherCommunities, Peer, RouteChanges,
};
use planner::names::{PeerName, PolicyName};

use super::communities::Aliases;
use super::error::{ObjectName, Reason};
use super::last_good::Faults;
use super::selectors::selectors;
use crate::crd::{BGPPolicy, BGPPolicySpec, PolicyCommunities, PolicyNextHop};

const PREPEND: &str = "spec.asPathPrepend";
const LOCAL_PREF: &str = "spec.localPref";
/// The largest `spec.asPathPrepend`, as in the definition.
const MAX_PREPEND: u8 = 32;
/// The most communities that a policy names, as in the definition.
const MAX_COMMUNITIES: usize = 256;

/// Reads a BGPPolicy.
pub(super) fn translate(object: &BGPPolicy, aliases: &Aliases, faults: &mut Faults) -> BgpPolicy {
    let spec = &object.spec;
    faults.distinct("spec.peers", &spec.peers);
    let peers = spec.peers.iter().map(|name| PeerName::from(name.as_str()));
    BgpPolicy {
        priority: spec.priority,
        services: selectors(faults, "spec.serviceSelectors", &spec.service_selectors),
        nodes: selectors(faults, "spec.nodeSelectors", &spec.node_selectors),
        peers: peers.collect(),
        changes: changes(spec, aliases, faults),
    }
}

fn changes(spec: &BGPPolicySpec, aliases: &Aliases, faults: &mut Faults) -> RouteChanges {
    let numbers = spec.med.or(spec.local_pref);
    let is_set = spec.advertise.is_some() || spec.as_path_prepend.is_some() || numbers.is_some();
    if !is_set && spec.communities.is_none() && spec.next_hop.is_none() {
        let detail =
            "must set one of advertise, asPathPrepend, med, localPref, communities and nextHop";
        faults.reject("spec", Reason::Invalid(detail.to_owned()));
    }
    if let Some(times) = spec.as_path_prepend.filter(|times| *times > MAX_PREPEND) {
        let detail = format!("{times} is not from 0 to {MAX_PREPEND}");
        faults.reject(PREPEND, Reason::Invalid(detail));
    }
    let (next_hop_ipv4, next_hop_ipv6) = next_hops(spec.next_hop.as_ref(), faults);
    RouteChanges {
        advertise: spec.advertise.map(|is_wanted| {
            if is_wanted {
                Advertise::Yes
            } else {
                Advertise::No
            }
        }),
        as_path_prepend: spec.as_path_prepend,
        med: spec.med,
        local_pref: spec.local_pref,
        communities: communities(spec.communities.as_ref(), aliases, faults),
        next_hop_ipv4,
        next_hop_ipv6,
    }
}

fn communities(
    given: Option<&PolicyCommunities>,
    aliases: &Aliases,
    faults: &mut Faults,
) -> CommunityChanges {
    let Some(given) = given else {
        return CommunityChanges::default();
    };
    let (field, texts, others) = match (&given.add, &given.replace) {
        (Some(texts), None) => ("spec.communities.add", texts, OtherCommunities::Kept),
        (None, Some(texts)) => ("spec.communities.replace", texts, OtherCommunities::Dropped),
        (Some(_), Some(_)) => {
            let other = "spec.communities.add";
            faults.reject("spec.communities.replace", Reason::Exclusive { other });
            return CommunityChanges::default();
        }
        (None, None) => {
            let other = "spec.communities.replace";
            faults.reject("spec.communities.add", Reason::OneOf { other });
            return CommunityChanges::default();
        }
    };
    if texts.is_empty() && others == OtherCommunities::Kept {
        let detail = "must name a community; to take all away, set replace to []";
        faults.reject(field, Reason::Invalid(detail.to_owned()));
    }
    if texts.len() > MAX_COMMUNITIES {
        let detail = format!(
            "has {} communities, more than {MAX_COMMUNITIES}",
            texts.len()
        );
        faults.reject(field, Reason::Invalid(detail));
    }
    faults.distinct(field, texts);
    let (communities, large_communities) = aliases.resolve_all(field, texts, faults);
    CommunityChanges {
        others,
        communities,
        large_communities,
    }
}

type NextHops = (Option<NextHop<Ipv4Addr>>, Option<NextHop<Ipv6Addr>>);

fn next_hops(given: Option<&PolicyNextHop>, faults: &mut Faults) -> NextHops {
    let Some(given) = given else {
        return (None, None);
    };
    if given.ipv4.is_none() && given.ipv6.is_none() {
        let other = "spec.nextHop.ipv6";
        faults.reject("spec.nextHop.ipv4", Reason::OneOf { other });
    }
    let ipv4 = given.ipv4.as_deref().and_then(|text| {
        next_hop(faults, "spec.nextHop.ipv4", text, |address| match address {
            IpAddr::V4(address) => Ok(address),
            IpAddr::V6(_) => Err("IPv4"),
        })
    });
    let ipv6 = given.ipv6.as_deref().and_then(|text| {
        next_hop(faults, "spec.nextHop.ipv6", text, |address| match address {
            IpAddr::V6(address) => Ok(address),
            IpAddr::V4(_) => Err("IPv6"),
        })
    });
    (ipv4, ipv6)
}

/// `self` or an address of the right family, which `of_family` tells.
fn next_hop<A>(
    faults: &mut Faults,
    field: &str,
    text: &str,
    of_family: impl Fn(IpAddr) -> Result<A, &'static str>,
) -> Option<NextHop<A>> {
    if text == "self" {
        return Some(NextHop::Own);
    }
    let address = text
        .parse::<IpAddr>()
        .map_err(|_| format!("{text:?} is neither self nor an IP address"))
        .and_then(|address| match of_family(address) {
            Err(family) => Err(format!("{text} is not an {family} address")),
            Ok(_) if !is_reachable(address) => Err(format!(
                "{text} is no address that a router can send packets to"
            )),
            Ok(address) => Ok(address),
        });
    faults.check(field, address).map(NextHop::Given)
}

/// Whether packets can be sent there from another link, as `isGlobalUnicast` of CEL has it.
fn is_reachable(address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_broadcast(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local() || address.to_ipv4_mapped().is_some()
        }
    };
    !is_link_local && !address.is_unspecified() && !address.is_loopback() && !address.is_multicast()
}

/// Puts the communities in place of their aliases.
pub(super) fn put_in_communities(spec: &mut BGPPolicySpec, policy: &BgpPolicy) {
    let Some(communities) = &mut spec.communities else {
        return;
    };
    let changes = &policy.changes.communities;
    let texts = super::communities::texts(&changes.communities, &changes.large_communities);
    match changes.others {
        OtherCommunities::Kept => communities.add = Some(texts),
        OtherCommunities::Dropped => communities.replace = Some(texts),
    }
}

/// The policies in force.
pub(super) struct Accepted<'a> {
    peers: &'a BTreeMap<PeerName, Peer>,
    policies: BTreeMap<PolicyName, BgpPolicy>,
}

impl<'a> Accepted<'a> {
    /// None yet, for these peers.
    pub(super) fn new(peers: &'a BTreeMap<PeerName, Peer>) -> Self {
        Self {
            peers,
            policies: BTreeMap::new(),
        }
    }

    /// Adds a policy, and warns of what it says to peers that are not told.
    pub(super) fn accept(&mut self, name: &ObjectName, policy: &BgpPolicy, faults: &mut Faults) {
        if policy.changes.local_pref.is_some() {
            let why = "LOCAL_PREF does not leave the AS (RFC 4271 §5.1.5)";
            self.warn_of(policy, |peer| !peer.is_internal(), LOCAL_PREF, why, faults);
        }
        if policy
            .changes
            .as_path_prepend
            .is_some_and(|times| times > 0)
        {
            let why = "within the AS the AS_PATH of these routes is empty (RFC 4271 §5.1.2)";
            self.warn_of(policy, Peer::is_internal, PREPEND, why, faults);
        }
        self.policies
            .insert(PolicyName::new(name.name.clone()), policy.clone());
    }

    /// Warns of peers that are named and `is_deaf`, or if all there are do so where none is named: a policy for all peers
    /// is meant for those that it can be meant for.
    fn warn_of(
        &self,
        policy: &BgpPolicy,
        is_deaf: impl Fn(&Peer) -> bool,
        field: &str,
        why: &'static str,
        faults: &mut Faults,
    ) {
        let concerned = self
            .peers
            .iter()
            .filter(|(name, _)| policy.names_peer(name));
        let (deaf, others): (Vec<_>, Vec<_>) = concerned.partition(|(_, peer)| is_deaf(peer));
        if !deaf.is_empty() && (others.is_empty() || !policy.peers.is_empty()) {
            let names: Vec<&str> = deaf.iter().map(|(name, _)| name.as_str()).collect();
            let peers = names.join(", ");
            faults.warn(field, Reason::NoEffectTowards { peers, why });
        }
    }

    pub(super) fn into_policies(self) -> BTreeMap<PolicyName, BgpPolicy> {
        self.policies
    }
}
