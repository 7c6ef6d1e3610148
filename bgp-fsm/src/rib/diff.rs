//! What has to be sent so that a peer that holds one set of routes holds another.

use std::cmp::Ordering;
use std::collections::btree_map::Range;
use std::sync::Arc;

use bgp_wire::PathAttributes;
use ipnet::IpNet;

use super::attributes::Completion;
use super::pack::Queue;

/// Walks both sets side by side and queues the differences.
pub(super) fn plan(
    mut held: Range<'_, IpNet, Arc<PathAttributes>>,
    mut desired: Range<'_, IpNet, Arc<PathAttributes>>,
    completion: &Completion,
) -> Queue {
    let mut queue = Queue::default();
    let mut same = Same {
        completion,
        latest: None,
    };
    let (mut old, mut new) = (held.next(), desired.next());
    loop {
        let order = match (old, new) {
            (None, None) => return queue,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        match (old, new) {
            (Some((prefix, _)), _) if order.is_lt() => queue.withdraw(*prefix),
            (Some((_, old)), Some((_, new))) if order.is_eq() && same.of(old, new) => {}
            (_, Some((prefix, attributes))) => queue.announce(*prefix, attributes),
            (_, None) => {}
        }
        if order.is_le() {
            old = held.next();
        }
        if order.is_ge() {
            new = desired.next();
        }
    }
}

/// Compares attributes. Many routes in a row share theirs, so the latest answer is kept.
struct Same<'a> {
    completion: &'a Completion,
    latest: Option<(&'a Arc<PathAttributes>, &'a Arc<PathAttributes>, bool)>,
}

impl<'a> Same<'a> {
    fn of(&mut self, old: &'a Arc<PathAttributes>, new: &'a Arc<PathAttributes>) -> bool {
        if Arc::ptr_eq(old, new) {
            return true;
        }
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
