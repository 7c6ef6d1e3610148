//! The process that announces: one on each node.
//!
//! ```text
//! Source ─► ClusterObjects ─translate─► Snapshot ─Announcements─► Desired ─┬─► peers:  sessions and their routes
//!                    membership ─Members─┘                                 └─► layer2: responders and their addresses
//! peers, layer2 ─► Observed ─┐
//! Desired ───────────────────┴─► report: status objects and events ─► Sink
//! ```
//!
//! * Nothing is decided before the source has been read once: an unread cluster never looks like an empty one.
//! * A source that fails later changes nothing that is announced.
//! * What a change does not concern is left alone, and costs nothing: `Announcements` decides about what has changed, and
//!   `peers` and `layer2` apply the differences.
//! * Whoever leaves says so first: `drain` walks from staying to gone, as fast as the routers can follow.
//! * Which speakers are alive is `membership`'s to know; what two stations claim on the wire is `fence`'s to settle.

mod attributes;
mod board;
mod counted;
mod drain;
mod exclude;
mod fence;
mod flags;
mod fresh;
mod kept;
mod layer2;
mod listeners;
mod log;
mod mark;
mod membership;
mod metrics;
mod peers;
mod process;
mod proxy;
mod refusals;
mod report;
mod responders;
mod router_id;
mod sessions;
mod tally;
#[cfg(test)]
mod tests;
mod view;
mod vigil;
mod wait;

use std::sync::Arc;
use std::time::Duration;

use arp_ndp::Verdict;
use planner::announcements::Announcements;
use planner::departure::Departure;
use planner::desired::{Desired, Tenure};
use planner::effect::{Problem, Severity};
use planner::names::NodeName;
use planner::observed::Observed;
use planner::status::{Contradictions, conflicts};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tracing::{error, info, warn};

use self::drain::{Drain, HURRIED, Input, UNHURRIED};
use self::exclude::{Exclusions, exclusions};
pub use self::fence::Defence;
use self::fence::{Claimant, Fence};
pub use self::flags::{BindAddressError, InertFlags, MembershipFlags, SpeakerFlags};
use self::fresh::{Fresh, Probe};
use self::kept::Kept;
use self::layer2::{Claim, Holding, Layer2, Responders, Told};
pub use self::listeners::ListenError;
use self::log::log_turns;
use self::mark::Marks;
use self::membership::Membership;
use self::peers::{Peers, Sessions};
pub use self::process::{SpeakerError, give_up_privileges, run};
use self::proxy::KubeProxy;
use self::report::{Facts, Reporter};
use self::tally::Tally;
use self::vigil::Vigil;
use self::wait::{caught_up, changed, members_changed, until};
use crate::sink::Sink;
use crate::source::{Source, SourceError};
use crate::telemetry::{ConfigLog, chain};
use crate::translate::{ClusterObjects, Kind, TranslateOptions, Translator, problems};

struct Speaker<S, P: Sessions, R: Responders> {
    node: NodeName,
    source: S,
    options: TranslateOptions,
    translator: Translator,
    announcements: Announcements,
    drain: Drain,
    /// The kube-proxy that new addresses wait for, where they do.
    proxy: Option<KubeProxy>,
    config_log: ConfigLog,
    contradictions: Contradictions,
    peers: Peers<P>,
    layer2: Layer2<R>,
    fence: Fence,
    marks: Marks,
    vigil: Vigil,
    kept: Kept,
    /// The part in the group of speakers, where there is to be one.
    membership: Option<Membership>,
    /// What was decided last; `None` until the source has been read.
    decision: Option<Decision>,
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
            announcements: Announcements::new(node.clone()),
            drain: Drain::staying(),
            proxy: None,
            config_log: ConfigLog::default(),
            contradictions: Contradictions::default(),
            peers: Peers::new(sessions),
            layer2: Layer2::new(responders, Fresh::new(Probe::NewAddresses)),
            fence: Fence::new(Defence::default()),
            marks: Marks::new(node.clone()),
            vigil: Vigil::default(),
            kept: Kept::default(),
            membership: None,
            decision: None,
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

    /// Does this about strangers, and looks so for new addresses.
    fn with_caution(mut self, defence: Defence, probe: Probe) -> Self {
        *self.layer2.fresh() = Fresh::new(probe);
        self.fence = Fence::new(defence);
        self
    }

    /// Takes part in the group of speakers.
    fn with_membership(self, membership: Option<Membership>) -> Self {
        Self { membership, ..self }
    }

