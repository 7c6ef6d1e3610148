//! What was measured side by side, and what it was to be.

use std::fmt;
use std::time::Duration;

const MEBIBYTE: f64 = 1_048_576.0;

/// Less than can be read off a table.
const EPSILON: f64 = 0.005;

/// Figures of contenders; the first one's are held against the second one's and against targets.
pub(super) struct Table<'a, F> {
    title: String,
    contenders: &'a [(String, F)],
    rows: Vec<Row>,
}

/// One line.
struct Row {
    name: &'static str,
    /// A value for each contender; smaller is better.
    values: Vec<f64>,
    /// What the first contender's value is to be at most.
    target: Option<Target>,
}

/// What a value is to be at most.
#[derive(Clone, Copy, Debug)]
pub(super) enum Target {
    /// This.
    AtMost(f64),
    /// This times that of the second contender.
    Share(f64),
}

impl<'a, F> Table<'a, F> {
    /// A table without rows.
    pub(super) fn new(title: String, contenders: &'a [(String, F)]) -> Self {
        Self {
            title,
            contenders,
            rows: Vec::new(),
        }
    }

    /// The same with one row more.
    pub(super) fn row(
        mut self,
        name: &'static str,
        target: impl Into<Option<Target>>,
        value: impl Fn(&F) -> f64,
    ) -> Self {
        let values = self.contenders.iter().map(|(_, it)| value(it)).collect();
        self.rows.push(Row {
            name,
            values,
            target: target.into(),
        });
        self
    }
}

impl<F> fmt::Display for Table<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.title)?;
        write!(f, "{:<42}", "")?;
        for (name, _) in self.contenders {
            write!(f, "{name:>11}")?;
        }
        if self.contenders.len() > 1 {
            write!(f, "{:>9}", "ratio")?;
        }
        writeln!(f, "  target")?;
        self.rows.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<42}", self.name)?;
        for value in &self.values {
            write!(f, "{value:>11.1}")?;
        }
        let (ours, other) = (self.values.first(), self.values.get(1));
        let ratio = ours.zip(other).map(|(ours, other)| ours / other);
        match ratio {
            Some(ratio) if ratio.is_finite() => write!(f, "{ratio:>9.2}")?,
            Some(_) => write!(f, "{:>9}", "-")?,
            None => {}
        }
        let verdict = |is_met: bool| if is_met { "met" } else { "MISSED" };
        match self.target {
            Some(Target::AtMost(most)) => {
                let is_met = ours.is_some_and(|value| *value <= most + EPSILON);
                write!(f, "  at most {most:.0}: {}", verdict(is_met))
            }
            Some(Target::Share(share)) => match ratio {
                Some(ratio) => write!(
                    f,
                    "  ratio at most {share:.2}: {}",
                    verdict(ratio <= share + EPSILON)
                ),
                None => write!(f, "  ratio at most {share:.2}"),
            },
            None => Ok(()),
        }
    }
}

/// In milliseconds.
pub(super) fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// In mebibytes.
pub(super) fn mebibytes(octets: u64) -> f64 {
    count(usize::try_from(octets).unwrap_or(usize::MAX)) / MEBIBYTE
}

/// As a value of a row.
pub(super) fn count(number: usize) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to 2^53, which nothing here comes near"
    )]
    let number = number as f64;
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64], target: impl Into<Option<Target>>) -> String {
        let contenders: Vec<(String, f64)> =
            values.iter().map(|&value| (String::new(), value)).collect();
        let table = Table::new(String::new(), &contenders).row("it", target, |&value| value);
        table
            .to_string()
            .lines()
            .last()
            .unwrap_or_default()
            .to_owned()
    }

    #[test]
    fn a_target_is_met_up_to_its_value() {
        assert!(line(&[2.0], Target::AtMost(2.0)).ends_with("at most 2: met"));
        assert!(line(&[2.1], Target::AtMost(2.0)).ends_with("at most 2: MISSED"));
    }

    #[test]
    fn a_share_is_of_the_second_contender_and_open_without_one() {
        assert!(line(&[1.0, 4.0], Target::Share(0.25)).ends_with("0.25  ratio at most 0.25: met"));
        assert!(line(&[2.0, 4.0], Target::Share(0.25)).ends_with("ratio at most 0.25: MISSED"));
        assert!(line(&[2.0], Target::Share(0.25)).ends_with("ratio at most 0.25"));
        assert!(line(&[2.0, 0.0], None).ends_with('-'));
    }
}
