//! The process that announces: one on each node.
//!
//! ```text
//! Source ─► ClusterObjects ─translate─► Snapshot ─desired_state─► Desired ─┬─► peers:  sessions and their routes
//!                                                                          └─► layer2: responders and their addresses
//! peers, layer2 ─► Observed ─┐
//! Desired ───────────────────┴─► report: status objects and events ─► Sink
//! ```
//!
//! * Nothing is decided before the source has been read once: an unread cluster never looks like an empty one.
//! * A source that fails later changes nothing that is announced.
//! * What a change does not concern is left alone: `peers` and `layer2` apply differences only.

mod board;
mod exclude;
mod flags;
mod layer2;
mod log;
mod metrics;
mod peers;
mod process;
mod report;
mod responders;
mod router_id;
mod sessions;
mod tally;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use planner::desired::{Desired, desired_state};
use planner::effect::{Problem, Severity};
use planner::names::NodeName;
use planner::observed::Observed;
use planner::status::contradictions;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tracing::{error, info, warn};

use self::exclude::{Exclusions, exclusions};
pub use self::flags::{InertFlags, MembershipFlags, SpeakerFlags};
use self::layer2::{Layer2, Responders};
use self::log::DecisionLog;
use self::peers::{Peers, Sessions};
pub use self::process::{SpeakerError, give_up_privileges, run};
use self::report::{Facts, Reporter};
use self::tally::Tally;
use crate::sink::Sink;
use crate::source::{Source, SourceError};
use crate::telemetry::{ConfigLog, chain};
use crate::translate::{ClusterObjects, Kind, TranslateOptions, Translator, problems};

struct Speaker<S, P: Sessions, R: Responders> {
    node: NodeName,
    source: S,
    options: TranslateOptions,
    translator: Translator,
    config_log: ConfigLog,
    decision_log: DecisionLog,
    peers: Peers<P>,
    layer2: Layer2<R>,
    /// What was decided last; `None` until the source has been read.
    decision: Option<Decision>,
    /// What there is to warn of for as long as the process runs.
    warnings: Vec<Problem>,
    tally: Tally,
    /// The way to the reporter.
    facts: watch::Sender<Option<Arc<Facts>>>,
    reporter: JoinHandle<()>,
}

/// What was decided, and from what.
#[derive(Default)]
struct Decision {
    objects: Arc<ClusterObjects>,
    desired: Arc<Desired>,
    exclusions: Exclusions,
    problems: Vec<Problem>,
}

impl<S: Source, P: Sessions, R: Responders> Speaker<S, P, R> {
    fn new(
        node: NodeName,
        options: TranslateOptions,
        source: S,
        sink: impl Sink + 'static,
        sessions: P,
        responders: R,
    ) -> Self {
        let (facts, newest) = watch::channel(None);
        Self {
            source,
            translator: Translator::new(options.clone()),
            options,
            config_log: ConfigLog::default(),
            decision_log: DecisionLog::default(),
            peers: Peers::new(sessions),
            layer2: Layer2::new(responders),
            decision: None,
            warnings: Vec::new(),
            tally: Tally::default(),
            facts,
            reporter: tokio::spawn(Reporter::new(node.clone(), sink).run(newest)),
            node,
        }
    }

    /// Counts with this.
    fn with_tally(self, tally: Tally) -> Self {
        Self { tally, ..self }
    }

    /// Warns of these, whatever else there is to tell.
    fn with_warnings(self, warnings: Vec<Problem>) -> Self {
        Self { warnings, ..self }
    }

    /// The newest that there is to tell of the node; `None` before the first decision.
    fn facts(&self) -> watch::Receiver<Option<Arc<Facts>>> {
        self.facts.subscribe()
    }

