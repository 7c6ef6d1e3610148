//! What is asked of an API server, and what its answers mean. What a real one makes of it, the cluster tests show.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kube::client::Body;
use planner::effect::{ConditionStatus, ConfigurationResult, Event, EventReason, Involved};
use planner::service::{AddressCondition, Service};
use tokio::time::sleep;
use tower::service_fn;

use super::*;
use crate::translate::Object;

/// A request as it was sent.
#[derive(Clone, Debug)]
struct Asked {
    method: String,
    path: String,
    query: String,
    body: Value,
}

/// An API server that gives one prepared answer after the other, and then says that all is well.
#[derive(Clone, Default)]
struct Server {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    fn answering(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self {
            answers: Arc::new(Mutex::new(answers.into_iter().collect())),
            ..Self::default()
        }
    }

    fn refusing(code: u16) -> Self {
        Self::answering([(
            code,
            json!({ "kind": "Status", "code": code, "message": "no" }),
        )])
    }

    fn answer(&self, asked: Asked) -> (u16, Value) {
        self.asked.lock().unwrap().push(asked);
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| (200, json!({})))
    }

    fn sink(&self) -> KubeSink {
        let server = self.clone();
        let service = service_fn(move |request: http::Request<Body>| {
            let server = server.clone();
            async move {
                let (parts, body) = request.into_parts();
                let body = body.collect_bytes().await?;
                let (code, answer) = server.answer(Asked {
                    method: parts.method.to_string(),
                    path: parts.uri.path().to_owned(),
                    query: parts.uri.query().unwrap_or_default().to_owned(),
                    body: serde_json::from_slice(&body).unwrap_or_default(),
                });
                let body = Body::from(answer.to_string().into_bytes());
                let answer = http::Response::builder().status(code).body(body);
                Ok::<_, kube::Error>(answer.unwrap())
            }
        });
        let client = Client::new(service, "default");
        KubeSink::new(client, "metallb-system", &Component::Controller)
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn objects() -> ClusterObjects {
    let mut objects = ClusterObjects::default();
    let stamp = Stamp {
        uid: "u-1".into(),
        resource_version: "7".into(),
    };
    let web = ObjectName::new("shop", "web");
    objects
        .services
        .insert(web, Object::from_api(Service::default(), stamp));
    objects
}

fn service_status(addresses: &[&str], pool: Option<&str>) -> Effect {
    let ingress = addresses
        .iter()
        .map(|address| address.parse::<IpAddr>().unwrap());
    Effect::PatchServiceStatus {
        service: ServiceKey::new("shop", "web"),
        ingress: ingress.collect(),
        pool: pool.map(ipam::PoolName::from),
        condition: Some(AddressCondition {
            status: ConditionStatus::True,
            reason: "Assigned".into(),
            message: String::new(),
        }),
        announced: None,
    }
}

#[tokio::test]
async fn a_services_status_is_applied_at_once_to_the_version_it_was_decided_from() {
    let server = Server::default();
    let effect = service_status(&["198.51.100.1"], Some("blue"));
    server.sink().apply(effect, &objects()).await.unwrap();
    let [asked] = &server.asked()[..] else {
        panic!("{:?}", server.asked());
    };
    assert_eq!(asked.method, "PATCH");
    assert_eq!(asked.path, "/api/v1/namespaces/shop/services/web/status");
    assert!(
        asked
            .query
            .contains("force=true&fieldManager=ferrolb-controller"),
        "{asked:?}"
    );
    let at = |path: &str| asked.body.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/metadata/uid"), "u-1");
    assert_eq!(at("/metadata/resourceVersion"), "7");
    assert_eq!(
        at("/metadata/annotations/metallb.io~1ip-allocated-from-pool"),
        "blue"
    );
    assert_eq!(
        at("/status/loadBalancer/ingress"),
        json!([{ "ip": "198.51.100.1", "ipMode": "VIP" }])
    );
    assert_eq!(
        at("/status/conditions/0/type"),
        "ferrolb.io/AddressAssigned"
    );
}

#[tokio::test]
async fn no_addresses_are_said_and_not_left_out() {
    let server = Server::default();
    let effect = service_status(&[], None);
    server.sink().apply(effect, &objects()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    let ingress = asked[0].body.pointer("/status/loadBalancer/ingress");
    assert_eq!(ingress, Some(&json!([])));
}

/// Apply leaves a field to whoever else has it.
#[tokio::test]
async fn an_annotation_that_is_another_ones_too_is_removed_by_a_second_write() {
    let answer = json!({ "metadata": { "annotations": { IP_ALLOCATED_FROM_POOL: "blue" } } });
    let server = Server::answering([(200, answer)]);
    let effect = service_status(&[], None);
    server.sink().apply(effect, &objects()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    let removal = json!({ "metadata": { "annotations": { IP_ALLOCATED_FROM_POOL: null } } });
    assert_eq!(asked[1].body, removal);
}

#[tokio::test]
async fn the_servers_refusal_says_what_becomes_of_the_effect() {
    let uid = json!({
        "kind": "Status", "code": 422, "message": "immutable",
        "details": { "causes": [{ "field": "metadata.uid" }] },
    });
    let cases = [
        (Server::refusing(409), Failure::Conflict),
        (Server::answering([(422, uid)]), Failure::Conflict),
        (Server::refusing(404), Failure::Gone),
        (Server::refusing(403), Failure::Transient),
        (Server::refusing(422), Failure::Transient),
        (Server::refusing(500), Failure::Transient),
    ];
    for (server, expected) in cases {
        let effect = service_status(&["198.51.100.1"], Some("blue"));
        let error = server.sink().apply(effect, &objects()).await.unwrap_err();
        assert_eq!(error.failure(), expected, "{error}");
        assert_eq!(server.asked().len(), 1);
    }
}

#[tokio::test]
async fn a_service_that_nobody_has_seen_is_not_written_to() {
    let server = Server::default();
    let effect = service_status(&["198.51.100.1"], Some("blue"));
    let error = server
        .sink()
        .apply(effect, &ClusterObjects::default())
        .await
        .unwrap_err();
    assert_eq!(error.failure(), Failure::Gone);
    assert!(server.asked().is_empty());
}

fn configuration_state() -> ConfigurationState {
    ConfigurationState {
        component: Component::Controller,
        result: ConfigurationResult::Valid,
        error_summary: String::new(),
        conditions: vec![planner::effect::Condition {
            condition_type: "poolReconcilerValid".to_owned(),
            status: ConditionStatus::True,
            reason: "Reconciled",
            message: String::new(),
        }],
    }
}

#[tokio::test]
async fn a_configuration_state_is_made_where_there_is_none() {
    let missing = json!({ "kind": "Status", "code": 404, "message": "no" });
    let server = Server::answering([(404, missing)]);
    let effect = Effect::ConfigurationState(configuration_state());
    server.sink().apply(effect, &objects()).await.unwrap();
    let asked = server.asked();
    let path = "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/controller";
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.as_str()).collect();
    assert_eq!(
        paths,
        [&format!("{path}/status"), path, &format!("{path}/status")]
    );
    assert_eq!(asked[1].body.get("status"), None);
    let label = asked[1]
        .body
        .pointer("/metadata/labels/metallb.io~1component-type");
    assert_eq!(label, Some(&json!("controller")));
}

#[tokio::test]
async fn a_configuration_state_that_says_so_already_is_not_written() {
    let (server, mut objects) = (Server::default(), objects());
    let sink = server.sink();
    let effect = Effect::ConfigurationState(configuration_state());
    sink.apply(effect.clone(), &objects).await.unwrap();
    let written = server.asked().remove(0).body;
    let written: crd::ConfigurationState = serde_json::from_value(written).unwrap();
    let name = ObjectName::new("metallb-system", "controller");
    objects
        .configuration_states
        .insert(name, Object::new(written));
    sink.apply(effect, &objects).await.unwrap();
    assert_eq!(server.asked().len(), 1);
}

fn event() -> Effect {
    Effect::EmitEvent(Event {
        involved: Involved::Service(ServiceKey::new("shop", "web")),
        reason: EventReason::IpAllocated,
        message: "Assigned IP".to_owned(),
    })
}

/// Waits until the server has been asked so often.
async fn until_asked(server: &Server, count: usize) -> Vec<Asked> {
    for _ in 0..60_000 {
        if server.asked().len() >= count {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
    server.asked()
}

#[tokio::test]
async fn an_event_names_its_object_and_is_made_once() {
    let exists = json!({ "kind": "Status", "code": 409, "message": "exists" });
    let server = Server::answering([
        (201, json!({})),
        (409, exists),
        (200, json!({ "count": 4 })),
    ]);
    let sink = server.sink();
    sink.apply(event(), &objects()).await.unwrap();
    let first = until_asked(&server, 1).await.remove(0);
    assert_eq!(first.path, "/api/v1/namespaces/shop/events");
    let at = |path: &str| first.body.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at("/involvedObject/uid"), "u-1");
    assert_eq!(at("/source/component"), "metallb-controller");
    assert_eq!(
        (at("/type"), at("/reason")),
        (json!("Normal"), json!("IPAllocated"))
    );

    sink.apply(event(), &objects()).await.unwrap();
    let asked = until_asked(&server, 4).await;
    assert_eq!(
        asked[1].body.pointer("/metadata/name"),
        first.body.pointer("/metadata/name")
    );
    let name = at("/metadata/name");
    assert_eq!(
        asked[3].path,
        format!("{}/{}", first.path, name.as_str().unwrap())
    );
    assert_eq!(asked[3].body, json!({ "count": 5 }));
}

fn speaker_state() -> Effect {
    let component = Component::Speaker("node1".into());
    let state = ConfigurationState {
        component,
        ..configuration_state()
    };
    Effect::ConfigurationState(state)
}

#[tokio::test]
async fn a_speakers_state_goes_with_its_pod_and_moves_to_the_next_one() {
    let server = Server::answering([(200, json!({ "metadata": { "uid": "pod-1" } }))]);
    let sink = server.sink().owned_by_pod("speaker-x");
    sink.apply(speaker_state(), &objects()).await.unwrap();
    let asked = server.asked();
    assert_eq!(
        (asked[0].method.as_str(), asked[0].path.as_str()),
        ("GET", "/api/v1/namespaces/metallb-system/pods/speaker-x")
    );
    let reference =
        json!([{ "apiVersion": "v1", "kind": "Pod", "name": "speaker-x", "uid": "pod-1" }]);
    assert_eq!(
        asked[1].body.pointer("/metadata/ownerReferences"),
        Some(&reference)
    );
    let written: crd::ConfigurationState = serde_json::from_value(asked[1].body.clone()).unwrap();

    // Nothing is written by another process of the same pod; one of the next pod makes the object its own.
    let mut objects = objects();
    let name = ObjectName::new("metallb-system", "speaker-node1");
    objects
        .configuration_states
        .insert(name, Object::new(written));
    for (pod, uid, writes) in [
        ("speaker-x", "pod-1", vec![]),
        ("speaker-y", "pod-2", vec![""]),
    ] {
        let server = Server::answering([(200, json!({ "metadata": { "uid": uid } }))]);
        let sink = server.sink().owned_by_pod(pod);
        sink.apply(speaker_state(), &objects).await.unwrap();
        let path =
            "/apis/metallb.io/v1beta1/namespaces/metallb-system/configurationstates/speaker-node1";
        let asked = server.asked();
        let written: Vec<&str> = asked[1..]
            .iter()
            .map(|asked| asked.path.strip_prefix(path).unwrap())
            .collect();
        assert_eq!(written, writes, "{pod}");
    }
}

#[tokio::test]
async fn a_speakers_state_goes_with_what_controls_its_pod() {
    let owner = |controller: bool, kind: &str| {
        json!({
            "apiVersion": "apps/v1", "kind": kind, "name": "speaker", "uid": kind, "controller": controller,
        })
    };
    let owners = [owner(false, "Deployment"), owner(true, "DaemonSet")];
    let pod = json!({ "metadata": { "uid": "pod-1", "ownerReferences": owners } });
    let server = Server::answering([(200, pod)]);
    let sink = server.sink().owned_by_pod("speaker-x");
    sink.apply(speaker_state(), &objects()).await.unwrap();
    let reference = json!([{
        "apiVersion": "apps/v1", "kind": "DaemonSet", "name": "speaker", "uid": "DaemonSet",
    }]);
    assert_eq!(
        server.asked()[1].body.pointer("/metadata/ownerReferences"),
        Some(&reference)
    );
}

#[tokio::test]
async fn a_speaker_without_a_pod_writes_its_state_all_the_same() {
    let server = Server::refusing(404);
    let sink = server.sink().owned_by_pod("speaker-x");
    sink.apply(speaker_state(), &objects()).await.unwrap();
    assert_eq!(
        server.asked()[1].body.pointer("/metadata/ownerReferences"),
        None
    );
}
