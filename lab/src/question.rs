//! Who has an address: the question as a frame, the answers that count, and the claim of somebody who has not.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::time::{Duration, Instant};

use arp_ndp::{
    ALL_NODES, AdvertisementFlags, Arp, ArpOperation, EtherType, EthernetHeader, Frame, MacAddr,
    NeighborAdvertisement, NeighborSolicitation, multicast_mac, solicited_node_group,
};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, SockaddrIn, SockaddrIn6,
    SockaddrStorage, bind, setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use crate::{Host, LabError};

/// How long reading from a socket of [`open`] waits for a frame.
const READ: Duration = Duration::from_millis(5);

/// Asks once on a link of the calling thread's namespace who has an address, and listens for `timeout`. Returns each
/// station that answers once, in the order of their first answers: what answers the kernel's own question at that time
/// looks the same, and is as good.
///
/// # Errors
/// When there is no such link, or it has no address to ask from, or is down.
pub(crate) fn ask(link: &str, address: IpAddr, timeout: Duration) -> io::Result<Vec<MacAddr>> {
    let asker = Asker::on(link)?;
    let question = asker.question(address)?;
    let mut socket = open(link)?;
    socket.write_all(question.as_ref())?;
    let asked = Instant::now();
    let mut stations = Vec::new();
    while asked.elapsed() < timeout {
        if let Some((of, by)) = asker.listen(&mut socket)
            && of == address
            && !stations.contains(&by)
        {
            stations.push(by);
        }
    }
    Ok(stations)
}

/// Who asks: a machine on one of its links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asker {
    mac: MacAddr,
    ipv4: Option<Ipv4Addr>,
    ipv6: Option<Ipv6Addr>,
}

impl Asker {
    /// The machine whose namespace the calling thread is in, with the first IPv4 address of a link, and its link-local
    /// address if it has one: who asks from an address says that it has it, so none is taken that came later.
    ///
    /// # Errors
    /// When there is no such link.
    pub(crate) fn on(link: &str) -> io::Result<Self> {
        let mac = link_address(link)?.addr().ok_or_else(|| no_link(link))?;
        let addresses = addresses_of(link)?;
        let mut ipv4 = addresses.iter().filter_map(|one| one.as_sockaddr_in());
        let ipv6 = addresses.iter().filter_map(|one| one.as_sockaddr_in6());
        Ok(Self {
            mac: mac.into(),
            ipv4: ipv4.next().map(SockaddrIn::ip),
            ipv6: ipv6
                .map(SockaddrIn6::ip)
                .min_by_key(|ip| !ip.is_unicast_link_local()),
        })
    }

    /// The frame that asks everybody on the link who has an address.
    ///
    /// # Errors
    /// When the link has no address of that family.
    pub(crate) fn question(&self, address: IpAddr) -> io::Result<Frame> {
        let mut frame = Frame::new();
        match address {
            IpAddr::V4(target) => {
                let source = self.ipv4.ok_or_else(|| nothing_to_ask_from("IPv4"))?;
                self.header(MacAddr::BROADCAST, EtherType::ARP, &mut frame);
                let question = Arp {
                    operation: ArpOperation::REQUEST,
                    sender_hardware_address: self.mac,
                    sender_protocol_address: source,
                    target_hardware_address: MacAddr::ZERO,
                    target_protocol_address: target,
                };
                question.encode(&mut frame);
            }
            IpAddr::V6(target) => {
                let source = self.ipv6.ok_or_else(|| nothing_to_ask_from("IPv6"))?;
                let group = solicited_node_group(target);
                self.header(multicast_mac(group), EtherType::IPV6, &mut frame);
                let question = NeighborSolicitation {
                    source,
                    destination: group,
                    target,
                    source_link_layer: Some(self.mac),
                };
                question.encode(&mut frame);
            }
        }
        Ok(frame)
    }

