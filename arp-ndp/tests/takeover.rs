//! Two responders and a neighbour on a link that loses, repeats and reorders frames: the neighbour ends up with the
//! owner, whatever was lost.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking, as the tests do"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use arp_ndp::{
    AdvertisementFlags, Arp, Config, EtherType, EthernetHeader, Input, Link, MacAddr,
    NeighborAdvertisement, Output, Responder, Role,
};
use testkit::{Happening, Host, HostId, Port, Simulation};

const OLD: HostId = HostId(0);
const NEW: HostId = HostId(1);
const NEIGHBOUR: HostId = HostId(2);

enum Station {
    Owner(Box<Responder>),
    /// What it believes, as RFC 826 and RFC 4861 §7.2.5 say.
    Neighbour(BTreeMap<IpAddr, MacAddr>),
}

impl Station {
    fn owner(host: HostId) -> Self {
        Self::Owner(Box::new(Responder::new(
            Link::new(mac(host)),
            Config::default(),
            host.0 as u64,
        )))
    }

    fn set_addresses(&mut self, port: &mut Port<'_>, addresses: &BTreeSet<IpAddr>) {
        if let Self::Owner(responder) = self {
            responder.handle_input(
                port.now(),
                Input::SetAddresses(
                    addresses
                        .iter()
                        .map(|address| (*address, Role::Owner))
                        .collect(),
                ),
            );
            drain(responder, port);
        }
    }
}

impl Host for Station {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        let Happening::Datagram { octets, .. } = happening else {
            return;
        };
        match self {
            Self::Owner(responder) => {
                responder.handle_input(port.now(), Input::Frame(&octets));
                drain(responder, port);
            }
            Self::Neighbour(cache) => learn(cache, &octets),
        }
    }

    fn handle_timeout(&mut self, port: &mut Port<'_>) {
        if let Self::Owner(responder) = self {
            responder.handle_timeout(port.now());
            drain(responder, port);
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Owner(responder) => responder.poll_timeout(),
            Self::Neighbour(_) => None,
        }
    }
}

fn mac(host: HostId) -> MacAddr {
    MacAddr([0x02, 0, 0, 0, 0, u8::try_from(host.0).unwrap()])
}

/// Every frame of these tests is for everybody.
fn drain(responder: &mut Responder, port: &mut Port<'_>) {
    while let Some(output) = responder.poll_output() {
        if let Output::Transmit(frame) = output {
            for host in [OLD, NEW, NEIGHBOUR] {
                if mac(host) != responder.link().mac {
                    port.send(host, frame.as_ref().to_vec());
                }
            }
        }
    }
}

fn learn(cache: &mut BTreeMap<IpAddr, MacAddr>, frame: &[u8]) {
    let (header, payload) = EthernetHeader::decode(frame).unwrap();
    if header.ether_type == EtherType::ARP {
        let arp = Arp::decode(payload).unwrap();
        cache.insert(
            arp.sender_protocol_address.into(),
            arp.sender_hardware_address,
        );
    } else {
        let advertisement = NeighborAdvertisement::decode(payload).unwrap();
        assert!(advertisement.flags.contains(AdvertisementFlags::OVERRIDE));
        cache.insert(
            advertisement.target.into(),
            advertisement.target_link_layer.unwrap(),
        );
    }
}

fn takeover(seed: u64, loss: f64) -> (Simulation<Station>, BTreeSet<IpAddr>) {
    let addresses: BTreeSet<IpAddr> = ["198.51.100.10", "2001:db8::10"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    let mut simulation = Simulation::new(
        seed,
        testkit::Link {
            loss,
            ..testkit::Link::lossy()
        },
    );
    simulation.add("old", Station::owner(OLD));
    simulation.add("new", Station::owner(NEW));
    simulation.add("neighbour", Station::Neighbour(BTreeMap::new()));
    simulation.with(OLD, |old, port| old.set_addresses(port, &addresses));
    simulation.run_for(Duration::from_secs(20));
    simulation.with(OLD, |old, port| old.set_addresses(port, &BTreeSet::new()));
    simulation.with(NEW, |new, port| new.set_addresses(port, &addresses));
    (simulation, addresses)
}

fn knows_new_owner(simulation: &Simulation<Station>, addresses: &BTreeSet<IpAddr>) -> bool {
    let Station::Neighbour(cache) = simulation.host(NEIGHBOUR) else {
        return false;
    };
    addresses
        .iter()
        .all(|address| cache.get(address) == Some(&mac(NEW)))
}

#[test]
fn the_neighbour_follows_within_milliseconds_when_nothing_is_lost() {
    for seed in 0..20 {
        let (mut simulation, addresses) = takeover(seed, 0.0);
        simulation.run_for(Duration::from_millis(50));
        assert!(knows_new_owner(&simulation, &addresses), "seed {seed}");
    }
}

#[test]
fn the_burst_makes_up_for_a_tenth_of_all_frames_lost() {
    for seed in 0..100 {
        let (mut simulation, addresses) = takeover(seed, 0.1);
        simulation.run_for(Duration::from_secs(5));
        assert!(knows_new_owner(&simulation, &addresses), "seed {seed}");
    }
}

/// Three frames of five lost: a burst of seven may be lost whole, and the refresh is there for that.
#[test]
fn the_refresh_makes_up_for_a_burst_that_was_lost() {
    let mut late = 0;
    for seed in 0..100 {
        let (mut simulation, addresses) = takeover(seed, 0.6);
        simulation.run_for(Duration::from_secs(5));
        late += usize::from(!knows_new_owner(&simulation, &addresses));
        simulation.run_for(Duration::from_secs(20 * 60));
        assert!(knows_new_owner(&simulation, &addresses), "seed {seed}");
    }
    assert!(late > 0, "no burst was lost, so nothing was shown");
}
