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
