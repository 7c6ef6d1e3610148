//! A sink whose failures are counted.

use planner::effect::{Effect, StatusId};

use super::tally::Tally;
use crate::sink::{Sink, SinkError};
use crate::translate::ClusterObjects;

/// Another sink, and where its failures are counted.
pub(super) struct CountedSink<K> {
    sink: K,
    tally: Tally,
}

impl<K: Sink> CountedSink<K> {
    pub(super) fn new(sink: K, tally: Tally) -> Self {
        Self { sink, tally }
    }

    fn counted<T>(&self, result: Result<T, SinkError>) -> Result<T, SinkError> {
        if result.is_err() {
            self.tally.failed(1);
        }
        result
    }
}

impl<K: Sink> Sink for CountedSink<K> {
    async fn apply(&self, effect: Effect, objects: &ClusterObjects) -> Result<(), SinkError> {
        self.counted(self.sink.apply(effect, objects).await)
    }

    async fn layer2_statuses(&self) -> Result<Vec<StatusId>, SinkError> {
        self.counted(self.sink.layer2_statuses().await)
    }

    async fn retain(&self, objects: &ClusterObjects) -> Result<(), SinkError> {
        self.counted(self.sink.retain(objects).await)
    }
}
