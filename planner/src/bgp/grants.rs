//! What a set of BGPAdvertisements grants to each peer of a node, whatever the address.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipam::Family;
use ipnet::IpNet;

use super::policy::{NamedPolicy, Outcome};
use super::scope::{Neighbor, OfPool, Scope};
use crate::config::{BgpAdvertisement, local_prefs_conflict};
use crate::departure::Departure;
use crate::desired::{PeerSession, RouteAttributes};
use crate::family::Families;
use crate::names::{AdvertisementName, PeerName};
use crate::snapshot::BgpDefaults;
use crate::verdict::{PeerVerdict, Withholding};

/// A BGPAdvertisement and its name.
pub(crate) type Named<'a> = (&'a AdvertisementName, &'a BgpAdvertisement);

/// What advertisements that apply together grant.
#[derive(Debug)]
pub(crate) struct Grants {
    /// For each peer that one of them names: attributes by family and prefix length.
    pub(crate) peers: BTreeMap<PeerName, BTreeMap<(Family, u8), Arc<RouteAttributes>>>,
    verdicts: BTreeMap<Families, Arc<BTreeMap<PeerName, PeerVerdict>>>,
}

impl Grants {
    /// The union of what those of a pool's advertisements say that are at the places `applying`, for each neighbor, and
    /// what the policies make of it that are at the places `policies`; or two advertisements that contradict each other.
    pub(crate) fn new(
        of_pool: &OfPool,
        applying: &[usize],
        policies: &[usize],
        scope: &Scope,
    ) -> Result<Self, (AdvertisementName, AdvertisementName)> {
        let applying = applying.iter().filter_map(|place| of_pool.here.get(*place));
        let applying: Vec<Named<'_>> = applying
            .map(|(name, advertisement)| (name, advertisement.as_ref()))
            .collect();
        if let Some(contradiction) = contradiction(&applying, of_pool.families) {
            return Err(contradiction);
        }
        let policies = scope.policies.named(policies);
        let mut grants = Self {
            peers: BTreeMap::new(),
            verdicts: BTreeMap::new(),
        };
        let mut told = BTreeMap::new();
        for (name, Neighbor { session, carried }) in &scope.neighbors {
            let carried = *carried;
            for (_, advertisement) in applying
                .iter()
                .filter(|(_, advertisement)| advertisement.names_peer(name))
            {
                let attributes = attributes(advertisement, session, scope.defaults);
                grants.add(name, carried, advertisement, &attributes);
            }
            let named = grants.peers.contains_key(name);
            let withheld = grants.change(name, &policies, session);
            if scope.departure == Departure::Announced {
                grants.announce_departure(name, session);
            }
            let state = Told {
                named,
                carried,
                withheld,
            };
            told.insert(name, state);
        }
        for families in [Families::Ipv4, Families::Ipv6, Families::Both] {
            let verdicts = told
                .iter()
                .map(|(name, told)| ((*name).clone(), told.verdict(families)));
            grants
                .verdicts
                .insert(families, Arc::new(verdicts.collect()));
        }
        Ok(grants)
    }

    fn add(
        &mut self,
        peer: &PeerName,
        carried: Families,
        advertisement: &BgpAdvertisement,
        attributes: &Arc<RouteAttributes>,
    ) {
        let granted = self.peers.entry(peer.clone()).or_default();
        for family in carried.iter() {
            let length = advertisement.aggregation.length(family);
            let present = granted
                .entry((family, length))
                .or_insert_with(|| Arc::clone(attributes));
            unite(present, attributes);
        }
    }

