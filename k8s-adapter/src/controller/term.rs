//! What a controller does while it leads.

use std::sync::Arc;
use std::time::Duration;

use planner::allocation::Allocations;
use planner::effect::{Component, Effect};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};
use tracing::{info, warn};

use super::announced::Announced;
use super::facts::{Facts, PoolFacts, Progress};
use super::keeper::Keeper;
use super::log;
use super::tidings::Tidings;
use crate::lease::Leadership;
use crate::sink::Sink;
use crate::sink::patch::component_name;
use crate::source::{Source, SourceError};
use crate::telemetry::{ConfigLog, chain};
use crate::translate::{
    Changed, ClusterObjects, LAST_GOOD_SECRET, ObjectName, TranslateOptions, Translator,
    last_good_shown,
};
use crate::writer::{Events, Writer};

/// One term of leadership: it begins with nothing but what the source says, and nothing of it is left when it ends.
pub(super) struct Term<'a, K> {
    sink: Arc<K>,
    facts: &'a watch::Sender<Facts>,
    translator: Translator,
    allocations: Allocations,
    announced: Announced,
    tidings: Tidings,
    keeper: Keeper,
    writer: Writer<K>,
    log: ConfigLog,
    /// The name of the controller's ConfigurationState.
    state_name: ObjectName,
    /// What was decided from last; `None` until the source has been read.
    objects: Option<Arc<ClusterObjects>>,
}

