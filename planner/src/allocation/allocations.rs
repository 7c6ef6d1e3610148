//! Who gets which address, kept up to date one change at a time.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use ipam::{Allocator, Decision, PoolName, Usage};

use super::request::{self, Case};
use super::reserved::Reserved;
use super::unseen::Unseen;
use super::{Allocation, Outcome, events};
use crate::effect::{Effect, Event};
use crate::names::ServiceKey;
use crate::service::{AddressCondition, Service};
use crate::snapshot::Snapshot;

/// Who gets which address, kept up to date one change at a time.
///
/// It is what [`plan_allocation`](super::plan_allocation) decides, in the time that a change takes and not the whole. It
/// takes every effect that it returns as carried out in the end: until a write comes back through the source, the
/// Service counts as written, so that its address is not given to another. What comes back is
///
/// * what was written: it is confirmed;
/// * what was there before: the source is behind, and nothing changes;
/// * anything else: somebody has changed the Service, which is taken as it is now.
///
/// A Service that was deleted and made anew under its name inherits nothing.
///
/// What explains a refusal is worked out when something about the Service changes and in [`Self::decide_anew`]; it may
/// be outdated in between. Addresses never are: whoever waits is served with the change that frees what it waits for.
#[derive(Debug)]
pub struct Allocations {
    allocator: Allocator<ServiceKey>,
    records: BTreeMap<ServiceKey, Record>,
    /// The usage that was told last. It never has to come back: nobody else writes it.
    usage: BTreeMap<PoolName, Usage>,
    reserved: Reserved,
    /// How many Services hold an address of each pool.
    holders: BTreeMap<PoolName, u64>,
}

/// What is remembered of one Service.
#[derive(Debug, Default)]
struct Record {
    /// Of which, among those that have had the name.
    identity: Identity,
    /// What was told of the last decision; `None` before the first.
    told: Option<Vec<Event>>,
    unseen: Option<Unseen>,
    /// What [`Allocations::announce`] was told last.
    announced: Option<AddressCondition>,
    /// The pool that it holds an address of.
    pool: Option<PoolName>,
}

/// What tells a Service from another that had the same name before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Identity {
    uid: Option<Arc<str>>,
    created: Duration,
}

impl Identity {
    fn of(service: &Service) -> Self {
        Self {
            uid: service.uid.clone(),
            created: service.created,
        }
    }
}

/// A Service as it counts, and how it stands towards the allocator.
struct Subject<'a> {
    service: Cow<'a, Service>,
    case: Case,
}

impl Default for Allocations {
    fn default() -> Self {
        let (pools, none) = (ipam::Pools::default(), BTreeMap::new());
        let (allocator, _) = Allocator::start(pools, none, BTreeMap::new());
        Self {
            allocator,
            records: BTreeMap::new(),
            usage: BTreeMap::new(),
            reserved: Reserved::default(),
            holders: BTreeMap::new(),
        }
    }
}

impl Allocations {
    /// Decides about every Service: at first, when the configuration has changed, and now and then, since reasons
    /// become outdated.
    pub fn decide_anew(&mut self, snapshot: &Snapshot) -> Vec<Effect> {
        let gone: Vec<ServiceKey> = self
            .records
            .keys()
            .filter(|key| !snapshot.services.contains_key(*key))
            .cloned()
            .collect();
        gone.iter().for_each(|key| self.forget(key));
        let mut subjects = BTreeMap::new();
        let (mut assignments, mut requests) = (BTreeMap::new(), BTreeMap::new());
        for (key, service) in &snapshot.services {
            let subject = self.subject(key, service, snapshot);
            let claim = subject.case.claim(&subject.service);
            assignments.extend(claim.assignment.map(|assignment| (key.clone(), assignment)));
            requests.extend(claim.request.map(|request| (key.clone(), request)));
            subjects.insert(key.clone(), subject);
        }
        let services = subjects.iter();
        let services = services.map(|(key, subject)| (key, subject.service.as_ref()));
        self.reserved.choose(snapshot, services);
        let pools = self.reserved.pools().clone();
        let mut plan;
        (self.allocator, plan) = Allocator::start(pools, assignments, requests);
        let mut effects = Vec::new();
        for (key, subject) in subjects {
            let decision = plan.decisions.remove(&key);
            self.conclude(&key, subject, decision, snapshot, &mut effects);
            if self.is_overdue(&key) {
                effects.extend(self.rewrite(&key, snapshot));
            }
        }
        self.tell_statuses(snapshot, &mut effects);
        effects
    }

    /// Takes for granted no more that what was written is there, if it has not come back until the second call: it is
    /// written again when everything is decided anew. So are the statuses of pools and reservations that do not say what
    /// they were told to.
    pub fn doubt(&mut self) {
        for unseen in self
            .records
            .values_mut()
            .filter_map(|record| record.unseen.as_mut())
        {
            unseen.grow_old();
        }
        self.usage.clear();
        self.reserved.doubt();
    }

