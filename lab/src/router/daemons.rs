//! The processes behind a router.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::{LabError, Namespace, Process, until};

/// How long a daemon may take to come up or to end.
const TIMEOUT: Duration = Duration::from_secs(30);

/// One program of a router.
#[derive(Debug)]
pub(super) struct Daemon {
    /// Its name, which also names its log.
    pub(super) name: &'static str,
    /// The file to run.
    pub(super) program: PathBuf,
    /// Its arguments.
    pub(super) arguments: Vec<String>,
    /// The socket that it makes once it takes commands.
    pub(super) socket: PathBuf,
}

/// The programs of one router, started in order and ended in the opposite order.
#[derive(Debug)]
pub(super) struct Daemons {
    namespace: Namespace,
    folder: PathBuf,
    daemons: Vec<Daemon>,
    running: Vec<Process>,
}

impl Daemons {
    pub(super) fn new(namespace: Namespace, folder: &Path) -> Self {
        Self {
            namespace,
            folder: folder.to_owned(),
            daemons: Vec::new(),
            running: Vec::new(),
        }
    }

    pub(super) fn start(&mut self, daemons: Vec<Daemon>) -> Result<(), LabError> {
        self.daemons = daemons;
        self.restart()
    }

    pub(super) fn restart(&mut self) -> Result<(), LabError> {
        for daemon in &self.daemons {
            // That of an earlier process would look like this one's.
            let _ = fs::remove_file(&daemon.socket);
            let mut command = Command::new(&daemon.program);
            command.args(&daemon.arguments);
            let mut process = self.namespace.spawn(daemon.name, command, &self.folder)?;
            until(&format!("socket of {}", daemon.name), TIMEOUT, || {
                process.expect_running()?;
                Ok(takes_questions(&daemon.socket).then_some(()))
            })?;
            self.running.push(process);
        }
        Ok(())
    }

    pub(super) fn stop(&mut self) -> Result<(), LabError> {
        while let Some(process) = self.running.pop() {
            process.terminate(TIMEOUT)?;
        }
        Ok(())
    }

    pub(super) fn kill(&mut self) -> Result<(), LabError> {
        while let Some(process) = self.running.pop() {
            process.kill()?;
        }
        Ok(())
    }

    pub(super) fn keep(&mut self) {
        for process in &mut self.running {
            process.keep();
        }
    }

    pub(super) fn signal(&mut self, signal: Signal) -> Result<(), LabError> {
        self.running
            .iter_mut()
            .try_for_each(|process| process.signal(signal))
    }
}

/// Whether a daemon answers through what it has made: a file when it is there, a socket only when it listens too.
fn takes_questions(socket: &Path) -> bool {
    fs::metadata(socket)
        .is_ok_and(|found| !found.file_type().is_socket() || UnixStream::connect(socket).is_ok())
}
