//! Label selectors of Kubernetes, compiled.

use std::collections::{BTreeMap, BTreeSet};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// One condition on a label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Requirement {
    /// The label is there, with one of these values.
    In(String, BTreeSet<String>),
    /// The label is absent, or has none of these values.
    NotIn(String, BTreeSet<String>),
    /// The label is there, whatever its value.
    Exists(String),
    /// The label is absent.
    DoesNotExist(String),
}

impl Requirement {
    /// From the three fields of a `matchExpressions` entry.
    ///
    /// # Errors
    ///
    /// An unknown operator; values missing for `In` and `NotIn`, or given for `Exists` and `DoesNotExist`.
    pub fn try_new(
        key: impl Into<String>,
        operator: &str,
        values: impl IntoIterator<Item = String>,
    ) -> Result<Self, SelectorError> {
        let key = key.into();
        let values: BTreeSet<String> = values.into_iter().collect();
        match (operator, values.is_empty()) {
            ("In", false) => Ok(Self::In(key, values)),
            ("NotIn", false) => Ok(Self::NotIn(key, values)),
            ("Exists", true) => Ok(Self::Exists(key)),
            ("DoesNotExist", true) => Ok(Self::DoesNotExist(key)),
            ("In" | "NotIn", true) => Err(SelectorError::ValuesMissing { key }),
            ("Exists" | "DoesNotExist", false) => Err(SelectorError::ValuesNotAllowed { key }),
            _ => Err(SelectorError::UnknownOperator {
                key,
                operator: operator.to_owned(),
            }),
        }
    }

    fn matches(&self, labels: &Labels) -> bool {
        match self {
            Self::In(key, values) => labels.get(key).is_some_and(|value| values.contains(value)),
            Self::NotIn(key, values) => labels.get(key).is_none_or(|value| !values.contains(value)),
            Self::Exists(key) => labels.contains_key(key),
            Self::DoesNotExist(key) => !labels.contains_key(key),
        }
    }
}

/// Why a label selector is not one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// The operator is none of the four.
    #[error(
        "unknown operator {operator:?} for label {key:?}, expected In, NotIn, Exists or DoesNotExist"
    )]
    UnknownOperator {
        /// The label.
        key: String,
        /// What was given.
        operator: String,
    },
    /// `In` or `NotIn` without values.
    #[error("operator In or NotIn for label {key:?} needs at least one value")]
    ValuesMissing {
        /// The label.
        key: String,
    },
    /// `Exists` or `DoesNotExist` with values.
    #[error("operator Exists or DoesNotExist for label {key:?} takes no values")]
    ValuesNotAllowed {
        /// The label.
        key: String,
    },
}

/// A label selector: all of its requirements hold. Without requirements it matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Selector {
    requirements: BTreeSet<Requirement>,
}

impl Selector {
    /// The selector that asks for all of `requirements`.
    #[must_use]
    pub fn new(requirements: impl IntoIterator<Item = Requirement>) -> Self {
        Self {
            requirements: requirements.into_iter().collect(),
        }
    }

    /// The selector of a `matchLabels` map: each label has exactly this value.
    #[must_use]
    pub fn labels<K: Into<String>, V: Into<String>>(
        labels: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        Self::new(
            labels
                .into_iter()
                .map(|(key, value)| Requirement::In(key.into(), BTreeSet::from([value.into()]))),
        )
    }

    /// This selector with one more requirement.
    #[must_use]
    pub fn and(mut self, requirement: Requirement) -> Self {
        self.requirements.insert(requirement);
        self
    }

    /// Whether `labels` meet every requirement.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements
            .iter()
            .all(|requirement| requirement.matches(labels))
    }
}

/// A list of selectors as the `metallb.io` kinds use it: any of them, or everything when the list is empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selectors(Vec<Selector>);

impl Selectors {
    /// The list as given.
    #[must_use]
    pub fn new(selectors: impl IntoIterator<Item = Selector>) -> Self {
        Self(selectors.into_iter().collect())
    }

    /// Whether the list is empty, so that nothing is asked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The selectors in the order given.
    pub fn iter(&self) -> std::slice::Iter<'_, Selector> {
        self.0.iter()
    }

    /// Whether the list is empty or one of its selectors matches.
    #[must_use]
    pub fn match_labels(&self, labels: &Labels) -> bool {
        self.is_empty() || self.any_matches(labels)
    }

    /// Whether one of the selectors matches; an empty list matches nothing here.
    #[must_use]
    pub fn any_matches(&self, labels: &Labels) -> bool {
        self.0.iter().any(|selector| selector.matches(labels))
    }
}

impl FromIterator<Selector> for Selectors {
    fn from_iter<T: IntoIterator<Item = Selector>>(selectors: T) -> Self {
        Self(selectors.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_selector_without_requirements_matches_everything() {
        assert!(Selector::default().matches(&labels(&[])));
        assert!(Selector::default().matches(&labels(&[("a", "b")])));
    }

    #[test]
    fn every_requirement_must_hold() {
        let selector = Selector::labels([("app", "web")])
            .and(Requirement::try_new("zone", "In", ["a".to_owned(), "b".to_owned()]).unwrap())
            .and(Requirement::try_new("canary", "DoesNotExist", []).unwrap());
        assert!(selector.matches(&labels(&[("app", "web"), ("zone", "b")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("zone", "c")])));
        assert!(!selector.matches(&labels(&[("app", "web"), ("zone", "a"), ("canary", "")])));
        assert!(!selector.matches(&labels(&[("zone", "a")])));
    }

    #[test]
    fn not_in_holds_for_an_absent_label() {
        let selector =
            Selector::new([Requirement::try_new("zone", "NotIn", ["a".to_owned()]).unwrap()]);
        assert!(selector.matches(&labels(&[])));
        assert!(selector.matches(&labels(&[("zone", "b")])));
        assert!(!selector.matches(&labels(&[("zone", "a")])));
    }

    #[test]
    fn a_list_of_selectors_is_any_of_them_and_everything_when_empty() {
        let list = Selectors::new([
            Selector::labels([("a", "1")]),
            Selector::labels([("b", "2")]),
        ]);
        assert!(list.match_labels(&labels(&[("b", "2")])));
        assert!(!list.match_labels(&labels(&[("b", "3")])));
        assert!(Selectors::default().match_labels(&labels(&[])));
        assert!(!Selectors::default().any_matches(&labels(&[])));
    }

    #[test]
    fn a_malformed_expression_is_refused_with_its_label() {
        assert_eq!(
            Requirement::try_new("zone", "Gt", ["1".to_owned()]),
            Err(SelectorError::UnknownOperator {
                key: "zone".to_owned(),
                operator: "Gt".to_owned()
            })
        );
        assert_eq!(
            Requirement::try_new("zone", "In", []),
            Err(SelectorError::ValuesMissing {
                key: "zone".to_owned()
            })
        );
        assert_eq!(
            Requirement::try_new("zone", "Exists", ["1".to_owned()]),
            Err(SelectorError::ValuesNotAllowed {
                key: "zone".to_owned()
            })
        );
    }
}
