//! A certificate in a folder, as a mounted Secret is, followed as it changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;
use tokio::sync::watch;
use tracing::{info, warn};

use super::{CertificateError, certified_key};
use crate::telemetry::chain;

/// `tls.crt` and `tls.key` in one folder.
#[derive(Debug)]
pub struct CertificateFolder {
    path: PathBuf,
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl CertificateFolder {
    /// Follows the folder from now on.
    ///
    /// # Errors
    ///
    /// The folder cannot be watched.
    pub fn open(path: &Path) -> Result<Self, FolderError> {
        let (changed, changes) = mpsc::channel(1);
        let watch = |error| FolderError::Watch {
            path: path.to_owned(),
            source: error,
        };
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // A full channel is as good: one reading afterwards sees everything.  Reading is no change.
                if event.is_ok_and(|event| !event.kind.is_access()) {
                    let _ = changed.try_send(());
                }
            })
            .map_err(watch)?;
        watcher
            .watch(path, RecursiveMode::NonRecursive)
            .map_err(watch)?;
        Ok(Self {
            path: path.to_owned(),
            changes,
            _watcher: watcher,
        })
    }

    /// The certificate as it is now.
    ///
    /// # Errors
    ///
    /// A file is missing or makes no sense.
    pub fn read(&self) -> Result<CertifiedKey, FolderError> {
        let certificate = self.file("tls.crt")?;
        let key = self.file("tls.key")?;
        certified_key(&certificate, &key).map_err(|source| FolderError::Content {
            path: self.path.clone(),
            source,
        })
    }

    /// Serves what is in the folder, until nobody is served any more. While the folder holds nothing that can be used,
    /// the certificate before it stays.
    pub async fn serve(mut self, served: watch::Sender<Option<Arc<CertifiedKey>>>) {
        loop {
            match self.read() {
                Ok(certificate) => {
                    info!(folder = %self.path.display(), "certificate read");
                    served.send_replace(Some(Arc::new(certificate)));
                }
                Err(error) => warn!(error = chain(&error), "certificate kept as it was"),
            }
            tokio::select! {
                change = self.changes.recv() => if change.is_none() { return },
                () = served.closed() => return,
            }
        }
    }

    fn file(&self, name: &str) -> Result<Vec<u8>, FolderError> {
        let path = self.path.join(name);
        fs::read(&path).map_err(|source| FolderError::Read { path, source })
    }
}

/// A folder that holds no usable certificate.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Its changes cannot be followed.
    #[error("cannot watch {}", path.display())]
    Watch {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: notify::Error,
    },
    /// A file of it cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Its files are no certificate with its key.
    #[error("no certificate in {}", path.display())]
    Content {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        source: CertificateError,
    },
}
