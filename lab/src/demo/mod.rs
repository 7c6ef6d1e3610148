//! The product at work: each step is done, measured and checked, and the first that does not happen ends it.

mod layer2;
mod steps;
mod timeline;

use std::fs;
use std::io::Write;
use std::path::Path;

use self::timeline::Timeline;
use crate::router::Kind;
use crate::{Lab, LabError, Names, folder, remaining, sweep};

/// What is connected to what.
const PICTURE: &str = include_str!("picture.txt");

/// How much of each log is shown when a step did not happen.
const QUOTED_LINES: usize = 15;

/// Runs all steps with a router of that kind, tells about each on `out`, and removes everything.
///
/// # Errors
/// That of the first step that did not happen.
pub fn demo(kind: Kind, out: impl Write) -> Result<(), LabError> {
    sweep()?;
    let folder = folder()?;
    let mut timeline = Timeline::new(out);
    timeline.print(&format!(
        "FerroLB in network namespaces; the router is {kind}.\n\n{PICTURE}"
    ))?;
    let mut lab = timeline.step(
        "a switch, a router, three nodes that answer HTTP, a client",
        |_| Lab::build(kind, Names::OfProcess, folder.path()),
    )?;
    let result = steps::run(&mut timeline, &mut lab);
    if let Err(error) = result {
        // Who ends it does not ask why it ended.
        if !matches!(error, LabError::Interrupted) {
            quote_logs(&mut timeline, folder.path())?;
        }
        return Err(error);
    }
    timeline.step("all of it is removed", |_| {
        let names = lab.topology.names();
        drop(lab);
        let mut left = remaining("flb")?;
        left.retain(|name| names.contains(name));
        if left.is_empty() {
            Ok(())
        } else {
            Err(LabError::Unexpected(format!("left behind: {left:?}")))
        }
    })
}

/// Shows the end of each log.
fn quote_logs<W: Write>(timeline: &mut Timeline<W>, folder: &Path) -> Result<(), LabError> {
    let folders = ["logs", "router"].map(|name| folder.join(name));
    let entries = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    for file in entries
        .map(|entry| entry.path())
        .filter(|file| file.extension().is_some_and(|end| end == "log"))
    {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let quoted = lines
            .get(lines.len().saturating_sub(QUOTED_LINES)..)
            .unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        timeline.print(&format!("--- {name}\n{}", quoted.join("\n")))?;
    }
    Ok(())
}
