//! The speaker's metrics, under MetalLB's names (compat/metallb.md 4.1 to 4.4), and some of its own.

mod bgp;
mod family;
mod layer2;
mod membership;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use arp_ndp::driver::Status as ResponderStatus;
use bgp_fsm::driver::Status as SessionStatus;
use election::driver::Status as MemberStatus;
use ipam::Family;
use planner::effect::Severity;
use planner::names::{NodeName, PeerName, ServiceKey};
use planner::verdict::{BgpAnnouncement, PeerVerdict};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use tokio::sync::watch;

pub(super) use self::bgp::Names;
use self::family::{Families, Kind};
use super::board::Board;
use super::report::Facts;
use super::tally::Tally;
use crate::translate::ObjectName;

/// Says how things are at the moment of a scrape, so that nothing is said of what is gone.
#[derive(Debug)]
pub(super) struct SpeakerMetrics {
    node: NodeName,
    facts: watch::Receiver<Option<Arc<Facts>>>,
    tally: Tally,
    boards: Boards,
    names: Names,
}

/// What runs.
#[derive(Debug)]
pub(super) struct Boards {
    /// The sessions, by the name of their BGPPeer.
    pub(super) sessions: Board<PeerName, SessionStatus>,
    /// The responders, by interface index.
    pub(super) responders: Board<u32, ResponderStatus>,
    /// The part in the group of speakers, where there is one.
    pub(super) membership: Board<(), MemberStatus>,
}

impl SpeakerMetrics {
    pub(super) fn new(
        node: NodeName,
        facts: watch::Receiver<Option<Arc<Facts>>>,
        tally: Tally,
        boards: Boards,
        names: Names,
    ) -> Self {
        Self {
            node,
            facts,
            tally,
            boards,
            names,
        }
    }
}

impl Collector for SpeakerMetrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let facts = self.facts.borrow().clone();
        let nothing = Facts::default();
        let known = facts.as_deref().unwrap_or(&nothing);
        let mut families = Families::new(encoder);
        self.process(&mut families, facts.is_some(), known)?;
        self.announced(&mut families, known)?;
        layer2::encode(
            &mut families,
            &self.node,
            &known.desired,
            &self.boards.responders,
            &self.tally,
        )?;
        membership::encode(&mut families, known.alive, &self.boards.membership)?;
        bgp::encode(&mut families, known, &self.boards.sessions, self.names)
    }
}

impl SpeakerMetrics {
    fn process(
        &self,
        families: &mut Families<'_>,
        has_decided: bool,
        facts: &Facts,
    ) -> Result<(), fmt::Error> {
        let (updates, errors, turns) = {
            let counts = self.tally.counts();
            (counts.updates, counts.errors, counts.turns.clone())
        };
        let is_stale = facts
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Fault);
        families.one(
            "metallb_k8s_client_updates_total",
            "Services decided about, and changes of nodes and configuration",
            Kind::Counter,
            updates,
        )?;
        families.one(
            "metallb_k8s_client_update_errors_total",
            "Reads and writes that failed",
            Kind::Counter,
            errors,
        )?;
        families.one(
            "metallb_k8s_client_config_loaded_bool",
            "1 once a configuration is in force",
            Kind::Gauge,
            u64::from(has_decided),
        )?;
        families.one(
            "metallb_k8s_client_config_stale_bool",
            "1 while some object of the configuration is not in force as it is written",
            Kind::Gauge,
            u64::from(is_stale),
        )?;
        let mut family = families.family(
            "ferrolb_transitions_total",
            "Services that began or ceased to be announced from this node, and why",
            Kind::Counter,
        )?;
        for (turn, count) in turns {
            let labels = [
                ("protocol", turn.protocol),
                ("to", turn.to.as_str()),
                ("reason", turn.reason),
            ];
            family.sample(&labels, count)?;
        }
        Ok(())
    }

    fn announced(&self, families: &mut Families<'_>, facts: &Facts) -> Result<(), fmt::Error> {
        let mut family = families.family(
            "metallb_speaker_announced",
            "1 for each address that this node announces, by protocol",
            Kind::Gauge,
        )?;
        for (service, verdicts) in &facts.desired.verdicts {
            let mut say = |protocol: &str, ip: IpAddr| {
                let (service, ip) = (service.to_string(), ip.to_string());
                let labels = [
                    ("service", service.as_str()),
                    ("protocol", protocol),
                    ("node", self.node.as_str()),
                    ("ip", ip.as_str()),
                ];
                family.sample(&labels, 1)
            };
            if let Some(announcement) = verdicts.layer2.announcement() {
                for address in &announcement.addresses {
                    say("layer2", *address)?;
                }
            }
            if let Some(announcement) = verdicts.bgp.announcement() {
                for address in told(facts, service, announcement) {
                    say("bgp", address)?;
                }
            }
        }
        Ok(())
    }
}

/// The addresses of a Service that some peer is to be told of.
fn told(
    facts: &Facts,
    service: &ServiceKey,
    announcement: &BgpAnnouncement,
) -> impl Iterator<Item = IpAddr> {
    let name = ObjectName::new(service.namespace().as_str(), service.name());
    let object = facts.objects.services.get(&name);
    let addresses = object.into_iter().flat_map(|service| service.addresses());
    addresses.filter(|address| {
        announcement.peers.values().any(|verdict| {
            matches!(verdict, PeerVerdict::Advertised(families) if families.contains(Family::of(*address)))
        })
    })
}
