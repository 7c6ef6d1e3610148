//! One contender with one number of Services.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::neighbour::{Neighbour, Session};
use super::services::{Number, assign, create, create_with_addresses, end_endpoint};
use crate::bench::contender::{Contender, Role};
use crate::bench::samples::Samples;
use crate::bench::site::{NAMESPACE, Site};
use crate::bench::usage::Usage;
use crate::cluster::{Audit, Requests};
use crate::product::GOODBYE;
use crate::wait::pause;
use crate::{LabError, Process};

/// How many Services are announced, and withdrawn, one by one.
const SAMPLES: u32 = 20;

/// How long routes may take to come or go.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long the neighbour takes no connection after the end of a session (IdleHoldTime, RFC 4271 §8.1.1), and some more:
/// that is no part of a restart.
const RECOVERY: Duration = Duration::from_secs(2);

/// After so long without a write none is expected any more; a speaker may wait 30 s for a session that is down
/// before it says so.
const SETTLED: Duration = Duration::from_secs(35);

/// How long each Service may take to be told of: by a status and an event, at half of the pace that we keep to.
const TELLING_OF_ONE: Duration = Duration::from_millis(200);

/// How often it is looked whether anything is being written.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often whoever waits for the bench is told what it waits for.
const WORD: Duration = Duration::from_secs(5);

/// What the speaker finds beside the Services.
const OBJECTS: &str = include_str!("objects.yaml");

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// The first start.
    pub(super) start: Start,
    /// From an address to its UPDATE, each alone.
    pub(super) announcing: Samples,
    /// From the end of an endpoint to the UPDATE that withdraws the address, each alone.
    pub(super) withdrawing: Samples,
    /// Processor time for each of the two together.
    pub(super) cpu_of_one: Duration,
    /// The second start, with nothing changed since the first process ended; its requests count from that end on.
    pub(super) restart: Start,
    /// The most memory of either process, in octets.
    pub(super) peak: u64,
}

/// A start, until nothing is written any more.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// From the start of the process to Established.
    pub(super) to_established: Duration,
    /// From there to the last route.
    pub(super) to_all_routes: Duration,
    /// How many sessions became Established.
    pub(super) sessions: usize,
    /// UPDATE messages by then.
    pub(super) updates: usize,
    /// Processor time by then.
    pub(super) cpu_of_routes: Duration,
    /// From the start to the last write, to within a second.
    pub(super) writing: Duration,
    /// Processor time when nothing was written any more.
    pub(super) cpu: Duration,
    /// Resident memory then, in octets.
    pub(super) resident: u64,
    /// All requests.
    pub(super) requests: Requests,
}

impl Start {
    /// From the start of the process to the last route.
    pub(super) fn total(&self) -> Duration {
        self.to_established + self.to_all_routes
    }

    /// How often an event was written.
    pub(super) fn events(&self) -> usize {
        self.requests.writes_of("events")
    }

    /// How often anything else was.
    pub(super) fn status_writes(&self) -> usize {
        self.requests.writes() - self.events()
    }

    /// How often a BGPSession was: each session is one that there was not before, with a state and a beginning of its own.
    pub(super) fn session_writes(&self) -> usize {
        self.requests.writes_of("bgpsessions")
    }
}

/// Measures one contender with one number of Services, on an API server of its own.
///
/// # Errors
/// When something cannot be started, or a route does not come or go in minutes.
pub(super) fn measure(contender: &Contender, services: u32) -> Result<Figures, LabError> {
    let site = Site::build(Role::Speaker)?;
    site.plane.apply(OBJECTS, NAMESPACE)?;
    create_with_addresses(&site.plane, services)?;
    let more: Vec<Number> = (services..services + SAMPLES).map(Number).collect();
    create(&site.plane, more.clone())?;
    let neighbour = Neighbour::listen(site.plane.namespace())?;
    let mut bench = Bench {
        contender,
        services,
        record: Record::from_now(&site),
        site,
        neighbour,
    };
    let (process, first) = bench.start()?;

    let before = Usage::of(process.id())?;
    let announcing = more.iter().map(|number| bench.announce(*number));
    let announcing = announcing.collect::<Result<Samples, LabError>>()?;
    let withdrawing = more.iter().map(|number| bench.withdraw(*number));
    let withdrawing = withdrawing.collect::<Result<Samples, LabError>>()?;
    bench.settle()?;
    let after = Usage::of(process.id())?;

    bench.record = Record::from_now(&bench.site);
    process.terminate(GOODBYE)?;
    let neighbour = &mut bench.neighbour;
    neighbour.until("end of the session", PATIENCE, |it| it.is_none())?;
    pause(RECOVERY)?;
    let (process, restart) = bench.start()?;
    let second = Usage::of(process.id())?;
    Ok(Figures {
        start: first,
        announcing,
        withdrawing,
        cpu_of_one: (after.cpu - before.cpu) / SAMPLES,
        restart,
        peak: after.peak.max(second.peak),
    })
}

