//! How fast and how often members talk.

use std::num::{NonZeroU8, NonZeroUsize};
use std::time::Duration;

use super::health::Health;

/// The settings of a [`Membership`](super::Membership). All members of a cluster should have the same.
///
/// | | [`lan`](Self::lan) | [`wan`](Self::wan) |
/// |---|---|---|
/// | one random member is probed every | 200 ms | 2 s |
/// | without an answer, three others are asked to probe it after | 80 ms | 1 s |
/// | it is suspected when that fails too, after | 200 ms | 2 s |
/// | and declared dead when two others suspect it as well and it has not contradicted for | 500 ms | 6 s |
/// | or, when nobody else does, for | 1.5 s | 18 s |
/// | all are dead to whom nobody speaks for | 2 s | 30 s |
/// | who talks with whom is compared with a random member every | 5 s | 20 s |
/// | missing members are called every | 1 s, at first sooner | 5 s |
///
/// A member that was late itself, or whose own probes of several others fail, believes what few others confirm as late as
/// what nobody does, since the fault is likely its own. It takes no longer than that, nor when nobody speaks to it at all:
/// for a balancer it is worse that the last one alive leaves addresses without an owner than that one that was cut off
/// claims what others have, and yields as soon as it hears them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    pub(super) cluster: String,
    pub(super) probe_interval: Duration,
    /// Less than half of the interval.
    pub(super) probe_timeout: Duration,
    /// How long a suspicion lasts that enough others share, and one that nobody shares.
    pub(super) suspicion: (Duration, Duration),
    /// How often a suspect is told of it by those who suspect it.
    pub(super) tell_interval: Duration,
    /// How often news is passed on to three random members, as long as there is news; and how soon after the last time
    /// at the earliest when it is fresh.
    pub(super) gossip_interval: Duration,
    pub(super) gossip_pause: Duration,
    pub(super) sync_interval: Duration,
    pub(super) rejoin_interval: Duration,
    /// For how long nobody speaks to a member that is alone. In good health it hears every other one once in a probe
    /// interval, and a suspect is told so, and answers, more often.
    pub(super) silence: Duration,
    /// How late a timer may be before this member doubts itself.
    pub(super) late: Duration,
}

impl Config {
    /// For members in one data centre: a death is known to everybody after about a second.
    #[must_use]
    pub fn lan() -> Self {
        Self {
            cluster: DEFAULT_CLUSTER.to_owned(),
            probe_interval: Duration::from_millis(200),
            probe_timeout: Duration::from_millis(80),
            suspicion: (Duration::from_millis(500), Duration::from_millis(1500)),
            tell_interval: Duration::from_millis(50),
            gossip_interval: Duration::from_millis(100),
            gossip_pause: Duration::from_millis(10),
            sync_interval: Duration::from_secs(5),
            rejoin_interval: Duration::from_secs(1),
            silence: Duration::from_secs(2),
            late: Duration::from_millis(50),
        }
    }

    /// For members far apart, with round trips of hundreds of milliseconds: a death is known to everybody after about ten
    /// seconds, and a tenth of the datagrams is sent.
    #[must_use]
    pub fn wan() -> Self {
        Self {
            probe_interval: Duration::from_secs(2),
            probe_timeout: Duration::from_millis(1000),
            suspicion: (Duration::from_secs(6), Duration::from_secs(18)),
            tell_interval: Duration::from_millis(500),
            gossip_interval: Duration::from_millis(500),
            gossip_pause: Duration::from_millis(50),
            sync_interval: Duration::from_secs(20),
            rejoin_interval: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            late: Duration::from_millis(500),
            ..Self::lan()
        }
    }

    /// The same settings for another cluster. Members whose clusters have different names do not understand each other,
    /// even with the same key. Default: `ferrolb`.
    #[must_use]
    pub fn with_cluster(self, cluster: impl Into<String>) -> Self {
        let cluster = cluster.into();
        Self { cluster, ..self }
    }

