//! Which speakers are alive, as their group knows it, and what this one tells the group of itself.
//!
//! * Until the others have been found, which takes moments and is bounded, nothing is answered for by layer 2 that was not
//!   before: who has just been started would else take everything for its own.
//! * Who cannot take part counts every node as alive, as everybody does where no membership is asked for, and says so as
//!   loudly as it can.
//! * It needs no API server once the others are known.

mod agent;
mod peers;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::net::IpAddr;

use arp_ndp::LinkState;
use election::driver::Status;
use election::membership::{Facts, Key, LinkFacts};
use planner::departure::Departure;
use planner::effect::Problem;
use planner::members::{Member, MemberLink, Members};
use planner::names::{Interface, NodeName};
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[cfg(test)]
pub(super) use self::agent::Participant;
pub(super) use self::agent::Task;
pub(super) use self::peers::Peers;
use super::board::Board;
use super::flags::MembershipSettings;
use super::layer2::UsableLink;

/// The part of this speaker in the group of all.
#[derive(Debug)]
pub(super) struct Membership {
    node: NodeName,
    view: watch::Receiver<View>,
    facts: watch::Sender<Facts>,
    /// The addresses of the Nodes, where the others are found by these.
    nodes: Option<watch::Sender<Option<BTreeSet<IpAddr>>>>,
    has_news: bool,
    /// Who is alive, as far as that has been asked for; `None`: everybody.
    members: Option<Members>,
    /// How many returns have been taken up.
    returns: u64,
    task: JoinHandle<()>,
}

/// What is known of the speakers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct View {
    /// Which are alive.
    pub(super) alive: Alive,
    /// Whoever has been alive since the start, while others were being found too, or has called, as heard of last.
    pub(super) met: Members,
    /// Whether somebody who is to be found is not alive, as far as is known: a speaker that this one may never have heard.
    pub(super) is_somebody_sought: bool,
    /// What is in the way of knowing it.
    pub(super) problem: Option<Problem>,
    /// The key that the members have; `None` before it has been read.
    pub(super) key: Option<Key>,
    /// How often somebody came back who was held dead, be it this speaker: links may carry again what they did not.
    pub(super) returns: u64,
}

/// Which speakers are alive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Alive {
    /// It is being found out.
    Joining,
    /// Nobody can tell: all count.
    Everybody,
    /// These.
    These(Members),
}

impl Membership {
    /// Joins the group as the speaker of this node. Shows how it does on the board.
    pub(super) fn start(
        node: NodeName,
        settings: MembershipSettings,
        peers: Peers,
        board: Board<(), Status>,
    ) -> Self {
        Self::start_as(node, settings, peers, board, Task::run)
    }

    /// The same, with the task run like this.
    pub(super) fn start_as<F>(
        node: NodeName,
        settings: MembershipSettings,
        peers: Peers,
        board: Board<(), Status>,
        run: impl FnOnce(Task) -> F,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (view_tx, view) = watch::channel(View::joining());
        let (facts, facts_rx) = watch::channel(Facts::default());
        let (nodes, peers) = peers.connect();
        let task = Task::new(node.clone(), settings, peers, facts_rx, view_tx, board);
        Self {
            nodes,
            ..Self::new(node, view, facts, tokio::spawn(run(task)))
        }
    }

    /// The part of a task that shows this view, is told these facts, and leaves once their sender is gone.
    pub(super) fn new(
        node: NodeName,
        view: watch::Receiver<View>,
        facts: watch::Sender<Facts>,
        task: JoinHandle<()>,
    ) -> Self {
        Self {
            node,
            view,
            facts,
            nodes: None,
            has_news: true,
            members: None,
            returns: 0,
            task,
        }
    }

    /// Tells the others this of this node. The same again is not told.
    ///
    /// Who is still finding the others takes on nothing, so that those who have something keep it until it can.
    pub(super) fn tell(&mut self, own: Facts) {
        let draining = own.draining || self.is_joining();
        let own = Facts { draining, ..own };
        self.has_news |= self.facts.send_if_modified(|told| {
            let is_other = *told != own;
            if is_other {
                *told = own;
            }
            is_other
        });
    }

    /// The Nodes have these addresses. It matters where the others are found by them.
    pub(super) fn set_nodes(&self, addresses: impl Iterator<Item = IpAddr>) {
        if let Some(nodes) = &self.nodes {
            let addresses: BTreeSet<IpAddr> = addresses.collect();
            nodes.send_if_modified(|known| {
                let is_other = known.as_ref() != Some(&addresses);
                if is_other {
                    *known = Some(addresses);
                }
                is_other
            });
        }
    }

