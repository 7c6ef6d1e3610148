//! How reading the cluster goes.

use std::collections::{BTreeMap, BTreeSet};

use crate::translate::Kind;

/// How reading the cluster goes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// The kinds that have not been read yet. Nothing is shown before there is none.
    pub unread: BTreeSet<Kind>,
    /// The kinds that cannot be read now, each with what the server, or the way to it, said. What was read of them before
    /// stays in force.
    pub failing: BTreeMap<Kind, String>,
}

impl Health {
    /// The kinds that are not known as they are now and why, a line each; `None` when all are.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let failing = self.failing.iter();
        let failing = failing.map(|(kind, why)| format!("{kind} cannot be read: {why}"));
        let unread = self.unread.iter();
        let unread = unread
            .filter(|kind| !self.failing.contains_key(kind))
            .map(|kind| format!("{kind} is being read for the first time"));
        let lines: Vec<String> = failing.chain(unread).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }
}
