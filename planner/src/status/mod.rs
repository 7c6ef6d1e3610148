//! What a node tells the world about itself, from what it wants and what its drivers see.
//!
//! * A ServiceL2Status exists where the node answers for an address of the Service on at least one interface, a
//!   ServiceBGPStatus where at least one peer has really been sent a prefix of it, a BGPSession for each peer that the node
//!   shall have.
//! * An announcement is told of as an event when its status comes into being, and again only after the node has been
//!   decided to announce the Service no more: a session that comes and goes is no news about each of its routes.
//! * A process that starts takes over what the status objects say. Of a peer they hold until its session has had its
//!   chance, so that a restart deletes nothing that it writes again.

mod configuration;
mod conflicts;
mod ledger;
mod routes;
mod services;
mod session;

use std::collections::{BTreeMap, BTreeSet};

pub use self::configuration::{Contradictions, configuration_state};
pub use self::conflicts::{conflicts, contested_address};
pub use self::ledger::Ledger;
use self::routes::Holders;
use self::services::{Presence, assigned, told_before};
use crate::desired::Desired;
use crate::diff::diff_shared;
use crate::effect::{Event, StatusAbout, StatusBody, StatusId};
use crate::names::{NodeName, PeerName, ServiceKey};
use crate::observed::{Observed, SessionState};

/// Status objects by what they are about.
pub type Statuses = BTreeMap<StatusId, StatusBody>;

/// What a node has to tell, kept up to date at the cost of what has changed.
#[derive(Clone, Debug)]
pub struct NodeStatus {
    me: NodeName,
    desired: Desired,
    observed: Observed,
    /// The peers whose sessions have not had their chance yet, and what is taken for true of each meanwhile.
    awaited: BTreeMap<PeerName, Awaited>,
    /// Which peers hold routes of which Services.
    holders: Holders,
    statuses: Statuses,
    /// The peers that have a BGPSession among them.
    told_of: BTreeSet<PeerName>,
    /// The Services that the process before this one said something of, until they have been looked at.
    leftovers: BTreeSet<ServiceKey>,
    /// What has been told of each Service, which is little.
    told: BTreeMap<ServiceKey, Vec<Event>>,
}

/// What the process before this one said of a peer.
#[derive(Clone, Debug, Default)]
struct Awaited {
    /// The Services that it had been sent a prefix of.
    services: BTreeSet<ServiceKey>,
    /// How its session was.
    session: Option<StatusBody>,
}

/// What there is to do after an update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// The status objects that say something else now, or shall exist no more: see [`NodeStatus::statuses`].
    pub statuses: BTreeSet<StatusId>,
    /// What there is to tell.
    pub events: Vec<Event>,
}

impl NodeStatus {
    /// Of node `me`, whose status objects say `before` when its process starts.
    #[must_use]
    pub fn new(me: NodeName, before: &Statuses) -> Self {
        let before: Statuses = before
            .iter()
            .filter(|(id, _)| id.node == me)
            .map(|(id, body)| (id.clone(), body.clone()))
            .collect();
        let mut awaited: BTreeMap<PeerName, Awaited> = BTreeMap::new();
        for (id, body) in &before {
            match (&id.about, body) {
                (StatusAbout::Bgp(service), StatusBody::Bgp { peers }) => {
                    for peer in peers {
                        let services = &mut awaited.entry(peer.clone()).or_default().services;
                        services.insert(service.clone());
                    }
                }
                (StatusAbout::Session(peer), body) => {
                    awaited.entry(peer.clone()).or_default().session = Some(body.clone());
                }
                _ => {}
            }
        }
        Self {
            desired: Desired::default(),
            observed: Observed::default(),
            awaited,
            holders: Holders::default(),
            told: told_before(&before),
            told_of: before
                .keys()
                .filter_map(|id| id.about.peer())
                .cloned()
                .collect(),
            leftovers: before
                .keys()
                .filter_map(|id| id.about.service())
                .cloned()
                .collect(),
            statuses: before,
            me,
        }
    }

    /// The status objects that shall exist for this node.
    #[must_use]
    pub fn statuses(&self) -> &Statuses {
        &self.statuses
    }

