//! One contender under one load.

use std::fmt;
use std::time::{Duration, Instant};

use super::addresses::{Addresses, create};
use crate::LabError;
use crate::bench::contender::{Contender, Role};
use crate::bench::samples::Samples;
use crate::bench::site::Site;
use crate::bench::usage::Usage;
use crate::cluster::{Audit, Requests};
use crate::product::GOODBYE;
use crate::wait::pause;

/// How many Services are added one by one.
const SAMPLES: usize = 20;

/// How long nothing is done, to see what is asked all the same.
const IDLE: Duration = Duration::from_secs(20);

/// `externalTrafficPolicy` of all Services of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every node takes traffic.
    Cluster,
    /// Only nodes with endpoints do.
    Local,
}

impl fmt::Display for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// How many Services of which kind are created at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// How many.
    pub services: usize,
    /// Of which kind.
    pub policy: Policy,
}

/// What was measured.
#[derive(Clone, Debug)]
pub(super) struct Figures {
    /// From the first create to the last.
    pub(super) created_in: Duration,
    /// From the last create to the last address.
    pub(super) tail: Duration,
    /// Processor time from the start until everything was quiet again.
    pub(super) cpu: Duration,
    /// All requests of that time.
    pub(super) requests: Requests,
    /// How long that time was.
    pub(super) span: Duration,
    /// Requests while nothing happened.
    pub(super) idle: Requests,
    /// From the create of one more Service to its address, each alone.
    pub(super) one_more: Samples,
    /// Processor time for each of those.
    pub(super) cpu_of_one_more: Duration,
    /// From the start of a new process to the address of a Service that was created in between.
    pub(super) restart: Duration,
    /// Resident memory after the load, in octets.
    pub(super) resident: u64,
    /// The most memory of the first process and of the one after the restart, in octets.
    pub(super) peaks: [u64; 2],
}

impl Figures {
    pub(super) fn idle_per_minute(&self) -> f64 {
        let requests = u32::try_from(self.idle.total()).unwrap_or(u32::MAX);
        f64::from(requests) * 60.0 / IDLE.as_secs_f64()
    }
}

/// Measures one contender under one load, on an API server of its own.
///
/// # Errors
/// When something cannot be started, or an address does not come in minutes.
pub(super) fn measure(contender: &Contender, load: Load) -> Result<Figures, LabError> {
    let site = Site::build(Role::Controller)?;
    let plane = &site.plane;

    let audit = Audit::from_now(plane);
    let mut process = site.start(contender)?;
    let mut addresses = Addresses::watch(plane);
    let mut give = |names: &[String]| -> Result<(Instant, Duration), LabError> {
        let created = create(plane, names, load.policy)?;
        let served = addresses.until_all(names)?;
        Ok((created, served.saturating_duration_since(created)))
    };
    give(&["first".to_owned()]).map_err(|error| process.blamed_for(error))?;

    let start = Instant::now();
    let names: Vec<String> = (0..load.services)
        .map(|index| format!("s{index}"))
        .collect();
    let (created, tail) = give(&names)?;
    let quiet = Usage::until_quiet(process.id())?;
    let (requests, span) = (site.requests(&audit)?, start.elapsed());

    let audit = Audit::from_now(plane);
    pause(IDLE)?;
    let idle = site.requests(&audit)?;

    let before = Usage::of(process.id())?;
    let one_more = (0..SAMPLES).map(|index| {
        let start = Instant::now();
        give(&[format!("more{index}")])?;
        Ok(start.elapsed())
    });
    let one_more = one_more.collect::<Result<Samples, LabError>>()?;
    let after = Usage::until_quiet(process.id())?;
    process.terminate(GOODBYE)?;

    create(plane, &["pending".to_owned()], load.policy)?;
    let restarted = Instant::now();
    let mut process = site.start(contender)?;
    let served = addresses.until_all(&["pending".to_owned()]);
    let served = served.map_err(|error| process.blamed_for(error))?;
    let second = Usage::until_quiet(process.id())?;
    Ok(Figures {
        created_in: created - start,
        tail,
        cpu: quiet.cpu,
        requests,
        span,
        idle,
        one_more,
        cpu_of_one_more: (after.cpu - before.cpu) / u32::try_from(SAMPLES).unwrap_or(1),
        restart: served - restarted,
        resident: quiet.resident,
        peaks: [after.peak, second.peak],
    })
}
