//! Two OPENs and what follows from them.

use crate::afi_safi::{AfiSafi, FamilySet};
use crate::asn::Asn;
use crate::capability::Capability;
use crate::capability::add_path::AddPath;
use crate::capability::graceful_restart::{
    ForwardingState, GracefulRestart, RestartFamily, RestartFlags,
};
use crate::context::{AsnWidth, OneWay, PeerKind, RouteRefreshKind, SessionContext};
use crate::header::MaxLen;
use crate::hold_time::HoldTime;
use crate::iana::{CapabilityCode, ErrorCode, OpenSubcode};
use crate::notification::Notification;
use crate::open::Open;
use crate::router_id::RouterId;
use crate::writer::Writer;
use bytes::BytesMut;
use core::time::Duration;

/// The AS number that a peer must have.
#[expect(
    clippy::exhaustive_enums,
    reason = "a number, a relation, or no condition: there is nothing else to ask for"
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PeerAs {
    /// Any.
    #[default]
    Any,
    /// This one.
    Exactly(Asn),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

impl PeerAs {
    /// Whether a peer with AS number `remote` will do for a speaker of AS `local`.
    #[must_use]
    pub fn admits(self, local: Asn, remote: Asn) -> bool {
        match self {
            Self::Any => true,
            Self::Exactly(asn) => remote == asn,
            Self::Internal => remote == local,
            Self::External => remote != local,
        }
    }
}

/// What a peer's OPEN must satisfy beside being in order. By default nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OpenRequirements {
    /// The AS number.
    pub peer_as: PeerAs,
    /// The lowest hold time to agree to; zero, "never expires", is always above it.
    pub min_hold_time: HoldTimeFloor,
    /// Families that both must have.
    pub families: FamilySet,
    /// What the peer is where that does not follow from the AS numbers: a confederation, for one.
    pub peer_kind: Option<PeerKind>,
}

/// The lowest hold time to agree to.
#[expect(clippy::exhaustive_enums, reason = "there is a floor or there is none")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HoldTimeFloor {
    /// Whatever RFC 4271 allows.
    #[default]
    None,
    /// At least this.
    AtLeast(HoldTime),
}

/// What two speakers agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Negotiated {
    local: Open,
    remote: Open,
    context: SessionContext,
    hold_time: HoldTime,
    graceful_restart: Option<NegotiatedRestart>,
}

/// What the peer's graceful restart capability comes to, where both speakers have it (RFC 4724 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NegotiatedRestart {
    /// Whether the peer has just restarted (R bit).
    pub peer: PeerRestart,
    /// How long the peer takes to come back.
    pub restart_time: Duration,
    /// Families that the peer keeps over a restart and that this session exchanges.
    pub families: FamilySet,
    /// Of these, the families that the peer kept over its last restart (F bit).
    pub preserved: FamilySet,
    /// Whether a NOTIFICATION also leaves routes in place: both speakers set the N bit (RFC 8538 §4).
    pub on_notification: NotificationRestart,
}

/// The R bit of the peer.
#[expect(clippy::exhaustive_enums, reason = "the two values of one bit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerRestart {
    /// The peer has not restarted, or lost everything when it did.
    Fresh,
    /// The peer has just restarted: it takes no route back before it has our End-of-RIB (RFC 4724 §4.1).
    Restarted,
}

/// The N bits of both speakers.
#[expect(clippy::exhaustive_enums, reason = "the two values of one bit")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotificationRestart {
    /// A NOTIFICATION ends the session and its routes (RFC 4724).
    EndsRoutes,
    /// Only a Hard Reset does (RFC 8538).
    KeepsRoutes,
}

impl Negotiated {
    /// Works out what holds between two speakers.
    ///
    /// # Errors
    /// [`OpenError`] where the remote OPEN cannot be taken; it says which NOTIFICATION to send.
    pub fn from_opens(local: &Open, remote: &Open) -> Result<Self, OpenError> {
        Self::with_requirements(local, remote, &OpenRequirements::default())
    }

