//! Where the objects come from: an API server ([`kube`]) or a folder of manifests ([`dir`]). Whatever the source, what comes out is
//! [`ClusterObjects`].

mod defaults;
pub mod dir;
pub mod kube;
mod locate;
pub mod manifest;
mod mounted;
pub(crate) mod object;

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

pub use self::mounted::Mounted;
use crate::translate::ClusterObjects;

/// A view of the cluster that can be waited on.
pub trait Source: Send {
    /// The newest objects, as soon as they differ from those returned last. The first call returns as soon as
    /// everything has been read once: an unread cluster never looks like an empty one.
    ///
    /// Changes that arrive while nobody waits come together in the next return. Cancel-safe: a dropped call loses
    /// no change.
    ///
    /// # Errors
    ///
    /// The source cannot be read now. The next call tries again from the beginning.
    fn changed(&mut self) -> impl Future<Output = Result<Arc<ClusterObjects>, SourceError>> + Send;

    /// How often reading has failed for a while since this was asked last: what was read before stays meanwhile, and
    /// [`Source::changed`] goes on by itself.
    fn take_errors(&mut self) -> u64 {
        0
    }
}

/// The source cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The folder cannot be read at all.
    #[error("cannot read {}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Changes of the folder cannot be followed.
    #[error("cannot watch {}", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: notify::Error,
    },
    /// The task or object that fed the source has ended.
    #[error("the source has ended")]
    Ended,
}

/// Flag `--source`: where objects are read and status is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceOption {
    /// `kube`, an API server.
    Kube,
    /// `dir:PATH`, a folder of manifests.
    Dir(PathBuf),
}

impl FromStr for SourceOption {
    type Err = SourceOptionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(':') {
            None if text == "kube" => Ok(Self::Kube),
            Some(("dir", path)) if !path.is_empty() => Ok(Self::Dir(PathBuf::from(path))),
            _ => Err(SourceOptionError),
        }
    }
}

impl fmt::Display for SourceOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kube => f.write_str("kube"),
            Self::Dir(folder) => write!(f, "dir:{}", folder.display()),
        }
    }
}

/// The flag `--source` makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected kube or dir:PATH")]
pub struct SourceOptionError;
