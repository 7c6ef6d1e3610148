//! When each Service got its address, by a watch.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use kube::api::{Api, ObjectMeta, PostParams};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Client, ResourceExt as _};

use super::measure::Policy;
use crate::LabError;
use crate::bench::many::write_each;
use crate::bench::site::NAMESPACE;
use crate::cluster::ControlPlane;
use crate::wait::receive;

/// How long all addresses together may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Watches Services.
#[derive(Debug)]
pub(super) struct Addresses {
    news: Receiver<(String, Instant)>,
    known: BTreeMap<String, Instant>,
}

impl Addresses {
    /// Begins to watch.
    pub(super) fn watch(plane: &ControlPlane) -> Self {
        let (sender, news) = mpsc::channel();
        let api: Api<Service> = Api::all(plane.client());
        // Ends with the runtime of the control plane.
        plane.block_on(async move {
            tokio::spawn(async move {
                let mut services = watcher(api, watcher::Config::default())
                    .default_backoff()
                    .applied_objects()
                    .boxed();
                while let Some(service) = services.next().await {
                    if let Some(name) = service.ok().filter(has_address).map(|it| it.name_any())
                        && sender.send((name, Instant::now())).is_err()
                    {
                        return;
                    }
                }
            });
        });
        Self {
            news,
            known: BTreeMap::new(),
        }
    }

    /// Waits until all of these Services have an address, and tells when the last one was seen with it.
    ///
    /// # Errors
    /// [`LabError::Timeout`] after five minutes, [`LabError::Interrupted`] after an interruption.
    pub(super) fn until_all(&mut self, names: &[String]) -> Result<Instant, LabError> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = None;
        for name in names {
            while !self.known.contains_key(name) {
                let Some((name, at)) = receive(&self.news, deadline)? else {
                    return Err(LabError::Timeout {
                        what: format!("address for {name}"),
                        after: PATIENCE,
                    });
                };
                self.known.entry(name).or_insert(at);
            }
            last = last.max(self.known.get(name).copied());
        }
        Ok(last.unwrap_or(deadline))
    }
}

/// Creates Services of these names, many at a time, and tells when the last one was created.
///
/// # Errors
/// As [`write_each`].
pub(super) fn create(
    plane: &ControlPlane,
    names: &[String],
    policy: Policy,
) -> Result<Instant, LabError> {
    write_each(plane, names.to_vec(), move |client, name| {
        create_one(client, name, policy)
    })?;
    Ok(Instant::now())
}

async fn create_one(client: Client, name: String, policy: Policy) -> Result<(), kube::Error> {
    let api: Api<Service> = Api::namespaced(client, NAMESPACE);
    let port = ServicePort {
        port: 80,
        ..ServicePort::default()
    };
    let service = Service {
        spec: Some(ServiceSpec {
            type_: Some("LoadBalancer".to_owned()),
            external_traffic_policy: Some(policy.to_string()),
            selector: Some([("app".to_owned(), name.clone())].into()),
            ports: Some(vec![port]),
            ..ServiceSpec::default()
        }),
        metadata: ObjectMeta {
            name: Some(name),
            ..ObjectMeta::default()
        },
        ..Service::default()
    };
    api.create(&PostParams::default(), &service).await.map(drop)
}

fn has_address(service: &Service) -> bool {
    let status = service.status.as_ref();
    let load_balancer = status.and_then(|status| status.load_balancer.as_ref());
    let ingress = load_balancer.and_then(|load_balancer| load_balancer.ingress.as_ref());
    ingress.is_some_and(|entries| entries.iter().any(|entry| entry.ip.is_some()))
}