    /// Takes up the Services that have changed, come or gone since the last call of this or [`Self::decide_anew`]. The
    /// configuration must be as it was then.
    ///
    /// While an IPReservation lacks addresses that it counts, everything is decided anew.
    pub fn update(&mut self, snapshot: &Snapshot, changed: &BTreeSet<ServiceKey>) -> Vec<Effect> {
        if self.reserved.is_short() {
            return self.decide_anew(snapshot);
        }
        let mut subjects = BTreeMap::new();
        let mut claims = BTreeMap::new();
        for key in changed {
            let claim = if let Some(service) = snapshot.services.get(key) {
                let subject = self.subject(key, service, snapshot);
                let claim = subject.case.claim(&subject.service);
                subjects.insert(key.clone(), subject);
                claim
            } else {
                self.forget(key);
                ipam::Claim::default()
            };
            let has = self.allocator.assignments().get(key);
            let asks = self.allocator.requests().get(key);
            if (has, asks) != (claim.assignment.as_ref(), claim.request.as_ref()) {
                claims.insert(key.clone(), claim);
            }
        }
        let mut decisions = self.allocator.update(claims);
        for key in decisions.keys() {
            if let (Some(service), false) = (snapshot.services.get(key), subjects.contains_key(key))
            {
                let subject = self.subject(key, service, snapshot);
                subjects.insert(key.clone(), subject);
            }
        }
        let mut effects = Vec::new();
        for (key, subject) in subjects {
            let decision = decisions.remove(&key);
            let decision = decision.or_else(|| self.allocator.decision(&key));
            self.conclude(&key, subject, decision, snapshot, &mut effects);
        }
        self.tell_statuses(snapshot, &mut effects);
        effects
    }