impl<'a, K: Sink + 'static> Term<'a, K> {
    /// Has decided nothing yet.
    pub(super) fn new(
        options: TranslateOptions,
        sink: Arc<K>,
        leadership: Leadership,
        facts: &'a watch::Sender<Facts>,
    ) -> Self {
        Self {
            writer: Writer::new(Arc::clone(&sink), leadership, Events::Free),
            sink,
            facts,
            state_name: ObjectName::new(
                Arc::clone(&options.namespace),
                component_name(&Component::Controller),
            ),
            translator: Translator::new(options),
            allocations: Allocations::default(),
            announced: Announced::default(),
            tidings: Tidings::default(),
            keeper: Keeper::default(),
            log: ConfigLog::default(),
            objects: None,
        }
    }

    /// Decides and writes until it is dropped: nothing is begun, and nothing goes on, after that.
    ///
    /// # Errors
    ///
    /// The source cannot be read, or ends.
    pub(super) async fn run(&mut self, mut source: impl Source) -> Result<(), SourceError> {
        let mut slow = interval_at(Instant::now() + SLOW_TIMER, SLOW_TIMER);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let settles = self.announced.next();
            tokio::select! {
                newest = source.changed() => self.update(newest?).await,
                failed = self.writer.next() => self.decide_again(failed),
                () = sleep_until(settles.unwrap_or_else(Instant::now)), if settles.is_some() => {
                    self.tell_announced();
                }
                _ = slow.tick() => self.doubt().await,
            }
            self.tell_facts(source.take_errors());
        }
    }

    /// Decides about what has changed.
    async fn update(&mut self, objects: Arc<ClusterObjects>) {
        let is_first = self.objects.is_none();
        let changed = self.translator.update(&objects);
        self.writer.set_objects(Arc::clone(&objects));
        self.look_for_losses(&objects);
        self.objects = Some(objects);
        self.tell_configuration();
        if changed.reviewed || self.keeper.is_in_doubt() {
            self.keep_last_good();
        }
        let snapshot = self.translator.snapshot();
        let effects = if is_first || changed.config {
            self.allocations.decide_anew(snapshot)
        } else {
            self.allocations.update(snapshot, &changed.services)
        };
        self.carry_out(effects);
        if let Some(objects) = &self.objects {
            let (now, affected) = (Instant::now(), changed.affected());
            self.announced
                .update(now, objects, self.translator.snapshot(), &affected);
        }
        self.count(&changed, is_first);
        let services = &self.translator.snapshot().services;
        let is_any_gone = changed
            .services
            .iter()
            .any(|key| !services.contains_key(key));
        if is_any_gone || changed.config {
            self.drop_leavings().await;
        }
    }

    /// Takes nothing for granted any more that was written a while ago, and decides about everything.
    async fn doubt(&mut self) {
        let Some(objects) = &self.objects else {
            return;
        };
        let state = objects.configuration_states.get(&self.state_name);
        self.tidings.doubt(state.map(Arc::as_ref));
        self.keeper.doubt();
        self.allocations.doubt();
        self.tell_configuration();
        self.keep_last_good();
        let effects = self.allocations.decide_anew(self.translator.snapshot());
        self.carry_out(effects);
        self.drop_leavings().await;
    }

    /// Tells who announces what, as far as that has settled, and removes what nodes that are gone said.
    fn tell_announced(&mut self) {
        let left_behind = self.announced.left_behind(Instant::now());
        self.carry_out(left_behind);
        for (service, condition) in self.announced.settled(Instant::now()) {
            info!(%service, reason = %condition.reason, message = condition.message, "announced");
            let snapshot = self.translator.snapshot();
            let effect = self.allocations.announce(snapshot, &service, condition);
            effect
                .into_iter()
                .for_each(|effect| self.writer.submit_later(effect));
        }
    }

    /// What could not be written may not be right any more.
    fn decide_again(&mut self, failed: Option<Effect>) {
        let snapshot = self.translator.snapshot();
        let effect = failed.and_then(|effect| self.allocations.again(snapshot, effect));
        if let Some(effect) = effect {
            self.writer.submit(effect);
        }
    }

    fn tell_configuration(&mut self) {
        let mut errors = self.translator.errors().to_vec();
        errors.extend(self.translator.overlaps());
        self.log.update(&errors);
        let effects = self.tidings.update(&errors);
        self.carry_out(effects);
    }

    /// What has been written and is there no more is written again.
    fn look_for_losses(&mut self, objects: &ClusterObjects) {
        let Some(before) = &self.objects else {
            return;
        };
        let (states, state) = (&objects.configuration_states, &self.state_name);
        if states.get(state).is_none() && before.configuration_states.get(state).is_some() {
            self.tidings.doubt(None);
        }
        let namespace = Arc::clone(self.translator.namespace());
        let secret = ObjectName::new(namespace, LAST_GOOD_SECRET);
        if objects.secrets.get(&secret).is_none() && before.secrets.get(&secret).is_some() {
            self.keeper.doubt();
        }
    }

    fn keep_last_good(&mut self) {
        let Some(objects) = &self.objects else {
            return;
        };
        let shown = last_good_shown(objects, self.translator.namespace());
        let effect = self.keeper.update(self.translator.last_good(), &shown);
        self.carry_out(Vec::from_iter(effect));
    }

    fn carry_out(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            log::effect(&effect);
            self.writer.submit(effect);
        }
    }

    async fn drop_leavings(&mut self) {
        if let Some(objects) = &self.objects
            && let Err(error) = self.sink.retain(objects).await
        {
            warn!(
                error = chain(&error),
                "status of objects that are gone could not be removed"
            );
        }
    }

    fn count(&self, changed: &Changed, is_first: bool) {
        let services = u64::try_from(changed.services.len()).unwrap_or(u64::MAX);
        let updates = services.saturating_add(u64::from(changed.config));
        let errors = self.translator.errors();
        let is_stale = errors.iter().any(|error| error.is_fault());
        self.facts.send_if_modified(|facts| {
            facts.updates = facts.updates.saturating_add(updates);
            facts.config_loaded = true;
            facts.config_stale = is_stale;
            if is_first {
                facts.progress = Progress::FirstRound;
            }
            true
        });
    }

    fn tell_facts(&mut self, read_errors: u64) {
        let errors = self.writer.take_errors().saturating_add(read_errors);
        let pools = self.allocations.usage().into_iter().map(|(pool, usage)| {
            let services = self.allocations.holders(&pool);
            (pool, PoolFacts { usage, services })
        });
        let pools = pools.collect();
        let is_settled = self.writer.is_settled();
        self.facts.send_if_modified(|facts| {
            let is_through = facts.progress == Progress::FirstRound && is_settled;
            if is_through {
                facts.progress = Progress::Deciding;
            }
            facts.update_errors = facts.update_errors.saturating_add(errors);
            let differs = facts.pools != pools;
            facts.pools = pools;
            differs || is_through || errors > 0
        });
    }
}

/// How often everything is decided anew, when no change brings it about sooner (compat/metallb.md 11 #19).
pub(super) const SLOW_TIMER: Duration = Duration::from_secs(30);
