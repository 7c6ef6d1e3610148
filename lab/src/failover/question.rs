//! Who has an address: the question as a frame, and the answers that count.

use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd as _;
use std::time::Duration;

use arp_ndp::{
    AdvertisementFlags, Arp, ArpOperation, EtherType, EthernetHeader, Frame, MacAddr,
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

    const OWNER: MacAddr = MacAddr([2, 0, 0, 0, 0, 2]);

    /// What the owner sends about an address of IPv4.
    fn arp(destination: MacAddr, operation: ArpOperation, target: Ipv4Addr) -> Frame {
        let mut frame = Frame::new();
        let header = EthernetHeader {
            destination,
            source: OWNER,
            vlan: None,
            ether_type: EtherType::ARP,
        };
        header.encode(&mut frame);
        let arp = Arp {
            operation,
            sender_hardware_address: OWNER,
            sender_protocol_address: Ipv4Addr::new(198, 51, 100, 200),
            target_hardware_address: ASKER.mac,
            target_protocol_address: target,
        };
        arp.encode(&mut frame);
        frame
    }

    #[test]
    fn a_reply_to_the_asker_is_an_answer_and_an_announcement_is_not() {
        let address = Ipv4Addr::new(198, 51, 100, 200);
        let reply = arp(ASKER.mac, ArpOperation::REPLY, ASKER.ipv4);
        assert_eq!(ASKER.answer(reply.as_ref()), Some((address.into(), OWNER)));
        let announcement = arp(MacAddr::BROADCAST, ArpOperation::REPLY, address);
        assert_eq!(ASKER.answer(announcement.as_ref()), None);
        let question = ASKER.question(address.into());
        assert_eq!(ASKER.answer(question.as_ref()), None);
    }

    #[test]
    fn a_solicited_advertisement_is_an_answer_and_an_unsolicited_one_is_not() {
        let target: Ipv6Addr = "2001:db8:1:0:f::200".parse().unwrap();
        let advertisement = |flags| {
            let mut frame = Frame::new();
            let header = EthernetHeader {
                destination: ASKER.mac,
                source: OWNER,
                vlan: None,
                ether_type: EtherType::IPV6,
            };
            header.encode(&mut frame);
            let advertisement = NeighborAdvertisement {
                source: target,
                destination: ASKER.ipv6,
                target,
                flags,
                target_link_layer: Some(OWNER),
            };
            advertisement.encode(&mut frame);
            frame
        };
        let solicited = advertisement(AdvertisementFlags::SOLICITED);
        assert_eq!(
            ASKER.answer(solicited.as_ref()),
            Some((target.into(), OWNER))
        );
        let unsolicited = advertisement(AdvertisementFlags::OVERRIDE);
        assert_eq!(ASKER.answer(unsolicited.as_ref()), None);
    }
}
