//! A speaker in a world of recorders: sessions that send at once, links that never fail, statuses kept in memory.

mod links;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arp_ndp::{Event, MacAddr, Mark, Marker, Role};
use bgp_fsm::driver::PasswordError;
use bgp_wire::Cease;
use election::membership::{Facts, Key};
use ipnet::IpNet;
use planner::config::Establishment;
use planner::desired::{PeerSession, RouteAttributes};
use planner::effect::{Effect, StatusAbout, StatusBody, StatusId};
use planner::members::{Member, Members};
use planner::names::{NodeName, PeerName};
use planner::observed::{SessionObserved, SessionState};
use planner::snapshot::Options;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use self::links::{FakeResponders, usable};
pub(super) use self::links::{HAND_OVER, PROBE, mac, member};
use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError, dir};
use crate::speaker::Speaker;
use crate::speaker::fence::Defence;
use crate::speaker::fresh::Probe;
use crate::speaker::layer2::UsableLink;
use crate::speaker::membership::{Alive, Membership, View, remember};
use crate::speaker::peers::{Reconfigured, RouteChange, Session, SessionError, Sessions};
use crate::speaker::proxy::{Answer, KubeProxy};
use crate::translate::{ClusterObjects, TranslateOptions};

/// The speaker that is tested.
type TestSpeaker = Speaker<FakeSource, Recorder, FakeResponders>;

/// A running speaker and what it did.
pub(super) struct World {
    node: String,
    record: Arc<Mutex<Record>>,
    group: Option<Group>,
    objects: mpsc::UnboundedSender<Result<Arc<ClusterObjects>, SourceError>>,
    links: watch::Sender<BTreeMap<u32, UsableLink>>,
    stop: Mutex<Option<oneshot::Sender<()>>>,
    speaker: JoinHandle<Result<(), SourceError>>,
}

/// The group of speakers, as one of them is shown it.
struct Group {
    view: watch::Sender<View>,
    facts: watch::Receiver<Facts>,
}

/// Everything that reached the outside.
#[derive(Default)]
pub(super) struct Record {
    /// What sessions were told, in order.
    pub(super) sessions: Vec<String>,
    /// The routes that sessions were told to change, in order.
    pub(super) updates: Vec<String>,
    /// What each running session has sent.
    pub(super) sent: BTreeMap<String, BTreeMap<IpNet, Arc<RouteAttributes>>>,
    /// What each link cares for.
    pub(super) answers: BTreeMap<String, BTreeMap<IpAddr, Role>>,
    /// What responders were told of claims, in order.
    pub(super) verdicts: Vec<String>,
    /// What each link marks its announcements with.
    pub(super) markers: BTreeMap<String, Marker>,
    /// How often stations were asked for addresses.
    pub(super) asked: BTreeMap<(IpAddr, MacAddr), usize>,
    /// How often responders were told to remind others.
    pub(super) reminders: usize,
    /// The status objects that are there.
    pub(super) statuses: BTreeMap<StatusId, StatusBody>,
    /// The events, as `Reason message`.
    pub(super) events: Vec<String>,
    /// The latest ConfigurationState's summary.
    pub(super) error_summary: String,
    /// The messages of the conditions in it.
    pub(super) conditions: Vec<String>,
    /// How many statuses and events were written.
    pub(super) writes: usize,
    /// The status objects that were deleted.
    pub(super) deleted: Vec<String>,
    /// How long the sink takes for each effect.
    pub(super) sink_delay: Duration,
    /// How long a router takes to end a session.
    pub(super) goodbye: Duration,
    /// The links on which no responder can be started.
    pub(super) closed_links: BTreeSet<String>,
    /// The addresses of routers that are waited for.
    pub(super) admitted: BTreeSet<IpAddr>,
    /// Whether the engine refuses all settings.
    pub(super) refuse_sessions: bool,
    /// What kube-proxy answers; `None`: it is not to be asked.
    pub(super) kube_proxy: Option<Answer>,
    /// Tells the responder of a link that its sockets broke.
    breakers: BTreeMap<String, Arc<Notify>>,
    /// Has the responder of a link tell something.
    tellers: BTreeMap<String, mpsc::UnboundedSender<Event>>,
}

impl World {
    /// A speaker on `node` with the link `eth0`, whose source has not been read yet.
    pub(super) fn start(node: &str) -> Self {
        Self::begin(node, |speaker, _| speaker, None)
    }

    /// The same with new addresses that wait for a kube-proxy.
    pub(super) fn start_beside_kube_proxy(node: &str) -> Self {
        let beside = |speaker: TestSpeaker, record: Arc<Mutex<Record>>| {
            speaker.with_proxy(Some(KubeProxy::asked(move || {
                let answer = record.lock().unwrap().kube_proxy.unwrap();
                Box::pin(std::future::ready(answer))
            })))
        };
        Self::begin(node, beside, None)
    }

