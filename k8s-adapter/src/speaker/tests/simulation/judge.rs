//! Whether an address has one owner: how long at a time it had two, or none.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How a node is, as somebody sees it who sees everything.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// The part of the segment that it can send to and receive from; `None` while it can do neither.
    pub(super) part: Option<u8>,
    /// What it answers for.
    pub(super) answers: BTreeSet<IpAddr>,
    /// What it should answer for if nobody else does.
    pub(super) eligible: BTreeSet<IpAddr>,
}

/// What should not last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Finding {
    /// Two nodes of one part answer.
    TwoOwners,
    /// Nobody in its part answers for what a node could.
    NoOwner,
}

/// The longest that something lasted, when it began, and of what address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Longest {
    pub(super) time: Duration,
    pub(super) from: Duration,
    pub(super) address: IpAddr,
}

/// What was seen.
pub(super) type Findings = BTreeMap<Finding, Longest>;

/// Something that is so, of an address, and for a node where it is about one.
type Matter = (Finding, IpAddr, Option<usize>);

/// Watches.
pub(super) struct Judge {
    start: Instant,
    /// Since when it is so.
    since: BTreeMap<Matter, Instant>,
    findings: Findings,
}

impl Judge {
    pub(super) const fn new(start: Instant) -> Self {
        Self {
            start,
            since: BTreeMap::new(),
            findings: Findings::new(),
        }
    }

    /// From now on the nodes are like this.
    pub(super) fn look(&mut self, now: Instant, nodes: &[Standing]) {
        for ((finding, address, _), since) in &self.since {
            let longest = Longest {
                time: now - *since,
                from: *since - self.start,
                address: *address,
            };
            let known = self.findings.entry(*finding).or_insert(longest);
            if known.time < longest.time {
                *known = longest;
            }
        }
        let matters = matters(nodes);
        self.since.retain(|matter, _| matters.contains(matter));
        for matter in matters {
            self.since.entry(matter).or_insert(now);
        }
    }

    /// What was seen so far.
    pub(super) fn into_findings(self) -> Findings {
        self.findings
    }
}

/// What is so.
fn matters(nodes: &[Standing]) -> BTreeSet<Matter> {
    let there = || {
        nodes
            .iter()
            .enumerate()
            .filter(|(_, node)| node.part.is_some())
    };
    let mut matters = BTreeSet::new();
    for (index, node) in there() {
        for (other_index, other) in there().filter(|(_, other)| other.part == node.part) {
            if other_index <= index {
                continue;
            }
            let both = node.answers.intersection(&other.answers);
            matters.extend(both.map(|address| (Finding::TwoOwners, *address, None)));
        }
        let near = || there().filter(|(_, other)| other.part == node.part);
        for address in &node.eligible {
            if near().all(|(_, other)| !other.answers.contains(address)) {
                matters.insert((Finding::NoOwner, *address, Some(index)));
            }
        }
    }
    matters
}
