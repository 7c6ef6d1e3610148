//! What was measured of speakers, and what it was to be.

use std::fmt;

use super::measure::Figures;
use crate::bench::table::Target::AtMost;
use crate::bench::table::{Table, Target, count, mebibytes, ms};

/// The contenders with one number of Services.
pub(super) struct Report {
    services: u32,
    contenders: Vec<(String, Figures)>,
}

impl Report {
    pub(super) fn new(services: u32) -> Self {
        Self {
            services,
            contenders: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: String, figures: Figures) {
        self.contenders.push((name, figures));
    }

    fn table(&self) -> Table<'_, Figures> {
        let title = format!("{} Services with addresses, one node", self.services);
        let table = Table::new(title, &self.contenders)
            .row("start to Established [ms]", None, |it| {
                ms(it.start.to_established)
            })
            .row("Established to all routes [ms]", AtMost(2000.0), |it| {
                ms(it.start.to_all_routes)
            })
            .row("start to all routes [ms]", None, |it| ms(it.start.total()))
            .row("UPDATE messages", self.packed(), |it| {
                count(it.start.updates)
            })
            .row("processor time until then [ms]", AtMost(2000.0), |it| {
                ms(it.start.cpu_of_routes)
            })
            .row("start to the last write [ms]", None, |it| {
                ms(it.start.writing)
            })
            .row("processor time until then [ms]", None, |it| {
                ms(it.start.cpu)
            })
            .row("resident memory [MiB]", self.memory(), |it| {
                mebibytes(it.start.resident)
            })
            .row("most memory [MiB]", None, |it| mebibytes(it.peak))
            .row("requests", None, |it| count(it.start.requests.total()))
            .row("status writes", None, |it| count(it.start.status_writes()))
            .row("events", None, |it| count(it.start.events()));
        let table = table
            .row("address to UPDATE, median [ms]", None, |it| {
                ms(it.announcing.median())
            })
            .row("address to UPDATE, longest [ms]", None, |it| {
                ms(it.announcing.longest())
            })
            .row(
                "endpoint gone to UPDATE, median [ms]",
                AtMost(100.0),
                |it| ms(it.withdrawing.median()),
            )
            .row("endpoint gone to UPDATE, longest [ms]", None, |it| {
                ms(it.withdrawing.longest())
            })
            .row("processor time of the two [ms]", None, |it| {
                ms(it.cpu_of_one)
            });
        table
            .row("restart to all routes [ms]", None, |it| {
                ms(it.restart.total())
            })
            .row("requests of the restart", None, |it| {
                count(it.restart.requests.total())
            })
            .row("BGP sessions of the restart", None, |it| {
                count(it.restart.sessions)
            })
            .row(
                "BGPSession writes of the restart",
                self.new_sessions(),
                |it| count(it.restart.session_writes()),
            )
            .row("other status writes of the restart", AtMost(0.0), |it| {
                count(it.restart.status_writes() - it.restart.session_writes())
            })
            .row("events of the restart", AtMost(0.0), |it| {
                count(it.restart.events())
            })
    }

    /// A hundred prefixes a message at least.
    fn packed(&self) -> Target {
        AtMost(f64::from(self.services.div_ceil(100)))
    }

    /// Of a session that there was not before it is told, once, that it is there. Nothing else has changed.
    fn new_sessions(&self) -> Option<Target> {
        let (_, ours) = self.contenders.first()?;
        Some(AtMost(count(ours.restart.sessions)))
    }

    fn memory(&self) -> Option<Target> {
        (self.services <= 1000).then_some(AtMost(30.0))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.table())?;
        for (name, figures) in &self.contenders {
            let (start, restart) = (&figures.start.requests, &figures.restart.requests);
            writeln!(f, "requests of {name}:\n{start}")?;
            writeln!(
                f,
                "requests of {name}, from its end to its second start:\n{restart}"
            )?;
        }
        Ok(())
    }
}