    /// Works out what holds between two speakers, of which the local one has conditions.
    ///
    /// # Errors
    /// As [`from_opens`](Self::from_opens), and for each condition that is not met.
    pub fn with_requirements(
        local: &Open,
        remote: &Open,
        requirements: &OpenRequirements,
    ) -> Result<Self, OpenError> {
        let local_as = local.asn();
        let remote_as = remote_as(remote)?;
        if !requirements.peer_as.admits(local_as, remote_as) {
            return Err(OpenError::BadPeerAs(remote_as));
        }
        // RFC 6286 §2.2: within one AS, two speakers with one identifier are one too many.
        if remote_as == local_as && remote.bgp_identifier == local.bgp_identifier {
            return Err(OpenError::BadBgpIdentifier(remote.bgp_identifier));
        }
        let hold_time = negotiate_hold_time(local, remote, requirements.min_hold_time)?;
        let families = families(local).intersection(families(remote));
        if let Some(missing) = requirements.families.difference(families).iter().next() {
            return Err(OpenError::UnsupportedCapability(missing));
        }
        let peer = match requirements.peer_kind {
            Some(kind) => kind,
            None if remote_as == local_as => PeerKind::Ibgp,
            None => PeerKind::Ebgp,
        };
        let both = |code| local.has(code) && remote.has(code);
        let asn_width = if both(CapabilityCode::FOUR_OCTET_AS) {
            AsnWidth::Four
        } else {
            AsnWidth::Two
        };
        let enhanced = both(CapabilityCode::ENHANCED_ROUTE_REFRESH);
        let context = SessionContext {
            peer,
            asn_width,
            route_refresh: if enhanced {
                RouteRefreshKind::Enhanced
            } else {
                RouteRefreshKind::Plain
            },
            families,
            receive: one_way(remote, local, families),
            send: one_way(local, remote, families),
        };
        let graceful_restart = negotiate_restart(local, remote, families);
        Ok(Self {
            local: local.clone(),
            remote: remote.clone(),
            context,
            hold_time,
            graceful_restart,
        })
    }

    /// How to read and write messages of the session.
    #[must_use]
    pub const fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The lower of both hold times (RFC 4271 §4.2).
    #[must_use]
    pub const fn hold_time(&self) -> HoldTime {
        self.hold_time
    }

    /// The families that both speakers have.
    #[must_use]
    pub const fn families(&self) -> FamilySet {
        self.context.families
    }

    /// The AS number of the peer.
    #[must_use]
    pub fn peer_as(&self) -> Asn {
        self.remote.asn()
    }

    /// The identifier of the peer.
    #[must_use]
    pub const fn peer_identifier(&self) -> RouterId {
        self.remote.bgp_identifier
    }

    /// Whether the peer takes a ROUTE-REFRESH (RFC 2918 §2).
    #[must_use]
    pub fn peer_takes_route_refresh(&self) -> bool {
        self.remote.has(CapabilityCode::ROUTE_REFRESH)
    }

    /// What the peer's graceful restart comes to; `None` unless both speakers have the capability.
    #[must_use]
    pub const fn graceful_restart(&self) -> Option<&NegotiatedRestart> {
        self.graceful_restart.as_ref()
    }

    /// The OPEN that was sent.
    #[must_use]
    pub const fn local(&self) -> &Open {
        &self.local
    }

    /// The OPEN that was received.
    #[must_use]
    pub const fn remote(&self) -> &Open {
        &self.remote
    }
}

/// Why a peer's OPEN cannot be taken, although it is in order.
///
/// A version that is not supported, an identifier of zero and a hold time of one or two seconds never get this far: they
/// are a [`DecodeError`](crate::DecodeError) of the OPEN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The AS number is not the one wanted, or the two that the OPEN holds differ (RFC 4271 §6.2, RFC 6793 §4.1).
    #[error("AS {0} is not acceptable for this peer")]
    BadPeerAs(Asn),
    /// The identifier is ours, within our AS (RFC 6286 §2.2).
    #[error("BGP identifier {0} is our own")]
    BadBgpIdentifier(RouterId),
    /// The hold time is lower than wanted (RFC 4271 §6.2).
    #[error("hold time of {0} is too low")]
    UnacceptableHoldTime(HoldTime),
    /// The peer lacks a family that is required (RFC 5492 §5).
    #[error("peer does not exchange {0}")]
    UnsupportedCapability(AfiSafi),
}

impl OpenError {
    /// The NOTIFICATION to send (RFC 4271 §6.2, RFC 5492 §5).
    #[must_use]
    pub fn notification(&self) -> Notification {
        let open = |subcode: OpenSubcode| Notification::new(ErrorCode::OPEN_MESSAGE, subcode.0);
        match *self {
            Self::BadPeerAs(_) => open(OpenSubcode::BAD_PEER_AS),
            Self::BadBgpIdentifier(_) => open(OpenSubcode::BAD_BGP_IDENTIFIER),
            Self::UnacceptableHoldTime(_) => open(OpenSubcode::UNACCEPTABLE_HOLD_TIME),
            Self::UnsupportedCapability(family) => {
                let mut data = BytesMut::new();
                let written = Capability::Multiprotocol(family).encode(&mut Writer::new(&mut data));
                debug_assert!(written.is_ok(), "this capability has four octets");
                open(OpenSubcode::UNSUPPORTED_CAPABILITY).with_data(data)
            }
        }
    }
}

