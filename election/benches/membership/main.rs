//! How fast members notice a death, how often they are wrong, and what they send, in virtual time: `make bench-membership`,
//! all of it or the rows that `CASE="300 members"` is part of. It fails when a gate is not met.

#![expect(
    clippy::indexing_slicing,
    reason = "it measures worlds that it made itself"
)]

mod case;
mod outcome;
#[path = "../../tests/simulation/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod simulation;

use std::collections::BTreeMap;
use std::io::{self, Write as _, stderr, stdout};
use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;

use case::{Case, Series};
use outcome::{Outcome, Verdict};

fn main() -> io::Result<ExitCode> {
    // What cargo adds begins with a dash.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let mut series = case::all();
    for series in &mut series {
        series.cases.retain(|case| case.name().contains(&wanted));
    }
    series.retain(|series| !series.cases.is_empty());
    let outcomes = measure(&series);

    let cases = series.iter().flat_map(|series| &series.cases);
    let rows: Vec<(&Case, &Outcome)> = cases.zip(&outcomes).collect();
    let mut out = stdout().lock();
    writeln!(out, "{}", outcome::HEADER)?;
    for (case, outcome) in &rows {
        writeln!(out, "{}", outcome::row(case, outcome))?;
    }
    writeln!(out, "{}\n", outcome::FOOTER)?;
    let gates = outcome::gates(&rows);
    for gate in &gates {
        writeln!(out, "{gate}")?;
    }
    let failed = gates.iter().any(|gate| gate.verdict == Verdict::NotMet);
    Ok(ExitCode::from(u8::from(failed)))
}

/// The outcomes of all rows, in their order. As many series are measured at once as there are processors, the largest first.
fn measure(series: &[Series]) -> Vec<Outcome> {
    let mut order: Vec<usize> = (0..series.len()).collect();
    order.sort_by_key(|index| series[*index].nodes);
    let (waiting, done) = (Mutex::new(order), Mutex::new(BTreeMap::new()));
    let work = || {
        loop {
            let next = waiting.lock().map_or(None, |mut waiting| waiting.pop());
            let Some(index) = next else {
                return;
            };
            // Whoever waits for the table sees the rows as they come.
            let outcomes = series[index].run(|case, outcome| {
                let _ = writeln!(stderr(), "{}", outcome::row(case, outcome));
            });
            if let Ok(mut done) = done.lock() {
                done.insert(index, outcomes);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZeroUsize::get) {
            scope.spawn(work);
        }
    });
    let done = done.into_inner().unwrap_or_default();
    done.into_values().flatten().collect()
}
