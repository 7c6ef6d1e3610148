//! What the world is told of this node: status objects, events and the state of the configuration, each when it changes.
//!
//! It is told by a task of its own, so that a slow sink never holds up an announcement. Of several things to tell only
//! the newest counts.

use std::collections::BTreeSet;
use std::sync::Arc;

use planner::desired::Desired;
use planner::effect::{
    Component, ConfigurationState, Effect, Event, Problem, StatusAbout, StatusBody, StatusId,
};
use planner::names::{Interface, NodeName, PeerName, ServiceKey};
use planner::observed::Observed;
use planner::status::{NodeStatus, Statuses, configuration_state, node_status};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::warn;

use super::SLOW_TIMER;
use crate::crd::{ServiceBGPStatus, ServiceL2Status};
use crate::sink::Sink;
use crate::telemetry::chain;
use crate::translate::ClusterObjects;

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
}

/// Tells the world, and remembers what it has been told.
#[derive(Debug)]
pub(super) struct Reporter<K> {
    node: NodeName,
    sink: K,
    /// The objects that `written` was brought up to date with; `None` at first.
    seen: Option<Arc<ClusterObjects>>,
    /// The status objects that exist, of all nodes.
    written: Statuses,
    /// Those of other nodes that the objects do not show.
    found: BTreeSet<StatusId>,
    told: BTreeSet<Event>,
    configuration: Option<ConfigurationState>,
}

impl<K: Sink> Reporter<K> {
    /// Has told nothing yet.
    pub(super) fn new(node: NodeName, sink: K) -> Self {
        let (written, told) = (Statuses::new(), BTreeSet::new());
        Self {
            node,
            sink,
            seen: None,
            written,
            found: BTreeSet::new(),
            told,
            configuration: None,
        }
    }

    /// Tells the newest facts, until their sender is gone and the last ones have been told.
    pub(super) async fn run(mut self, mut facts: watch::Receiver<Option<Arc<Facts>>>) {
        let mut slow = interval_at(Instant::now() + SLOW_TIMER, SLOW_TIMER);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                changed = facts.changed() => if changed.is_err() {
                    return;
                },
                // What could not be told is tried again, and somebody may have removed what was.
                _ = slow.tick() => self.configuration = None,
            }
            let newest = facts.borrow_and_update().clone();
            if let Some(newest) = newest {
                self.report(&newest, &facts).await;
            }
        }
    }

    /// Stops halfway if there are newer facts: what is left is worked out anew from those.
    async fn report(&mut self, facts: &Facts, newer: &watch::Receiver<Option<Arc<Facts>>>) {
        self.look_at_statuses(&facts.objects);
        let status = node_status(&facts.desired, &facts.observed, &self.node);
        self.look_for_predecessors(&status.statuses).await;
        // An event is told again if what it tells ended in between.
        self.told.retain(|event| status.events.contains(event));
        let state = configuration_state(Component::Speaker(self.node.clone()), &facts.problems);
        if self.configuration.as_ref() != Some(&state) {
            let effect = Effect::ConfigurationState(state);
            self.apply(effect, &facts.objects).await;
        }
        for effect in status.effects(&self.node, &self.written, &self.told) {
            self.apply(effect, &facts.objects).await;
            if newer.has_changed().unwrap_or(false) {
                return;
            }
        }
    }

    /// What this node has written itself it knows better than the objects, which show it later or not at all.
    fn look_at_statuses(&mut self, objects: &Arc<ClusterObjects>) {
        match &self.seen {
            Some(seen) if Arc::ptr_eq(seen, objects) => return,
            Some(_) => {
                self.written.retain(|id, _| id.node == self.node);
                self.written
                    .extend(statuses(objects).filter(|(id, _)| id.node != self.node));
            }
            None => {
                self.written = statuses(objects).collect();
                self.told = NodeStatus::told_before(&self.node, &self.written);
            }
        }
        self.seen = Some(Arc::clone(objects));
    }

    /// About to own a Service: whoever owned it before may be dead, and have left its status behind.
    async fn look_for_predecessors(&mut self, wanted: &Statuses) {
        let is_new = |id: &StatusId| {
            matches!(id.about, StatusAbout::Layer2(_)) && !self.written.contains_key(id)
        };
        if wanted.keys().any(is_new) {
            match self.sink.layer2_statuses().await {
                Ok(ids) => {
                    self.found = ids.into_iter().filter(|id| id.node != self.node).collect();
                }
                Err(error) => warn!(
                    error = chain(&error),
                    "status of other nodes cannot be listed"
                ),
            }
        }
        for id in &self.found {
            let interfaces = BTreeSet::new();
            self.written
                .entry(id.clone())
                .or_insert(StatusBody::Layer2 { interfaces });
        }
    }

    /// Remembers what was told; what could not be is told with the next report.
    async fn apply(&mut self, effect: Effect, objects: &ClusterObjects) {
        if let Err(error) = self.sink.apply(effect.clone(), objects).await {
            warn!(
                error = chain(&error),
                "status could not be written, will be tried again"
            );
            return;
        }
        match effect {
            Effect::UpsertStatus { id, body } => {
                self.written.insert(id, body);
            }
            Effect::DeleteStatus { id } => {
                self.written.remove(&id);
                self.found.remove(&id);
            }
            Effect::EmitEvent(event) => {
                self.told.insert(event);
            }
            Effect::ConfigurationState(state) => self.configuration = Some(state),
            Effect::PatchServiceStatus { .. }
            | Effect::PoolStatus { .. }
            | Effect::ReservationStatus { .. }
            | Effect::KeepLastGood(_) => {}
        }
    }
}

/// The status objects among the objects.
fn statuses(objects: &ClusterObjects) -> impl Iterator<Item = (StatusId, StatusBody)> {
    let layer2 = objects
        .service_l2_statuses
        .values()
        .filter_map(|object| layer2_status(object));
    layer2.chain(
        objects
            .service_bgp_statuses
            .values()
            .filter_map(|object| bgp_status(object)),
    )
}

fn layer2_status(object: &ServiceL2Status) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let service = ServiceKey::new(
        status.service_namespace.as_str(),
        status.service_name.as_str(),
    );
    let id = StatusId {
        node: status.node.as_str().into(),
        about: StatusAbout::Layer2(service),
    };
    let interfaces = status
        .interfaces
        .iter()
        .map(|interface| Interface::from(interface.name.as_str()));
    Some((
        id,
        StatusBody::Layer2 {
            interfaces: interfaces.collect(),
        },
    ))
}

fn bgp_status(object: &ServiceBGPStatus) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let service = ServiceKey::new(
        status.service_namespace.as_str(),
        status.service_name.as_str(),
    );
    let id = StatusId {
        node: status.node.as_str().into(),
        about: StatusAbout::Bgp(service),
    };
    let peers = status
        .peers
        .iter()
        .map(|peer| PeerName::from(peer.as_str()));
    Some((
        id,
        StatusBody::Bgp {
            peers: peers.collect(),
        },
    ))
}
