//! The process around the loop that decides: where objects come from and go, who leads, what others are told, and the
//! webhook.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt as _, TryFutureExt as _};
use kube::Client;
use planner::effect::Component;
use prometheus_client::registry::Registry;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{info, warn};

use super::memberlist::MemberlistSecret;
use super::{Controller, ControllerFlags, ControllerMetrics, Facts, WebhookMode};
use crate::admin::{AdminError, AdminFlags, Endpoints, ProcessMetrics, Reach, Readiness};
use crate::client::{self, ClientError};
use crate::lease::{Elector, Leadership, LeaseName, Standing, Timing};
use crate::sink::dir::DirSink;
use crate::sink::kube::KubeSink;
use crate::source::dir::DirSource;
use crate::source::kube::{Health, KubeSource};
use crate::source::{SourceError, SourceOption};
use crate::webhook::{Webhook, WebhookError, look_for_leftovers};

/// Does what the flags say until `stop` is ready.
///
/// # Errors
///
/// The flags cannot be honoured, or the source cannot be read, or ends.
pub async fn run(
    flags: &ControllerFlags,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    info!(source = %flags.common.source, "controller started");
    match &flags.common.source {
        SourceOption::Dir(folder) => in_folder(flags, folder, stop).await?,
        SourceOption::Kube => in_cluster(flags, stop).await?,
    }
    info!("controller stopped");
    Ok(())
}

/// One process a folder: nobody to elect, no API server to ask.
async fn in_folder(
    flags: &ControllerFlags,
    folder: &Path,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    let namespace = flags.common.namespace.as_str();
    let sink = DirSink::new(folder, namespace, Component::Controller);
    let controller = Controller::new(flags.translate_options(), sink, Leadership::always());
    let parts = Parts {
        deciding: Some(Deciding::of(&controller)),
        certificate: None,
    };
    let _endpoints = parts.open_endpoints(&flags.admin, None).await?;
    Ok(controller.run(|| DirSource::open(folder), stop).await?)
}

async fn in_cluster(
    flags: &ControllerFlags,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    let client = client::connect(flags.common.kubeconfig.as_deref()).await?;
    let mode = flags.webhook.webhook_mode;
    let webhook = match mode {
        WebhookMode::Disabled => None,
        WebhookMode::Enabled | WebhookMode::OnlyWebhook => {
            let options = flags.translate_options();
            let tls = &flags.admin.tls;
            Some(Webhook::bind(client.clone(), options, &flags.webhook, tls).await?)
        }
    };
    let decider = match mode {
        WebhookMode::OnlyWebhook => None,
        WebhookMode::Enabled | WebhookMode::Disabled => Some(Decider::new(flags, client.clone())),
    };
    let parts = Parts {
        deciding: decider.as_ref().map(|decider| Deciding {
            reading: Some(decider.reading.subscribe()),
            ..Deciding::of(&decider.controller)
        }),
        certificate: webhook.as_ref().map(Webhook::certificate),
    };
    let _endpoints = parts.open_endpoints(&flags.admin, Some(client)).await?;

    let stop = stop.shared();
    let both = async {
        tokio::try_join!(
            maybe(webhook, |webhook| webhook
                .run(stop.clone())
                .err_into::<ControllerError>()),
            maybe(decider, |decider| decider.run(stop.clone())),
        )
    };
    let deadline = stop.clone().then(|()| sleep(GOODBYE));
    tokio::select! {
        ended = both => ended.map(drop),
        () = deadline => {
            warn!("not everybody could be answered before the end");
            Ok(())
        }
    }
}

/// What is not there has ended well.
async fn maybe<T, E, F>(part: Option<T>, run: impl FnOnce(T) -> F) -> Result<(), E>
where
    F: Future<Output = Result<(), E>>,
{
    match part {
        Some(part) => run(part).await,
        None => Ok(()),
    }
}

/// The loop that decides on a cluster, and what it needs beside it.
struct Decider {
    controller: Controller<KubeSink>,
    client: Client,
    namespace: String,
    elector: Option<Elector>,
    memberlist: Option<MemberlistSecret>,
    serves_no_webhook: bool,
    /// How reading goes, of the source that is read now.
    reading: watch::Sender<Option<watch::Receiver<Health>>>,
}