/// The AS number of an OPEN, which holds it twice (RFC 6793 §4.1 and §9).
fn remote_as(remote: &Open) -> Result<Asn, OpenError> {
    let asn = remote.asn();
    let agrees = remote.my_autonomous_system == asn.to_two_octet()
        || Asn::from(remote.my_autonomous_system) == Asn::AS_TRANS;
    if asn == Asn::ZERO || !agrees {
        Err(OpenError::BadPeerAs(asn))
    } else {
        Ok(asn)
    }
}

fn negotiate_hold_time(
    local: &Open,
    remote: &Open,
    floor: HoldTimeFloor,
) -> Result<HoldTime, OpenError> {
    match floor {
        HoldTimeFloor::AtLeast(min) if remote.hold_time < min && !remote.hold_time.is_zero() => {
            Err(OpenError::UnacceptableHoldTime(remote.hold_time))
        }
        _ => Ok(local.hold_time.min(remote.hold_time)),
    }
}

/// The families of a speaker: IPv4 unicast where it advertises none (RFC 4760 §8, RFC 4271).
fn families(open: &Open) -> FamilySet {
    if !open.has(CapabilityCode::MULTIPROTOCOL) {
        return FamilySet::from_iter([AfiSafi::IPV4_UNICAST]);
    }
    let family = |capability: &Capability| match capability {
        Capability::Multiprotocol(family) => Some(*family),
        _ => None,
    };
    open.capabilities.iter().filter_map(family).collect()
}

/// What `sender` may send to `receiver`.
fn one_way(sender: &Open, receiver: &Open, families: FamilySet) -> OneWay {
    let extended = receiver.has(CapabilityCode::EXTENDED_MESSAGE);
    OneWay {
        max_len: if extended {
            MaxLen::Extended
        } else {
            MaxLen::Standard
        },
        extended_next_hop: extended_next_hop(receiver).intersection(families),
        // RFC 7911 §4: one side sends and the other receives.
        add_path: add_path(sender, |entry| entry.sends())
            .intersection(add_path(receiver, |entry| entry.receives()))
            .intersection(families),
    }
}

fn extended_next_hop(open: &Open) -> FamilySet {
    let entries = open
        .capabilities
        .iter()
        .filter_map(|capability| match capability {
            Capability::ExtendedNextHop(entries) => Some(entries),
            _ => None,
        });
    entries
        .flatten()
        .filter_map(|entry| entry.family())
        .collect()
}

/// The families of the ADD-PATH entries that play a part.
fn add_path(open: &Open, plays: fn(&&AddPath) -> bool) -> FamilySet {
    let entries = open
        .capabilities
        .iter()
        .filter_map(|capability| match capability {
            Capability::AddPath(entries) => Some(entries),
            _ => None,
        });
    entries
        .flatten()
        .filter(plays)
        .map(|entry| entry.family)
        .collect()
}

fn negotiate_restart(
    local: &Open,
    remote: &Open,
    families: FamilySet,
) -> Option<NegotiatedRestart> {
    let ours = restart(local)?;
    let theirs = restart(remote)?;
    let keeps = |filter: fn(&&RestartFamily) -> bool| -> FamilySet {
        let entries = theirs
            .families()
            .iter()
            .filter(filter)
            .map(|entry| entry.family);
        entries.collect::<FamilySet>().intersection(families)
    };
    let restarted = theirs.flags().contains(RestartFlags::RESTARTED);
    let notification = ours
        .flags()
        .intersection(theirs.flags())
        .contains(RestartFlags::NOTIFICATION);
    Some(NegotiatedRestart {
        peer: if restarted {
            PeerRestart::Restarted
        } else {
            PeerRestart::Fresh
        },
        restart_time: theirs.restart_time(),
        families: keeps(|_| true),
        preserved: keeps(|entry| entry.forwarding == ForwardingState::Preserved),
        on_notification: if notification {
            NotificationRestart::KeepsRoutes
        } else {
            NotificationRestart::EndsRoutes
        },
    })
}

/// The last graceful restart capability: of several, only that one counts (RFC 4724 §3).
fn restart(open: &Open) -> Option<&GracefulRestart> {
    open.capabilities
        .iter()
        .rev()
        .find_map(|capability| match capability {
            Capability::GracefulRestart(restart) => Some(restart),
            _ => None,
        })
}
