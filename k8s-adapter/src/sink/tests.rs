use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use planner::effect::{
    Component, Condition, ConditionStatus, ConfigurationResult, ConfigurationState, Effect, Event,
    EventReason, Involved, StatusAbout, StatusBody, StatusId,
};
use planner::names::{NodeName, PeerName, ServiceKey};
use planner::service::{ADDRESS_ASSIGNED, AddressCondition};
use serde_json::Value;
use tempfile::TempDir;

use super::dir::DirSink;
use super::{Sink as _, SinkError};
use crate::source::dir::read;
use crate::translate::{ClusterObjects, Said};

struct Folder {
    folder: TempDir,
    sink: DirSink,
}

impl Folder {
    fn of(component: Component) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sink = DirSink::new(folder.path(), "metallb-system", component);
        Self { folder, sink }
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join("status").join(file)
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path(file)).unwrap()
    }

    fn value(&self, file: &str) -> Value {
        serde_saphyr::from_str(&self.text(file)).unwrap()
    }

    async fn apply(&self, effect: Effect) {
        let objects = ClusterObjects::default();
        self.sink.apply(effect, &objects).await.unwrap();
    }
}

fn controller() -> Folder {
    Folder::of(Component::Controller)
}

fn patch(addresses: &[&str], pool: Option<&str>) -> Effect {
    Effect::PatchServiceStatus {
        service: ServiceKey::new("shop", "web"),
        ingress: addresses
            .iter()
            .map(|address| address.parse().unwrap())
            .collect(),
        pool: pool.map(ipam::PoolName::from),
        condition: None,
        announced: None,
    }
}

/// The inode, which is another one whenever a file has been written.
fn identity(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&fs::metadata(path).unwrap())
}

#[tokio::test]
async fn a_service_status_has_addresses_and_pool() {
    let folder = controller();
    folder
        .apply(patch(&["192.0.2.7", "2001:db8::7"], Some("production")))
        .await;
    let expected = "apiVersion: v1\nkind: Service\nmetadata:\n  annotations:\n    metallb.io/ip-allocated-from-pool: \
                    production\n  name: web\n  namespace: shop\nstatus:\n  loadBalancer:\n    ingress:\n    - ip: \
                    \"192.0.2.7\"\n      ipMode: VIP\n    - ip: 2001:db8::7\n      ipMode: VIP\n";
    assert_eq!(folder.text("services/shop/web.yaml"), expected);
    folder.apply(patch(&[], None)).await;
    let cleared = folder.value("services/shop/web.yaml");
    assert_eq!(
        cleared.pointer("/status/loadBalancer"),
        Some(&Value::Object(serde_json::Map::new()))
    );
    assert_eq!(
        cleared.pointer("/metadata/annotations/metallb.io~1ip-allocated-from-pool"),
        None
    );
}

/// `lastTransitionTime` tells since when the Service has, or lacks, its addresses: another message is no transition.
#[tokio::test]
async fn the_time_of_a_condition_stays_until_its_status_changes() {
    let folder = controller();
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {type: LoadBalancer}\n";
    fs::write(folder.folder.path().join("web.yaml"), service).unwrap();
    let written = |folder: &Folder, field: &str| {
        let service = folder.value("services/shop/web.yaml");
        let condition = service.pointer("/status/conditions/0").unwrap();
        condition.get(field).unwrap().as_str().unwrap().to_owned()
    };
    let waits = |message: &str| Effect::PatchServiceStatus {
        service: ServiceKey::new("shop", "web"),
        ingress: Vec::new(),
        pool: None,
        condition: Some(AddressCondition {
            status: ConditionStatus::False,
            reason: "Exhausted".into(),
            message: message.to_owned(),
        }),
        announced: None,
    };
    folder.apply(waits("no address")).await;
    assert_eq!(written(&folder, "type"), ADDRESS_ASSIGNED);
    // Long ago, so that it can be told from now.
    let file = folder.path("services/shop/web.yaml");
    let (now, long_ago) = (
        written(&folder, "lastTransitionTime"),
        "2026-01-01T00:00:00Z",
    );
    fs::write(
        &file,
        folder
            .text("services/shop/web.yaml")
            .replace(&now, long_ago),
    )
    .unwrap();

    let objects = read(folder.folder.path()).unwrap();
    let effect = waits("still none");
    folder.sink.apply(effect, &objects).await.unwrap();
    assert_eq!(written(&folder, "message"), "still none");
    assert_eq!(written(&folder, "lastTransitionTime"), long_ago);
    let Effect::PatchServiceStatus {
        service,
        ingress,
        pool,
        condition,
        announced,
    } = waits("")
    else {
        unreachable!()
    };
    let condition = condition.map(|condition| AddressCondition {
        status: ConditionStatus::True,
        ..condition
    });
    let effect = Effect::PatchServiceStatus {
        service,
        ingress,
        pool,
        condition,
        announced,
    };
    folder.sink.apply(effect, &objects).await.unwrap();
    assert_ne!(written(&folder, "lastTransitionTime"), long_ago);
}