    /// The same in a group of speakers whose members it does not know yet, with this to do about strangers.
    pub(super) fn start_in_group(node: &str, defence: Defence) -> Self {
        let (view, view_rx) = watch::channel(View::joining());
        let (facts_tx, facts) = watch::channel(Facts::default());
        let (name, mut told) = (NodeName::from(node), facts.clone());
        let in_group = move |speaker: TestSpeaker, record: Arc<Mutex<Record>>| {
            let task = tokio::spawn(async move {
                while told.changed().await.is_ok() {}
                let handed_over = "left the group".to_owned();
                record.lock().unwrap().sessions.push(handed_over);
            });
            let membership = Membership::new(name, view_rx, facts_tx, task);
            speaker
                .with_caution(defence, Probe::NewAddresses)
                .with_membership(Some(membership))
        };
        Self::begin(node, in_group, Some(Group { view, facts }))
    }

    fn begin(
        node: &str,
        build: impl FnOnce(TestSpeaker, Arc<Mutex<Record>>) -> TestSpeaker,
        group: Option<Group>,
    ) -> Self {
        let record = Arc::new(Mutex::new(Record::default()));
        let (objects, source) = mpsc::unbounded_channel();
        let (links, links_rx) = watch::channel(usable(node, &["eth0"]));
        let (stop, stopped) = oneshot::channel::<()>();
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: Options::default(),
        };
        let speaker = Speaker::new(
            NodeName::from(node),
            options,
            FakeSource(source),
            Recorder(Arc::clone(&record)),
            Recorder(Arc::clone(&record)),
            FakeResponders {
                links: links_rx,
                record: Arc::clone(&record),
            },
        );
        let speaker = build(speaker, Arc::clone(&record));
        let stopped = async {
            let _ = stopped.await;
        };
        Self {
            node: node.to_owned(),
            record,
            group,
            objects,
            links,
            stop: Mutex::new(Some(stop)),
            speaker: tokio::spawn(speaker.run(stopped)),
        }
    }

    /// The group of speakers now shows these nodes alive, each with the MAC address that [`mac`] says.
    pub(super) async fn set_alive(&self, nodes: &[&str]) {
        self.set_members(
            nodes
                .iter()
                .map(|node| (NodeName::from(*node), member(node))),
        )
        .await;
    }

    /// The group of speakers now shows these members.
    pub(super) async fn set_members(&self, members: impl IntoIterator<Item = (NodeName, Member)>) {
        let alive: Members = members.into_iter().collect();
        let group = self.group.as_ref().unwrap();
        group.view.send_modify(|view| {
            remember(&mut view.met, alive.iter());
            view.alive = Alive::These(alive);
        });
        self.settle().await;
    }

    /// The speaker cannot take part in the group.
    pub(super) async fn set_alone(&self) {
        let group = self.group.as_ref().unwrap();
        group.view.send_modify(|view| view.alive = Alive::Everybody);
        self.settle().await;
    }

    /// The members of the group now have the key of this secret.
    pub(super) async fn set_secret(&self, secret: &str) {
        let group = self.group.as_ref().unwrap();
        let key = Some(Key::derive(secret.as_bytes()));
        group.view.send_modify(|view| view.key = key);
        self.settle().await;
    }

    /// The mark with which a link announces an address from this hardware address.
    pub(super) fn mark(&self, link: &str, address: IpAddr, mac: MacAddr) -> Option<Mark> {
        let marker = self.record(|record| record.markers.get(link).cloned())?;
        Some(marker.mark(address, mac))
    }

    /// Somebody is to be found, or has been.
    pub(super) async fn seek(&self, is_somebody_sought: bool) {
        let group = self.group.as_ref().unwrap();
        group
            .view
            .send_modify(|view| view.is_somebody_sought = is_somebody_sought);
        self.settle().await;
    }

    /// Somebody was held dead and has come back.
    pub(super) async fn see_return(&self) {
        let group = self.group.as_ref().unwrap();
        group.view.send_modify(|view| view.returns += 1);
        self.settle().await;
    }

    /// What this node tells the other speakers of itself.
    pub(super) fn facts(&self) -> Facts {
        self.group.as_ref().unwrap().facts.borrow().clone()
    }

    /// The source now says this, and the speaker has had time to act.
    pub(super) async fn set(&self, manifests: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("all.yaml"), manifests.join("\n---\n")).unwrap();
        self.objects
            .send(Ok(Arc::new(dir::read(folder.path()).unwrap())))
            .unwrap();
        self.settle().await;
    }

    /// The source fails.
    pub(super) async fn fail(&self) {
        self.objects.send(Err(SourceError::Ended)).unwrap();
        self.settle().await;
    }

    /// The node now has these links.
    pub(super) async fn set_links(&self, names: &[&str]) {
        self.links.send_replace(usable(&self.node, names));
        self.settle().await;
    }

    /// Virtual time passes, so whatever can happen at once has happened.
    pub(super) async fn settle(&self) {
        sleep(Duration::from_millis(10)).await;
    }

    /// What sessions were told since the last call.
    pub(super) fn take_sessions(&self) -> Vec<String> {
        std::mem::take(&mut self.record.lock().unwrap().sessions)
    }

    /// The routes that sessions were told to change since the last call.
    pub(super) fn take_updates(&self) -> Vec<String> {
        std::mem::take(&mut self.record.lock().unwrap().updates)
    }

    /// Changes how the outside behaves.
    pub(super) fn change(&self, change: impl FnOnce(&mut Record)) {
        change(&mut self.record.lock().unwrap());
    }

    /// The sockets of the responder on a link break.
    pub(super) async fn break_sockets(&self, link: &str) {
        self.record(|record| record.breakers[link].notify_one());
        self.settle().await;
    }

    /// The responder of a link tells this.
    pub(super) async fn tell(&self, link: &str, event: Event) {
        self.record(|record| record.tellers[link].send(event).unwrap());
        self.settle().await;
    }

    /// Looks at everything else.
    pub(super) fn record<T>(&self, look: impl FnOnce(&Record) -> T) -> T {
        look(&self.record.lock().unwrap())
    }

    /// The prefixes that a peer was sent, as text.
    pub(super) fn sent(&self, peer: &str) -> Vec<String> {
        let sent = |record: &Record| {
            record
                .sent
                .get(peer)
                .into_iter()
                .flat_map(BTreeMap::keys)
                .map(IpNet::to_string)
                .collect()
        };
        self.record(sent)
    }

    /// What the addresses that a link cares for are to it, as text.
    pub(super) fn roles(&self, link: &str) -> Vec<String> {
        let role = |(address, role): (&IpAddr, &Role)| format!("{address} {role:?}");
        let roles = |record: &Record| {
            let answers = record.answers.get(link).into_iter().flatten();
            answers.map(role).collect()
        };
        self.record(roles)
    }

    /// The addresses that a link answers for, as text.
    pub(super) fn answers(&self, link: &str) -> Vec<String> {
        let answers = |record: &Record| {
            record
                .answers
                .get(link)
                .into_iter()
                .flat_map(BTreeMap::keys)
                .map(IpAddr::to_string)
                .collect()
        };
        self.record(answers)
    }

    /// What the BGPSession of a peer gives as its last error.
    pub(super) fn last_error(&self, peer: &str) -> Option<String> {
        let of_peer = |id: &StatusId| matches!(&id.about, StatusAbout::Session(other) if other.as_str() == peer);
        self.record(|record| {
            let mut statuses = record.statuses.iter();
            let (_, body) = statuses.find(|(id, _)| of_peer(id)).unwrap();
            match body {
                StatusBody::Session(session) => session.last_error.clone(),
                other => panic!("{other:?}"),
            }
        })
    }

    /// The status objects that were deleted, in order.
    pub(super) fn deleted(&self) -> Vec<String> {
        self.record(|record| record.deleted.clone())
    }

    /// What the status objects that are there say of Services.
    pub(super) fn statuses(&self) -> Vec<String> {
        let name = |(id, body): (&StatusId, &StatusBody)| match (&id.about, body) {
            (StatusAbout::Bgp(service), StatusBody::Bgp { peers }) => {
                Some(format!("bgp {service} {peers:?}"))
            }
            (StatusAbout::Layer2(service), StatusBody::Layer2 { interfaces }) => {
                Some(format!("l2 {service} {interfaces:?}"))
            }
            _ => None,
        };
        self.record(|record| record.statuses.iter().filter_map(name).collect())
    }

    /// SIGTERM.
    pub(super) fn stop(&self) {
        let stop = self.stop.lock().unwrap().take();
        stop.unwrap().send(()).unwrap();
    }

    /// SIGTERM. Returns what was recorded once the speaker has ended.
    pub(super) async fn terminate(self) -> Record {
        self.stop();
        self.terminated().await
    }

    /// Returns what was recorded once the speaker has ended that was told to.
    pub(super) async fn terminated(self) -> Record {
        self.speaker.await.unwrap().unwrap();
        std::mem::take(&mut self.record.lock().unwrap())
    }

    /// How the speaker ended by itself.
    pub(super) async fn ended(self) -> Result<(), SourceError> {
        self.speaker.await.unwrap()
    }
}

