//! What came out of the rows, and whether it is good enough.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use election::membership::MemberName;

use crate::case::{Case, Trouble};
use crate::simulation::Traffic;

/// What came out of a row.
#[derive(Default)]
pub(crate) struct Outcome {
    first: Vec<Duration>,
    all: Vec<Duration>,
    /// The lives that were held dead and were not.
    pub(crate) wrong: BTreeSet<(MemberName, u64)>,
    node_hours: f64,
    sent: Option<Sent>,
}

/// What each member sent in a second in which nobody died.
struct Sent {
    datagrams: f64,
    octets: f64,
}

impl Outcome {
    /// A death: how long it took until the first knew, and until all did.
    pub(crate) fn died(&mut self, first: Duration, all: Duration) {
        self.first.push(first);
        self.all.push(all);
    }

    /// What all members sent in so many seconds, over all of them.
    pub(crate) fn sent(&mut self, traffic: Traffic, node_seconds: f64) {
        self.sent = (node_seconds > 0.0).then(|| Sent {
            datagrams: traffic.datagrams as f64 / node_seconds,
            octets: traffic.octets as f64 / node_seconds,
        });
    }

    /// It took so many seconds, over all members.
    pub(crate) fn finish(&mut self, node_seconds: f64) {
        self.node_hours = node_seconds / 3600.0;
        self.first.sort_unstable();
        self.all.sort_unstable();
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>6}", self.all.len())?;
        for took in [&self.first, &self.all] {
            for share in [0.5, 0.99] {
                write!(f, "{:>7.2}", quantile(took, share))?;
            }
        }
        write!(f, "{:>7} in {:<6.1}", self.wrong.len(), self.node_hours)?;
        if let Some(Sent { datagrams, octets }) = &self.sent {
            write!(f, "{datagrams:>8.1}{octets:>9.0}")?;
        }
        Ok(())
    }
}

/// One line of the table.
pub(crate) fn row(case: &Case, outcome: &Outcome) -> String {
    format!("{:<45}{outcome}", case.name())
}

/// What is promised of members, and whether it is so.
pub(crate) struct Gate {
    text: String,
    pub(crate) verdict: Verdict,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    NotMet,
    /// Not all rows that it takes were wanted.
    NotMeasured,
}

/// The gates, over all rows of the table that were measured.
pub(crate) fn gates(rows: &[(&Case, &Outcome)]) -> Vec<Gate> {
    vec![detection(rows), no_false_alarm(rows)]
}

fn detection(rows: &[(&Case, &Outcome)]) -> Gate {
    let row = rows
        .iter()
        .find(|(case, _)| case.nodes == 300 && case.is_plain(0.05));
    let took = row.map(|(_, outcome)| quantile(&outcome.all, 0.99));
    let verdict = match took {
        None => Verdict::NotMeasured,
        Some(took) if took < 3.0 => Verdict::Met,
        Some(_) => Verdict::NotMet,
    };
    let took = took.map_or_else(String::new, |took| format!(": {took:.2} s"));
    Gate {
        text: format!("300 members at 5 % loss, all know of a death, p99 below 3 s{took}"),
        verdict,
    }
}

fn no_false_alarm(rows: &[(&Case, &Outcome)]) -> Gate {
    let plain: Vec<&Outcome> = rows
        .iter()
        .filter(|(case, _)| case.is_plain(0.01))
        .map(|(_, outcome)| *outcome)
        .collect();
    let wrong: usize = plain.iter().map(|outcome| outcome.wrong.len()).sum();
    let hours = plain
        .iter()
        .fold(0.0, |sum, outcome| sum + outcome.node_hours);
    let verdict = match wrong {
        0 if hours >= 1000.0 => Verdict::Met,
        0 => Verdict::NotMeasured,
        _ => Verdict::NotMet,
    };
    Gate {
        text: format!(
            "nobody held dead wrongly at 1 % loss in 1000 node-hours: {wrong} in {hours:.0}"
        ),
        verdict,
    }
}

impl Case {
    /// Nothing is wrong but this loss.
    fn is_plain(&self, loss: f64) -> bool {
        self.trouble == Trouble::Nothing && (self.loss - loss).abs() < f64::EPSILON
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Met => "met",
            Verdict::NotMet => "NOT MET",
            Verdict::NotMeasured => "not measured",
        };
        write!(f, "gate {verdict}: {}", self.text)
    }
}

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil();
    let index = (0..sorted.len()).find(|index| (index + 1) as f64 >= rank);
    index.map_or(f64::NAN, |index| sorted[index].as_secs_f64())
}

pub(crate) const HEADER: &str = "                                             deaths  first knows, s   all know, s   held dead wrongly    each sends a second
                                                        p50    p99    p50    p99    in node-hours  datagrams octets";
pub(crate) const FOOTER: &str = "A death is that of one member where nothing else is said; what is sent is of times in which nobody dies.
When one of three is dead and the way between the others is cut in one direction, nobody is left to ask: the others hold
each other dead too, wrongly.";
