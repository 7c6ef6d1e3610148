//! What comes of a decision, and what there is to tell about it, in MetalLB's words.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipam::{Decision, Placement, Release};

use super::request::Case;
use super::{Allocation, AllocationRefusal, Outcome, refusal};
use crate::announced::obstacle;
use crate::effect::{ConditionStatus, Event, EventReason, Involved};
use crate::names::ServiceKey;
use crate::service::{AddressCondition, AddressField, Service, WantedError};
use crate::snapshot::Snapshot;

/// What comes of one Service's case and the decision about it.
pub(super) fn conclude(
    key: &ServiceKey,
    service: &Service,
    case: Case,
    decision: Option<Decision<ServiceKey>>,
    snapshot: &Snapshot,
) -> Allocation {
    let mut teller = Teller {
        key,
        events: Vec::new(),
        notes: Vec::new(),
    };
    let outcome = match case {
        Case::NotOurClass => Outcome::NotOurClass,
        Case::NotLoadBalancer => Outcome::NotLoadBalancer,
        Case::NoClusterIps => teller.refuse(AllocationRefusal::NoClusterIps),
        Case::NotEnoughClusterIps => {
            let text = format!(
                "Service requires dual stack but not enough clusterips {}",
                Plain(&service.cluster_ips)
            );
            teller.tell(EventReason::NotEnoughClusterIps, text);
            Outcome::Refused(AllocationRefusal::NotEnoughClusterIps)
        }
        Case::UnclearClusterIps => teller.unclear_cluster_ips(service),
        Case::Asks { wanted_error, .. } => {
            if service.ingress.iter().any(|field| field.ip().is_none()) {
                let text = format!(
                    "Failed to retrieve LBIPs IPFamily for {}: invalid address",
                    Quoted(&service.ingress)
                );
                teller.tell(EventReason::NoLbIpsIpFamily, text);
            }
            teller.decided(service, decision, wanted_error)
        }
    };
    let condition = condition(&outcome, teller.notes);
    let mut allocation = Allocation {
        outcome,
        condition,
        announced: None,
        events: teller.events,
    };
    let moves = allocation.moves(service);
    if let Outcome::Assigned { pool, addresses } = &allocation.outcome {
        allocation.announced = if moves {
            obstacle(snapshot, key, service, addresses.iter(), pool)
        } else {
            service.announced.clone()
        };
    }
    if moves {
        let tell = |annotation| Event {
            involved: Involved::Service(key.clone()),
            reason: EventReason::DeprecatedAnnotation,
            message: format!("Service uses deprecated annotation {annotation}"),
        };
        let deprecated = service.deprecated_annotations.iter().map(tell);
        allocation.events.extend(deprecated);
    }
    allocation
}

struct Teller<'a> {
    key: &'a ServiceKey,
    events: Vec<Event>,
    /// What the condition of a Service with addresses says beside them.
    notes: Vec<String>,
}

impl Teller<'_> {
    fn tell(&mut self, reason: EventReason, message: String) {
        self.events.push(Event {
            involved: Involved::Service(self.key.clone()),
            reason,
            message,
        });
    }

    fn refuse(&mut self, refusal: AllocationRefusal) -> Outcome {
        let text = format!(
            "Failed to allocate IP for {:?}: {refusal}; {}",
            self.key,
            refusal.remedy()
        );
        self.tell(EventReason::AllocationFailed, text);
        Outcome::Refused(refusal)
    }

    fn unclear_cluster_ips(&mut self, service: &Service) -> Outcome {
        let text = format!(
            "Failed to retrieve ClusterIPs IPFamily for {}: not one address a family",
            Quoted(&service.cluster_ips)
        );
        self.tell(EventReason::NoClusterIpsIpFamily, text);
        if service.ingress.is_empty() {
            Outcome::Refused(AllocationRefusal::UnclearClusterIps)
        } else {
            Outcome::Untouched
        }
    }

    fn decided(
        &mut self,
        service: &Service,
        decision: Option<Decision<ServiceKey>>,
        wanted_error: Option<WantedError>,
    ) -> Outcome {
        if let Some(Release::Refused(refusal)) = decision.as_ref().and_then(Decision::released) {
            let key = self.key;
            let text = format!(
                "current IP for {key:?} not allowed by config, will attempt for new IP assignment: {refusal}"
            );
            self.tell(EventReason::ClearAssignment, text);
        }
        match decision {
            Some(Decision::Keep(placement)) => {
                if let Some(error) = wanted_error {
                    let text = format!("invalid requested loadbalancer IPs: {error}");
                    self.notes
                        .push(format!("{text}; {}", refusal::wanted(&error)));
                    self.tell(EventReason::LoadBalancerFailed, text);
                }
                self.place(placement)
            }
            Some(Decision::AddFamily(placement)) => {
                let had: Vec<IpAddr> = service.addresses().collect();
                for added in placement
                    .addresses
                    .iter()
                    .filter(|address| !had.contains(address))
                {
                    self.tell(
                        EventReason::IpAllocated,
                        format!("Assigned additional IP \"{added}\""),
                    );
                }
                self.place(placement)
            }
            Some(Decision::Assign { placement, .. }) => {
                let addresses: Vec<AddressField> =
                    placement.addresses.iter().map(AddressField::Ip).collect();
                self.tell(
                    EventReason::IpAllocated,
                    format!("Assigned IP {}", Quoted(&addresses)),
                );
                self.place(placement)
            }
            Some(Decision::Fail { error, .. }) => match wanted_error {
                Some(wanted) => self.refuse(AllocationRefusal::Wanted(wanted)),
                None => self.refuse(AllocationRefusal::Allocator(error)),
            },
            // Every request is decided about, and only a holder without a request is just released.
            _ => Outcome::Untouched,
        }
    }

    fn place(&mut self, placement: Placement) -> Outcome {
        if let Some(shortage) = &placement.missing {
            let text = format!("cannot assign additional IP in PreferDualStack: {shortage}");
            self.notes
                .push(format!("{text}; {}", refusal::shortage(shortage)));
            self.tell(EventReason::AdditionalAssignFailed, text);
        }
        Outcome::Assigned {
            pool: placement.pool,
            addresses: placement.addresses,
        }
    }
}

/// The condition that tells of an outcome.
fn condition(outcome: &Outcome, notes: Vec<String>) -> Option<AddressCondition> {
    match outcome {
        Outcome::Assigned { pool, addresses } => {
            let mut parts = vec![format!("{addresses} from pool {pool}")];
            parts.extend(notes);
            Some(AddressCondition {
                status: ConditionStatus::True,
                reason: Cow::Borrowed("Assigned"),
                message: parts.join("; "),
            })
        }
        Outcome::Refused(refusal) => Some(AddressCondition {
            status: ConditionStatus::False,
            reason: Cow::Borrowed(refusal.reason()),
            message: format!("{refusal}; {}", refusal.remedy()),
        }),
        Outcome::NotLoadBalancer | Outcome::NotOurClass | Outcome::Untouched => None,
    }
}

/// A list as Go prints it with `%v`.
struct Plain<'a>(&'a [AddressField]);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        write!(f, "[{}]", texts.join(" "))
    }
}

/// A list as Go prints it with `%q`.
struct Quoted<'a>(&'a [AddressField]);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts: Vec<String> = self.0.iter().map(|field| format!("\"{field}\"")).collect();
        write!(f, "[{}]", texts.join(" "))
    }
}
