//! Connection collision detection (RFC 4271 §6.8, RFC 6286 §2.3).

use std::time::Instant;

use bgp_wire::{Cease, Negotiated, Notification};

use super::{Phase, Session};
use crate::input::ConnId;
use crate::state::{State, Trigger};

/// What is to become of the connection whose OPEN was just received.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Keep,
    Dump,
}

/// Chooses between the connection `conn`, whose OPEN has just been received, and another one, which it ends if that
/// loses.
///
/// The other connection plays no part while it is in OpenSent: nothing has been heard on it, so it might be dead, and it
/// is never preferred to one that is known to live.
pub(crate) fn resolve(
    session: &mut Session,
    now: Instant,
    conn: ConnId,
    negotiated: &Negotiated,
) -> Outcome {
    let Some(other) = session.connections.values().find(|other| other.id != conn) else {
        return Outcome::Keep;
    };
    match &other.phase {
        Phase::OpenSent => Outcome::Keep,
        // "… a connection collision with an existing BGP connection that is in the Established state causes closing of
        // the newly created connection", as CollisionDetectEstablishedState is not offered.
        Phase::Established(_) => Outcome::Dump,
        Phase::OpenConfirm(_) => {
            let other = other.id;
            if survivor(negotiated, conn, other) == other {
                return Outcome::Dump;
            }
            session.trigger(now, other, Trigger::OpenCollisionDump);
            debug_assert_eq!(
                session.connection_state(other),
                None::<State>,
                "the loser is gone"
            );
            Outcome::Keep
        }
    }
}

/// The NOTIFICATION for the loser (RFC 4486 §4).
pub(crate) const fn cease() -> Notification {
    Notification::cease(Cease::CONNECTION_COLLISION_RESOLUTION)
}

/// The connection that was opened by the speaker with the higher identifier, or with the higher AS where the
/// identifiers are equal (RFC 6286 §2.3). If one speaker opened both it has lost the older one.
fn survivor(negotiated: &Negotiated, newer: ConnId, older: ConnId) -> ConnId {
    let (local, remote) = (negotiated.local(), negotiated.remote());
    let local_wins = (local.bgp_identifier, local.asn()) > (remote.bgp_identifier, remote.asn());
    match (newer, older) {
        (ConnId::Outgoing(_), ConnId::Incoming(_)) if !local_wins => older,
        (ConnId::Incoming(_), ConnId::Outgoing(_)) if local_wins => older,
        _ => newer,
    }
}
