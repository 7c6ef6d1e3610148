//! The folder as a source: what it shows, and what it never shows, while people and programs write to it.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use k8s_adapter::source::Source as _;
use k8s_adapter::source::dir::{self, DirSource};
use k8s_adapter::translate::{
    ClusterObjects, ErrorEffect, Kind, ObjectName, TranslateOptions, snapshot,
};
use tempfile::TempDir;

/// Far more than any of this takes.
const LONG: Duration = Duration::from_secs(60);

struct Folder {
    folder: TempDir,
    source: DirSource,
}

impl Folder {
    /// A folder with these files, followed, whose first view has been taken.
    async fn with(files: &[(&str, &str)]) -> (Self, Arc<ClusterObjects>) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(folder.path(), name, text);
        }
        let mut source = DirSource::open(folder.path()).unwrap();
        let first = source.changed().await.unwrap();
        (Self { folder, source }, first)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        write(self.path(), name, text);
    }

    async fn next(&mut self) -> Arc<ClusterObjects> {
        tokio::time::timeout(LONG, self.source.changed())
            .await
            .expect("no change is seen")
            .unwrap()
    }

    /// All views up to the first one that is as wanted, which is the last of them.
    async fn until(
        &mut self,
        is_wanted: impl Fn(&ClusterObjects) -> bool,
    ) -> Vec<Arc<ClusterObjects>> {
        let mut views = Vec::new();
        loop {
            views.push(self.next().await);
            if is_wanted(views.last().unwrap()) {
                return views;
            }
        }
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// As the processes write: never seen half-written.
fn write_status(folder: &Path, name: &str, text: &str) {
    let path = folder.join("status").join(name);
    write(folder, "status/.new", text);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::rename(folder.join("status/.new"), path).unwrap();
}

fn node(name: &str) -> String {
    format!("apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n---\n")
}

fn labeled(name: &str, label: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Node\nmetadata:\n  name: {name}\n  labels:\n    version: \"{label}\"\n---\n"
    )
}

fn nodes(objects: &ClusterObjects) -> Vec<String> {
    objects
        .nodes
        .iter()
        .map(|(name, _)| name.name.to_string())
        .collect()
}

fn version(objects: &ClusterObjects, name: &str) -> Option<String> {
    objects
        .nodes
        .get(&ObjectName::new("", name))?
        .labels
        .get("version")
        .cloned()
}

#[tokio::test]
async fn the_first_view_is_what_is_there() {
    let (_folder, first) = Folder::with(&[
        ("a.yaml", &node("a")),
        ("deeper/and/deeper/b.yml", &node("b")),
        (
            "c.json",
            "{\"apiVersion\": \"v1\", \"kind\": \"Node\", \"metadata\": {\"name\": \"c\"}}",
        ),
        (".hidden.yaml", &node("hidden")),
        (".git/d.yaml", &node("hidden")),
        ("README.md", "no manifest"),
        ("status/e.yaml", &node("e")),
    ])
    .await;
    assert_eq!(nodes(&first), ["a", "b", "c"]);
    assert_eq!(first.errors, []);
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    assert!(dir::read(&folder.path().join("missing")).is_err());
    assert!(DirSource::open(&folder.path().join("missing")).is_err());
}

#[tokio::test]
async fn a_file_that_is_gone_counts_while_others_are_looked_at_all_the_time() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &node("a")), ("b.yaml", &node("b"))]).await;
    let read = folder.path().join("b.yaml");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let reader = std::thread::spawn(move || {
        // Each look is an event too.
        let pause = Duration::from_millis(5);
        while stopped.recv_timeout(pause) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
            fs::read(&read).unwrap();
        }
    });
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    folder.until(|objects| nodes(objects) == ["b"]).await;
    drop(stop);
    reader.join().unwrap();
}

#[tokio::test]
async fn files_come_and_go() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &node("a"))]).await;
    folder.write("b.yaml", &node("b"));
    folder.until(|objects| nodes(objects) == ["a", "b"]).await;
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    folder.until(|objects| nodes(objects) == ["b"]).await;
}

#[tokio::test]
async fn folders_come_and_go_with_all_that_is_in_them() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &node("a"))]).await;
    folder.write("new/and/deeper/b.yaml", &node("b"));
    folder.until(|objects| nodes(objects) == ["a", "b"]).await;
    folder.write("new/and/c.yaml", &node("c"));
    folder
        .until(|objects| nodes(objects) == ["a", "b", "c"])
        .await;
    fs::rename(folder.path().join("new"), folder.path().join("renamed")).unwrap();
    folder.write("renamed/and/d.yaml", &node("d"));
    let views = folder
        .until(|objects| nodes(objects) == ["a", "b", "c", "d"])
        .await;
    assert!(
        views
            .iter()
            .all(|view| view.errors.is_empty() && nodes(view).len() >= 3),
        "a renamed folder never vanishes"
    );
    fs::remove_dir_all(folder.path().join("renamed")).unwrap();
    folder.until(|objects| nodes(objects) == ["a"]).await;
}

