//! The flags of the speakers' membership (compat/metallb.md 3.2, 3.5).

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use election::membership::Config;

/// How speakers hear of each other.
#[derive(Args, Clone, Debug)]
pub struct MembershipFlags {
    /// The address at which other speakers reach this one. Without it, or without --ml-labels, every node counts as alive.
    #[arg(long, env = "METALLB_ML_BIND_ADDR", value_name = "ADDRESS")]
    pub ml_bindaddr: Option<String>,
    /// The port of that, the same for all speakers.
    #[arg(
        long,
        env = "METALLB_ML_BIND_PORT",
        value_name = "PORT",
        default_value_t = 7946
    )]
    pub ml_bindport: u16,
    /// The labels that the pods of all speakers have. With --source dir, where there are no pods, the others are found by
    /// the addresses of the Nodes instead.
    #[arg(long, env = "METALLB_ML_LABELS", value_name = "SELECTOR")]
    pub ml_labels: Option<String>,
    /// The folder with the file secretkey, the same for all speakers. Without it nobody is heard of, and every node counts
    /// as alive.
    #[arg(long, env = "METALLB_ML_SECRET_KEY_PATH", value_name = "FOLDER")]
    pub ml_secret_key_path: Option<PathBuf>,
    /// Allow for the delays of a wide area network.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub ml_wan_config: bool,
}

/// How a speaker takes part in the membership.
#[derive(Clone, Debug)]
pub(in crate::speaker) struct MembershipSettings {
    /// Where it listens, and where others reach it.
    pub(in crate::speaker) bind: SocketAddr,
    /// The labels of the pods of all speakers, as a selector.
    pub(in crate::speaker) labels: String,
    /// The folder with the key.
    pub(in crate::speaker) key_folder: Option<PathBuf>,
    /// How fast and how often members talk.
    pub(in crate::speaker) config: Config,
    /// How long the others may take to be found.
    pub(in crate::speaker) patience: Duration,
}

/// A flag of the membership cannot be honoured.
#[derive(Debug, thiserror::Error)]
#[error(
    "--ml-bindaddr {address:?} is no address at which other speakers could reach this one; give that of the pod or the node, such as 192.0.2.1"
)]
pub struct BindAddressError {
    address: String,
}

impl MembershipFlags {
    /// How to take part; `None` where speakers are not to hear of each other, by MetalLB's rule.
    ///
    /// # Errors
    /// The address is none that others could send to.
    pub(in crate::speaker) fn settings(
        &self,
    ) -> Result<Option<MembershipSettings>, BindAddressError> {
        let given = |flag: &Option<String>| flag.clone().filter(|text| !text.is_empty());
        let (Some(address), Some(labels)) = (given(&self.ml_bindaddr), given(&self.ml_labels))
        else {
            return Ok(None);
        };
        let ip = address.parse().ok();
        let Some(ip) = ip.filter(|ip: &IpAddr| !ip.is_unspecified() && !ip.is_multicast()) else {
            return Err(BindAddressError { address });
        };
        let (config, patience) = if self.ml_wan_config {
            (Config::wan(), WAN_PATIENCE)
        } else {
            (Config::lan(), LAN_PATIENCE)
        };
        Ok(Some(MembershipSettings {
            bind: SocketAddr::new(ip, self.ml_bindport),
            labels,
            key_folder: self.ml_secret_key_path.clone(),
            config,
            patience,
        }))
    }
}

/// Four calls to who is missing.
const LAN_PATIENCE: Duration = Duration::from_secs(1);
const WAN_PATIENCE: Duration = Duration::from_secs(5);