    /// Lets new addresses wait while this kube-proxy is behind.
    fn with_proxy(self, proxy: Option<KubeProxy>) -> Self {
        Self { proxy, ..self }
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
            let due = self.due();
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
                told = self.layer2.changed() => self.listen(told),
                () = members_changed(self.membership.as_mut()), if self.decision.is_some() => {}
                () = until(due) => self.drain.handle_timeout(now()),
                () = caught_up(self.proxy.as_mut()) => self.carry_out_all(Instant::now()),
                _ = slow.tick() => self.layer2.try_again(),
            }
            self.walk();
            self.follow();
            self.report();
        }
        self.hand_over().await;
        Ok(())
    }

    /// Decides about what has changed, and carries out what is different.
    fn decide(&mut self, objects: Arc<ClusterObjects>) {
        let at = Instant::now();
        let is_first = self.decision.is_none();
        let Decision {
            desired: before,
            exclusions: mut excluded,
            ..
        } = self.decision.take().unwrap_or_default();
        self.take_up_held();
        let changed = self.translator.update(&objects);
        let affected = changed.affected();
        self.tally.failed(self.source.take_errors());
        self.tally.updated(&affected);
        let snapshot = self.translator.snapshot();
        let mut errors = self.translator.errors().to_vec();
        errors.extend(exclusions(&objects, &self.options.namespace, &mut excluded));
        self.config_log.update(&errors);
        match Departure::settled(snapshot, &self.node) {
            // Whoever asked for it asked the process before this one.
            Departure::Gone if is_first => self.drain = Drain::gone(),
            Departure::Staying => self.drain.handle_input(now(), Input::Stay),
            Departure::Announced | Departure::Gone => {
                self.drain.handle_input(now(), Input::Leave(UNHURRIED));
            }
        }
        let fresh = self.layer2.fresh();
        fresh.look(now(), snapshot, &affected.services);
        if let Some(membership) = &self.membership {
            let nodes = snapshot.nodes.values();
            membership.set_nodes(nodes.flat_map(|node| node.addresses.iter().copied()));
        }
        self.announcements.update(snapshot, &affected);
        self.announcements
            .set_departure(snapshot, self.drain.departure());
        self.decision = Some(Decision {
            objects,
            desired: before,
            exclusions: excluded,
            problems: problems(&errors),
        });
        self.carry_out_all(at);
        if let Some(decision) = &mut self.decision {
            self.contradictions.update(&decision.desired);
            decision.problems.extend(self.contradictions.problems());
        }
    }

    /// Makes sessions and links what is decided because of a change that came `at` this time.
    fn carry_out_all(&mut self, at: Instant) {
        self.carry_out(at);
        let key = self.membership.as_ref().and_then(Membership::key);
        let marker = key.and_then(|key| self.marks.set_key(now(), &key));
        if let Some(marker) = marker {
            self.layer2.set_marker(marker);
        }
        // Who does not know yet who else is there would take everything.
        let is_joining = self.membership.as_ref().is_some_and(Membership::is_joining);
        if let Some(decision) = self.decision.as_ref().filter(|_| !is_joining) {
            self.layer2.apply(&decision.desired, &decision.exclusions);
            let addresses = &decision.desired.addresses;
            self.fence.retain(|address| addresses.contains_key(address));
        }
    }

    /// Follows what members tell, tells them of this node, and settles what is due on the wire.
    fn follow(&mut self) {
        let mut news = None;
        if let Some(membership) = &mut self.membership {
            let departure = self.drain.departure();
            membership.tell(membership::facts(self.layer2.links(), departure));
            if self.decision.is_some() {
                news = membership.take_news();
            }
        }
        let is_due = self.layer2.poll_timeout();
        let is_due = is_due.is_some_and(|due| due <= Instant::now());
        if news.is_some() || is_due {
            self.take_up_held();
            if let Some(members) = news {
                if let Some(alive) = &members {
                    self.vigil.find(alive);
                }
                let snapshot = self.translator.snapshot();
                self.announcements.set_members(snapshot, members);
            }
            self.carry_out_all(Instant::now());
        }
        let is_back = self
            .membership
            .as_mut()
            .is_some_and(Membership::take_return);
        if self.vigil.take_answer() || is_back {
            info!("somebody is heard who was held dead: announcing what this node has");
            self.layer2.refresh();
        }
        let addresses = self.announcements.desired().addresses.len();
        if self.vigil.keep(now(), self.missed_by(), addresses) {
            self.layer2.remind();
        }
        let members = self.membership.as_ref().and_then(Membership::members);
        for (address, station) in self.kept.ask(now(), &self.node, members) {
            self.layer2.ask(address, station);
        }
        for claim in self.fence.take_due(now()) {
            self.look_again(&claim);
        }
        self.fence.handle_timeout(now(), &self.layer2.left());
    }

    /// By how many speakers one is missed that was there before and whose Node still is; `None` where none is.
    fn missed_by(&self) -> Option<u32> {
        let membership = self.membership.as_ref()?;
        let nodes = &self.translator.snapshot().nodes;
        let is_missed = membership.misses(|node| nodes.contains_key(node));
        let alive = membership.alive().filter(|_| is_missed)?;
        u32::try_from(alive).ok()
    }

    /// What is decided next is decided by what is answered for now.
    fn take_up_held(&mut self) {
        if let Some(held) = self.layer2.take_held() {
            self.announcements.set_held(held);
        }
    }

    /// Takes up what responders tell.
    fn listen(&mut self, told: Vec<Told>) {
        for told in told {
            match told {
                Told::Claimed(claim) => {
                    let by = self.claimant(&claim);
                    if let Some(verdict) = self.fence.claimed(now(), &claim, by) {
                        self.settle(&claim, verdict);
                    }
                }
                Told::Reclaimed { address, from } => {
                    info!(%address, %from, "a station does not answer any more: its address is ours again");
                    self.fence.reclaimed(address);
                }
            }
        }
    }

    /// A station that claimed an address was not known a moment ago.
    fn look_again(&mut self, claim: &Claim) {
        let decision = self.decision.as_ref();
        let desired = decision.and_then(|decision| decision.desired.addresses.get(&claim.address));
        if desired.is_none_or(|desired| desired.tenure == Tenure::Leaving) {
            return;
        }
        let verdict = match self.claimant(claim) {
            by @ (Claimant::Better | Claimant::Worse) => self.fence.claimed(now(), claim, by),
            Claimant::Stranger | Claimant::Anybody => {
                self.tally.claimed_by_stranger(claim.address);
                self.fence.claimed_by_stranger(now(), claim)
            }
        };
        if let Some(verdict) = verdict {
            self.settle(claim, verdict);
        }
    }

    fn settle(&mut self, claim: &Claim, verdict: Verdict) {
        let Claim {
            address,
            by,
            interface,
            ..
        } = claim;
        info!(%address, %by, %interface, ?verdict, "another station claims an address of this node");
        self.layer2.settle(claim, verdict);
        if verdict == Verdict::Yield {
            self.tally.left(claim.address);
        }
    }

    /// Who it is that claims an address.
    fn claimant(&mut self, claim: &Claim) -> Claimant {
        let membership = self.membership.as_ref();
        let alive = membership.and_then(Membership::members);
        let heard_of = membership.and_then(|it| it.by_mac(claim.by.octets()));
        let nodes = &self.translator.snapshot().nodes;
        let recognised = || self.marks.recognise(now(), claim, nodes);
        let Some(member) = heard_of.or_else(recognised) else {
            return alive.map_or(Claimant::Anybody, |_| Claimant::Stranger);
        };
        let is_worse = self.announcements.outranks(&claim.address, &member);
        if alive.is_some_and(|alive| alive.get(&member).is_none()) {
            self.vigil.hear(now(), member.clone());
        }
        if claim.holding == Holding::Held && self.kept.contains(&claim.address) {
            self.kept.heard(now(), member);
        }
        if is_worse {
            Claimant::Worse
        } else {
            Claimant::Better
        }
    }

    /// When [`run`](Self::run) has something to do though nothing happens.
    fn due(&self) -> Option<std::time::Instant> {
        let held = self.layer2.poll_timeout().map(Instant::into_std);
        let due = [
            self.drain.poll_timeout(),
            held,
            self.fence.poll_timeout(),
            self.vigil.poll_timeout(),
            self.kept.poll_timeout(),
        ];
        due.into_iter().flatten().min()
    }

    /// Makes the sessions what is decided because of a change that came `at` this time.
    fn carry_out(&mut self, at: Instant) {
        // Before the first decision there is nothing to carry out.
        let Some(decision) = &mut self.decision else {
            return;
        };
        let wanted = self.announcements.desired().clone();
        let snapshot = self.translator.snapshot();
        let desired = Arc::new(match &mut self.proxy {
            Some(proxy) => proxy.admit(&decision.desired, wanted),
            None => wanted,
        });
        let before = std::mem::replace(&mut decision.desired, Arc::clone(&desired));
        self.tally.turned(log_turns(snapshot, &before, &desired));
        self.tally.decided(&before, &desired, at);
        self.kept.decided(&before, &desired);
        self.peers.apply(&desired);
    }

    /// Goes as far with leaving, or staying, as the routers have followed. What is answered for by layer 2 does not depend
    /// on it: see [`Departure`].
    fn walk(&mut self) {
        loop {
            let departure = self.drain.departure();
            if departure != self.announcements.departure() {
                info!(node = %self.node, ?departure, "drain");
                self.announcements
                    .set_departure(self.translator.snapshot(), departure);
                self.carry_out(Instant::now());
            }
            if !self.peers.have_told() {
                return;
            }
            let told = Input::Told(self.peers.audience());
            self.drain.handle_input(now(), told);
            if self.drain.departure() == departure {
                return;
            }
        }
    }

    /// Tells the reporter how things are. Before the first decision there is nothing to tell.
    fn report(&self) {
        let Some(decision) = &self.decision else {
            return;
        };
        let refused = self.peers.refusals().iter().map(|(peer, refusal)| Problem {
            kind: Kind::BGPPeer.to_string(),
            name: peer.to_string(),
            message: refusal.error.clone(),
            severity: Severity::Fault,
        });
        let mut sessions = self.peers.observed();
        for session in sessions.values_mut() {
            session.draining = self.drain.departure() != Departure::Staying;
        }
        let observed = Observed {
            sessions,
            interfaces: self.layer2.interfaces(),
            left: self.layer2.left(),
            probed: self.layer2.probed(),
            conflicts: self.fence.conflicts(),
        };
        let facts = Facts {
            objects: Arc::clone(&decision.objects),
            desired: Arc::clone(&decision.desired),
            problems: decision
                .problems
                .iter()
                .cloned()
                .chain(self.membership.as_ref().and_then(Membership::problem))
                .chain(conflicts(&observed, &self.node))
                .chain(refused)
                .collect(),
            observed,
            alive: self.membership.as_ref().and_then(Membership::alive),
        };
        self.facts.send_replace(Some(Arc::new(facts)));
    }

    /// Leads traffic away, tells routers and speakers why, stops answering. Bounded in time.
    ///
    /// The status of the node is the next process's to correct: after a restart there is mostly nothing to correct, and
    /// removing it for a moment would be two writes and an event for each Service.
    async fn hand_over(mut self) {
        info!(node = %self.node, "speaker stops: leading traffic away");
        self.drain.handle_input(now(), Input::Leave(HURRIED));
        self.walk();
        self.follow();
        let end = now() + LINKS_HAND_OVER;
        loop {
            let end = Some(end).filter(|end| self.layer2.is_handing_over() && now() < *end);
            if self.drain.poll_timeout().is_none() && end.is_none() {
                break;
            }
            let due = self.due().into_iter().chain(end).min();
            tokio::select! {
                () = self.peers.changed() => {}
                told = self.layer2.changed() => self.listen(told),
                () = members_changed(self.membership.as_mut()), if self.decision.is_some() => {}
                () = until(due) => self.drain.handle_timeout(now()),
            }
            self.walk();
            self.follow();
        }
        if let Some(membership) = self.membership.take() {
            membership.leave().await;
        }
        let text = format!("speaker on {} is stopping", self.node);
        tokio::join!(
            self.peers.shut_down(&text, HAND_OVER),
            self.layer2.shut_down(HAND_OVER)
        );
        // Without a sender the reporter ends once it has told what is under way.
        drop(self.facts);
        match timeout(HAND_OVER, self.reporter).await {
            Ok(Ok(())) => info!(node = %self.node, "speaker stopped"),
            Ok(Err(error)) => error!(%error, "the last status of this node may not be written"),
            Err(_) => {
                warn!(node = %self.node, "speaker stopped before all of its status was written")
            }
        }
    }
}

/// The time, for machines.
fn now() -> std::time::Instant {
    Instant::now().into_std()
}

/// How long a source that has failed is left alone at first; then twice as long each time, up to [`SLOW_TIMER`].
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// How often what failed is tried again, when no change brings it about sooner.
const SLOW_TIMER: Duration = Duration::from_secs(30);
/// How long addresses on links may take to be taken over by others: longer than a responder waits for that.
const LINKS_HAND_OVER: Duration = Duration::from_millis(700);
/// How long routers and responders, and then the status, may take to let go: together well within the 30 s that
/// Kubernetes grants a pod.
const HAND_OVER: Duration = Duration::from_secs(4);
