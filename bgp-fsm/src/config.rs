//! Settings of a session, valid by construction.

use std::time::Duration;

use bgp_wire::{AfiSafi, Asn, FamilySet, HoldTime, Ipv4Encoding, PeerAs, RouterId};

/// Who opens the TCP connection: PassiveTcpEstablishment of RFC 4271 §8.1.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a connection is opened from here or it is not"
)]
pub enum Establishment {
    /// Both sides may.
    Active,
    /// Only the peer; this side waits for it.
    Passive,
}

/// What becomes of received UPDATEs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Updates {
    /// Each is an [`Event::Update`](crate::Event::Update).
    Deliver,
    /// Each is checked, and then forgotten: for a speaker that only announces.
    Discard,
}

/// The settings of one session.
///
/// Made by [`PeerConfig::builder`]. A configuration that exists has been checked, so no session fails over it later.
///
/// # Local AS
/// `local_as` is the only AS that the peer ever sees, in the OPEN and in AS_PATH. Where a router has another AS than
/// the one it shows to this peer, "no-prepend replace-as" of RFC 7705 is to give the shown one here.
///
/// # Changes
/// A session takes other settings while it runs. It ends with a Cease, and starts anew, only where its peer would have
/// agreed to something else: on another local AS or identifier, other families or another hold time in common, or where
/// the peer's AS or hold time would not be taken any more. Timers of this side alone and encodings apply at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerConfig {
    pub(crate) local_as: Asn,
    pub(crate) peer_as: PeerAs,
    pub(crate) router_id: RouterId,
    pub(crate) hold_time: HoldTime,
    pub(crate) min_hold_time: HoldTime,
    pub(crate) keepalive_time: Option<Duration>,
    pub(crate) connect_retry_time: Duration,
    pub(crate) idle_hold_time: Duration,
    pub(crate) max_idle_hold_time: Duration,
    pub(crate) send_hold_time: Option<Duration>,
    pub(crate) families: FamilySet,
    pub(crate) establishment: Establishment,
    pub(crate) extended_next_hop: bool,
    pub(crate) ipv4_encoding: Ipv4Encoding,
    pub(crate) updates: Updates,
}

impl PeerConfig {
    /// Starts with defaults: hold time 90 s, ConnectRetryTime 120 s, IPv4 and IPv6 unicast, connecting actively.
    pub const fn builder(local_as: Asn, peer_as: PeerAs, router_id: RouterId) -> PeerConfigBuilder {
        PeerConfigBuilder {
            config: Self {
                local_as,
                peer_as,
                router_id,
                hold_time: HoldTime::DEFAULT,
                min_hold_time: HoldTime::MIN,
                keepalive_time: None,
                connect_retry_time: DEFAULT_CONNECT_RETRY_TIME,
                idle_hold_time: DEFAULT_IDLE_HOLD_TIME,
                max_idle_hold_time: DEFAULT_MAX_IDLE_HOLD_TIME,
                send_hold_time: None,
                families: FamilySet::UNICAST,
                establishment: Establishment::Active,
                extended_next_hop: false,
                ipv4_encoding: Ipv4Encoding::Classic,
                updates: Updates::Deliver,
            },
        }
    }

    /// The AS that the peer sees.
    #[must_use]
    pub const fn local_as(&self) -> Asn {
        self.local_as
    }

    /// Which AS the peer may be in.
    #[must_use]
    pub const fn peer_as(&self) -> PeerAs {
        self.peer_as
    }

    /// The local BGP identifier.
    #[must_use]
    pub const fn router_id(&self) -> RouterId {
        self.router_id
    }

    /// The hold time that the OPEN offers.
    #[must_use]
    pub const fn hold_time(&self) -> HoldTime {
        self.hold_time
    }

    /// The families that the OPEN offers.
    #[must_use]
    pub const fn families(&self) -> FamilySet {
        self.families
    }

    /// Who opens the TCP connection.
    #[must_use]
    pub const fn establishment(&self) -> Establishment {
        self.establishment
    }

