//! What was measured, as a table, and what it was to be.

use std::fmt;
use std::time::Duration;

use super::measure::{Figures, Load, Policy};

const MEBIBYTE: f64 = 1_048_576.0;

/// The contenders under one load.
pub(super) struct Report {
    load: Load,
    contenders: Vec<(String, Figures)>,
}

/// One line of the table.
struct Row {
    name: &'static str,
    /// A value for each contender; smaller is better.
    values: Vec<f64>,
    /// What the first contender's value is to be at most.
    target: Option<Target>,
}

/// What a value is to be at most.
enum Target {
    /// This.
    AtMost(f64),
    /// This times that of the second contender.
    Share(f64),
}

impl Report {
    pub(super) fn new(load: Load) -> Self {
        Self {
            load,
            contenders: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: String, figures: Figures) {
        self.contenders.push((name, figures));
    }

    fn row(
        &self,
        name: &'static str,
        target: Option<Target>,
        value: impl Fn(&Figures) -> f64,
    ) -> Row {
        Row {
            name,
            values: self.contenders.iter().map(|(_, it)| value(it)).collect(),
            target,
        }
    }

    fn rows(&self) -> Vec<Row> {
        // The first Service, which is alone before the others, is one of them.
        let services = count(self.load.services + 1);
        let at_most = |most| Some(Target::AtMost(most));
        let row = |name, value: fn(&Figures) -> f64| self.row(name, None, value);
        vec![
            row("creating them all [ms]", |it| ms(it.created_in)),
            self.row("last create to last address [ms]", self.tail(), |it| {
                ms(it.tail)
            }),
            row("processor time for them all [ms]", |it| ms(it.cpu)),
            self.row("resident memory [MiB]", self.memory(), |it| {
                mebibytes(it.resident)
            }),
            row("most memory [MiB]", |it| mebibytes(it.peaks[0])),
            row("most memory after a restart [MiB]", |it| {
                mebibytes(it.peaks[1])
            }),
            row("requests", |it| count(it.requests.total())),
            self.row("writes to each Service", at_most(1.0), |it| {
                count(it.writes("services")) / services
            }),
            self.row("writes of pool status a second", at_most(2.0), |it| {
                count(it.writes("ipaddresspools")) / it.span.as_secs_f64()
            }),
            row("requests a minute when idle", Figures::idle_per_minute),
            self.row("one more, median [ms]", Some(Target::Share(1.0)), |it| {
                ms(it.median_of_one_more())
            }),
            self.row("one more, processor time [ms]", at_most(5.0), |it| {
                ms(it.cpu_of_one_more)
            }),
            self.row(
                "restart to a waiting one served [ms]",
                at_most(2000.0),
                |it| ms(it.restart),
            ),
        ]
    }

    fn tail(&self) -> Option<Target> {
        match (self.load.services, self.load.policy) {
            (1000, _) => Some(Target::Share(1.0 / 3.0)),
            (5000, Policy::Local) => Some(Target::Share(1.0 / 5.0)),
            _ => None,
        }
    }

    fn memory(&self) -> Option<Target> {
        match self.load.services {
            0..=1000 => Some(Target::AtMost(30.0)),
            _ => Some(Target::AtMost(60.0)),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Load { services, policy } = self.load;
        writeln!(f, "{services} Services, externalTrafficPolicy {policy}")?;
        write!(f, "{:<38}", "")?;
        for (name, _) in &self.contenders {
            write!(f, "{name:>11}")?;
        }
        if self.contenders.len() > 1 {
            write!(f, "{:>9}", "ratio")?;
        }
        writeln!(f, "  target")?;
        for row in self.rows() {
            writeln!(f, "{row}")?;
        }
        for (name, figures) in &self.contenders {
            writeln!(f, "requests of {name}:\n{}", figures.requests)?;
            writeln!(f, "requests of {name} when idle:\n{}", figures.idle)?;
        }
        Ok(())
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<38}", self.name)?;
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

/// Less than can be read off the table.
const EPSILON: f64 = 0.005;

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mebibytes(octets: u64) -> f64 {
    count(usize::try_from(octets).unwrap_or(usize::MAX)) / MEBIBYTE
}

fn count(number: usize) -> f64 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "exact up to 2^53, which nothing here comes near"
    )]
    let number = number as f64;
    number
}
