//! Sees requests and answers on the cable, each with the kernel's time.
//!
//! So nothing counts but the responder: neither how late a request was sent, nor how long who watches waits for a
//! processor.

use std::io::{self, IoSliceMut};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arp_ndp::{Arp, ArpOperation, EtherType, EthernetHeader};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockProtocol, recvmsg, setsockopt, sockopt};
use nix::sys::time::{TimeSpec, TimeVal, TimeValLike as _};

use super::ArpLoad;
use super::asker::packet_socket;
use crate::bench::samples::Samples;

/// A packet socket for all frames that leave or arrive at one end of a cable.
pub(super) struct Witness(OwnedFd);

/// What was seen.
pub(super) struct Seen {
    pub(super) requests: usize,
    /// How long each answer took that came before its address was asked for again.
    pub(super) answers: Samples,
}

/// What an ARP packet is to the load.
enum Part {
    Request,
    Answer,
}

impl Witness {
    pub(super) fn open() -> io::Result<Self> {
        let socket = packet_socket(SockProtocol::EthAll)?;
        setsockopt(&socket, sockopt::RcvBufForce, &RECEIVE_BUFFER)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        let pause = TimeVal::milliseconds(100);
        setsockopt(&socket, sockopt::ReceiveTimeout, &pause)?;
        Ok(Self(socket))
    }

    /// Watches until it is done.
    pub(super) fn watch(&self, load: ArpLoad, done: &AtomicBool) -> io::Result<Seen> {
        // When each address was asked for, until it was answered for.
        let mut asked: Vec<Option<Duration>> = load.targets().map(|_| None).collect();
        let mut requests = 0;
        let mut answers = Vec::new();
        while !done.load(Ordering::Acquire) {
            let Some((at, part, address)) = self.next()? else {
                continue;
            };
            let Some(asked) = load.index(address).and_then(|index| asked.get_mut(index)) else {
                continue;
            };
            match part {
                Part::Request => {
                    requests += 1;
                    *asked = Some(at);
                }
                Part::Answer => {
                    answers.extend(asked.take().map(|asked| at.saturating_sub(asked)));
                }
            }
        }
        Ok(Seen {
            requests,
            answers: answers.into_iter().collect(),
        })
    }

    /// The next frame and when it was on the cable, if it is part of the load.
    fn next(&self) -> io::Result<Option<(Duration, Part, Ipv4Addr)>> {
        let mut frame = [0; 128];
        let mut control = nix::cmsg_space!(TimeSpec);
        let (len, at) = {
            let mut buffers = [IoSliceMut::new(&mut frame)];
            let socket = self.0.as_raw_fd();
            match recvmsg::<()>(socket, &mut buffers, Some(&mut control), MsgFlags::empty()) {
                Ok(message) => (message.bytes, stamp(message.cmsgs()?)),
                Err(Errno::EAGAIN) => return Ok(None),
                Err(errno) => return Err(errno.into()),
            }
        };
        let at = at.ok_or_else(|| io::Error::other("a frame without the time of its arrival"))?;
        let part = part(frame.get(..len).unwrap_or_default());
        Ok(part.map(|(part, address)| (at, part, address)))
    }
}

fn stamp(mut messages: impl Iterator<Item = ControlMessageOwned>) -> Option<Duration> {
    messages.find_map(|message| match message {
        ControlMessageOwned::ScmTimestampns(at) => Some(at.into()),
        _ => None,
    })
}

/// What a frame asks or answers; announcements do neither.
fn part(frame: &[u8]) -> Option<(Part, Ipv4Addr)> {
    let (header, payload) = EthernetHeader::decode(frame).ok()?;
    let arp = Arp::decode(payload).ok()?;
    if header.ether_type != EtherType::ARP
        || arp.sender_protocol_address == arp.target_protocol_address
    {
        return None;
    }
    match arp.operation {
        ArpOperation::REQUEST => Some((Part::Request, arp.target_protocol_address)),
        ArpOperation::REPLY => Some((Part::Answer, arp.sender_protocol_address)),
        _ => None,
    }
}

/// In octets: all frames of a second.
const RECEIVE_BUFFER: usize = 32 * 1024 * 1024;
