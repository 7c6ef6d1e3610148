//! `ferrolb plan`: what a folder of manifests would come to, without touching anything.

mod collect;
mod report;
mod table;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use k8s_adapter::flags::{BgpType, DEFAULT_NAMESPACE};
use k8s_adapter::source::{SourceError, dir};
use k8s_adapter::translate::{TranslateOptions, snapshot};
use planner::names::NodeName;
use planner::snapshot::{ExcludeLabel, Options};

use self::report::Report;
use self::table::Style;

/// Show what a folder of manifests comes to: errors, addresses, routes and owners, and the reasons.
///
/// Nothing is written and nothing is sent. What controller and speakers would do with the same folder and flags is what
/// is shown. Exits with 1 when an object is in error.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The folder of manifests.
    #[arg(short, long, value_name = "PATH")]
    folder: PathBuf,
    /// Show the sessions of this node alone.
    #[arg(long, value_name = "NAME")]
    node: Option<String>,
    /// How to print it.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    output: Output,
    /// The namespace of FerroLB's own objects.
    #[arg(long, env = "METALLB_NAMESPACE", default_value = DEFAULT_NAMESPACE)]
    namespace: String,
    /// Serve only Services of this loadBalancerClass; without it, only those that have none.
    #[arg(
        long,
        value_name = "CLASS",
        default_value = "",
        hide_default_value = true
    )]
    lb_class: String,
    /// Announce from nodes with the label node.kubernetes.io/exclude-from-external-load-balancers too.
    #[arg(long)]
    ignore_exclude_lb: bool,
    /// Which of MetalLB's modes the defaults of BGP sessions are taken from.
    #[arg(long, env = "METALLB_BGP_TYPE", value_enum, default_value_t = BgpType::Native)]
    bgp_type: BgpType,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    /// Aligned columns, for people.
    Table,
    /// For programs; the shape is described in the README.
    Json,
}

/// Why there is nothing to show.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PlanError {
    /// The folder cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// `--node` names none.
    #[error("there is no Node {node} in {}; there is {}", folder.display(), known.join(", "))]
    UnknownNode {
        node: String,
        folder: PathBuf,
        known: Vec<String>,
    },
    /// The plan cannot be printed.
    #[error("cannot print the plan")]
    Print(#[from] io::Error),
    /// The plan cannot be put into JSON.
    #[error("cannot print the plan as JSON")]
    Json(#[from] serde_json::Error),
}

/// Prints the plan. The status is 1 when an object is in error.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, PlanError> {
    let objects = dir::read(&arguments.folder)?;
    let (snapshot, errors) = snapshot(&objects, &arguments.options());
    if let Some(node) = arguments
        .node
        .as_ref()
        .filter(|node| !snapshot.nodes.contains_key(node.as_str()))
    {
        let known = snapshot.nodes.keys().map(NodeName::to_string).collect();
        return Err(PlanError::UnknownNode {
            node: node.clone(),
            folder: arguments.folder.clone(),
            known,
        });
    }
    let report = collect::collect(&snapshot, &errors, arguments.node.as_deref());
    match print(&report, arguments.output) {
        // Whoever reads the plan has seen enough.
        Err(PlanError::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => {}
        printed => printed?,
    }
    Ok(if report.has_errors() {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn print(report: &Report, output: Output) -> Result<(), PlanError> {
    let mut stdout = io::stdout().lock();
    match output {
        Output::Table => {
            let colour = stdout.is_terminal() && std::env::var_os("NO_COLOR").is_none();
            let style = if colour {
                Style::Terminal
            } else {
                Style::Plain
            };
            stdout.write_all(table::render(report, style).as_bytes())?;
        }
        Output::Json => {
            let text = serde_json::to_string_pretty(report)?;
            writeln!(stdout, "{text}")?;
        }
    }
    Ok(stdout.flush()?)
}

impl Arguments {
    fn options(&self) -> TranslateOptions {
        TranslateOptions {
            namespace: self.namespace.as_str().into(),
            planner: Options {
                load_balancer_class: Some(self.lb_class.clone()).filter(|class| !class.is_empty()),
                exclude_label: if self.ignore_exclude_lb {
                    ExcludeLabel::Ignored
                } else {
                    ExcludeLabel::Respected
                },
                bgp_defaults: self.bgp_type.into(),
            },
        }
    }
}
