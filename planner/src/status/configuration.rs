//! What a component tells of the configuration: what is not in force, and what may not do what was meant.

use std::collections::BTreeMap;

use crate::desired::Desired;
use crate::effect::{
    Component, Condition, ConditionStatus, ConfigurationResult, ConfigurationState, Problem,
    Severity,
};
use crate::verdict::{Conflict, Reason, Verdict};

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
