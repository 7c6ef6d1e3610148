//! BGPPeer.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bgp_wire::{Asn, HoldTime, RouterId};
use ipam::Family;

use crate::family::Families;
use crate::selector::Selectors;

/// A BGPPeer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// `myASN`.
    pub my_as: Asn,
    /// `localASN`: stands in for `my_as` towards this peer, in the OPEN and in AS_PATH.
    pub local_as: Option<Asn>,
    /// `peerASN` or `dynamicASN`.
    pub peer_as: PeerAs,
    /// `peerAddress`.
    pub address: IpAddr,
    /// `peerPort`.
    pub port: u16,
    /// `sourceAddress`.
    pub source: Option<IpAddr>,
    /// `routerID`; absent: the node chooses one.
    pub router_id: Option<RouterId>,
    /// `holdTime`, `keepaliveTime`, `connectTime`.
    pub timers: Timers,
    /// `nodeSelectors`: which nodes hold a session with it.
    pub nodes: Selectors,
    /// `password`, or what `passwordSecret` holds: the key of TCP MD5 (RFC 2385).
    pub password: Option<Password>,
    /// `ebgpMultiHop`.
    pub multihop: Multihop,
    /// `dualStackAddressFamily`: carry both families whatever the transport's.
    pub dual_stack: bool,
    /// Annotation `ferrolb.io/passive`.
    pub establishment: Establishment,
}

impl Peer {
    /// A peer on the port of BGP (RFC 4271 §8) for all nodes, with nothing said that may be left unsaid.
    #[must_use]
    pub fn new(my_as: Asn, peer_as: PeerAs, address: IpAddr) -> Self {
        Self {
            my_as,
            local_as: None,
            peer_as,
            address,
            port: BGP_PORT,
            source: None,
            router_id: None,
            timers: Timers::default(),
            nodes: Selectors::default(),
            password: None,
            multihop: Multihop::default(),
            dual_stack: false,
            establishment: Establishment::default(),
        }
    }

    /// The families of the routes that it is sent: both if it says so, else the one of its address, as MetalLB with FRR.
    #[must_use]
    pub fn carried(&self) -> Families {
        if self.dual_stack {
            Families::Both
        } else {
            Family::of(self.address).into()
        }
    }

    /// Whether it is in our own AS, as it sees that.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.peer_as
            .is_internal(self.local_as.unwrap_or(self.my_as))
    }
}

/// Which AS a peer is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerAs {
    /// `peerASN`: this one.
    Asn(Asn),
    /// `dynamicASN: internal`: our own.
    Internal,
    /// `dynamicASN: external`: any but our own.
    External,
}

impl PeerAs {
    /// Whether that is the AS that it is told we are in.
    #[must_use]
    pub fn is_internal(self, local_as: Asn) -> bool {
        match self {
            Self::Asn(peer_as) => peer_as == local_as,
            Self::Internal => true,
            Self::External => false,
        }
    }
}

impl fmt::Display for PeerAs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Asn(asn) => write!(f, "{asn}"),
            Self::Internal => f.write_str("internal"),
            Self::External => f.write_str("external"),
        }
    }
}

/// Who opens the TCP connection of a session: PassiveTcpEstablishment of RFC 4271 §8.1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Establishment {
    /// We do, and where we listen the peer may too.
    #[default]
    Active,
    /// The peer alone.
    Passive,
}

/// `ebgpMultiHop` of a BGPPeer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Multihop {
    /// The peer is on a link of the node.
    #[default]
    Off,
    /// The peer may be several hops away.
    On,
}

/// The timers that a BGPPeer sets; what it leaves open is settled by [`Timers::hold_time`] and
/// [`Timers::keepalive_time`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    hold: Option<HoldTime>,
    keepalive: Option<Duration>,
    connect: Option<Duration>,
}

impl Timers {
    /// From `holdTime`, `keepaliveTime` and `connectTime`. The first two are rounded down to whole seconds.
    ///
    /// A keepalive time alone makes the hold time three times as long.
    ///
    /// # Errors
    ///
    /// A hold time of 1 or 2 s (RFC 4271 §4.2) or beyond 65535 s; a keepalive time above the hold time; a connect time
    /// that is not 1 to 65535 whole seconds.
    pub fn try_new(
        hold: Option<Duration>,
        keepalive: Option<Duration>,
        connect: Option<Duration>,
    ) -> Result<Self, TimersError> {
        let keepalive = keepalive.map(|time| Duration::from_secs(time.as_secs()));
        let hold = match (hold, keepalive) {
            (Some(hold), _) => Some(hold_time(hold)?),
            (None, Some(keepalive)) => Some(hold_time(keepalive.saturating_mul(3))?),
            (None, None) => None,
        };
        if let (Some(keepalive), Some(hold)) = (keepalive, hold)
            && keepalive > hold.as_duration()
        {
            return Err(TimersError::KeepaliveTime {
                keepalive,
                hold: hold.as_duration(),
            });
        }
        if let Some(connect) = connect
            && (!(1..=65535).contains(&connect.as_secs()) || connect.subsec_nanos() != 0)
        {
            return Err(TimersError::ConnectTime { connect });
        }
        Ok(Self {
            hold,
            keepalive,
            connect,
        })
    }

