//! Metrics of layer 2.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::time::UNIX_EPOCH;

use arp_ndp::driver::Status;
use planner::desired::{Desired, InterfaceSelection};
use planner::names::{Interface, NodeName};

use super::family::{Families, Kind};
use crate::speaker::board::Board;
use crate::speaker::tally::Tally;

pub(super) fn encode(
    families: &mut Families<'_>,
    node: &NodeName,
    desired: &Desired,
    responders: &Board<u32, Status>,
    tally: &Tally,
) -> Result<(), fmt::Error> {
    let totals = Totals::of(responders);
    by_address(families, &totals)?;
    frames(families, &totals)?;
    owned(families, node, desired)?;
    claims(families, tally)
}

/// What all responders of the node have counted.
#[derive(Default)]
struct Totals {
    addresses: BTreeMap<IpAddr, AddressTotals>,
    dropped: BTreeMap<&'static str, u64>,
    transmit_failures: u64,
}

#[derive(Default)]
struct AddressTotals {
    requests_received: u64,
    responses_sent: u64,
    gratuitous_sent: u64,
}

impl Totals {
    fn of(responders: &Board<u32, Status>) -> Self {
        let mut totals = Self::default();
        responders.each(|_, status| {
            for (address, status) in &status.addresses {
                let counters = status.counters;
                let total = totals.addresses.entry(*address).or_default();
                total.requests_received += counters.requests_received;
                total.responses_sent += counters.responses_sent;
                total.gratuitous_sent += counters.gratuitous_sent;
            }
            for (reason, count) in &status.drops {
                *totals.dropped.entry(reason.as_str()).or_default() += count;
            }
            if status.overruns > 0 {
                *totals.dropped.entry("overrun").or_default() += status.overruns;
            }
            totals.transmit_failures += status.transmit_failures;
        });
        totals
    }
}

type AddressCounter = (&'static str, &'static str, fn(&AddressTotals) -> u64);

static ADDRESS_COUNTERS: [AddressCounter; 3] = [
    (
        "metallb_layer2_requests_received",
        "ARP requests and neighbor solicitations for an address of this node",
        |total| total.requests_received,
    ),
    (
        "metallb_layer2_responses_sent",
        "Answers to ARP requests and neighbor solicitations",
        |total| total.responses_sent,
    ),
    (
        "metallb_layer2_gratuitous_sent",
        "Gratuitous ARP packets and unsolicited neighbor advertisements",
        |total| total.gratuitous_sent,
    ),
];

fn by_address(families: &mut Families<'_>, totals: &Totals) -> Result<(), fmt::Error> {
    for (name, help, value) in ADDRESS_COUNTERS {
        let mut family = families.family(name, help, Kind::Counter)?;
        for (address, total) in &totals.addresses {
            family.sample(&[("ip", &address.to_string())], value(total))?;
        }
    }
    Ok(())
}

fn frames(families: &mut Families<'_>, totals: &Totals) -> Result<(), fmt::Error> {
    families.one(
        "ferrolb_l2_transmit_failures_total",
        "Frames that the kernel did not take",
        Kind::Counter,
        totals.transmit_failures,
    )?;
    let mut family = families.family(
        "ferrolb_l2_dropped_frames_total",
        "Frames that were not answered, by reason",
        Kind::Counter,
    )?;
    for (reason, count) in &totals.dropped {
        family.sample(&[("reason", reason)], *count)?;
    }
    Ok(())
}

/// Told by the owner alone: every node knows it of every address, and many times many would be many.
fn owned(
    families: &mut Families<'_>,
    node: &NodeName,
    desired: &Desired,
) -> Result<(), fmt::Error> {
    let mut family = families.family(
        "ferrolb_l2_owner_info",
        "1 for each address that this node owns by layer 2, with the interfaces that an advertisement names",
        Kind::Gauge,
    )?;
    for (service, verdicts) in &desired.verdicts {
        let Some(announcement) = verdicts.layer2.announcement() else {
            continue;
        };
        let interfaces = match &announcement.interfaces {
            InterfaceSelection::All => String::new(),
            InterfaceSelection::Named(names) => {
                let names: Vec<&str> = names.iter().map(Interface::as_str).collect();
                names.join(",")
            }
        };
        for address in &announcement.addresses {
            let labels = [
                ("service", service.to_string()),
                ("ip", address.to_string()),
                ("node", node.to_string()),
                ("interfaces", interfaces.clone()),
            ];
            let labels = labels
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            family.sample(&labels, 1)?;
        }
    }
    Ok(())
}

fn claims(families: &mut Families<'_>, tally: &Tally) -> Result<(), fmt::Error> {
    let (claims, rivals, strangers, failover) = {
        let counts = tally.counts();
        (
            counts.claims.clone(),
            counts.rivals.clone(),
            counts.strangers.clone(),
            counts.failover.clone(),
        )
    };
    let mut family = families.family(
        "ferrolb_l2_last_claim_timestamp_seconds",
        "When this node last announced an address because it, or the link, was new to it, in seconds since 1970",
        Kind::Gauge,
    )?;
    for (address, time) in claims {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        family.sample(&[("ip", &address.to_string())], since.as_secs())?;
    }
    let mut family = families.family(
        "ferrolb_l2_rival_claims_total",
        "How often another station said that an address of this node is its own",
        Kind::Counter,
    )?;
    for (address, count) in rivals {
        family.sample(&[("ip", &address.to_string())], count)?;
    }
    let mut family = families.family(
        "ferrolb_l2_foreign_claims_total",
        "How often a station that is no speaker said that an address of this node is its own",
        Kind::Counter,
    )?;
    for (address, count) in strangers {
        family.sample(&[("ip", &address.to_string())], count)?;
    }
    families.histogram(
        "ferrolb_failover_duration_seconds",
        "From the change that made a layer 2 address this node's to its first announcement on a link",
        &failover,
    )
}