    /// The time without write progress after which a session with this hold time ends (RFC 9687 §4): as set, else
    /// eight minutes, or twice the hold time if that is longer.
    #[must_use]
    pub(crate) fn send_hold_time(&self, negotiated: HoldTime) -> Duration {
        self.send_hold_time
            .unwrap_or_else(|| DEFAULT_SEND_HOLD_TIME.max(negotiated.as_duration() * 2))
    }

    /// The time between KEEPALIVEs for a negotiated hold time: as set, but at most a third of the hold time, and none
    /// where the hold time is zero (RFC 4271 §4.4).
    #[must_use]
    pub fn keepalive_interval(&self, negotiated: HoldTime) -> Option<Duration> {
        let third = negotiated.keepalive_interval()?;
        Some(self.keepalive_time.map_or(third, |set| set.min(third)))
    }

    /// Whether the OPEN is another with `other`, or the check of the peer's.
    #[must_use]
    pub(crate) fn has_another_open(&self, other: &Self) -> bool {
        let of_open = |config: &Self| {
            (
                config.local_as,
                config.peer_as,
                config.router_id,
                config.hold_time,
                config.min_hold_time,
                config.families,
                config.extended_next_hop,
            )
        };
        of_open(self) != of_open(other)
    }
}

/// Collects settings; see [`PeerConfig::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct PeerConfigBuilder {
    config: PeerConfig,
}

impl PeerConfigBuilder {
    /// The hold time to offer; the lower of the two sides' is used (RFC 4271 §4.2). Default: 90 s.
    pub const fn hold_time(mut self, hold_time: HoldTime) -> Self {
        self.config.hold_time = hold_time;
        self
    }

    /// The lowest hold time, other than zero, to accept from the peer (RFC 4271 §6.2). Default: 3 s.
    pub const fn min_hold_time(mut self, hold_time: HoldTime) -> Self {
        self.config.min_hold_time = hold_time;
        self
    }

    /// The longest time between KEEPALIVEs; never more than a third of the negotiated hold time is used. Default: that
    /// third.
    pub const fn keepalive_time(mut self, time: Duration) -> Self {
        self.config.keepalive_time = Some(time);
        self
    }

    /// ConnectRetryTime (RFC 4271 §10): how long an attempt to connect may take, and the longest wait before the next.
    /// Default: 120 s.
    pub const fn connect_retry_time(mut self, time: Duration) -> Self {
        self.config.connect_retry_time = time;
        self
    }

    /// IdleHoldTime (RFC 4271 §8.1.1): the wait in Idle after the first failure; it doubles with each further one.
    /// Default: 1 s.
    pub const fn idle_hold_time(mut self, time: Duration) -> Self {
        self.config.idle_hold_time = time;
        self
    }

    /// The longest that the wait in Idle may become; a session that lived this long starts again with the shortest.
    /// Default: 60 s.
    pub const fn max_idle_hold_time(mut self, time: Duration) -> Self {
        self.config.max_idle_hold_time = time;
        self
    }

    /// SendHoldTime (RFC 9687 §4): how long the peer may take nothing of what is written. Default: 8 minutes, or twice
    /// the hold time if that is longer. With a hold time of zero it does not apply.
    pub const fn send_hold_time(mut self, time: Duration) -> Self {
        self.config.send_hold_time = Some(time);
        self
    }

    /// The families to offer: IPv4 unicast, IPv6 unicast or both. Default: both.
    pub const fn families(mut self, families: FamilySet) -> Self {
        self.config.families = families;
        self
    }

    /// Waits for the peer to connect.
    pub const fn passive(mut self) -> Self {
        self.config.establishment = Establishment::Passive;
        self
    }

    /// Offers IPv4 routes with IPv6 next hops (RFC 8950). They are used where both sides offer them and the local
    /// interface has no IPv4 address.
    pub const fn extended_next_hop(mut self) -> Self {
        self.config.extended_next_hop = true;
        self
    }

    /// How IPv4 routes are written. Default: [`Ipv4Encoding::Classic`].
    pub const fn ipv4_encoding(mut self, encoding: Ipv4Encoding) -> Self {
        self.config.ipv4_encoding = encoding;
        self
    }

