//! How a responder announces, looks for an address, defends, makes way and limits itself.

use std::num::NonZeroU32;
use std::time::Duration;

/// The settings of a [`Responder`](crate::Responder).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Never zero.
    refresh: Option<Duration>,
    announcements_per_second: NonZeroU32,
    conflict_probe: ConflictProbe,
    rival_watch: RivalWatch,
    answer_limits: AnswerLimits,
    defend_interval: Duration,
    hand_over: Duration,
}

/// How an address is looked for before it is used: the probing of RFC 5227 §2.1.1, and Duplicate Address Detection of
/// RFC 4862 §5.4 in the same measure.
///
/// Deviation: both standards take seconds, by default this takes about 0.4 s. Who fails over cannot wait longer, and a
/// station that answers late is heard all the same, and told as a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "the terms of RFC 5227 §1.1")]
pub struct ConflictProbe {
    /// How many probes are sent (PROBE_NUM).
    pub count: u32,
    /// From one probe to the next (PROBE_MIN, PROBE_MAX); the first waits for a random part of it (PROBE_WAIT).
    pub interval: Duration,
    /// From the last probe to the use of the address (ANNOUNCE_WAIT).
    pub wait: Duration,
}

/// How a station is watched that addresses were left to. An interval below a millisecond counts as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "how often, and how many times")]
pub struct RivalWatch {
    /// From one question to the next, for each station, where an address was yielded by a verdict. One address is asked
    /// for at a time, in turn.
    pub interval: Duration,
    /// The same where an address is held back because a conflict was found.
    pub recheck: Duration,
    /// How many unanswered questions in a row mean that the station is gone.
    pub misses: u32,
}

/// How many answers are given in a second. For a second's worth, a burst is answered at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "one and all")]
pub struct AnswerLimits {
    /// To one hardware address.
    pub per_asker: NonZeroU32,
    /// To all of them together.
    pub in_all: NonZeroU32,
}

impl Config {
    /// The same settings with another [`refresh`](Self::refresh) interval; zero means never, like `None`.
    #[must_use]
    pub fn with_refresh(self, refresh: Option<Duration>) -> Self {
        let refresh = refresh.filter(|interval| !interval.is_zero());
        Self { refresh, ..self }
    }

    /// The same settings with another [`announcements_per_second`](Self::announcements_per_second).
    #[must_use]
    pub const fn with_announcements_per_second(self, announcements_per_second: NonZeroU32) -> Self {
        Self {
            announcements_per_second,
            ..self
        }
    }

    /// The same settings with another [`conflict_probe`](Self::conflict_probe).
    #[must_use]
    pub const fn with_conflict_probe(self, conflict_probe: ConflictProbe) -> Self {
        Self {
            conflict_probe,
            ..self
        }
    }

    /// The same settings with another [`rival_watch`](Self::rival_watch).
    #[must_use]
    pub const fn with_rival_watch(self, rival_watch: RivalWatch) -> Self {
        Self {
            rival_watch,
            ..self
        }
    }

    /// The same settings with other [`answer_limits`](Self::answer_limits).
    #[must_use]
    pub const fn with_answer_limits(self, answer_limits: AnswerLimits) -> Self {
        Self {
            answer_limits,
            ..self
        }
    }

    /// The same settings with another [`defend_interval`](Self::defend_interval).
    #[must_use]
    pub const fn with_defend_interval(self, defend_interval: Duration) -> Self {
        Self {
            defend_interval,
            ..self
        }
    }

    /// The same settings with another [`hand_over`](Self::hand_over).
    #[must_use]
    pub const fn with_hand_over(self, hand_over: Duration) -> Self {
        Self { hand_over, ..self }
    }

    /// How long after its last announcement an address is announced again although nothing changed, on average: each
    /// time is drawn from three quarters to five quarters of it. `None`: never. Default: 60 s.
    ///
    /// It repairs a neighbour that missed a burst, and a switch that forgot on which port we are.
    #[must_use]
    pub const fn refresh(&self) -> Option<Duration> {
        self.refresh
    }

    /// How many addresses are announced or looked for in a second at most, so that thousands of new addresses run
    /// neither into a switch's broadcast limit nor ahead of the answers. A few dozen always go out at once. Default:
    /// 5000.
    #[must_use]
    pub const fn announcements_per_second(&self) -> NonZeroU32 {
        self.announcements_per_second
    }

    /// How a new address is looked for. Default: 3 probes, 100 ms apart, and 200 ms for the last answer.
    #[must_use]
    pub const fn conflict_probe(&self) -> ConflictProbe {
        self.conflict_probe
    }

    /// How a station is watched that addresses were left to. Default: every 300 ms, every 600 ms after a conflict, gone
    /// after 3 unanswered questions.
    #[must_use]
    pub const fn rival_watch(&self) -> RivalWatch {
        self.rival_watch
    }

    /// How many answers are given in a second. Default: 5000 to one asker, 25 000 in all.
    #[must_use]
    pub const fn answer_limits(&self) -> AnswerLimits {
        self.answer_limits
    }

    /// The least time from one told claim, and from one defence, of an address to the next. Default: 100 ms.
    ///
    /// The 10 s of RFC 5227 §2.4 (DEFEND_INTERVAL) are for a host that gives up its address; whether to give up is the
    /// caller's to decide.
    #[must_use]
    pub const fn defend_interval(&self) -> Duration {
        self.defend_interval
    }

    /// How long an address in [`Role::Leaving`](crate::Role::Leaving) is answered for when nobody claims it. Default:
    /// 500 ms.
    #[must_use]
    pub const fn hand_over(&self) -> Duration {
        self.hand_over
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            refresh: Some(Duration::from_secs(60)),
            announcements_per_second: per_second(5000),
            conflict_probe: ConflictProbe {
                count: 3,
                interval: Duration::from_millis(100),
                wait: Duration::from_millis(200),
            },
            rival_watch: RivalWatch {
                interval: Duration::from_millis(300),
                recheck: Duration::from_millis(600),
                misses: 3,
            },
            answer_limits: AnswerLimits {
                per_asker: per_second(5000),
                in_all: per_second(25_000),
            },
            defend_interval: Duration::from_millis(100),
            hand_over: Duration::from_millis(500),
        }
    }
}

const fn per_second(count: u32) -> NonZeroU32 {
    match NonZeroU32::new(count) {
        Some(count) => count,
        None => NonZeroU32::MIN,
    }
}
