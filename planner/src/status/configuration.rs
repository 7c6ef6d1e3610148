//! What a component tells of the configuration: what is not in force, and what may not do what was meant.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use imbl::OrdMap;

use crate::desired::Desired;
use crate::diff::diff_shared;
use crate::effect::{
    Component, Condition, ConditionStatus, ConfigurationResult, ConfigurationState, Problem,
    Severity,
};
use crate::names::{AdvertisementName, ServiceKey};
use crate::verdict::{Conflict, Reason, Verdict, Verdicts};

/// Advertisements that want different LOCAL_PREF for the addresses of one Service. Which Services their selectors bring them
/// together for is only known once it is decided what to announce; what is known costs what has changed of that.
#[derive(Clone, Debug, Default)]
pub struct Contradictions {
    verdicts: OrdMap<ServiceKey, Verdicts>,
    pairs: BTreeMap<Pair, BTreeSet<ServiceKey>>,
}

/// The advertisement at fault, and the one that it contradicts.
type Pair = (AdvertisementName, AdvertisementName);

impl Contradictions {
    /// Takes up what is decided now.
    pub fn update(&mut self, desired: &Desired) {
        let before = std::mem::replace(&mut self.verdicts, desired.verdicts.clone());
        for change in diff_shared(&before, &desired.verdicts) {
            let service = change.key();
            if let Some(pair) = before.get(service).and_then(contradiction)
                && let Entry::Occupied(mut services) = self.pairs.entry(pair)
            {
                services.get_mut().remove(service);
                if services.get().is_empty() {
                    services.remove();
                }
            }
            if let Some(pair) = desired.verdicts.get(service).and_then(contradiction) {
                let services = self.pairs.entry(pair).or_default();
                services.insert(service.clone());
            }
        }
    }

    /// One problem a pair; it names the first of the Services.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        let firsts = self.pairs.iter();
        let firsts = firsts.filter_map(|(pair, services)| Some((pair, services.first()?)));
        let problems = firsts.map(|((other, one), service)| Problem {
            kind: "BGPAdvertisement".to_owned(),
            name: other.to_string(),
            message: format!(
                "spec.localPref: contradicts BGPAdvertisement {one}, which selects Service {service} too; the Service is \
                 not announced by BGP"
            ),
            severity: Severity::Fault,
        });
        problems.collect()
    }
}

fn contradiction(verdicts: &Verdicts) -> Option<Pair> {
    match &verdicts.bgp {
        Verdict::Withheld(Reason::ConflictingAdvertisements(Conflict::Advertisements(
            one,
            other,
        ))) => Some((other.clone(), one.clone())),
        _ => None,
    }
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
