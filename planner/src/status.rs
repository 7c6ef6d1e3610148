//! What a node tells the world about itself, from what it wants and what its drivers see.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::desired::{Desired, InterfaceSelection};
use crate::diff::{Change, diff};
use crate::effect::{
    Component, Condition, ConditionStatus, ConfigurationResult, ConfigurationState, Effect, Event,
    EventReason, Involved, Problem, Severity, StatusAbout, StatusBody, StatusId,
};
use crate::names::{Interface, NodeName, PeerName, ServiceKey};
use crate::observed::Observed;
use crate::verdict::{Conflict, PeerVerdict, Reason, Verdict};

/// Status objects by what they are about.
pub type Statuses = BTreeMap<StatusId, StatusBody>;

/// What a node has to tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeStatus {
    /// The status objects that shall exist for this node.
    pub statuses: Statuses,
    /// What there is to tell about Services as things stand. Each is told once: see [`NodeStatus::effects`].
    pub events: BTreeSet<Event>,
}

/// What node `me` has to tell.
///
/// A ServiceL2Status exists where the node answers for the Service on at least one interface, a ServiceBGPStatus where
/// at least one peer has really been sent a prefix of it.
#[must_use]
pub fn node_status(desired: &Desired, observed: &Observed, me: &NodeName) -> NodeStatus {
    let mut status = NodeStatus::default();
    for (service, verdicts) in &desired.verdicts {
        if let Some(announcement) = verdicts.layer2.announcement() {
            match present(&announcement.interfaces, observed) {
                Some(interfaces) => {
                    let id = StatusId {
                        node: me.clone(),
                        about: StatusAbout::Layer2(service.clone()),
                    };
                    status.events.extend(assigned(&id));
                    status
                        .statuses
                        .insert(id, StatusBody::Layer2 { interfaces });
                }
                None => status
                    .events
                    .extend(announcement.addresses.iter().map(|address| Event {
                        involved: Involved::Service(service.clone()),
                        reason: EventReason::AnnounceFailed,
                        message: nowhere(&announcement.interfaces, *address, me),
                    })),
            }
        }
        if let Some(announcement) = verdicts.bgp.announcement() {
            let mut verdicts = announcement.peers.values();
            if verdicts.any(|verdict| matches!(verdict, PeerVerdict::Advertised(_))) {
                status.events.extend(assigned(&StatusId {
                    node: me.clone(),
                    about: StatusAbout::Bgp(service.clone()),
                }));
            }
        }
    }
    for (service, peers) in advertised(desired, observed) {
        let id = StatusId {
            node: me.clone(),
            about: StatusAbout::Bgp(service),
        };
        status.statuses.insert(id, StatusBody::Bgp { peers });
    }
    status
}

/// The interfaces to show for a selection (none: all), or `None` if there is none to answer on.
fn present(selection: &InterfaceSelection, observed: &Observed) -> Option<BTreeSet<Interface>> {
    match selection {
        InterfaceSelection::All => (!observed.interfaces.is_empty()).then(BTreeSet::new),
        InterfaceSelection::Named(named) => {
            let present: BTreeSet<_> = named.intersection(&observed.interfaces).cloned().collect();
            (!present.is_empty()).then_some(present)
        }
    }
}

/// That an address is answered for on no interface; where some are named, in MetalLB's words.
fn nowhere(selection: &InterfaceSelection, address: IpAddr, me: &NodeName) -> String {
    match selection {
        InterfaceSelection::All => format!(
            "no interface for LB IP \"{address}\" is usable in assigned node \"{me}\" with protocol \"layer2\""
        ),
        InterfaceSelection::Named(_) => format!(
            "the interfaces specified by LB IP \"{address}\" doesn't exist in assigned node \"{me}\" with protocol \
             \"layer2\""
        ),
    }
}

/// For each Service the peers that have really been sent a prefix of it.
fn advertised(desired: &Desired, observed: &Observed) -> BTreeMap<ServiceKey, BTreeSet<PeerName>> {
    let mut peers: BTreeMap<ServiceKey, BTreeSet<PeerName>> = BTreeMap::new();
    for (name, peer) in &desired.peers {
        let Some(session) = observed.sessions.get(name) else {
            continue;
        };
        for (_, route) in peer
            .routes
            .iter()
            .filter(|(prefix, _)| session.sent.contains(*prefix))
        {
            for service in route.services.iter() {
                peers
                    .entry(service.clone())
                    .or_default()
                    .insert(name.clone());
            }
        }
    }
    peers
}

/// What there is to tell of a Service with such a status.
fn assigned(id: &StatusId) -> Option<Event> {
    let (service, protocol) = match &id.about {
        StatusAbout::Layer2(service) => (service, "layer2"),
        StatusAbout::Bgp(service) => (service, "bgp"),
        StatusAbout::Session(_) => return None,
    };
    let message = format!(
        "announcing from node \"{}\" with protocol \"{protocol}\"",
        id.node
    );
    Some(Event {
        involved: Involved::Service(service.clone()),
        reason: EventReason::NodeAssigned,
        message,
    })
}

