//! Keeps the webhook's certificate good while it is served: in its Secret, in what the API server trusts, and on the
//! socket, in this order.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Client;
use kube::api::{Api, Patch};
use rustls::sign::CertifiedKey;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, info, warn};

use super::certificates::{Credentials, renewal};
use super::followed::Followed;
use super::publish;
use super::trust::{self, WebhookService};
use crate::telemetry::chain;

/// The certificate of one replica. All replicas share the Secret: whichever sees first that it will not do renews it.
pub(super) struct Rotation {
    service: WebhookService,
    secret: Followed<Secret>,
    webhooks: Followed<ValidatingWebhookConfiguration>,
    definition: Followed<CustomResourceDefinition>,
    served: watch::Sender<Option<Arc<CertifiedKey>>>,
    /// The certificate that is served.
    shown: Option<Credentials>,
}

/// Whether something is left to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Done,
    TryAgain,
}

impl Rotation {
    /// Serves through `served` what the Secret `secret` holds.
    pub(super) fn new(
        client: &Client,
        service: WebhookService,
        secret: &str,
        served: watch::Sender<Option<Arc<CertifiedKey>>>,
    ) -> Self {
        let secrets = Api::namespaced(client.clone(), &service.namespace);
        Self {
            secret: Followed::new(secrets, secret),
            webhooks: Followed::new(Api::all(client.clone()), WEBHOOKS),
            definition: Followed::new(Api::all(client.clone()), CONVERTED),
            service,
            served,
            shown: None,
        }
    }

    /// Does so until nobody is served any more.
    pub(super) async fn run(mut self) {
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = self.secret.changed() => {}
                () = self.webhooks.changed() => {}
                () = self.definition.changed() => {}
                () = sleep_until(next) => {}
                () = self.served.closed() => return,
            }
            next = Instant::now()
                + match self.pass().await {
                    Outcome::Done => CHECK,
                    Outcome::TryAgain => RETRY,
                };
        }
    }

    async fn pass(&mut self) -> Outcome {
        if !self.secret.is_known() {
            return Outcome::Done;
        }
        let renewed = self.renew().await;
        let Some(credentials) = self.secret.object().and_then(publish::credentials_of) else {
            return Outcome::TryAgain;
        };
        let trusted = self.make_trusted(&credentials).await;
        self.show(credentials);
        if renewed == Outcome::Done && trusted == Outcome::Done {
            Outcome::Done
        } else {
            Outcome::TryAgain
        }
    }

    /// Puts new credentials into the Secret, if those there will not do.
    async fn renew(&mut self) -> Outcome {
        let held = self.secret.object().and_then(publish::credentials_of);
        let renewal = match renewal(held.as_ref(), &self.service.dns_name(), SystemTime::now()) {
            Ok(Some(renewal)) => renewal,
            Ok(None) => return Outcome::Done,
            Err(error) => {
                warn!(
                    error = chain(&error),
                    "no certificate for the webhook can be made"
                );
                return Outcome::TryAgain;
            }
        };
        let Followed { api, name, .. } = &self.secret;
        match publish::credentials(api, name, self.secret.object(), &renewal.credentials).await {
            Ok(secret) => {
                info!(secret = self.secret.name, reason = ?renewal.reason, "the webhook's certificate was renewed");
                self.secret.put(secret);
                Outcome::Done
            }
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_already_exists() => {
                debug!(secret = self.secret.name, "another replica was first");
                Outcome::TryAgain
            }
            Err(error) => {
                warn!(
                    secret = self.secret.name,
                    error = chain(&error),
                    "the webhook's certificate could not be stored"
                );
                Outcome::TryAgain
            }
        }
    }

    /// Tells the API server whom to trust.
    async fn make_trusted(&mut self, credentials: &Credentials) -> Outcome {
        let authorities = ByteString(credentials.authorities.clone().into_bytes());
        let webhooks = self.webhooks.object();
        let webhooks =
            webhooks.and_then(|all| trust::of_webhooks(all, &self.service, &authorities));
        let definition = self.definition.object();
        let conversion =
            definition.and_then(|one| trust::of_conversion(one, &self.service, &authorities));
        let webhooks = match webhooks {
            Some(patch) => tell(&self.webhooks.api, WEBHOOKS, Patch::Strategic(patch)).await,
            None => Outcome::Done,
        };
        let conversion = match conversion {
            Some(patch) => tell(&self.definition.api, CONVERTED, Patch::Merge(patch)).await,
            None => Outcome::Done,
        };
        if webhooks == Outcome::Done {
            conversion
        } else {
            webhooks
        }
    }

    /// Serves the certificate to clients from now on.
    fn show(&mut self, credentials: Credentials) {
        if self.shown.as_ref() == Some(&credentials) {
            return;
        }
        match credentials.certified_key() {
            Ok(certificate) => {
                info!(
                    secret = self.secret.name,
                    "the webhook shows the certificate of the Secret"
                );
                self.served.send_replace(Some(Arc::new(certificate)));
                self.shown = Some(credentials);
            }
            Err(error) => {
                warn!(
                    secret = self.secret.name,
                    error = chain(&error),
                    "the webhook cannot show the certificate of the Secret"
                );
            }
        }
    }
}

async fn tell<K>(api: &Api<K>, object: &str, patch: Patch<Value>) -> Outcome
where
    K: Clone + DeserializeOwned + Debug,
{
    match publish::patch(api, object, patch).await {
        Ok(()) => {
            info!(object, "the API server was told whom to trust");
            Outcome::Done
        }
        Err(kube::Error::Api(status)) if status.is_conflict() => {
            debug!(object, "changed meanwhile");
            Outcome::TryAgain
        }
        Err(error) => {
            let error = chain(&error);
            warn!(
                object,
                error, "the API server could not be told whom to trust"
            );
            Outcome::TryAgain
        }
    }
}

/// MetalLB's name of the configuration of the webhooks.
const WEBHOOKS: &str = "metallb-webhook-configuration";
/// The kind that has two versions.
const CONVERTED: &str = "bgppeers.metallb.io";
/// How often the certificate is looked at, when nothing happens.
const CHECK: Duration = Duration::from_secs(60);
/// How soon something is tried again that failed.
const RETRY: Duration = Duration::from_secs(2);
