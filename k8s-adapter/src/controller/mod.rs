//! The process that hands out addresses.
//!
//! ```text
//! Source ─► ClusterObjects ─translate─► Snapshot ─► Allocations ─► [Effect] ─► Writer ─► Sink
//!                                                        ▲                       │
//!                                                        └── what has failed ────┘
//! ```
//!
//! * Nothing is decided before the source has been read once: an unread cluster never looks like an empty one.
//! * Nothing is decided or written by a process that does not lead. When it comes to lead it reads everything afresh, so
//!   that it has seen all that the leader before it wrote.
//! * Who has which address is read from the Services; [`Allocations`](planner::allocation::Allocations) knows beyond that
//!   only what was written and has not come back.
//! * The loop never waits for a write. One that fails is decided about anew after a pause, and everything is by a slow
//!   timer.

mod announced;
mod facts;
mod flags;
mod keeper;
mod log;
mod memberlist;
mod metrics;
mod process;
mod term;
#[cfg(test)]
mod tests;
mod tidings;

use std::sync::Arc;

use tokio::sync::watch;
use tracing::info;

pub use self::facts::{Facts, PoolFacts, Progress};
pub use self::flags::{ControllerFlags, WebhookFlags, WebhookMode};
use self::metrics::ControllerMetrics;
pub use self::process::{ControllerError, run};
use self::term::Term;
use crate::lease::Leadership;
use crate::sink::Sink;
use crate::source::{Source, SourceError};
use crate::translate::TranslateOptions;

/// Hands out addresses while it leads.
pub(crate) struct Controller<K> {
    /// How to read the objects.
    pub(crate) options: TranslateOptions,
    /// Where effects go.
    pub(crate) sink: Arc<K>,
    /// Whether to decide and write.
    pub(crate) leadership: Leadership,
    /// What it knows about itself.
    pub(crate) facts: watch::Sender<Facts>,
}

impl<K: Sink + 'static> Controller<K> {
    pub(crate) fn new(options: TranslateOptions, sink: K, leadership: Leadership) -> Self {
        Self {
            options,
            sink: Arc::new(sink),
            leadership,
            facts: watch::Sender::default(),
        }
    }

    /// Leads whenever it is to, from a source that is opened afresh each time, until `stop` is ready.
    ///
    /// # Errors
    ///
    /// The source cannot be opened or read, or ends.
    pub(crate) async fn run<S: Source>(
        mut self,
        mut open: impl FnMut() -> Result<S, SourceError>,
        stop: impl Future<Output = ()>,
    ) -> Result<(), SourceError> {
        let mut stop = std::pin::pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                leads = self.leadership.changed() => if !leads {
                    continue;
                },
            }
            info!("leading");
            let leadership = self.leadership.clone();
            let sink = Arc::clone(&self.sink);
            self.stand(Progress::Reading);
            let mut term = Term::new(self.options.clone(), sink, leadership, &self.facts);
            let source = open()?;
            tokio::select! {
                biased;
                () = &mut stop => return Ok(()),
                _ = self.leadership.changed() => {}
                ended = term.run(source) => return ended,
            }
            drop(term);
            info!("standing by");
            self.stand(Progress::StandingBy);
        }
    }

    /// Where it stands when a term begins or ends: of pools it knows nothing then.
    fn stand(&self, progress: Progress) {
        self.facts.send_modify(|facts| {
            facts.progress = progress;
            facts.pools.clear();
        });
    }
}
