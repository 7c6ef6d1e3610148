//! Effects on their way into the world.
//!
//! * Nobody waits: up to [`IN_FLIGHT`] writes are under way at once, and what was decided meanwhile queues up.
//! * At most one of them is about the same object, and of several that queue up for it only the newest is written.
//! * What an API server hears of first are addresses; events wait until nothing else does. The status of pools is written
//!   at most once in [`POOL_PACE`], all pools counted, whatever happens to their usage meanwhile.
//! * Who announces what can wait, and is written within a budget ([`BURST`], [`PACE`]): a thousand Services that move at
//!   once are told of one after the other, each as it is by then, and none is forgotten.
//! * A write that fails comes back for a new decision after a pause that doubles with each failure of the same object.

mod budget;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use ipam::{PoolName, ReservationName};
use planner::effect::{Component, Effect, Event, StatusId};
use planner::names::ServiceKey;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use self::budget::Budget;
use crate::lease::Leadership;
use crate::sink::{Failure, Sink, SinkError};
use crate::telemetry::chain;
use crate::translate::ClusterObjects;

/// What an effect is about: of two effects with the same target the newer one replaces the older.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Target {
    Service(ServiceKey),
    Status(StatusId),
    Pool(PoolName),
    Reservation(ReservationName),
    Configuration(Component),
    LastGood,
    /// Events replace nothing but their likes.
    Event(Event),
}

impl Target {
    fn of(effect: &Effect) -> Self {
        match effect {
            Effect::PatchServiceStatus { service, .. } => Self::Service(service.clone()),
            Effect::UpsertStatus { id, .. } | Effect::DeleteStatus { id } => {
                Self::Status(id.clone())
            }
            Effect::PoolStatus { pool, .. } => Self::Pool(pool.clone()),
            Effect::ReservationStatus { reservation, .. } => Self::Reservation(reservation.clone()),
            Effect::ConfigurationState(state) => Self::Configuration(state.component.clone()),
            Effect::KeepLastGood(_) => Self::LastGood,
            Effect::EmitEvent(event) => Self::Event(event.clone()),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(key) => write!(f, "Service {key}"),
            Self::Status(id) => id.fmt(f),
            Self::Pool(name) => write!(f, "IPAddressPool {name}"),
            Self::Reservation(name) => write!(f, "IPReservation {name}"),
            Self::Configuration(_) => f.write_str("ConfigurationState"),
            Self::LastGood => f.write_str("last good versions"),
            Self::Event(event) => write!(f, "event {} on {}", event.reason, event.involved),
        }
    }
}

type Write = BoxFuture<'static, (Target, Effect, Result<(), SinkError>)>;

/// Effects on their way into the world.
pub(crate) struct Writer<K> {
    sink: Arc<K>,
    leadership: Leadership,
    /// What is written is based on these; the newest there are.
    objects: Arc<ClusterObjects>,
    /// What has not been begun, by target.
    queued: BTreeMap<Target, Effect>,
    queue: Queue,
    /// What is in line for the budget though it need not be.
    can_wait: BTreeSet<Target>,
    /// What is under way.
    writes: FuturesUnordered<Write>,
    busy: BTreeSet<Target>,
    /// How often in a row writes of a target have failed.
    failures: BTreeMap<Target, u32>,
    /// What has failed, and when it is to be decided anew.
    paused: BTreeMap<Target, (Instant, Effect)>,
    /// The same times, the next one first.
    alarms: BTreeSet<(Instant, Target)>,
    errors: u64,
    random: fastrand::Rng,
}

/// Whether events count against the budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Events {
    /// They are sent as they come.
    Free,
    /// They wait for it like statuses, and after them.
    Budgeted,
}

/// Whose turn it is. A target is in it while something is queued for it; in two lines, if it became urgent.
struct Queue {
    objects: VecDeque<Target>,
    pools: VecDeque<Target>,
    /// What may wait: statuses of nodes, and Services about which there is nothing new but who announces them.
    budgeted: VecDeque<Target>,
    events: VecDeque<Target>,
    events_are: Events,
    budget: Option<Budget>,
    /// When the status of a pool may be written next.
    next_pool: Option<Instant>,
}

impl Queue {
    fn new(events_are: Events) -> Self {
        Self {
            objects: VecDeque::new(),
            pools: VecDeque::new(),
            budgeted: VecDeque::new(),
            events: VecDeque::new(),
            events_are,
            budget: Some(Budget::new(BURST, PACE)),
            next_pool: None,
        }
    }

