//! Our OPEN, and what follows from it and the peer's (RFC 4271 §6.2, RFC 5492).

use std::sync::Arc;

use bgp_wire::{
    AfiSafi, Capability, ExtendedNextHop, Frame, HoldTimeFloor, MaxLen, Negotiated, Notification,
    Open, OpenRef, OpenRequirements,
};

use crate::config::PeerConfig;

/// The OPEN that a session with these settings sends.
pub(crate) fn open(config: &PeerConfig) -> Open {
    let mut open = Open::new(config.local_as, config.hold_time, config.router_id)
        .with_capability(Capability::RouteRefresh)
        .with_capability(Capability::ExtendedMessage);
    for family in config.families.iter() {
        open = open.with_capability(Capability::Multiprotocol(family));
    }
    if config.extended_next_hop && config.families.contains(AfiSafi::IPV4_UNICAST) {
        open = open.with_capability(Capability::ExtendedNextHop(
            [ExtendedNextHop::IPV4_UNICAST].into(),
        ));
    }
    open
}

/// Reads and judges the peer's OPEN.
///
/// # Errors
/// The NOTIFICATION that refuses it.
pub(crate) fn negotiate(
    config: &PeerConfig,
    frame: &[u8],
) -> Result<Arc<Negotiated>, Notification> {
    let remote = decode(frame)?;
    let negotiated = Negotiated::with_requirements(&open(config), &remote, &requirements(config))
        .map_err(|error| error.notification())?;
    // A session without a common family could exchange nothing (RFC 5492 §5).
    if let Some(family) = config
        .families
        .iter()
        .next()
        .filter(|_| negotiated.families().is_empty())
    {
        return Err(bgp_wire::OpenError::UnsupportedCapability(family).notification());
    }
    Ok(Arc::new(negotiated))
}

/// Whether a session that was agreed on may go on with other settings: whether the OPEN that goes with these would have
/// brought about the same. So a longer hold time than the peer's, or a family that it does not have, ends no session.
pub(crate) fn still_holds(negotiated: &Negotiated, config: &PeerConfig) -> bool {
    let identity = |open: &Open| (open.asn(), open.bgp_identifier);
    let of_session = |negotiated: &Negotiated| {
        let local = identity(negotiated.local());
        (local, *negotiated.context(), negotiated.hold_time())
    };
    let (local, remote) = (open(config), negotiated.remote());
    Negotiated::with_requirements(&local, remote, &requirements(config))
        .is_ok_and(|anew| of_session(&anew) == of_session(negotiated))
}

fn requirements(config: &PeerConfig) -> OpenRequirements {
    let mut requirements = OpenRequirements::default();
    requirements.peer_as = config.peer_as;
    requirements.min_hold_time = HoldTimeFloor::AtLeast(config.min_hold_time);
    requirements
}

fn decode(octets: &[u8]) -> Result<Open, Notification> {
    let (frame, _) = Frame::split(octets, MaxLen::Standard)
        .map_err(|error| error.notification(octets))?
        .ok_or_else(|| Notification::new(bgp_wire::ErrorCode::OPEN_MESSAGE, 0))?;
    let open = OpenRef::decode(frame).map_err(|error| error.notification(octets))?;
    Ok(open.to_owned())
}
