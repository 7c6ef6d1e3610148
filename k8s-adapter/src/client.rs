//! The client of the Kubernetes API that source, sink and Lease share.

use std::env;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt;
use kube::config::{InClusterError, KubeConfigOptions, Kubeconfig, KubeconfigError};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

use crate::telemetry::chain;

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The file of `--kubeconfig` is not usable.
    #[error("kubeconfig {}", path.display())]
    Kubeconfig {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: KubeconfigError,
    },
    /// The pod's service account is not usable.
    #[error("service account of the pod")]
    InCluster(#[from] InClusterError),
    /// Neither a pod nor a usable file that `KUBECONFIG` names, nor `~/.kube/config`.
    #[error(
        "not in a pod, and no kubeconfig: set KUBECONFIG or --kubeconfig, or use --source dir:PATH"
    )]
    Default(#[source] KubeconfigError),
    /// The configuration holds something that no client can be made of.
    #[error("client of the Kubernetes API")]
    Client(#[from] kube::Error),
}

/// A client for the API server that `kubeconfig` names; without one for that of the cluster that this process is a pod
/// of, else of `KUBECONFIG` or `~/.kube/config`. Connects when it is used first.
///
/// # Errors
///
/// There is no usable configuration.
pub async fn connect(kubeconfig: Option<&Path>) -> Result<Client, ClientError> {
    let config = match kubeconfig {
        Some(path) => {
            let failed = |source| ClientError::Kubeconfig {
                path: path.to_owned(),
                source,
            };
            let file = Kubeconfig::read_from(path).map_err(failed)?;
            Config::from_custom_kubeconfig(file, &KubeConfigOptions::default())
                .await
                .map_err(failed)?
        }
        None if env::var_os(IN_CLUSTER).is_some() => Config::incluster()?,
        None => Config::from_kubeconfig(&KubeConfigOptions::default())
            .await
            .map_err(ClientError::Default)?,
    };
    Ok(client(&config)?)
}

/// The stack that [`Client::try_from`] would build, but one that notices a server which is no more: no request of a
/// watch ever tells, and until the next one the kernel has nothing to say either. Nothing is tried again in here, since
/// who asks has its own back-off, and nothing is logged.
fn client(config: &Config) -> Result<Client, kube::Error> {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(KEEPALIVE));
    tcp.set_keepalive_interval(Some(KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(KEEPALIVE_RETRIES));
    let tls = config.rustls_https_connector_with_connector(tcp)?;
    let mut connector = TimeoutConnector::new(tls);
    connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
    connector.set_read_timeout(Some(READ_TIMEOUT));
    // Or the time that a connection was idle would count.
    connector.set_reset_reader_on_write(true);
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(IDLE_CONNECTIONS)
        .build(connector);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace.clone()))
}

/// What went wrong, in plain words: what the server said, or what is in the way to it.
pub(crate) fn plain(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        kube::Error::HyperError(cause) => chain(cause),
        kube::Error::Service(cause) => chain(cause.as_ref()),
        other => chain(other),
    }
}

/// Set in every container of a cluster.
const IN_CLUSTER: &str = "KUBERNETES_SERVICE_HOST";

/// How long it may take to connect, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long nothing may come where something is due: servers send a bookmark a minute to each watch.
const READ_TIMEOUT: Duration = Duration::from_secs(120);
/// How long a connection may be quiet before the kernel asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long the kernel waits for an answer.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
/// How often the kernel asks.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long a connection is kept for the next request, and how many of them: each costs memory here and there.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS: usize = 4;