    /// What becomes of received UPDATEs. Default: [`Updates::Deliver`].
    pub const fn updates(mut self, updates: Updates) -> Self {
        self.config.updates = updates;
        self
    }

    /// Checks the settings.
    ///
    /// # Errors
    /// [`ConfigError`] says which setting cannot be.
    pub fn build(self) -> Result<PeerConfig, ConfigError> {
        let config = self.config;
        check_as(config.local_as)?;
        if let PeerAs::Exactly(peer_as) = config.peer_as {
            check_as(peer_as)?;
        }
        check_times(&config)?;
        if config.families.is_empty() {
            return Err(ConfigError::NoFamily);
        }
        if let Some(family) = config.families.difference(FamilySet::UNICAST).iter().next() {
            return Err(ConfigError::Family(family));
        }
        Ok(config)
    }
}

/// AS numbers that no speaker has: 0 (RFC 7607), AS_TRANS (RFC 6793 §9) and the last ones (RFC 7300).
fn check_as(asn: Asn) -> Result<(), ConfigError> {
    if asn.is_reserved() {
        Err(ConfigError::ReservedAs(asn))
    } else {
        Ok(())
    }
}

fn check_times(config: &PeerConfig) -> Result<(), ConfigError> {
    let hold = config.hold_time.as_duration();
    if let Some(keepalive) = config.keepalive_time {
        if keepalive < MIN_KEEPALIVE_TIME {
            return Err(ConfigError::KeepaliveTooShort(keepalive));
        }
        if keepalive > hold && !config.hold_time.is_zero() {
            return Err(ConfigError::KeepaliveLongerThanHold { keepalive, hold });
        }
    }
    if let Some(send_hold) = config.send_hold_time.filter(|send_hold| *send_hold < hold) {
        return Err(ConfigError::SendHoldShorterThanHold { send_hold, hold });
    }
    if config.connect_retry_time < MIN_RETRY_TIME {
        return Err(ConfigError::ConnectRetryTooShort(config.connect_retry_time));
    }
    if config.idle_hold_time < MIN_RETRY_TIME || config.idle_hold_time > config.max_idle_hold_time {
        return Err(ConfigError::IdleHold {
            first: config.idle_hold_time,
            max: config.max_idle_hold_time,
        });
    }
    Ok(())
}

/// Which setting cannot be, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// No speaker may be in this AS.
    #[error("AS {0} is reserved")]
    ReservedAs(Asn),
    /// RFC 4271 §4.4 forbids more than one KEEPALIVE in a second.
    #[error("keepalive time of {0:?} is shorter than a second")]
    KeepaliveTooShort(Duration),
    /// The session would expire between two KEEPALIVEs.
    #[error("keepalive time of {keepalive:?} is longer than the hold time of {hold:?}")]
    KeepaliveLongerThanHold {
        /// The keepalive time.
        keepalive: Duration,
        /// The hold time.
        hold: Duration,
    },
    /// RFC 9687 §4 wants the peer's own hold timer to have a chance first.
    #[error("send hold time of {send_hold:?} is shorter than the hold time of {hold:?}")]
    SendHoldShorterThanHold {
        /// The send hold time.
        send_hold: Duration,
        /// The hold time.
        hold: Duration,
    },
    /// Attempts to connect would follow one another without a pause.
    #[error("connect retry time of {0:?} is shorter than 100 ms")]
    ConnectRetryTooShort(Duration),
    /// Attempts would follow one another without a pause, or the first wait is longer than the longest.
    #[error("idle hold time of {first:?} is not between 100 ms and {max:?}")]
    IdleHold {
        /// The first wait.
        first: Duration,
        /// The longest wait.
        max: Duration,
    },
    /// The session would have nothing to exchange.
    #[error("no address family is given")]
    NoFamily,
    /// The session does not know how to announce routes of this family.
    #[error("address family {0} is not supported")]
    Family(AfiSafi),
}

