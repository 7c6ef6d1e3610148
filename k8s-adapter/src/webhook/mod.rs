//! The webhooks that an API server asks: whether our kinds may be stored as they are, and to convert BGPPeers.
//! Optional (compat/metallb.md 3.4): what one object shows to be wrong the definitions refuse by themselves, and
//! everything is reported in ConfigurationState.
//!
//! ```text
//! API server ─ AdmissionReview ──► server ─ reads those beside it ─► review ─► allowed or refused, with warnings
//!            └ ConversionReview ─► server ─────────────────────────► conversion
//! Secret ◄──► rotation ─► the certificate that the server shows; `caBundle` of what the API server calls
//! ```

pub mod certificates;
pub mod conversion;
mod followed;
mod kinds;
mod leftovers;
mod present;
mod publish;
mod references;
pub mod review;
mod rotation;
mod server;
mod trust;

use std::future::{IntoFuture, pending};
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use kube::Client;
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::info;

pub use self::leftovers::look as look_for_leftovers;
use self::present::ApiServer;
use self::rotation::Rotation;
use self::trust::WebhookService;
use crate::controller::WebhookFlags;
use crate::listen::{self, TlsListener};
use crate::tls::{CertificateFolder, FolderError, ServedCertificate, TlsError, TlsFlags};
use crate::translate::TranslateOptions;

/// A webhook that listens; [`run`](Self::run) answers.
pub struct Webhook {
    listener: TlsListener,
    served: watch::Sender<Option<Arc<CertifiedKey>>>,
    client: Client,
    options: TranslateOptions,
    certificate: CertificateSource,
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("listener", &self.listener)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
enum CertificateSource {
    /// Our own.
    Secret {
        name: String,
        service: WebhookService,
    },
    /// Somebody else's.
    Folder(CertificateFolder),
}

impl Webhook {
    /// Listens.
    ///
    /// # Errors
    ///
    /// The port is taken, the folder with the certificate cannot be followed, or the flags of TLS contradict each other.
    pub async fn bind(
        client: Client,
        options: TranslateOptions,
        flags: &WebhookFlags,
        tls: &TlsFlags,
    ) -> Result<Self, WebhookError> {
        let (served, certificate) = ServedCertificate::new();
        let protocols: &[&[u8]] = if flags.webhook_http2 {
            &[b"h2", b"http/1.1"]
        } else {
            &[b"http/1.1"]
        };
        let config = tls.server_config(certificate, protocols)?;
        let certificate = if flags.disable_cert_rotation {
            CertificateSource::Folder(CertificateFolder::open(&flags.cert_dir)?)
        } else {
            let service = WebhookService {
                namespace: options.namespace.to_string(),
                name: flags.cert_service_name.clone(),
            };
            CertificateSource::Secret {
                name: flags.webhook_secret.clone(),
                service,
            }
        };
        let socket = listen::everywhere(flags.webhook_port)
            .await
            .map_err(WebhookError::Listen)?;
        Ok(Self {
            listener: TlsListener::new(socket, config),
            served,
            client,
            options,
            certificate,
        })
    }

    /// The certificate that is shown to clients; until there is one, none can connect.
    #[must_use]
    pub fn certificate(&self) -> watch::Receiver<Option<Arc<CertifiedKey>>> {
        self.served.subscribe()
    }

    /// Answers until `stop` is ready, and then, for a while at most, what has been asked already.
    ///
    /// # Errors
    ///
    /// The socket fails.
    pub async fn run(self, stop: impl Future<Output = ()>) -> Result<(), WebhookError> {
        let present = ApiServer {
            client: self.client.clone(),
            namespace: self.options.namespace.to_string(),
        };
        let (ending, mut ended) = watch::channel(());
        let router = server::router(present, self.options);
        let serve = axum::serve(self.listener, router).with_graceful_shutdown(async move {
            // The other end is dropped, never used.
            drop(ended.changed().await);
        });
        let certificate = async {
            match self.certificate {
                CertificateSource::Folder(folder) => folder.serve(self.served).await,
                CertificateSource::Secret { name, service } => {
                    let rotation = Rotation::new(&self.client, service, &name, self.served);
                    rotation.run().await;
                }
            }
            // It is looked after as long as somebody may be served.
            pending().await
        };
        let finish = async {
            stop.await;
            drop(ending);
            sleep(GOODBYE).await;
        };
        info!("webhook started");
        tokio::select! {
            ended = serve.into_future() => ended.map_err(WebhookError::Serve)?,
            () = certificate => {}
            () = finish => {}
        }
        info!("webhook stopped");
        Ok(())
    }
}

/// The webhook cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The port is taken.
    #[error("cannot listen on --webhook-port; --webhook-mode=disabled does without")]
    Listen(#[source] io::Error),
    /// The folder of `--cert-dir` cannot be followed.
    #[error("the webhook's certificate")]
    Certificate(#[from] FolderError),
    /// The flags of TLS contradict each other.
    #[error("the webhook's TLS")]
    Tls(#[from] TlsError),
    /// The socket fails.
    #[error("the webhook's socket")]
    Serve(#[source] io::Error),
}

/// How long questions may take to be answered after the process was asked to end.
const GOODBYE: Duration = Duration::from_secs(5);
