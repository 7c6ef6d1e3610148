//! Who answered for an address, and when: what can be read off it.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use arp_ndp::MacAddr;

/// The questions about one address and the answers, in the order of time.
#[derive(Clone, Debug, Default)]
pub struct Sightings {
    asked: Vec<Instant>,
    answers: Vec<(Instant, MacAddr)>,
}

impl Sightings {
    /// Adds a question.
    pub fn ask(&mut self, at: Instant) {
        self.asked.push(at);
    }

    /// Adds an answer.
    pub fn answer(&mut self, at: Instant, by: MacAddr) {
        self.answers.push((at, by));
    }

    /// Who answered at or after a time.
    #[must_use]
    pub fn since(&self, start: Instant) -> BTreeSet<MacAddr> {
        let later = self.answers.iter().filter(|(at, _)| *at >= start);
        later.map(|(_, by)| *by).collect()
    }

    /// When a station that is meant answered for the first time at or after a time.
    #[must_use]
    pub fn first_answer(
        &self,
        start: Instant,
        is_meant: impl Fn(MacAddr) -> bool,
    ) -> Option<Instant> {
        let mut answers = self.answers.iter();
        let first = answers.find(|(at, by)| *at >= start && is_meant(*by));
        first.map(|(at, _)| *at)
    }

    /// The longest time between two answers of any station that ends between two points of time, and the time since the
    /// last answer at the second of them.
    #[must_use]
    pub fn longest_silence(&self, start: Instant, end: Instant) -> Duration {
        let answers = || self.answers.iter().map(|(at, _)| *at);
        let before = answers().rfind(|at| *at < start).unwrap_or(start);
        let within = answers().filter(|at| (start..=end).contains(at));
        let mut last = before;
        let mut longest = Duration::ZERO;
        for at in within.chain([end]) {
            longest = longest.max(at.saturating_duration_since(last));
            last = at;
        }
        longest
    }

    /// How long more than one station answered the same question: from the first question between two points of time that
    /// was answered so to the one after the last, whatever was between.
    #[must_use]
    pub fn contested(&self, start: Instant, end: Instant) -> Duration {
        let questions = self.asked.windows(2).filter_map(|pair| match pair {
            [asked, next] if (start..end).contains(asked) => Some((*asked, *next)),
            _ => None,
        });
        let mut contested = questions.filter(|(asked, next)| self.between(*asked, *next).len() > 1);
        let Some((first, mut until)) = contested.next() else {
            return Duration::ZERO;
        };
        if let Some((_, next)) = contested.next_back() {
            until = next;
        }
        until - first
    }

    /// The only station that answered between two points of time, if it never took longer than `gap` over it.
    #[must_use]
    pub fn sole_answerer(&self, start: Instant, end: Instant, gap: Duration) -> Option<MacAddr> {
        let mut stations = self.between(start, end).into_iter();
        match (stations.next(), stations.next()) {
            (Some(only), None) => (self.longest_silence(start, end) <= gap).then_some(only),
            _ => None,
        }
    }

    /// Who answered from a point of time until before another.
    fn between(&self, start: Instant, end: Instant) -> BTreeSet<MacAddr> {
        let before = |time| self.answers.partition_point(|(at, _)| *at < time);
        let within = self.answers.get(before(start)..before(end));
        within
            .unwrap_or_default()
            .iter()
            .map(|(_, by)| *by)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xa]);
    const B: MacAddr = MacAddr([2, 0, 0, 0, 0, 0xb]);

    /// A question every 20 ms; each is answered a millisecond later by those that a letter stands for: `a`, `b`, `2` for
    /// both.
    fn sightings(start: Instant, letters: &str) -> Sightings {
        let mut sightings = Sightings::default();
        let mut at = start;
        for letter in letters.chars() {
            sightings.ask(at);
            let answered = at + Duration::from_millis(1);
            if "a2".contains(letter) {
                sightings.answer(answered, A);
            }
            if "b2".contains(letter) {
                sightings.answer(answered, B);
            }
            at += INTERVAL;
        }
        sightings
    }

    const INTERVAL: Duration = Duration::from_millis(20);

    #[test]
    fn silence_lasts_from_the_last_answer_of_one_to_the_first_of_another() {
        let start = Instant::now();
        let seen = sightings(start, "aaa...bb");
        let silence = |from: u32, to: u32| {
            seen.longest_silence(start + INTERVAL * from, start + INTERVAL * to)
        };
        assert_eq!(silence(0, 8), INTERVAL * 4);
        // Also where it began before.
        assert_eq!(silence(4, 8), INTERVAL * 4);
        // And where it has not ended.
        assert_eq!(silence(0, 5), INTERVAL * 3 - Duration::from_millis(1));
        let moved = seen.first_answer(start, |by| by != A);
        assert_eq!(moved, Some(start + INTERVAL * 6 + Duration::from_millis(1)));
    }

    #[test]
    fn a_time_in_which_two_answer_lasts_from_the_first_such_question_to_the_last() {
        let start = Instant::now();
        let contested = |letters: &str| {
            let seen = sightings(start, letters);
            seen.contested(start, start + Duration::from_secs(1))
        };
        assert_eq!(contested("aabb"), Duration::ZERO);
        assert_eq!(contested("aa2bb"), INTERVAL);
        assert_eq!(contested("a2ab2b"), INTERVAL * 4);
    }

    #[test]
    fn one_answers_alone_if_it_leaves_nothing_out() {
        let start = Instant::now();
        let sole = |letters: &str| {
            let end = start + INTERVAL * u32::try_from(letters.len()).unwrap();
            sightings(start, letters).sole_answerer(start, end, INTERVAL * 2)
        };
        assert_eq!(sole("aaa.a"), Some(A));
        assert_eq!(sole("aa..a"), None);
        assert_eq!(sole("aab"), None);
        assert_eq!(sole("..."), None);
    }
}