pub(super) struct FakeSource(
    pub(super) mpsc::UnboundedReceiver<Result<Arc<ClusterObjects>, SourceError>>,
);

impl Source for FakeSource {
    async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
        self.0.recv().await.unwrap_or(Err(SourceError::Ended))
    }
}

#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<Record>>);

impl Sink for Recorder {
    async fn apply(&self, effect: Effect, _: &ClusterObjects) -> Result<(), SinkError> {
        let delay = self.0.lock().unwrap().sink_delay;
        sleep(delay).await;
        let mut record = self.0.lock().unwrap();
        record.writes += usize::from(is_about_service(&effect));
        match effect {
            Effect::UpsertStatus { id, body } => drop(record.statuses.insert(id, body)),
            Effect::DeleteStatus { id } => {
                record.deleted.push(id.to_string());
                record.statuses.remove(&id);
            }
            Effect::EmitEvent(event) => record
                .events
                .push(format!("{} {}", event.reason, event.message)),
            Effect::ConfigurationState(state) => {
                record.error_summary = state.error_summary;
                let conditions = state.conditions.into_iter();
                record.conditions = conditions.map(|condition| condition.message).collect();
            }
            other => panic!("not a speaker's business: {other:?}"),
        }
        Ok(())
    }

    async fn retain(&self, _: &ClusterObjects) -> Result<(), SinkError> {
        Ok(())
    }
}