impl NodeStatus {
    /// What a process that starts may take as told by the one before it: what the status objects of its node say.
    #[must_use]
    pub fn told_before(me: &NodeName, written: &Statuses) -> BTreeSet<Event> {
        written
            .keys()
            .filter(|id| id.node == *me)
            .filter_map(assigned)
            .collect()
    }

    /// What must change outside, given the status objects that exist, of whatever node, and what has been told in the
    /// pass before. Objects of other nodes are left alone, save a ServiceL2Status of a Service that this node owns: a
    /// node that is dead cannot take it back itself.
    #[must_use]
    pub fn effects(
        &self,
        me: &NodeName,
        written: &Statuses,
        told: &BTreeSet<Event>,
    ) -> Vec<Effect> {
        let mut effects = Vec::new();
        for change in diff(written, &self.statuses) {
            match change {
                Change::Add(id, body) | Change::Update(id, body) => {
                    effects.push(Effect::UpsertStatus {
                        id: id.clone(),
                        body: body.clone(),
                    });
                }
                Change::Remove(id, _) if id.node == *me || self.supersedes(id, me) => {
                    effects.push(Effect::DeleteStatus { id: id.clone() });
                }
                Change::Remove(..) => {}
            }
        }
        effects.extend(self.events.difference(told).cloned().map(Effect::EmitEvent));
        effects
    }

    fn supersedes(&self, id: &StatusId, me: &NodeName) -> bool {
        let own = StatusId {
            node: me.clone(),
            ..id.clone()
        };
        matches!(id.about, StatusAbout::Layer2(_)) && self.statuses.contains_key(&own)
    }
}

/// Advertisements that want different LOCAL_PREF for the addresses of one Service, one problem a pair. Which Services
/// their selectors bring them together for is only known once it is decided what to announce.
#[must_use]
pub fn contradictions(desired: &Desired) -> Vec<Problem> {
    let mut pairs = BTreeMap::new();
    for (service, verdicts) in &desired.verdicts {
        if let Verdict::Withheld(Reason::ConflictingAdvertisements(Conflict::Advertisements(
            one,
            other,
        ))) = &verdicts.bgp
        {
            pairs.entry((other, one)).or_insert(service);
        }
    }
    let problems = pairs.into_iter().map(|((other, one), service)| Problem {
        kind: "BGPAdvertisement".to_owned(),
        name: other.to_string(),
        message: format!(
            "spec.localPref: contradicts BGPAdvertisement {one}, which selects Service {service} too; the Service is not \
             announced by BGP"
        ),
        severity: Severity::Fault,
    });
    problems.collect()
}

/// One problem for each object, in their order: no two conditions of a ConfigurationState may have the same type.
fn by_object(problems: &[Problem]) -> Vec<Problem> {
    let mut merged: BTreeMap<(&str, &str), (Severity, Vec<&str>)> = BTreeMap::new();
    for problem in problems {
        let object = (problem.kind.as_str(), problem.name.as_str());
        let entry = merged.entry(object);
        let (severity, messages) = entry.or_insert((problem.severity, Vec::new()));
        *severity = problem.severity.max(*severity);
        messages.push(&problem.message);
    }
    let problems = merged
        .into_iter()
        .map(|((kind, name), (severity, messages))| Problem {
            kind: kind.to_owned(),
            name: name.to_owned(),
            message: messages.join("; "),
            severity,
        });
    problems.collect()
}

/// The ConfigurationState of a component: one condition for all, one for each object that is not in force, and one, which
/// is true, for each that is and may not do what was meant.
#[must_use]
pub fn configuration_state(component: Component, problems: &[Problem]) -> ConfigurationState {
    let problems = by_object(problems);
    let condition_type = match component {
        Component::Controller => "poolReconcilerValid",
        Component::Speaker(_) => "configReconcilerValid",
    };
    let faults = problems
        .iter()
        .filter(|problem| problem.severity == Severity::Fault);
    let texts: Vec<String> = faults
        .map(|problem| format!("{} {}: {}", problem.kind, problem.name, problem.message))
        .collect();
    let error_summary = texts.join("\n");
    let (result, status, reason) = if texts.is_empty() {
        (
            ConfigurationResult::Valid,
            ConditionStatus::True,
            "Reconciled",
        )
    } else {
        (
            ConfigurationResult::Invalid,
            ConditionStatus::False,
            "ConfigurationError",
        )
    };
    let mut conditions = vec![Condition {
        condition_type: condition_type.to_owned(),
        status,
        reason,
        message: error_summary.clone(),
    }];
    conditions.extend(problems.iter().map(|problem| Condition {
        condition_type: format!(
            "{}.metallb.io/{}",
            problem.kind.to_lowercase(),
            problem.name
        ),
        status: match problem.severity {
            Severity::Warning => ConditionStatus::True,
            Severity::Fault => ConditionStatus::False,
        },
        reason: match problem.severity {
            Severity::Warning => "Warning",
            Severity::Fault => "ConfigurationError",
        },
        message: problem.message.clone(),
    }));
    ConfigurationState {
        component,
        result,
        error_summary,
        conditions,
    }
}
