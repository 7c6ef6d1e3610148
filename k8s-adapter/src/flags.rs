//! Flags and environment variables, under MetalLB's names (compat/metallb.md 3.1, 3.2).

#[cfg(test)]
pub(crate) mod testing;

use std::path::PathBuf;
use std::{fmt, fs};

use clap::{Args, ValueEnum};
use planner::snapshot::{BgpDefaults, ExcludeLabel, Options};

use crate::source::SourceOption;
use crate::translate::TranslateOptions;

/// The namespace of FerroLB's own objects, where nothing else is said.
pub const DEFAULT_NAMESPACE: &str = "metallb-system";

/// What controller and speaker have in common.
#[derive(Args, Clone, Debug)]
pub struct CommonFlags {
    /// Where objects are read and status is written: kube, the Kubernetes API; or dir:PATH, a folder of manifests.
    #[arg(long, value_name = "kube|dir:PATH", default_value = "kube")]
    pub source: SourceOption,
    /// How to reach the API server; without it as a pod of its cluster, else as KUBECONFIG or ~/.kube/config say.
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// The namespace of FerroLB's own objects; that of the pod's service account where there is one.
    #[arg(long, env = "METALLB_NAMESPACE", default_value_t = own_namespace(), value_name = "NAME")]
    pub namespace: String,
    /// Serve only Services of this loadBalancerClass; without it, only those that have none.
    #[arg(
        long,
        value_name = "CLASS",
        default_value = "",
        hide_default_value = true
    )]
    pub lb_class: String,
    /// Which of MetalLB's modes the defaults of BGP sessions are taken from. The engine is the same in all.
    #[arg(long, env = "METALLB_BGP_TYPE", value_enum, default_value_t = BgpType::Native)]
    pub bgp_type: BgpType,
    /// The least important messages that are logged.
    #[arg(long, value_enum, default_value_t = LogLevel::Info)]
    pub log_level: LogLevel,
}

impl CommonFlags {
    /// What the translation needs to know of them.
    #[must_use]
    pub fn translate_options(&self, exclude_label: ExcludeLabel) -> TranslateOptions {
        TranslateOptions {
            namespace: self.namespace.as_str().into(),
            planner: Options {
                load_balancer_class: Some(self.lb_class.clone()).filter(|class| !class.is_empty()),
                exclude_label,
                bgp_defaults: self.bgp_type.into(),
            },
        }
    }
}

/// The namespace that the pod runs in, as Kubernetes tells every container, else [`DEFAULT_NAMESPACE`].
fn own_namespace() -> String {
    fs::read_to_string(NAMESPACE_FILE)
        .ok()
        .map(|text| text.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// `METALLB_BGP_TYPE`.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum BgpType {
    /// The defaults of MetalLB's native mode.
    Native,
    /// The defaults of its FRR mode.
    Frr,
    /// The defaults of its FRR-K8s mode, which are those of the FRR mode.
    FrrK8s,
}

impl From<BgpType> for BgpDefaults {
    fn from(bgp_type: BgpType) -> Self {
        match bgp_type {
            BgpType::Native => Self::Native,
            BgpType::Frr | BgpType::FrrK8s => Self::Frr,
        }
    }
}

/// `--log-level`.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogLevel {
    /// Everything.
    All,
    /// What helps to find a fault.
    Debug,
    /// Decisions and changes.
    #[default]
    Info,
    /// What somebody should look at.
    Warn,
    /// What does not work.
    Error,
    /// Nothing.
    None,
}

impl fmt::Display for LogLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::None => "none",
        })
    }
}

const NAMESPACE_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
