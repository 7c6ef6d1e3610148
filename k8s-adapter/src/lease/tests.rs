//! What a candidate does in each situation.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::machine::{Candidate, Input, Lease, Output, Timing, Write};

const ME: &str = "me";
const OTHER: &str = "other";
const MILLISECOND: Duration = Duration::from_millis(1);
const TWO_SECONDS: Duration = Duration::from_secs(2);

struct Bench {
    candidate: Candidate,
    start: Instant,
    now: Instant,
}

impl Bench {
    /// A candidate that has asked to read the Lease.
    fn new() -> Self {
        let now = Instant::now();
        let candidate = Candidate::new(now, ME.into(), Timing::default());
        let mut bench = Self {
            candidate,
            start: now,
            now,
        };
        assert_eq!(bench.outputs(), [Output::Read]);
        bench
    }

    /// One that leads since the beginning, by version 2 of the Lease.
    fn leading() -> Self {
        let mut bench = Self::new();
        bench.input(Input::Read(Some(lease("1", None))));
        bench.input(Input::Written(lease("2", Some(ME))));
        bench
    }

    fn input(&mut self, input: Input) -> Vec<Output> {
        self.candidate.handle_input(self.now, input);
        self.outputs()
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.candidate.poll_output()).collect()
    }

    /// Lets time pass until so long after the beginning.
    fn at(&mut self, milliseconds: u32) -> Vec<Output> {
        self.now = self.start + MILLISECOND * milliseconds;
        self.candidate.handle_timeout(self.now);
        self.outputs()
    }

    fn next(&self) -> Option<Duration> {
        self.candidate.poll_timeout().map(|due| due - self.start)
    }
}

fn lease(version: &str, holder: Option<&str>) -> Lease {
    Lease {
        version: version.into(),
        holder: holder.map(Into::into),
        duration: Duration::from_secs(2),
        transitions: 7,
    }
}

fn version(text: &str) -> Arc<str> {
    text.into()
}

fn renew(text: &str) -> [Output; 1] {
    renew_for(text, 2)
}

fn renew_for(text: &str, seconds: u64) -> [Output; 1] {
    [Output::Write(Write::Renew {
        version: version(text),
        duration: Duration::from_secs(seconds),
    })]
}

fn take(text: &str) -> [Output; 1] {
    [Output::Write(Write::Take {
        version: version(text),
        transitions: 8,
        duration: TWO_SECONDS,
    })]
}

fn until(bench: &Bench, milliseconds: u32) -> Output {
    Output::Leading {
        until: bench.start + MILLISECOND * milliseconds,
    }
}

#[test]
fn without_a_lease_one_is_made_at_once() {
    let mut bench = Bench::new();
    let create = [Output::Write(Write::Create {
        duration: TWO_SECONDS,
    })];
    assert_eq!(bench.input(Input::Read(None)), create);
    let written = bench.input(Input::Written(lease("1", Some(ME))));
    assert_eq!(written, [until(&bench, 1750)]);
}

#[test]
fn a_lease_that_nobody_holds_is_taken_at_once() {
    let mut bench = Bench::new();
    assert_eq!(bench.input(Input::Read(Some(lease("1", None)))), take("1"));
}

#[test]
fn a_lease_is_taken_when_it_has_not_changed_for_as_long_as_it_is_granted() {
    let mut bench = Bench::new();
    assert_eq!(bench.input(Input::Read(Some(lease("1", Some(OTHER))))), []);
    bench.at(500);
    assert_eq!(bench.input(Input::Seen(Some(lease("2", Some(OTHER))))), []);
    bench.at(1000);
    assert_eq!(
        bench.input(Input::Seen(Some(lease("2", Some(OTHER))))),
        [],
        "what is seen again is no sign of life"
    );
    assert_eq!(bench.next(), Some(Duration::from_millis(2500)));
    assert_eq!(bench.at(2499), []);
    assert_eq!(bench.at(2500), take("2"));
}

#[test]
fn a_lease_that_is_given_up_is_taken_at_once() {
    let mut bench = Bench::new();
    bench.input(Input::Read(Some(lease("1", Some(OTHER)))));
    bench.at(100);
    assert_eq!(bench.input(Input::Seen(Some(lease("2", None)))), take("2"));
}

#[test]
fn a_lease_that_somebody_deleted_still_belongs_to_its_holder_for_a_while() {
    let mut bench = Bench::new();
    bench.input(Input::Read(Some(lease("1", Some(OTHER)))));
    bench.at(100);
    assert_eq!(bench.input(Input::Seen(None)), []);
    assert_eq!(bench.at(2099), []);
    assert_eq!(
        bench.at(2100),
        [Output::Write(Write::Create {
            duration: TWO_SECONDS
        })]
    );
}

#[test]
fn leadership_is_renewed_and_counts_from_when_the_renewal_was_sent() {
    let mut bench = Bench::leading();
    assert_eq!(bench.next(), Some(Duration::from_millis(500)));
    assert_eq!(bench.at(499), []);
    assert_eq!(bench.at(500), renew("2"));
    bench.at(1000);
    let written = bench.input(Input::Written(lease("3", Some(ME))));
    assert_eq!(written[0], until(&bench, 500 + 1750));
    assert_eq!(written[1..], renew("3"), "the next one is due already");
}

#[test]
fn a_leader_that_cannot_renew_stops_before_another_may_take_over() {
    let mut bench = Bench::leading();
    assert_eq!(bench.at(500), renew("2"));
    bench.at(510);
    assert_eq!(bench.input(Input::Failed), []);
    assert_eq!(bench.at(1000), [Output::Read], "it may have been written");
    assert_eq!(bench.at(1749), []);
    assert_eq!(bench.at(1750), [Output::Lost]);
}

