//! The socket options that no safe library offers: TCP MD5 signatures (RFC 2385) and minimum TTL (RFC 5082).
#![expect(
    unsafe_code,
    reason = "setsockopt(2) with options that no library wraps; nothing else is in this file"
)]

use std::io;
use std::mem::size_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, AsRawFd};

use super::transport::Password;

/// Signs and checks all segments exchanged with `peer` (RFC 2385). On a listening socket this is one key of many, on a
/// connecting one it has to be set before the connection is opened.
///
/// # Errors
/// That of setsockopt(2); `ENOPROTOOPT` from a kernel without TCP MD5.
pub(super) fn set_md5_key(socket: &impl AsFd, peer: IpAddr, password: &Password) -> io::Result<()> {
    set(
        socket,
        libc::IPPROTO_TCP,
        libc::TCP_MD5SIG,
        &TcpMd5Sig::new(peer, password.as_bytes()),
    )
}

/// Undoes [`set_md5_key`].
///
/// # Errors
/// That of setsockopt(2); `ENOENT` where there is no key for this peer.
pub(super) fn remove_md5_key(socket: &impl AsFd, peer: IpAddr) -> io::Result<()> {
    set(
        socket,
        libc::IPPROTO_TCP,
        libc::TCP_MD5SIG,
        &TcpMd5Sig::new(peer, &[]),
    )
}

/// Lets the kernel drop segments that arrive with a lower TTL or hop limit than `min` (RFC 5082 §3).
///
/// # Errors
/// That of setsockopt(2).
pub(super) fn set_min_ttl(socket: &impl AsFd, peer: IpAddr, min: u8) -> io::Result<()> {
    let value = libc::c_int::from(min);
    match peer {
        IpAddr::V4(_) => set(socket, libc::IPPROTO_IP, libc::IP_MINTTL, &value),
        IpAddr::V6(_) => set(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, &value),
    }
}

/// A type that setsockopt(2) may read octet by octet.
///
/// # Safety
/// The type is `repr(C)` or a primitive, and none of its octets is padding that was not written.
unsafe trait OptionValue {}

// SAFETY: a primitive integer has no padding.
unsafe impl OptionValue for libc::c_int {}
// SAFETY: see the type; its fields leave no gap.
unsafe impl OptionValue for TcpMd5Sig {}

fn set<T: OptionValue>(
    socket: &impl AsFd,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open as it is borrowed for the call; the pointer and the length describe one value of a
    // type all of whose octets are initialised, which the kernel only reads, and only during the call.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            level,
            name,
            (&raw const *value).cast(),
            length,
        )
    };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

/// `struct tcp_md5sig` of linux/tcp.h, with the `sockaddr_storage` in its parts. 216 octets without a gap.
#[repr(C)]
struct TcpMd5Sig {
    address: SockAddrStorage,
    flags: u8,
    prefix_length: u8,
    key_length: u16,
    interface_index: libc::c_int,
    key: [u8; Password::MAX],
}

/// `struct sockaddr_storage`: the family, then what depends on it, in network byte order.
#[repr(C, align(8))]
struct SockAddrStorage {
    family: u16,
    rest: [u8; 126],
}

impl TcpMd5Sig {
    fn new(peer: IpAddr, password: &[u8]) -> Self {
        let mut key = [0; Password::MAX];
        for (to, from) in key.iter_mut().zip(password) {
            *to = *from;
        }
        Self {
            address: SockAddrStorage::new(peer),
            flags: 0,
            prefix_length: 0,
            key_length: u16::try_from(password.len().min(Password::MAX)).unwrap_or_default(),
            interface_index: 0,
            key,
        }
    }
}

impl SockAddrStorage {
    /// The address with port 0: a key is for all ports of the peer.
    fn new(address: IpAddr) -> Self {
        let mut rest = [0; 126];
        // Behind the family: port (2), then the IPv4 address, or flow information (4) and the IPv6 address.
        let (family, offset, octets) = match address {
            IpAddr::V4(address) => (libc::AF_INET, 2, padded(address)),
            IpAddr::V6(address) => (libc::AF_INET6, 6, address.octets()),
        };
        for (to, from) in rest.iter_mut().skip(offset).zip(octets) {
            *to = from;
        }
        Self {
            family: u16::try_from(family).unwrap_or_default(),
            rest,
        }
    }
}

/// The four octets of the address, and zeroes, which `sockaddr_in` has behind them.
fn padded(address: Ipv4Addr) -> [u8; 16] {
    (u128::from(address.to_bits()) << 96).to_be_bytes()
}

const _: () = assert!(
    size_of::<TcpMd5Sig>() == 216,
    "struct tcp_md5sig of linux/tcp.h"
);
const _: () = assert!(
    size_of::<Ipv6Addr>() == 16,
    "what follows the flow information"
);

#[cfg(test)]
mod tests {
    use socket2::{Domain, Socket, Type};

    use super::*;

    fn socket(domain: Domain) -> Socket {
        Socket::new(domain, Type::STREAM, None).unwrap()
    }

    #[test]
    fn a_key_can_be_set_and_removed_once_for_both_families() {
        let password = Password::try_new("s3cret").unwrap();
        for (domain, peer) in [
            (Domain::IPV4, IpAddr::from([127, 0, 0, 9])),
            (Domain::IPV6, IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ] {
            let socket = socket(domain);
            set_md5_key(&socket, peer, &password).unwrap();
            remove_md5_key(&socket, peer).unwrap();
            let again = remove_md5_key(&socket, peer).unwrap_err();
            assert_eq!(again.raw_os_error(), Some(libc::ENOENT));
        }
    }

    #[test]
    fn the_minimum_ttl_can_be_set_for_both_families() {
        set_min_ttl(&socket(Domain::IPV4), IpAddr::from([127, 0, 0, 1]), 255).unwrap();
        set_min_ttl(&socket(Domain::IPV6), IpAddr::V6(Ipv6Addr::LOCALHOST), 255).unwrap();
    }

    #[test]
    fn the_error_of_the_kernel_is_passed_on() {
        let of_the_other_family =
            set_min_ttl(&socket(Domain::IPV4), IpAddr::V6(Ipv6Addr::LOCALHOST), 255);
        assert!(of_the_other_family.is_err());
    }

    #[test]
    fn an_address_is_laid_out_as_in_the_kernel() {
        let v4 = SockAddrStorage::new(IpAddr::from([192, 0, 2, 1]));
        assert_eq!(
            (i32::from(v4.family), &v4.rest[..8]),
            (libc::AF_INET, &[0, 0, 192, 0, 2, 1, 0, 0][..])
        );
        let v6 = SockAddrStorage::new("2001:db8::1".parse().unwrap());
        assert_eq!(
            (i32::from(v6.family), &v6.rest[..10]),
            (libc::AF_INET6, &[0, 0, 0, 0, 0, 0, 0x20, 1, 0x0d, 0xb8][..])
        );
        assert_eq!(v6.rest[21], 1);
    }
}