    /// Whether the sessions of some peers have not had their chance yet.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.awaited.is_empty()
    }

    /// Takes up what is wanted and what is seen now. The first call looks at everything.
    pub fn update(&mut self, desired: &Desired, observed: &Observed) -> News {
        let mut awaited = self.awaited.clone();
        awaited.retain(|peer, _| is_awaited(desired, observed, peer));
        self.advance(desired, observed, awaited)
    }

    /// The sessions have had their chance: what is true of them now counts.
    pub fn stop_waiting(&mut self) -> News {
        let (desired, observed) = (self.desired.clone(), self.observed.clone());
        self.advance(&desired, &observed, BTreeMap::new())
    }

    fn advance(
        &mut self,
        desired: &Desired,
        observed: &Observed,
        awaited: BTreeMap<PeerName, Awaited>,
    ) -> News {
        let mut services = self.holders.update(
            (&self.desired, &self.observed, &self.awaited),
            (desired, observed, &awaited),
        );
        let verdicts = diff_shared(&self.desired.verdicts, &desired.verdicts);
        services.extend(verdicts.map(|change| change.key().clone()));
        if self.observed.interfaces != observed.interfaces {
            services.extend(desired.verdicts.keys().cloned());
        }
        services.extend(services::contested(desired, &self.observed, observed));
        services.append(&mut self.leftovers);
        (self.desired, self.observed) = (desired.clone(), observed.clone());
        self.awaited = awaited;
        let mut news = News::default();
        for service in services {
            self.look_at_service(service, &mut news);
        }
        self.look_at_sessions(&mut news);
        news
    }

    fn look_at_service(&mut self, service: ServiceKey, news: &mut News) {
        let verdicts = self.desired.verdicts.get(&service);
        let id = StatusId {
            node: self.me.clone(),
            about: StatusAbout::Layer2(service.clone()),
        };
        let before = match self.statuses.contains_key(&id) {
            true => Presence::Shown,
            false => Presence::Absent,
        };
        let (layer2, mut events) =
            services::layer2(&service, verdicts, &self.observed, &self.me, before);
        let peers = self.holders.of(&service);
        let bgp = (!peers.is_empty()).then_some(StatusBody::Bgp { peers });
        let mut current = services::announced(&service, verdicts, &self.me);
        current.extend(events.iter().cloned());
        for (about, body) in [
            (StatusAbout::Layer2(service.clone()), layer2),
            (StatusAbout::Bgp(service.clone()), bgp),
        ] {
            let node = self.me.clone();
            let id = StatusId { node, about };
            events.extend(body.as_ref().and_then(|_| assigned(&id)));
            self.put(id, body, news);
        }
        let told = self.told.entry(service.clone()).or_default();
        // What ended in between is told again.
        told.retain(|event| current.contains(event));
        for event in events {
            if !told.contains(&event) {
                told.push(event.clone());
                news.events.push(event);
            }
        }
        if told.is_empty() {
            self.told.remove(&service);
        }
    }

    fn look_at_sessions(&mut self, news: &mut News) {
        let wanted: BTreeSet<PeerName> = self.desired.peers.keys().cloned().collect();
        let had = std::mem::replace(&mut self.told_of, wanted.clone());
        for peer in wanted.union(&had) {
            let desired = self.desired.peers.get(peer);
            let body = desired.map(|desired| {
                let before = self.awaited.get(peer);
                let before = before.and_then(|before| before.session.clone());
                before.unwrap_or_else(|| session::body(desired, self.observed.sessions.get(peer)))
            });
            let id = StatusId {
                node: self.me.clone(),
                about: StatusAbout::Session(peer.clone()),
            };
            self.put(id, body, news);
        }
    }

    fn put(&mut self, id: StatusId, body: Option<StatusBody>, news: &mut News) {
        if self.statuses.get(&id) == body.as_ref() {
            return;
        }
        match body {
            Some(body) => self.statuses.insert(id.clone(), body),
            None => self.statuses.remove(&id),
        };
        news.statuses.insert(id);
    }
}

/// Whether the session with a peer may yet come to what it was: it is wanted, and has not both come up and been sent all
/// that it shall be.
fn is_awaited(desired: &Desired, observed: &Observed, peer: &PeerName) -> bool {
    let Some(wanted) = desired.peers.get(peer) else {
        return false;
    };
    let session = observed.sessions.get(peer);
    !session.is_some_and(|session| {
        session.state == SessionState::Established
            && wanted
                .routes
                .keys()
                .all(|prefix| session.sent.contains(prefix))
    })
}

/// What node `me` has to tell, nothing having been told before.
#[must_use]
pub fn node_status(desired: &Desired, observed: &Observed, me: &NodeName) -> (Statuses, News) {
    let mut status = NodeStatus::new(me.clone(), &Statuses::new());
    let news = status.update(desired, observed);
    (status.statuses, news)
}
