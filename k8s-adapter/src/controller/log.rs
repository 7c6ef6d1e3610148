//! One line a decision.

use planner::effect::{Effect, EventType};
use tracing::{debug, info, warn};

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
            let (object, reason, message) = (&event.involved, event.reason, event.message.as_str());
            match event.reason.event_type() {
                EventType::Normal => info!(%object, %reason, message),
                EventType::Warning => warn!(%object, %reason, message),
            }
        }
        Effect::PoolStatus { pool, usage } => debug!(%pool, ?usage, "poolUsage"),
        Effect::UpsertStatus { .. }
        | Effect::DeleteStatus { .. }
        | Effect::ConfigurationState(_) => {}
    }
}