#[tokio::test]
async fn a_new_folder_with_a_file_that_is_still_being_written_is_never_seen_half() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &node("a"))]).await;
    let elsewhere = tempfile::tempdir().unwrap();
    fs::create_dir(elsewhere.path().join("new")).unwrap();
    // Opened before anybody watches its folder: nothing tells that it is being written.
    let mut file = File::create(elsewhere.path().join("new/b.yaml")).unwrap();
    file.write_all(node("half").as_bytes()).unwrap();
    fs::rename(elsewhere.path().join("new"), folder.path().join("new")).unwrap();
    folder.write("z.yaml", &node("z"));
    let mut views = folder
        .until(|objects| nodes(objects).contains(&"z".to_owned()))
        .await;
    file.write_all(node("whole").as_bytes()).unwrap();
    drop(file);
    views.extend(
        folder
            .until(|objects| nodes(objects).contains(&"whole".to_owned()))
            .await,
    );
    let is_half = |view: &ClusterObjects| {
        let names = nodes(view);
        names.contains(&"half".to_owned()) && !names.contains(&"whole".to_owned())
    };
    assert!(!views.iter().any(|view| is_half(view)));
}

#[tokio::test]
async fn a_file_that_is_saved_by_renaming_never_vanishes() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &labeled("a", "1"))]).await;
    let (file, backup) = (folder.path().join("a.yaml"), folder.path().join("a.yaml~"));
    // As vim does: the old file is put aside, a new one is written in its place, the old one is removed.
    for round in 2..12 {
        fs::rename(&file, &backup).unwrap();
        folder.write("marker.yaml", &labeled("marker", &round.to_string()));
        fs::write(&file, labeled("a", &round.to_string())).unwrap();
        fs::remove_file(&backup).unwrap();
        let wanted = Some(round.to_string());
        let views = folder
            .until(|objects| {
                version(objects, "a") == wanted && version(objects, "marker") == wanted
            })
            .await;
        assert!(
            views.iter().all(|view| version(view, "a").is_some()),
            "round {round}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_at_once_is_seen_at_once() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &labeled("a", "1"))]).await;
    let temporary = folder.path().join(".a.yaml.tmp");
    fs::write(&temporary, labeled("a", "2")).unwrap();
    fs::rename(temporary, folder.path().join("a.yaml")).unwrap();
    let view = folder.next().await;
    assert_eq!(version(&view, "a").as_deref(), Some("2"));
}

#[tokio::test]
async fn half_a_file_is_never_seen() {
    let whole = format!("{}{}", labeled("a", "1"), labeled("b", "1"));
    let (mut folder, _) = Folder::with(&[("all.yaml", &whole), ("marker.yaml", &node("m"))]).await;
    // The file is empty, then holds the first of two objects.
    let mut file = File::create(folder.path().join("all.yaml")).unwrap();
    file.write_all(labeled("a", "2").as_bytes()).unwrap();
    // A hidden link has the whole folder looked through, and a deletion counts only after all that has settled.
    symlink("nowhere", folder.path().join(".link")).unwrap();
    fs::remove_file(folder.path().join("marker.yaml")).unwrap();
    let views = folder.until(|objects| nodes(objects) == ["a", "b"]).await;
    for view in views {
        assert_eq!(version(&view, "a").as_deref(), Some("1"));
        assert_eq!(version(&view, "b").as_deref(), Some("1"));
    }
    file.write_all(labeled("b", "2").as_bytes()).unwrap();
    drop(file);
    let views = folder
        .until(|objects| version(objects, "b").as_deref() == Some("2"))
        .await;
    let is_whole = |view: &Arc<ClusterObjects>| version(view, "a") == version(view, "b");
    assert!(views.iter().all(is_whole));
}

#[tokio::test]
async fn a_broken_file_is_reported_and_its_last_good_version_stays() {
    let (mut folder, _) =
        Folder::with(&[("a.yaml", &labeled("a", "1")), ("b.yaml", &node("b"))]).await;
    folder.write("a.yaml", "apiVersion: v1\nkind: Node\nmetadata: [\n");
    let view = folder.next().await;
    assert_eq!(nodes(&view), ["a", "b"]);
    let [error] = view.errors.as_slice() else {
        panic!("{:?}", view.errors)
    };
    assert_eq!(
        error.origin.as_ref().unwrap().file.as_path(),
        Path::new("a.yaml")
    );
    assert_eq!(error.effect, ErrorEffect::LastGoodInForce);

    folder.write("b.yaml", &labeled("b", "2"));
    let view = folder.next().await;
    assert_eq!(
        version(&view, "b").as_deref(),
        Some("2"),
        "everything else goes on"
    );
    assert_eq!(version(&view, "a").as_deref(), Some("1"));

    folder.write("a.yaml", &labeled("a", "3"));
    let view = folder.next().await;
    assert_eq!(
        (version(&view, "a").as_deref(), view.errors.len()),
        (Some("3"), 0)
    );
}

#[tokio::test]
async fn a_node_stays_whatever_is_wrong_with_its_manifest() {
    let good = labeled("a", "1");
    let (mut folder, _) = Folder::with(&[("a.yaml", &good)]).await;
    for (what, wrong) in [
        ("kind: Node", "kind: Nod"),
        ("apiVersion: v1", "apiVersion: v2"),
        ("name: a", "nam: a"),
        ("metadata:", "metadata: ["),
        ("version: \"1\"", "version: 1"),
    ] {
        let broken = good.replace(what, wrong);
        assert_ne!(broken, good, "{what}");
        folder.write("a.yaml", &broken);
        let view = folder.next().await;
        assert_eq!(version(&view, "a").as_deref(), Some("1"), "{wrong}");
        let effects: Vec<_> = view.errors.iter().map(|error| error.effect).collect();
        assert_eq!(effects, [ErrorEffect::LastGoodInForce], "{wrong}");
    }
}

#[tokio::test]
async fn a_broken_object_is_reported_by_name_and_field() {
    let pool = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: a\n  namespace: metallb-system\n\
                spec:\n  addresses:\n  - 192.0.2.0/24\n";
    let (mut folder, _) = Folder::with(&[("a.yaml", pool)]).await;
    folder.write("a.yaml", &pool.replace("- 192.0.2.0/24", "  nonsense: 1"));
    let view = folder.next().await;
    let [error] = view.errors.as_slice() else {
        panic!("{:?}", view.errors)
    };
    let object = error.object.as_ref().unwrap();
    assert_eq!(
        (object.kind, object.name.to_string()),
        (Kind::IPAddressPool, "metallb-system/a".to_owned())
    );
    assert_eq!(error.field, "spec.addresses");
    assert_eq!(error.effect, ErrorEffect::LastGoodInForce);
    assert_eq!(
        view.ip_address_pools
            .values()
            .next()
            .unwrap()
            .spec
            .addresses,
        ["192.0.2.0/24"]
    );
}

#[tokio::test]
async fn the_same_object_in_two_files_is_reported_and_the_first_file_counts() {
    let (mut folder, first) = Folder::with(&[
        ("a.yaml", &labeled("web", "1")),
        ("b.yaml", &labeled("web", "2")),
    ])
    .await;
    assert_eq!(version(&first, "web").as_deref(), Some("1"));
    assert!(
        first.errors[0]
            .to_string()
            .starts_with("b.yaml:1 (document 1): Node web: the same object is also in a.yaml:1")
    );
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    let view = folder.until(|objects| objects.errors.is_empty()).await;
    assert_eq!(version(view.last().unwrap(), "web").as_deref(), Some("2"));
}

#[tokio::test]
async fn a_mounted_config_map_is_followed() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    // As the kubelet does: the visible files are links through ..data, which is a link to a folder with a time.
    write(root, "..first/a.yaml", &labeled("a", "1"));
    symlink("..first", root.join("..data")).unwrap();
    symlink("..data/a.yaml", root.join("a.yaml")).unwrap();
    let mut source = DirSource::open(root).unwrap();
    assert_eq!(
        version(&source.changed().await.unwrap(), "a").as_deref(),
        Some("1")
    );
    write(root, "..second/a.yaml", &labeled("a", "2"));
    symlink("..second", root.join("..data_tmp")).unwrap();
    fs::rename(root.join("..data_tmp"), root.join("..data")).unwrap();
    fs::remove_dir_all(root.join("..first")).unwrap();
    let view = tokio::time::timeout(LONG, source.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(version(&view, "a").as_deref(), Some("2"));
}

const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    \
                       metallb.io/ip-allocated-from-pool: stale\nspec:\n  type: LoadBalancer\n";
const STATUS: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: web\n  namespace: shop\n  annotations:\n    \
                      metallb.io/ip-allocated-from-pool: pool\nstatus:\n  loadBalancer:\n    ingress:\n    - ip: \
                      192.0.2.7\n";

fn assigned(objects: &ClusterObjects) -> (Option<String>, Option<String>) {
    let service = objects
        .services
        .get(&ObjectName::new("shop", "web"))
        .unwrap();
    let ip = service.ingress.first().map(ToString::to_string);
    let pool = service.allocated_from.as_ref().map(ToString::to_string);
    (ip, pool)
}

#[tokio::test]
async fn what_the_controller_writes_is_laid_over_the_services() {
    let (mut folder, first) = Folder::with(&[("web.yaml", SERVICE)]).await;
    assert_eq!(assigned(&first), (None, Some("stale".to_owned())));
    write_status(folder.path(), "services/shop/web.yaml", STATUS);
    let view = folder.next().await;
    assert_eq!(
        assigned(&view),
        (Some("192.0.2.7".to_owned()), Some("pool".to_owned()))
    );
    assert_eq!(
        dir::read(folder.path()).unwrap().services.len(),
        1,
        "a status is no object of its own"
    );
    fs::remove_file(folder.path().join("status/services/shop/web.yaml")).unwrap();
    let view = folder.next().await;
    assert_eq!(assigned(&view), (None, Some("stale".to_owned())));
}

#[tokio::test]
async fn statuses_of_nodes_are_followed() {
    let statuses = "status/servicel2statuses/metallb-system";
    let (mut folder, view) = Folder::with(&[
        ("a.yaml", &node("a")),
        (&format!("{statuses}/old.yaml"), &l2_status("old")),
    ])
    .await;
    assert_eq!(view.service_l2_statuses.len(), 1);
    folder.write(&format!("{statuses}/new.yaml"), &l2_status("new"));
    assert_eq!(folder.next().await.service_l2_statuses.len(), 2);
    fs::remove_file(folder.path().join(statuses).join("old.yaml")).unwrap();
    assert_eq!(folder.next().await.service_l2_statuses.len(), 1);
}

fn l2_status(name: &str) -> String {
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata:\n  name: {name}\n  namespace: metallb-system\n\
         status:\n  node: n1\n  serviceName: web\n  serviceNamespace: shop\n"
    )
}

