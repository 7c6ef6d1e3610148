//! What is wrong with the configuration and must not be overlooked, as events beside the conditions.

use std::sync::Arc;

use planner::effect::{Event, EventReason, Involved};
use planner::names::NamespaceName;

use super::error::{ConfigError, Kind, ObjectRef, Reason};

/// The event that tells of an error, for those that users of other versions and other routing daemons must not overlook
/// (compat/metallb.md 1.10, 1.12, 1.13). It stays the same for as long as the error does.
#[must_use]
pub fn notice(error: &ConfigError) -> Option<Event> {
    let reason = match error.reason {
        Reason::RawFrrConfiguration => EventReason::RawConfigurationRejected,
        Reason::FrrConfiguration => EventReason::ConfigurationNotHonoured,
        Reason::LegacyConfiguration { .. } => EventReason::DeprecatedConfiguration,
        _ => return None,
    };
    let message = if error.field.is_empty() {
        error.reason.to_string()
    } else {
        format!("{}: {}", error.field, error.reason)
    };
    Some(Event {
        involved: involved(error.object.as_ref()?)?,
        reason,
        message,
    })
}

fn involved(object: &ObjectRef) -> Option<Involved> {
    let namespace = NamespaceName::new(Arc::clone(&object.name.namespace));
    let name = Arc::clone(&object.name.name);
    match object.kind {
        Kind::ConfigMap => Some(Involved::ConfigMap { namespace, name }),
        Kind::FRRConfiguration => Some(Involved::FrrConfiguration { namespace, name }),
        _ => None,
    }
}