    fn push(&mut self, target: Target) {
        match target {
            Target::Pool(_) => self.pools.push_back(target),
            Target::Status(_) => self.budgeted.push_back(target),
            Target::Event(_) => self.events.push_back(target),
            _ => self.objects.push_back(target),
        }
    }

    fn pop(&mut self, now: Instant) -> Option<Target> {
        if self.next_pool.is_none_or(|next| next <= now)
            && let Some(pool) = self.pools.pop_front()
        {
            self.next_pool = Some(now + POOL_PACE);
            return Some(pool);
        }
        if let Some(target) = self.objects.pop_front() {
            return Some(target);
        }
        if self.events_are == Events::Free && self.budgeted.is_empty() {
            return self.events.pop_front();
        }
        let is_allowed = self.waits_for_budget() && self.pays(now);
        if is_allowed {
            let target = self.budgeted.pop_front();
            return target.or_else(|| self.events.pop_front());
        }
        match self.events_are {
            Events::Free => self.events.pop_front(),
            Events::Budgeted => None,
        }
    }

    /// Whether something is queued that counts against the budget.
    fn waits_for_budget(&self) -> bool {
        let events = self.events_are == Events::Budgeted && !self.events.is_empty();
        events || !self.budgeted.is_empty()
    }

    fn pays(&mut self, now: Instant) -> bool {
        self.budget.as_mut().is_none_or(|budget| budget.take(now))
    }

    /// When something can be popped that cannot now.
    fn wakes(&self, now: Instant) -> Option<Instant> {
        let pool = self.next_pool.filter(|_| !self.pools.is_empty());
        let budget = self.budget.filter(|_| self.waits_for_budget());
        pool.into_iter()
            .chain(budget.map(|budget| budget.next(now)))
            .min()
    }
}

