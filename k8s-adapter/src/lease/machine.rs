//! When to take, renew and give up a Lease: a machine without I/O or a clock of its own.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a Lease is granted for, and what that leaves for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long the holder may go without renewing. Whole seconds, since that is what a Lease can say.
    pub duration: Duration,
    /// The same while the API server is so slow that leadership would otherwise come and go.
    pub longest: Duration,
    /// From one renewal to the next, and from one failed attempt to the next.
    pub renewal: Duration,
    /// By how much leadership ends before another may take the Lease.
    pub margin: Duration,
}

/// A crash is noticed 1.5 to 2 s after it; three renewals may fail before leadership ends. An API server that takes 4 s
/// to answer can still be led by.
impl Default for Timing {
    fn default() -> Self {
        Self {
            duration: Duration::from_secs(2),
            longest: Duration::from_secs(16),
            renewal: Duration::from_millis(500),
            margin: Duration::from_millis(250),
        }
    }
}

/// A Lease as the API server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// `metadata.resourceVersion`.
    pub version: Arc<str>,
    /// `spec.holderIdentity`; none when it is empty or absent.
    pub holder: Option<Arc<str>>,
    /// `spec.leaseDurationSeconds`.
    pub duration: Duration,
    /// `spec.leaseTransitions`: how often the holder has changed.
    pub transitions: i32,
}

/// What a candidate is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The Lease as a watch shows it, early or late; `None` when there is none.
    Seen(Option<Lease>),
    /// The Lease as [`Output::Read`] found it.
    Read(Option<Lease>),
    /// [`Output::Write`] was carried out, and this is the Lease now.
    Written(Lease),
    /// The Lease is another than the write was based on: nothing was written.
    Refused,
    /// A read or write failed, or took too long. It is not known whether anything was written.
    Failed,
    /// Give up what is held, and want no more.
    Release,
}

/// What a candidate wants done, and what it reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Read the Lease; answered by [`Input::Read`] or [`Input::Failed`].
    Read,
    /// Write the Lease; answered by [`Input::Written`], [`Input::Refused`] or [`Input::Failed`].
    Write(Write),
    /// This candidate leads, until then or until [`Output::Lost`].
    Leading {
        /// When leadership ends unless it is renewed.
        until: Instant,
    },
    /// This candidate leads no more.
    Lost,
    /// What was held is given up; nothing more comes.
    Released,
}

/// How the Lease shall be. `version` is what this is based on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// There is none: make it, and hold it.
    Create {
        /// `spec.leaseDurationSeconds` from now on.
        duration: Duration,
    },
    /// Become its holder.
    Take {
        /// The version that may be replaced.
        version: Arc<str>,
        /// `spec.leaseTransitions` from now on.
        transitions: i32,
        /// `spec.leaseDurationSeconds` from now on.
        duration: Duration,
    },
    /// Hold it for longer.
    Renew {
        /// The version that may be replaced.
        version: Arc<str>,
        /// `spec.leaseDurationSeconds` from now on.
        duration: Duration,
    },
    /// Hold it no more.
    GiveUp {
        /// The version that may be replaced.
        version: Arc<str>,
    },
}

/// One replica that would lead.
#[derive(Debug)]
pub struct Candidate {
    identity: Arc<str>,
    timing: Timing,
    /// How long the Lease is asked for now: what the API server's answers have taken, four times over.
    duration: Duration,
    known: Option<Known>,
    /// Whether it may be another by now, so that it must be read before the next write.
    doubted: bool,
    /// The read or write that an answer is waited for.
    asked: Option<Asked>,
    /// Until when this candidate leads, if it does.
    until: Option<Instant>,
    next_read: Instant,
    next_write: Instant,
    wish: Wish,
    outputs: VecDeque<Output>,
}

/// The Lease as seen last.
#[derive(Clone, Debug)]
struct Known {
    lease: Option<Lease>,
    /// When it may be written, if it is the same until then.
    free: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    what: Question,
    at: Instant,
    /// How long the Lease is granted for, if it is written.
    duration: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Question {
    Read,
    Hold,
    GiveUp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Lead,
    GiveUp,
    Nothing,
}

impl Candidate {
    /// A candidate that begins by reading the Lease. No other may have the same identity, before or after.
    #[must_use]
    pub fn new(now: Instant, identity: Arc<str>, timing: Timing) -> Self {
        let mut candidate = Self {
            identity,
            timing,
            duration: timing.duration,
            known: None,
            doubted: true,
            asked: None,
            until: None,
            next_read: now,
            next_write: now,
            wish: Wish::Lead,
            outputs: VecDeque::new(),
        };
        candidate.handle_timeout(now);
        candidate
    }