/// RFC 4271 §10.
const DEFAULT_CONNECT_RETRY_TIME: Duration = Duration::from_secs(120);
const DEFAULT_IDLE_HOLD_TIME: Duration = Duration::from_secs(1);
const DEFAULT_MAX_IDLE_HOLD_TIME: Duration = Duration::from_secs(60);
/// RFC 9687 §4.
const DEFAULT_SEND_HOLD_TIME: Duration = Duration::from_secs(8 * 60);
/// RFC 4271 §4.4.
const MIN_KEEPALIVE_TIME: Duration = Duration::from_secs(1);
/// Shorter waits would be a hot loop.
const MIN_RETRY_TIME: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn builder() -> PeerConfigBuilder {
        let router_id = RouterId::try_new(Ipv4Addr::new(192, 0, 2, 1)).unwrap();
        PeerConfig::builder(Asn(64500), PeerAs::Exactly(Asn(64501)), router_id)
    }

    #[test]
    fn settings_that_cannot_be_are_refused_by_name() {
        let seconds = Duration::from_secs;
        let hold = HoldTime::DEFAULT.as_duration();
        let cases = [
            (
                builder().keepalive_time(Duration::from_millis(999)),
                ConfigError::KeepaliveTooShort(Duration::from_millis(999)),
            ),
            (
                builder().keepalive_time(seconds(91)),
                ConfigError::KeepaliveLongerThanHold {
                    keepalive: seconds(91),
                    hold,
                },
            ),
            (
                builder().send_hold_time(seconds(89)),
                ConfigError::SendHoldShorterThanHold {
                    send_hold: seconds(89),
                    hold,
                },
            ),
            (
                builder().connect_retry_time(Duration::ZERO),
                ConfigError::ConnectRetryTooShort(Duration::ZERO),
            ),
            (
                builder().idle_hold_time(seconds(61)),
                ConfigError::IdleHold {
                    first: seconds(61),
                    max: seconds(60),
                },
            ),
            (builder().families(FamilySet::EMPTY), ConfigError::NoFamily),
        ];
        for (builder, error) in cases {
            assert_eq!(builder.build(), Err(error));
        }
        let router_id = builder().config.router_id;
        let of_as_0 = PeerConfig::builder(Asn(0), PeerAs::External, router_id);
        assert_eq!(of_as_0.build(), Err(ConfigError::ReservedAs(Asn(0))));
        let with_as_trans = PeerConfig::builder(Asn(1), PeerAs::Exactly(Asn::AS_TRANS), router_id);
        assert_eq!(
            with_as_trans.build(),
            Err(ConfigError::ReservedAs(Asn::AS_TRANS))
        );
    }

    #[test]
    fn keepalives_are_sent_at_least_three_times_in_a_hold_time() {
        let config = builder()
            .keepalive_time(Duration::from_secs(60))
            .build()
            .unwrap();
        assert_eq!(
            config.keepalive_interval(HoldTime::DEFAULT),
            Some(Duration::from_secs(30))
        );
        let config = builder()
            .keepalive_time(Duration::from_secs(10))
            .build()
            .unwrap();
        assert_eq!(
            config.keepalive_interval(HoldTime::DEFAULT),
            Some(Duration::from_secs(10))
        );
        assert_eq!(config.keepalive_interval(HoldTime::ZERO), None);
    }

    #[test]
    fn the_send_hold_time_is_eight_minutes_or_twice_the_hold_time() {
        let config = builder().build().unwrap();
        assert_eq!(
            config.send_hold_time(HoldTime::DEFAULT),
            Duration::from_secs(480)
        );
        assert_eq!(
            config.send_hold_time(HoldTime::from_secs(600).unwrap()),
            Duration::from_secs(1200)
        );
    }

    #[test]
    fn timers_and_encodings_are_no_part_of_the_open() {
        let config = builder().build().unwrap();
        let live = builder()
            .connect_retry_time(Duration::from_secs(5))
            .keepalive_time(Duration::from_secs(5))
            .send_hold_time(Duration::from_secs(100))
            .ipv4_encoding(Ipv4Encoding::Multiprotocol);
        assert!(!config.has_another_open(&live.build().unwrap()));
        let longer = builder().hold_time(HoldTime::from_secs(180).unwrap());
        assert!(config.has_another_open(&longer.build().unwrap()));
    }
}
