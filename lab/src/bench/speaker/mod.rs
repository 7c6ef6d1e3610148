//! How fast, and at what cost, a speaker announces addresses by BGP.

mod measure;
mod neighbour;
mod report;
mod services;

use std::io::Write;

use super::Contender;
use crate::LabError;
use measure::measure;
use report::Report;

/// Measures each contender with each number of Services, on an API server of its own each time, and writes what was
/// found as tables. The first contender is compared with the others and held against the targets.
///
/// # Errors
/// When something cannot be started, or a route does not come or go in minutes.
pub fn bench_speaker(
    contenders: &[Contender],
    loads: &[u32],
    mut out: impl Write,
) -> Result<(), LabError> {
    for &services in loads {
        let mut report = Report::new(services);
        for contender in contenders {
            report.add(contender.to_string(), measure(contender, services)?);
        }
        writeln!(out, "{report}").map_err(LabError::io("printing"))?;
    }
    Ok(())
}
