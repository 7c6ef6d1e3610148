//! What can go wrong in a lab.

use std::io;
use std::process::ExitStatus;
use std::time::Duration;

/// A step of the lab that did not happen.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// A system call or a file did not do as asked.
    #[error("{what}")]
    Io {
        /// What was being done, in words.
        what: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A command ended with a status other than 0.
    #[error("{command}: {status}\n{output}")]
    Command {
        /// The command line.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it wrote to both streams.
        output: String,
    },
    /// What was waited for did not come in time.
    #[error("no {what} within {} ms", .after.as_millis())]
    Timeout {
        /// What was waited for, in words.
        what: String,
        /// How long.
        after: Duration,
    },
    /// A process ended while it was needed.
    #[error("{name} ended ({status}); its output:\n{output}")]
    Ended {
        /// The process's name in the lab.
        name: String,
        /// How it ended.
        status: ExitStatus,
        /// The end of its output.
        output: String,
    },
    /// A program answered with something that is not understood.
    #[error("{what} is not understood: {text}")]
    Answer {
        /// Which answer.
        what: &'static str,
        /// The answer itself.
        text: String,
    },
    /// The API server did not do as asked.
    #[error("{what}")]
    Kubernetes {
        /// What was being done, in words.
        what: String,
        /// The server's reason.
        source: Box<kube::Error>,
    },
    /// Something that was to be so is not.
    #[error("unexpected: {0}")]
    Unexpected(String),
    /// Somebody pressed Ctrl-C, or asked for an end by signal.
    #[error("interrupted")]
    Interrupted,
}

impl LabError {
    /// Puts words to an [`io::Error`], for `map_err`.
    pub fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// Puts words to a [`kube::Error`], for `map_err`.
    pub fn kubernetes(what: impl Into<String>) -> impl FnOnce(kube::Error) -> Self {
        let what = what.into();
        move |source| Self::Kubernetes {
            what,
            source: Box::new(source),
        }
    }
}
