//! Multicast groups, joined through the kernel's own IPv6 stack.
//!
//! A packet socket could set the card's filter by itself (PACKET_ADD_MEMBERSHIP), but nobody would hear of it: a switch
//! that snoops MLD delivers a group only where it was reported. An ordinary membership (IPV6_JOIN_GROUP) does both: the
//! kernel sets the card's filter, reports the group, answers queries and reports again when the link comes back.

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv6Addr;

use socket2::{Domain, Protocol, Socket, Type};

/// The groups of one interface. Dropping this leaves them all.
#[derive(Debug)]
pub(super) struct Memberships {
    interface: u32,
    sockets: Vec<Socket>,
    /// Each group with the index of the socket that is its member.
    groups: BTreeMap<Ipv6Addr, usize>,
}

impl Memberships {
    pub(super) const fn new(interface: u32) -> Self {
        Self {
            interface,
            sockets: Vec::new(),
            groups: BTreeMap::new(),
        }
    }

    /// Joins a group. A socket holds only as many as fit into `net.core.optmem_max` (some hundreds to some thousands):
    /// when the last one is full, another is opened.
    pub(super) fn join(&mut self, group: Ipv6Addr) -> io::Result<()> {
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

    /// Leaves a group. One that could not be joined needs no leaving.
    pub(super) fn leave(&mut self, group: Ipv6Addr) -> io::Result<()> {
        match self
            .groups
            .remove(&group)
            .and_then(|index| self.sockets.get(index))
        {
            Some(socket) => socket.leave_multicast_v6(&group, self.interface),
            None => Ok(()),
        }
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