    /// The name of the cluster.
    #[must_use]
    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    /// How long a suspicion lasts that `shared` others share, of `others` that could. What is above the shortest time is
    /// for one's own errors, so with doubt in oneself it takes more others to make it short. It has an end all the same:
    /// who has not contradicted by then, though told some thirty times, is not there, whoever's fault that is.
    pub(super) fn suspicion(&self, shared: usize, others: usize, health: &Health) -> Duration {
        let (shortest, longest) = self.suspicion;
        let enough = others.min(CONFIRMATIONS);
        if enough == 0 {
            return health.scale(shortest).min(longest);
        }
        let unsure = longest.saturating_sub(shortest);
        let unsure = match shared {
            0 => unsure,
            shared if shared >= enough => Duration::ZERO,
            // The first confirmation says most: the steps are logarithmic, as in Lifeguard.
            _ => unsure * 3 / 8,
        };
        (shortest + health.scale(unsure)).min(longest)
    }

    /// What `foca` is to know. It is left the probing and the merging of what is heard; the pace of gossip, suspicions and
    /// joining is ours. It tells news but once, and what it told is ours to tell again.
    pub(super) fn foca(&self) -> foca::Config {
        foca::Config {
            probe_period: self.probe_interval,
            probe_rtt: self.probe_timeout,
            num_indirect_probes: INDIRECT_PROBES,
            max_transmissions: NonZeroU8::MIN,
            suspect_to_down_after: self.suspicion.1,
            remove_down_after: Some(REMEMBER_DEAD),
            max_packet_size: FOCA_LEN,
            notify_down_members: true,
            periodic_announce: None,
            periodic_announce_to_down_members: None,
            periodic_gossip: None,
        }
    }
}

impl Default for Config {
    /// [`lan`](Self::lan).
    fn default() -> Self {
        Self::lan()
    }
}

/// How often a piece of news is passed on by each who gets it, so that practically everybody does: with a logarithm of
/// the number of members, as all epidemics.
pub(super) fn transmissions(members: usize) -> u8 {
    let doublings = usize::BITS - members.leading_zeros();
    u8::try_from(4 + 2 * doublings).unwrap_or(u8::MAX)
}

/// How many others must share a suspicion for it to be as short as can be.
pub(super) const CONFIRMATIONS: usize = 2;
/// The most octets of a UDP datagram: with IPv6 and a tunnel around it still below the 1500 of Ethernet.
pub(super) const DATAGRAM_LEN: usize = 1400;
/// Of that, what is left to `foca`, see `wire` and `seal`.
pub(super) const FOCA_LEN: NonZeroUsize = NonZeroUsize::new(1340).unwrap();
const INDIRECT_PROBES: NonZeroUsize = NonZeroUsize::new(3).unwrap();
/// How long a dead or departed member is remembered, and called back.
const REMEMBER_DEAD: Duration = Duration::from_secs(3600);
const DEFAULT_CLUSTER: &str = "ferrolb";

#[cfg(test)]
mod tests {
    use super::*;

    fn lasts(shared: usize, others: usize, health: &Health) -> u128 {
        Config::lan().suspicion(shared, others, health).as_millis()
    }

    #[test]
    fn a_suspicion_gets_shorter_the_more_share_it() {
        let lasts = |shared| lasts(shared, 10, &Health::default());
        assert_eq!(
            [lasts(0), lasts(1), lasts(2), lasts(3)],
            [1500, 875, 500, 500]
        );
    }

    #[test]
    fn nobody_waits_for_confirmations_that_cannot_come() {
        let lasts = |shared, others| lasts(shared, others, &Health::default());
        assert_eq!([lasts(0, 0), lasts(1, 1), lasts(0, 1)], [500, 500, 1500]);
    }

    #[test]
    fn doubt_in_oneself_lengthens_what_few_confirm_up_to_what_nobody_does() {
        let mut health = Health::default();
        health.was_suspected();
        let lasts = |shared, others| lasts(shared, others, &health);
        assert_eq!(
            [lasts(0, 10), lasts(1, 10), lasts(2, 10), lasts(0, 0)],
            [1500, 1250, 500, 1000]
        );
        health.was_away(Duration::from_secs(9), Duration::from_millis(200));
        let lasts = |shared, others| self::lasts(shared, others, &health);
        assert_eq!(
            [lasts(0, 10), lasts(1, 10), lasts(2, 10), lasts(0, 0)],
            [1500, 1500, 500, 1500]
        );
    }

    #[test]
    fn news_is_passed_on_more_often_the_more_members_there_are() {
        assert_eq!([0, 2, 300, 1000].map(transmissions), [4, 8, 22, 24]);
    }
}
