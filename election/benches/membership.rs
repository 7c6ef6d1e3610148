//! How fast members notice a death, how often they are wrong, and what they send, in virtual time: `make bench-membership`,
//! all of it or the rows that `CASE="300 members"` is part of.

#![expect(
    clippy::indexing_slicing,
    reason = "it measures worlds that it made itself"
)]

#[path = "../tests/simulation/mod.rs"]
#[expect(dead_code, reason = "the tests need more of it")]
mod simulation;

use std::collections::BTreeSet;
use std::io::{Write as _, stdout};
use std::time::{Duration, Instant};

use election::membership::{Config, Event};
use simulation::{Net, Traffic, World};

fn main() -> std::io::Result<()> {
    let mut out = stdout().lock();
    // What cargo adds begins with a dash.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    writeln!(out, "{HEADER}")?;
    for case in cases().iter().filter(|case| case.name().contains(&wanted)) {
        let result = case.run();
        writeln!(out, "{:<42}{result}", case.name())?;
        out.flush()?;
    }
    writeln!(out, "{FOOTER}")
}

/// One row of the table.
struct Case {
    nodes: usize,
    loss: f64,
    trouble: Trouble,
    /// How many deaths are watched.
    deaths: usize,
    /// For how long it is watched that nobody dies who lives, in hours times members.
    node_hours: f64,
}

/// What else is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Nothing,
    /// Datagrams take 20 to 60 ms, so that many overtake others.
    Delay,
    /// From each member to a tenth of the others nothing passes; it is another tenth every second.
    OneWay,
    /// Clocks are wrong by up to 5 %.
    Drift,
    /// Each second a tenth of the members does not run for 50 to 400 ms.
    Pauses,
    /// Half of the members die at the same moment.
    HalfDies,
    /// The settings for a wide area, with 50 to 150 ms.
    Wan,
}

/// What came out.
struct Outcome {
    first: Vec<Duration>,
    all: Vec<Duration>,
    wrong: usize,
    node_hours: f64,
    traffic: Traffic,
}

fn cases() -> Vec<Case> {
    let case = |nodes, loss, trouble, deaths, node_hours| Case {
        nodes,
        loss,
        trouble,
        deaths,
        node_hours,
    };
    vec![
        case(3, 0.01, Trouble::Nothing, 300, 500.0),
        case(30, 0.01, Trouble::Nothing, 300, 500.0),
        case(300, 0.01, Trouble::Nothing, 100, 5.0),
        case(1000, 0.01, Trouble::Nothing, 20, 1.0),
        case(3, 0.05, Trouble::Nothing, 300, 20.0),
        case(30, 0.05, Trouble::Nothing, 300, 20.0),
        case(300, 0.05, Trouble::Nothing, 200, 2.0),
        case(1000, 0.05, Trouble::Nothing, 20, 0.5),
        case(3, 0.2, Trouble::Nothing, 100, 20.0),
        case(30, 0.2, Trouble::Nothing, 100, 10.0),
        case(300, 0.2, Trouble::Nothing, 20, 0.5),
        case(1000, 0.2, Trouble::Nothing, 3, 0.1),
        case(30, 0.01, Trouble::Delay, 100, 10.0),
        case(30, 0.01, Trouble::OneWay, 100, 10.0),
        case(30, 0.01, Trouble::Drift, 100, 10.0),
        case(3, 0.01, Trouble::Pauses, 100, 20.0),
        case(30, 0.01, Trouble::Pauses, 100, 20.0),
        case(30, 0.01, Trouble::HalfDies, 20, 0.0),
        case(300, 0.01, Trouble::HalfDies, 3, 0.0),
        case(30, 0.01, Trouble::Wan, 50, 20.0),
    ]
}

impl Case {
    fn name(&self) -> String {
        let trouble = match self.trouble {
            Trouble::Nothing => "",
            Trouble::Delay => ", 20 to 60 ms",
            Trouble::OneWay => ", a tenth cut one way",
            Trouble::Drift => ", clocks 5 % off",
            Trouble::Pauses => ", pauses of 50 to 400 ms",
            Trouble::HalfDies => ", half dies at once",
            Trouble::Wan => ", WAN, 50 to 150 ms",
        };
        format!(
            "{} members, {} % loss{trouble}",
            self.nodes,
            self.loss * 100.0
        )
    }

    fn run(&self) -> Outcome {
        let mut rng = fastrand::Rng::with_seed(SEED);
        let mut world = self.world(&mut rng);
        let (mut first, mut all) = (Vec::new(), Vec::new());
        for _ in 0..self.deaths {
            self.trouble(&mut world, &mut rng);
            world.run(Duration::from_millis(rng.u64(1000..2000)));
            let took = self.death(&mut world, &mut rng);
            first.push(took.0);
            all.push(took.1);
        }
        first.sort_unstable();
        all.sort_unstable();
        let (wrong, traffic) = self.quiet(&mut world, &mut rng);
        Outcome {
            first,
            all,
            wrong,
            node_hours: self.node_hours,
            traffic,
        }
    }