#[tokio::test]
async fn a_file_that_cannot_be_read_keeps_its_objects() {
    let (mut folder, _) = Folder::with(&[("a.yaml", &labeled("a", "1"))]).await;
    fs::write(folder.path().join("a.yaml"), [0xff, 0xfe, 0x00]).unwrap();
    let view = folder.next().await;
    assert_eq!(
        (version(&view, "a").as_deref(), view.errors.len()),
        (Some("1"), 1)
    );
}

#[tokio::test]
async fn a_folder_that_is_gone_for_a_while_deletes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let (path, away) = (parent.path().join("manifests"), parent.path().join("away"));
    write(&path, "a.yaml", &labeled("a", "1"));
    let mut source = DirSource::open(&path).unwrap();
    source.changed().await.unwrap();
    fs::rename(&path, &away).unwrap();
    let view = tokio::time::timeout(LONG, source.changed())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(version(&view, "a").as_deref(), Some("1"));
    assert!(
        view.errors[0].to_string().contains("the folder is gone"),
        "{:?}",
        view.errors
    );

    write(&away, "b.yaml", &labeled("b", "1"));
    fs::rename(&away, &path).unwrap();
    let mut folder = Folder {
        folder: parent,
        source,
    };
    let views = folder
        .until(|objects| nodes(objects) == ["a", "b"] && objects.errors.is_empty())
        .await;
    assert!(views.iter().all(|view| version(view, "a").is_some()));
    write(&path, "a.yaml", &labeled("a", "2"));
    folder
        .until(|objects| version(objects, "a").as_deref() == Some("2"))
        .await;
}