    /// The frame that tells everybody on the link that the asker has an address.
    fn claim(&self, address: IpAddr) -> Frame {
        let mut frame = Frame::new();
        match address {
            IpAddr::V4(address) => {
                self.header(MacAddr::BROADCAST, EtherType::ARP, &mut frame);
                let claim = Arp {
                    operation: ArpOperation::REQUEST,
                    sender_hardware_address: self.mac,
                    sender_protocol_address: address,
                    target_hardware_address: MacAddr::ZERO,
                    target_protocol_address: address,
                };
                claim.encode(&mut frame);
            }
            IpAddr::V6(address) => {
                self.header(multicast_mac(ALL_NODES), EtherType::IPV6, &mut frame);
                let claim = NeighborAdvertisement {
                    source: address,
                    destination: ALL_NODES,
                    target: address,
                    flags: AdvertisementFlags::OVERRIDE,
                    target_link_layer: Some(self.mac),
                    mark: None,
                };
                claim.encode(&mut frame);
            }
        }
        frame
    }

    /// Waits for one frame for some milliseconds, and returns the address and who has it if it is an answer. A link that
    /// is gone says nothing.
    pub(crate) fn listen(&self, socket: &mut File) -> Option<(IpAddr, MacAddr)> {
        let mut buffer = [0; 2048];
        let length = socket.read(&mut buffer).ok()?;
        self.answer(buffer.get(..length)?)
    }

    /// The address that a frame says is its sender's, and the sender, if it answers a question of this asker: what is
    /// announced to everybody is no answer.
    fn answer(&self, frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
        let (header, payload) = EthernetHeader::decode(frame).ok()?;
        if header.destination != self.mac {
            return None;
        }
        match header.ether_type {
            EtherType::ARP => {
                let arp = Arp::decode(payload).ok()?;
                let is_answer = arp.operation == ArpOperation::REPLY
                    && Some(arp.target_protocol_address) == self.ipv4;
                let answer = (
                    arp.sender_protocol_address.into(),
                    arp.sender_hardware_address,
                );
                is_answer.then_some(answer)
            }
            EtherType::IPV6 => {
                let advertisement = NeighborAdvertisement::decode(payload).ok()?;
                let is_answer = advertisement.flags.contains(AdvertisementFlags::SOLICITED)
                    && Some(advertisement.destination) == self.ipv6;
                let sender = advertisement.target_link_layer.unwrap_or(header.source);
                is_answer.then_some((advertisement.target.into(), sender))
            }
            _ => None,
        }
    }

    fn header(&self, destination: MacAddr, ether_type: EtherType, frame: &mut Frame) {
        let header = EthernetHeader {
            destination,
            source: self.mac,
            vlan: None,
            ether_type,
        };
        header.encode(frame);
    }
}

/// Lets a machine tell everybody on its `eth0` once that it has an address, as one does that was given it by mistake.
///
/// # Errors
/// When nothing can be sent there.
pub fn claim(host: &Host, address: IpAddr) -> Result<(), LabError> {
    let send = || open("eth0")?.write_all(Asker::on("eth0")?.claim(address).as_ref());
    let sent = host.namespace.run(send)?;
    sent.map_err(LabError::io(format!("claiming {address}")))
}

/// Opens a socket for whole frames on a link of the calling thread's namespace. Reading waits for some milliseconds.
///
/// # Errors
/// When there is no such link, or without the right to.
pub(crate) fn open(link: &str) -> io::Result<File> {
    let address = link_address(link)?;
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    // What came in by other links before this is told apart by the MAC address that it was sent to.
    bind(socket.as_raw_fd(), &address)?;
    let microseconds = i64::try_from(READ.as_micros()).unwrap_or(i64::MAX);
    setsockopt(
        &socket,
        ReceiveTimeout,
        &TimeVal::microseconds(microseconds),
    )?;
    Ok(File::from(socket))
}

/// The index and the MAC address of a link, which it has even without any other address.
fn link_address(link: &str) -> io::Result<LinkAddr> {
    let addresses = addresses_of(link)?;
    let mut found = addresses.iter().filter_map(|one| one.as_link_addr());
    found.next().copied().ok_or_else(|| no_link(link))
}