    /// Waits until [`take_news`](Self::take_news) may have some. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        if self.has_news {
            return;
        }
        if self.view.changed().await.is_err() {
            // Its task has ended, which nothing but a panic makes it do before it is told to leave.
            std::future::pending().await
        }
        self.has_news = true;
    }

    /// Who is alive, if that or what there is to tell of this node may be another than before; `None` in it: everybody is.
    ///
    /// This node counts as it is now, whatever the others have heard of it.
    pub(super) fn take_news(&mut self) -> Option<Option<Members>> {
        if !std::mem::take(&mut self.has_news) {
            return None;
        }
        let view = self.view.borrow_and_update();
        self.members = match &view.alive {
            Alive::Joining | Alive::Everybody => None,
            Alive::These(alive) => {
                let mut members = alive.clone();
                members.insert(self.node.clone(), facts_of_planner(&self.facts.borrow()));
                Some(members)
            }
        };
        Some(self.members.clone())
    }

    /// Whether somebody has come back who was held dead, since this was asked last.
    pub(super) fn take_return(&mut self) -> bool {
        let returns = self.view.borrow().returns;
        std::mem::replace(&mut self.returns, returns) != returns
    }

    /// Who is alive, as [`take_news`](Self::take_news) said last.
    pub(super) const fn members(&self) -> Option<&Members> {
        self.members.as_ref()
    }

    /// The speaker that a hardware address is of. Who is held dead counts too: that it claims an address shows that it lives,
    /// and that only what members say does not get through.
    pub(super) fn by_mac(&self, mac: [u8; 6]) -> Option<NodeName> {
        let alive = self.members.as_ref()?;
        let met = &self.view.borrow().met;
        alive.by_mac(mac).or_else(|| met.by_mac(mac)).cloned()
    }

    /// Whether one of these nodes was alive before, as far as that is known, and is not now; or somebody is to be found and
    /// never was.
    pub(super) fn misses(&self, is_one: impl Fn(&NodeName) -> bool) -> bool {
        let Some(members) = &self.members else {
            return false;
        };
        let view = self.view.borrow();
        let mut met = view.met.iter().map(|(node, _)| node);
        view.is_somebody_sought || met.any(|node| members.get(node).is_none() && is_one(node))
    }

    /// How many of them there are.
    pub(super) fn alive(&self) -> Option<u64> {
        let members = self.members.as_ref()?;
        u64::try_from(members.iter().count()).ok()
    }

    /// Whether it is still being found out who is alive.
    pub(super) fn is_joining(&self) -> bool {
        matches!(self.view.borrow().alive, Alive::Joining)
    }

    /// What is in the way of knowing who is alive.
    pub(super) fn problem(&self) -> Option<Problem> {
        self.view.borrow().problem.clone()
    }

    /// The key that the members have; `None` before it has been read.
    pub(super) fn key(&self) -> Option<Key> {
        self.view.borrow().key.clone()
    }

    /// Says to all others that this one goes.
    pub(super) async fn leave(self) {
        drop(self.facts);
        // An error here is a panic in the task, which has been reported.
        let _ = self.task.await;
    }
}

impl View {
    /// Nothing yet: the others are being found.
    pub(super) fn joining() -> Self {
        Self {
            alive: Alive::Joining,
            met: Members::new(),
            is_somebody_sought: false,
            problem: None,
            key: None,
            returns: 0,
        }
    }
}

/// Remembers how those are who were heard. Who has come back, and has not said how it is, is known by what it said before.
pub(super) fn remember<'a>(
    met: &mut Members,
    heard: impl IntoIterator<Item = (&'a NodeName, &'a Member)>,
) {
    for (node, member) in heard {
        let known = met.get(node);
        if known != Some(member) && (known.is_none() || !member.links.is_empty()) {
            met.insert(node.clone(), member.clone());
        }
    }
}

/// What a node whose links are these tells of itself.
pub(super) fn facts<'a>(
    links: impl Iterator<Item = (&'a UsableLink, LinkState)>,
    departure: Departure,
) -> Facts {
    let link = |(usable, state): (&UsableLink, LinkState)| {
        let facts = LinkFacts {
            up: state == LinkState::Up,
            mac: usable.link.mac.octets(),
            subnets: usable.subnets.iter().copied().collect(),
        };
        (usable.name.to_string(), facts)
    };
    Facts {
        links: links.map(link).collect(),
        draining: departure != Departure::Staying,
    }
}

fn facts_of_planner(facts: &Facts) -> Member {
    let link = |(name, link): (&String, &LinkFacts)| {
        let known = MemberLink {
            is_up: link.up,
            subnets: link.subnets.iter().copied().collect(),
            macs: [link.mac].into(),
        };
        (Interface::from(name.as_str()), known)
    };
    Member {
        links: facts.links.iter().map(link).collect(),
        is_draining: facts.draining,
    }
}
