//! What there is to tell of the session with one peer.

use std::net::SocketAddr;
use std::time::Duration;

use crate::config::PeerAs;
use crate::desired::PeerDesired;
use crate::effect::{SessionStatus, SessionSummary, StatusBody};
use crate::observed::{SessionObserved, SessionState};

/// What its BGPSession says. One of which nothing is seen is down.
pub(super) fn body(desired: &PeerDesired, observed: Option<&SessionObserved>) -> StatusBody {
    let unseen = SessionObserved::default();
    let observed = observed.unwrap_or(&unseen);
    let settings = &desired.session;
    let required = match settings.peer_as {
        PeerAs::Asn(peer_as) => Some(peer_as),
        PeerAs::Internal => Some(settings.local_as),
        PeerAs::External => None,
    };
    let negotiated = observed.negotiated.clone().map(|mut agreed| {
        agreed.keepalive_time = agreed.keepalive_time.map(whole_seconds);
        agreed
    });
    let state = match observed.state {
        SessionState::Established => SessionSummary::Established,
        _ => SessionSummary::Down,
    };
    StatusBody::Session(Box::new(SessionStatus {
        address: settings.address,
        port: settings.port,
        local_as: settings.local_as,
        peer_as: negotiated
            .as_ref()
            .map(|agreed| agreed.peer_as)
            .or(required),
        state,
        since: whole_seconds(observed.since),
        local_address: observed.local.map(|local: SocketAddr| local.ip()),
        negotiated,
        sent: u64::try_from(observed.sent.len()).unwrap_or(u64::MAX),
        accepted: observed.accepted,
        last_error: observed.last_error.clone(),
        initiative: observed.initiative,
        draining: observed.draining,
    }))
}

/// As much as is written down: what is read back must be equal.
fn whole_seconds(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
}
