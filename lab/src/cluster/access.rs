//! What a client of the API server needs: where it is, whom to trust, and who it is itself.

use std::path::{Path, PathBuf};

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::json;

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
        let mut config = config.map_err(|error| unusable(&error))?;
        // A test that asks a server that is down wants to know.
        config.default_retry = false;
        Client::try_from(config).map_err(|error| unusable(&error))
    }
}
