//! What a process tells about itself over HTTP.
//!
//! | port | path | who may ask | answer |
//! |---|---|---|---|
//! | `--port`, HTTPS | `/metrics` | whoever may `get` the nonResourceURL, as the API server says | metrics for Prometheus |
//! | `--health-probe-port` | `/healthz` | everybody | 200 as long as the process runs |
//! | | `/readyz` | everybody | 200 when it does its work, else 503 and what it waits for |
//!
//! With `--metrics-insecure` metrics are for everybody, over plain HTTP. That is the only way where no API server can be
//! asked who somebody is.

mod flags;
mod metrics;
mod probes;
mod process;
mod readiness;
mod review;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::Arc;

use kube::Client;
use prometheus_client::registry::Registry;
use tokio::task::JoinSet;
use tracing::{info, warn};

pub use self::flags::AdminFlags;
#[cfg(test)]
pub(crate) use self::metrics::in_text;
pub use self::process::ProcessMetrics;
pub use self::readiness::Readiness;
use self::review::Reviewer;
use crate::listen::{self, TlsListener};
use crate::tls::{
    CertificateError, CertificateFolder, FolderError, ServedCertificate, TlsError, self_signed,
};

/// The endpoints of a process. Dropping them closes them.
#[derive(Debug)]
pub struct Endpoints {
    tasks: JoinSet<()>,
}

impl Endpoints {
    /// Opens those that the flags ask for. `api` is asked who may read the metrics; `readiness` is asked each time that
    /// somebody within `reach` wants to know.
    ///
    /// # Errors
    ///
    /// The flags cannot be honoured, a port is taken, or there is no certificate.
    pub async fn open<R>(
        flags: &AdminFlags,
        api: Option<Client>,
        metrics: Registry,
        reach: Reach,
        readiness: R,
    ) -> Result<Self, AdminError>
    where
        R: Fn() -> Readiness + Send + Sync + 'static,
    {
        if !flags.pprof_bind_address.is_empty() {
            warn!("--pprof-bind-address has no effect");
        }
        let mut endpoints = Self {
            tasks: JoinSet::new(),
        };
        let served_by_default = api.is_some();
        if let Some(port) = port(flags.health_probe_port, PROBES, served_by_default) {
            endpoints.open_probes(port, reach, readiness).await?;
        }
        if let Some(port) = port(flags.port, METRICS, served_by_default) {
            let metrics = Arc::new(metrics);
            match api {
                _ if flags.metrics_insecure => endpoints.open_plain(port, metrics).await?,
                Some(api) => endpoints.open_secure(flags, port, metrics, api).await?,
                None => return Err(AdminError::NobodyToAsk),
            }
        }
        Ok(endpoints)
    }

    async fn open_probes<R>(
        &mut self,
        port: u16,
        reach: Reach,
        readiness: R,
    ) -> Result<(), AdminError>
    where
        R: Fn() -> Readiness + Send + Sync + 'static,
    {
        let listener = match reach {
            Reach::Everywhere => listen(port).await?,
            Reach::ThisMachine => listen::loopback(port)
                .await
                .map_err(|source| AdminError::Listen { port, source })?,
        };
        info!(port, "probes");
        self.serve(listener, probes::router(readiness));
        Ok(())
    }

    async fn open_plain(&mut self, port: u16, metrics: Arc<Registry>) -> Result<(), AdminError> {
        let listener = listen(port).await?;
        info!(port, "metrics for everybody");
        self.serve(listener, metrics::router(metrics, None));
        Ok(())
    }

    async fn open_secure(
        &mut self,
        flags: &AdminFlags,
        port: u16,
        metrics: Arc<Registry>,
        api: Client,
    ) -> Result<(), AdminError> {
        let certificate = self.certificate(flags.metrics_cert_dir.as_deref())?;
        let config = flags.tls.server_config(certificate, &[b"http/1.1"])?;
        let listener = TlsListener::new(listen(port).await?, config);
        info!(port, "metrics");
        self.serve(listener, metrics::router(metrics, Some(Reviewer::new(api))));
        Ok(())
    }

    fn certificate(&mut self, folder: Option<&Path>) -> Result<Arc<ServedCertificate>, AdminError> {
        let (sender, served) = ServedCertificate::new();
        match folder {
            Some(folder) => {
                let folder = CertificateFolder::open(folder)?;
                folder.read()?;
                self.tasks.spawn(folder.serve(sender));
            }
            None => drop(sender.send_replace(Some(Arc::new(self_signed(&["localhost"])?)))),
        }
        Ok(served)
    }

    fn serve<L>(&mut self, listener: L, router: axum::Router)
    where
        L: axum::serve::Listener,
        L::Addr: std::fmt::Debug,
    {
        self.tasks.spawn(async move {
            // It goes on until it is aborted: errors of a connection end that connection.
            drop(axum::serve(listener, router).await);
        });
    }
}

/// The port to open, if any.
fn port(flag: Option<u16>, default: u16, served_by_default: bool) -> Option<u16> {
    flag.or_else(|| served_by_default.then_some(default))
        .filter(|&port| port != 0)
}

async fn listen(port: u16) -> Result<tokio::net::TcpListener, AdminError> {
    listen::everywhere(port)
        .await
        .map_err(|source| AdminError::Listen { port, source })
}

/// From where the probes may be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every address of the machine, which in a pod are the pod's.
    Everywhere,
    /// 127.0.0.1 alone: the addresses of a process on the network of its node are the node's.
    ThisMachine,
}

/// Endpoints that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Without an API server nobody's token can be judged.
    #[error(
        "with a folder as the source, --port needs --metrics-insecure: no API server says who may read metrics"
    )]
    NobodyToAsk,
    /// The port is taken.
    #[error("cannot listen on port {port}")]
    Listen {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The flags of TLS make no sense.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// `--metrics-cert-dir` has no certificate.
    #[error("--metrics-cert-dir")]
    Folder(#[from] FolderError),
    /// No certificate could be made.
    #[error("no certificate for the metrics")]
    Certificate(#[from] CertificateError),
}

/// The port of the metrics, as in MetalLB.
const METRICS: u16 = 9120;

/// The port of the probes, as in MetalLB.
const PROBES: u16 = 17472;
