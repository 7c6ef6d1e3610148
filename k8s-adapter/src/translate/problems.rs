//! Errors as what a ConfigurationState reports.

use std::collections::BTreeMap;

use planner::effect::Problem;

use super::error::ConfigError;

/// One problem for each object that is not in force as written, and for each file that names none. Warnings are no
/// problems.
#[must_use]
pub fn problems(errors: &[ConfigError]) -> Vec<Problem> {
    let mut messages: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for error in errors.iter().filter(|error| error.is_fault()) {
        let message = ConfigError {
            object: None,
            ..error.clone()
        }
        .to_string();
        messages.entry(subject(error)).or_default().push(message);
    }
    let problems = messages.into_iter();
    problems
        .map(|((kind, name), messages)| Problem {
            kind,
            name,
            message: messages.join("; "),
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
