//! What runs of one sort, each with its newest status: for whoever wants to look at all of it at a time.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// The statuses of what runs, by key. Clones show the same.
#[derive(Debug)]
pub(super) struct Board<K, S>(watch::Sender<BTreeMap<K, watch::Receiver<S>>>);

impl<K: Ord, S> Board<K, S> {
    /// Shows the status of something from now on, until it ends or another takes its key.
    pub(super) fn show(&self, key: K, status: watch::Receiver<S>) {
        self.0.send_modify(|shown| {
            shown.retain(|_, status| is_running(status));
            shown.insert(key, status);
        });
    }

    /// Looks at the newest status of everything that runs.
    pub(super) fn each(&self, mut look: impl FnMut(&K, &S)) {
        let shown = self.0.borrow();
        for (key, status) in shown.iter().filter(|(_, status)| is_running(status)) {
            look(key, &status.borrow());
        }
    }
}

/// Who publishes a status holds its sender as long as it runs.
fn is_running<S>(status: &watch::Receiver<S>) -> bool {
    status.has_changed().is_ok()
}

impl<K, S> Clone for Board<K, S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K, S> Default for Board<K, S> {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_ended_is_not_shown_any_more() {
        let board: Board<&str, u32> = Board::default();
        let (first, second) = (watch::Sender::new(1), watch::Sender::new(2));
        board.show("first", first.subscribe());
        board.show("second", second.subscribe());
        let shown = || {
            let mut shown = Vec::new();
            board
                .clone()
                .each(|key, status| shown.push((*key, *status)));
            shown
        };
        first.send_replace(3);
        assert_eq!(shown(), [("first", 3), ("second", 2)]);
        drop(first);
        assert_eq!(shown(), [("second", 2)]);
    }
}
