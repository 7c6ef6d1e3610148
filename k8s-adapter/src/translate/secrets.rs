//! The Secret that holds a peer's password (compat/metallb.md 1.2).

use k8s_openapi::api::core::v1::Secret;
use planner::config::Password;

use super::error::{ObjectName, Reason};
use super::last_good::Faults;
use super::objects::Objects;
use crate::crd::SecretReference;

const FIELD: &str = "spec.passwordSecret";
const BASIC_AUTH: &str = "kubernetes.io/basic-auth";
const KEY: &str = "password";
/// The longest key that TCP MD5 takes on Linux (TCP_MD5SIG_MAXKEYLEN).
const MAX_LENGTH: usize = 80;

/// The password in the Secret that `reference` names; it must be in `namespace`.
pub(super) fn password(
    faults: &mut Faults,
    reference: &SecretReference,
    namespace: &str,
    secrets: &Objects<Secret>,
) -> Option<Password> {
    if reference.name.is_empty() {
        faults.reject(format!("{FIELD}.name"), Reason::Missing);
        return None;
    }
    if !reference.namespace.is_empty() && reference.namespace != namespace {
        faults.reject(
            format!("{FIELD}.namespace"),
            Reason::WrongNamespace {
                expected: namespace.into(),
            },
        );
        return None;
    }
    let name = ObjectName::new(namespace, reference.name.as_str());
    let Some(secret) = secrets.get(&name) else {
        faults.reject(FIELD, Reason::NotFound(format!("Secret {name}")));
        return None;
    };
    if secret.type_.as_deref() != Some(BASIC_AUTH) {
        let found = secret.type_.as_deref().unwrap_or("Opaque");
        let detail = format!("Secret {name} is of type {found}, expected {BASIC_AUTH}");
        faults.reject(FIELD, Reason::Invalid(detail));
        return None;
    }
    match key(secret) {
        Some(text) => check(faults, FIELD, &text),
        None => {
            faults.reject(
                FIELD,
                Reason::Invalid(format!("Secret {name} has no key {KEY} with text in it")),
            );
            None
        }
    }
}

/// A password that the socket can take.
pub(super) fn check(faults: &mut Faults, field: &str, text: &str) -> Option<Password> {
    if text.len() > MAX_LENGTH {
        let detail = format!(
            "a TCP MD5 password has at most {MAX_LENGTH} octets, this has {}",
            text.len()
        );
        faults.reject(field, Reason::Invalid(detail));
        return None;
    }
    Some(Password::new(text))
}

/// `stringData` is what an API server would have moved into `data`.
fn key(secret: &Secret) -> Option<String> {
    let plain = secret
        .string_data
        .as_ref()
        .and_then(|data| data.get(KEY))
        .cloned();
    let encoded = || secret.data.as_ref().and_then(|data| data.get(KEY)).cloned();
    plain
        .or_else(|| String::from_utf8(encoded()?.0).ok())
        .filter(|text| !text.is_empty())
}
