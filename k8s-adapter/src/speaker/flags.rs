//! The speaker's own flags, under MetalLB's names (compat/metallb.md 3.2).

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use clap::{Args, value_parser};
use planner::snapshot::ExcludeLabel;

use crate::flags::CommonFlags;
use crate::translate::TranslateOptions;

/// What a speaker is told when it is started.
#[derive(Args, Clone, Debug)]
pub struct SpeakerFlags {
    /// What it has in common with the controller.
    #[command(flatten)]
    pub common: CommonFlags,
    /// The name of the Node that this speaker announces from.
    #[arg(long, env = "METALLB_NODE_NAME", value_name = "NAME")]
    pub node_name: String,
    /// Announce from nodes with the label node.kubernetes.io/exclude-from-external-load-balancers too.
    #[arg(long)]
    pub ignore_exclude_lb: bool,
    /// How often, in seconds, an address is announced on its links although nothing changed; 0: never.
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = value_parser!(u64).range(..=86400))]
    pub gratuitous_arp_interval: u64,
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

    /// For the jitter of timers: each node has another, and the same every time.
    pub(super) fn seed(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.node_name.hash(&mut hasher);
        hasher.finish()
    }
}
