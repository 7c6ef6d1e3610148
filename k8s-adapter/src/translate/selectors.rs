//! Label selectors, compiled, with the checks that an API server makes.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use planner::selector::{Requirement, Selector, Selectors};

use super::error::Reason;
use super::last_good::Faults;

/// A list of selectors in which none is there twice.
pub(super) fn selectors(faults: &mut Faults, field: &str, list: &[LabelSelector]) -> Selectors {
    let mut compiled: Vec<Selector> = Vec::with_capacity(list.len());
    for (index, item) in list.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let Some(item) = selector(faults, &field, item) else {
            continue;
        };
        if compiled.contains(&item) {
            faults.reject(field, Reason::Duplicate("the same selector".to_owned()));
        } else {
            compiled.push(item);
        }
    }
    Selectors::new(compiled)
}

/// One selector; `None` when it is not valid.
pub(super) fn selector(
    faults: &mut Faults,
    field: &str,
    selector: &LabelSelector,
) -> Option<Selector> {
    let mut requirements = BTreeSet::new();
    let mut is_valid = true;
    for (key, value) in selector.match_labels.iter().flatten() {
        let field = format!("{field}.matchLabels");
        is_valid &= is_label(faults, &field, key, Some(value));
        requirements.extend(faults.check(
            field,
            Requirement::try_new(key.as_str(), "In", [value.clone()]),
        ));
    }
    let expressions = selector.match_expressions.iter().flatten();
    let mut seen = BTreeSet::new();
    for (index, expression) in expressions.enumerate() {
        let field = format!("{field}.matchExpressions[{index}]");
        let values = expression.values.clone().unwrap_or_default();
        is_valid &= is_label(faults, &field, &expression.key, None);
        for value in &values {
            is_valid &= is_label(faults, &field, &expression.key, Some(value));
        }
        faults.distinct(&format!("{field}.values"), &values);
        match Requirement::try_new(expression.key.as_str(), &expression.operator, values) {
            Ok(requirement) if seen.insert(requirement.clone()) => {
                requirements.insert(requirement);
            }
            Ok(_) => faults.reject(field, Reason::Duplicate("the same expression".to_owned())),
            Err(error) => {
                is_valid = false;
                faults.reject(field, Reason::Invalid(error.to_string()));
            }
        }
    }
    is_valid.then(|| Selector::new(requirements))
}

/// Whether a label can have this key and this value; anything else would never match.
fn is_label(faults: &mut Faults, field: &str, key: &str, value: Option<&str>) -> bool {
    let (prefix, name) = key
        .rsplit_once('/')
        .map_or((None, key), |(prefix, name)| (Some(prefix), name));
    if name.is_empty()
        || !is_label_text(name)
        || prefix.is_some_and(|prefix| !is_dns_subdomain(prefix))
    {
        faults.reject(
            field,
            Reason::Invalid(format!("{key:?} is no key of a label")),
        );
        return false;
    }
    if let Some(value) = value.filter(|value| !is_label_text(value)) {
        faults.reject(
            field,
            Reason::Invalid(format!("{value:?} is no value of a label")),
        );
        return false;
    }
    true
}

/// At most 63 letters, digits, `-`, `_` and `.`, the first and last of them a letter or digit.
fn is_label_text(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let is_end = |byte: Option<u8>| byte.is_none_or(|byte| byte.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(is_inner)
        && is_end(text.bytes().next())
        && is_end(text.bytes().last())
}

fn is_dns_subdomain(text: &str) -> bool {
    let is_label = |label: &str| {
        let is_inner =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        !label.is_empty()
            && label.bytes().all(is_inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(is_label)
}
