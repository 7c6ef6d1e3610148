//! Where effects go: objects of an API server ([`kube`]) or files below a folder's `status/` ([`dir`]). Only here is anything written.

pub mod dir;
pub mod kube;
pub mod node;
pub mod patch;

use std::path::PathBuf;

use planner::effect::Effect;

use crate::translate::{ClusterObjects, ObjectName};

/// Carries out effects.
pub trait Sink: Send + Sync {
    /// Makes the world say what the effect says; writes nothing when it does already. `objects` is what the effect was
    /// decided from: a Service that has become another object or version since is a [conflict](Failure::Conflict).
    ///
    /// # Errors
    ///
    /// The effect was not carried out. [`SinkError::failure`] says whether that matters.
    fn apply(
        &self,
        effect: Effect,
        objects: &ClusterObjects,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;

    /// Drops what was written about objects that are no more, where nobody else does: an API server forgets a status
    /// with its object by itself.
    ///
    /// # Errors
    ///
    /// Something is still there. The next call tries again.
    fn retain(
        &self,
        objects: &ClusterObjects,
    ) -> impl Future<Output = Result<(), SinkError>> + Send;
}

/// An effect that was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// A status file cannot be read or written.
    #[error("status file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A name that an object cannot have, which is no name for a file either.
    #[error("{0:?} is no name of an object")]
    Name(String),
    /// The status cannot be put into text.
    #[error("status cannot be written as YAML")]
    Encode(#[from] serde_saphyr::SerializeError),
    /// An event cannot be put into text.
    #[error("event cannot be written as JSON")]
    EncodeEvent(#[from] serde_json::Error),
    /// The API server has not carried it out.
    #[error(transparent)]
    Api(#[from] kube::ApiError),
    /// The object is not there.
    #[error("there is no {0} any more")]
    NoObject(ObjectName),
}

/// What it means that an effect was not carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The object has changed since the effect was decided: it must be decided anew, from the object as it is now.
    Conflict,
    /// There is no such object, and so nothing to do.
    Gone,
    /// It may be carried out later.
    Transient,
}

impl SinkError {
    /// What it means for the effect.
    #[must_use]
    pub fn failure(&self) -> Failure {
        match self {
            Self::Api(error) => error.failure,
            Self::Name(_) | Self::NoObject(_) => Failure::Gone,
            Self::File { .. } | Self::Encode(_) | Self::EncodeEvent(_) => Failure::Transient,
        }
    }
}

#[cfg(test)]
mod tests;
