//! One address that moves away from its node and back, and what a client sees of it.

use std::fmt;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::MacAddr;

use super::stage::{Drain, Stage};
use super::watch::Watch;
use crate::{Cable, LabError, Passage};

/// After so long with one answerer nothing moves any more.
pub(super) const SETTLED: Duration = Duration::from_secs(1);

/// How long an address may take to move.
pub(super) const PATIENCE: Duration = Duration::from_secs(90);

/// What happens to the node that owns an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trial {
    /// Its speaker is killed; later it is started again.
    Crash,
    /// Its link goes down, as when a cable is pulled; later it comes up.
    LinkDown,
    /// Nothing gets from or to it though its link is up; later all passes again.
    Cut,
    /// Its speaker is asked to end; later it is started again.
    Stop,
    /// The node is drained; later that is undone. MetalLB does not know this.
    Drain,
}

/// What a client saw of both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// After something happened to the owner.
    pub away: Move,
    /// After it was put right.
    pub back: Move,
}

/// What a client saw of addresses on their way to another node; of several the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Move {
    /// Until that node answered.
    pub took: Duration,
    /// How it was until nothing moved any more.
    pub seen: Seen,
}

/// What a client saw of some addresses for a while; of several the worst.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The longest time without any answer.
    pub silence: Duration,
    /// From the first question that two nodes answered to the last.
    pub contested: Duration,
}

impl Trial {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Crash,
        Self::LinkDown,
        Self::Cut,
        Self::Stop,
        Self::Drain,
    ];

    fn disturb(self, stage: &mut Stage, node: &str) -> Result<(), LabError> {
        match self {
            Self::Crash => stage.kill(node),
            Self::LinkDown => stage.set_cable(node, Cable::Pulled),
            Self::Cut => stage.set_passage(node, Passage::Closed),
            Self::Stop => stage.stop(node).map(drop),
            Self::Drain => stage.set_drain(node, Drain::Asked),
        }
    }

    fn put_right(self, stage: &mut Stage, node: &str) -> Result<(), LabError> {
        match self {
            Self::Crash | Self::Stop => stage.start(node),
            Self::LinkDown => stage.set_cable(node, Cable::Plugged),
            Self::Cut => stage.set_passage(node, Passage::Open),
            Self::Drain => stage.set_drain(node, Drain::Undone),
        }
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Crash => "crash of the speaker (SIGKILL)",
            Self::LinkDown => "link down",
            Self::Cut => "cut with the link up",
            Self::Stop => "end of the speaker (SIGTERM)",
            Self::Drain => "drain of the node",
        })
    }
}

impl Stage {
    /// Waits until each of some addresses of one Service is answered for by one node alone, lets a trial happen to that
    /// node, waits until another answers alone, puts it right and waits until the first does again.
    ///
    /// # Errors
    /// When no node answers alone in a minute and a half, or a speaker ends by itself.
    pub fn run(&mut self, trial: Trial, addresses: &[IpAddr]) -> Result<Outcome, LabError> {
        let mut watch = self.watch(addresses)?;
        let owners = watch.until_settled(SETTLED, PATIENCE, |_| true)?;
        let mut owners = owners.into_iter();
        let (Some(owner), None) = (owners.next(), owners.next()) else {
            let what = format!("addresses of one Service at several nodes: {addresses:?}");
            return Err(LabError::Unexpected(what));
        };
        let node = self.node_at(owner)?.to_owned();
        let disturb = |stage: &mut Self| trial.disturb(stage, &node);
        let away = self.step(&mut watch, |by| by != owner, disturb)?;
        let put_right = |stage: &mut Self| trial.put_right(stage, &node);
        let back = self.step(&mut watch, |by| by == owner, put_right)?;
        self.expect_running()?;
        Ok(Outcome { away, back })
    }

    /// Does something that moves the addresses of a watch to stations that are meant, and sees how.
    fn step(
        &mut self,
        watch: &mut Watch,
        is_meant: impl Fn(MacAddr) -> bool,
        work: impl FnOnce(&mut Self) -> Result<(), LabError>,
    ) -> Result<Move, LabError> {
        let start = Instant::now();
        work(self)?;
        let settled = watch.until_settled(SETTLED, PATIENCE, &is_meant);
        settled.map_err(|error| self.explained(error))?;
        let firsts = watch.seen().values();
        let firsts = firsts.filter_map(|one| one.first_answer(start, &is_meant));
        let last = firsts.max().unwrap_or(start);
        Ok(Move {
            took: last - start,
            seen: Seen::between(watch, start, Instant::now()),
        })
    }
}

impl Seen {
    /// What a watch saw between two points of time.
    pub(super) fn between(watch: &mut Watch, start: Instant, end: Instant) -> Self {
        let each = watch.seen().values().map(|one| Self {
            silence: one.longest_silence(start, end),
            contested: one.contested(start, end),
        });
        each.fold(Self::default(), |worst, one| Self {
            silence: worst.silence.max(one.silence),
            contested: worst.contested.max(one.contested),
        })
    }
}
