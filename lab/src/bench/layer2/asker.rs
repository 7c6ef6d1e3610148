//! Sends ARP requests evenly from a handful of made-up stations, and measures how long each answer takes.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::net::Ipv4Addr;
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arp_ndp::{Arp, ArpOperation, EtherType, EthernetHeader, Frame, MacAddr};
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, SockFlag, SockProtocol, SockType, bind, setsockopt, socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike as _};

use super::ArpLoad;
use crate::bench::samples::Samples;
use crate::{LabError, Namespace};

/// What came back.
pub(super) struct Figures {
    pub(super) sent: usize,
    /// How long each answer took that came before its address was asked for again.
    pub(super) answers: Samples,
}

impl Figures {
    pub(super) fn lost(&self) -> usize {
        self.sent - self.answers.count()
    }
}

/// Asks from one end of a cable.
pub(super) fn ask(asker: &Namespace, load: ArpLoad) -> Result<Figures, LabError> {
    asker.run(|| {
        let socket = packet_socket().map_err(LabError::io("opening a packet socket"))?;
        exchange(&socket, load).map_err(LabError::io("sending requests"))
    })?
}

fn exchange(socket: &File, load: ArpLoad) -> io::Result<Figures> {
    let start = Instant::now();
    // When each address was asked for, in nanoseconds since the start; zero once it was answered for.
    let asked: Vec<_> = load.targets().map(|_| AtomicU64::new(0)).collect();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let answers = scope.spawn(|| receive(socket, load, start, &asked, &done));
        let sent = send(socket, load, start, &asked);
        thread::sleep(LAST_ANSWERS);
        done.store(true, Ordering::Release);
        let answers = answers
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the receiving thread ended")));
        Ok(Figures {
            sent: sent?,
            answers: answers?.into_iter().collect(),
        })
    })
}

/// Returns how many requests were sent.
fn send(
    mut socket: &File,
    load: ArpLoad,
    start: Instant,
    asked: &[AtomicU64],
) -> io::Result<usize> {
    let interval = Duration::from_secs(1) / load.per_second;
    let mut sent = 0;
    let targets: Vec<_> = load.targets().collect();
    for ((target, slot), number) in targets.iter().zip(asked).cycle().zip(0..) {
        let due = start + interval * number;
        if due.duration_since(start) >= load.time {
            break;
        }
        while let Some(early) = due.checked_duration_since(Instant::now()) {
            if early > SPIN {
                thread::sleep(early - SPIN);
            } else {
                std::hint::spin_loop();
            }
        }
        let request = request(*target, number % STATIONS);
        slot.store(nanos(start.elapsed()), Ordering::Release);
        socket.write_all(request.as_ref())?;
        sent += 1;
    }
    Ok(sent)
}

fn receive(
    mut socket: &File,
    load: ArpLoad,
    start: Instant,
    asked: &[AtomicU64],
    done: &AtomicBool,
) -> io::Result<Vec<Duration>> {
    let mut answers = Vec::new();
    let mut buffer = [0; 128];
    while !done.load(Ordering::Acquire) {
        let len = match socket.read(&mut buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        let now = nanos(start.elapsed());
        let frame = buffer.get(..len).unwrap_or_default();
        let slot = answered(frame).and_then(|target| asked.get(load.index(target)?));
        let asked_at = slot.map_or(0, |slot| slot.swap(0, Ordering::AcqRel));
        if asked_at != 0 {
            answers.push(Duration::from_nanos(now.saturating_sub(asked_at)));
        }
    }
    Ok(answers)
}

/// The address that a frame is an answer for, if it is one to us.
fn answered(frame: &[u8]) -> Option<Ipv4Addr> {
    let (header, payload) = EthernetHeader::decode(frame).ok()?;
    let arp = Arp::decode(payload).ok()?;
    let answer = header.ether_type == EtherType::ARP && arp.operation == ArpOperation::REPLY;
    (answer && !header.destination.is_multicast()).then_some(arp.sender_protocol_address)
}

fn request(target: Ipv4Addr, station: u32) -> Frame {
    let [.., low] = station.to_be_bytes();
    let source = MacAddr([0x06, 0, 0, 0, 0, low]);
    let mut frame = Frame::new();
    EthernetHeader {
        destination: MacAddr::BROADCAST,
        source,
        vlan: None,
        ether_type: EtherType::ARP,
    }
    .encode(&mut frame);
    Arp {
        operation: ArpOperation::REQUEST,
        sender_hardware_address: source,
        sender_protocol_address: Ipv4Addr::new(198, 18, 0, 16 + low),
        target_hardware_address: MacAddr::ZERO,
        target_protocol_address: target,
    }
    .encode(&mut frame);
    frame
}

/// All frames of `eth0`, as a file to read and write.
fn packet_socket() -> io::Result<File> {
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::EthAll,
    )?;
    let link = getifaddrs()?
        .filter(|interface| interface.interface_name == "eth0")
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .ok_or_else(|| io::Error::other("there is no eth0"))?;
    bind(socket.as_raw_fd(), &link)?;
    setsockopt(&socket, sockopt::RcvBuf, &RECEIVE_BUFFER)?;
    setsockopt(
        &socket,
        sockopt::ReceiveTimeout,
        &TimeVal::milliseconds(100),
    )?;
    Ok(File::from(socket))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// No one station asks so often that it would be limited.
const STATIONS: u32 = 16;
/// Sleeping takes longer than it should by about this much.
const SPIN: Duration = Duration::from_micros(80);
const LAST_ANSWERS: Duration = Duration::from_millis(500);
const RECEIVE_BUFFER: usize = 8 * 1024 * 1024;
