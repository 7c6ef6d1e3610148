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

mod facts;
mod flags;
mod keeper;
mod log;
mod metrics;
mod term;
#[cfg(test)]
mod tests;
mod tidings;
mod webhook;
mod writer;

use std::sync::Arc;

use futures_util::FutureExt;
use planner::effect::Component;
use tokio::sync::watch;
use tracing::info;

pub use self::facts::{Facts, PoolFacts, Progress};
pub use self::flags::{ControllerFlags, WebhookFlags, WebhookMode};
pub use self::metrics::ControllerMetrics;
use self::term::Term;
use crate::client::{self, ClientError};
use crate::lease::Leadership;
use crate::sink::Sink;
use crate::sink::dir::DirSink;
use crate::sink::kube::KubeSink;
use crate::source::dir::DirSource;
use crate::source::kube::KubeSource;
use crate::source::{Source, SourceError, SourceOption};
use crate::translate::TranslateOptions;
use crate::webhook::WebhookError;

/// Hands out addresses to what the source holds until `stop` is ready.
///
/// # Errors
///
/// There is no way to the API server, or the source cannot be read, or ends.
pub async fn run(
    flags: &ControllerFlags,
    stop: impl Future<Output = ()>,
) -> Result<(), ControllerError> {
    let (options, component) = (flags.translate_options(), Component::Controller);
    let namespace = flags.common.namespace.as_str();
    info!(source = %flags.common.source, "controller started");
    match &flags.common.source {
        SourceOption::Kube => {
            let client = client::connect(flags.common.kubeconfig.as_deref()).await?;
            let open = || Ok(KubeSource::new(&client, namespace, &component));
            let sink = KubeSink::new(client.clone(), namespace, &component);
            let stop = stop.shared();
            let deciding =
                Controller::without_rivals(options.clone(), sink).run(open, stop.clone());
            webhook::beside(flags, &client, options, deciding, stop).await?;
        }
        SourceOption::Dir(folder) => {
            let sink = DirSink::new(folder, namespace, component);
            let open = || DirSource::open(folder);
            Controller::without_rivals(options, sink)
                .run(open, stop)
                .await?;
        }
    }
    info!("controller stopped");
    Ok(())
}

/// Why a controller cannot do its work.
#[derive(Debug, thiserror::Error)]
pub enum ControllerError {
    /// There is no way to the API server.
    #[error("no way to the API server")]
    Client(#[from] ClientError),
    /// It cannot read what to decide about.
    #[error("cannot read what to decide about")]
    Source(#[from] SourceError),
    /// The webhook cannot be served.
    #[error("cannot serve the webhook")]
    Webhook(#[from] WebhookError),
}

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
    /// Leads always.
    fn without_rivals(options: TranslateOptions, sink: K) -> Self {
        Self {
            options,
            sink: Arc::new(sink),
            leadership: Leadership::always(),
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
