//! A file that stands for a ConfigMap, as one that is mounted into a pod does: while it is there, what it says counts in
//! place of the ConfigMap.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{fs, io};

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::ObjectMeta;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::sleep;
use tracing::{info, warn};

use super::{Source, SourceError};
use crate::translate::{ClusterObjects, Object, ObjectName, Origin};

/// The objects of another source, and such a file.
#[derive(Debug)]
pub struct Mounted<S> {
    inner: S,
    file: File,
    config_map: ObjectName,
    key: &'static str,
    /// What the other source has shown last.
    objects: Option<Arc<ClusterObjects>>,
}

impl<S: Source> Mounted<S> {
    /// Shows what `inner` does, with the content of the file `path` as the only key of the ConfigMap.
    #[must_use]
    pub fn new(inner: S, path: &Path, config_map: ObjectName, key: &'static str) -> Self {
        Self {
            inner,
            file: File::follow(path),
            config_map,
            key,
            objects: None,
        }
    }

    fn overlaid(&self, objects: &Arc<ClusterObjects>) -> Arc<ClusterObjects> {
        let Some(content) = &self.file.content else {
            return Arc::clone(objects);
        };
        let config_map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(self.config_map.name.to_string()),
                namespace: Some(self.config_map.namespace.to_string()),
                ..ObjectMeta::default()
            },
            data: Some([(self.key.to_owned(), content.clone())].into()),
            ..ConfigMap::default()
        };
        let origin = Origin {
            file: Arc::new(self.file.path.clone()),
            document: 1,
            line: None,
        };
        let mut overlaid = ClusterObjects::clone(objects);
        let object = Object::from_file(config_map, origin);
        overlaid.config_maps.insert(self.config_map.clone(), object);
        Arc::new(overlaid)
    }
}

impl<S: Source> Source for Mounted<S> {
    async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
        let objects = match self.objects.take() {
            None => self.inner.changed().await?,
            Some(before) => {
                // Dropped before it is ready, it has lost nothing.
                let shown = Arc::clone(&before);
                self.objects = Some(before);
                tokio::select! {
                    objects = self.inner.changed() => objects?,
                    () = self.file.changed() => shown,
                }
            }
        };
        let overlaid = self.overlaid(&objects);
        self.objects = Some(objects);
        Ok(overlaid)
    }

    fn take_errors(&mut self) -> u64 {
        self.inner.take_errors()
    }
}

/// A file that may come, change and go.
#[derive(Debug)]
struct File {
    path: PathBuf,
    /// What it says, if it is there.
    content: Option<String>,
    /// `None` while the folder that it would be in is not there.
    folder: Option<Folder>,
}

impl File {
    fn follow(path: &Path) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            content: None,
            folder: Folder::of(path),
        };
        file.read();
        file
    }

    /// Waits until it says something else. Cancel-safe.
    async fn changed(&mut self) {
        loop {
            match &mut self.folder {
                Some(folder) => folder.changed().await,
                None => sleep(FOLDER_PAUSE).await,
            }
            // Anew each time: one that was removed is not followed any more, even if there is another of its name.
            self.folder = Folder::of(&self.path);
            if self.read() {
                return;
            }
        }
    }

    /// Whether it says something else now. What cannot be read stays as it was.
    fn read(&mut self) -> bool {
        let content = match fs::read_to_string(&self.path) {
            Ok(content) => Some(content),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                warn!(file = %self.path.display(), %error, "file kept as it was read last");
                return false;
            }
        };
        let is_other = content != self.content;
        if is_other {
            let is_there = content.is_some();
            info!(file = %self.path.display(), is_there, "file read");
            self.content = content;
        }
        is_other
    }
}

/// The folder of a file: a file that is mounted is replaced beside itself, by links.
#[derive(Debug)]
struct Folder {
    changes: mpsc::Receiver<()>,
    _watcher: RecommendedWatcher,
}

impl Folder {
    fn of(file: &Path) -> Option<Self> {
        let (changed, changes) = mpsc::channel(1);
        let mut watcher =
            notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
                // A full channel is as good: one reading afterwards sees everything. Reading is no change.
                if event.is_ok_and(|event| !event.kind.is_access()) {
                    let _ = changed.try_send(());
                }
            })
            .ok()?;
        let folder = file.parent()?;
        watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
        Some(Self {
            changes,
            _watcher: watcher,
        })
    }

    async fn changed(&mut self) {
        // The watcher holds the other end.
        let _ = self.changes.recv().await;
    }
}

/// How often a folder that is not there is looked for.
const FOLDER_PAUSE: Duration = Duration::from_secs(30);
