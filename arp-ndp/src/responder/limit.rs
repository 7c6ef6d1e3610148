//! Limits on rates: of announcements, and of answers to one station and to all of them.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use crate::mac::MacAddr;
use crate::responder::DropReason;
use crate::responder::config::AnswerLimits;

/// A limit on a rate that lets some through at once: the generic cell rate algorithm of ITU-T I.371.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// The time that one takes.
    cost: Duration,
    /// How far ahead of `theoretical` one may be.
    tolerance: Duration,
}

/// How much of a [`Rate`] is used up: when the next one would come if all had been evenly spaced; `None` before the first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    theoretical: Option<Instant>,
}

impl Usage {
    const EMPTY: Self = Self { theoretical: None };
}

impl Rate {
    pub(crate) fn new(per_second: NonZeroU32, at_once: u32) -> Self {
        let cost = Duration::from_secs(1) / per_second.get();
        Self {
            cost,
            tolerance: cost * at_once.saturating_sub(1),
        }
    }

    /// Whether one more is within the limit now; if so, it counts.
    pub(crate) fn take(&self, usage: &mut Usage, now: Instant) -> bool {
        let theoretical = usage.theoretical.map_or(now, |at| at.max(now));
        if theoretical > now + self.tolerance {
            return false;
        }
        usage.theoretical = Some(theoretical + self.cost);
        true
    }

    /// The first time from `at` on when one more is within the limit.
    pub(crate) fn ready(&self, usage: &Usage, at: Instant) -> Instant {
        usage
            .theoretical
            .and_then(|theoretical| theoretical.checked_sub(self.tolerance))
            .map_or(at, |ready| ready.max(at))
    }
}

/// A rate and its usage in one, for whatever is paced.
#[derive(Debug)]
pub(crate) struct Pace {
    rate: Rate,
    usage: Usage,
}

impl Pace {
    pub(crate) fn new(per_second: NonZeroU32, at_once: u32) -> Self {
        Self {
            rate: Rate::new(per_second, at_once),
            usage: Usage::EMPTY,
        }
    }

    /// Whether one more is within the limit now; if so, it counts.
    pub(crate) fn take(&mut self, now: Instant) -> bool {
        self.rate.take(&mut self.usage, now)
    }

    /// The first time from `at` on when one more is within the limit.
    pub(crate) fn ready(&self, at: Instant) -> Instant {
        self.rate.ready(&self.usage, at)
    }

    /// Whether no more than half of what goes at once is used up.
    fn is_calm(&self, now: Instant) -> bool {
        let calm = now + self.rate.tolerance / 2;
        self.usage.theoretical.is_none_or(|at| at <= calm)
    }
}

/// The limits on answers.
///
/// Askers are told apart by a hash of their hardware address, in a table that does not grow: a flood from made-up
/// addresses costs no memory. Two that share a slot share its rate. The hash depends on the seed, so that nobody can aim
/// at another's slot.
///
/// Half of the answers are kept for regulars: who was answered in quiet times is answered in a flood from strangers, too.
#[derive(Debug)]
pub(super) struct AnswerLimit {
    rate: Rate,
    slots: Box<[Slot]>,
    seed: u64,
    regulars: Pace,
    strangers: Pace,
}

/// What is known of the askers with the same hash.
#[derive(Debug, Clone, Copy)]
struct Slot {
    usage: Usage,
    /// The last who was answered while it was quiet.
    regular: MacAddr,
}

impl AnswerLimit {
    pub(super) fn new(limits: AnswerLimits, seed: u64) -> Self {
        let AnswerLimits { per_asker, in_all } = limits;
        let half = NonZeroU32::new(in_all.get() / 2).unwrap_or(NonZeroU32::MIN);
        Self {
            rate: Rate::new(per_asker, per_asker.get()),
            slots: vec![Slot::EMPTY; SLOTS].into(),
            seed,
            regulars: Pace::new(half, half.get()),
            strangers: Pace::new(half, half.get()),
        }
    }

    /// Whether one more answer to this station is within the limits now; if so, it counts.
    pub(super) fn take(&mut self, now: Instant, asker: MacAddr) -> Result<(), DropReason> {
        let index = self.index(asker);
        let Some(slot) = self.slots.get_mut(index) else {
            return Ok(());
        };
        if !self.rate.take(&mut slot.usage, now) {
            return Err(DropReason::AskerRate);
        }
        if slot.regular == asker && self.regulars.take(now) {
            return Ok(());
        }
        let calm = self.strangers.is_calm(now);
        if !self.strangers.take(now) {
            return Err(DropReason::AnswerRate);
        }
        if calm {
            slot.regular = asker;
        }
        Ok(())
    }

    /// Always within the slots.
    fn index(&self, asker: MacAddr) -> usize {
        let [a, b, c, d, e, f] = asker.octets();
        let mixed = mix(u64::from_be_bytes([0, 0, a, b, c, d, e, f]) ^ self.seed);
        usize::try_from(mixed % SLOTS as u64).unwrap_or_default()
    }
}

impl Slot {
    /// No station has this address, so nobody is a regular.
    const EMPTY: Self = Self {
        usage: Usage::EMPTY,
        regular: MacAddr::ZERO,
    };
}

/// The finalizer of splitmix64: every bit of the input sways every bit of the output.
const fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

const SLOTS: usize = 2048;
