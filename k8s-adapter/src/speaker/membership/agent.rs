//! The task of a member: it joins the group as soon as it can, finds the others, and shows who is alive.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use election::driver::{Agent, DriverError, Status};
use election::membership::{Event, Facts, Key, Member, MemberName, MemberNameError, Members};
use planner::effect::{Problem, Severity};
use planner::names::NodeName;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tracing::{info, warn};

use super::peers::Finder;
use super::{Alive, View, facts_of_planner, remember};
use crate::speaker::board::Board;
use crate::speaker::flags::MembershipSettings;
use crate::telemetry::chain;

/// The part of this node in the group, once it has one: an [`Agent`], or what stands for it in a simulation.
pub(in crate::speaker) trait Participant: Send + 'static {
    /// Where others reach it.
    fn address(&self) -> SocketAddr;

    /// The others can be found at these addresses.
    fn set_peers(&self, peers: BTreeSet<SocketAddr>);

    /// This is what it tells of itself.
    fn set_facts(&self, facts: Facts);

    /// This is what all are to seal with from now on.
    fn set_key(&self, key: Key);

    /// Who is alive, this node among them.
    fn members(&self) -> watch::Receiver<Arc<Members>>;

    /// What happens.
    fn events(&mut self) -> &mut mpsc::Receiver<Event>;

    /// Says to all others that it goes.
    fn leave(self) -> impl Future<Output = ()> + Send;
}

/// What a member does for its speaker.
pub(in crate::speaker) struct Task {
    node: NodeName,
    settings: MembershipSettings,
    finder: Finder,
    facts: watch::Receiver<Facts>,
    view: watch::Sender<View>,
    board: Board<(), Status>,
    /// Where the others are, once that is known.
    peers: Option<BTreeSet<SocketAddr>>,
    /// What is in the way of knowing it, or of taking part.
    problem: Option<String>,
    /// The key, once it has been read.
    key: Option<Key>,
    /// What is in the way of reading the key again.
    key_problem: Option<String>,
    /// Until when the others may take to be found.
    joining_until: Option<Instant>,
    /// Those that are held dead.
    dead: BTreeSet<MemberName>,
    returns: u64,
    /// Whether somebody who is to be found is not alive.
    is_somebody_sought: bool,
    /// Whoever has been alive or has called, as heard of last.
    met: planner::members::Members,
}

