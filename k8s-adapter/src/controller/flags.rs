//! The controller's own flags, under MetalLB's names (compat/metallb.md 3.1).

use clap::Args;
use planner::snapshot::ExcludeLabel;

use crate::flags::CommonFlags;
use crate::translate::TranslateOptions;

/// What a controller is told when it is started.
#[derive(Args, Clone, Debug)]
pub struct ControllerFlags {
    /// What it has in common with the speakers.
    #[command(flatten)]
    pub common: CommonFlags,
}

impl ControllerFlags {
    /// The controller does not look at nodes, so it does not matter here which of them announce.
    pub(super) fn translate_options(&self) -> TranslateOptions {
        self.common.translate_options(ExcludeLabel::default())
    }
}