#[test]
fn a_renewal_of_which_nothing_is_known_is_found_out_in_time() {
    let mut bench = Bench::leading();
    assert_eq!(bench.at(500), renew("2"));
    bench.at(1500);
    assert_eq!(bench.input(Input::Failed), [Output::Read]);
    assert_eq!(
        bench.input(Input::Read(Some(lease("3", Some(ME))))),
        renew("3")
    );
    let written = bench.input(Input::Written(lease("4", Some(ME))));
    assert_eq!(written, [until(&bench, 1500 + 1750)]);
}

#[test]
fn an_answer_that_comes_too_late_is_no_leadership() {
    let mut bench = Bench::leading();
    assert_eq!(bench.at(500), renew("2"));
    assert_eq!(bench.at(1750), [Output::Lost]);
    bench.at(2400);
    let written = bench.input(Input::Written(lease("3", Some(ME))));
    assert_eq!(written, renew_for("3", 8));
}

#[test]
fn a_leader_that_is_shown_another_holder_asks_before_it_believes() {
    let mut bench = Bench::leading();
    let late = Input::Seen(Some(lease("1", Some(OTHER))));
    assert_eq!(bench.input(late.clone()), [Output::Read]);
    let still_mine = Input::Read(Some(lease("2", Some(ME))));
    assert_eq!(bench.input(still_mine), []);
    assert_eq!(bench.input(late), [Output::Read]);
    let taken = Input::Read(Some(lease("3", Some(OTHER))));
    assert_eq!(bench.input(taken), [Output::Lost]);
}

#[test]
fn a_refused_renewal_is_looked_into_at_once() {
    let mut bench = Bench::leading();
    bench.at(500);
    assert_eq!(bench.input(Input::Refused), [Output::Read]);
    let taken = Input::Read(Some(lease("3", Some(OTHER))));
    assert_eq!(bench.input(taken), [Output::Lost]);
    assert_eq!(bench.next(), Some(Duration::from_millis(2500)));
}

#[test]
fn of_two_who_take_the_lease_the_one_who_is_refused_waits() {
    let mut bench = Bench::new();
    bench.input(Input::Read(Some(lease("1", None))));
    assert_eq!(bench.input(Input::Refused), [Output::Read]);
    assert_eq!(bench.input(Input::Read(Some(lease("2", Some(OTHER))))), []);
    assert_eq!(bench.next(), Some(Duration::from_secs(2)));
}

#[test]
fn an_api_that_fails_is_asked_at_the_pace_of_renewals() {
    let mut bench = Bench::new();
    for asked in [500, 1000, 1500] {
        assert_eq!(bench.input(Input::Failed), []);
        assert_eq!(bench.at(asked - 1), []);
        assert_eq!(bench.at(asked), [Output::Read]);
    }
}

#[test]
fn a_leader_that_is_asked_to_end_gives_the_lease_up() {
    let mut bench = Bench::leading();
    let give_up = Write::GiveUp {
        version: version("2"),
    };
    assert_eq!(
        bench.input(Input::Release),
        [Output::Lost, Output::Write(give_up)]
    );
    assert_eq!(
        bench.input(Input::Written(lease("3", None))),
        [Output::Released]
    );
    assert_eq!(bench.next(), None);
    assert_eq!(bench.input(Input::Seen(Some(lease("3", None)))), []);
}

#[test]
fn a_renewal_under_way_is_waited_for_before_the_lease_is_given_up() {
    let mut bench = Bench::leading();
    bench.at(500);
    assert_eq!(bench.input(Input::Release), [Output::Lost]);
    let give_up = Write::GiveUp {
        version: version("3"),
    };
    assert_eq!(
        bench.input(Input::Written(lease("3", Some(ME)))),
        [Output::Write(give_up)],
        "and it is no leadership any more"
    );
    assert_eq!(bench.input(Input::Refused), [Output::Released]);
}

#[test]
fn a_candidate_that_holds_nothing_ends_at_once() {
    let mut bench = Bench::new();
    bench.input(Input::Read(Some(lease("1", Some(OTHER)))));
    assert_eq!(bench.input(Input::Release), [Output::Released]);
    assert_eq!(bench.next(), None);
}

#[test]
fn early_calls_do_nothing() {
    let mut bench = Bench::leading();
    for now in [1, 1, 250, 499] {
        assert_eq!(bench.at(now), []);
    }
}

#[test]
fn the_slower_the_answers_the_longer_the_lease_and_fast_ones_make_it_short_again() {
    let mut bench = Bench::new();
    bench.at(1000);
    bench.input(Input::Failed);
    assert_eq!(bench.candidate.patience(), TWO_SECONDS);
    bench.at(2400);
    let read = bench.input(Input::Read(Some(lease("1", Some(ME)))));
    assert_eq!(read, renew_for("1", 8), "1.4 s, four times over");
    bench.at(3800);
    let written = bench.input(Input::Written(lease("2", Some(ME))));
    let leading = until(&bench, 2400 + 8000 - 250);
    assert_eq!(written[0], leading);
    assert_eq!(written[1..], renew_for("2", 8));
    bench.at(3810);
    bench.input(Input::Written(lease("3", Some(ME))));
    let sooner = until(&bench, 4300 + 2000 - 250);
    let renewal = bench.at(4300);
    assert_eq!(renewal[0], sooner, "its answer may never come");
    assert_eq!(renewal[1..], renew("3"));
}
