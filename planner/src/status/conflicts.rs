//! What a node tells of hosts that are no speakers and say that an address of it is their own: the problems in its
//! ConfigurationState, and how to read them.

use std::net::IpAddr;

use crate::effect::{Problem, Severity};
use crate::names::NodeName;
use crate::observed::Observed;

/// The claims of such hosts as problems of node `me`: one for each address, in its name a form that the type of a
/// condition can hold. Of more than a hundred the rest is counted.
#[must_use]
pub fn conflicts(observed: &Observed, me: &NodeName) -> Vec<Problem> {
    let problem = |name: String, message: String| Problem {
        kind: "Speaker".to_owned(),
        name,
        message,
        severity: Severity::Warning,
    };
    let told = observed.conflicts.keys().take(TOLD);
    let told = told.filter_map(|address| {
        let message = sentence(*address, observed, me)?;
        Some(problem(format!("{NAME}.{}", legible(*address)), message))
    });
    let untold = observed.conflicts.len().saturating_sub(TOLD);
    let more = (untold > 0).then(|| {
        let message = format!(
            "{untold} more addresses are claimed by other hosts: see the events of their Services"
        );
        problem(NAME.to_owned(), message)
    });
    told.chain(more).collect()
}

/// The address that a condition of a speaker's ConfigurationState is about, if it tells of such a host.
#[must_use]
pub fn contested_address(condition_type: &str) -> Option<IpAddr> {
    let text = condition_type.strip_prefix(CONDITION)?;
    text.parse()
        .ok()
        .or_else(|| text.replace('-', ":").parse().ok())
}

/// That such a host has an address, and what is done about it.
pub(super) fn sentence(address: IpAddr, observed: &Observed, me: &NodeName) -> Option<String> {
    let conflict = observed.conflicts.get(&address)?;
    let outcome = if observed.left.contains(&address) {
        "leaves it to that host for as long as it answers"
    } else {
        "keeps the address, and traffic may go to either"
    };
    Some(format!(
        "{address} is claimed by another host, {conflict} of node {me}: the node {outcome}; remove the address from that \
         host, or give the Service another one"
    ))
}

/// An address without colons, which begins and ends with a digit.
fn legible(address: IpAddr) -> String {
    let text = address.to_string();
    let (before, after) = (text.starts_with(':'), text.ends_with(':'));
    let zero = |is_missing| if is_missing { "0" } else { "" };
    format!("{}{text}{}", zero(before), zero(after)).replace(':', "-")
}

/// What the problems are called.
const NAME: &str = "addressConflict";
/// How the types of their conditions begin, before the address.
const CONDITION: &str = "speaker.metallb.io/addressConflict.";
/// How many addresses have a condition of their own: the object must not grow beyond what an API server takes.
const TOLD: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::effect::Component;
    use crate::observed::Conflict;
    use crate::status::configuration_state;

    fn claimed(addresses: impl IntoIterator<Item = IpAddr>) -> Observed {
        let conflict = Conflict {
            by: [2, 0, 0, 0, 9, 9],
            interface: "eth0".into(),
        };
        let conflicts = addresses.into_iter();
        Observed {
            conflicts: conflicts
                .map(|address| (address, conflict.clone()))
                .collect(),
            ..Observed::default()
        }
    }

    /// The types of the conditions that tell of claims.
    fn types(observed: &Observed) -> Vec<String> {
        let problems = conflicts(observed, &"n1".into());
        let state = configuration_state(Component::Speaker("n1".into()), &problems);
        let conditions = state.conditions.into_iter().skip(1);
        conditions
            .map(|condition| condition.condition_type)
            .collect()
    }

    #[test]
    fn a_condition_names_the_address_whatever_that_looks_like() {
        for (text, written) in [
            ("198.51.100.1", "198.51.100.1"),
            ("2001:db8::1", "2001-db8--1"),
            ("2001:db8::", "2001-db8--0"),
            ("::7", "0--7"),
            ("::ffff:198.51.100.1", "0--ffff-198.51.100.1"),
        ] {
            let address: IpAddr = text.parse().unwrap();
            let types = types(&claimed([address]));
            assert_eq!(
                types,
                [format!("speaker.metallb.io/addressConflict.{written}")]
            );
            assert_eq!(contested_address(&types[0]), Some(address), "{text}");
        }
        for other in [
            "configReconcilerValid",
            "speaker.metallb.io/membership",
            "speaker.metallb.io/addressConflict",
            "speaker.metallb.io/addressConflict.web",
        ] {
            assert_eq!(contested_address(other), None);
        }
    }

    #[test]
    fn a_flood_of_claims_is_counted_beyond_the_first() {
        let addresses = (0..=255).map(|last| IpAddr::from([198, 51, 100, last]));
        let observed = claimed(addresses);
        assert_eq!(types(&observed).len(), TOLD + 1);
        let problems = conflicts(&observed, &"n1".into());
        let last = problems.last().unwrap();
        assert!(last.message.starts_with("156 more"), "{}", last.message);
    }
}