/// Neither the configuration's state nor that of a session, which is another with every start.
fn is_about_service(effect: &Effect) -> bool {
    match effect {
        Effect::UpsertStatus { id, .. } | Effect::DeleteStatus { id } => {
            id.about.service().is_some()
        }
        Effect::ConfigurationState(_) => false,
        _ => true,
    }
}

impl Sessions for Recorder {
    type Session = FakeSession;

    fn start(
        &mut self,
        peer: &PeerName,
        settings: &PeerSession,
    ) -> Result<FakeSession, SessionError> {
        let mut record = self.0.lock().unwrap();
        if record.refuse_sessions {
            return Err(PasswordError::Empty.into());
        }
        let address = settings.address;
        if settings.establishment == Establishment::Passive && !record.admitted.insert(address) {
            return Err(SessionError::AddressTaken(address));
        }
        record.sessions.push(format!("start {peer}"));
        Ok(FakeSession {
            peer: peer.to_string(),
            settings: settings.clone(),
            observed: SessionObserved {
                state: SessionState::Established,
                ..SessionObserved::default()
            },
            record: Arc::clone(&self.0),
        })
    }
}

/// Sends at once whatever it is told, and takes any settings but another address or password.
pub(super) struct FakeSession {
    peer: String,
    settings: PeerSession,
    observed: SessionObserved,
    record: Arc<Mutex<Record>>,
}

impl Session for FakeSession {
    fn reconfigure(&mut self, settings: &PeerSession) -> Result<Reconfigured, SessionError> {
        let connection = |settings: &PeerSession| (settings.address, settings.password.clone());
        if connection(settings) != connection(&self.settings) {
            return Ok(Reconfigured::NeedsRestart);
        }
        let mut record = self.record.lock().unwrap();
        let becomes_passive = (self.settings.establishment, settings.establishment)
            == (Establishment::Active, Establishment::Passive);
        if becomes_passive && !record.admitted.insert(settings.address) {
            return Err(SessionError::AddressTaken(settings.address));
        }
        self.settings = settings.clone();
        let peer = &self.peer;
        record.sessions.push(format!("reconfigure {peer}"));
        Ok(Reconfigured::Applied)
    }

    fn update_routes<'a>(&mut self, changes: impl Iterator<Item = RouteChange<'a>>) {
        let mut record = self.record.lock().unwrap();
        let sent = record.sent.entry(self.peer.clone()).or_default();
        let mut updates = Vec::new();
        for (prefix, attributes) in changes {
            let sign = if attributes.is_some() { '+' } else { '-' };
            updates.push(format!("{} {sign}{prefix}", self.peer));
            match attributes {
                Some(attributes) => sent.insert(prefix, Arc::clone(attributes)),
                None => sent.remove(&prefix),
            };
        }
        self.observed.sent = sent.keys().copied().collect();
        record.updates.extend(updates);
    }

    fn has_told(&self) -> bool {
        true
    }

    fn observed(&self) -> &SessionObserved {
        &self.observed
    }

    async fn changed(&mut self) {
        // The record changes in `update_routes` alone, and whoever calls that looks afterwards.
        std::future::pending().await
    }

    async fn stop(self, cease: Cease, text: String) {
        let goodbye = {
            let mut record = self.record.lock().unwrap();
            if self.settings.establishment == Establishment::Passive {
                record.admitted.remove(&self.settings.address);
            }
            record.goodbye
        };
        sleep(goodbye).await;
        let mut record = self.record.lock().unwrap();
        record.sent.remove(&self.peer);
        let (peer, left) = (self.peer, self.observed.sent.len());
        record
            .sessions
            .push(format!("stop {peer} with {left} routes, {cease}: {text}"));
    }
}
