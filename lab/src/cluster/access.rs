//! What a client of the API server needs: where it is, whom to trust, and who it is itself.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::rt::TokioExecutor;
use kube::client::ConfigExt as _;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;
use tower::{BoxError, ServiceBuilder};

use crate::LabError;

/// One way into a cluster, as one user.
#[derive(Clone, Debug)]
pub struct Access {
    /// The server, as in `https://127.0.0.1:6443`.
    pub server: String,
    /// A file with the certificate of the authority that the server's is from.
    pub authority: PathBuf,
    /// The bearer token of the user.
    pub token: String,
}

impl Access {
    /// The same server as another user.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            ..self.clone()
        }
    }

    /// The text of a kubeconfig file with this as its only context.
    #[must_use]
    pub fn kubeconfig(&self) -> String {
        let cluster = json!({"server": self.server, "certificate-authority": self.authority});
        // JSON is YAML.
        json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": "lab", "user": {"token": self.token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}],
            "current-context": "lab",
        })
        .to_string()
    }

    /// Writes the kubeconfig file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, file: &Path) -> Result<(), LabError> {
        std::fs::write(file, self.kubeconfig())
            .map_err(LabError::io(format!("writing {}", file.display())))
    }

    /// A client, to be made on a runtime, and used in the namespace, of the control plane.
    ///
    /// # Errors
    /// When the certificate cannot be read.
    pub async fn client(&self) -> Result<Client, LabError> {
        let unusable = |error: &dyn std::error::Error| {
            LabError::Unexpected(format!("no client for {}: {error}", self.server))
        };
        let kubeconfig =
            Kubeconfig::from_yaml(&self.kubeconfig()).map_err(|error| unusable(&error))?;
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        let config = config.map_err(|error| unusable(&error))?;
        client(config).map_err(|error| unusable(&error))
    }
}

/// One that lets go of connections before the server does, which may happen to a request that is on its way. It tries
/// nothing again: a test that asks a server that is down wants to know.
fn client(config: Config) -> Result<Client, kube::Error> {
    let http = legacy::Client::builder(TokioExecutor::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .build(config.rustls_https_connector()?);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}

/// How long a connection is kept for the next request: the API server keeps it for 90 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