    /// Takes in what happened.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Seen(lease) => self.seen(now, lease),
            Input::Read(lease) => self.read(now, lease),
            Input::Written(lease) => self.written(now, lease),
            Input::Refused => self.unanswered(),
            Input::Failed => {
                if let Some(asked) = self.asked {
                    self.next_read = now.max(asked.at + self.timing.renewal);
                    self.took(now.saturating_duration_since(asked.at));
                }
                self.unanswered();
            }
            Input::Release => self.release(),
        }
        self.handle_timeout(now);
    }

    /// How long the answer to a read or write is worth waiting for.
    #[must_use]
    pub fn patience(&self) -> Duration {
        self.duration / 2
    }

    /// Does what is due. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.until.is_some_and(|until| until <= now) {
            self.lose();
        }
        if self.wish == Wish::GiveUp && self.asked.is_none() {
            self.give_up(now);
        }
        if self.due().is_some_and(|due| due <= now) {
            self.ask(now);
        }
    }

    /// What is to be done or known, until there is nothing more.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) is to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.until, self.due()].into_iter().flatten().min()
    }

    /// A watch may be late. What it shows is believed while another leads; a leader asks instead.
    fn seen(&mut self, now: Instant, lease: Option<Lease>) {
        if self.until.is_none() {
            self.learn(now, lease);
        } else if lease.is_none_or(|lease| !self.is_held(&lease)) {
            self.doubted = true;
        }
    }

    fn read(&mut self, now: Instant, lease: Option<Lease>) {
        if let Some(asked) = self.asked.take() {
            self.took(now.saturating_duration_since(asked.at));
        }
        self.doubted = false;
        if lease.as_ref().is_none_or(|lease| !self.is_held(lease)) {
            self.lose();
        }
        self.learn(now, lease);
    }

    /// What an unchanged Lease says again does not count: its holder may be gone.
    fn learn(&mut self, now: Instant, lease: Option<Lease>) {
        if self
            .known
            .as_ref()
            .is_some_and(|known| known.lease == lease)
        {
            return;
        }
        let before = self.known.take().and_then(|known| known.lease);
        // The holder of a Lease that somebody deleted leads until it notices.
        let free = now + self.respite(lease.as_ref().or(before.as_ref()));
        self.known = Some(Known { lease, free });
    }

    fn written(&mut self, now: Instant, lease: Lease) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        self.doubted = false;
        self.learn(now, Some(lease));
        self.took(now.saturating_duration_since(asked.at));
        match asked.what {
            Question::GiveUp => self.end(),
            Question::Hold | Question::Read => self.lead(now, asked),
        }
    }

    /// A slow API server is no dead leader: the slower its answers, the longer the Lease is asked for, so that several
    /// renewals fit into it. Nobody else has to know: what a Lease says of its duration counts for all who look at it.
    fn took(&mut self, answer: Duration) {
        let mut duration = self.timing.duration;
        while duration < answer * 4 && duration < self.timing.longest {
            duration = (duration * 2).min(self.timing.longest);
        }
        self.duration = duration;
    }

    /// Others count from when they see the write, which is after it was sent.
    fn lead(&mut self, now: Instant, asked: Asked) {
        let until = asked.at + asked.duration.saturating_sub(self.timing.margin);
        if self.wish == Wish::Lead && now < until {
            self.until = Some(until);
            self.outputs.push_back(Output::Leading { until });
        }
    }

    /// A write that was refused, or may have been carried out or not: the Lease is another than is known.
    fn unanswered(&mut self) {
        self.doubted = true;
        if self
            .asked
            .take()
            .is_some_and(|asked| asked.what == Question::GiveUp)
        {
            self.end();
        }
    }

    fn release(&mut self) {
        if self.wish == Wish::Lead {
            self.wish = Wish::GiveUp;
            self.lose();
        }
    }

    /// Whoever takes the Lease next need not wait then.
    fn give_up(&mut self, now: Instant) {
        match &self.known {
            Some(Known {
                lease: Some(lease), ..
            }) if self.is_held(lease) && !self.doubted => {
                let version = Arc::clone(&lease.version);
                self.outputs
                    .push_back(Output::Write(Write::GiveUp { version }));
                self.asked = Some(Asked {
                    what: Question::GiveUp,
                    at: now,
                    duration: self.duration,
                });
            }
            _ => self.end(),
        }
    }

    fn end(&mut self) {
        self.wish = Wish::Nothing;
        self.outputs.push_back(Output::Released);
    }

    fn lose(&mut self) {
        if self.until.take().is_some() {
            self.outputs.push_back(Output::Lost);
        }
    }

    /// When the Lease is to be read or written next; nothing while an answer is waited for.
    fn due(&self) -> Option<Instant> {
        if self.asked.is_some() || self.wish != Wish::Lead {
            return None;
        }
        match &self.known {
            Some(known) if !self.doubted => Some(self.next_write.max(known.free)),
            _ => Some(self.next_read),
        }
    }

    /// For how long a Lease that does not change belongs to its holder.
    fn respite(&self, lease: Option<&Lease>) -> Duration {
        match lease {
            Some(lease) if lease.holder.is_some() && !self.is_held(lease) => {
                if lease.duration.is_zero() {
                    self.timing.duration
                } else {
                    lease.duration
                }
            }
            _ => Duration::ZERO,
        }
    }

    fn ask(&mut self, now: Instant) {
        let (what, output) = match &self.known {
            Some(known) if !self.doubted => {
                self.next_write = now + self.timing.renewal;
                (
                    Question::Hold,
                    Output::Write(self.claim(known.lease.as_ref())),
                )
            }
            _ => (Question::Read, Output::Read),
        };
        if what == Question::Hold {
            self.shorten(now);
        }
        self.outputs.push_back(output);
        self.asked = Some(Asked {
            what,
            at: now,
            duration: self.duration,
        });
    }

    /// A renewal for a shorter time than the last one counts for the others even if its answer never comes.
    fn shorten(&mut self, now: Instant) {
        let until = now + self.duration.saturating_sub(self.timing.margin);
        if self.until.is_some_and(|longer| until < longer) {
            self.until = Some(until);
            self.outputs.push_back(Output::Leading { until });
        }
    }

    fn claim(&self, lease: Option<&Lease>) -> Write {
        let duration = self.duration;
        match lease {
            None => Write::Create { duration },
            Some(lease) if self.is_held(lease) => Write::Renew {
                version: Arc::clone(&lease.version),
                duration,
            },
            Some(lease) => Write::Take {
                version: Arc::clone(&lease.version),
                transitions: lease.transitions.saturating_add(1),
                duration,
            },
        }
    }

    fn is_held(&self, lease: &Lease) -> bool {
        lease.holder.as_ref() == Some(&self.identity)
    }
}
