//! Two processes through one folder work like two through an API server: a controller writes, and a node's speaker,
//! here reduced to what it reads and decides, follows.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use clap::Parser;
use k8s_adapter::controller::{self, ControllerError, ControllerFlags};
use k8s_adapter::source::Source as _;
use k8s_adapter::source::dir::{self, DirSource, SETTLE};
use k8s_adapter::translate::{ObjectName, TranslateOptions, Translator};
use planner::desired::{Desired, desired_state};
use planner::names::NodeName;
use planner::snapshot::Options;
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Far more than any of this takes.
const LONG: Duration = Duration::from_secs(60);

const CONFIG: &str = "
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: pool, namespace: metallb-system}
spec: {addresses: [192.0.2.0/30]}
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: all, namespace: metallb-system}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: router, namespace: metallb-system}
spec: {myASN: 64500, peerASN: 64510, peerAddress: 198.51.100.1}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
";

fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: shop}}\nspec: {{type: LoadBalancer, ports: \
         [{{port: 80}}]}}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: {name}-1, \
         namespace: shop, labels: {{kubernetes.io/service-name: {name}}}}}\naddressType: IPv4\nendpoints:\n- addresses: \
         [10.0.0.1]\n  nodeName: n1\n  conditions: {{ready: true}}\n"
    )
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    flags: ControllerFlags,
}

/// A controller at work on a folder.
struct Controller {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), ControllerError>>,
}

