//! Processes of the lab: started, watched through a log file, ended by their id.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::LabError;
use crate::wait::until;

/// How much of a log an error quotes.
const QUOTED_LINES: usize = 30;

/// A process that runs in the background. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    on_drop: OnDrop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum OnDrop {
    Kill,
    Keep,
}

impl Process {
    /// Starts `command` in the namespace of the calling thread; both output streams are added to the file
    /// `<log_folder>/<name>.log`.
    ///
    /// # Errors
    /// When the program cannot be started or the file not be made.
    pub fn spawn(name: &str, mut command: Command, log_folder: &Path) -> Result<Self, LabError> {
        let log = log_folder.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.map_err(LabError::io(format!("making {}", log.display())))?;
        let errors = file
            .try_clone()
            .map_err(LabError::io("duplicating a log file"))?;
        // A group of its own: a Ctrl-C on the terminal is for the lab, which ends its processes in order.
        command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(errors);
        let child = command
            .spawn()
            .map_err(LabError::io(format!("starting {}", shown(&command))))?;
        Ok(Self {
            name: name.to_owned(),
            child,
            log,
            on_drop: OnDrop::Kill,
        })
    }

    /// The name that it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The file that takes its output.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Leaves the process running when this value is dropped.
    pub fn keep(&mut self) {
        self.on_drop = OnDrop::Keep;
    }

    /// All that it has written so far.
    #[must_use]
    pub fn output(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Waits until a whole line of its output contains `text`, and returns the line.
    ///
    /// # Errors
    /// [`LabError::Timeout`]; [`LabError::Ended`] when the process ended without it.
    pub fn wait_for_line(&mut self, text: &str, timeout: Duration) -> Result<String, LabError> {
        until(
            &format!("line with `{text}` from {}", self.name),
            timeout,
            || {
                // Asked first, so that lines written just before the end are seen.
                let ended = self.status()?;
                let output = self.output();
                let line = output
                    .split_inclusive('\n')
                    .find(|line| line.ends_with('\n') && line.contains(text));
                match (line, ended) {
                    (Some(line), _) => Ok(Some(line.trim_end().to_owned())),
                    (None, Some(status)) => Err(self.ended(status)),
                    (None, None) => Ok(None),
                }
            },
        )
    }

    /// How it ended; `None` while it runs.
    ///
    /// # Errors
    /// When the system does not tell.
    pub fn status(&mut self) -> Result<Option<ExitStatus>, LabError> {
        self.child.try_wait().map_err(LabError::io(format!(
            "asking for the status of {}",
            self.name
        )))
    }

    /// Fails if the process has ended: called where it is taken for granted that it runs.
    ///
    /// # Errors
    /// [`LabError::Ended`] with the end of its output.
    pub fn expect_running(&mut self) -> Result<(), LabError> {
        self.status()?
            .map_or(Ok(()), |status| Err(self.ended(status)))
    }

    /// Sends a signal; a process that has ended takes none.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn signal(&mut self, signal: Signal) -> Result<(), LabError> {
        if self.status()?.is_some() {
            return Ok(());
        }
        let what = format!("sending {signal} to {}", self.name);
        // Not yet waited for, so the id cannot belong to another process.
        kill(self.pid(), signal).map_err(|errno| LabError::io(what)(errno.into()))
    }

    /// Asks it to end by SIGTERM and waits.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when it still runs after `timeout`; then it is killed.
    pub fn terminate(mut self, timeout: Duration) -> Result<ExitStatus, LabError> {
        self.signal(Signal::SIGTERM)?;
        self.wait(timeout)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when it still runs after `timeout`; then it is killed.
    pub fn wait(mut self, timeout: Duration) -> Result<ExitStatus, LabError> {
        let what = format!("end of {}", self.name);
        until(&what, timeout, || self.status())
    }

    /// Ends it at once by SIGKILL.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn kill(mut self) -> Result<(), LabError> {
        self.end()
    }

    fn end(&mut self) -> Result<(), LabError> {
        self.signal(Signal::SIGKILL)?;
        self.child
            .wait()
            .map(drop)
            .map_err(LabError::io(format!("waiting for {}", self.name)))
    }

    /// An error that this process is the likely cause of, with the end of its output.
    pub(crate) fn blamed_for(&mut self, error: LabError) -> LabError {
        match self.status() {
            _ if matches!(error, LabError::Interrupted) => error,
            Ok(Some(status)) => self.ended(status),
            _ => LabError::Unexpected(format!(
                "{error}; the output of {}:\n{}",
                self.name,
                self.end_of_output()
            )),
        }
    }

    fn ended(&self, status: ExitStatus) -> LabError {
        LabError::Ended {
            name: self.name.clone(),
            status,
            output: self.end_of_output(),
        }
    }

    /// The last lines of its output.
    pub(crate) fn end_of_output(&self) -> String {
        let output = self.output();
        let lines: Vec<&str> = output.lines().collect();
        let quoted = lines
            .get(lines.len().saturating_sub(QUOTED_LINES)..)
            .unwrap_or_default();
        quoted.join("\n")
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.on_drop == OnDrop::Kill {
            // A process that ended by itself is as good.
            let _ = self.end();
        }
    }
}

/// Runs a command to its end and returns its standard output.
///
/// # Errors
/// When it cannot be started, ends with a status other than 0, or runs longer than `timeout` (it is killed).
pub fn output(mut command: Command, timeout: Duration) -> Result<String, LabError> {
    let text = shown(&command);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command
        .spawn()
        .map_err(LabError::io(format!("starting {text}")))?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let (done, finished) = mpsc::channel();
    thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(result) = finished.recv_timeout(timeout) else {
        // The thread above still waits for it, so the id cannot belong to another process.
        let _ = kill(pid, Signal::SIGKILL);
        return Err(LabError::Timeout {
            what: format!("end of {text}"),
            after: timeout,
        });
    };
    let result = result.map_err(LabError::io(format!("waiting for {text}")))?;
    let written = String::from_utf8_lossy(&result.stdout).into_owned();
    if result.status.success() {
        return Ok(written);
    }
    let output = written + &String::from_utf8_lossy(&result.stderr);
    Err(LabError::Command {
        command: text,
        status: result.status,
        output: output.trim_end().to_owned(),
    })
}

/// Whether there is no process of that id.
pub(crate) fn is_gone(pid: Pid) -> bool {
    kill(pid, None) == Err(Errno::ESRCH)
}

fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    words
        .map(|word| word.to_string_lossy())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_line_is_waited_for_and_the_process_ends_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let mut process =
            Process::spawn("waiter", shell("echo ready; exec sleep 60"), folder.path()).unwrap();
        assert_eq!(
            process
                .wait_for_line("ready", Duration::from_secs(30))
                .unwrap(),
            "ready"
        );
        process.expect_running().unwrap();
        assert!(
            !process
                .terminate(Duration::from_secs(30))
                .unwrap()
                .success()
        );
    }

    #[test]
    fn waiting_for_a_line_of_an_ended_process_fails_with_its_output() {
        let folder = tempfile::tempdir().unwrap();
        let mut process =
            Process::spawn("failing", shell("echo no luck; exit 3"), folder.path()).unwrap();
        let error = process
            .wait_for_line("ready", Duration::from_secs(30))
            .unwrap_err();
        assert!(
            matches!(&error, LabError::Ended { output, .. } if output == "no luck"),
            "{error}"
        );
    }

    #[test]
    fn a_command_that_takes_too_long_is_killed() {
        let error = output(shell("exec sleep 60"), Duration::from_millis(50)).unwrap_err();
        assert!(matches!(error, LabError::Timeout { .. }), "{error}");
    }
}
