//! A folder of manifests as the source: the same objects that an API server would hold.
//!
//! All `*.yaml`, `*.yml` and `*.json` under the folder are read, save hidden files and folders, folders behind symbolic
//! links, and `status/`, where the processes write. What `status/services/` says of a Service is laid over it, so that
//! a controller and speakers work together through the folder.
//!
//! * A file counts once its writer has closed it or renamed it into place; until then its last version does.
//! * A file counts as deleted when it is still gone a moment later ([`SETTLE`]), since editors save by renaming.
//! * The folder itself being gone is a mishap and deletes nothing.
//! * A document or object that cannot be read is reported, and its last good version stays in force.
//! * Of what the processes write, `status/services/`, the statuses of nodes and ConfigurationStates are followed; the rest
//!   is read once, at the start: a change of it wakes nobody.

mod status;
mod tree;
mod watch;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::watch as latest;
use tracing::warn;

use self::tree::Tree;
use super::{Source, SourceError};
use crate::translate::ClusterObjects;

/// How long a file stays in force after it has vanished, or has changed without its writer being seen to close it.
pub const SETTLE: Duration = Duration::from_millis(100);

/// How much longer than publishing took nothing is published again: a small folder is published with every change, a
/// large one that keeps changing now and then.
const REST: u32 = 4;
/// How long a change waits at most for that.
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Reads a folder once.
///
/// # Errors
///
/// The folder itself cannot be read. Anything wrong below it is in [`ClusterObjects::errors`].
pub fn read(path: &Path) -> Result<ClusterObjects, SourceError> {
    let tree = Tree::read(path, &mut |_| {})?;
    Ok(tree.objects())
}

/// A folder that is followed.
///
/// A thread of its own reads the files and publishes what they say, so that a large folder never holds up a session.
#[derive(Debug)]
pub struct DirSource {
    path: PathBuf,
    objects: latest::Receiver<Arc<ClusterObjects>>,
    messages: mpsc::Sender<Message>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Event(notify::Result<notify::Event>),
    Stop,
}

impl DirSource {
    /// Reads the folder and follows its changes from then on.
    ///
    /// # Errors
    ///
    /// The folder cannot be read or watched.
    pub fn open(path: &Path) -> Result<Self, SourceError> {
        let watch_error = |source| SourceError::Watch {
            path: path.to_owned(),
            source,
        };
        let (messages, incoming) = mpsc::channel();
        let events = messages.clone();
        // The receiver is gone only when the source is.
        let mut watcher =
            notify::recommended_watcher(move |event| drop(events.send(Message::Event(event))))
                .map_err(watch_error)?;
        let tree = Tree::read(path, &mut |folder| follow(&mut watcher, folder))?;
        let (publish, mut objects) = latest::channel(Arc::new(tree.objects()));
        // The first call of `changed` returns what is there already.
        objects.mark_changed();
        let thread = std::thread::Builder::new()
            .name("folder".to_owned())
            .spawn(move || follow_changes(tree, watcher, &incoming, &publish))
            .map_err(|source| SourceError::Read {
                path: path.to_owned(),
                source,
            })?;
        Ok(Self {
            path: path.to_owned(),
            objects,
            messages,
            thread: Some(thread),
        })
    }
}

impl Source for DirSource {
    async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
        if self.objects.changed().await.is_err() {
            // The thread has ended, which it does not do by itself: a panic, reported as such.
            *self = Self::open(&self.path)?;
        }
        Ok(Arc::clone(&self.objects.borrow_and_update()))
    }
}

impl Drop for DirSource {
    fn drop(&mut self) {
        // Both fail only when the thread has ended already.
        drop(self.messages.send(Message::Stop));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

/// The thread: takes in all events that have come, then publishes once.
fn follow_changes(
    mut tree: Tree,
    mut watcher: RecommendedWatcher,
    incoming: &mpsc::Receiver<Message>,
    publish: &latest::Sender<Arc<ClusterObjects>>,
) {
    // Events that unsettle nothing, such as those of reading a file, put off nothing.
    let mut settle_at: Option<Instant> = None;
    let mut is_news = false;
    let mut publish_from = Instant::now();
    loop {
        let wake_at = settle_at
            .into_iter()
            .chain(is_news.then_some(publish_from))
            .min();
        let first = match wake_at {
            None => incoming
                .recv()
                .map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            Some(at) => incoming.recv_timeout(at.saturating_duration_since(Instant::now())),
        };
        let unsettled = tree.unsettled();
        let messages = match first {
            Ok(message) => Some(message).into_iter().chain(incoming.try_iter()),
            Err(mpsc::RecvTimeoutError::Timeout) => None.into_iter().chain(incoming.try_iter()),
            Err(mpsc::RecvTimeoutError::Disconnected) => return,
        };
        match take_in(&mut tree, &mut watcher, messages) {
            ControlFlow::Continue(changed) => is_news |= changed,
            ControlFlow::Break(()) => return,
        }
        // Not only when nothing has come: with enough readers something always has.
        if settle_at.is_some_and(|at| at <= Instant::now()) {
            is_news |= tree.settle(&mut |folder| follow(&mut watcher, folder));
            settle_at = None;
        }
        if tree.is_settled() {
            settle_at = None;
        } else if settle_at.is_none() || tree.unsettled() > unsettled {
            settle_at = Some(Instant::now() + SETTLE);
        }
        let begun = Instant::now();
        if is_news && publish_from <= begun {
            publish.send_replace(Arc::new(tree.objects()));
            is_news = false;
            publish_from = Instant::now() + (begun.elapsed() * REST).min(LONGEST_REST);
        }
    }
}

/// Whether messages changed anything; or that nothing more is wanted.
fn take_in(
    tree: &mut Tree,
    watcher: &mut RecommendedWatcher,
    messages: impl Iterator<Item = Message>,
) -> ControlFlow<(), bool> {
    let mut changed = false;
    for message in messages {
        match message {
            Message::Event(Ok(event)) => {
                changed |= watch::apply(tree, &event, &mut |folder| follow(watcher, folder));
            }
            Message::Event(Err(error)) => warn!(%error, "watching the folder"),
            Message::Stop => return ControlFlow::Break(()),
        }
    }
    ControlFlow::Continue(changed)
}

/// Watches one folder. One that has vanished meanwhile needs no watch: its parent's tells of it.
fn follow(watcher: &mut RecommendedWatcher, folder: &Path) {
    if let Err(error) = watcher.watch(folder, RecursiveMode::NonRecursive)
        && folder.exists()
    {
        warn!(folder = %folder.display(), %error, "changes of this folder will not be seen");
    }
}