/// Why this speaker cannot take part.
#[derive(Debug, thiserror::Error)]
pub(super) enum Obstacle {
    /// No key is given.
    #[error(
        "no key: give --ml-secret-key-path, a folder with the file {FILE} of the Secret memberlist"
    )]
    NoKey,
    /// The key cannot be read.
    #[error("cannot read the key {}; it is the value {FILE} of the Secret memberlist", path.display())]
    Unreadable {
        /// Its file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Everybody would know it.
    #[error("the key {} is empty; it is the value {FILE} of the Secret memberlist", path.display())]
    EmptyKey {
        /// Its file.
        path: PathBuf,
    },
    /// No member can have such a name.
    #[error("the node's name cannot be that of a member")]
    Name(#[from] MemberNameError),
    /// There is no socket.
    #[error(transparent)]
    Driver(#[from] DriverError),
}

impl Task {
    pub(super) fn new(
        node: NodeName,
        settings: MembershipSettings,
        finder: Finder,
        facts: watch::Receiver<Facts>,
        view: watch::Sender<View>,
        board: Board<(), Status>,
    ) -> Self {
        Self {
            node,
            settings,
            finder,
            facts,
            view,
            board,
            peers: None,
            problem: None,
            key: None,
            key_problem: None,
            joining_until: None,
            dead: BTreeSet::new(),
            returns: 0,
            is_somebody_sought: false,
            met: planner::members::Members::new(),
        }
    }

    /// The same with a key that has been read already.
    #[cfg(test)]
    pub(in crate::speaker) fn with_key(self, key: Key) -> Self {
        let key = Some(key);
        Self { key, ..self }
    }

    /// Takes part until nobody has facts to tell any more, and leaves.
    pub(super) async fn run(mut self) {
        if let Some(agent) = self.join().await {
            self.board.show((), agent.status());
            self.take_part(agent).await;
        }
    }

    /// The same from the moment on when it has joined.
    pub(in crate::speaker) async fn take_part(mut self, mut agent: impl Participant) {
        agent.set_facts(self.facts.borrow_and_update().clone());
        self.joining_until = Some(Instant::now() + self.settings.patience);
        let mut members = agent.members();
        let mut reading = interval_at(Instant::now() + RETRY, RETRY);
        reading.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let joining_until = self.joining_until;
            let deadline = joining_until.unwrap_or_else(Instant::now);
            tokio::select! {
                changed = self.facts.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    agent.set_facts(self.facts.borrow_and_update().clone());
                }
                found = self.finder.changed() => self.find(&agent, found),
                Ok(()) = members.changed() => {}
                // The driver has logged them.
                Some(event) = agent.events().recv() => self.note(event),
                _ = reading.tick(), if self.settings.key_folder.is_some() => self.read_key_again(&agent),
                () = sleep_until(deadline), if joining_until.is_some() => {
                    warn!("not every speaker has been found in time: the others go on without");
                    self.joining_until = None;
                }
            }
            let members = members.borrow_and_update().clone();
            self.show(agent.address(), &members);
        }
        agent.leave().await;
    }

    /// Tries to join until it works; `None` when there is no need any more.
    async fn join(&mut self) -> Option<Agent> {
        loop {
            match self.try_join().await {
                Ok(agent) => {
                    info!(address = %agent.address(), "takes part in the membership");
                    self.set_problem(None);
                    return Some(agent);
                }
                Err(obstacle) => {
                    self.set_problem(Some(format!(
                        "{}: this speaker hears of no other, and every node counts as alive",
                        chain(&obstacle)
                    )));
                    self.publish(Alive::Everybody);
                }
            }
            let retry = sleep(RETRY);
            tokio::pin!(retry);
            loop {
                tokio::select! {
                    changed = self.facts.changed() => {
                        if changed.is_err() {
                            return None;
                        }
                    }
                    () = &mut retry => break,
                }
            }
        }
    }

    async fn try_join(&mut self) -> Result<Agent, Obstacle> {
        let key = self.read_key()?;
        self.key = Some(key.clone());
        let name = MemberName::try_new(self.node.as_str())?;
        let (bind, config) = (self.settings.bind, self.settings.config.clone());
        Ok(Agent::spawn(name, bind, bind.ip(), config, &key).await?)
    }

    /// The key in a folder where a Secret is mounted.
    fn read_key(&self) -> Result<Key, Obstacle> {
        let folder = self.settings.key_folder.as_deref();
        let path = folder.ok_or(Obstacle::NoKey)?.join(FILE);
        match fs::read(&path) {
            Ok(secret) if secret.trim_ascii().is_empty() => Err(Obstacle::EmptyKey { path }),
            Ok(secret) => Ok(Key::derive(&secret)),
            Err(source) => Err(Obstacle::Unreadable { path, source }),
        }
    }

    /// Takes up a key that has changed. One that cannot be read any more stays.
    fn read_key_again(&mut self, agent: &impl Participant) {
        let message = match self.read_key() {
            Ok(key) => {
                self.key = Some(key.clone());
                agent.set_key(key);
                None
            }
            Err(obstacle) => Some(format!(
                "{}: this speaker goes on with the key that it had",
                chain(&obstacle)
            )),
        };
        change(&mut self.key_problem, message);
    }

    /// Members are to be found at these addresses, those of the own family; or why that is not known.
    fn find(&mut self, agent: &impl Participant, found: Result<BTreeSet<IpAddr>, String>) {
        match found {
            Ok(found) => {
                let bind = self.settings.bind;
                let reachable = found
                    .into_iter()
                    .filter(|ip| ip.is_ipv4() == bind.is_ipv4());
                let peers: BTreeSet<SocketAddr> = reachable
                    .map(|ip| SocketAddr::new(ip, bind.port()))
                    .collect();
                agent.set_peers(peers.clone());
                self.peers = Some(peers);
                self.set_problem(None);
            }
            Err(why) => self.set_problem(Some(format!("cannot find the other speakers: {why}"))),
        }
    }

    /// Shows who is alive, as far as that is known.
    fn show(&mut self, own: SocketAddr, members: &Members) {
        let has_found_all = self.has_found_all(own, members);
        if has_found_all {
            self.joining_until = None;
        }
        self.is_somebody_sought = self.peers.is_some() && !has_found_all;
        let alive: planner::members::Members = members.values().map(of_planner).collect();
        remember(&mut self.met, alive.iter());
        self.publish(if self.joining_until.is_some() {
            Alive::Joining
        } else if self.peers.is_none() && members.len() <= 1 {
            // Who was never told where the others are knows nothing by not hearing of them.
            Alive::Everybody
        } else {
            Alive::These(alive)
        });
    }

    /// Counts who was held dead and is there again, be it this one: who was cut off, or crashed. Remembers who calls.
    fn note(&mut self, event: Event) {
        match event {
            Event::Died(member) => drop(self.dead.insert(member.name.clone())),
            Event::Joined(member) if self.dead.remove(&member.name) => self.returns += 1,
            Event::CameBack { .. } => self.returns += 1,
            Event::Called(member) => {
                let (node, member) = of_planner(&member);
                remember(&mut self.met, [(&node, &member)]);
            }
            _ => {}
        }
    }

    /// Whether everybody is a member who is to be found, and has said how it is.
    fn has_found_all(&self, own: SocketAddr, members: &Members) -> bool {
        let Some(peers) = &self.peers else {
            return false;
        };
        let others = members.values().filter(|member| member.address != own);
        let heard = others.filter(|member| member.facts.is_some());
        let heard: BTreeSet<SocketAddr> = heard.map(|member| member.address).collect();
        peers
            .iter()
            .all(|peer| *peer == own || heard.contains(peer))
    }

    fn publish(&self, alive: Alive) {
        let problem = self.problem.as_ref().or(self.key_problem.as_ref());
        let problem = problem.map(|message| Problem {
            kind: "Speaker".to_owned(),
            name: "membership".to_owned(),
            message: message.clone(),
            severity: Severity::Warning,
        });
        let now = View {
            alive,
            met: self.met.clone(),
            is_somebody_sought: self.is_somebody_sought,
            problem,
            key: self.key.clone(),
            returns: self.returns,
        };
        self.view.send_if_modified(|view| {
            let is_other = *view != now;
            if is_other {
                *view = now;
            }
            is_other
        });
    }

    fn set_problem(&mut self, message: Option<String>) {
        change(&mut self.problem, message);
    }
}

