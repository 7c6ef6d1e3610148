//! What the world is told of this node: status objects, events and the state of the configuration, each when it changes.
//!
//! * It is told by a task of its own, so that a slow sink never holds up an announcement. Of several things to tell only
//!   the newest counts, and what there is to do costs what has changed.
//! * What is written goes through one [`Writer`], within its budget. What fails is tried again, as it is by then.
//! * How many prefixes a peer was sent changes with every Service: that alone is told once in [`COUNTS_PACE`] a session.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use planner::desired::Desired;
use planner::effect::{
    Component, ConfigurationState, Effect, Problem, StatusAbout, StatusBody, StatusId,
};
use planner::names::NodeName;
use planner::observed::Observed;
use planner::status::{Ledger, News, NodeStatus, configuration_state};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use super::SLOW_TIMER;
use crate::lease::Leadership;
use crate::sink::Sink;
use crate::sink::patch::component_name;
use crate::translate::{ClusterObjects, statuses_changed};
use crate::writer::{Events, Writer};

/// All that there is to tell of a node.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// What was decided from; the status objects in it are those that exist.
    pub(super) objects: Arc<ClusterObjects>,
    /// What was decided.
    pub(super) desired: Arc<Desired>,
    /// What has become of it.
    pub(super) observed: Observed,
    /// What is not in force of the configuration.
    pub(super) problems: Vec<Problem>,
    /// How many speakers are alive, where that is known.
    pub(super) alive: Option<u64>,
}

/// Tells the world, and remembers what it has been told.
pub(super) struct Reporter<K> {
    node: NodeName,
    writer: Writer<K>,
    /// The objects that the ledger is up to date with.
    seen: Arc<ClusterObjects>,
    /// What there is to tell; `None` before the first facts.
    status: Option<NodeStatus>,
    /// What exists.
    ledger: Ledger,
    configuration: Option<ConfigurationState>,
    /// Until when sessions may take to be what they were before this process was started.
    patience: Instant,
    /// The sessions of which nothing but counts is to be told, and when.
    counts: BTreeMap<StatusId, Instant>,
    /// When each session was told of last.
    told_at: BTreeMap<StatusId, Instant>,
}

