//! What a client saw, as distributions, and what it was to see.

use std::fmt;
use std::time::Duration;

use crate::bench::samples::Samples;
use crate::bench::table::ms;
use crate::failover::{Outcome, Split, Trial};

/// One kind of thing that happened.
pub(super) struct Section {
    title: String,
    rows: Vec<Row>,
}

/// One thing that was measured each time.
struct Row {
    name: &'static str,
    /// For each contender.
    samples: Vec<(String, Samples)>,
    targets: &'static [Target],
}

/// What the first contender is to keep to, in milliseconds.
#[derive(Clone, Copy, Debug)]
enum Target {
    Median(u64),
    Longest(u64),
}

/// When a speaker dies, or its link.
const FAILOVER: &[Target] = &[Target::Median(1500), Target::Longest(2500)];

/// What nobody notices.
const SEAMLESS: &[Target] = &[Target::Longest(300)];

/// Two owners on one link.
const SPLIT_BRAIN: &[Target] = &[Target::Longest(1000)];

/// No owner while there is a node that could be.
const NO_OWNER: &[Target] = &[Target::Longest(3000)];

const NONE: &[Target] = &[];

impl Section {
    /// That of a trial; each contender comes with its outcomes.
    pub(super) fn of_trial(trial: Trial, outcomes: &[(String, Vec<Outcome>)]) -> Self {
        let (took, silence, contested) = match trial {
            Trial::Crash => (FAILOVER, NONE, NONE),
            Trial::LinkDown | Trial::Cut => (FAILOVER, NONE, SEAMLESS),
            Trial::Stop | Trial::Drain => (NONE, SEAMLESS, NONE),
        };
        Filling::new(format!("{trial}, and back"), outcomes)
            .row("another node answers", took, |it: &Outcome| it.away.took)
            .row("nobody answers", silence, |it| it.away.seen.silence)
            .row("two nodes answer", NONE, |it| it.away.seen.contested)
            .row("back: the first node answers", NONE, |it| it.back.took)
            .row("back: nobody answers", NONE, |it| it.back.seen.silence)
            .row("back: two nodes answer", contested, |it| {
                it.back.seen.contested
            })
            .section
    }

    /// That of cuts between members.
    pub(super) fn of_splits(seed: u64, splits: &[(String, Vec<Split>)]) -> Self {
        let title =
            format!("members cut off from each other on one link, and healed (seed {seed})");
        Filling::new(title, splits)
            .row("two nodes answer", SPLIT_BRAIN, |it: &Split| {
                it.cut.contested
            })
            .row("nobody answers", NO_OWNER, |it| it.cut.silence)
            .row("healed: two nodes answer", SPLIT_BRAIN, |it| {
                it.healed.contested
            })
            .row("healed: nobody answers", NO_OWNER, |it| it.healed.silence)
            .section
    }
}

/// A section whose rows are being added.
struct Filling<'a, T> {
    section: Section,
    contenders: &'a [(String, Vec<T>)],
}

impl<'a, T> Filling<'a, T> {
    fn new(title: String, contenders: &'a [(String, Vec<T>)]) -> Self {
        let rows = Vec::new();
        Self {
            section: Section { title, rows },
            contenders,
        }
    }

    fn row(
        mut self,
        name: &'static str,
        targets: &'static [Target],
        value: impl Fn(&T) -> Duration,
    ) -> Self {
        let contenders = self.contenders.iter();
        let samples =
            contenders.map(|(name, all)| (name.clone(), all.iter().map(&value).collect()));
        self.section.rows.push(Row {
            name,
            samples: samples.collect(),
            targets,
        });
        self
    }
}

impl fmt::Display for Section {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        write!(f, "{:<42}", "  in milliseconds")?;
        for column in ["min", "median", "p90", "max", "n"] {
            write!(f, "{column:>8}")?;
        }
        writeln!(f, "  target")?;
        self.rows.iter().try_for_each(|row| write!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (contender, samples)) in self.samples.iter().enumerate() {
            let name = if place == 0 { self.name } else { "" };
            write!(f, "  {name:<30}{contender:<10}")?;
            let values = [
                samples.shortest(),
                samples.median(),
                samples.ninth_decile(),
                samples.longest(),
            ];
            for value in values {
                write!(f, "{:>8.0}", ms(value))?;
            }
            write!(f, "{:>8}", samples.count())?;
            let targets = if place == 0 { self.targets } else { NONE };
            for target in targets {
                write!(f, "  {}", target.verdict(samples))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl Target {
    fn verdict(self, samples: &Samples) -> String {
        let (what, most, value) = match self {
            Self::Median(most) => ("median", most, samples.median()),
            Self::Longest(most) => ("max", most, samples.longest()),
        };
        let is_met = value <= Duration::from_millis(most);
        let verdict = if is_met { "met" } else { "MISSED" };
        format!("{what} at most {most}: {verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failover::Seen;

    #[test]
    fn only_the_first_contender_is_held_against_targets() {
        let split = |milliseconds| {
            let seen = Seen {
                silence: Duration::ZERO,
                contested: Duration::from_millis(milliseconds),
            };
            Split {
                cut: seen,
                healed: Seen::default(),
            }
        };
        let splits = [
            ("ours".to_owned(), vec![split(10), split(1001)]),
            ("theirs".to_owned(), vec![split(9000)]),
        ];
        let text = Section::of_splits(7, &splits).to_string();
        let line = |contender: &str| {
            let mut lines = text.lines().map(str::trim_end);
            lines
                .find(|line| line.contains(contender))
                .unwrap_or_default()
                .to_owned()
        };
        assert!(line("ours").contains("two nodes answer"), "{text}");
        assert!(line("ours").ends_with("max at most 1000: MISSED"), "{text}");
        assert!(line("theirs").ends_with("9000       1"), "{text}");
        assert!(text.contains("at most 3000: met"), "{text}");
    }
}
