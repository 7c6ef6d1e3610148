//! Metrics of the membership of speakers. Where there is none, nothing is said.

use std::fmt;

use election::driver::Status;

use super::family::{Families, Kind};
use crate::speaker::board::Board;

pub(super) fn encode(
    families: &mut Families<'_>,
    alive: Option<u64>,
    members: &Board<(), Status>,
) -> Result<(), fmt::Error> {
    if let Some(alive) = alive {
        families.one(
            "ferrolb_members_alive",
            "Speakers that this one knows to be alive, itself among them",
            Kind::Gauge,
            alive,
        )?;
    }
    let mut status = None;
    members.each(|(), newest| status = Some(newest.clone()));
    let Some(status) = status else {
        return Ok(());
    };
    let stats = &status.membership;
    for (name, help, kind, value) in [
        (
            "ferrolb_membership_suspicions_total",
            "How often another speaker did not answer this one",
            Kind::Counter,
            stats.suspicions,
        ),
        (
            "ferrolb_membership_contradictions_total",
            "How often this speaker had to tell others that it is alive",
            Kind::Counter,
            stats.contradictions,
        ),
        (
            "ferrolb_membership_self_doubt",
            "0 to 7: by so many times this speaker waits longer before it takes another one for dead",
            Kind::Gauge,
            u64::from(stats.self_doubt),
        ),
        (
            "ferrolb_membership_sent_bytes_total",
            "What this speaker sent to others",
            Kind::Counter,
            stats.octets_sent,
        ),
        (
            "ferrolb_membership_received_bytes_total",
            "What this speaker took in from others",
            Kind::Counter,
            stats.octets_received,
        ),
    ] {
        families.one(name, help, kind, value)?;
    }
    let mut family = families.family(
        "ferrolb_membership_dropped_datagrams_total",
        "Datagrams that were not taken in, by reason",
        Kind::Counter,
    )?;
    for (reason, count) in &stats.dropped {
        family.sample(&[("reason", reason.as_str())], *count)?;
    }
    Ok(())
}
