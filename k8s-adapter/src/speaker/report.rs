//! What the world is told of this node: status objects, events and the state of the configuration, each when it changes.

use std::collections::BTreeSet;

use planner::desired::Desired;
use planner::effect::{
    Component, ConfigurationState, Effect, Event, Problem, StatusBody, StatusId, StatusKind,
};
use planner::names::{Interface, NodeName, PeerName, ServiceKey};
use planner::observed::Observed;
use planner::status::{NodeStatus, Statuses, configuration_state, node_status};
use tracing::warn;

use crate::crd::{ServiceBGPStatus, ServiceL2Status};
use crate::sink::Sink;
use crate::telemetry::chain;
use crate::translate::ClusterObjects;

/// Tells the world, and remembers what it has been told.
#[derive(Debug)]
pub(super) struct Reporter<K> {
    node: NodeName,
    sink: K,
    /// The status objects that exist; `None` until they have been read.
    written: Option<Statuses>,
    told: BTreeSet<Event>,
    configuration: Option<ConfigurationState>,
}

impl<K: Sink> Reporter<K> {
    /// Has told nothing yet.
    pub(super) fn new(node: NodeName, sink: K) -> Self {
        Self {
            node,
            sink,
            written: None,
            told: BTreeSet::new(),
            configuration: None,
        }
    }

    /// Tells what is new. What cannot be told is told with the next report.
    pub(super) async fn report(
        &mut self,
        objects: &ClusterObjects,
        desired: &Desired,
        observed: &Observed,
    ) {
        let status = node_status(desired, observed, &self.node);
        if self.written.is_none() {
            let written = written(objects);
            self.told = NodeStatus::told_before(&self.node, &written);
            self.written = Some(written);
        }
        let effects = status.effects(&self.node, self.written.get_or_insert_default(), &self.told);
        // An event is told again after what it is about has been otherwise.
        self.told = self.told.intersection(&status.events).cloned().collect();
        for effect in effects {
            if self.apply(effect.clone()).await {
                self.remember(effect);
            }
        }
    }

    /// Tells what is not in force of the configuration.
    pub(super) async fn report_problems(&mut self, problems: &[Problem]) {
        let state = configuration_state(Component::Speaker(self.node.clone()), problems);
        if self.configuration.as_ref() != Some(&state)
            && self.apply(Effect::ConfigurationState(state.clone())).await
        {
            self.configuration = Some(state);
        }
    }

    async fn apply(&self, effect: Effect) -> bool {
        let applied = self.sink.apply(effect).await;
        if let Err(error) = &applied {
            warn!(error = chain(error), "cannot write status");
        }
        applied.is_ok()
    }

    fn remember(&mut self, effect: Effect) {
        let written = self.written.get_or_insert_default();
        match effect {
            Effect::UpsertStatus { id, body } => {
                written.insert(id, body);
            }
            Effect::DeleteStatus { id } => {
                written.remove(&id);
            }
            Effect::EmitEvent(event) => {
                self.told.insert(event);
            }
            _ => {}
        }
    }
}

/// The status objects that exist, of all nodes.
fn written(objects: &ClusterObjects) -> Statuses {
    let layer2 = objects
        .service_l2_statuses
        .values()
        .filter_map(|object| layer2_status(object));
    layer2
        .chain(
            objects
                .service_bgp_statuses
                .values()
                .filter_map(|object| bgp_status(object)),
        )
        .collect()
}

fn layer2_status(object: &ServiceL2Status) -> Option<(StatusId, StatusBody)> {
    let status = object.status.as_ref()?;
    let service = ServiceKey::new(
        status.service_namespace.as_str(),
        status.service_name.as_str(),
    );
    let id = StatusId {
        kind: StatusKind::ServiceL2Status,
        service,
        node: status.node.as_str().into(),
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
        kind: StatusKind::ServiceBgpStatus,
        service,
        node: status.node.as_str().into(),
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