    /// Lets policies change what `peer` is granted, and says which families they withhold from it.
    fn change(
        &mut self,
        peer: &PeerName,
        policies: &[NamedPolicy<'_>],
        session: &PeerSession,
    ) -> BTreeMap<Family, Withholding> {
        let mut withheld = BTreeMap::new();
        let outcome = Outcome::new(policies, peer);
        if let Some(granted) = self.peers.get_mut(peer).filter(|_| !policies.is_empty()) {
            granted.retain(|(family, _), attributes| {
                let Some(why) = outcome.withholding(*family, session) else {
                    outcome.apply(Arc::make_mut(attributes), *family, session);
                    return true;
                };
                withheld.insert(*family, why);
                false
            });
        }
        withheld
    }

    /// The last word, whatever policies say.
    fn announce_departure(&mut self, peer: &PeerName, session: &PeerSession) {
        let granted = self.peers.get_mut(peer).into_iter();
        for attributes in granted.flat_map(BTreeMap::values_mut) {
            Arc::make_mut(attributes).announce_departure(session);
        }
    }

    /// The attributes of a prefix for a peer that is granted it.
    pub(super) fn attributes(
        &self,
        peer: &PeerName,
        prefix: &IpNet,
    ) -> Option<&Arc<RouteAttributes>> {
        let family = Family::of(prefix.addr());
        self.peers.get(peer)?.get(&(family, prefix.prefix_len()))
    }

    /// Whether each peer of the node is told of a Service with addresses of these families.
    pub(crate) fn verdicts(&self, families: Families) -> Arc<BTreeMap<PeerName, PeerVerdict>> {
        self.verdicts.get(&families).cloned().unwrap_or_default()
    }
}

/// Two advertisements that want different LOCAL_PREF for one prefix.
fn contradiction(
    applying: &[Named<'_>],
    pool: Families,
) -> Option<(AdvertisementName, AdvertisementName)> {
    let pairs = applying.iter().enumerate().flat_map(|(index, one)| {
        let others = applying.iter().skip(index + 1);
        others.map(move |other| (one, other))
    });
    let mut contradicting =
        pairs.filter(|((_, one), (_, other))| local_prefs_conflict(one, other, pool));
    contradicting
        .next()
        .map(|((name, _), (other, _))| ((*name).clone(), (*other).clone()))
}

/// Adds the communities of `other` to `present`. LOCAL_PREF is the same in both, or there is no route.
pub(crate) fn unite(present: &mut Arc<RouteAttributes>, other: &Arc<RouteAttributes>) {
    if present != other {
        let united = Arc::make_mut(present);
        united.communities.extend(&other.communities);
        united.large_communities.extend(&other.large_communities);
    }
}

fn attributes(
    advertisement: &BgpAdvertisement,
    session: &PeerSession,
    defaults: BgpDefaults,
) -> Arc<RouteAttributes> {
    Arc::new(RouteAttributes {
        local_pref: session.local_pref(advertisement.local_pref, defaults),
        communities: advertisement.communities.clone(),
        large_communities: advertisement.large_communities.clone(),
        ..RouteAttributes::default()
    })
}

/// What a peer is told of a Service, before it is known which families that has.
struct Told {
    /// Whether an advertisement names it.
    named: bool,
    /// What its session carries.
    carried: Families,
    /// What policies withhold from it.
    withheld: BTreeMap<Family, Withholding>,
}

impl Told {
    /// Whether the peer is told of a Service with addresses of `families`.
    fn verdict(&self, families: Families) -> PeerVerdict {
        if !self.named {
            return PeerVerdict::NotNamed;
        }
        let Some(carried) = families.intersection(self.carried) else {
            return PeerVerdict::FamilyNotCarried(families);
        };
        let carried = carried.iter();
        let sent = carried
            .clone()
            .filter(|family| !self.withheld.contains_key(family));
        let sent = sent.map(Families::from).reduce(Families::union);
        let mut why = carried.filter_map(|family| self.withheld.get(&family));
        match (sent, why.next()) {
            (None, Some(why)) => PeerVerdict::Withheld(why.clone()),
            (sent, _) => PeerVerdict::Advertised(sent.unwrap_or(families)),
        }
    }
}
