//! The workload of the lab: a server that answers every HTTP request, and every datagram, with a name.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{IpAddr, Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// The longest datagram that is read whole; of a longer one the rest is lost.
const DATAGRAM: usize = 1500;

/// Answers on a port of these addresses, or of all addresses of the namespace where there are none, for as long as the
/// process lives: over TCP an HTTP request, over UDP any datagram.
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// When the port is taken, or an address is not the namespace's.
pub fn answer<T>(
    name: &str,
    port: u16,
    addresses: &[IpAddr],
    ready: impl FnOnce() -> T,
) -> io::Result<()> {
    // Takes IPv4 too, since Linux leaves IPV6_V6ONLY off.
    let any = [Ipv6Addr::UNSPECIFIED.into()];
    let addresses = if addresses.is_empty() {
        &any
    } else {
        addresses
    };
    let bind = |&address: &IpAddr| {
        let target = (address, port);
        Ok((TcpListener::bind(target)?, UdpSocket::bind(target)?))
    };
    let sockets = addresses.iter().map(bind).collect::<io::Result<Vec<_>>>()?;
    ready();
    thread::scope(|scope| {
        for (listener, datagrams) in &sockets {
            scope.spawn(|| accept(listener, name));
            scope.spawn(|| reflect(datagrams, name));
        }
    });
    Ok(())
}

fn accept(listener: &TcpListener, name: &str) {
    for stream in listener.incoming().flatten() {
        let name = name.to_owned();
        // A client that went away is its own problem.
        thread::spawn(move || respond(stream, &name));
    }
}

fn reflect(datagrams: &UdpSocket, name: &str) {
    let mut buffer = [0; DATAGRAM];
    loop {
        // An error is the report about an earlier answer that nobody took.
        if let Ok((_, client)) = datagrams.recv_from(&mut buffer) {
            let _ = datagrams.send_to(name.as_bytes(), client);
        }
    }
}

fn respond(mut stream: TcpStream, name: &str) -> io::Result<()> {
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    // The request ends with an empty line; unread octets would turn the close into a reset.
    while lines
        .next()
        .transpose()?
        .is_some_and(|line| !line.is_empty())
    {}
    let length = name.len() + 1;
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{name}\n"
    )
}
