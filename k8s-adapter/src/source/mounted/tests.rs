//! A file that comes, changes and goes.

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
    let objects = timeout(Duration::from_secs(60), source.changed()).await;
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
