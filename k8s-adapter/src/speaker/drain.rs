//! How a node takes leave of its routers: a machine without clock, socket and routes.
//!
//! ```text
//!            Leave              Told                 time                Told, or time
//! Staying ──────────► Telling ────────► Moving ────────────► Withdrawing ─────────────► Gone
//!    ▲                   └── time, or nobody to tell ─────────────►│                      │
//!    └──────────────────────────────── Stay ──────────────────────┴──────────────────────┘
//! ```
//! The routes first say that they will go (RFC 8326), so that routers move to others while these still work; they go when
//! the routers have had the time to. Each step has a deadline, so that no router holds up the end.

use std::time::{Duration, Instant};

use planner::departure::Departure;

/// How far a node has got with leaving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Drain {
    step: Step,
    timing: Timing,
}

/// How long the steps may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Timing {
    /// Until all routers have been told something.
    pub(super) tell: Duration,
    /// For the routers to choose other routes, once they know that these will go.
    pub(super) move_on: Duration,
}

/// What happens to a drain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// The node is to leave. One that is leaving hurries up if this timing is shorter.
    Leave(Timing),
    /// It is to stay after all.
    Stay,
    /// The routers have been told what the departure of now says.
    Told(Audience),
}

/// Who was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// No router holds a route of this node: none has to move.
    Nobody,
    /// At least one router does.
    Routers,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Staying,
    /// The routers are being told that the routes will go.
    Telling(Instant),
    /// They know, and choose others.
    Moving(Instant),
    /// The routes are being withdrawn.
    Withdrawing(Instant),
    Gone,
}

impl Drain {
    /// A node that stays.
    pub(super) const fn staying() -> Self {
        Self {
            step: Step::Staying,
            timing: UNHURRIED,
        }
    }

    /// A node that had left before this process began: its routers hold nothing.
    pub(super) const fn gone() -> Self {
        Self {
            step: Step::Gone,
            timing: UNHURRIED,
        }
    }

    pub(super) fn handle_input(&mut self, now: Instant, input: Input) {
        self.step = match (input, self.step) {
            (Input::Stay, _) => Step::Staying,
            (Input::Leave(timing), Step::Staying) => {
                self.timing = timing;
                Step::Telling(now + timing.tell)
            }
            (Input::Leave(timing), step) => {
                self.timing.tell = self.timing.tell.min(timing.tell);
                self.timing.move_on = self.timing.move_on.min(timing.move_on);
                self.hurry(now, step)
            }
            (Input::Told(Audience::Routers), Step::Telling(_)) => {
                Step::Moving(now + self.timing.move_on)
            }
            (Input::Told(Audience::Nobody), Step::Telling(_)) => self.withdraw(now),
            (Input::Told(_), Step::Withdrawing(_)) => Step::Gone,
            (Input::Told(_), step) => step,
        };
    }

    /// Goes on where a step has taken as long as it may. An early call has no effect.
    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.step = match self.step {
            // Those that were told have had this time to move.
            Step::Telling(until) | Step::Moving(until) if until <= now => self.withdraw(now),
            Step::Withdrawing(until) if until <= now => Step::Gone,
            step => step,
        };
    }

    /// When to call [`handle_timeout`](Self::handle_timeout); `None` where nothing is under way.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.step {
            Step::Telling(until) | Step::Moving(until) | Step::Withdrawing(until) => Some(until),
            Step::Staying | Step::Gone => None,
        }
    }

    /// What the node's routes are to say.
    pub(super) const fn departure(&self) -> Departure {
        match self.step {
            Step::Staying => Departure::Staying,
            Step::Telling(_) | Step::Moving(_) => Departure::Announced,
            Step::Withdrawing(_) | Step::Gone => Departure::Gone,
        }
    }

    fn withdraw(&self, now: Instant) -> Step {
        Step::Withdrawing(now + self.timing.tell)
    }

    /// The same step with no more time left than the timing of now gives it.
    fn hurry(&self, now: Instant, step: Step) -> Step {
        match step {
            Step::Telling(until) => Step::Telling(until.min(now + self.timing.tell)),
            Step::Moving(until) => Step::Moving(until.min(now + self.timing.move_on)),
            Step::Withdrawing(until) => Step::Withdrawing(until.min(now + self.timing.tell)),
            Step::Staying | Step::Gone => step,
        }
    }
}

