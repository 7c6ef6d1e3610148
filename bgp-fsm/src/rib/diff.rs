//! What has to be sent so that a peer that holds one set of routes holds another.

use std::cmp::Ordering;
use std::collections::btree_map::Range;
use std::sync::Arc;

use bgp_wire::PathAttributes;
use ipnet::IpNet;

use super::attributes::Completion;
use super::pack::Queue;

type Entry<'a> = (&'a IpNet, &'a Arc<PathAttributes>);

/// Walks both sets side by side and queues the differences.
pub(super) fn plan(
    held: Range<'_, IpNet, Arc<PathAttributes>>,
    desired: Range<'_, IpNet, Arc<PathAttributes>>,
    completion: &Completion,
) -> Queue {
    let (mut held, mut desired) = (held.peekable(), desired.peekable());
    let mut queue = Queue::default();
    let mut same = Same {
        completion,
        latest: None,
    };
    loop {
        let order = match (held.peek(), desired.peek()) {
            (None, None) => return queue,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((old, _)), Some((new, _))) => old.cmp(new),
        };
        let old = if order.is_le() { held.next() } else { None };
        let new = if order.is_ge() { desired.next() } else { None };
        queue_change(&mut queue, &mut same, old, new);
    }
}

fn queue_change<'a>(
    queue: &mut Queue,
    same: &mut Same<'a>,
    old: Option<Entry<'a>>,
    new: Option<Entry<'a>>,
) {
    match (old, new) {
        (Some((prefix, _)), None) => queue.withdraw(*prefix),
        (Some((_, old)), Some((_, new))) if same.of(old, new) => {}
        (_, Some((prefix, attributes))) => queue.announce(*prefix, attributes),
        (None, None) => {}
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
