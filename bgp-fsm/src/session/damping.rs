//! How long to wait after a failure: DampPeerOscillations (RFC 4271 §8.1.1) with a back-off that doubles.
//!
//! Deviation: RFC 4271 lets a connection attempt that failed be repeated only after the whole ConnectRetryTime. Here the
//! first attempts follow more quickly and ConnectRetryTime is the longest wait, so that a router that restarts is found
//! again soon.

use std::time::{Duration, Instant};

use crate::config::PeerConfig;
use crate::timer::jitter;

/// What failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The TCP connection could not be made, or broke before anything was agreed.
    Transport,
    /// A session, or an attempt at one, ended.
    Session,
}

/// The failures in a row, and since when the session lives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Damping {
    failures: u32,
    established_at: Option<Instant>,
}

impl Damping {
    /// The session is Established.
    pub(crate) fn established(&mut self, now: Instant) {
        self.established_at = Some(now);
    }

    /// Nothing failed: the next wait is the first one again.
    pub(crate) fn reset(&mut self) {
        *self = Self::default();
    }

    /// Whether a failure now begins a row: nothing failed before, or the session has lived for the longest wait since.
    pub(crate) fn is_first(&self, now: Instant, config: &PeerConfig) -> bool {
        let lives_since = self.established_at;
        self.failures == 0
            || lives_since.is_some_and(|since| now - since >= config.max_idle_hold_time)
    }

    /// How long to wait after this failure. A session that lived for the longest wait starts the row anew; one that was
    /// Established only for a moment does not, or a peer that takes every session and ends it would cause a hot loop.
    pub(crate) fn wait_after(
        &mut self,
        now: Instant,
        failure: Failure,
        config: &PeerConfig,
        rng: &mut fastrand::Rng,
    ) -> Duration {
        if self.is_first(now, config) {
            self.failures = 0;
        }
        self.established_at = None;
        let doubled = config
            .idle_hold_time
            .saturating_mul(1 << self.failures.min(MAX_DOUBLINGS));
        self.failures += 1;
        let longest = match failure {
            Failure::Transport => config.max_idle_hold_time.min(config.connect_retry_time),
            Failure::Session => config.max_idle_hold_time,
        };
        jitter(rng, doubled.min(longest))
    }
}

/// No idle hold time is so short that more doublings matter.
const MAX_DOUBLINGS: u32 = 20;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use bgp_wire::{Asn, PeerAs, RouterId};

    use super::*;

    #[expect(
        clippy::disallowed_methods,
        reason = "an `Instant` cannot be made in another way"
    )]
    fn now() -> Instant {
        Instant::now()
    }

    fn config() -> PeerConfig {
        let router_id = RouterId::try_new(Ipv4Addr::new(192, 0, 2, 1)).unwrap();
        PeerConfig::builder(Asn(1), PeerAs::Any, router_id)
            .connect_retry_time(Duration::from_secs(10))
            .build()
            .unwrap()
    }

    #[test]
    fn the_wait_doubles_up_to_its_longest() {
        let (mut damping, mut rng, now) = (Damping::default(), fastrand::Rng::with_seed(1), now());
        for expected in [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0] {
            let wait = damping
                .wait_after(now, Failure::Session, &config(), &mut rng)
                .as_secs_f64();
            assert!(
                (expected * 0.75..=expected).contains(&wait),
                "{wait} s instead of up to {expected} s"
            );
        }
        let wait = damping.wait_after(now, Failure::Transport, &config(), &mut rng);
        assert!(
            wait <= Duration::from_secs(10),
            "ConnectRetryTime bounds the wait for a connection: {wait:?}"
        );
        damping.reset();
        assert!(
            damping.wait_after(now, Failure::Session, &config(), &mut rng)
                <= Duration::from_secs(1)
        );
    }

    #[test]
    fn only_a_session_that_lived_long_starts_anew() {
        let (mut damping, mut rng, now) = (Damping::default(), fastrand::Rng::with_seed(1), now());
        for _ in 0..4 {
            damping.established(now);
            damping.wait_after(
                now + Duration::from_secs(1),
                Failure::Session,
                &config(),
                &mut rng,
            );
        }
        damping.established(now);
        let after_a_moment = damping.wait_after(
            now + Duration::from_secs(59),
            Failure::Session,
            &config(),
            &mut rng,
        );
        assert!(
            after_a_moment >= Duration::from_secs(12),
            "{after_a_moment:?}"
        );
        damping.established(now);
        let after_a_life = damping.wait_after(
            now + Duration::from_secs(60),
            Failure::Session,
            &config(),
            &mut rng,
        );
        assert!(after_a_life <= Duration::from_secs(1), "{after_a_life:?}");
    }
}
