//! The last good versions as they outlive a process: as the content of one Secret.
//!
//! Keys are `KIND.NAME`, values JSON with the object's `uid`, the `file` that it was read from, its `metadata` as far as
//! it matters, and its `spec`, in which what the object refers to stands in place of the reference: a peer's password
//! and an advertisement's communities.

use std::path::PathBuf;
use std::sync::Arc;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use planner::effect::LastGoodVersions;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::{Kind, ObjectName};
use super::objects::ClusterObjects;

/// The Secret that holds the last good versions, in FerroLB's own namespace. A Secret, since a BGPPeer may hold a
/// password.
pub const LAST_GOOD_SECRET: &str = "ferrolb-last-good";

/// `type` of that Secret.
pub const LAST_GOOD_TYPE: &str = "ferrolb.io/last-good";

/// The longest key that a Secret takes.
const MAX_KEY: usize = 253;
/// Prefix of the annotations that say something to FerroLB.
const OWN_ANNOTATIONS: &str = "ferrolb.io/";

/// What tells an object from another of its name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// `metadata.uid`, if it was read from an API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) uid: Option<String>,
    /// The file that it was read from, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) file: Option<PathBuf>,
}

#[derive(Deserialize, Serialize)]
struct StoredVersion {
    #[serde(flatten)]
    identity: Identity,
    metadata: ObjectMeta,
    spec: Value,
}

/// The versions that the objects show; none where there is no Secret, or not one that we have written.
#[must_use]
pub fn last_good_shown(objects: &ClusterObjects, namespace: &Arc<str>) -> LastGoodVersions {
    let name = ObjectName::new(Arc::clone(namespace), LAST_GOOD_SECRET);
    let secret = objects.secrets.get(&name);
    let secret = secret.filter(|secret| secret.type_.as_deref() == Some(LAST_GOOD_TYPE));
    let data = secret
        .iter()
        .flat_map(|secret| secret.data.iter().flatten());
    let text = |value: &ByteString| String::from_utf8(value.0.clone()).ok();
    LastGoodVersions(
        data.filter_map(|(key, value)| Some((key.clone(), text(value)?)))
            .collect(),
    )
}

/// Adds an object, with `spec` in place of its own. One whose name is too long for a key goes without.
pub(super) fn add(
    versions: &mut LastGoodVersions,
    (kind, name): (Kind, &str),
    identity: &Identity,
    meta: &ObjectMeta,
    spec: Value,
) {
    let annotations = meta.annotations.iter().flatten();
    let annotations = annotations
        .filter(|(name, _)| name.starts_with(OWN_ANNOTATIONS))
        .map(|(name, value)| (name.clone(), value.clone()));
    let version = StoredVersion {
        identity: identity.clone(),
        metadata: ObjectMeta {
            annotations: Some(annotations.collect()),
            creation_timestamp: meta.creation_timestamp.clone(),
            labels: meta.labels.clone(),
            ..ObjectMeta::default()
        },
        spec,
    };
    let key = key(kind, name);
    if let (true, Ok(text)) = (key.len() <= MAX_KEY, serde_json::to_string(&version)) {
        versions.0.insert(key, text);
    }
}

/// The objects of a kind, in `namespace`. What is no object of that kind is left out.
pub(super) fn of_kind<K: DeserializeOwned>(
    versions: &LastGoodVersions,
    kind: Kind,
    namespace: &Arc<str>,
) -> Vec<(ObjectName, Identity, K)> {
    let prefix = key(kind, "");
    let stored = versions.0.iter().filter_map(|(key, text)| {
        let name = key.strip_prefix(&prefix)?;
        let mut stored: StoredVersion = serde_json::from_str(text).ok()?;
        stored.metadata.name = Some(name.to_owned());
        stored.metadata.namespace = Some(namespace.to_string());
        let object = json!({ "metadata": stored.metadata, "spec": stored.spec });
        let name = ObjectName::new(Arc::clone(namespace), name);
        Some((name, stored.identity, serde_json::from_value(object).ok()?))
    });
    stored.collect()
}

fn key(kind: Kind, name: &str) -> String {
    format!("{}.{name}", kind.as_str().to_lowercase())
}
