//! Who has an address: the question as a frame, the answers that count, and the claim of somebody who has not.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use arp_ndp::{
    ALL_NODES, AdvertisementFlags, Arp, ArpOperation, EtherType, EthernetHeader, Frame, MacAddr,
    NeighborAdvertisement, NeighborSolicitation, multicast_mac, solicited_node_group,
};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, bind, setsockopt, socket,
};
use nix::sys::time::TimeVal;

use crate::{Host, LabError};

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asker {
    mac: MacAddr,
    ipv4: Ipv4Addr,
    ipv6: Ipv6Addr,
}

impl Asker {
    /// A machine of the lab, on its `eth0`.
    pub(super) fn of(host: &Host) -> Result<Self, LabError> {
        Ok(Self {
            mac: mac(&host.mac()?)?,
            ipv4: host.ipv4,
            ipv6: host.ipv6,
        })
    }

    /// The frame that asks everybody on the link who has an address.
    pub(super) fn question(&self, address: IpAddr) -> Frame {
        let mut frame = Frame::new();
        match address {
            IpAddr::V4(target) => {
                self.header(MacAddr::BROADCAST, EtherType::ARP, &mut frame);
                let question = Arp {
                    operation: ArpOperation::REQUEST,
                    sender_hardware_address: self.mac,
                    sender_protocol_address: self.ipv4,
                    target_hardware_address: MacAddr::ZERO,
                    target_protocol_address: target,
                };
                question.encode(&mut frame);
            }
            IpAddr::V6(target) => {
                let group = solicited_node_group(target);
                self.header(multicast_mac(group), EtherType::IPV6, &mut frame);
                let question = NeighborSolicitation {
                    source: self.ipv6,
                    destination: group,
                    target,
                    source_link_layer: Some(self.mac),
                };
                question.encode(&mut frame);
            }
        }
        frame
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
                    source: self.ipv6,
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

    /// The address that a frame says is its sender's, and the sender, if it answers a question of this asker: what is
    /// announced to everybody is no answer.
    pub(super) fn answer(&self, frame: &[u8]) -> Option<(IpAddr, MacAddr)> {
        let (header, payload) = EthernetHeader::decode(frame).ok()?;
        if header.destination != self.mac {
            return None;
        }
        match header.ether_type {
            EtherType::ARP => {
                let arp = Arp::decode(payload).ok()?;
                let is_answer = arp.operation == ArpOperation::REPLY
                    && arp.target_protocol_address == self.ipv4;
                let answer = (
                    arp.sender_protocol_address.into(),
                    arp.sender_hardware_address,
                );
                is_answer.then_some(answer)
            }
            EtherType::IPV6 => {
                let advertisement = NeighborAdvertisement::decode(payload).ok()?;
                let is_answer = advertisement.flags.contains(AdvertisementFlags::SOLICITED);
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
    let frame = Asker::of(host)?.claim(address);
    let send = || open("eth0", Duration::from_secs(1))?.write_all(frame.as_ref());
    let sent = host.namespace.run(send)?;
    sent.map_err(LabError::io(format!("claiming {address}")))
}

/// A MAC address as iproute2 has it.
pub(super) fn mac(text: &str) -> Result<MacAddr, LabError> {
    text.parse().map_err(|_| LabError::Answer {
        what: "a MAC address",
        text: text.to_owned(),
    })
}

/// Opens a socket for whole frames on a link of the calling thread's namespace. Reading waits for `timeout` at most.
pub(super) fn open(link: &str, timeout: Duration) -> io::Result<File> {
    // Without an address of its own a link has one of this kind still: its index and its MAC address.
    let mut addresses = getifaddrs()?.filter(|one| one.interface_name == link);
    let no_link = || io::Error::new(io::ErrorKind::NotFound, format!("no link {link}"));
    let address: LinkAddr = addresses
        .find_map(|one| one.address?.as_link_addr().copied())
        .ok_or_else(no_link)?;
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    bind(socket.as_raw_fd(), &address)?;
    let microseconds = i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX);
    let seconds = TimeVal::new(microseconds / 1_000_000, microseconds % 1_000_000);
    setsockopt(&socket, ReceiveTimeout, &seconds)?;
    Ok(File::from(socket))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKER: Asker = Asker {
        mac: MacAddr([2, 0, 0, 0, 0, 1]),
        ipv4: Ipv4Addr::new(198, 51, 100, 100),
        ipv6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x100),
    };

    const OWNER: Asker = Asker {
        mac: MacAddr([2, 0, 0, 0, 0, 2]),
        ipv4: Ipv4Addr::new(198, 51, 100, 11),
        ipv6: Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0xb),
    };

    const V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 200);
    const V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0xf, 0, 0, 0x200);

    /// What the owner of the addresses answers.
    fn answer(address: IpAddr) -> Frame {
        let mut frame = Frame::new();
        match address {
            IpAddr::V4(address) => {
                OWNER.header(ASKER.mac, EtherType::ARP, &mut frame);
                let reply = Arp {
                    operation: ArpOperation::REPLY,
                    sender_hardware_address: OWNER.mac,
                    sender_protocol_address: address,
                    target_hardware_address: ASKER.mac,
                    target_protocol_address: ASKER.ipv4,
                };
                reply.encode(&mut frame);
            }
            IpAddr::V6(address) => {
                OWNER.header(ASKER.mac, EtherType::IPV6, &mut frame);
                let advertisement = NeighborAdvertisement {
                    source: address,
                    destination: ASKER.ipv6,
                    target: address,
                    flags: AdvertisementFlags::SOLICITED,
                    target_link_layer: Some(OWNER.mac),
                    mark: None,
                };
                advertisement.encode(&mut frame);
            }
        }
        frame
    }

    #[test]
    fn only_what_is_sent_to_the_asker_about_its_question_is_an_answer() {
        for address in [V4.into(), V6.into()] {
            let heard = |frame: &Frame| ASKER.answer(frame.as_ref());
            assert_eq!(heard(&answer(address)), Some((address, OWNER.mac)));
            assert_eq!(heard(&OWNER.claim(address)), None, "an announcement");
            assert_eq!(heard(&ASKER.question(address)), None, "the question");
            assert_eq!(OWNER.answer(answer(address).as_ref()), None, "of another");
        }
    }
}
