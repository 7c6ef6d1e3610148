//! From changes to UPDATEs: withdrawals first, then announcements by attribute set, then End-of-RIB.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use bgp_wire::{
    AfiSafi, EncodeError, Family, Ipv4Encoding, Ipv4Unicast, Ipv6Unicast, PathAttributes,
    SessionContext, UpdatePacker,
};
use bytes::{Bytes, BytesMut};
use ipnet::IpNet;

use super::attributes::Completion;

/// Changes that have not been encoded yet.
#[derive(Debug, Default)]
pub(super) struct Queue {
    withdrawals: Chunk,
    /// By attribute set, in the order in which the sets first occurred.
    groups: Vec<Group>,
    /// Groups before this one are done.
    current: usize,
    index: BTreeMap<Arc<PathAttributes>, usize>,
    latest: usize,
    /// How many prefixes wait.
    waiting: usize,
    /// An End-of-RIB is to follow.
    pub(super) end_of_rib: bool,
    /// Some of the announcements are no changes: the peer asked for them.
    pub(super) resending: bool,
}

#[derive(Debug)]
struct Group {
    attributes: Arc<PathAttributes>,
    prefixes: Chunk,
}

/// Prefixes, of which those before `done` are encoded.
#[derive(Debug, Default)]
struct Chunk {
    prefixes: Vec<IpNet>,
    done: usize,
}

impl Chunk {
    fn rest(&self) -> &[IpNet] {
        self.prefixes.get(self.done..).unwrap_or_default()
    }

    fn advance(&mut self, by: usize) {
        self.done += by;
        if self.rest().is_empty() {
            *self = Self::default();
        }
    }
}

impl Queue {
    pub(super) fn withdraw(&mut self, prefix: IpNet) {
        self.withdrawals.prefixes.push(prefix);
        self.waiting += 1;
    }

    pub(super) fn announce(&mut self, prefix: IpNet, attributes: &Arc<PathAttributes>) {
        let group = match self.groups.get_mut(self.latest) {
            // Neighbours mostly share their attributes; then nothing has to be searched.
            Some(latest) if Arc::ptr_eq(&latest.attributes, attributes) => Some(latest),
            _ => {
                self.latest = self.group_of(attributes);
                self.groups.get_mut(self.latest)
            }
        };
        if let Some(group) = group {
            group.prefixes.prefixes.push(prefix);
            self.waiting += 1;
        }
    }

    fn group_of(&mut self, attributes: &Arc<PathAttributes>) -> usize {
        *self.index.entry(Arc::clone(attributes)).or_insert_with(|| {
            self.groups.push(Group {
                attributes: Arc::clone(attributes),
                prefixes: Chunk::default(),
            });
            self.groups.len() - 1
        })
    }

    /// How many prefixes wait.
    pub(super) const fn len(&self) -> usize {
        self.waiting
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.waiting == 0 && !self.end_of_rib
    }

    pub(super) fn withdrawn(&self) -> std::slice::Iter<'_, IpNet> {
        self.withdrawals.rest().iter()
    }

    pub(super) fn announced(&self) -> impl Iterator<Item = &IpNet> {
        let groups = self.groups.get(self.current..).unwrap_or_default();
        groups.iter().flat_map(|group| group.prefixes.rest())
    }
}

/// Encoded UPDATEs.
#[derive(Debug, Default)]
pub(crate) struct Burst {
    pub(crate) octets: Bytes,
    pub(crate) messages: u64,
    pub(crate) unsendable: Vec<Unsendable>,
}

/// Routes that share attributes which cannot be encoded.
#[derive(Debug)]
pub(crate) struct Unsendable {
    pub(crate) routes: usize,
    pub(crate) error: EncodeError,
}

/// A burst in the making.
#[derive(Debug)]
pub(super) struct Packing<'a> {
    family: AfiSafi,
    packer: UpdatePacker,
    completion: &'a Completion,
    budget: usize,
    out: BytesMut,
    messages: u64,
    /// Prefixes taken from the queue.
    taken: usize,
    unsendable: Vec<Unsendable>,
    refused: Vec<IpNet>,
}

impl<'a> Packing<'a> {
    pub(super) fn new(
        family: AfiSafi,
        context: &SessionContext,
        completion: &'a Completion,
        encoding: Ipv4Encoding,
        budget: usize,
    ) -> Self {
        Self {
            family,
            packer: UpdatePacker::new(*context).with_ipv4_encoding(encoding),
            completion,
            budget,
            out: BytesMut::new(),
            messages: 0,
            taken: 0,
            unsendable: Vec::new(),
            refused: Vec::new(),
        }
    }

