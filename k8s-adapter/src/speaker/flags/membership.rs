//! The flags of the speakers' membership (compat/metallb.md 3.2, 3.5).

use std::path::PathBuf;

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};
use planner::effect::{Problem, Severity};

/// How speakers hear of each other.
#[derive(Args, Clone, Debug)]
pub struct MembershipFlags {
    /// The address to talk to other speakers from. Without it, or without --ml-labels, every node counts as alive.
    #[arg(long, env = "METALLB_ML_BIND_ADDR", value_name = "ADDRESS")]
    pub ml_bindaddr: Option<String>,
    /// The port of that.
    #[arg(
        long,
        env = "METALLB_ML_BIND_PORT",
        value_name = "PORT",
        default_value_t = 7946
    )]
    pub ml_bindport: u16,
    /// The labels that the pods of all speakers have.
    #[arg(long, env = "METALLB_ML_LABELS", value_name = "SELECTOR")]
    pub ml_labels: Option<String>,
    /// The folder with the file `secretkey`.
    #[arg(long, env = "METALLB_ML_SECRET_KEY_PATH", value_name = "FOLDER")]
    pub ml_secret_key_path: Option<PathBuf>,
    /// Allow for the delays of a wide area network.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_value = "false",
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub ml_wan_config: bool,
}

impl MembershipFlags {
    /// Whether speakers are to hear of each other: MetalLB's rule.
    fn is_asked_for(&self) -> bool {
        let given = |flag: &Option<String>| flag.as_ref().is_some_and(|text| !text.is_empty());
        given(&self.ml_bindaddr) && given(&self.ml_labels)
    }

    /// That speakers do not hear of each other although they are to.
    pub(super) fn warning(&self) -> Option<Problem> {
        self.is_asked_for().then(|| Problem {
            kind: "Speaker".to_owned(),
            name: "membership".to_owned(),
            message: "membership (--ml-bindaddr, --ml-labels) is not supported yet: every node counts as alive".to_owned(),
            severity: Severity::Warning,
        })
    }
}
