//! Flags and environment variables of MetalLB's speaker that have no meaning here.

use clap::builder::BoolishValueParser;
use clap::{ArgAction, Args};

/// What is accepted, does nothing, and is warned of once each: they are of FRR, which runs nowhere here, or MetalLB has no
/// use for them any more either.
#[derive(Args, Clone, Debug)]
pub struct InertFlags {
    /// Without effect: accepted since MetalLB has it.
    #[arg(long, env = "METALLB_HOST", value_name = "ADDRESS")]
    pub host: Option<String>,
    /// Without effect: accepted since MetalLB has it for FRR.
    #[arg(
        long,
        env = "METALLB_BGP_DEBOUNCE_TIMEOUT",
        value_name = "MILLISECONDS"
    )]
    pub bgp_debounce_timeout: Option<String>,
    /// Without effect: accepted since MetalLB has it for FRR-K8s.
    #[arg(long, env = "FRRK8S_NAMESPACE", value_name = "NAME")]
    pub frrk8s_namespace: Option<String>,
    /// Without effect: accepted since MetalLB has it for FRR-K8s.
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
          default_missing_value = "true", value_parser = BoolishValueParser::new(), value_name = "BOOL")]
    pub frrk8s_secret_passthrough: Option<bool>,
}

impl InertFlags {
    /// The names of those that are given, with the variables that are set, as `is_set` tells.
    pub(crate) fn given(&self, is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
        let text = |flag: &Option<String>| flag.as_ref().is_some_and(|text| !text.is_empty());
        let flags = [
            ("--host", text(&self.host)),
            ("--bgp-debounce-timeout", text(&self.bgp_debounce_timeout)),
            ("--frrk8s-namespace", text(&self.frrk8s_namespace)),
            (
                "--frrk8s-secret-passthrough",
                self.frrk8s_secret_passthrough.is_some(),
            ),
        ];
        let variables = VARIABLES.map(|name| (name, is_set(name)));
        let all = flags.into_iter().chain(variables);
        all.filter_map(|(name, is_given)| is_given.then_some(name))
            .collect()
    }
}

const VARIABLES: [&str; 3] = [
    "FRR_CONFIG_FILE",
    "FRR_RELOADER_PID_FILE",
    "FRR_LOGGING_LEVEL",
];