    /// Encodes from the queue until the budget is used up or the queue is empty.
    pub(super) fn fill(&mut self, queue: &mut Queue) {
        if self.family == AfiSafi::IPV4_UNICAST {
            self.fill_with::<Ipv4Unicast>(queue);
        } else {
            self.fill_with::<Ipv6Unicast>(queue);
        }
        debug_assert!(self.taken <= queue.waiting, "no prefix is taken twice");
        queue.waiting = queue.waiting.saturating_sub(self.taken);
    }

    /// The burst, and the prefixes that could not be encoded.
    pub(super) fn finish(self) -> (Burst, Vec<IpNet>) {
        let burst = Burst {
            octets: self.out.freeze(),
            messages: self.messages,
            unsendable: self.unsendable,
        };
        (burst, self.refused)
    }

    fn fill_with<F: OfFamily>(&mut self, queue: &mut Queue) {
        while !self.is_full() && !queue.withdrawals.rest().is_empty() {
            let result = self
                .packer
                .withdraw_next::<F>(&mut prefixes::<F>(&queue.withdrawals), &mut self.out);
            self.took(&mut queue.withdrawals, result);
        }
        while !self.is_full()
            && let Some(group) = queue.groups.get_mut(queue.current)
        {
            self.fill_with_group::<F>(group);
            if group.prefixes.rest().is_empty() {
                queue.current += 1;
            }
        }
        if !self.is_full() && queue.end_of_rib {
            let written = self.packer.end_of_rib(self.family, &mut self.out);
            debug_assert_eq!(written, Ok(()), "an End-of-RIB fits into every message");
            self.messages += 1;
            queue.end_of_rib = false;
        }
    }

    fn fill_with_group<F: OfFamily>(&mut self, group: &mut Group) {
        let completed = match self.completion.complete(&group.attributes) {
            Ok(completed) => completed,
            Err(error) => return self.refuse(&mut group.prefixes, error),
        };
        let Some(next_hop) = completed.next_hop() else {
            debug_assert!(false, "a next hop is always added");
            return self.refuse(&mut group.prefixes, EncodeError::MissingNextHop);
        };
        while !self.is_full() && !group.prefixes.rest().is_empty() {
            let result = {
                let mut rest = prefixes::<F>(&group.prefixes);
                self.packer
                    .announce_next::<F>(&completed, next_hop, &mut rest, &mut self.out)
            };
            self.took(&mut group.prefixes, result);
        }
    }

    /// Notes that one message took the next prefixes, or that they cannot be encoded.
    fn took(&mut self, chunk: &mut Chunk, result: Result<usize, EncodeError>) {
        match result {
            Ok(0) => self.refuse(chunk, EncodeError::NextHopFamily),
            Ok(count) => {
                chunk.advance(count);
                self.taken += count;
                self.messages += 1;
            }
            Err(error) => self.refuse(chunk, error),
        }
    }

    fn refuse(&mut self, chunk: &mut Chunk, error: EncodeError) {
        self.taken += chunk.rest().len();
        self.unsendable.push(Unsendable {
            routes: chunk.rest().len(),
            error,
        });
        self.refused.extend(chunk.rest());
        *chunk = Chunk::default();
    }

    fn is_full(&self) -> bool {
        self.out.len() >= self.budget
    }
}

/// A family whose prefixes can be told from a mixed list. The queue of a family holds no others.
trait OfFamily: Family {
    fn prefix(prefix: &IpNet) -> Option<Self::Prefix>;
}

impl OfFamily for Ipv4Unicast {
    fn prefix(prefix: &IpNet) -> Option<Self::Prefix> {
        match prefix {
            IpNet::V4(prefix) => Some(*prefix),
            IpNet::V6(_) => None,
        }
    }
}

impl OfFamily for Ipv6Unicast {
    fn prefix(prefix: &IpNet) -> Option<Self::Prefix> {
        match prefix {
            IpNet::V6(prefix) => Some(*prefix),
            IpNet::V4(_) => None,
        }
    }
}

fn prefixes<F: OfFamily>(chunk: &Chunk) -> Peekable<impl Iterator<Item = F::Prefix>> {
    chunk.rest().iter().filter_map(F::prefix).peekable()
}