impl Participant for Agent {
    fn address(&self) -> SocketAddr {
        self.address()
    }

    fn set_peers(&self, peers: BTreeSet<SocketAddr>) {
        self.set_peers(peers);
    }

    fn set_facts(&self, facts: Facts) {
        self.set_facts(facts);
    }

    fn set_key(&self, key: Key) {
        self.set_key(key);
    }

    fn members(&self) -> watch::Receiver<Arc<Members>> {
        self.members()
    }

    fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        self.events()
    }

    async fn leave(self) {
        self.leave().await;
    }
}

/// A member as the planner has to know it. One whose facts have not been heard yet counts as able to do anything.
fn of_planner(member: &Arc<Member>) -> (NodeName, planner::members::Member) {
    let known = member.facts.as_deref().map(facts_of_planner);
    let node = NodeName::from(member.name.as_str());
    (node, known.unwrap_or_default())
}

/// Says once what is wrong.
fn change(problem: &mut Option<String>, now: Option<String>) {
    if *problem != now {
        if let Some(now) = &now {
            warn!("membership: {now}");
        }
        *problem = now;
    }
}

/// The key of the Secret that holds what all members know.
const FILE: &str = "secretkey";
/// How often it is tried to take part, and the key is read after that.
const RETRY: Duration = Duration::from_secs(5);
