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
    /// How often reading has failed since the start.
    pub errors: u64,
}

impl Health {
    /// Whether everything has been read, and is up to date as far as anybody knows.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.unread.is_empty() && self.failing.is_empty()
    }
}
