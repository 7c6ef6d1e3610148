//! A file that stands for a ConfigMap, as one that is mounted into a pod does: while it is there, what it says counts in
//! place of the ConfigMap.

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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use tokio::time::timeout;

    use super::*;

    const KEY: &str = "excludel2.yaml";

    /// Shows what it is given, once each.
    struct Given(mpsc::UnboundedReceiver<Arc<ClusterObjects>>);

    impl Source for Given {
        async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
            self.0.recv().await.ok_or(SourceError::Ended)
        }
    }

    fn name() -> ObjectName {
        ObjectName::new("metallb-system", "metallb-excludel2")
    }

    fn mounted(path: &Path) -> (mpsc::UnboundedSender<Arc<ClusterObjects>>, Mounted<Given>) {
        let (sender, given) = mpsc::unbounded_channel();
        (sender, Mounted::new(Given(given), path, name(), KEY))
    }

    /// The next content that is shown.
    async fn content(source: &mut Mounted<Given>) -> Option<String> {
        let objects = timeout(Duration::from_secs(10), source.changed()).await;
        let objects = objects.unwrap().unwrap();
        let config_map = objects.config_maps.get(&name())?;
        config_map.data.as_ref()?.get(KEY).cloned()
    }

    #[tokio::test]
    async fn a_file_counts_in_place_of_the_config_map_as_long_as_it_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(KEY);
        let mut objects = ClusterObjects::default();
        let data = [(KEY.to_owned(), "of the object".to_owned())].into();
        let config_map = ConfigMap {
            data: Some(data),
            ..ConfigMap::default()
        };
        objects.config_maps.insert(name(), Object::new(config_map));
        let (sender, mut source) = mounted(&path);
        sender.send(Arc::new(objects)).unwrap();
        let say = |text: &str| {
            fs::write(folder.path().join("new"), text).unwrap();
            fs::rename(folder.path().join("new"), &path).unwrap();
        };
        assert_eq!(content(&mut source).await.unwrap(), "of the object");
        say("first");
        assert_eq!(content(&mut source).await.unwrap(), "first");
        say("second");
        assert_eq!(content(&mut source).await.unwrap(), "second");
        fs::remove_file(&path).unwrap();
        assert_eq!(content(&mut source).await.unwrap(), "of the object");
    }

    /// As the kubelet writes a ConfigMap: a link to a file below a linked folder, which is swapped as a whole.
    #[tokio::test]
    async fn a_mounted_config_map_that_is_swapped_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let version = |version: &str| {
            fs::create_dir(folder.path().join(version)).unwrap();
            fs::write(folder.path().join(version).join(KEY), version).unwrap();
            symlink(version, folder.path().join("..new")).unwrap();
            fs::rename(folder.path().join("..new"), folder.path().join("..data")).unwrap();
        };
        version("one");
        let path = folder.path().join(KEY);
        symlink(Path::new("..data").join(KEY), &path).unwrap();
        let (sender, mut source) = mounted(&path);
        sender.send(Arc::default()).unwrap();
        assert_eq!(content(&mut source).await.unwrap(), "one");
        version("two");
        assert_eq!(content(&mut source).await.unwrap(), "two");
    }

    #[tokio::test(start_paused = true)]
    async fn a_folder_that_comes_later_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("later").join(KEY);
        let (sender, mut source) = mounted(&path);
        sender.send(Arc::default()).unwrap();
        assert_eq!(content(&mut source).await, None);
        fs::create_dir(folder.path().join("later")).unwrap();
        fs::write(&path, "found").unwrap();
        let shown = timeout(FOLDER_PAUSE * 2, source.changed()).await;
        let objects = shown.unwrap().unwrap();
        assert!(objects.config_maps.get(&name()).is_some());
    }
}
