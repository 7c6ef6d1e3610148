//! What changed for each Service, one line each, in MetalLB's words.

use std::fmt::Debug;

use planner::desired::Desired;
use planner::diff::{Change, diff_shared};
use planner::names::ServiceKey;
use planner::snapshot::Snapshot;
use planner::verdict::{Reason, Verdict};
use tracing::{debug, info};

use super::tally::{Side, Turn};

/// Logs every Service that is announced and was not, or was announced and is not, and returns them.
pub(super) fn log_turns(snapshot: &Snapshot, before: &Desired, desired: &Desired) -> Vec<Turn> {
    let mut turns = Vec::new();
    for change in diff_shared(&before.verdicts, &desired.verdicts) {
        let (service, now) = match change {
            Change::Add(service, now) | Change::Update(service, now) => (service, Some(now)),
            Change::Remove(service, _) => (service, None),
        };
        let before = before.verdicts.get(service);
        let line = Line {
            service,
            addresses: addresses(snapshot, service),
        };
        turns.extend(line.write(
            "bgp",
            before.map(|verdicts| &verdicts.bgp),
            now.map(|verdicts| &verdicts.bgp),
        ));
        turns.extend(line.write(
            "layer2",
            before.map(|verdicts| &verdicts.layer2),
            now.map(|verdicts| &verdicts.layer2),
        ));
    }
    turns
}

fn addresses(snapshot: &Snapshot, service: &ServiceKey) -> String {
    let service = snapshot.services.get(service).into_iter();
    let addresses = service
        .flat_map(|service| service.addresses())
        .map(|address| address.to_string());
    addresses.collect::<Vec<_>>().join(",")
}

struct Line<'a> {
    service: &'a ServiceKey,
    addresses: String,
}

impl Line<'_> {
    fn write<A: PartialEq + Debug>(
        &self,
        protocol: &'static str,
        before: Option<&Verdict<A>>,
        now: Option<&Verdict<A>>,
    ) -> Option<Turn> {
        if before == now {
            return None;
        }
        let Self {
            service,
            addresses: ips,
        } = self;
        let was_announced = before.and_then(Verdict::announcement).is_some();
        match now {
            Some(Verdict::Announced(_)) if was_announced => {
                info!(%service, ips, protocol, "serviceUpdated");
            }
            Some(Verdict::Announced(_)) => info!(%service, ips, protocol, "serviceAnnounced"),
            Some(Verdict::Withheld(reason)) => self.withheld(protocol, was_announced, reason),
            None if was_announced => {
                info!(%service, protocol, reason = DELETED, "serviceWithdrawn");
            }
            None => {}
        }
        turn(protocol, before, now)
    }

    fn withheld(&self, protocol: &str, was_announced: bool, reason: &Reason) {
        let (service, code, explanation) = (self.service, reason.code(), reason);
        if was_announced {
            info!(%service, protocol, reason = code, %explanation, "serviceWithdrawn");
        } else {
            debug!(%service, protocol, reason = code, %explanation, "notAnnounced");
        }
    }
}

/// That a Service begins to be announced or ceases to be, if it does.
fn turn<A>(
    protocol: &'static str,
    before: Option<&Verdict<A>>,
    now: Option<&Verdict<A>>,
) -> Option<Turn> {
    let announced =
        |verdict: Option<&Verdict<A>>| verdict.and_then(Verdict::announcement).is_some();
    let code = |verdict: Option<&Verdict<A>>| verdict.and_then(Verdict::reason).map(Reason::code);
    let (to, reason) = match (announced(before), announced(now)) {
        (false, true) => (Side::Announced, code(before).unwrap_or(NEW)),
        (true, false) => (Side::Withdrawn, code(now).unwrap_or(DELETED)),
        _ => return None,
    };
    Some(Turn {
        protocol,
        to,
        reason,
    })
}

/// Why a Service that nothing was known of was not announced before.
const NEW: &str = "serviceAdded";
/// MetalLB's reason for one that is no more.
const DELETED: &str = "serviceDeleted";
