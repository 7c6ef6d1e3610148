//! Opening TCP connections, and what every socket of a peer is set to.

use std::ffi::CString;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;

use socket2::SockRef;
use tokio::net::{TcpSocket, TcpStream};

use super::sockopt;
use super::transport::Transport;

/// Opens a connection to the peer.
///
/// # Errors
/// That of the socket: a source address that is not there, a device that is not there, nobody who answers.
pub(super) async fn connect(transport: &Transport) -> io::Result<TcpStream> {
    let remote = with_scope(transport)?;
    let socket = if remote.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    prepare(&socket, transport)?;
    if let Some(device) = &transport.device {
        SockRef::from(&socket).bind_device(Some(device.as_bytes()))?;
    }
    if let Some(password) = &transport.password {
        sockopt::set_md5_key(&socket, remote.ip(), password)?;
    }
    if let Some(source) = transport.source {
        socket.bind(source_address(source, &remote))?;
    }
    socket.connect(remote).await
}

/// Sets what holds for every socket of the peer, opened from here or by the peer: TTL, minimum TTL (RFC 5082 wants it on
/// all of them, so it comes before anything is read), and that messages leave at once.
///
/// TCP_USER_TIMEOUT is left alone: the hold timer and the send hold timer (RFC 9687) end a dead connection sooner than the
/// kernel would, and a peer that reads slowly must not be taken for a dead one.
///
/// # Errors
/// That of setsockopt(2).
pub(super) fn prepare(socket: &impl AsFd, transport: &Transport) -> io::Result<()> {
    let remote = transport.remote.ip();
    let reference = SockRef::from(socket);
    if let Some(min) = transport.hops.min_ttl() {
        sockopt::set_min_ttl(socket, remote, min)?;
    }
    if let Some(ttl) = transport.hops.ttl() {
        set_ttl(&reference, remote, ttl)?;
    }
    reference.set_tcp_nodelay(true)
}

/// Sets the TTL or hop limit of packets that leave.
///
/// # Errors
/// That of setsockopt(2).
pub(super) fn set_ttl(socket: &SockRef<'_>, family: IpAddr, ttl: u8) -> io::Result<()> {
    match family {
        IpAddr::V4(_) => socket.set_ttl_v4(u32::from(ttl)),
        IpAddr::V6(_) => socket.set_unicast_hops_v6(u32::from(ttl)),
    }
}

/// The peer's address; a link-local one with its scope, from the device if it has none (RFC 4007 §6).
fn with_scope(transport: &Transport) -> io::Result<SocketAddr> {
    let mut remote = transport.remote;
    if let (SocketAddr::V6(address), Some(device)) = (&mut remote, &transport.device)
        && address.ip().is_unicast_link_local()
        && address.scope_id() == 0
    {
        let name = CString::new(device.as_str())?;
        address.set_scope_id(nix::net::if_::if_nametoindex(name.as_c_str())?);
    }
    Ok(remote)
}

/// The local end: any port, and the peer's scope if the address is link-local.
fn source_address(source: IpAddr, remote: &SocketAddr) -> SocketAddr {
    let mut source = SocketAddr::new(source, 0);
    if let (SocketAddr::V6(source), SocketAddr::V6(remote)) = (&mut source, remote)
        && source.ip().is_unicast_link_local()
    {
        source.set_scope_id(remote.scope_id());
    }
    source
}
