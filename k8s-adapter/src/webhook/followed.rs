//! One object of the API server, followed.

use std::fmt::Debug;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use kube::Resource;
use kube::api::Api;
use kube::runtime::WatchStreamExt;
use kube::runtime::watcher::{Error, watch_object};
use serde::de::DeserializeOwned;
use sync_wrapper::SyncWrapper;
use tracing::{debug, info, warn};

use crate::telemetry::chain;

/// An object by its name, as it was seen last.
pub(super) struct Followed<K> {
    pub(super) api: Api<K>,
    pub(super) name: String,
    /// Whoever shares this cannot poll them.
    changes: SyncWrapper<BoxStream<'static, Result<Option<K>, Error>>>,
    newest: Option<Option<K>>,
    is_failing: bool,
}

impl<K> Followed<K>
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    /// Follows `name` from now on; nothing is asked for before [`changed`](Self::changed) is called.
    pub(super) fn new(api: Api<K>, name: &str) -> Self {
        Self {
            changes: SyncWrapper::new(watch_object(api.clone(), name).default_backoff().boxed()),
            api,
            name: name.to_owned(),
            newest: None,
            is_failing: false,
        }
    }

    /// Returns when the object has changed, come or gone, or has been looked for the first time. Cancel-safe.
    pub(super) async fn changed(&mut self) {
        loop {
            match self.changes.get_mut().next().await {
                Some(Ok(newest)) => {
                    if self.is_failing {
                        info!(name = self.name, "can be read again");
                    }
                    self.is_failing = false;
                    self.newest = Some(newest);
                    return;
                }
                Some(Err(error)) if self.is_failing => {
                    debug!(
                        name = self.name,
                        error = chain(&error),
                        "still cannot be read"
                    );
                }
                Some(Err(error)) => {
                    self.is_failing = true;
                    warn!(
                        name = self.name,
                        error = chain(&error),
                        "cannot be read, is tried again"
                    );
                }
                // A watch does not end.
                None => std::future::pending().await,
            }
        }
    }

    /// Takes in what the object is after a write of our own, before the watch tells.
    pub(super) fn put(&mut self, object: K) {
        self.newest = Some(Some(object));
    }

    /// Whether it is known if there is such an object.
    pub(super) fn is_known(&self) -> bool {
        self.newest.is_some()
    }

    /// The object, if there is one.
    pub(super) fn object(&self) -> Option<&K> {
        self.newest.as_ref()?.as_ref()
    }
}
