//! The controller's own flags, under MetalLB's names (compat/metallb.md 3.1).

#[cfg(test)]
mod tests;

use std::env;
use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, ValueEnum};
use planner::snapshot::ExcludeLabel;

use crate::admin::AdminFlags;
use crate::flags::CommonFlags;
use crate::translate::TranslateOptions;

/// What a controller is told when it is started.
#[derive(Args, Clone, Debug)]
pub struct ControllerFlags {
    /// What it has in common with the speakers.
    #[command(flatten)]
    pub common: CommonFlags,
    /// What it tells about itself.
    #[command(flatten)]
    pub admin: AdminFlags,
    /// What it judges before an API server takes it.
    #[command(flatten)]
    pub webhook: WebhookFlags,
    /// Hand out addresses only while holding the Lease ferrolb-controller, so that replicas can stand by.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub leader_elect: bool,
    /// The pod that this controller runs in: its name in the Lease.
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,
    /// The Deployment of this controller, which shall own the memberlist Secret.
    #[arg(long, env = "METALLB_DEPLOYMENT", value_name = "NAME")]
    pub deployment: Option<String>,
    /// The Secret with the key of the speakers' membership, made when it is absent (with --deployment).
    #[arg(long, env = "METALLB_ML_SECRET_NAME", value_name = "NAME")]
    pub ml_secret_name: Option<String>,
}

impl ControllerFlags {
    /// The controller does not look at nodes, so it does not matter here which of them announce.
    pub(super) fn translate_options(&self) -> TranslateOptions {
        self.common.translate_options(ExcludeLabel::default())
    }
}

/// The webhook that judges `metallb.io` objects before they are stored. With a folder as the source there is none.
#[derive(Args, Clone, Debug)]
pub struct WebhookFlags {
    /// Whether the webhook is served beside the controller, not at all, or alone.
    #[arg(long, value_enum, default_value_t)]
    pub webhook_mode: WebhookMode,
    /// The port of the webhook.
    #[arg(long, value_name = "PORT", default_value_t = 9443)]
    pub webhook_port: u16,
    /// Leave the webhook's certificate alone: somebody else puts it into --cert-dir.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub disable_cert_rotation: bool,
    /// The folder with tls.crt and tls.key of the webhook.
    #[arg(long, value_name = "FOLDER", default_value_os_t = default_cert_dir())]
    pub cert_dir: PathBuf,
    /// The Service that the API server reaches the webhook through, which the certificate is made out to.
    #[arg(long, value_name = "NAME", default_value = "metallb-webhook-service")]
    pub cert_service_name: String,
    /// The Secret that holds the webhook's certificate.
    #[arg(long, value_name = "NAME", default_value = "metallb-webhook-cert")]
    pub webhook_secret: String,
    /// Speak HTTP/2 at the webhook too.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub webhook_http2: bool,
}

/// `--webhook-mode`.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WebhookMode {
    /// The webhook beside the controller.
    #[default]
    Enabled,
    /// The controller alone.
    Disabled,
    /// The webhook alone: this process hands out no addresses.
    #[value(name = "onlywebhook")]
    OnlyWebhook,
}

/// MetalLB reads its certificate from below the folder for temporary files (compat/metallb.md 11 #41).
fn default_cert_dir() -> PathBuf {
    env::temp_dir().join("k8s-webhook-server/serving-certs")
}