impl Controller {
    fn start(folder: &Path) -> Self {
        let source = format!("dir:{}", folder.display());
        let Arguments { flags } = Arguments::parse_from(["controller", "--source", &source]);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            controller::run(&flags, async move { drop(stopped.await) }).await
        });
        Self { stop, task }
    }

    async fn stop(self) {
        self.stop.send(()).unwrap();
        tokio::time::timeout(LONG, self.task)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

/// What a speaker on n1 would do, as it changes.
struct Speaker {
    source: DirSource,
    translator: Translator,
}

impl Speaker {
    fn start(folder: &Path) -> Self {
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: Options::default(),
        };
        Self {
            source: DirSource::open(folder).unwrap(),
            translator: Translator::new(options),
        }
    }

    /// Follows until exactly these prefixes are advertised.
    async fn until_advertised(&mut self, wanted: &[&str]) {
        let mut last = Vec::new();
        let follow = async {
            loop {
                let objects = self.source.changed().await.unwrap();
                self.translator.update(&objects);
                let snapshot = self.translator.snapshot();
                last = prefixes(&desired_state(snapshot, &NodeName::from("n1")));
                if last == wanted {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(LONG, follow).await;
        assert!(
            in_time.is_ok(),
            "advertised are {last:?}, wanted {wanted:?}"
        );
    }
}

fn prefixes(desired: &Desired) -> Vec<String> {
    desired
        .peers
        .values()
        .flat_map(|peer| peer.routes.keys().map(ToString::to_string))
        .collect()
}

fn folder(services: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("config.yaml"), CONFIG).unwrap();
    for name in services {
        fs::write(folder.path().join(format!("{name}.yaml")), service(name)).unwrap();
    }
    folder
}

#[tokio::test]
async fn what_the_controller_assigns_the_speaker_advertises() {
    let folder = folder(&["web"]);
    let mut speaker = Speaker::start(folder.path());
    let controller = Controller::start(folder.path());
    speaker.until_advertised(&["192.0.2.0/32"]).await;
    fs::write(folder.path().join("shop.yaml"), service("shop")).unwrap();
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    fs::remove_file(folder.path().join("web.yaml")).unwrap();
    speaker.until_advertised(&["192.0.2.1/32"]).await;
    controller.stop().await;
}

#[tokio::test]
async fn a_controller_that_starts_again_moves_no_address() {
    let folder = folder(&["a", "b"]);
    let mut speaker = Speaker::start(folder.path());
    let controller = Controller::start(folder.path());
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    controller.stop().await;
    fs::remove_file(folder.path().join("a.yaml")).unwrap();
    fs::write(folder.path().join("c.yaml"), service("c")).unwrap();

    let controller = Controller::start(folder.path());
    // The address of "a" is free, that of "b" is not.
    let mut speaker = Speaker::start(folder.path());
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    let objects = dir::read(folder.path()).unwrap();
    let address = |name: &str| {
        let service = objects
            .services
            .get(&ObjectName::new("shop", name))
            .unwrap();
        service.ingress[0].to_string()
    };
    assert_eq!(
        (address("b"), address("c")),
        ("192.0.2.1".to_owned(), "192.0.2.0".to_owned())
    );
    controller.stop().await;
}

#[tokio::test]
async fn a_broken_file_keeps_the_rest_running_and_is_reported() {
    let folder = folder(&["web"]);
    let mut speaker = Speaker::start(folder.path());
    let controller = Controller::start(folder.path());
    speaker.until_advertised(&["192.0.2.0/32"]).await;
    fs::write(
        folder.path().join("config.yaml"),
        CONFIG.replace("addresses: [192.0.2.0/30]", "adresses: [203.0.113.0/30]"),
    )
    .unwrap();
    fs::write(folder.path().join("shop.yaml"), service("shop")).unwrap();
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    controller.stop().await;

    let state = fs::read_to_string(
        folder
            .path()
            .join("status/configurationstates/metallb-system/controller.yaml"),
    );
    let state: serde_json::Value = serde_saphyr::from_str(&state.unwrap()).unwrap();
    assert_eq!(state["status"]["result"], "Invalid");
    let summary = state["status"]["errorSummary"].as_str().unwrap();
    for part in [
        "config.yaml:5",
        "IPAddressPool pool",
        "spec.adresses: unknown field",
        "last good version",
    ] {
        assert!(summary.contains(part), "{part:?} is not in {summary:?}");
    }
}

/// The newest version of the configuration is broken in three ways: a value, a field, a document.
#[tokio::test]
async fn a_restart_during_an_invalid_edit_changes_nothing() {
    let folder = folder(&["web"]);
    let mut speaker = Speaker::start(folder.path());
    let controller = Controller::start(folder.path());
    speaker.until_advertised(&["192.0.2.0/32"]).await;
    controller.stop().await;

    let edits = [
        ("addresses: [192.0.2.0/30]", "adresses: [192.0.2.0/30]"),
        ("peerAddress: 198.51.100.1", "peerAddress: 198.51.100.300"),
        ("name: all", "name: all:"),
    ];
    let broken = edits.iter().fold(CONFIG.to_owned(), |text, (good, bad)| {
        assert!(text.contains(good));
        text.replace(good, bad)
    });
    fs::write(folder.path().join("config.yaml"), broken).unwrap();
    let controller = Controller::start(folder.path());
    let mut speaker = Speaker::start(folder.path());
    speaker.until_advertised(&["192.0.2.0/32"]).await;
    fs::write(folder.path().join("shop.yaml"), service("shop")).unwrap();
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    let errors = speaker.translator.errors().iter().map(ToString::to_string);
    let errors: Vec<String> = errors.collect();
    assert_eq!(errors.len(), 3, "{errors:?}");
    for error in errors {
        assert!(
            error.ends_with("; its last good version stays in force"),
            "{error}"
        );
    }
    controller.stop().await;
}

#[tokio::test]
async fn a_folder_that_is_lost_takes_nothing_away_and_what_is_in_it_counts_once_it_is_back() {
    let parent = folder(&[]);
    let (path, away) = (parent.path().join("cluster"), parent.path().join("away"));
    fs::rename(folder(&["web"]).keep(), &path).unwrap();
    let mut speaker = Speaker::start(&path);
    let controller = Controller::start(&path);
    speaker.until_advertised(&["192.0.2.0/32"]).await;

    fs::rename(&path, &away).unwrap();
    let a_while = 4 * SETTLE;
    tokio::time::sleep(a_while).await;
    assert!(!path.exists(), "the controller made it anew");
    fs::create_dir_all(path.join("status")).unwrap();
    let lost = tokio::time::timeout(a_while, speaker.until_advertised(&[])).await;
    assert!(lost.is_err(), "an empty folder counted");

    fs::remove_dir_all(&path).unwrap();
    fs::rename(&away, &path).unwrap();
    fs::write(path.join("shop.yaml"), service("shop")).unwrap();
    speaker
        .until_advertised(&["192.0.2.0/32", "192.0.2.1/32"])
        .await;
    controller.stop().await;
}
