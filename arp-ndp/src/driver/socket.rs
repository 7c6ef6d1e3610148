//! An AF_PACKET socket on one interface. The only file of this crate with unsafe code.
#![expect(
    unsafe_code,
    reason = "sockaddr_ll and the options of packet sockets have no safe wrapper, and tokio cannot check who owns a descriptor"
)]

use std::io::{self, Read};
use std::mem::size_of;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, SockAddr, SockFilter, Socket, Type};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::driver::Reception;
use crate::driver::filter::Instruction;
use crate::ethernet::EtherType;

/// Receives what passes a filter among the frames of one EtherType on one interface, and sends frames there.
#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: AsyncFd<Socket>,
    interface: libc::c_int,
}

impl PacketSocket {
    /// Opens a socket on the interface with this index. It takes the capability CAP_NET_RAW.
    pub(super) fn open(
        interface: u32,
        ether_type: EtherType,
        filter: &[Instruction],
    ) -> io::Result<Self> {
        // With protocol 0 the socket receives nothing until it is bound, so nothing gets in ahead of the filter.
        let socket = Socket::new(Domain::PACKET, Type::RAW, None)?;
        socket.set_nonblocking(true)?;
        attach(&socket, filter)?;
        // As much as the system allows, for the moments in which everybody asks at once.
        socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
        let interface = libc::c_int::try_from(interface).map_err(io::Error::other)?;
        socket.bind(&link_layer_address(interface, ether_type)?)?;
        // SAFETY: the socket owns its descriptor and is owned by the registration, which never replaces it: the
        // descriptor stays the same open one until the registration is dropped.
        let socket = unsafe { AsyncFd::register(socket)? };
        Ok(Self { socket, interface })
    }

    /// Receives what passes this filter from now on, in place of the one before.
    pub(super) fn set_filter(&self, filter: &[Instruction]) -> io::Result<()> {
        attach(self.socket.get_ref(), filter)
    }

    /// Waits until [`Self::try_receive`] may have something.
    pub(super) async fn readable(&self) -> io::Result<()> {
        self.socket.readable().await?.retain_ready();
        Ok(())
    }

    /// Returns the length of the next frame, or `None` when there is none.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<Option<usize>> {
        let read = |mut socket: &Socket| socket.read(buffer);
        match self.socket.try_io(Interest::READABLE, read) {
            Ok(len) => Ok(Some(len)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sends a frame now or not at all: a full queue is an error of kind [`io::ErrorKind::WouldBlock`].
    ///
    /// Its EtherType has to be the socket's: the kernel marks the frame with that one, whatever the octets say.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.get_ref().send(frame).map(|_| ())
    }

    /// Has the card hand over what was sent to others, or not. It ends with the socket.
    pub(super) fn set_promiscuous(&self, reception: Reception) -> io::Result<()> {
        let option = match reception {
            Reception::Promiscuous => libc::PACKET_ADD_MEMBERSHIP,
            Reception::Filtered => libc::PACKET_DROP_MEMBERSHIP,
        };
        let request = libc::packet_mreq {
            mr_ifindex: self.interface,
            mr_type: libc::c_ushort::try_from(libc::PACKET_MR_PROMISC).map_err(io::Error::other)?,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        set_packet_option(self.socket.get_ref().as_fd(), option, &request)
    }

    /// How many frames passed the filter and found the buffer full since this was called before.
    pub(super) fn overruns(&self) -> io::Result<u64> {
        statistics(self.socket.get_ref().as_fd()).map(|statistics| statistics.tp_drops.into())
    }
}

fn attach(socket: &Socket, filter: &[Instruction]) -> io::Result<()> {
    let filter: Vec<_> = filter
        .iter()
        .map(|op| SockFilter::new(op.code, op.jump_true, op.jump_false, op.operand))
        .collect();
    socket.attach_filter(&filter)
}

/// Sets a membership of a packet socket (packet(7)).
fn set_packet_option(
    socket: BorrowedFd<'_>,
    option: libc::c_int,
    request: &libc::packet_mreq,
) -> io::Result<()> {
    let len =
        libc::socklen_t::try_from(size_of::<libc::packet_mreq>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for as long as it is borrowed, and the kernel reads `len` octets from `request`,
    // which is a live `packet_mreq` of exactly that size.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            option,
            std::ptr::from_ref(request).cast(),
            len,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// Reads and resets the statistics of a packet socket (packet(7), PACKET_STATISTICS).
fn statistics(socket: BorrowedFd<'_>) -> io::Result<libc::tpacket_stats> {
    let mut statistics = libc::tpacket_stats {
        tp_packets: 0,
        tp_drops: 0,
    };
    let mut len =
        libc::socklen_t::try_from(size_of::<libc::tpacket_stats>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for as long as it is borrowed; the kernel writes at most `len` octets, the size of
    // `statistics`, which is plain numbers and valid with any octets, and sets `len` to how many it wrote.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            libc::PACKET_STATISTICS,
            std::ptr::from_mut(&mut statistics).cast(),
            &raw mut len,
        )
    };
    if result == 0 {
        Ok(statistics)
    } else {
        Err(io::Error::last_os_error())
    }
}

/// The `sockaddr_ll` that binds a packet socket to an interface and an EtherType (packet(7)).
fn link_layer_address(index: libc::c_int, ether_type: EtherType) -> io::Result<SockAddr> {
    let family = libc::sa_family_t::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    let len =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_ll>()).map_err(io::Error::other)?;
    let address = libc::sockaddr_ll {
        sll_family: family,
        sll_protocol: ether_type.0.to_be(),
        sll_ifindex: index,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // SAFETY: the storage that `try_init` hands out is large and aligned enough for any socket address, `sockaddr_ll`
    // (20 octets) included; the whole of it is written, its family says what it is, and the length set is its own.
    let ((), address) = unsafe {
        SockAddr::try_init(|storage, storage_len| {
            storage.cast::<libc::sockaddr_ll>().write(address);
            *storage_len = len;
            Ok(())
        })?
    };
    Ok(address)
}

/// In octets. Each frame takes about one KiB of it.
const RECEIVE_BUFFER: usize = 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_packet_socket_names_interface_and_ether_type() {
        let address = link_layer_address(7, EtherType::ARP).unwrap();
        assert_eq!(i32::from(address.family()), libc::AF_PACKET);
        assert_eq!(address.len(), 20);
        // SAFETY: `link_layer_address` wrote a `sockaddr_ll` there, which any storage is large and aligned enough for.
        let written = unsafe {
            address
                .as_ptr()
                .cast::<libc::sockaddr_ll>()
                .read_unaligned()
        };
        assert_eq!(written.sll_ifindex, 7);
        assert_eq!(written.sll_protocol.to_ne_bytes(), [0x08, 0x06]);
    }

    #[tokio::test]
    async fn an_interface_index_out_of_range_is_an_error() {
        assert!(PacketSocket::open(u32::MAX, EtherType::ARP, &[]).is_err());
    }

    /// What is not a packet socket shows that the kernel was asked, and its answer read.
    #[test]
    fn options_of_packet_sockets_are_refused_by_other_sockets() {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        assert!(statistics(socket.as_fd()).is_err());
        let request = libc::packet_mreq {
            mr_ifindex: 1,
            mr_type: 1,
            mr_alen: 0,
            mr_address: [0; 8],
        };
        let option = libc::PACKET_ADD_MEMBERSHIP;
        assert!(set_packet_option(socket.as_fd(), option, &request).is_err());
    }
}