impl<K: Sink + 'static> Reporter<K> {
    /// Has told nothing yet.
    pub(super) fn new(node: NodeName, sink: K) -> Self {
        Self {
            writer: Writer::new(Arc::new(sink), Leadership::always(), Events::Budgeted),
            seen: Arc::default(),
            status: None,
            ledger: Ledger::new(node.clone()),
            configuration: None,
            patience: Instant::now() + PATIENCE,
            counts: BTreeMap::new(),
            told_at: BTreeMap::new(),
            node,
        }
    }

    /// Tells the newest facts, until their sender is gone and the last ones have been told.
    pub(super) async fn run(mut self, mut facts: watch::Receiver<Option<Arc<Facts>>>) {
        let mut slow = interval_at(Instant::now() + SLOW_TIMER, SLOW_TIMER);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let is_waiting = self.status.as_ref().is_some_and(NodeStatus::is_waiting);
            let counts = self.counts.values().min().copied();
            tokio::select! {
                changed = facts.changed() => {
                    let newest = facts.borrow_and_update().clone();
                    if changed.is_err() {
                        break;
                    }
                    if let Some(newest) = newest {
                        self.take_up(&newest);
                    }
                }
                failed = self.writer.next() => self.decide_again(failed),
                () = sleep_until(self.patience), if is_waiting => self.stop_waiting(),
                () = sleep_until(counts.unwrap_or(self.patience)), if counts.is_some() => self.tell_counts(),
                _ = slow.tick() => self.doubt(),
            }
        }
        self.writer.hurry();
        while !self.writer.is_idle() {
            let failed = self.writer.next().await;
            self.decide_again(failed);
        }
    }

    fn take_up(&mut self, facts: &Facts) {
        let mut touched = self.look_at_objects(&facts.objects);
        let is_first = self.status.is_none();
        let (node, ledger) = (&self.node, &self.ledger);
        let start = || NodeStatus::new(node.clone(), ledger.shown());
        let status = self.status.get_or_insert_with(start);
        let News { statuses, events } = status.update(&facts.desired, &facts.observed);
        let own = status.statuses();
        let new: Vec<StatusId> = if is_first {
            own.keys().cloned().collect()
        } else {
            let changed = statuses.iter();
            changed.filter(|id| own.contains_key(id)).cloned().collect()
        };
        touched.extend(statuses);
        self.write(&touched);
        self.supersede(&new);
        for event in events {
            self.writer.submit(Effect::EmitEvent(event));
        }
        self.tell_configuration(configuration_state(
            Component::Speaker(self.node.clone()),
            &facts.problems,
        ));
    }

    /// Takes up the status objects that are not as they were. Returns which; of the state of the configuration it is enough
    /// to know that it has been removed.
    fn look_at_objects(&mut self, objects: &Arc<ClusterObjects>) -> BTreeSet<StatusId> {
        let seen = std::mem::replace(&mut self.seen, Arc::clone(objects));
        if self.shows_state(&seen) && !self.shows_state(objects) {
            self.configuration = None;
        }
        let shown = statuses_changed(objects, &seen);
        self.writer.set_objects(Arc::clone(objects));
        let touched = shown.keys().cloned().collect();
        for (id, body) in shown {
            self.ledger.show(id, body);
        }
        touched
    }

    fn shows_state(&self, objects: &ClusterObjects) -> bool {
        let own = component_name(&Component::Speaker(self.node.clone()));
        let mut names = objects.configuration_states.iter().map(|(name, _)| name);
        names.any(|name| *name.name == *own)
    }

    /// Has everything be as it shall, as far as it is not.
    fn write(&mut self, ids: &BTreeSet<StatusId>) {
        let Some(status) = &self.status else {
            return;
        };
        for id in ids {
            let wanted = status.statuses().get(id);
            if id.node == self.node {
                if is_count_alone(wanted, self.ledger.get(id)) {
                    let told_at = self.told_at.get(id);
                    let when = told_at.map_or_else(Instant::now, |told_at| *told_at + COUNTS_PACE);
                    self.counts.entry(id.clone()).or_insert(when);
                    continue;
                }
                self.counts.remove(id);
                if let Some(effect) = self.ledger.write(id, wanted) {
                    if matches!(id.about, StatusAbout::Session(_)) {
                        self.told_at.insert(id.clone(), Instant::now());
                    }
                    self.writer.submit(effect);
                }
            }
        }
    }

    /// Takes away what others say of Services that are this node's from now on. Only then: whoever says so later is alive,
    /// and has the address now.
    fn supersede(&mut self, own: &[StatusId]) {
        for id in own {
            if let StatusAbout::Layer2(service) = &id.about {
                for effect in self.ledger.supersede(service) {
                    self.writer.submit(effect);
                }
            }
        }
    }

    /// The sessions have had their chance.
    fn stop_waiting(&mut self) {
        if let Some(status) = &mut self.status {
            let news = status.stop_waiting();
            self.write(&news.statuses);
        }
    }

    /// Tells the counts whose time has come.
    fn tell_counts(&mut self) {
        let Some(status) = &self.status else {
            return;
        };
        let now = Instant::now();
        let due = self.counts.iter().filter(|(_, when)| **when <= now);
        let due: Vec<StatusId> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            self.counts.remove(&id);
            if let Some(effect) = self.ledger.write(&id, status.statuses().get(&id)) {
                self.told_at.insert(id, now);
                self.writer.submit(effect);
            }
        }
    }

    fn tell_configuration(&mut self, state: ConfigurationState) {
        if self.configuration.as_ref() != Some(&state) {
            self.configuration = Some(state.clone());
            self.writer.submit(Effect::ConfigurationState(state));
        }
    }

    /// What could not be written may not be right any more.
    fn decide_again(&mut self, failed: Option<Effect>) {
        let effect = match failed {
            Some(Effect::UpsertStatus { id, .. } | Effect::DeleteStatus { id }) => {
                let status = self.status.as_ref();
                let wanted = status.and_then(|status| status.statuses().get(&id));
                Some(self.ledger.overwrite(&id, wanted))
            }
            Some(Effect::ConfigurationState(_)) => {
                self.configuration.clone().map(Effect::ConfigurationState)
            }
            other => other,
        };
        if let Some(effect) = effect {
            self.writer.submit(effect);
        }
    }

    /// What was written long ago and is not shown is written again: somebody may have removed it.
    fn doubt(&mut self) {
        let doubtful = self.ledger.doubt();
        self.write(&doubtful);
        if let Some(state) = self.configuration.take() {
            self.tell_configuration(state);
        }
    }
}

/// Whether two statuses of a session differ in counts alone.
fn is_count_alone(wanted: Option<&StatusBody>, present: Option<&StatusBody>) -> bool {
    let (Some(StatusBody::Session(wanted)), Some(StatusBody::Session(present))) = (wanted, present)
    else {
        return false;
    };
    let mut counted = wanted.clone();
    (counted.sent, counted.accepted) = (present.sent, present.accepted);
    wanted != present && counted == *present
}

/// How long sessions may take to come up again after a start before what was written of them is taken back.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often counts are told.
const COUNTS_PACE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
