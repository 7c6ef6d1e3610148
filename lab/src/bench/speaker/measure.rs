//! One contender with one number of Services.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use super::neighbour::{Neighbour, Session};
use super::services::{Number, assign, create, create_with_addresses, end_endpoint};
use crate::bench::contender::{Contender, Role};
use crate::bench::samples::Samples;
use crate::bench::site::{NAMESPACE, Site};
use crate::bench::usage::Usage;
use crate::cluster::{Audit, Requests};
use crate::product::GOODBYE;
use crate::{LabError, Process};

/// How many Services are announced, and withdrawn, one by one.
const SAMPLES: u32 = 20;

/// How long routes may take to come or go.
const PATIENCE: Duration = Duration::from_secs(300);

/// After so long without a write none is expected any more; a speaker may wait 30 s for a session that is down
/// before it says so.
const SETTLED: Duration = Duration::from_secs(35);

/// How long writes may go on.
const MOST_WRITING: Duration = Duration::from_secs(600);

/// How often it is looked whether they do.
const INTERVAL: Duration = Duration::from_secs(1);

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
        ["create events", "patch events"]
            .iter()
            .map(|name| self.requests.of(name))
            .sum()
    }

    /// How often anything else was.
    pub(super) fn status_writes(&self) -> usize {
        writes(&self.requests) - self.events()
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
    let more = services..services + SAMPLES;
    create(&site.plane, more.clone().map(Number))?;
    let mut neighbour = Neighbour::listen(site.plane.namespace())?;

    let audit = Audit::from_now(&site.plane);
    let (process, first) = start(&site, contender, services, &mut neighbour, &audit)?;

    let before = Usage::of(process.id())?;
    let announcing = more.clone().map(Number).map(|number| {
        let start = Instant::now();
        assign(&site.plane, number)?;
        let is_there = |session: &Session| session.routes.contains(&number.prefix());
        let there = neighbour.until("announcement", PATIENCE, |it| it.is_some_and(is_there))?;
        Ok(there - start)
    });
    let announcing = announcing.collect::<Result<Samples, LabError>>()?;
    let withdrawing = more.map(Number).map(|number| {
        let start = Instant::now();
        end_endpoint(&site.plane, number)?;
        let is_gone = |session: &Session| !session.routes.contains(&number.prefix());
        let gone = neighbour.until("withdrawal", PATIENCE, |it| it.is_some_and(is_gone))?;
        Ok(gone - start)
    });
    let withdrawing = withdrawing.collect::<Result<Samples, LabError>>()?;
    settle(&site, &audit)?;
    let after = Usage::of(process.id())?;

    let audit = Audit::from_now(&site.plane);
    process.terminate(GOODBYE)?;
    neighbour.until("end of the session", PATIENCE, |it| it.is_none())?;
    let (process, restart) = start(&site, contender, services, &mut neighbour, &audit)?;
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

/// Starts the contender, and waits until the neighbour has the route of every Service and nothing is written any more.
fn start(
    site: &Site,
    contender: &Contender,
    services: u32,
    neighbour: &mut Neighbour,
    audit: &Audit,
) -> Result<(Process, Start), LabError> {
    let wanted: BTreeSet<_> = (0..services)
        .map(|number| Number(number).prefix())
        .collect();
    let has_all = |session: &Session| session.routes == wanted;
    let start = Instant::now();
    let mut process = site.start(contender)?;
    let complete = neighbour
        .until("route to every Service", PATIENCE, |it| {
            it.is_some_and(has_all)
        })
        .map_err(|error| process.blamed_for(error))?;
    let of_routes = Usage::of(process.id())?;
    let session = neighbour.session()?.clone();
    let written = settle(site, audit)?;
    let settled = Usage::of(process.id())?;
    let figures = Start {
        to_established: session.established - start,
        to_all_routes: complete - session.established,
        updates: session.updates,
        cpu_of_routes: of_routes.cpu,
        writing: written.saturating_duration_since(start),
        cpu: settled.cpu,
        resident: settled.resident,
        requests: site.requests(audit)?,
    };
    Ok((process, figures))
}

/// Waits until nothing is written any more, and tells when the last write was seen; without one, when it was first
/// looked.
fn settle(site: &Site, audit: &Audit) -> Result<Instant, LabError> {
    let deadline = Instant::now() + MOST_WRITING;
    let (mut count, mut last) = (writes(&site.requests(audit)?), Instant::now());
    while last.elapsed() < SETTLED && Instant::now() < deadline {
        thread::sleep(INTERVAL);
        let now = writes(&site.requests(audit)?);
        if now != count {
            (count, last) = (now, Instant::now());
        }
    }
    Ok(last)
}

fn writes(requests: &Requests) -> usize {
    requests.with_verbs(&["create", "patch", "update", "delete"])
}