    /// The hold time to propose.
    #[must_use]
    pub fn hold_time(&self, default: HoldTime) -> HoldTime {
        self.hold.unwrap_or(default)
    }

    /// The keepalive time: as set, or a third of the hold time; `None` where the hold time says that there are no
    /// keepalives.
    #[must_use]
    pub fn keepalive_time(&self, default: HoldTime) -> Option<Duration> {
        let derived = self.hold_time(default).keepalive_interval();
        derived.map(|derived| {
            self.keepalive
                .filter(|time| !time.is_zero())
                .unwrap_or(derived)
        })
    }

    /// The time between two attempts to connect, if set.
    #[must_use]
    pub fn connect_time(&self) -> Option<Duration> {
        self.connect
    }
}

fn hold_time(hold: Duration) -> Result<HoldTime, TimersError> {
    let seconds = u16::try_from(hold.as_secs()).map_err(|_| TimersError::HoldTime { hold })?;
    HoldTime::from_secs(seconds).map_err(|_| TimersError::HoldTime { hold })
}

/// Why timers do not go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimersError {
    /// A hold time that RFC 4271 §4.2 rules out, or that does not fit its field.
    #[error("invalid hold time {hold:?}: must be 0 or from 3s to 65535s")]
    HoldTime {
        /// What was given, or three times the keepalive time.
        hold: Duration,
    },
    /// A keepalive time above the hold time.
    #[error("invalid keepaliveTime {keepalive:?}: must not be above the hold time, {hold:?}")]
    KeepaliveTime {
        /// What was given.
        keepalive: Duration,
        /// The hold time with it.
        hold: Duration,
    },
    /// A connect time out of range.
    #[error("invalid connectTime {connect:?}: must be from 1s to 65535s, in whole seconds")]
    ConnectTime {
        /// What was given.
        connect: Duration,
    },
}

/// A password, which no `Debug` output shows.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Arc<str>);

impl Password {
    /// Takes the password.
    pub fn new(password: impl Into<Arc<str>>) -> Self {
        Self(password.into())
    }

    /// The password, for the socket that needs it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

/// Where BGP listens (RFC 4271 §8).
const BGP_PORT: u16 = 179;

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: HoldTime = HoldTime::DEFAULT;

    fn secs(seconds: u64) -> Option<Duration> {
        Some(Duration::from_secs(seconds))
    }

    #[test]
    fn a_third_of_the_hold_time_is_the_keepalive_time() {
        let timers = Timers::try_new(secs(30), None, None).unwrap();
        assert_eq!(timers.keepalive_time(DEFAULT), secs(10));
        assert_eq!(Timers::default().keepalive_time(DEFAULT), secs(30));
        assert_eq!(Timers::default().hold_time(DEFAULT), DEFAULT);
    }

    #[test]
    fn a_keepalive_time_alone_makes_the_hold_time_three_times_as_long() {
        let timers = Timers::try_new(None, secs(7), None).unwrap();
        assert_eq!(timers.hold_time(DEFAULT).as_secs(), 21);
        assert_eq!(timers.keepalive_time(DEFAULT), secs(7));
    }

    #[test]
    fn fractions_of_a_second_are_dropped() {
        let timers = Timers::try_new(
            Some(Duration::from_millis(3900)),
            Some(Duration::from_millis(1500)),
            None,
        )
        .unwrap();
        assert_eq!(timers.hold_time(DEFAULT).as_secs(), 3);
        assert_eq!(timers.keepalive_time(DEFAULT), secs(1));
    }

    #[test]
    fn hold_time_zero_means_no_keepalives() {
        let timers = Timers::try_new(secs(0), None, None).unwrap();
        assert!(timers.hold_time(DEFAULT).is_zero());
        assert_eq!(timers.keepalive_time(DEFAULT), None);
    }

    #[test]
    fn timers_that_do_not_go_together_are_refused() {
        let hold = |seconds| Timers::try_new(secs(seconds), None, None);
        assert!(matches!(hold(2), Err(TimersError::HoldTime { .. })));
        assert!(matches!(hold(65536), Err(TimersError::HoldTime { .. })));
        assert!(matches!(
            Timers::try_new(secs(9), secs(10), None),
            Err(TimersError::KeepaliveTime { .. })
        ));
        assert!(matches!(
            Timers::try_new(None, secs(30000), None),
            Err(TimersError::HoldTime { .. })
        ));
        for connect in [
            Duration::ZERO,
            Duration::from_millis(1500),
            Duration::from_secs(65536),
        ] {
            assert_eq!(
                Timers::try_new(None, None, Some(connect)),
                Err(TimersError::ConnectTime { connect })
            );
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(
            format!("{:?}", Password::new("secret")),
            "Password(redacted)"
        );
    }
}
