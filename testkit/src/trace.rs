//! What happened, for people to read.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The latest lines of a run, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Trace {
    lines: VecDeque<(Duration, String, String)>,
    forgotten: usize,
}

impl Trace {
    /// Adds a line: when, who, what.
    pub(crate) fn push(&mut self, at: Duration, who: &str, what: String) {
        if self.lines.len() == CAPACITY {
            self.lines.pop_front();
            self.forgotten += 1;
        }
        self.lines.push_back((at, who.to_owned(), what));
    }

    /// Whether any line contains `text`.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.lines.iter().any(|(_, _, what)| what.contains(text))
    }

    /// The lines that contain `text`, with their times.
    pub fn matching<'a>(&'a self, text: &'a str) -> impl Iterator<Item = (Duration, &'a str)> {
        self.lines
            .iter()
            .filter(move |(_, _, what)| what.contains(text))
            .map(|(at, _, what)| (*at, what.as_str()))
    }
}

/// One line an entry: seconds since the start, host, what happened.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.forgotten > 0 {
            writeln!(f, "… {} earlier lines left out", self.forgotten)?;
        }
        for (at, who, what) in &self.lines {
            writeln!(f, "{:>12.6} {who:<8} {what}", at.as_secs_f64())?;
        }
        Ok(())
    }
}

/// Enough for the story before a failure, little enough to read.
const CAPACITY: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_latest_lines_are_kept() {
        let mut trace = Trace::default();
        for n in 0..CAPACITY + 2 {
            trace.push(Duration::from_millis(1500), "a", format!("line {n}."));
        }
        assert!(!trace.contains("line 1."));
        assert!(trace.contains("line 2."));
        let text = trace.to_string();
        assert!(
            text.starts_with("… 2 earlier lines left out\n    1.500000 a        line 2.\n"),
            "{text}"
        );
    }
}
