//! What was measured of controllers, and what it was to be.

use std::fmt;

use super::measure::{Figures, Load, Policy};
use crate::bench::table::Target::{AtMost, Share};
use crate::bench::table::{Table, Target, count, mebibytes, ms};

/// The contenders under one load.
pub(super) struct Report {
    load: Load,
    contenders: Vec<(String, Figures)>,
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

    fn table(&self) -> Table<'_, Figures> {
        let Load { services, policy } = self.load;
        let title = format!("{services} Services, externalTrafficPolicy {policy}");
        // The first Service, which is alone before the others, is one of them.
        let services = count(services + 1);
        Table::new(title, &self.contenders)
            .row("creating them all [ms]", None, |it| ms(it.created_in))
            .row("last create to last address [ms]", self.tail(), |it| {
                ms(it.tail)
            })
            .row("processor time for them all [ms]", None, |it| ms(it.cpu))
            .row("resident memory [MiB]", self.memory(), |it| {
                mebibytes(it.resident)
            })
            .row("most memory [MiB]", None, |it| mebibytes(it.peaks[0]))
            .row("most memory after a restart [MiB]", None, |it| {
                mebibytes(it.peaks[1])
            })
            .row("requests", None, |it| count(it.requests.total()))
            .row("writes to each Service", AtMost(1.0), |it| {
                count(it.requests.writes_of("services")) / services
            })
            .row("writes of pool status a second", AtMost(2.0), |it| {
                count(it.requests.writes_of("ipaddresspools")) / it.span.as_secs_f64()
            })
            .row(
                "requests a minute when idle",
                None,
                Figures::idle_per_minute,
            )
            .row("one more, median [ms]", Share(1.0), |it| {
                ms(it.one_more.median())
            })
            .row("one more, processor time [ms]", AtMost(5.0), |it| {
                ms(it.cpu_of_one_more)
            })
            .row(
                "restart to a waiting one served [ms]",
                AtMost(2000.0),
                |it| ms(it.restart),
            )
    }

    fn tail(&self) -> Option<Target> {
        match (self.load.services, self.load.policy) {
            (1000, _) => Some(Share(1.0 / 3.0)),
            (5000, Policy::Local) => Some(Share(1.0 / 5.0)),
            _ => None,
        }
    }

    fn memory(&self) -> Target {
        match self.load.services {
            0..=1000 => AtMost(30.0),
            _ => AtMost(60.0),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table())?;
        for (name, figures) in &self.contenders {
            writeln!(f, "requests of {name}:\n{}", figures.requests)?;
            writeln!(f, "requests of {name} when idle:\n{}", figures.idle)?;
        }
        Ok(())
    }
}
