//! What the built-in router tells: a file that it replaces whenever something has changed.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::LabError;
use crate::router::{Route, Session, View};

/// The whole state of the router.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Status {
    pub(super) routes: Vec<Route>,
    pub(super) sessions: Vec<SessionStatus>,
}

/// One session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SessionStatus {
    pub(super) neighbour: IpAddr,
    /// Since the Unix epoch.
    pub(super) established_at: Option<Duration>,
    pub(super) last_error: Option<String>,
}

impl Status {
    /// Puts the file in place in one go.
    pub(super) fn write(&self, file: &Path) -> Result<(), LabError> {
        let text =
            serde_json::to_vec(self).map_err(|error| LabError::Unexpected(error.to_string()))?;
        let unfinished = file.with_extension("new");
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, file))
            .map_err(LabError::io(format!("writing {}", file.display())))
    }

    fn read(file: &Path) -> Result<Self, LabError> {
        let text = fs::read_to_string(file)
            .map_err(LabError::io(format!("reading {}", file.display())))?;
        serde_json::from_str(&text).map_err(|_| LabError::Answer {
            what: "the status of the built-in router",
            text,
        })
    }
}

/// Reads the file.
#[derive(Debug)]
pub(super) struct StatusFile(pub(super) PathBuf);

impl View for StatusFile {
    fn ask(&self, question: &str) -> Result<String, LabError> {
        Err(LabError::Unexpected(format!(
            "the built-in router, which understands nothing, was asked `{question}`"
        )))
    }

    fn routes(&self) -> Result<Vec<Route>, LabError> {
        Ok(Status::read(&self.0)?.routes)
    }

    fn sessions(&self) -> Result<Vec<Session>, LabError> {
        let now = since_epoch();
        let sessions = Status::read(&self.0)?.sessions.into_iter();
        Ok(sessions
            .map(|session| Session {
                neighbour: session.neighbour,
                uptime: session
                    .established_at
                    .map(|since| now.saturating_sub(since)),
                last_error: session.last_error,
            })
            .collect())
    }
}

/// Now.
pub(super) fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