impl<K: Sink + 'static> Writer<K> {
    /// Writes while this process leads.
    pub(crate) fn new(sink: Arc<K>, leadership: Leadership, events_are: Events) -> Self {
        Self {
            sink,
            leadership,
            objects: Arc::default(),
            queued: BTreeMap::new(),
            queue: Queue::new(events_are),
            can_wait: BTreeSet::new(),
            writes: FuturesUnordered::new(),
            busy: BTreeSet::new(),
            failures: BTreeMap::new(),
            paused: BTreeMap::new(),
            alarms: BTreeSet::new(),
            errors: 0,
            random: fastrand::Rng::with_seed(u64::from(std::process::id())),
        }
    }

    /// Takes up newer objects, for the writes that have not been begun.
    pub(crate) fn set_objects(&mut self, objects: Arc<ClusterObjects>) {
        self.objects = objects;
    }

    /// Has an effect carried out, in place of any other with the same target that has not been begun.
    pub(crate) fn submit(&mut self, effect: Effect) {
        let target = Target::of(&effect);
        let is_new = self.replace(target.clone(), effect);
        let has_waited = self.can_wait.remove(&target);
        if (is_new || has_waited) && !self.busy.contains(&target) {
            self.queue.push(target);
        }
    }

    /// The same of an effect that can wait for the budget.
    pub(crate) fn submit_later(&mut self, effect: Effect) {
        let target = Target::of(&effect);
        let is_new = self.replace(target.clone(), effect);
        if is_new && !self.busy.contains(&target) {
            self.can_wait.insert(target.clone());
            self.queue.budgeted.push_back(target);
        }
    }

    /// Whether nothing was queued for the target.
    fn replace(&mut self, target: Target, effect: Effect) -> bool {
        if let Some((when, _)) = self.paused.remove(&target) {
            self.alarms.remove(&(when, target.clone()));
        }
        self.queued.insert(target, effect).is_none()
    }

    /// Lets nothing wait for the budget any more: the process is about to end.
    pub(crate) fn hurry(&mut self) {
        self.queue.budget = None;
    }

    /// Whether nothing is queued or under way, or failed and waits to be decided about anew.
    pub(crate) fn is_idle(&self) -> bool {
        self.queued.is_empty() && self.busy.is_empty() && self.paused.is_empty()
    }

    /// Carries out what is queued, and returns with an effect that has failed when it is time to decide about it anew,
    /// or with nothing when a write has ended. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Option<Effect> {
        loop {
            self.begin();
            let alarm = self.alarms.first().map(|(when, _)| *when);
            // Where nothing can be begun, the end of a write is what to wait for.
            let has_room = self.writes.len() < IN_FLIGHT && self.leadership.holds();
            let wakes = self.queue.wakes(Instant::now()).filter(|_| has_room);
            let wakes = alarm.into_iter().chain(wakes).min();
            tokio::select! {
                Some((target, effect, result)) = self.writes.next() => {
                    self.ended(target, effect, result);
                    return None;
                }
                () = sleep_until(wakes.unwrap_or_else(Instant::now)), if wakes.is_some() => {
                    if let Some(effect) = self.resume() {
                        return Some(effect);
                    }
                }
                else => std::future::pending().await,
            }
        }
    }

    /// Whether all that was submitted has been tried, but for what can wait.
    pub(crate) fn is_settled(&self) -> bool {
        let can_wait = |target: &Target| {
            matches!(
                target,
                Target::Pool(_) | Target::Event(_) | Target::Status(_)
            )
        };
        self.queue.objects.is_empty() && self.busy.iter().all(can_wait)
    }

    /// How many writes have failed since the last call.
    pub(crate) fn take_errors(&mut self) -> u64 {
        std::mem::take(&mut self.errors)
    }

    fn begin(&mut self) {
        while self.writes.len() < IN_FLIGHT && self.leadership.holds() {
            let Some(target) = self.queue.pop(Instant::now()) else {
                return;
            };
            let Some(effect) = self.queued.remove(&target) else {
                continue;
            };
            self.can_wait.remove(&target);
            self.busy.insert(target.clone());
            let (sink, objects) = (Arc::clone(&self.sink), Arc::clone(&self.objects));
            self.writes.push(Box::pin(async move {
                let result = sink.apply(effect.clone(), &objects).await;
                (target, effect, result)
            }));
        }
    }

    fn ended(&mut self, target: Target, effect: Effect, result: Result<(), SinkError>) {
        self.busy.remove(&target);
        let is_superseded = self.queued.contains_key(&target);
        if is_superseded {
            self.queue.push(target.clone());
        }
        let Err(error) = result else {
            self.failures.remove(&target);
            return;
        };
        let failure = error.failure();
        if failure == Failure::Gone {
            debug!(%target, error = chain(&error), "nothing to write to any more");
            self.failures.remove(&target);
            return;
        }
        let failures = self.failures.entry(target.clone()).or_default();
        let pause = pause(*failures, &mut self.random);
        *failures = failures.saturating_add(1);
        let gives_up = matches!(target, Target::Event(_)) && *failures >= TRIES_OF_AN_EVENT;
        match failure {
            Failure::Conflict => debug!(%target, ?pause, "changed meanwhile"),
            _ => {
                self.errors = self.errors.saturating_add(1);
                let next = (!gives_up).then_some(pause);
                warn!(%target, error = chain(&error), again_in = ?next, "not written");
            }
        }
        if gives_up {
            self.failures.remove(&target);
        } else if !is_superseded {
            let when = Instant::now() + pause;
            self.alarms.insert((when, target.clone()));
            self.paused.insert(target, (when, effect));
        }
    }

    /// What has paused long enough.
    fn resume(&mut self) -> Option<Effect> {
        let (when, _) = self.alarms.first()?;
        if Instant::now() < *when {
            return None;
        }
        let (_, target) = self.alarms.pop_first()?;
        self.paused.remove(&target).map(|(_, effect)| effect)
    }
}

/// How long to wait after so many failures before: doubling, and by a random part less, so that what failed together does
/// not come back together.
fn pause(failures: u32, random: &mut fastrand::Rng) -> Duration {
    let factor = 1_u32.checked_shl(failures).unwrap_or(u32::MAX);
    let longest = FIRST_PAUSE.saturating_mul(factor).min(LONGEST_PAUSE);
    longest.mul_f64(0.5 + random.f64() / 2.0)
}

/// How many writes are under way at once.
const IN_FLIGHT: usize = 32;
/// How many writes that can wait go out at once.
pub(crate) const BURST: u32 = 100;
/// The time from one of them to the next after that: 20 a second.
pub(crate) const PACE: Duration = Duration::from_millis(50);
/// The time from one write of a pool's status to the next of any pool's: two a second.
const POOL_PACE: Duration = Duration::from_millis(500);
/// How often an event is tried: what it tells is in the condition too, and its object may be in a namespace that takes no
/// new objects.
const TRIES_OF_AN_EVENT: u32 = 6;
/// How long a target is left alone after its first failure, at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// How long a target is left alone at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
