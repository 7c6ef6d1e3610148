//! How long the addresses of a node are away that fails, or goes, and whether two nodes ever answer for one.

mod report;

use std::io::Write;

use super::Contender;
use crate::LabError;
use crate::failover::{Outcome, Split, Stage, Trial};
use report::Section;

/// How often each thing happens.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// Each trial: to one Service after the other.
    pub trials: usize,
    /// Cuts of what the members say to each other.
    pub splits: usize,
}

/// Lets everything happen to each contender, on a stage of its own each time, and writes what a client saw of it as tables.
/// The first contender is held against the targets.
///
/// # Errors
/// When something cannot be started, or an address has no owner, or two, for a minute and a half.
pub fn bench_failover(
    contenders: &[Contender],
    times: Times,
    mut out: impl Write,
) -> Result<(), LabError> {
    let mut print = |text: &dyn std::fmt::Display| {
        let printed = writeln!(out, "{text}").and_then(|()| out.flush());
        printed.map_err(LabError::io("printing"))
    };
    for trial in Trial::ALL {
        let knowing = contenders
            .iter()
            .filter(|contender| knows(contender, trial));
        let outcomes = knowing.map(|contender| {
            let outcomes = run(&mut Stage::build(contender.clone())?, trial, times.trials)?;
            Ok((contender.to_string(), outcomes))
        });
        let outcomes = outcomes.collect::<Result<Vec<_>, LabError>>()?;
        print(&Section::of_trial(trial, &outcomes))?;
    }
    let seed = fastrand::u64(..);
    let splits = contenders.iter().map(|contender| {
        let mut random = fastrand::Rng::with_seed(seed);
        let splits = Stage::build(contender.clone())?.split(times.splits, &mut random)?;
        Ok((contender.to_string(), splits))
    });
    let splits: Vec<(String, Vec<Split>)> = splits.collect::<Result<_, LabError>>()?;
    print(&Section::of_splits(seed, &splits))
}

/// Only ours has a way to drain a node.
fn knows(contender: &Contender, trial: Trial) -> bool {
    trial != Trial::Drain || matches!(contender, Contender::FerroLb)
}

/// Lets a trial happen so many times.
fn run(stage: &mut Stage, trial: Trial, times: usize) -> Result<Vec<Outcome>, LabError> {
    let services = Stage::services();
    let services = services.iter().cycle().take(times);
    services
        .map(|addresses| stage.run(trial, addresses))
        .collect()
}