#[tokio::test]
async fn a_file_that_says_so_already_is_not_written() {
    let folder = controller();
    folder.apply(patch(&["192.0.2.7"], None)).await;
    let file = folder.path("services/shop/web.yaml");
    // Holds on to the first file, so that its inode cannot be used again.
    let first = fs::File::open(&file).unwrap();
    let before = identity(&file);
    folder.apply(patch(&["192.0.2.7"], None)).await;
    assert_eq!(identity(&file), before);
    folder.apply(patch(&["192.0.2.8"], None)).await;
    assert_ne!(
        identity(&file),
        before,
        "a new version comes into place by renaming"
    );
    drop(first);
    let left: Vec<_> = fs::read_dir(file.parent().unwrap())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(left, ["web.yaml"], "no temporary file is left behind");
}

#[tokio::test]
async fn names_do_not_lead_out_of_the_folder() {
    let folder = controller();
    for (namespace, name) in [
        ("..", "web"),
        ("shop", "../../web"),
        ("", "web"),
        ("shop", ".web"),
        ("/tmp", "web"),
    ] {
        let service = ServiceKey::new(namespace, name);
        let effect = Effect::PatchServiceStatus {
            service,
            ingress: Vec::new(),
            pool: None,
            condition: None,
            announced: None,
        };
        let refused = folder.sink.apply(effect, &ClusterObjects::default()).await;
        assert!(
            matches!(refused, Err(SinkError::Name(_))),
            "{namespace}/{name}: {refused:?}"
        );
    }
    assert_eq!(fs::read_dir(folder.folder.path()).unwrap().count(), 0);
}

fn bgp_status(namespace: &str, node: &str) -> StatusId {
    let service = ServiceKey::new(namespace, "web");
    StatusId {
        node: NodeName::from(node),
        about: StatusAbout::Bgp(service),
    }
}

#[tokio::test]
async fn status_objects_are_one_for_each_service_and_node() {
    let folder = Folder::of(Component::Speaker(NodeName::from("n1")));
    for (namespace, node, peer) in [
        ("shop", "n1", "router-a"),
        ("shop", "n2", "router-b"),
        ("blog", "n1", "router-c"),
    ] {
        let body = StatusBody::Bgp {
            peers: BTreeSet::from([PeerName::from(peer)]),
        };
        folder
            .apply(Effect::UpsertStatus {
                id: bgp_status(namespace, node),
                body,
            })
            .await;
    }
    let body = StatusBody::Layer2 {
        interfaces: BTreeSet::from(["eth0".into()]),
    };
    let id = StatusId {
        about: StatusAbout::Layer2(ServiceKey::new("shop", "web")),
        ..bgp_status("shop", "n1")
    };
    folder.apply(Effect::UpsertStatus { id, body }).await;

    let objects = read(folder.folder.path()).unwrap();
    assert_eq!(objects.errors, []);
    let all = objects.service_bgp_statuses.values();
    let told: Vec<Said> = all.filter_map(|said| (**said).clone()).collect();
    let expected = [
        ("blog", "n1", "router-c"),
        ("shop", "n1", "router-a"),
        ("shop", "n2", "router-b"),
    ];
    let expected = expected.map(|(namespace, node, peer)| {
        let peers = BTreeSet::from([PeerName::from(peer)]);
        let (id, body) = (bgp_status(namespace, node), StatusBody::Bgp { peers });
        Said { id, body }
    });
    assert_eq!(told, expected);
    let file = "servicel2statuses/metallb-system/l2-web.shop.n1.yaml";
    let object = folder.value(file);
    assert_eq!(object["status"]["interfaces"][0]["name"], "eth0");
    let labels = &object["metadata"]["labels"];
    assert_eq!(labels["metallb.io/service-name"], "web");

    folder
        .apply(Effect::DeleteStatus {
            id: bgp_status("shop", "n2"),
        })
        .await;
    folder
        .apply(Effect::DeleteStatus {
            id: bgp_status("shop", "n2"),
        })
        .await;
    assert_eq!(
        read(folder.folder.path())
            .unwrap()
            .service_bgp_statuses
            .len(),
        2
    );
}

