//! Who announces each Service, told in its condition once that has settled.
//!
//! * What is known to be in the way when a Service gets its addresses goes into that write; see
//!   [`Allocation::announced`](planner::allocation::Allocation).
//! * Later on a condition is written when what it says has been the same for a while: shortly for a Service of which
//!   nothing good was said, longer for one that is announced, so that nodes that restart one after the other are no news.
//! * That another host claims an address is told at once, and that it does no more after that while.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use planner::announced::{Prospect, Prospects, Testimony};
use planner::announcements::Affected;
use planner::effect::{ConditionStatus, Effect, StatusId};
use planner::names::ServiceKey;
use planner::service::AddressCondition;
use planner::snapshot::Snapshot;
use tokio::time::Instant;

use crate::translate::{ClusterObjects, claims_changed, statuses as statuses_of, statuses_changed};

/// Follows what is known of who announces what.
#[derive(Debug, Default)]
pub(super) struct Announced {
    prospects: Prospects,
    seen: Arc<ClusterObjects>,
    /// The Services whose condition says something else, until that has settled.
    unsettled: BTreeMap<ServiceKey, Unsettled>,
    /// Statuses of nodes that there are not, and when each is removed.
    orphans: BTreeMap<StatusId, Instant>,
}

#[derive(Debug)]
struct Unsettled {
    /// When the condition first was not right any more, for a reason that is put off as long as this.
    since: Instant,
    limit: Duration,
    /// When it is written.
    at: Instant,
}

impl Announced {
    /// Takes up what has changed.
    pub(super) fn update(
        &mut self,
        now: Instant,
        objects: &Arc<ClusterObjects>,
        snapshot: &Snapshot,
        affected: &Affected,
    ) {
        let seen = std::mem::replace(&mut self.seen, Arc::clone(objects));
        let testimony = Testimony {
            statuses: statuses_changed(objects, &seen),
            claims: claims_changed(objects, &seen),
        };
        for (id, body) in &testimony.statuses {
            self.look_for_node(now, id, body.is_some(), snapshot);
        }
        if !affected.nodes.is_empty() {
            for (id, _) in statuses_of(objects) {
                self.look_for_node(now, &id, true, snapshot);
            }
        }
        let mut keys = self.prospects.update(snapshot, affected, &testimony);
        keys.extend(affected.services.iter().cloned());
        for key in keys {
            self.look_at(now, key, snapshot);
        }
    }

    fn look_at(&mut self, now: Instant, key: ServiceKey, snapshot: &Snapshot) {
        let shown = snapshot
            .services
            .get(&key)
            .and_then(|service| service.announced.as_ref());
        let prospect = self.prospects.get(&key);
        let Some(prospect) = prospect.filter(|prospect| Some(prospect.condition()) != shown) else {
            self.unsettled.remove(&key);
            return;
        };
        let (quiet, limit) = patience(shown, prospect);
        let before = self.unsettled.get(&key);
        let before = before.filter(|unsettled| unsettled.limit == limit);
        let since = before.map_or(now, |unsettled| unsettled.since);
        let at = (now + quiet).min(since + limit);
        self.unsettled.insert(key, Unsettled { since, limit, at });
    }

    fn look_for_node(&mut self, now: Instant, id: &StatusId, is_there: bool, snapshot: &Snapshot) {
        if is_there && !snapshot.nodes.contains_key(&id.node) {
            self.orphans.entry(id.clone()).or_insert(now + GRACE);
        } else {
            self.orphans.remove(id);
        }
    }

    /// When there is something to write next.
    pub(super) fn next(&self) -> Option<Instant> {
        let settled = self.unsettled.values().map(|unsettled| unsettled.at);
        settled.chain(self.orphans.values().copied()).min()
    }

    /// What has settled by now.
    pub(super) fn settled(&mut self, now: Instant) -> Vec<(ServiceKey, AddressCondition)> {
        let due = self
            .unsettled
            .iter()
            .filter(|(_, unsettled)| unsettled.at <= now);
        let due: Vec<ServiceKey> = due.map(|(key, _)| key.clone()).collect();
        let condition = |key: ServiceKey| {
            self.unsettled.remove(&key);
            let condition = self.prospects.get(&key)?.condition().clone();
            Some((key, condition))
        };
        due.into_iter().filter_map(condition).collect()
    }

    /// The removal of statuses whose nodes have been gone for a while: nobody else would.
    pub(super) fn left_behind(&mut self, now: Instant) -> Vec<Effect> {
        let mut gone = Vec::new();
        for (id, at) in self.orphans.iter_mut().filter(|(_, at)| **at <= now) {
            gone.push(Effect::DeleteStatus { id: id.clone() });
            // Should it still be there then.
            *at = now + AWAITED;
        }
        gone
    }
}

/// How long a condition must have been about to say the same, and for how long it may be put off at most.
fn patience(shown: Option<&AddressCondition>, prospect: &Prospect) -> (Duration, Duration) {
    let is_announced = shown.is_some_and(|shown| shown.status == ConditionStatus::True);
    match prospect {
        Prospect::Awaited(_) => (AWAITED, AWAITED),
        // A responder tells of each address now and then only.
        Prospect::Contested(_) => (Duration::ZERO, Duration::ZERO),
        _ if is_announced => (QUIET, LIMIT),
        _ => (FIRST_QUIET, FIRST_LIMIT),
    }
}

/// How long nodes have to announce a Service that they could.
const AWAITED: Duration = Duration::from_secs(30);
/// How long after its Node a status may live: a Node may be seen later than what its speaker writes.
const GRACE: Duration = Duration::from_secs(10);
/// How long what is told of an announced Service must have been the same.
const QUIET: Duration = Duration::from_secs(10);
/// How long that is put off at most.
const LIMIT: Duration = Duration::from_secs(60);
/// How long what is told of a Service that was not announced must have been the same.
const FIRST_QUIET: Duration = Duration::from_secs(2);
/// How long that is put off at most.
const FIRST_LIMIT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
