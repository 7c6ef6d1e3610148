//! Events. They are for people and may be lost: they are sent one after the other, beside everything else, and of more
//! than can wait the newest are dropped.
//!
//! The name of an Event follows from what it says, so that the same thing said again raises its count, whichever process
//! said it first.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use k8s_openapi::api::core::v1::{self, EventSource, ObjectReference};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use planner::effect::{Event, Involved};
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use super::requests::{ApiError, Part, Requests, Target};
use crate::sink::Failure;
use crate::sink::patch::{name_of, type_of};
use crate::translate::{ClusterObjects, ObjectName, Stamp};

/// Sends events in the background.
#[derive(Debug)]
pub(super) struct Recorder(mpsc::Sender<Record>);

/// An event and the object that it is about, as it was.
#[derive(Debug)]
struct Record {
    event: Event,
    stamp: Option<Stamp>,
}

impl Recorder {
    pub(super) fn new(requests: Requests) -> Self {
        let (sender, mut records) = mpsc::channel::<Record>(MOST_WAITING);
        // Ends with the sender.
        tokio::spawn(async move {
            while let Some(record) = records.recv().await {
                if let Err(error) = record.send(&requests, Timestamp::now()).await {
                    debug!(%error, "eventNotWritten");
                }
            }
        });
        Self(sender)
    }

    pub(super) fn record(&self, event: &Event, objects: &ClusterObjects) {
        let record = Record {
            event: event.clone(),
            stamp: stamp(&event.involved, objects),
        };
        if self.0.try_send(record).is_err() {
            debug!(object = %event.involved, reason = %event.reason, "eventDropped");
        }
    }
}

fn stamp(involved: &Involved, objects: &ClusterObjects) -> Option<Stamp> {
    match involved {
        Involved::Service(service) => {
            let name = ObjectName::new(service.namespace().as_str(), service.name());
            objects.services.entry(&name)?.stamp.clone()
        }
        Involved::ConfigMap { namespace, name } => {
            let name = ObjectName::new(namespace.as_str(), &**name);
            objects.config_maps.entry(&name)?.stamp.clone()
        }
        Involved::FrrConfiguration { namespace, name } => {
            let name = ObjectName::new(namespace.as_str(), &**name);
            objects.frr_configurations.entry(&name)?.stamp.clone()
        }
    }
}

impl Record {
    async fn send(&self, requests: &Requests, now: Timestamp) -> Result<(), ApiError> {
        let (api_version, kind) = type_of(&self.event.involved);
        let (namespace, name) = name_of(&self.event.involved);
        let involved = ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            namespace: Some(namespace.to_string()),
            name: Some(name.to_owned()),
            uid: self.stamp.as_ref().map(|stamp| stamp.uid.to_string()),
            ..ObjectReference::default()
        };
        let path = v1::Event::url_path(&(), Some(namespace));
        let target = Target {
            path: &path,
            name: &format!("{name}.{:016x}", self.digest()),
        };
        let event = self.event(target.name, involved, Time(now));
        match requests.create(target, &json!(event)).await {
            Err(error) if error.failure == Failure::Conflict => {}
            result => return result.map(drop),
        }
        let again = json!({ "lastTimestamp": Time(now) });
        let written = requests.merge(target, Part::Main, &again).await?;
        let count = written.count.unwrap_or_default().saturating_add(1);
        let again = json!({ "count": count });
        requests.merge(target, Part::Main, &again).await.map(drop)
    }

    fn event(&self, name: &str, involved: ObjectReference, now: Time) -> v1::Event {
        let component = self.event.reason.source_component().to_owned();
        v1::Event {
            metadata: ObjectMeta {
                name: Some(name.to_owned()),
                namespace: involved.namespace.clone(),
                ..ObjectMeta::default()
            },
            involved_object: involved,
            type_: Some(self.event.reason.event_type().as_str().to_owned()),
            reason: Some(self.event.reason.as_str().to_owned()),
            message: Some(self.event.message.clone()),
            source: Some(EventSource {
                component: Some(component.clone()),
                host: None,
            }),
            reporting_component: Some(component),
            first_timestamp: Some(now.clone()),
            last_timestamp: Some(now),
            count: Some(1),
            ..v1::Event::default()
        }
    }

    /// Tells apart what is said about objects of one name.
    fn digest(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let uid = self.stamp.as_ref().map(|stamp| &stamp.uid);
        let (reason, message) = (self.event.reason.as_str(), &self.event.message);
        (uid, reason, message).hash(&mut hasher);
        hasher.finish()
    }
}

/// How many events may wait to be sent.
const MOST_WAITING: usize = 2048;
