//! Looking for an address on the link before it is used (RFC 5227 §2.1.1, RFC 4862 §5.4).

use std::net::IpAddr;
use std::time::{Duration, Instant};

use crate::responder::agenda::Agenda;
use crate::responder::config::ConflictProbe;
use crate::responder::limit::Pace;

/// The addresses that are looked for, and how far that is.
#[derive(Debug)]
pub(super) struct Prober {
    probe: ConflictProbe,
    jitter: fastrand::Rng,
    sent: Agenda<IpAddr, Sent>,
}

/// How far the search for an address is.
#[derive(Debug, Clone, Copy)]
struct Sent {
    probes: u32,
    haste: Haste,
}

/// How long a search may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Haste {
    /// Anybody may have the address: as long as is set.
    Usual,
    /// If somebody has it, that is another responder, which answers at once: half of that.
    Double,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ProbeStep {
    /// Ask the whole link for the address.
    Ask(IpAddr),
    /// Nobody answered: the address may be used. It is looked for no more.
    Free(IpAddr),
}

impl Prober {
    pub(super) fn new(probe: ConflictProbe, seed: u64) -> Self {
        Self {
            probe,
            jitter: fastrand::Rng::with_seed(seed),
            sent: Agenda::new(),
        }
    }

    /// Looks for an address from the beginning. The first probe waits for a moment, so that machines that start together
    /// do not ask together.
    pub(super) fn start(&mut self, now: Instant, address: IpAddr, haste: Haste) {
        let interval = haste.shorten(self.probe.interval);
        let spread = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        let delay = Duration::from_nanos(self.jitter.u64(0..=spread));
        let sent = Sent { probes: 0, haste };
        self.sent.set_after(address, now, delay, sent);
    }

    /// Looks for the address no more.
    pub(super) fn stop(&mut self, address: IpAddr) {
        self.sent.remove(address);
    }

    /// Takes the next step that is due and within the pace.
    pub(super) fn next(&mut self, now: Instant, pace: &mut Pace) -> Option<ProbeStep> {
        let ConflictProbe {
            count,
            interval,
            wait,
        } = self.probe;
        let (address, &Sent { probes, haste }) = self.sent.due(now)?;
        if probes >= count {
            self.stop(address);
            return Some(ProbeStep::Free(address));
        }
        if !pace.take(now) {
            return None;
        }
        let probes = probes.saturating_add(1);
        let delay = if probes < count { interval } else { wait };
        let sent = Sent { probes, haste };
        self.sent
            .set_after(address, now, haste.shorten(delay), sent);
        Some(ProbeStep::Ask(address))
    }

    /// When [`next`](Self::next) will have something.
    pub(super) fn timeout(&self, pace: &Pace) -> Option<Instant> {
        let at = self.sent.timeout()?;
        let next = self.sent.due(at);
        let asks = next.is_some_and(|(_, sent)| sent.probes < self.probe.count);
        Some(if asks { pace.ready(at) } else { at })
    }
}

impl Haste {
    fn shorten(self, time: Duration) -> Duration {
        match self {
            Self::Usual => time,
            Self::Double => time / 2,
        }
    }
}