fn state(conditions: &[(&str, ConditionStatus)]) -> Effect {
    let conditions = conditions.iter().map(|(condition_type, status)| Condition {
        condition_type: (*condition_type).to_owned(),
        status: *status,
        reason: "Reconciled",
        message: String::new(),
    });
    Effect::ConfigurationState(ConfigurationState {
        component: Component::Controller,
        result: ConfigurationResult::Valid,
        error_summary: String::new(),
        conditions: conditions.collect(),
    })
}

#[tokio::test]
async fn a_condition_keeps_its_time_until_its_status_changes() {
    let folder = controller();
    let file = "configurationstates/metallb-system/controller.yaml";
    folder
        .apply(state(&[
            ("a", ConditionStatus::True),
            ("b", ConditionStatus::True),
        ]))
        .await;
    let old = folder
        .text(file)
        .replace("lastTransitionTime: \"2", "lastTransitionTime: \"1");
    fs::write(folder.path(file), old).unwrap();
    folder
        .apply(state(&[
            ("a", ConditionStatus::True),
            ("b", ConditionStatus::False),
        ]))
        .await;
    let written = folder.value(file);
    let times: Vec<_> = written["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| &c["lastTransitionTime"])
        .collect();
    assert!(times[0].as_str().unwrap().starts_with('1'), "{times:?}");
    assert!(times[1].as_str().unwrap().starts_with('2'), "{times:?}");
    assert_eq!(
        read(folder.folder.path())
            .unwrap()
            .configuration_states
            .len(),
        1
    );
}

#[tokio::test]
async fn events_are_lines_of_json() {
    let folder = Folder::of(Component::Speaker(NodeName::from("n1")));
    for message in ["one", "two\nlines"] {
        let service = ServiceKey::new("shop", "web");
        let event = Event {
            involved: Involved::Service(service),
            reason: EventReason::AnnounceFailed,
            message: message.to_owned(),
        };
        folder.apply(Effect::EmitEvent(event)).await;
    }
    let text = folder.text("events/speaker-n1.log");
    let events: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events.len(), 2);
    assert_eq!(events[1]["message"], "two\nlines");
    assert_eq!(events[0]["reason"], "announceFailed");
    assert_eq!(events[0]["type"], "Warning");
    assert_eq!(events[0]["source"]["component"], "metallb-speaker");
    assert_eq!(events[0]["involvedObject"]["namespace"], "shop");
}

#[tokio::test]
async fn the_status_of_a_service_that_is_gone_goes_too() {
    let folder = controller();
    folder.apply(patch(&["192.0.2.7"], None)).await;
    let mut unreadable = ClusterObjects::default();
    fs::write(folder.folder.path().join("web.yaml"), "{").unwrap();
    unreadable.errors = read(folder.folder.path()).unwrap().errors;
    folder.sink.retain(&unreadable).await.unwrap();
    assert!(
        folder.path("services/shop/web.yaml").exists(),
        "the broken file may have the service"
    );

    folder
        .sink
        .retain(&ClusterObjects::default())
        .await
        .unwrap();
    assert!(!folder.path("services/shop/web.yaml").exists());
}

#[tokio::test]
async fn a_speaker_removes_nothing_of_the_controllers() {
    let folder = controller();
    folder.apply(patch(&["192.0.2.7"], None)).await;
    let speaker = DirSink::new(
        folder.folder.path(),
        "metallb-system",
        Component::Speaker(NodeName::from("n1")),
    );
    speaker.retain(&ClusterObjects::default()).await.unwrap();
    assert!(folder.path("services/shop/web.yaml").exists());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_is_an_error() {
    let folder = controller();
    fs::write(folder.folder.path().join("status"), "a file in the way").unwrap();
    let refused = folder
        .sink
        .apply(patch(&[], None), &ClusterObjects::default())
        .await;
    assert!(
        matches!(refused, Err(SinkError::File { .. })),
        "{refused:?}"
    );
}