    /// An effect that was not carried out, as it must be now; `None` when there is nothing to do any more.
    pub fn again(&mut self, snapshot: &Snapshot, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::PatchServiceStatus { service, .. } => self.rewrite(&service, snapshot),
            Effect::PoolStatus { pool, .. } => {
                let usage = self.allocator.usage().remove(&pool)?;
                self.usage.insert(pool.clone(), usage);
                (snapshot.reported_usage.get(&pool) != Some(&usage))
                    .then_some(Effect::PoolStatus { pool, usage })
            }
            Effect::ReservationStatus { reservation, .. } => {
                self.reserved.again(snapshot, &reservation)
            }
            other => Some(other),
        }
    }

    /// Has the condition [`ANNOUNCED`](crate::service::ANNOUNCED) of a Service with addresses say this, for as long as it
    /// keeps them. Returns the write, if there is anything to write.
    pub fn announce(
        &mut self,
        snapshot: &Snapshot,
        key: &ServiceKey,
        announced: AddressCondition,
    ) -> Option<Effect> {
        self.records.get_mut(key)?.announced = Some(announced);
        self.rewrite(key, snapshot)
    }

    /// How much of each pool is in use.
    #[must_use]
    pub fn usage(&self) -> BTreeMap<PoolName, Usage> {
        self.allocator.usage()
    }

    /// How many Services hold an address of a pool.
    #[must_use]
    pub fn holders(&self, pool: &PoolName) -> u64 {
        self.holders.get(pool).copied().unwrap_or_default()
    }

    /// The Service as it counts: what has been written and not seen laid over what the source shows.
    fn subject<'a>(
        &mut self,
        key: &ServiceKey,
        shown: &'a Service,
        snapshot: &Snapshot,
    ) -> Subject<'a> {
        let identity = Identity::of(shown);
        if self
            .records
            .get(key)
            .is_some_and(|record| record.identity != identity)
        {
            self.forget(key);
        }
        let record = self.records.entry(key.clone()).or_insert_with(|| Record {
            identity,
            ..Record::default()
        });
        if let Some(unseen) = record.unseen.take_if(|unseen| unseen.is_behind(shown)) {
            let service = unseen.lay_over(shown);
            let case = request::examine(key, &service, snapshot);
            // What is not ours to write any more cannot be written again, so it may never come.
            if case.is_ours() || !unseen.is_old() {
                record.unseen = Some(unseen);
                let service = Cow::Owned(service);
                return Subject { service, case };
            }
        }
        record.unseen = None;
        Subject {
            service: Cow::Borrowed(shown),
            case: request::examine(key, shown, snapshot),
        }
    }

    fn forget(&mut self, key: &ServiceKey) {
        self.reserved.set_addresses(key, &[]);
        if let Some(pool) = self.records.remove(key).and_then(|record| record.pool) {
            self.release(&pool);
        }
    }

    fn release(&mut self, pool: &PoolName) {
        if let Some(holders) = self.holders.get_mut(pool) {
            *holders = holders.saturating_sub(1);
        }
        self.holders.retain(|_, holders| *holders > 0);
    }

    /// What comes of one Service's case and the decision about it: a write if it says something new, and events.
    fn conclude(
        &mut self,
        key: &ServiceKey,
        subject: Subject<'_>,
        decision: Option<Decision<ServiceKey>>,
        snapshot: &Snapshot,
        effects: &mut Vec<Effect>,
    ) {
        let decision = decision.map(|decision| self.explained_now(key, decision));
        let Subject { service, case } = subject;
        let allocation = self.allocation(key, &service, case, decision, snapshot);
        let patch = allocation.patch(key, &service);
        let says_so_already =
            allocation.condition.is_some() && allocation.tells_addresses_of(&service);
        if let (Some(patch), Some(shown)) = (patch, snapshot.services.get(key)) {
            self.note_write(key, shown, &allocation);
            effects.push(patch);
        }
        self.count(key, &allocation);
        let has = self.allocator.assignments().get(key);
        let has = has.map_or(&[][..], |assignment| &assignment.addresses);
        self.reserved.set_addresses(key, has);
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        let told = record.told.replace(allocation.events.clone());
        // Told by whoever wrote the condition, when there was no record yet.
        if told.is_none() && says_so_already {
            return;
        }
        let told = told.unwrap_or_default();
        let news = allocation.events.into_iter();
        let news = news.filter(|event| !told.contains(event));
        effects.extend(news.map(Effect::EmitEvent));
    }

    /// What comes of a Service's case and the decision about it. Who announces the addresses it has is as it was told last.
    fn allocation(
        &mut self,
        key: &ServiceKey,
        service: &Service,
        case: Case,
        decision: Option<Decision<ServiceKey>>,
        snapshot: &Snapshot,
    ) -> Allocation {
        let mut allocation = events::conclude(key, service, case, decision, snapshot);
        let stays =
            matches!(allocation.outcome, Outcome::Assigned { .. }) && !allocation.moves(service);
        if let Some(record) = self.records.get_mut(key) {
            match &record.announced {
                Some(announced) if stays => allocation.announced = Some(announced.clone()),
                _ => record.announced = None,
            }
        }
        allocation
    }

    /// A decision with the facts of now: those that it was made from are of its turn, and later turns may have changed
    /// them.
    fn explained_now(
        &mut self,
        key: &ServiceKey,
        mut decision: Decision<ServiceKey>,
    ) -> Decision<ServiceKey> {
        match &mut decision {
            Decision::Fail { error, .. } => {
                if let Some(Decision::Fail { error: now, .. }) = self.allocator.decision(key) {
                    *error = now;
                }
            }
            Decision::Keep(placement)
            | Decision::AddFamily(placement)
            | Decision::Assign { placement, .. }
                if placement.missing.is_some() =>
            {
                let now = self.allocator.decision(key);
                placement.missing = now.and_then(|now| now.placement()?.missing.clone());
            }
            _ => {}
        }
        decision
    }

    fn note_write(&mut self, key: &ServiceKey, shown: &Service, allocation: &Allocation) {
        if let (Some(record), Some(status)) = (self.records.get_mut(key), allocation.status()) {
            match &mut record.unseen {
                Some(unseen) => unseen.write(status),
                None => record.unseen = Some(Unseen::new(shown, status)),
            }
        }
    }

    fn count(&mut self, key: &ServiceKey, allocation: &Allocation) {
        let pool = match &allocation.outcome {
            Outcome::Assigned { pool, .. } => Some(pool),
            _ => None,
        };
        let Some(record) = self.records.get_mut(key) else {
            return;
        };
        if record.pool.as_ref() == pool {
            return;
        }
        let before = std::mem::replace(&mut record.pool, pool.cloned());
        if let Some(pool) = pool {
            *self.holders.entry(pool.clone()).or_default() += 1;
        }
        if let Some(pool) = before {
            self.release(&pool);
        }
    }

    /// Whether the last write about a Service was long ago and has not been seen.
    fn is_overdue(&self, key: &ServiceKey) -> bool {
        let record = self.records.get(key);
        record
            .and_then(|record| record.unseen.as_ref())
            .is_some_and(Unseen::is_old)
    }

    /// The write that makes a Service what it shall be, whatever has been written already.
    fn rewrite(&mut self, key: &ServiceKey, snapshot: &Snapshot) -> Option<Effect> {
        let shown = snapshot.services.get(key)?;
        let subject = self.subject(key, shown, snapshot);
        let decision = self.allocator.decision(key);
        let Subject { service, case } = subject;
        let allocation = self.allocation(key, &service, case, decision, snapshot);
        let effect = allocation.patch(key, shown)?;
        self.note_write(key, shown, &allocation);
        Some(effect)
    }

    fn tell_statuses(&mut self, snapshot: &Snapshot, effects: &mut Vec<Effect>) {
        let now = self.allocator.usage();
        self.usage.retain(|pool, _| now.contains_key(pool));
        for (pool, usage) in now {
            let told = self.usage.get(&pool);
            if told.or_else(|| snapshot.reported_usage.get(&pool)) != Some(&usage) {
                self.usage.insert(pool.clone(), usage);
                effects.push(Effect::PoolStatus { pool, usage });
            }
        }
        self.reserved.tell(snapshot, effects);
    }
}
