//! Status files below a folder of manifests.

use std::path::{Path, PathBuf};

use planner::effect::{Component, Effect};

use super::{Sink, SinkError};
use crate::translate::ClusterObjects;

/// Writes status files below a folder.
#[derive(Clone, Debug)]
pub struct DirSink {
    status: PathBuf,
    namespace: String,
    component: Component,
}

impl DirSink {
    /// Writes below `folder`/`status`, as `component`; its own objects are in `namespace`.
    pub fn new(folder: &Path, namespace: impl Into<String>, component: Component) -> Self {
        Self { status: folder.join("status"), namespace: namespace.into(), component }
    }
}

impl Sink for DirSink {
    async fn apply(&self, _effect: Effect) -> Result<(), SinkError> {
        Ok(())
    }

    async fn retain(&self, _objects: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}
