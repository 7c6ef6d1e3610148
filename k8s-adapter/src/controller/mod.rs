//! The process that hands out addresses.
//!
//! ```text
//! Source ─► ClusterObjects ─translate─► Snapshot ─ Unseen laid over ─► plan_allocation ─► [Effect] ─► Sink
//! ```
//!
//! * Nothing is decided before the source has been read once: an unread cluster never looks like an empty one.
//! * Nothing is remembered about addresses: who has which is read from the Services. What was written and has not come
//!   back through the source yet is laid over them (`unseen.rs`), or an address would be given out twice meanwhile.
//! * An effect that fails is dropped: the next pass sees the same difference. A slow timer sees to it that there is one.

mod facts;
mod flags;
mod log;
mod metrics;
#[cfg(test)]
mod tests;
mod unseen;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use planner::allocation::{AllocationPlan, plan_allocation};
use planner::effect::{Component, ConfigurationState, Effect, Event, EventReason, Involved};
use planner::names::NamespaceName;
use planner::status::configuration_state;
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tracing::{info, warn};

pub use self::facts::{Facts, PoolFacts, Progress};
pub use self::flags::{ControllerFlags, WebhookFlags, WebhookMode};
pub use self::metrics::ControllerMetrics;
use self::unseen::Unseen;
use crate::client::{self, ClientError};
use crate::sink::Sink;
use crate::sink::dir::DirSink;
use crate::sink::kube::KubeSink;
use crate::source::dir::DirSource;
use crate::source::kube::KubeSource;
use crate::source::{Source, SourceError, SourceOption};
use crate::telemetry::{ConfigLog, chain};
use crate::translate::{
    ClusterObjects, ConfigError, Reason, TranslateOptions, Translator, problems,
};

/// Hands out addresses to what the source holds until `stop` is ready.
///
/// # Errors
///
/// There is no way to the API server, or the source cannot be read, or ends.
pub async fn run(
    flags: &ControllerFlags,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    let (options, component) = (flags.translate_options(), Component::Controller);
    let namespace = flags.common.namespace.as_str();
    info!(source = %flags.common.source, "controller started");
    match &flags.common.source {
        SourceOption::Kube => {
            let client = client::connect(flags.common.kubeconfig.as_deref()).await?;
            let source = KubeSource::new(&client, namespace, &component);
            let sink = KubeSink::new(client, namespace, &component);
            Controller::new(options, source, sink).run(stop).await?;
        }
        SourceOption::Dir(folder) => {
            let sink = DirSink::new(folder, namespace, component);
            let source = DirSource::open(folder)?;
            Controller::new(options, source, sink).run(stop).await?;
        }
    }
    info!("controller stopped");
    Ok(())
}

/// Why a controller cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// There is no way to the API server.
    #[error("no way to the API server")]
    Client(#[from] ClientError),
    /// It cannot read what to decide about.
    #[error("cannot read what to decide about")]
    Source(#[from] SourceError),
}

struct Controller<S, K> {
    source: S,
    sink: K,
    translator: Translator,
    log: ConfigLog,
    /// What the last pass decided, which has been told already.
    plan: AllocationPlan,
    /// What has been written and not seen yet.
    unseen: Unseen,
    /// The ConfigurationState that was written last.
    state: Option<ConfigurationState>,
    /// The events on rejected configuration that have been written.
    rejections: BTreeSet<Event>,
}

impl<S: Source, K: Sink> Controller<S, K> {
    fn new(options: TranslateOptions, source: S, sink: K) -> Self {
        Self {
            source,
            sink,
            translator: Translator::new(options),
            log: ConfigLog::default(),
            plan: AllocationPlan::default(),
            unseen: Unseen::default(),
            state: None,
            rejections: BTreeSet::new(),
        }
    }

    async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), SourceError> {
        let mut stop = std::pin::pin!(stop);
        let mut slow = interval_at(Instant::now() + SLOW_TIMER, SLOW_TIMER);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut objects: Option<Arc<ClusterObjects>> = None;
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                newest = self.source.changed() => objects = Some(newest?),
                _ = slow.tick() => self.doubt(),
            }
            if let Some(objects) = &objects {
                self.pass(objects).await;
            }
        }
    }

    /// Decides anew about everything, and makes the world say so.
    async fn pass(&mut self, objects: &ClusterObjects) {
        self.translator.update(objects);
        let mut snapshot = self.translator.snapshot().clone();
        let mut errors = self.translator.errors().to_vec();
        errors.extend(self.translator.overlaps());
        self.log.update(&errors);
        let state = configuration_state(Component::Controller, &problems(&errors));
        self.report(state, objects).await;
        self.tell_of_rejections(&errors, objects).await;
        self.unseen.lay_over(&mut snapshot);
        let plan = plan_allocation(&snapshot);
        for effect in plan.effects(&snapshot, &self.plan) {
            log::effect(&effect);
            if self.apply(effect.clone(), objects).await {
                self.unseen.written(effect, &snapshot);
            }
        }
        if let Err(error) = self.sink.retain(objects).await {
            warn!(
                error = chain(&error),
                "status of objects that are gone could not be removed"
            );
        }
        self.plan = plan;
    }

    async fn report(&mut self, state: ConfigurationState, objects: &ClusterObjects) {
        if self.state.as_ref() != Some(&state)
            && self
                .apply(Effect::ConfigurationState(state.clone()), objects)
                .await
        {
            self.state = Some(state);
        }
    }

    /// What users of another routing daemon must not overlook is an event beside the condition (compat/metallb.md 1.12).
    async fn tell_of_rejections(&mut self, errors: &[ConfigError], objects: &ClusterObjects) {
        let events: BTreeSet<Event> = errors.iter().filter_map(rejection).collect();
        self.rejections.retain(|told| events.contains(told));
        for event in events {
            if !self.rejections.contains(&event)
                && self.apply(Effect::EmitEvent(event.clone()), objects).await
            {
                self.rejections.insert(event);
            }
        }
    }

    async fn apply(&self, effect: Effect, objects: &ClusterObjects) -> bool {
        match self.sink.apply(effect, objects).await {
            Ok(()) => true,
            Err(error) => {
                warn!(
                    error = chain(&error),
                    "status could not be written, will be tried again"
                );
                false
            }
        }
    }

    /// Takes nothing for granted any more that was written a while ago: somebody may have removed it.
    fn doubt(&mut self) {
        self.unseen.expire();
        self.state = None;
    }
}

fn rejection(error: &ConfigError) -> Option<Event> {
    let object = error.object.as_ref()?;
    if error.reason != Reason::RawFrrConfiguration {
        return None;
    }
    Some(Event {
        involved: Involved::ConfigMap {
            namespace: NamespaceName::new(Arc::clone(&object.name.namespace)),
            name: Arc::clone(&object.name.name),
        },
        reason: EventReason::RawConfigurationRejected,
        message: format!("{}: {}", error.field, error.reason),
    })
}

/// How often everything is decided anew, when no change brings it about sooner (compat/metallb.md 11 #19).
const SLOW_TIMER: Duration = Duration::from_secs(30);
