//! What the webhook writes to the API server: its Secret, and the authorities to trust.
//!
//! Every write names the version of the object that it is meant for, so that of several replicas one is first, and the
//! others follow it.

use std::collections::BTreeMap;
use std::fmt::Debug;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, Patch, PatchParams, PostParams};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::certificates::Credentials;

/// The credentials that a Secret holds, under the keys that MetalLB uses; `None` where one is missing.
pub(super) fn credentials_of(secret: &Secret) -> Option<Credentials> {
    let text = |key: &str| String::from_utf8(secret.data.as_ref()?.get(key)?.0.clone()).ok();
    Some(Credentials {
        authorities: text(AUTHORITIES)?,
        authority_key: text(AUTHORITY_KEY)?,
        certificate: text(CERTIFICATE)?,
        key: text(KEY)?,
    })
}

/// Puts credentials into the Secret `name`, unless it is no longer as it was when it was `present`, or absent.
pub(super) async fn credentials(
    api: &Api<Secret>,
    name: &str,
    present: Option<&Secret>,
    credentials: &Credentials,
) -> Result<Secret, kube::Error> {
    let data = [
        (AUTHORITIES, &credentials.authorities),
        (AUTHORITY_KEY, &credentials.authority_key),
        (CERTIFICATE, &credentials.certificate),
        (KEY, &credentials.key),
    ];
    let data: BTreeMap<String, ByteString> = data
        .map(|(key, text)| (key.to_owned(), ByteString(text.clone().into_bytes())))
        .into();
    if let Some(present) = present {
        let version = &present.metadata.resource_version;
        let patch = json!({ "metadata": { "resourceVersion": version }, "data": data });
        return api.patch(name, &by_us(), &Patch::Merge(patch)).await;
    }
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(data),
        ..Secret::default()
    };
    let params = PostParams {
        field_manager: by_us().field_manager,
        ..PostParams::default()
    };
    api.create(&params, &secret).await
}

/// Carries out a patch.
pub(super) async fn patch<K: Clone + DeserializeOwned + Debug>(
    api: &Api<K>,
    name: &str,
    patch: Patch<Value>,
) -> Result<(), kube::Error> {
    api.patch(name, &by_us(), &patch).await.map(drop)
}

fn by_us() -> PatchParams {
    PatchParams {
        field_manager: Some("ferrolb-controller".to_owned()),
        ..PatchParams::default()
    }
}

const AUTHORITIES: &str = "ca.crt";
const AUTHORITY_KEY: &str = "ca.key";
const CERTIFICATE: &str = "tls.crt";
const KEY: &str = "tls.key";
