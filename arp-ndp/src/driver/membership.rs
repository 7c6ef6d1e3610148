//! Multicast groups, joined through the kernel's own IPv6 stack.
//!
//! A packet socket could set the card's filter by itself (PACKET_ADD_MEMBERSHIP), but nobody would hear of it: a switch
//! that snoops MLD delivers a group only where it was reported. An ordinary membership (IPV6_JOIN_GROUP) does both: the
//! kernel sets the card's filter, reports the group, answers queries and reports again when the link comes back.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::Ipv6Addr;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::time::Instant;

/// The groups of one interface. Dropping this leaves them all.
#[derive(Debug)]
pub(super) struct Memberships {
    interface: u32,
    sockets: Vec<Socket>,
    /// Each group with the index of the socket that is its member.
    groups: BTreeMap<Ipv6Addr, usize>,
    /// The groups that could not be joined.
    failed: BTreeSet<Ipv6Addr>,
    retry: Option<Retry>,
}

/// When to try again what failed.
#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

impl Memberships {
    pub(super) const fn new(interface: u32) -> Self {
        Self {
            interface,
            sockets: Vec::new(),
            groups: BTreeMap::new(),
            failed: BTreeSet::new(),
            retry: None,
        }
    }

    /// Joins a group. One that cannot be joined is tried again at [`Self::retry_at`].
    pub(super) fn join(&mut self, group: Ipv6Addr) -> io::Result<()> {
        let joined = self.try_join(group);
        if joined.is_err() {
            self.failed.insert(group);
            self.retry.get_or_insert_with(|| Retry {
                at: Instant::now() + FIRST_PAUSE,
                pause: FIRST_PAUSE,
            });
        }
        joined
    }

    /// Leaves a group. One that could not be joined needs no leaving.
    pub(super) fn leave(&mut self, group: Ipv6Addr) -> io::Result<()> {
        self.failed.remove(&group);
        if self.failed.is_empty() {
            self.retry = None;
        }
        match self
            .groups
            .remove(&group)
            .and_then(|index| self.sockets.get(index))
        {
            Some(socket) => socket.leave_multicast_v6(&group, self.interface),
            None => Ok(()),
        }
    }

    /// When to call [`Self::retry`]; `None` while no group is missing.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry.map(|retry| retry.at)
    }

    /// Tries what failed once more and returns the groups that were joined.
    pub(super) fn retry(&mut self) -> Vec<Ipv6Addr> {
        let missing = self.failed.clone();
        let joined: Vec<_> = missing
            .into_iter()
            .filter(|group| self.try_join(*group).is_ok())
            .collect();
        for group in &joined {
            self.failed.remove(group);
        }
        self.retry = self.retry.filter(|_| !self.failed.is_empty()).map(|retry| {
            let pause = (retry.pause * 2).min(LONGEST_PAUSE);
            Retry {
                at: Instant::now() + pause,
                pause,
            }
        });
        joined
    }

    /// A socket holds only as many as fit into `net.core.optmem_max` (some hundreds to some thousands): when the last one
    /// is full, another is opened.
    fn try_join(&mut self, group: Ipv6Addr) -> io::Result<()> {
        if let Some(socket) = self.sockets.last() {
            match socket.join_multicast_v6(&group, self.interface) {
                Err(error) if is_full(&error) => {}
                result => return result.map(|()| self.remember(group)),
            }
        }
        let socket = Socket::new(Domain::IPV6, Type::DGRAM, Some(Protocol::UDP))?;
        socket.join_multicast_v6(&group, self.interface)?;
        self.sockets.push(socket);
        self.remember(group);
        Ok(())
    }

    fn remember(&mut self, group: Ipv6Addr) {
        self.groups
            .insert(group, self.sockets.len().saturating_sub(1));
    }
}

/// Linux says ENOMEM for the option memory, and ENOBUFS where a protocol has a limit of its own.
fn is_full(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOMEM | libc::ENOBUFS))
}

/// How long to wait after a failure, doubled after each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