/// For a node that is asked to drain: nobody waits for it to be fast.
pub(super) const UNHURRIED: Timing = Timing {
    tell: Duration::from_secs(10),
    move_on: Duration::from_secs(5),
};

/// For a process that is asked to end. MetalLB's manifests grant it two seconds, after which Kubernetes kills it.
pub(super) const HURRIED: Timing = Timing {
    tell: Duration::from_secs(1),
    move_on: Duration::from_secs(1),
};

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Lets the drain come to each of its deadlines; what it says between them, and how long it took.
    fn left_alone(mut drain: Drain, mut now: Instant) -> (Vec<Departure>, Duration) {
        let start = now;
        let mut said = vec![drain.departure()];
        while let Some(until) = drain.poll_timeout() {
            assert!(until > now, "no deadline is set in the past");
            drain.handle_timeout(now);
            assert_eq!(drain.poll_timeout(), Some(until), "early calls do nothing");
            now = until;
            drain.handle_timeout(now);
            said.push(drain.departure());
        }
        (said, now - start)
    }

    #[test]
    fn a_node_that_stays_has_nothing_to_wait_for() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Told(Audience::Routers));
        drain.handle_input(now, Input::Stay);
        drain.handle_timeout(now + SECOND);
        assert_eq!(drain, Drain::staying());
        assert_eq!(drain.poll_timeout(), None);
    }

    #[test]
    fn routers_are_told_then_given_time_and_then_the_routes_go() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Leave(UNHURRIED));
        assert_eq!(drain.departure(), Departure::Announced);
        drain.handle_input(now + SECOND, Input::Told(Audience::Routers));
        assert_eq!(drain.departure(), Departure::Announced);
        let moved = now + SECOND + UNHURRIED.move_on;
        assert_eq!(drain.poll_timeout(), Some(moved));
        drain.handle_input(moved - SECOND, Input::Told(Audience::Routers));
        drain.handle_timeout(moved);
        assert_eq!(drain.departure(), Departure::Gone);
        assert!(
            drain.poll_timeout().is_some(),
            "the withdrawals are under way"
        );
        drain.handle_input(moved, Input::Told(Audience::Routers));
        assert_eq!(drain, Drain::gone());
        assert_eq!(drain.poll_timeout(), None);
    }

    #[test]
    fn nobody_who_holds_a_route_is_nobody_to_wait_for() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Leave(UNHURRIED));
        drain.handle_input(now, Input::Told(Audience::Nobody));
        drain.handle_input(now, Input::Told(Audience::Nobody));
        assert_eq!(drain, Drain::gone());
    }

    #[test]
    fn a_router_that_takes_nothing_holds_up_the_end_for_a_bounded_time() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Leave(HURRIED));
        let (said, took) = left_alone(drain, now);
        let steps = [Departure::Announced, Departure::Gone, Departure::Gone];
        assert_eq!((said.as_slice(), took), (&steps[..], 2 * HURRIED.tell));
    }

    #[test]
    fn a_node_may_stay_after_all_at_any_time() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Leave(UNHURRIED));
        for _ in 0..3 {
            let mut stays = drain;
            stays.handle_input(now, Input::Stay);
            assert_eq!(stays.departure(), Departure::Staying);
            assert_eq!(stays.poll_timeout(), None);
            drain.handle_timeout(now + Duration::from_secs(60));
        }
    }

    #[test]
    fn the_end_of_the_process_hurries_up_a_drain_that_is_under_way() {
        let now = Instant::now();
        let mut drain = Drain::staying();
        drain.handle_input(now, Input::Leave(UNHURRIED));
        drain.handle_input(now, Input::Told(Audience::Routers));
        drain.handle_input(now, Input::Leave(HURRIED));
        let (_, took) = left_alone(drain, now);
        assert_eq!(took, HURRIED.move_on + HURRIED.tell);
        // And one that is in no hurry does not slow it down.
        drain.handle_input(now, Input::Leave(UNHURRIED));
        assert_eq!(left_alone(drain, now).1, took);
    }
}
