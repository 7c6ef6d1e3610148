//! The flags of the endpoints of a process, under MetalLB's names (compat/metallb.md 3.1, 3.2).

use std::path::PathBuf;

use clap::Args;

use crate::tls::TlsFlags;

/// Where and how metrics and probes are served.
#[derive(Args, Clone, Debug)]
pub struct AdminFlags {
    /// The port of the metrics; 0: none. With a folder as the source there are none unless this is given.
    #[arg(long, value_name = "PORT")]
    pub port: Option<u16>,
    /// The port of /healthz and /readyz; 0: none. With a folder as the source there are none unless this is given.
    #[arg(long, value_name = "PORT")]
    pub health_probe_port: Option<u16>,
    /// Serve the metrics to everybody over plain HTTP, instead of HTTPS to those who may read them.
    #[arg(long)]
    pub metrics_insecure: bool,
    /// The folder with tls.crt and tls.key of the metrics; without it the certificate is self-signed.
    #[arg(long, value_name = "FOLDER")]
    pub metrics_cert_dir: Option<PathBuf>,
    /// How TLS is spoken, by metrics and webhooks.
    #[command(flatten)]
    pub tls: TlsFlags,
    /// Without effect: accepted since MetalLB has it.
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "",
        hide_default_value = true
    )]
    pub pprof_bind_address: String,
}