    fn world(&self, rng: &mut fastrand::Rng) -> World {
        let milliseconds = Duration::from_millis;
        let mut net = Net::lan(self.loss);
        let mut config = Config::lan();
        match self.trouble {
            Trouble::Delay => net.delay = (milliseconds(20), milliseconds(60)),
            Trouble::Wan => {
                net.delay = (milliseconds(50), milliseconds(150));
                config = Config::wan();
            }
            _ => {}
        }
        let mut world = World::settled(self.nodes, config, net, SEED);
        if self.trouble == Trouble::Drift {
            for node in 0..self.nodes {
                world.crash(node);
                world.nodes[node].clock = 0.95 + rng.f64() / 10.0;
                world.start(node);
            }
            whole(&mut world);
        }
        world
    }

    /// A second's worth of it.
    fn trouble(&self, world: &mut World, rng: &mut fastrand::Rng) {
        let tenth = self.nodes.div_ceil(10);
        match self.trouble {
            Trouble::OneWay => {
                world.blocked.clear();
                for from in 0..self.nodes {
                    let to: Vec<usize> = (0..tenth).map(|_| rng.usize(..self.nodes)).collect();
                    world.block(&[from], &to);
                }
            }
            Trouble::Pauses => {
                for _ in 0..tenth {
                    let pause = Duration::from_millis(rng.u64(50..400));
                    world.sleep(rng.usize(..self.nodes), pause);
                }
            }
            _ => {}
        }
    }

    /// One dies, or half of them: when the first that lives knows of one, and when all know of all.
    fn death(&self, world: &mut World, rng: &mut fastrand::Rng) -> (Duration, Duration) {
        let mut nodes: Vec<usize> = (0..self.nodes).collect();
        rng.shuffle(&mut nodes);
        nodes.truncate(match self.trouble {
            Trouble::HalfDies => self.nodes / 2,
            _ => 1,
        });
        let died = world.now;
        world.told.clear();
        for node in &nodes {
            world.crash(*node);
        }
        whole(world);
        let all = world.now - died;
        let first = first_death(world, died).unwrap_or(all);
        for node in &nodes {
            world.start(*node);
        }
        whole(world);
        (first, all)
    }

    /// Nobody dies: how many are held dead all the same, each once a life, and what is sent.
    fn quiet(&self, world: &mut World, rng: &mut fastrand::Rng) -> (usize, Traffic) {
        let time = Duration::from_secs_f64(self.node_hours * 3600.0 / self.nodes as f64);
        let until = world.now + time;
        world.traffic = Traffic::default();
        let mut wrong = BTreeSet::new();
        while world.now < until {
            self.trouble(world, rng);
            world.told.clear();
            world.run(Duration::from_secs(1));
            wrong.extend(world.told.iter().filter_map(|told| match &told.event {
                Event::Died(member) => Some((member.name.clone(), member.incarnation)),
                _ => None,
            }));
        }
        (wrong.len(), world.traffic)
    }
}

fn whole(world: &mut World) {
    let took = world.run_until(Duration::from_secs(300), World::is_whole);
    assert!(took.is_some(), "they do not agree");
}

fn first_death(world: &World, since: Instant) -> Option<Duration> {
    let died = |event: &Event| matches!(event, Event::Died(_));
    let first = world.told.iter().find(|told| died(&told.event));
    first.map(|told| told.at - since)
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for took in [&self.first, &self.all] {
            for share in [0.5, 0.99] {
                write!(f, "{:>8.2}", quantile(took, share))?;
            }
        }
        if self.node_hours == 0.0 {
            return Ok(());
        }
        let seconds = self.node_hours * 3600.0;
        write!(
            f,
            "{:>7} in {:<6}{:>9.1}{:>9.0}",
            self.wrong,
            self.node_hours,
            self.traffic.datagrams as f64 / seconds,
            self.traffic.octets as f64 / seconds
        )
    }
}

fn quantile(sorted: &[Duration], share: f64) -> f64 {
    let rank = (share * sorted.len() as f64).ceil();
    let index = (0..sorted.len()).find(|index| (index + 1) as f64 >= rank);
    index.map_or(f64::NAN, |index| sorted[index].as_secs_f64())
}

const SEED: u64 = 6;
const HEADER: &str = "                                          first knows, s  all know, s     held dead wrongly   sent by each a second
                                             p50     p99     p50     p99    in node-hours  datagrams   octets";
const FOOTER: &str =
    "Each death is that of one member; the last columns are of times in which nobody dies.";
