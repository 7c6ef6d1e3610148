//! The Secret with the key of the speakers' membership, made when there is none (compat/metallb.md 3.5).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::PostParams;
use kube::{Api, Client, Resource as _};
use rustls::crypto::ring;
use tokio::time::sleep;
use tracing::{info, warn};

use super::ControllerFlags;
use crate::telemetry::chain;

/// Which Secret, and whose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MemberlistSecret {
    namespace: String,
    name: String,
    deployment: String,
}

impl MemberlistSecret {
    /// What the flags ask for: nothing unless they name both the Secret and its owner.
    pub(super) fn of(flags: &ControllerFlags) -> Option<Self> {
        let named = |name: &Option<String>| name.clone().filter(|name| !name.is_empty());
        Some(Self {
            namespace: flags.common.namespace.clone(),
            name: named(&flags.ml_secret_name)?,
            deployment: named(&flags.deployment)?,
        })
    }

    /// Returns when the Secret is there. One that exists is never changed, whatever it holds.
    pub(super) async fn ensure(self, client: Client) {
        let mut wait = FIRST_WAIT;
        while let Err(error) = self.try_ensure(client.clone()).await {
            warn!(
                secret = self.name,
                error = chain(&error),
                "no Secret for the speakers' membership yet"
            );
            sleep(wait).await;
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    async fn try_ensure(&self, client: Client) -> Result<(), MemberlistError> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), &self.namespace);
        if let Some(secret) = secrets.get_opt(&self.name).await? {
            if !has_key(&secret) {
                warn!(
                    secret = self.name,
                    "the Secret has no key {KEY:?}: delete it, or add one"
                );
            }
            return Ok(());
        }
        let deployments: Api<Deployment> = Api::namespaced(client, &self.namespace);
        let deployment = deployments.get(&self.deployment).await?;
        let secret = self.secret(deployment.controller_owner_ref(&()))?;
        match secrets.create(&PostParams::default(), &secret).await {
            Ok(_) => info!(
                secret = self.name,
                "made the Secret for the speakers' membership"
            ),
            // Another replica was faster.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn secret(&self, owner: Option<OwnerReference>) -> Result<Secret, MemberlistError> {
        let mut secret = Secret::default();
        secret.metadata.name = Some(self.name.clone());
        secret.metadata.owner_references = owner.map(|owner| vec![owner]);
        secret.string_data = Some([(KEY.to_owned(), new_key()?)].into());
        Ok(secret)
    }
}

fn has_key(secret: &Secret) -> bool {
    secret
        .data
        .as_ref()
        .and_then(|data| data.get(KEY))
        .is_some_and(|key| !key.0.is_empty())
}

fn new_key() -> Result<String, MemberlistError> {
    let mut key = [0; 32];
    let random = ring::default_provider().secure_random;
    random.fill(&mut key).map_err(|_| MemberlistError::Random)?;
    Ok(STANDARD_NO_PAD.encode(key))
}

/// Why there is no Secret.
#[derive(Debug, thiserror::Error)]
enum MemberlistError {
    /// The API server says no, or nothing.
    #[error("API server")]
    Api(#[from] kube::Error),
    /// There is nothing to make a key of.
    #[error("the system has no randomness")]
    Random,
}

const KEY: &str = "secretkey";
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_256_bits_that_nobody_guesses() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert_eq!(STANDARD_NO_PAD.decode(&one).unwrap().len(), 32);
        assert_ne!(one, other);
    }

    #[test]
    fn a_secret_without_a_key_is_found_out() {
        let secret = MemberlistSecret {
            namespace: "metallb-system".to_owned(),
            name: "memberlist".to_owned(),
            deployment: "controller".to_owned(),
        };
        assert!(
            !has_key(&secret.secret(None).unwrap()),
            "a server moves stringData into data"
        );
        let with_key = |key: &[u8]| Secret {
            data: Some([(KEY.to_owned(), k8s_openapi::ByteString(key.to_vec()))].into()),
            ..Secret::default()
        };
        assert!(!has_key(&with_key(b"")));
        assert!(has_key(&with_key(b"abc")));
    }
}