/// The addresses of a link, of all kinds.
fn addresses_of(link: &str) -> io::Result<Vec<SockaddrStorage>> {
    let of_link = getifaddrs()?.filter(|one| one.interface_name == link);
    Ok(of_link.filter_map(|one| one.address).collect())
}

fn no_link(link: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, format!("no link {link}"))
}

fn nothing_to_ask_from(family: &str) -> io::Error {
    let text = format!("the link has no {family} address to ask from");
    io::Error::new(io::ErrorKind::AddrNotAvailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Asker = Asker {
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        ipv4: Some(ASKER_V4),
        ipv6: Some(ASKER_V6),
    };

    const OWNER: Asker = Asker {
        mac: MacAddr([2, 0, 0, 0, 0, 2]),
        ipv4: None,
        ipv6: None,
    };

    const ASKER_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 100);
    const ASKER_V6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);

    const V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 200);
    const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0xf, 0, 0, 0x200);

    /// What the owner of the addresses answers to a question from other addresses of the same machine, or these.
    fn answer(address: IpAddr, asker_v4: Ipv4Addr, asker_v6: Ipv6Addr) -> Frame {
        let mut frame = Frame::new();
        match address {
            IpAddr::V4(address) => {
                OWNER.header(ASKER.mac, EtherType::ARP, &mut frame);
                reply(address, asker_v4).encode(&mut frame);
            }
            IpAddr::V6(address) => {
                OWNER.header(ASKER.mac, EtherType::IPV6, &mut frame);
                advertisement(address, asker_v6).encode(&mut frame);
            }
        }
        frame
    }

    fn reply(address: Ipv4Addr, asker: Ipv4Addr) -> Arp {
        Arp {
            operation: ArpOperation::REPLY,
            sender_hardware_address: OWNER.mac,
            sender_protocol_address: address,
            target_hardware_address: ASKER.mac,
            target_protocol_address: asker,
        }
    }

    fn advertisement(address: Ipv6Addr, asker: Ipv6Addr) -> NeighborAdvertisement {
        NeighborAdvertisement {
            source: address,
            destination: asker,
            target: address,
            flags: AdvertisementFlags::SOLICITED,
            target_link_layer: Some(OWNER.mac),
            mark: None,
        }
    }

    #[test]
    fn only_what_is_sent_to_the_asker_about_its_question_is_an_answer() {
        for address in [V4.into(), V6.into()] {
            let heard = |frame: &Frame| ASKER.answer(frame.as_ref());
            let right = answer(address, ASKER_V4, ASKER_V6);
            assert_eq!(heard(&right), Some((address, OWNER.mac)));
            assert_eq!(OWNER.answer(right.as_ref()), None, "of another machine");
            let other = answer(address, V4, V6);
            assert_eq!(heard(&other), None, "to another address of the machine");
            assert_eq!(heard(&OWNER.claim(address)), None, "an announcement");
            let question = ASKER.question(address).unwrap();
            assert_eq!(heard(&question), None, "the question");
        }
    }

    /// RFC 5944 §4.6 lets gratuitous ARP be replies too; RFC 4861 §7.2.6 has advertisements that nobody asked for without
    /// the flag.
    #[test]
    fn an_announcement_is_no_answer_even_if_it_is_a_reply_or_sent_to_the_asker_alone() {
        let mut gratuitous = Frame::new();
        OWNER.header(MacAddr::BROADCAST, EtherType::ARP, &mut gratuitous);
        reply(V4, V4).encode(&mut gratuitous);
        let mut unsolicited = Frame::new();
        OWNER.header(ASKER.mac, EtherType::IPV6, &mut unsolicited);
        let advertisement = NeighborAdvertisement {
            flags: AdvertisementFlags::OVERRIDE,
            ..advertisement(V6, ASKER_V6)
        };
        advertisement.encode(&mut unsolicited);
        for frame in [gratuitous, unsolicited] {
            assert_eq!(ASKER.answer(frame.as_ref()), None);
        }
    }

    #[test]
    fn a_link_without_an_address_of_the_family_cannot_ask() {
        for address in [V4.into(), V6.into()] {
            let refused = OWNER.question(address).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::AddrNotAvailable);
        }
    }
}
