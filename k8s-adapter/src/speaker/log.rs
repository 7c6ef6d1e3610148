//! What changed, one line each, in MetalLB's words.

use std::fmt::Debug;
use std::sync::Arc;

use planner::desired::Desired;
use planner::diff::{Change, diff};
use planner::names::ServiceKey;
use planner::verdict::{Reason, Verdict};
use tracing::{debug, error, info, warn};

use crate::translate::ConfigError;

/// What has been logged, so that nothing is logged twice.
#[derive(Default)]
pub(super) struct Log {
    desired: Arc<Desired>,
    errors: Vec<ConfigError>,
}

impl Log {
    /// Logs what is newly wrong with the configuration.
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

    /// Logs every Service that is announced and was not, or was announced and is not.
    pub(super) fn decision(&mut self, desired: &Arc<Desired>) {
        let before = std::mem::replace(&mut self.desired, Arc::clone(desired));
        for change in diff(&before.verdicts, &desired.verdicts) {
            let (service, now) = match change {
                Change::Add(service, now) | Change::Update(service, now) => (service, Some(now)),
                Change::Remove(service, _) => (service, None),
            };
            let before = before.verdicts.get(service);
            protocol(
                service,
                "bgp",
                before.map(|verdicts| &verdicts.bgp),
                now.map(|verdicts| &verdicts.bgp),
            );
            protocol(
                service,
                "layer2",
                before.map(|verdicts| &verdicts.layer2),
                now.map(|verdicts| &verdicts.layer2),
            );
        }
    }
}

fn protocol<A: PartialEq + Debug>(
    service: &ServiceKey,
    protocol: &str,
    before: Option<&Verdict<A>>,
    now: Option<&Verdict<A>>,
) {
    if before == now {
        return;
    }
    let was_announced = before.and_then(Verdict::announcement).is_some();
    match now {
        Some(Verdict::Announced(_)) if was_announced => info!(%service, protocol, "serviceUpdated"),
        Some(Verdict::Announced(_)) => info!(%service, protocol, "serviceAnnounced"),
        Some(Verdict::Withheld(reason)) => withheld(service, protocol, was_announced, reason),
        None if was_announced => {
            info!(%service, protocol, reason = "serviceDeleted", "serviceWithdrawn")
        }
        None => {}
    }
}

fn withheld(service: &ServiceKey, protocol: &str, was_announced: bool, reason: &Reason) {
    let (code, explanation) = (reason.code(), reason);
    if was_announced {
        info!(%service, protocol, reason = code, %explanation, "serviceWithdrawn");
    } else {
        debug!(%service, protocol, reason = code, %explanation, "notAnnounced");
    }
}
