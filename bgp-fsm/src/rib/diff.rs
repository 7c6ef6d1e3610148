//! What has to be sent so that a peer that holds one set of routes holds another.

use std::sync::Arc;

use bgp_wire::{AfiSafi, PathAttributes};

use super::attributes::Completion;
use super::pack::Queue;
use crate::routes::{RouteChange, Routes};

/// Queues the differences, in the time that it takes to find what the two do not share.
pub(super) fn plan(
    held: &Routes,
    desired: &Routes,
    family: AfiSafi,
    completion: &Completion,
) -> Queue {
    let mut queue = Queue::default();
    // The peer of a new session holds nothing that could be compared.
    if held.len_of(family) == 0 {
        let routes = desired.of_family(family);
        routes.for_each(|(prefix, attributes)| queue.announce(prefix, attributes));
        return queue;
    }
    let mut same = Same {
        completion,
        latest: None,
    };
    held.changes_to(desired, family)
        .for_each(|change| match change {
            RouteChange::Gone(prefix) => queue.withdraw(prefix),
            RouteChange::Other(_, old, new) if same.of(old, new) => {}
            RouteChange::New(prefix, attributes) | RouteChange::Other(prefix, _, attributes) => {
                queue.announce(prefix, attributes);
            }
        });
    queue
}

/// Compares attributes. Many routes in a row share theirs, so the latest answer is kept.
struct Same<'a> {
    completion: &'a Completion,
    latest: Option<(&'a Arc<PathAttributes>, &'a Arc<PathAttributes>, bool)>,
}

impl<'a> Same<'a> {
    fn of(&mut self, old: &'a Arc<PathAttributes>, new: &'a Arc<PathAttributes>) -> bool {
        match self.latest {
            Some((a, b, same)) if Arc::ptr_eq(a, old) && Arc::ptr_eq(b, new) => same,
            _ => {
                let same = self.completion.equivalent(old, new);
                self.latest = Some((old, new, same));
                same
            }
        }
    }
}
