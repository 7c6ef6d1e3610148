//! One line a decision.

use planner::effect::{Effect, EventType};
use tracing::{debug, error, info, warn};

use crate::translate::ConfigError;

/// What has been logged, so that nothing is logged twice.
#[derive(Debug, Default)]
pub(super) struct Log {
    errors: Vec<ConfigError>,
}

impl Log {
    /// Logs what is newly wrong with the configuration, and that nothing is any more.
    pub(super) fn errors(&mut self, errors: &[ConfigError]) {
        for new in errors.iter().filter(|error| !self.errors.contains(error)) {
            if new.is_fault() {
                error!(error = %new, "configError");
            } else {
                warn!(warning = %new, "configWarning");
            }
        }
        if errors.is_empty() && !self.errors.is_empty() {
            info!("configValid");
        }
        self.errors = errors.to_vec();
    }
}

/// Logs what is about to change.
pub(super) fn effect(effect: &Effect) {
    match effect {
        Effect::PatchServiceStatus {
            service,
            ingress,
            pool,
        } => match pool {
            Some(pool) => info!(%service, ?ingress, %pool, "addressAssigned"),
            None => info!(%service, "addressCleared"),
        },
        Effect::EmitEvent(event) => {
            let (service, reason, message) = (&event.service, event.reason, event.message.as_str());
            match event.reason.event_type() {
                EventType::Normal => info!(%service, %reason, message),
                EventType::Warning => warn!(%service, %reason, message),
            }
        }
        Effect::PoolStatus { pool, usage } => debug!(%pool, ?usage, "poolUsage"),
        Effect::UpsertStatus { .. }
        | Effect::DeleteStatus { .. }
        | Effect::ConfigurationState(_) => {}
    }
}
