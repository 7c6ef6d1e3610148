//! Logging: one readable line an event, on standard error.

use std::error::Error;
use std::io::{self, IsTerminal};

use tracing::{error, info, warn};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::flags::LogLevel;
use crate::translate::ConfigError;

/// Starts logging. A process that has done so already keeps what it has.
pub fn init(level: LogLevel) {
    let filter = match level {
        LogLevel::All => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::None => LevelFilter::OFF,
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_writer(io::stderr);
    let subscriber = tracing_subscriber::registry()
        .with(targets(filter))
        .with(lines);
    drop(subscriber.try_init());
}

/// What is logged. Libraries tell of each failure of each request, in the words of their types: they have a say only when
/// a fault is looked for, since what it means is logged here.
fn targets(level: LevelFilter) -> Targets {
    let targets = Targets::new().with_default(level);
    if level >= LevelFilter::DEBUG {
        return targets;
    }
    LIBRARIES.iter().fold(targets, |targets, library| {
        targets.with_target(*library, LevelFilter::OFF)
    })
}

/// An error and all that caused it, in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What is wrong with the configuration, each error logged once.
#[derive(Debug, Default)]
pub(crate) struct ConfigLog(Vec<ConfigError>);

impl ConfigLog {
    /// Logs what is newly wrong, and that nothing is any more.
    pub(crate) fn update(&mut self, errors: &[ConfigError]) {
        for new in errors.iter().filter(|error| !self.0.contains(error)) {
            if new.is_fault() {
                error!(error = %new, "configError");
            } else {
                warn!(warning = %new, "configWarning");
            }
        }
        if errors.is_empty() && !self.0.is_empty() {
            info!("configValid");
        }
        self.0 = errors.to_vec();
    }
}

const LIBRARIES: &[&str] = &["kube_client", "kube_runtime"];