#[tokio::test]
async fn many_changes_at_once_are_few_views() {
    let (mut folder, _) = Folder::with(&[]).await;
    for number in 0..500 {
        folder.write(&format!("{number}.yaml"), &node(&format!("node-{number}")));
    }
    let views = folder.until(|objects| objects.nodes.len() == 500).await;
    assert!(views.len() < 250, "{} views", views.len());
}

#[tokio::test]
async fn what_is_wrong_with_a_field_is_reported_with_its_line() {
    let pool = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata:\n  name: p\n  namespace: metallb-system\n\
                spec:\n  addresses:\n  - 192.0.2.0/24\n  - nowhere\n";
    let (mut folder, first) =
        Folder::with(&[("pools.yaml", &format!("# mine\n---\n{pool}"))]).await;
    let place = |objects: &ClusterObjects| {
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: planner::snapshot::Options::default(),
        };
        let (_, errors) = snapshot(objects, &options);
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].origin.as_ref().unwrap().to_string()
    };
    assert_eq!(place(&first), "pools.yaml:11 (document 1)");
    folder.write("pools.yaml", &format!("{}---\n{pool}", node("n1")));
    let line = node("n1").lines().count() + 10;
    let moved = folder.next().await;
    assert_eq!(place(&moved), format!("pools.yaml:{line} (document 2)"));
}
