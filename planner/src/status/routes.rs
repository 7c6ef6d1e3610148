//! Which peers have really been sent a prefix of which Services.

use std::collections::{BTreeMap, BTreeSet};

use imbl::OrdSet;
use imbl::ordset::DiffItem;
use ipnet::IpNet;

use super::Awaited;
use crate::desired::{Desired, PeerDesired};
use crate::diff::diff_shared;
use crate::names::{PeerName, ServiceKey};
use crate::observed::Observed;
use crate::service_set::ServiceSet;

/// For each Service the peers that hold a prefix of it, and how many.
#[derive(Clone, Debug, Default)]
pub(super) struct Holders(BTreeMap<ServiceKey, BTreeMap<PeerName, usize>>);

/// Everything that it follows from.
pub(super) type Facts<'a> = (&'a Desired, &'a Observed, &'a BTreeMap<PeerName, Awaited>);

/// The part of it that is about one peer.
struct Peer<'a> {
    desired: Option<&'a PeerDesired>,
    sent: &'a OrdSet<IpNet>,
    awaited: Option<&'a Awaited>,
}

impl Holders {
    /// The peers that hold a prefix of a Service.
    pub(super) fn of(&self, service: &ServiceKey) -> BTreeSet<PeerName> {
        let peers = self.0.get(service).into_iter();
        peers.flat_map(BTreeMap::keys).cloned().collect()
    }

    /// Takes up what has changed. Returns the Services for which that may be other peers now.
    pub(super) fn update(&mut self, before: Facts<'_>, now: Facts<'_>) -> BTreeSet<ServiceKey> {
        let nothing = OrdSet::new();
        let mut touched = BTreeSet::new();
        let names: BTreeSet<&PeerName> = before.0.peers.keys().chain(now.0.peers.keys()).collect();
        for name in names {
            let (was, is) = (
                Peer::of(name, before, &nothing),
                Peer::of(name, now, &nothing),
            );
            for prefix in was.changed(&is) {
                let (held, holds) = (was.services(&prefix), is.services(&prefix));
                let (gone, new) = held.changes(&holds);
                for service in gone {
                    self.count(service, name, usize::checked_sub);
                    touched.insert(service.clone());
                }
                for service in new {
                    self.count(service, name, usize::checked_add);
                    touched.insert(service.clone());
                }
            }
        }
        touched
    }

    fn count(
        &mut self,
        service: &ServiceKey,
        peer: &PeerName,
        by_one: fn(usize, usize) -> Option<usize>,
    ) {
        let peers = self.0.entry(service.clone()).or_default();
        let count = peers.entry(peer.clone()).or_default();
        *count = by_one(*count, 1).unwrap_or_default();
        if *count == 0 {
            peers.remove(peer);
        }
        if peers.is_empty() {
            self.0.remove(service);
        }
    }
}

impl<'a> Peer<'a> {
    fn of(
        name: &PeerName,
        (desired, observed, awaited): Facts<'a>,
        nothing: &'a OrdSet<IpNet>,
    ) -> Self {
        let session = observed.sessions.get(name);
        Self {
            desired: desired.peers.get(name),
            sent: session.map_or(nothing, |session| &session.sent),
            awaited: awaited.get(name),
        }
    }

    /// The Services of a prefix, if the peer holds it, or is believed to.
    fn services(&self, prefix: &IpNet) -> ServiceSet {
        let Some(route) = self.desired.and_then(|desired| desired.routes.get(prefix)) else {
            return ServiceSet::new();
        };
        if self.sent.contains(prefix) {
            return route.services.clone();
        }
        let believed = self.awaited.map(|awaited| &awaited.services);
        let is_believed =
            |service: &&ServiceKey| believed.is_some_and(|all| all.contains(*service));
        route.services.iter().filter(is_believed).cloned().collect()
    }

    /// The prefixes for which [`Self::services`] may differ.
    fn changed(&self, now: &Peer<'_>) -> BTreeSet<IpNet> {
        let none = Default::default();
        let was = self.desired.map_or(&none, |desired| &desired.routes);
        let is = now.desired.map_or(&none, |desired| &desired.routes);
        let mut changed: BTreeSet<IpNet> =
            diff_shared(was, is).map(|change| *change.key()).collect();
        let sent = self.sent.diff(now.sent).map(|item| match item {
            DiffItem::Add(prefix) | DiffItem::Remove(prefix) => *prefix,
        });
        changed.extend(sent);
        if self.awaited.is_some() != now.awaited.is_some() {
            changed.extend(was.keys().chain(is.keys()));
        }
        changed
    }
}
