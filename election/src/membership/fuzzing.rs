//! The body of the fuzz target, which `cargo test` runs over the corpus. Not an interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use super::facts::Facts;
use super::seal::{EPOCH_LEN, Seal};
use super::wire::{Entry, Message, SwimHeader, Wire};
use super::{Config, Input, Key, Local, Membership, Output};

/// Any octets as a datagram, and then as what a member says that has the key: messages, each behind two octets with its
/// length, 50 ms apart.
pub fn datagram(octets: &[u8]) {
    let now = now();
    let mut member = member(now);
    deliver(&mut member, now, octets);
    assert_eq!(member.members().len(), 1, "nobody gets in without the key");

    let mut seal = Seal::new(&key(), Config::lan().cluster(), [9; EPOCH_LEN]);
    let mut time = now;
    for message in messages(octets) {
        reads_as_written(message);
        for datagram in seal.seal(message) {
            deliver(&mut member, time, &datagram);
        }
        time += STEP;
        pass(&mut member, time);
    }
    pass(&mut member, time + AFTERWARDS);
    assert!(member.members().contains_key("a"), "it knows itself");
}

/// One message after the other, the last one as long as what is left.
fn messages(mut octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = octets.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (message, rest) = rest.split_at_checked(len)?;
        octets = rest;
        Some(message)
    })
}

/// What decodes encodes to the same octets.
fn reads_as_written(message: &[u8]) {
    let Ok(read) = Message::decode(message) else {
        return;
    };
    let mut written = Vec::new();
    read.encode(&mut written);
    assert_eq!(written, message);
    let entries = match read {
        Message::Swim { payload, entries } => {
            same::<SwimHeader>(payload);
            entries
        }
        Message::Entries { entries, .. } => entries,
        _ => Vec::new(),
    };
    for entry in entries {
        if let Entry::Facts(part) = entry
            && let Ok(facts) = Facts::decode(&mut &*part.octets)
        {
            let mut written = Vec::new();
            facts.encode(&mut written);
            // Links in another order, or twice, come out in order, and once.
            assert_eq!(Facts::decode(&mut written.as_slice()), Ok(facts));
        }
    }
}

fn same<T: Wire>(octets: &[u8]) {
    let mut rest = octets;
    if let Ok(value) = T::decode(&mut rest) {
        let mut written = Vec::new();
        value.encode(&mut written);
        assert!(octets.starts_with(&written));
        assert_eq!(written.len() + rest.len(), octets.len());
    }
}

fn deliver(member: &mut Membership, now: Instant, octets: &[u8]) {
    let from = SocketAddr::new(Ipv4Addr::new(192, 0, 2, 9).into(), 7946);
    member.handle_input(now, Input::Datagram { from, octets });
    drain(member);
}

/// Does all that is due until then. What one message starts comes to an end, or goes on at its own pace.
fn pass(member: &mut Membership, until: Instant) {
    let mut calls = 0;
    while let Some(at) = member.poll_timeout().filter(|at| *at <= until) {
        member.handle_timeout(at);
        drain(member);
        calls += 1;
        assert!(calls < CALLS, "it does not come to rest");
    }
}

fn drain(member: &mut Membership) {
    while let Some(output) = member.poll_output() {
        if let Output::Transmit { octets, .. } = output {
            assert!(octets.len() <= super::config::DATAGRAM_LEN);
        }
    }
}

fn member(now: Instant) -> Membership {
    let local = Local {
        name: match "a".parse() {
            Ok(name) => name,
            Err(error) => unreachable!("{error}"),
        },
        address: SocketAddr::new(Ipv4Addr::new(192, 0, 2, 1).into(), 7946),
        incarnation: 1,
    };
    Membership::new(local, Config::lan(), &key(), [7; 32], now)
}

fn key() -> Key {
    Key::derive(b"fuzz")
}

#[expect(
    clippy::disallowed_methods,
    reason = "an `Instant` cannot be made in another way; only differences from it are used"
)]
fn now() -> Instant {
    Instant::now()
}

const STEP: Duration = Duration::from_millis(50);
/// Longer than a suspicion.
const AFTERWARDS: Duration = Duration::from_secs(8);
/// Some hundred a second are normal while there is somebody to suspect.
const CALLS: usize = 20_000;
