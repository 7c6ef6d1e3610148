//! What was measured of ARP responders, and what it was to be.

use std::fmt;

use super::ArpLoad;
use super::asker::Figures;
use crate::bench::table::Target::AtMost;
use crate::bench::table::{Table, count, ms};

/// The responders under one load.
pub(super) struct Report {
    load: ArpLoad,
    responders: Vec<(String, Figures)>,
}

impl Report {
    pub(super) fn new(load: ArpLoad) -> Self {
        Self {
            load,
            responders: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, figures: Figures) {
        self.responders.push((name.to_owned(), figures));
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ArpLoad {
            addresses,
            per_second,
            time,
        } = self.load;
        let title = format!(
            "{addresses} addresses, {per_second} ARP requests a second for {} s",
            time.as_secs()
        );
        let microseconds = |duration| 1000.0 * ms(duration);
        Table::new(title, &self.responders)
            .row("requests", None, |it| count(it.seen.requests))
            .row("request sent late, 99 % [us]", None, |it| {
                microseconds(it.late.percentile(99))
            })
            .row("not answered", AtMost(0.0), |it| count(it.lost()))
            .row("request to answer, median [us]", None, |it| {
                microseconds(it.seen.answers.median())
            })
            .row("request to answer, 99 % [us]", AtMost(1000.0), |it| {
                microseconds(it.seen.answers.percentile(99))
            })
            .row("request to answer, longest [us]", None, |it| {
                microseconds(it.seen.answers.longest())
            })
            .fmt(f)
    }
}
