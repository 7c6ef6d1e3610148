//! An AF_PACKET socket on one interface. The only file of this crate with unsafe code.
#![expect(
    unsafe_code,
    reason = "sockaddr_ll has no safe constructor, and tokio cannot check who owns a descriptor"
)]

use std::io::{self, Read};
use std::mem::size_of;

use socket2::{Domain, SockAddr, SockFilter, Socket, Type};
use tokio::io::unix::AsyncFd;

use crate::driver::filter::Instruction;
use crate::ethernet::EtherType;

/// Receives what passes a filter among the frames of one EtherType on one interface, and sends frames there.
#[derive(Debug)]
pub(super) struct PacketSocket {
    socket: AsyncFd<Socket>,
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
        let filter: Vec<_> = filter
            .iter()
            .map(|op| SockFilter::new(op.code, op.jump_true, op.jump_false, op.operand))
            .collect();
        socket.attach_filter(&filter)?;
        socket.bind(&link_layer_address(interface, ether_type)?)?;
        // SAFETY: the socket owns its descriptor and is owned by the registration, which never replaces it: the
        // descriptor stays the same open one until the registration is dropped.
        let socket = unsafe { AsyncFd::register(socket)? };
        Ok(Self { socket })
    }

    /// Waits for a frame and returns its length. Cancelling the wait loses nothing.
    pub(super) async fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut ready = self.socket.readable().await?;
            if let Ok(result) = ready.try_io(|socket| (&mut socket.get_ref()).read(buffer)) {
                return result;
            }
        }
    }

    /// Sends a frame now or not at all: a full queue is an error of kind [`io::ErrorKind::WouldBlock`].
    ///
    /// Its EtherType has to be the socket's: the kernel marks the frame with that one, whatever the octets say.
    pub(super) fn send(&self, frame: &[u8]) -> io::Result<()> {
        self.socket.get_ref().send(frame).map(|_| ())
    }
}

/// The `sockaddr_ll` that binds a packet socket to an interface and an EtherType (packet(7)).
fn link_layer_address(interface: u32, ether_type: EtherType) -> io::Result<SockAddr> {
    let family = libc::sa_family_t::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    let index = libc::c_int::try_from(interface).map_err(io::Error::other)?;
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

    #[test]
    fn an_interface_index_out_of_range_is_an_error() {
        assert!(link_layer_address(u32::MAX, EtherType::ARP).is_err());
    }
}
