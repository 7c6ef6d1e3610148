//! The speaker's own flags, under MetalLB's names (compat/metallb.md 3.2).

mod inert;
mod membership;
#[cfg(test)]
mod tests;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args, value_parser};
use http::Uri;
use http::uri::{InvalidUri, Scheme};
use planner::snapshot::ExcludeLabel;

pub use self::inert::InertFlags;
pub(super) use self::membership::MembershipSettings;
pub use self::membership::{BindAddressError, MembershipFlags};
use super::fence::Defence;
use super::fresh::Probe;
use super::metrics::Names;
use crate::admin::AdminFlags;
use crate::flags::CommonFlags;
use crate::translate::TranslateOptions;

/// What a speaker is told when it is started.
#[derive(Args, Clone, Debug)]
pub struct SpeakerFlags {
    /// What it has in common with the controller.
    #[command(flatten)]
    pub common: CommonFlags,
    /// What it tells about itself.
    #[command(flatten)]
    pub admin: AdminFlags,
    /// How speakers hear of each other.
    #[command(flatten)]
    pub membership: MembershipFlags,
    /// What MetalLB's speaker takes and this one has no use for.
    #[command(flatten)]
    pub inert: InertFlags,
    /// The name of the Node that this speaker announces from.
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME")]
    pub node_name: String,
    /// The pod that this speaker runs in. Its status objects are owned by what controls that pod, as its DaemonSet does, and
    /// by the pod itself where nothing does.
    #[arg(long, env = "METALLB_POD_NAME", value_name = "NAME")]
    pub pod_name: Option<String>,
    /// Announce from nodes with the label node.kubernetes.io/exclude-from-external-load-balancers too.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub ignore_exclude_lb: bool,
    /// Take BGP connections that routers open on this address. May be given several times. By default nobody listens.
    #[arg(long, value_name = "ADDRESS:PORT", value_delimiter = ',')]
    pub bgp_listen: Vec<SocketAddr>,
    /// How often, in seconds, an address is announced on its links although nothing changed; 0: never.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(..=86400))]
    pub gratuitous_arp_interval: u64,
    /// What becomes of an address of ours that a stranger on the link claims: always: it is kept, and announced once more,
    /// every 10 s at most; once: it is left to a stranger that claims it again within 10 s; never: it is left to the stranger
    /// (RFC 5227, 2.4).
    #[arg(long, value_enum, value_name = "POLICY", default_value = "always")]
    pub l2_defend: Defence,
    /// Look on the link for an address that is new to the cluster before it is answered for, which takes 0.4 s, and leave it
    /// to whoever has it.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "true",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub l2_conflict_probe: bool,
    /// The file with the interfaces that never carry an announcement. Where there is none, the ConfigMap
    /// metallb-excludel2 counts, and without that MetalLB's list.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/metallb/excludel2.yaml"
    )]
    pub exclude_l2_file: PathBuf,
    /// Where this node's kube-proxy tells how it is, as in http://127.0.0.1:10256/healthz. While it says that it is behind,
    /// addresses that are new to the node wait for it, 10 s at most. By default nothing waits.
    #[arg(long, value_name = "URL", value_parser = http_url)]
    pub kube_proxy_healthz: Option<Uri>,
    /// Show the metrics of BGP and BFD under the names of MetalLB's FRR-K8s mode too.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub metrics_frrk8s_names: bool,
}

fn http_url(text: &str) -> Result<Uri, String> {
    let url: Uri = text
        .parse()
        .map_err(|error: InvalidUri| error.to_string())?;
    if url.scheme() == Some(&Scheme::HTTP) && url.host().is_some() {
        Ok(url)
    } else {
        Err("expected http://ADDRESS:PORT/healthz".to_owned())
    }
}

impl SpeakerFlags {
    pub(super) fn translate_options(&self) -> TranslateOptions {
        let label = if self.ignore_exclude_lb {
            ExcludeLabel::Ignored
        } else {
            ExcludeLabel::Respected
        };
        self.common.translate_options(label)
    }

    pub(super) fn layer2(&self) -> arp_ndp::Config {
        arp_ndp::Config::default()
            .with_refresh(Some(Duration::from_secs(self.gratuitous_arp_interval)))
    }

    /// The pod, if its name is known.
    pub(super) fn pod(&self) -> Option<&str> {
        self.pod_name.as_deref().filter(|name| !name.is_empty())
    }

    pub(super) fn metric_names(&self) -> Names {
        if self.metrics_frrk8s_names {
            Names::FrrK8sToo
        } else {
            Names::Metallb
        }
    }

    pub(super) fn probe(&self) -> Probe {
        if self.l2_conflict_probe {
            Probe::NewAddresses
        } else {
            Probe::Nothing
        }
    }

    /// For the jitter of timers: each node has another, and the same every time.
    pub(super) fn seed(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.node_name.hash(&mut hasher);
        hasher.finish()
    }
}
