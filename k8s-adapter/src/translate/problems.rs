//! Errors as what a ConfigurationState reports.

use std::collections::BTreeMap;

use planner::effect::{Problem, Severity};

use super::error::{ConfigError, Reason};

/// One problem for each object that is not in force as written, for each file that names none, and for each object that
/// is in force and may not do what was meant. Other warnings are no problems.
#[must_use]
pub fn problems(errors: &[ConfigError]) -> Vec<Problem> {
    let mut by_object: BTreeMap<(String, String), (Severity, Vec<String>)> = BTreeMap::new();
    for error in errors {
        let severity = match error.reason {
            _ if error.is_fault() => Severity::Fault,
            Reason::Overlap(_)
            | Reason::NoEffectTowards { .. }
            | Reason::NotSupportedYet { .. } => Severity::Warning,
            _ => continue,
        };
        let message = ConfigError {
            object: None,
            ..error.clone()
        }
        .to_string();
        let entry = by_object.entry(subject(error));
        let (worst, messages) = entry.or_insert((severity, Vec::new()));
        *worst = severity.max(*worst);
        messages.push(message);
    }
    let problems = by_object.into_iter();
    problems
        .map(|((kind, name), (severity, messages))| Problem {
            kind,
            name,
            message: messages.join("; "),
            severity,
        })
        .collect()
}

/// Kind and name of what the error is about, as the type of a condition can hold them: a file's path is brought to
/// letters, digits, `.`, `_` and `-`.
fn subject(error: &ConfigError) -> (String, String) {
    if let Some(object) = &error.object {
        return (object.kind.to_string(), object.name.name.to_string());
    }
    let path = error
        .origin
        .as_ref()
        .map(|origin| origin.file.to_string_lossy().into_owned())
        .unwrap_or_default();
    let legible = |character: char| {
        if character.is_ascii_alphanumeric() || "._".contains(character) {
            character
        } else {
            '-'
        }
    };
    let name: String = path.chars().map(legible).collect();
    let name = name.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    (
        "File".to_owned(),
        if name.is_empty() {
            "folder".to_owned()
        } else {
            name.to_owned()
        },
    )
}
