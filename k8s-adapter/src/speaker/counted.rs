//! A sink whose failures are counted.

use planner::effect::Effect;

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

    fn counted(&self, result: Result<(), SinkError>) -> Result<(), SinkError> {
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

    async fn retain(&self, objects: &ClusterObjects) -> Result<(), SinkError> {
        self.counted(self.sink.retain(objects).await)
    }
}
