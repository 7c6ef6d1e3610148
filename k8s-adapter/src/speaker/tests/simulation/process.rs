//! One speaker of a simulation: the product's, but for what is beyond its machines.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use election::membership::{Config, Key};
use planner::names::NodeName;
use planner::snapshot::Options;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use super::gate::Gate;
use super::node_name;
use super::seat::{Seat, Seated};
use super::wire::{Wire, WireResponders};
use crate::source::SourceError;
use crate::speaker::Speaker;
use crate::speaker::board::Board;
use crate::speaker::fence::Defence;
use crate::speaker::flags::MembershipSettings;
use crate::speaker::fresh::Probe;
use crate::speaker::layer2::UsableLink;
use crate::speaker::membership::{Membership, Participant as _, Peers};
use crate::speaker::tests::world::{FakeSource, Recorder};
use crate::translate::{ClusterObjects, TranslateOptions};

/// A speaker that runs, or stands still.
pub(super) struct Process {
    pub(super) wire: Arc<Mutex<Wire>>,
    pub(super) seat: Arc<Mutex<Seat>>,
    pub(super) gate: Arc<Gate>,
    pub(super) links: watch::Sender<BTreeMap<u32, UsableLink>>,
    objects: mpsc::UnboundedSender<Result<Arc<ClusterObjects>, SourceError>>,
    stop: Option<oneshot::Sender<()>>,
    speaker: JoinHandle<Result<(), SourceError>>,
}

impl Process {
    /// A process that has been started, and has read nothing yet.
    pub(super) fn start(
        node: usize,
        links: BTreeMap<u32, UsableLink>,
        wire: Wire,
        seated: Seated,
        key: Key,
    ) -> Self {
        let (name, gate) = (
            NodeName::from(node_name(node).as_str()),
            Arc::new(Gate::default()),
        );
        let (objects, source) = mpsc::unbounded_channel();
        let (links, links_rx) = watch::channel(links);
        let (wire, seat) = (Arc::new(Mutex::new(wire)), seated.seat());
        let settings = MembershipSettings {
            bind: seated.address(),
            labels: String::new(),
            key_folder: None,
            config: Config::lan(),
            patience: PATIENCE,
        };
        let kept = Arc::clone(&gate);
        let membership = Membership::start_as(
            name.clone(),
            settings,
            Peers::Nodes,
            Board::default(),
            |task| kept.keep(task.with_key(key).take_part(seated)),
        );
        let responders = WireResponders {
            links: links_rx,
            wire: Arc::clone(&wire),
        };
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: Options::default(),
        };
        let (stop, stopped) = oneshot::channel();
        let stopped = async {
            if stopped.await.is_err() {
                std::future::pending().await
            }
        };
        let recorder = Recorder::default();
        let source = FakeSource(source);
        let speaker = Speaker::new(
            name,
            options,
            source,
            recorder.clone(),
            recorder,
            responders,
        )
        .with_caution(Defence::Always, Probe::NewAddresses)
        .with_membership(Some(membership));
        let speaker = Arc::clone(&gate).keep(speaker.run(stopped));
        Self {
            wire,
            seat,
            gate,
            links,
            objects,
            stop: Some(stop),
            speaker: tokio::spawn(speaker),
        }
    }

    /// The source says this.
    pub(super) fn set_objects(&self, objects: Arc<ClusterObjects>) {
        // It may be about to end.
        let _ = self.objects.send(Ok(objects));
    }

    /// SIGTERM.
    pub(super) fn terminate(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }

    /// Whether it has been told to end.
    pub(super) const fn is_leaving(&self) -> bool {
        self.stop.is_none()
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.speaker.is_finished()
    }
}

/// kill -9.
impl Drop for Process {
    fn drop(&mut self) {
        self.speaker.abort();
    }
}

/// The flag's default.
const PATIENCE: Duration = Duration::from_secs(1);
