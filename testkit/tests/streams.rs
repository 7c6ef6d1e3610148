//! Streams over links that lose, reorder and duplicate, and the runner around them.

use std::time::{Duration, Instant};

use testkit::{Happening, Host, HostId, Link, Port, Simulation, StreamId};

/// Opens a stream to `peer` when it starts, if there is one; keeps what it receives.
#[derive(Debug, Default)]
struct End {
    peer: Option<HostId>,
    stream: Option<StreamId>,
    to_write: Vec<u8>,
    received: Vec<u8>,
    sent: usize,
    connected: bool,
    closed: bool,
    wake: Option<Instant>,
}

impl Host for End {
    fn handle(&mut self, port: &mut Port<'_>, happening: Happening) {
        match happening {
            Happening::Started => self.stream = self.peer.map(|peer| port.connect(peer)),
            Happening::Connected(stream) => {
                self.connected = true;
                port.write(stream, &self.to_write);
            }
            Happening::Accepted { stream, .. } => {
                self.stream = Some(stream);
                port.write(stream, &self.to_write);
            }
            Happening::Received { octets, .. } => self.received.extend(octets),
            Happening::Sent { octets, .. } => self.sent += octets,
            Happening::Closed(_) => {
                port.note("closed");
                self.closed = true;
            }
            Happening::Datagram { .. } => {}
        }
    }

    fn handle_timeout(&mut self, _: &mut Port<'_>) {}

    fn poll_timeout(&self) -> Option<Instant> {
        self.wake
    }
}

fn octets(count: u32) -> Vec<u8> {
    (0..count).map(|n| (n % 251) as u8).collect()
}

fn two_ends(
    seed: u64,
    link: Link,
    forth: Vec<u8>,
    back: Vec<u8>,
) -> (Simulation<End>, HostId, HostId) {
    let mut simulation = Simulation::new(seed, link);
    let a = simulation.add(
        "a",
        End {
            peer: Some(HostId(1)),
            to_write: forth,
            ..End::default()
        },
    );
    let b = simulation.add(
        "b",
        End {
            to_write: back,
            ..End::default()
        },
    );
    (simulation, a, b)
}

#[test]
fn a_stream_delivers_every_octet_in_order_over_a_lossy_reordering_link() {
    for seed in 0..50 {
        let (mut simulation, a, b) = two_ends(seed, Link::lossy(), octets(300_000), octets(70_000));
        simulation.run_until(Duration::from_secs(3600), |simulation| {
            simulation.host(b).received.len() == 300_000
                && simulation.host(a).received.len() == 70_000
        });
        assert!(simulation.host(b).received == octets(300_000));
        assert!(simulation.host(a).received == octets(70_000));
        simulation.run_for(Duration::from_secs(600));
        assert_eq!(
            (simulation.host(a).sent, simulation.host(b).sent),
            (300_000, 70_000)
        );
        assert!(!simulation.host(a).closed && !simulation.host(b).closed);
    }
}

#[test]
fn closing_delivers_what_was_written_and_then_tells_the_other_end() {
    for seed in 0..50 {
        let (mut simulation, a, b) = two_ends(seed, Link::lossy(), Vec::new(), Vec::new());
        simulation.run_until(Duration::from_secs(60), |simulation| {
            simulation.host(a).connected
        });
        simulation.with(a, |end, port| {
            let stream = end.stream.expect("a opened it");
            port.write(stream, &octets(100_000));
            port.close(stream);
        });
        simulation.run_until(Duration::from_secs(3600), |simulation| {
            simulation.host(b).closed
        });
        assert!(simulation.host(b).received == octets(100_000));
        simulation.run_for(Duration::from_secs(3600));
        assert!(!simulation.host(a).closed, "who closes is not told");
    }
}

#[test]
fn a_silent_other_end_is_given_up_after_minutes() {
    let (mut simulation, a, b) = two_ends(1, Link::default(), octets(10), Vec::new());
    simulation.run_until(Duration::from_secs(1), |simulation| {
        simulation.host(b).received.len() == 10
    });
    simulation.cut(a, b);
    simulation.with(a, |end, port| {
        port.write(end.stream.expect("a opened it"), b"lost")
    });
    let took = simulation.run_until(Duration::from_secs(3600), |simulation| {
        simulation.host(a).closed
    });
    assert!(took > Duration::from_secs(300), "{took:?}");
    assert!(simulation.trace().contains("closed"));
    simulation.mend(a, b);
    simulation.with(b, |end, port| {
        port.write(end.stream.expect("b accepted it"), b"anyone?")
    });
    simulation.run_until(Duration::from_secs(10), |simulation| {
        simulation.host(b).closed
    });
}

#[test]
fn the_same_seed_gives_the_same_run() {
    let run = |seed| {
        let (mut simulation, _, b) = two_ends(seed, Link::lossy(), octets(50_000), Vec::new());
        simulation.run_until(Duration::from_secs(3600), |simulation| {
            simulation.host(b).received.len() == 50_000
        })
    };
    assert_eq!(run(3), run(3));
    assert_ne!(run(3), run(4));
}

#[test]
#[should_panic(expected = "time stands still")]
fn a_machine_whose_deadline_stays_in_the_past_is_found_out() {
    let mut simulation = Simulation::new(1, Link::default());
    let a = simulation.add("a", End::default());
    simulation.with(a, |end, port| end.wake = Some(port.now()));
    simulation.run_for(Duration::from_secs(1));
}

#[test]
#[should_panic(expected = "did not hold within")]
fn a_condition_that_never_holds_fails_the_test() {
    let mut simulation = Simulation::new(1, Link::default());
    simulation.add("a", End::default());
    simulation.run_until(Duration::from_secs(1), |_| false);
}
