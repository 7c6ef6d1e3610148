//! Sends ARP requests evenly from a handful of made-up stations.

use std::fs::File;
use std::io::{self, Write as _};
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use arp_ndp::{Arp, ArpOperation, EtherType, EthernetHeader, Frame, MacAddr};
use nix::ifaddrs::getifaddrs;
use nix::sys::prctl::set_timerslack;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, bind, socket};

use super::ArpLoad;
use super::witness::{Seen, Witness};
use crate::bench::samples::Samples;
use crate::{LabError, Namespace};

/// What was sent and what came back.
pub(super) struct Figures {
    /// How long after its time each request was sent.
    pub(super) late: Samples,
    pub(super) seen: Seen,
}

impl Figures {
    pub(super) fn lost(&self) -> usize {
        self.seen.requests - self.seen.answers.count()
    }
}

/// Asks from one end of a cable.
pub(super) fn ask(asker: &Namespace, load: ArpLoad) -> Result<Figures, LabError> {
    asker
        .run(|| exchange(load))?
        .map_err(LabError::io("sending requests"))
}

fn exchange(load: ArpLoad) -> io::Result<Figures> {
    let witness = Witness::open()?;
    // It receives nothing.
    let socket = File::from(packet_socket(None)?);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let seen = scope.spawn(|| witness.watch(load, &done));
        let late = send(&socket, load);
        thread::sleep(LAST_ANSWERS);
        done.store(true, Ordering::Release);
        let seen = seen
            .join()
            .unwrap_or_else(|_| Err(io::Error::other("the watching thread ended")));
        Ok(Figures {
            late: late?,
            seen: seen?,
        })
    })
}

/// Returns how long after its time each request was sent.
fn send(mut socket: &File, load: ArpLoad) -> io::Result<Samples> {
    // Or the kernel would end each pause some 50 us late.
    set_timerslack(1)?;
    let start = Instant::now();
    let interval = Duration::from_secs(1) / load.per_second;
    let mut late = Vec::new();
    let targets: Vec<_> = load.targets().collect();
    for (target, number) in targets.iter().cycle().zip(0..) {
        let due = start + interval * number;
        if due.duration_since(start) >= load.time {
            break;
        }
        thread::sleep(due.saturating_duration_since(Instant::now()));
        late.push(due.elapsed());
        socket.write_all(request(*target, number % STATIONS).as_ref())?;
    }
    Ok(late.into_iter().collect())
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

/// A socket on `eth0` for the frames of a protocol, or for none.
pub(super) fn packet_socket(protocol: impl Into<Option<SockProtocol>>) -> io::Result<OwnedFd> {
    let socket = socket(
        AddressFamily::Packet,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        protocol,
    )?;
    let link = getifaddrs()?
        .filter(|interface| interface.interface_name == "eth0")
        .find_map(|interface| interface.address?.as_link_addr().copied())
        .ok_or_else(|| io::Error::other("there is no eth0"))?;
    bind(socket.as_raw_fd(), &link)?;
    Ok(socket)
}

/// No one station asks so often that it would be limited.
const STATIONS: u32 = 16;
const LAST_ANSWERS: Duration = Duration::from_millis(500);
