//! How fast, and at what cost, a controller gives addresses.

mod addresses;
mod measure;
mod report;

use std::io::Write;

pub use measure::{Load, Policy};

use super::Contender;
use crate::LabError;
use measure::measure;
use report::Report;

/// Measures each contender under each load, on an API server of its own each time, and writes what was found as
/// tables. The first contender is compared with the others and held against the targets.
///
/// # Errors
/// When something cannot be started, or an address does not come in minutes.
pub fn bench_controller(
    contenders: &[Contender],
    loads: &[Load],
    mut out: impl Write,
) -> Result<(), LabError> {
    for &load in loads {
        let mut report = Report::new(load);
        for contender in contenders {
            report.add(contender.to_string(), measure(contender, load)?);
        }
        writeln!(out, "{report}").map_err(LabError::io("printing"))?;
    }
    Ok(())
}