/// A contender, and what it is measured by.
struct Bench<'a> {
    contender: &'a Contender,
    /// How many have an address from the beginning.
    services: u32,
    record: Record,
    neighbour: Neighbour,
    site: Site,
}

impl Bench<'_> {
    /// Starts the contender, and waits until the neighbour has the route of every Service and nothing is written any more.
    fn start(&mut self) -> Result<(Process, Start), LabError> {
        let numbers = (0..self.services).map(Number);
        let wanted: BTreeSet<_> = numbers.map(Number::prefix).collect();
        let has_all = |session: &Session| session.routes == wanted;
        let before = self.neighbour.sessions();
        let start = Instant::now();
        let mut process = self.site.start(self.contender)?;
        let complete = self
            .neighbour
            .until("route to every Service", PATIENCE, |it| {
                it.is_some_and(has_all)
            })
            .map_err(|error| process.blamed_for(error))?;
        let of_routes = Usage::of(process.id())?;
        let session = self.neighbour.session()?.clone();
        let written = self.settle()?;
        let settled = Usage::of(process.id())?;
        let figures = Start {
            to_established: session.established - start,
            to_all_routes: complete - session.established,
            sessions: self.neighbour.sessions() - before,
            updates: session.updates,
            cpu_of_routes: of_routes.cpu,
            writing: written.saturating_duration_since(start),
            cpu: settled.cpu,
            resident: settled.resident,
            requests: self.record.requests.clone(),
        };
        Ok((process, figures))
    }

    /// From an address to its UPDATE.
    fn announce(&mut self, number: Number) -> Result<Duration, LabError> {
        let start = Instant::now();
        assign(&self.site.plane, number)?;
        let is_there = |session: &Session| session.routes.contains(&number.prefix());
        let there = self
            .neighbour
            .until("announcement", PATIENCE, |it| it.is_some_and(is_there))?;
        Ok(there - start)
    }

    /// From the end of an endpoint to the UPDATE that withdraws the address.
    fn withdraw(&mut self, number: Number) -> Result<Duration, LabError> {
        let start = Instant::now();
        end_endpoint(&self.site.plane, number)?;
        let is_gone = |session: &Session| !session.routes.contains(&number.prefix());
        let gone = self
            .neighbour
            .until("withdrawal", PATIENCE, |it| it.is_some_and(is_gone))?;
        Ok(gone - start)
    }

    /// Waits until nothing is written any more, and tells when the last write was seen; without one, when it was first
    /// looked.
    ///
    /// # Errors
    /// [`LabError::Timeout`] when the writing takes longer than it may with so many Services.
    fn settle(&mut self) -> Result<Instant, LabError> {
        let start = Instant::now();
        let patience = TELLING_OF_ONE * self.services + 2 * SETTLED;
        let (mut last, mut word) = (start, start);
        loop {
            if self.record.take(&self.site)? > 0 {
                last = Instant::now();
            }
            if last.elapsed() >= SETTLED {
                return Ok(last);
            }
            if start.elapsed() >= patience {
                return Err(LabError::Timeout {
                    what: format!("end of what {} writes", self.contender),
                    after: patience,
                });
            }
            if word.elapsed() >= WORD {
                word = Instant::now();
                self.tell(last.elapsed());
            }
            pause(INTERVAL)?;
        }
    }

    /// Tells whoever waits for the bench what it waits for.
    fn tell(&self, quiet: Duration) {
        eprintln!(
            "{} with {} Services: {} writes so far, the last one {} s ago; going on {} s after the last",
            self.contender,
            self.services,
            self.record.requests.writes(),
            quiet.as_secs(),
            SETTLED.as_secs()
        );
    }
}

/// What the contender has asked the API server for.
struct Record {
    audit: Audit,
    requests: Requests,
}

impl Record {
    fn from_now(site: &Site) -> Self {
        Self {
            audit: Audit::from_now(&site.plane),
            requests: Requests::default(),
        }
    }

    /// Adds what is new, and returns how much of that was a write.
    fn take(&mut self, site: &Site) -> Result<usize, LabError> {
        let more = site.take_requests(&mut self.audit)?;
        let writes = more.writes();
        self.requests += more;
        Ok(writes)
    }
}
