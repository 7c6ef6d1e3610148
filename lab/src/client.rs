//! What the client sees: answers over HTTP, and who says that an address is his.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use arp_ndp::MacAddr;

use crate::topology::{HTTP_PORT, Host};
use crate::{LabError, question, until};

/// How long the link is listened to for answers. All of the lab is one machine, so that they come within a few
/// milliseconds; nothing but an answer counts, however much else comes meanwhile.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(300);

/// How long one request may take in all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

impl Host {
    /// Asks the HTTP server at an address, and returns the name of the node that answered.
    ///
    /// # Errors
    /// When nobody answers within a second.
    pub fn get(&self, address: IpAddr) -> Result<String, LabError> {
        self.get_on(address, HTTP_PORT)
    }

    /// The same on another port.
    ///
    /// # Errors
    /// As [`Host::get`].
    pub fn get_on(&self, address: IpAddr, port: u16) -> Result<String, LabError> {
        let target = SocketAddr::new(address, port);
        self.namespace
            .run(|| get(target))?
            .map_err(LabError::io(format!("asking {target}")))
    }

    /// Asks until an answer comes, and returns the name of the node that answered.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn get_within(&self, address: IpAddr, timeout: Duration) -> Result<String, LabError> {
        let what = format!("answer from {address}");
        until(&what, timeout, || Ok(self.get(address).ok()))
    }

    /// Asks `times` times, each over a connection of its own, and counts the answers of each node.
    ///
    /// # Errors
    /// When one request is not answered.
    pub fn get_many(&self, address: IpAddr, times: u32) -> Result<BTreeMap<String, u32>, LabError> {
        let mut answers = BTreeMap::new();
        for _ in 0..times {
            *answers.entry(self.get(address)?).or_default() += 1;
        }
        Ok(answers)
    }

    /// Sends a datagram to the port of the HTTP server at an address, and returns what is answered.
    ///
    /// # Errors
    /// When nobody answers within a second.
    pub fn ask_by_datagram(&self, address: IpAddr) -> Result<String, LabError> {
        let ask = || {
            let socket = UdpSocket::bind((unspecified(address), 0))?;
            socket.set_read_timeout(Some(REQUEST_TIMEOUT))?;
            socket.connect((address, HTTP_PORT))?;
            socket.send(&[0])?;
            let mut buffer = [0; 1500];
            let length = socket.recv(&mut buffer)?;
            let answer = buffer.get(..length).unwrap_or_default();
            Ok(String::from_utf8_lossy(answer).into_owned())
        };
        let answer = self.namespace.run(ask)?;
        answer.map_err(LabError::io(format!("asking {address} by a datagram")))
    }

    /// The MAC addresses that answer one ARP or Neighbour Discovery request on `eth0` within 300 ms: each once, in the
    /// order of their first answers, so that a list of two is a quarrel. Announcements are no answers.
    ///
    /// # Errors
    /// When nothing can be sent there.
    pub fn who_has(&self, address: IpAddr) -> Result<Vec<String>, LabError> {
        self.who_has_on("eth0", address)
    }

    /// The same on another link, which has to have an address of the same family.
    ///
    /// # Errors
    /// As [`Host::who_has`], and when there is no such link or address.
    pub fn who_has_on(&self, link: &str, address: IpAddr) -> Result<Vec<String>, LabError> {
        let ask = || question::ask(link, address, ANSWER_TIMEOUT);
        let answered = self.namespace.run(ask)?;
        let stations =
            answered.map_err(LabError::io(format!("asking on {link} who has {address}")))?;
        Ok(stations.iter().map(MacAddr::to_string).collect())
    }

    /// Asks on a link who has an address until it gets just these answers, by MAC addresses in their order: while one
    /// machine takes over from another, both may answer, or none.
    ///
    /// # Errors
    /// An error that tells the last answers, when there are others for so long.
    pub fn until_answers(
        &self,
        link: &str,
        address: IpAddr,
        expected: &[&str],
        timeout: Duration,
    ) -> Result<(), LabError> {
        let mut last = Vec::new();
        let found = until(&format!("{expected:?} for {address}"), timeout, || {
            last = self.who_has_on(link, address)?;
            Ok((last == expected).then_some(()))
        });
        found.map_err(|error| match error {
            LabError::Timeout { .. } => {
                LabError::Unexpected(format!("{error} on {link}: {last:?}"))
            }
            error => error,
        })
    }

    /// Sends a datagram to the port "discard" of an address, so that the kernel has to find out who has it.
    ///
    /// # Errors
    /// When there is no route to the address.
    pub fn send_datagram(&self, address: IpAddr) -> Result<(), LabError> {
        let send = || UdpSocket::bind((unspecified(address), 0))?.send_to(&[0], (address, 9));
        let sent = self.namespace.run(send)?;
        sent.map(drop)
            .map_err(LabError::io(format!("sending to {address}")))
    }

    /// What the kernel believes about a neighbour: its MAC address, if it knows one.
    ///
    /// # Errors
    /// When iproute2 cannot be run or is not understood.
    pub fn neighbour(&self, address: IpAddr) -> Result<Option<String>, LabError> {
        let text = self
            .namespace
            .ip(&format!("-j neigh show to {address} dev eth0"))?;
        let parsed: serde_json::Value =
            serde_json::from_str(&text).map_err(|_| LabError::Answer {
                what: "the neighbour table",
                text,
            })?;
        let mac = parsed.pointer("/0/lladdr").and_then(|mac| mac.as_str());
        Ok(mac.map(str::to_owned))
    }
}

/// What a socket is bound to that is to reach an address.
fn unspecified(target: IpAddr) -> IpAddr {
    match target {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// One HTTP request from the namespace of the calling thread; returns the body without white space.
pub(crate) fn get(target: SocketAddr) -> io::Result<String> {
    get_page(target, "/")
}

/// The same for a page.
pub(crate) fn get_page(target: SocketAddr, page: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&target, REQUEST_TIMEOUT)?;
    stream.set_read_timeout(Some(REQUEST_TIMEOUT))?;
    write!(
        stream,
        "GET {page} HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    match answer.split_once("\r\n\r\n") {
        Some((head, body)) if head.starts_with("HTTP/1.1 200") => Ok(body.trim().to_owned()),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, answer)),
    }
}
