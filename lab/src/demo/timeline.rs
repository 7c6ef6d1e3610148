//! What happened when, for people to read.

use std::io::Write;
use std::time::{Duration, Instant};

use crate::LabError;

/// Prints each step when it is done: when that was, how long it took, and what was found.
#[derive(Debug)]
pub(super) struct Timeline<W> {
    out: W,
    start: Instant,
}

/// What a step has found, a line each.
pub(super) type Facts = Vec<String>;

impl<W: Write> Timeline<W> {
    pub(super) fn new(out: W) -> Self {
        Self {
            out,
            start: Instant::now(),
        }
    }

    /// Prints lines as they are.
    pub(super) fn print(&mut self, text: &str) -> Result<(), LabError> {
        let written = writeln!(self.out, "{text}").and_then(|()| self.out.flush());
        written.map_err(LabError::io("printing"))
    }

    /// Does one step and tells about it.
    ///
    /// # Errors
    /// That of the step.
    pub(super) fn step<T>(
        &mut self,
        title: &str,
        step: impl FnOnce(&mut Facts) -> Result<T, LabError>,
    ) -> Result<T, LabError> {
        let start = Instant::now();
        let mut facts = Facts::new();
        let result = step(&mut facts);
        let verdict = if result.is_ok() { "ok" } else { "FAILED" };
        let took = milliseconds(start.elapsed());
        let at = self.start.elapsed().as_secs_f64();
        self.print(&format!("{at:6.2} s  {verdict:<6}  {title} ({took})"))?;
        for fact in facts {
            self.print(&format!("                  {fact}"))?;
        }
        result
    }
}

/// `12 ms`: what the eye compares best.
pub(super) fn milliseconds(duration: Duration) -> String {
    format!("{} ms", duration.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_says_so_and_still_tells_what_it_found() {
        let mut out = Vec::new();
        let error = Timeline::new(&mut out)
            .step("jumping", |facts| {
                facts.push("a height of 1 m".to_owned());
                Err::<(), _>(LabError::Interrupted)
            })
            .unwrap_err();
        assert!(matches!(error, LabError::Interrupted));
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("FAILED  jumping"), "{text}");
        assert!(
            text.ends_with("                  a height of 1 m\n"),
            "{text}"
        );
    }
}
