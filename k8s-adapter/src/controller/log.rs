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
            condition,
            ..
        } => match (pool, condition) {
            (Some(pool), _) => info!(%service, ?ingress, %pool, "addressAssigned"),
            (None, Some(condition)) => {
                info!(%service, reason = %condition.reason, "addressMissing");
            }
            (None, None) => info!(%service, "addressCleared"),
        },
        Effect::EmitEvent(event) => {
            let (object, reason, message) = (&event.involved, event.reason, event.message.as_str());
            match event.reason.event_type() {
                EventType::Normal => info!(%object, %reason, message),
                EventType::Warning => warn!(%object, %reason, message),
            }
        }
        Effect::PoolStatus { pool, usage } => debug!(%pool, ?usage, "poolUsage"),
        Effect::ReservationStatus {
            reservation,
            status,
        } => info!(%reservation, addresses = ?status.addresses, "addressesReserved"),
        Effect::UpsertStatus { .. }
        | Effect::DeleteStatus { .. }
        | Effect::ConfigurationState(_)
        | Effect::KeepLastGood(_) => {}
    }
}
