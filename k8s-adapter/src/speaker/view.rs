//! A session of the engine as the planner looks at it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bgp_fsm::driver::Status;
use bgp_fsm::{AdvertisedChange, AdvertisedRoutes, Establishment, PeerConfig, State};
use bgp_wire::{AfiSafi, Negotiated};
use imbl::OrdSet;
use ipnet::IpNet;
use planner::family::Families;
use planner::observed::{Initiative, SessionNegotiated, SessionObserved, SessionState};

/// What is observed of a session, kept up to date with its status at the cost of what has changed.
#[derive(Debug)]
pub(super) struct View {
    observed: SessionObserved,
    /// What `observed.sent` was brought up to date with.
    advertised: BTreeMap<AfiSafi, AdvertisedRoutes>,
}

/// What has come of looking at a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// Nothing is other than before.
    Same,
    /// Something is.
    Other,
}

impl View {
    /// Of a session that begins now.
    pub(super) fn new() -> Self {
        let observed = SessionObserved {
            since: since_epoch(),
            ..SessionObserved::default()
        };
        Self {
            observed,
            advertised: BTreeMap::new(),
        }
    }

    /// What is observed of the session.
    pub(super) const fn observed(&self) -> &SessionObserved {
        &self.observed
    }

    /// Looks at the newest status of a session that runs with these settings.
    pub(super) fn update(&mut self, status: &Status, config: &PeerConfig) -> Seen {
        let was_up = self.observed.state == SessionState::Established;
        let is_up = status.state == State::Established;
        let negotiated = status.negotiated.as_deref();
        let observed = SessionObserved {
            state: state(status.state),
            since: if was_up == is_up {
                self.observed.since
            } else {
                since_epoch()
            },
            local: status.local,
            remote: status.remote,
            negotiated: negotiated.map(|negotiated| agreed(negotiated, config)),
            sent: self.sent(status),
            last_error: status.last_error.clone(),
            initiative: match config.establishment() {
                Establishment::Active => Initiative::Active,
                Establishment::Passive => Initiative::Passive,
            },
            ..SessionObserved::default()
        };
        if observed == self.observed {
            return Seen::Same;
        }
        self.observed = observed;
        Seen::Other
    }

    fn sent(&mut self, status: &Status) -> OrdSet<IpNet> {
        let mut sent = self.observed.sent.clone();
        let now = |family: &AfiSafi| status.advertised.get(family)?.routes();
        self.advertised.retain(|family, before| {
            let stays = now(family).is_some();
            if !stays {
                for prefix in before.prefixes() {
                    sent.remove(&prefix);
                }
            }
            stays
        });
        for (family, advertised) in &status.advertised {
            let Some(now) = advertised.routes() else {
                continue;
            };
            match self.advertised.insert(*family, now.clone()) {
                None => sent.extend(now.prefixes()),
                Some(before) => {
                    for change in now.changes_since(&before) {
                        match change {
                            AdvertisedChange::Announced(prefix) => sent.insert(prefix),
                            AdvertisedChange::Withdrawn(prefix) => sent.remove(&prefix),
                        };
                    }
                }
            }
        }
        sent
    }
}

const fn state(state: State) -> SessionState {
    match state {
        State::Idle => SessionState::Idle,
        State::Connect => SessionState::Connect,
        State::Active => SessionState::Active,
        State::OpenSent => SessionState::OpenSent,
        State::OpenConfirm => SessionState::OpenConfirm,
        State::Established => SessionState::Established,
    }
}

fn agreed(negotiated: &Negotiated, config: &PeerConfig) -> SessionNegotiated {
    let families = negotiated.families();
    let families = match (
        families.contains(AfiSafi::IPV4_UNICAST),
        families.contains(AfiSafi::IPV6_UNICAST),
    ) {
        (true, true) => Some(Families::Both),
        (true, false) => Some(Families::Ipv4),
        (false, true) => Some(Families::Ipv6),
        (false, false) => None,
    };
    SessionNegotiated {
        peer_as: negotiated.peer_as(),
        router_id: negotiated.peer_identifier(),
        hold_time: negotiated.hold_time(),
        keepalive_time: config.keepalive_interval(negotiated.hold_time()),
        families,
    }
}

/// The time of day. A clock from before 1970 counts as one that has just begun.
pub(super) fn since_epoch() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
