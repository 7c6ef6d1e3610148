//! The objects of an API server: each kind that matters is listed once and then followed, and of each object only what is
//! needed is kept (`document.rs`).
//!
//! * Nothing is shown before every kind has been read once.
//! * A broken watch is taken up where it broke; where that is too long ago, a new list replaces the kind at once. An API
//!   server that does not answer changes nothing.
//! * A bad object is an error in [`ClusterObjects::errors`] and leaves its last good version in place.

mod document;
mod follow;
mod former;
mod health;
mod kinds;
mod pods;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::stream::{BoxStream, SelectAll, StreamExt, select_all};
use kube::Client;
use planner::effect::Component;
use sync_wrapper::SyncWrapper;
use tokio::sync::watch;

use self::former::Departed;
pub use self::health::Health;
pub(crate) use self::pods::Pods;
use self::store::{Change, Store};
use super::{Source, SourceError};
use crate::translate::ClusterObjects;

/// The objects of an API server.
pub struct KubeSource {
    /// Whoever shares the source cannot poll them.
    changes: SyncWrapper<SelectAll<BoxStream<'static, Box<dyn Change>>>>,
    store: Store,
    /// For whoever clears what Services carry that are none of those that are followed.
    departed: Option<Departed>,
}

impl KubeSource {
    /// Reads what `component` needs to know; its own objects are in `namespace`. Asks the server nothing before somebody
    /// waits for [`Source::changed`].
    #[must_use]
    pub fn new(client: &Client, namespace: &str, component: &Component) -> Self {
        let kinds = kinds::of(component);
        let followed = kinds
            .iter()
            .map(|kind| kinds::follow(*kind, client, namespace, component));
        let mut changes = select_all(followed);
        // Speakers write nothing on Services, and all of them together would ask for a lot.
        let departed = match component {
            Component::Controller => {
                let (departed, returned) = former::follow(client);
                changes.push(returned);
                Some(departed)
            }
            Component::Speaker(_) => None,
        };
        Self {
            changes: SyncWrapper::new(changes),
            store: Store::new(kinds.iter().copied()),
            departed,
        }
    }

    /// How reading goes.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.store.health()
    }
}

impl Source for KubeSource {
    async fn changed(&mut self) -> Result<Arc<ClusterObjects>, SourceError> {
        let mut coalesced = 0_u32;
        loop {
            let is_due = self.store.is_due();
            let next = if is_due && coalesced < MOST_COALESCED {
                self.changes.get_mut().next().now_or_never()
            } else if is_due {
                None
            } else {
                Some(self.changes.get_mut().next().await)
            };
            match next {
                Some(Some(change)) => change.apply(&mut self.store),
                Some(None) => return Err(SourceError::Ended),
                None => {
                    let objects = self.store.publish();
                    let gone = self.store.take_departed();
                    if let Some(departed) = &mut self.departed {
                        departed.look_for(&objects, &gone);
                    }
                    return Ok(objects);
                }
            }
            coalesced = coalesced.saturating_add(u32::from(is_due));
        }
    }

    fn take_errors(&mut self) -> u64 {
        self.store.take_errors()
    }
}

impl fmt::Debug for KubeSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KubeSource").finish_non_exhaustive()
    }
}

/// How many changes are taken together at most, so that a cluster that never rests is shown all the same.
const MOST_COALESCED: u32 = 10_000;
