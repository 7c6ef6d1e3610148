//! The workload of the lab: an HTTP server that answers every request with the name of its node.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// How long a client may take to send its request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// Answers on all addresses of the namespace, of both families, for as long as the process lives.
///
/// `ready` is called once connections are accepted.
///
/// # Errors
/// When the port is taken.
pub fn answer<T>(name: &str, port: u16, ready: impl FnOnce() -> T) -> io::Result<()> {
    // Takes IPv4 too, since Linux leaves IPV6_V6ONLY off.
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port))?;
    ready();
    for stream in listener.incoming().flatten() {
        let name = name.to_owned();
        // A client that went away is its own problem.
        thread::spawn(move || respond(stream, &name));
    }
    Ok(())
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