impl Decider {
    fn new(flags: &ControllerFlags, client: Client) -> Self {
        let namespace = flags.common.namespace.as_str();
        let elector = flags.leader_elect.then(|| elector(flags, &client));
        let leadership = elector
            .as_ref()
            .map_or_else(Leadership::always, Elector::leadership);
        let sink = KubeSink::new(client.clone(), namespace, &Component::Controller);
        let controller = Controller::new(flags.translate_options(), sink, leadership);
        Self {
            controller,
            namespace: namespace.to_owned(),
            memberlist: MemberlistSecret::of(flags),
            serves_no_webhook: flags.webhook.webhook_mode == WebhookMode::Disabled,
            client,
            elector,
            reading: watch::Sender::default(),
        }
    }

    async fn run(self, stop: impl Future<Output = ()>) -> Result<(), ControllerError> {
        let mut beside = JoinSet::new();
        if let Some(secret) = self.memberlist {
            beside.spawn(secret.ensure(self.client.clone()));
        }
        if self.serves_no_webhook {
            let (client, namespace) = (self.client.clone(), self.namespace.clone());
            beside.spawn(async move { look_for_leftovers(client, &namespace).await });
        }
        let open = || {
            let source = KubeSource::new(&self.client, &self.namespace, &Component::Controller);
            self.reading.send_replace(Some(source.health()));
            Ok(source)
        };
        let ended = self.controller.run(open, stop).await;
        // Nothing is written any more.
        if let Some(elector) = self.elector {
            elector.release().await;
        }
        Ok(ended?)
    }
}

/// Seeks leadership under the name of the pod, else of the machine.
fn elector(flags: &ControllerFlags, client: &Client) -> Elector {
    let machine = || {
        fs::read_to_string(HOSTNAME)
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    let pod = flags.pod_name.clone().filter(|name| !name.is_empty());
    let lease = LeaseName {
        namespace: flags.common.namespace.clone(),
        name: LEASE.to_owned(),
    };
    let identity = pod.unwrap_or_else(machine);
    Elector::start(client.clone(), &lease, &identity, Timing::default())
}

/// What this process consists of, as far as its endpoints tell of it.
struct Parts {
    deciding: Option<Deciding>,
    /// What the webhook shows to its clients, which cannot connect before.
    certificate: Option<watch::Receiver<Option<Arc<CertifiedKey>>>>,
}

/// The loop that decides.
#[derive(Clone)]
struct Deciding {
    facts: watch::Receiver<Facts>,
    leadership: Leadership,
    reading: Option<watch::Receiver<Option<watch::Receiver<Health>>>>,
}

impl Deciding {
    fn of<K>(controller: &Controller<K>) -> Self {
        Self {
            facts: controller.facts.subscribe(),
            leadership: controller.leadership.clone(),
            reading: None,
        }
    }

    fn readiness(&self) -> Readiness {
        let standing = self.leadership.standing();
        if let Standing::Leading { .. } = standing
            && let Some(what) = self.unread()
        {
            return Readiness::Waiting(what.into());
        }
        self.facts.borrow().readiness(standing)
    }

    /// The kinds of objects that are not known as they are now, and why.
    fn unread(&self) -> Option<String> {
        let reading = self.reading.as_ref()?.borrow().clone()?;
        reading.borrow().missing()
    }
}

impl Parts {
    async fn open_endpoints(
        self,
        flags: &AdminFlags,
        api: Option<Client>,
    ) -> Result<Endpoints, AdminError> {
        let mut metrics = Registry::default();
        if let Some(Deciding {
            facts, leadership, ..
        }) = self.deciding.clone()
        {
            metrics.register_collector(Box::new(ControllerMetrics::new(facts, leadership)));
        }
        metrics.register_collector(Box::new(ProcessMetrics::new()));
        let readiness = move || self.readiness();
        Endpoints::open(flags, api, metrics, Reach::Everywhere, readiness).await
    }

    fn readiness(&self) -> Readiness {
        if let Some(certificate) = &self.certificate
            && certificate.borrow().is_none()
        {
            return Readiness::Waiting("the webhook has no certificate yet".into());
        }
        self.deciding
            .as_ref()
            .map_or(Readiness::Ready, Deciding::readiness)
    }
}

/// Why a controller cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// There is no way to the API server.
    #[error("no way to the API server")]
    Client(#[from] ClientError),
    /// It cannot read what to decide about.
    #[error("cannot read what to decide about")]
    Source(#[from] SourceError),
    /// It cannot tell about itself.
    #[error("cannot serve metrics or probes")]
    Admin(#[from] AdminError),
    /// It cannot judge objects.
    #[error("cannot serve the webhook")]
    Webhook(#[from] WebhookError),
}

/// The Lease that replicas compete for.
const LEASE: &str = "ferrolb-controller";

/// The name of this machine; in a pod, the pod's.
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// How long the end may take: less than the pod's grace period.
const GOODBYE: Duration = Duration::from_secs(8);
