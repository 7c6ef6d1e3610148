//! A small router of the project's own crates, for machines without a routing daemon: it accepts sessions,
//! installs the best paths in the kernel, side by side where they are equal, and says nothing itself.

mod kernel;
mod rib;
mod speaker;
mod status;
mod update;

use std::fs;
use std::path::Path;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use self::speaker::Speaker;
use self::status::StatusFile;
use super::daemons::Daemon;
use super::{Config, View};
use crate::{LabError, own_binary};

/// The file with its configuration.
const CONFIG: &str = "config.json";

/// The file that it tells its state in; there once it takes connections.
const STATUS: &str = "status.json";

/// Writes the configuration; the process is not started yet.
pub(super) fn prepare(folder: &Path, config: &Config) -> Result<Vec<Daemon>, LabError> {
    let (file, status) = (folder.join(CONFIG), folder.join(STATUS));
    let text = serde_json::to_vec_pretty(config)
        .map_err(|error| LabError::Unexpected(error.to_string()))?;
    fs::write(&file, text).map_err(LabError::io(format!("writing {}", file.display())))?;
    let arguments = [
        "router".to_owned(),
        file.display().to_string(),
        status.display().to_string(),
    ];
    Ok(vec![Daemon {
        name: "router",
        program: own_binary("ferrolb-lab")?,
        arguments: arguments.into(),
        socket: status,
    }])
}

/// How to ask the one whose files are in `folder`.
pub(super) fn view(folder: &Path) -> Box<dyn View> {
    Box::new(StatusFile(folder.join(STATUS)))
}

/// Is the router, from the namespace of the calling thread, until SIGTERM: reads its configuration from one file and
/// tells its state in another.
///
/// # Errors
/// When the configuration is not understood, a socket is refused, or the kernel refuses a route.
pub fn run(config: &Path, status: &Path) -> Result<(), LabError> {
    let text = fs::read_to_string(config);
    let text = text.map_err(LabError::io(format!("reading {}", config.display())))?;
    let what = "a configuration";
    let config: Config =
        serde_json::from_str(&text).map_err(|_| LabError::Answer { what, text })?;
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime
        .map_err(LabError::io("building a runtime"))?
        .block_on(async {
            let mut terminate =
                signal(SignalKind::terminate()).map_err(LabError::io("catching SIGTERM"))?;
            let mut speaker = Speaker::start(&config, status).await?;
            loop {
                let events = tokio::select! {
                    _ = terminate.recv() => return speaker.stop().await,
                    events = speaker.next() => events,
                };
                speaker.act(events).await?;
            }
        })
}