    /// A source that fails after it has been read is logged and tried again, and what is announced stays.
    async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), SourceError> {
        let mut stop = std::pin::pin!(stop);
        let mut slow = interval(SLOW_TIMER);
        slow.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut read_from, mut pause) = (Instant::now(), FIRST_PAUSE);
        loop {
            tokio::select! {
                () = &mut stop => break,
                objects = changed(&mut self.source, read_from) => match objects {
                    Ok(objects) => {
                        pause = FIRST_PAUSE;
                        self.decide(objects);
                    }
                    Err(error) if self.decision.is_none() => return Err(error),
                    Err(error) => {
                        self.tally.failed(1);
                        error!(error = chain(&error), ?pause, "source lost: what is announced stays as it is");
                        read_from = Instant::now() + pause;
                        pause = (pause * 2).min(SLOW_TIMER);
                    }
                },
                () = self.peers.changed() => {}
                () = self.layer2.changed() => {}
                _ = slow.tick() => self.try_again(),
            }
            self.report();
        }
        self.hand_over().await;
        Ok(())
    }

    /// Decides anew, and carries out what is different.
    fn decide(&mut self, objects: Arc<ClusterObjects>) {
        let since = Instant::now();
        let Decision {
            desired: before,
            exclusions: mut excluded,
            ..
        } = self.decision.take().unwrap_or_default();
        let changed = self.translator.update(&objects);
        self.tally.failed(self.source.take_errors());
        self.tally.updated(&changed.affected());
        let snapshot = self.translator.snapshot();
        let mut errors = self.translator.errors().to_vec();
        errors.extend(exclusions(&objects, &self.options.namespace, &mut excluded));
        let desired = Arc::new(desired_state(snapshot, &self.node));
        self.config_log.update(&errors);
        let turns = self.decision_log.update(snapshot, &desired);
        self.tally.turned(turns);
        self.tally.decided(&before, &desired, since);
        self.peers.apply(&desired);
        self.layer2.apply(&desired, &excluded);
        let mut problems = problems(&errors);
        problems.extend(contradictions(&desired));
        self.decision = Some(Decision {
            objects,
            desired,
            exclusions: excluded,
            problems,
        });
    }

    /// Repeats what may have failed for a reason that has gone.
    fn try_again(&mut self) {
        if let Some(Decision {
            desired,
            exclusions,
            ..
        }) = &self.decision
        {
            self.layer2.apply(desired, exclusions);
        }
    }

    /// Tells the reporter how things are. Before the first decision there is nothing to tell.
    fn report(&self) {
        let Some(decision) = &self.decision else {
            return;
        };
        let refused = self.peers.refused().iter().map(|(peer, error)| Problem {
            kind: Kind::BGPPeer.to_string(),
            name: peer.to_string(),
            message: error.clone(),
            severity: Severity::Fault,
        });
        let facts = Facts {
            objects: Arc::clone(&decision.objects),
            desired: Arc::clone(&decision.desired),
            observed: Observed {
                sessions: self.peers.observed(),
                interfaces: self.layer2.interfaces(),
            },
            problems: decision
                .problems
                .iter()
                .chain(&self.warnings)
                .cloned()
                .chain(refused)
                .collect(),
        };
        self.facts.send_replace(Some(Arc::new(facts)));
    }

    /// Withdraws, tells the routers why, stops answering, removes the node's status. Bounded in time.
    async fn hand_over(mut self) {
        info!(node = %self.node, "speaker stops: withdrawing everything");
        let text = format!("speaker on {} is stopping", self.node);
        tokio::join!(
            self.peers.shut_down(&text, HAND_OVER),
            self.layer2.shut_down(HAND_OVER)
        );
        if let Some(decision) = &mut self.decision {
            decision.desired = Arc::default();
        }
        self.report();
        // Without a sender the reporter ends once it has told the last facts.
        drop(self.facts);
        match timeout(HAND_OVER, self.reporter).await {
            Ok(Ok(())) => info!(node = %self.node, "speaker stopped"),
            Ok(Err(error)) => error!(%error, "status of this node is left as it was"),
            Err(_) => {
                warn!(node = %self.node, "speaker stopped before all of its status was removed")
            }
        }
    }
}

/// The newest objects of a source, which is not asked before `from`. Cancel-safe.
async fn changed(
    source: &mut impl Source,
    from: Instant,
) -> Result<Arc<ClusterObjects>, SourceError> {
    sleep_until(from).await;
    source.changed().await
}

/// How long a source that has failed is left alone at first; then twice as long each time, up to [`SLOW_TIMER`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often what failed is tried again, when no change brings it about sooner.
const SLOW_TIMER: Duration = Duration::from_secs(30);
/// How long routers and responders, and then the status, may take to let go: together well within the 30 s that
/// Kubernetes grants a pod.
const HAND_OVER: Duration = Duration::from_secs(4);
