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
            BGP,
            before.map(|verdicts| &verdicts.bgp),
            now.map(|verdicts| &verdicts.bgp),
        ));
        turns.extend(line.write(
            LAYER2,
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
        by: Protocol,
        before: Option<&Verdict<A>>,
        now: Option<&Verdict<A>>,
    ) -> Option<Turn> {
        if before == now {
            return None;
        }
        let protocol = by.name;
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
        turn(by, before, now)
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
fn turn<A>(by: Protocol, before: Option<&Verdict<A>>, now: Option<&Verdict<A>>) -> Option<Turn> {
    let announced =
        |verdict: Option<&Verdict<A>>| verdict.and_then(Verdict::announcement).is_some();
    let (to, reason) = match (announced(before), announced(now)) {
        (false, true) => (Side::Announced, by.why_announced),
        (true, false) => {
            let reason = now.and_then(Verdict::reason).map(Reason::code);
            (Side::Withdrawn, reason.unwrap_or(DELETED))
        }
        _ => return None,
    };
    Some(Turn {
        protocol: by.name,
        to,
        reason,
    })
}

/// A protocol, in the words of logs and metrics.
#[derive(Clone, Copy)]
struct Protocol {
    name: &'static str,
    /// Why a node announces a Service by it.
    why_announced: &'static str,
}

const BGP: Protocol = Protocol {
    name: "bgp",
    why_announced: "advertised",
};
const LAYER2: Protocol = Protocol {
    name: "layer2",
    why_announced: "elected",
};
/// MetalLB's reason for one that is no more.
const DELETED: &str = "serviceDeleted";

#[cfg(test)]
mod tests {
    use planner::desired::{InterfaceSelection, Tenure};
    use planner::endpoints::EndpointCount;
    use planner::verdict::{BgpAnnouncement, L2Announcement, NotOwner, Verdicts};

    use super::*;

    fn deciding(verdicts: Verdicts) -> Desired {
        let mut desired = Desired::default();
        desired
            .verdicts
            .insert(ServiceKey::new("a", "web"), verdicts);
        desired
    }

    fn announced() -> Desired {
        deciding(Verdicts {
            bgp: Verdict::Announced(BgpAnnouncement {
                peers: Default::default(),
            }),
            layer2: Verdict::Announced(L2Announcement {
                addresses: Vec::new(),
                interfaces: InterfaceSelection::All,
                tenure: Tenure::Owner,
            }),
        })
    }

    fn withheld() -> Desired {
        let owner = NotOwner::Elected { owner: "b".into() };
        deciding(Verdicts {
            bgp: Verdict::Withheld(Reason::NoEndpoints {
                total: EndpointCount::default(),
            }),
            layer2: Verdict::Withheld(Reason::NotOwner(owner)),
        })
    }

    /// Protocol, side and reason of each turn from one state to the other.
    fn turns(before: &Desired, now: &Desired) -> Vec<String> {
        let turns = log_turns(&Snapshot::default(), before, now).into_iter();
        let text = |turn: Turn| {
            let to = turn.to.as_str();
            format!("{} {to} {}", turn.protocol, turn.reason)
        };
        turns.map(text).collect()
    }

    #[test]
    fn the_reason_of_a_turn_is_that_of_the_state_that_begins() {
        let begun = ["bgp announced advertised", "layer2 announced elected"];
        assert_eq!(turns(&withheld(), &announced()), begun);
        assert_eq!(turns(&Desired::default(), &announced()), begun);
        assert_eq!(
            turns(&announced(), &withheld()),
            ["bgp withdrawn noEndpoints", "layer2 withdrawn notOwner"]
        );
        assert_eq!(
            turns(&announced(), &Desired::default()),
            [
                "bgp withdrawn serviceDeleted",
                "layer2 withdrawn serviceDeleted"
            ]
        );
        assert!(turns(&Desired::default(), &withheld()).is_empty());
    }
}
