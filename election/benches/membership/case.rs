//! The rows of the table: how many members, in which trouble, and what happens to them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use election::membership::{Config, Event, MemberName};

use crate::outcome::Outcome;
use crate::simulation::{Net, Traffic, World};

/// Rows that are measured one after the other on the same members, who then need to find each other but once.
pub(crate) struct Series {
    pub(crate) nodes: usize,
    config: Config,
    pub(crate) cases: Vec<Case>,
}

/// One row of the table.
pub(crate) struct Case {
    pub(crate) nodes: usize,
    pub(crate) loss: f64,
    pub(crate) trouble: Trouble,
    /// How many deaths are watched.
    deaths: usize,
    /// For how long nothing happens after them, in hours times members.
    quiet: f64,
}

/// What else is wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Nothing,
    /// Datagrams take 20 to 60 ms, so that many overtake others.
    Delay,
    /// A tenth of the ways from one member to another is cut, and another tenth every second.
    OneWay,
    /// Clocks are wrong by up to 5 %.
    Drift,
    /// Each second a tenth of the members does not run for 50 to 400 ms.
    Pauses,
    /// Half of the members die at the same moment.
    HalfDies,
    /// All members but one die at the same moment.
    OneSurvives,
    /// The settings for a wide area, with 50 to 150 ms.
    Wan,
}

/// All rows, for each number of members.
pub(crate) fn all() -> Vec<Series> {
    let mut series: Vec<Series> = [3, 30, 300, 1000].map(Series::lan).into();
    // Two processors take half as long for the largest, though its members have to find each other twice.
    if let Some(largest) = series.last_mut() {
        let troubles = largest.split_off_troubles();
        series.push(troubles);
    }
    series.push(Series::wan());
    series
}

impl Series {
    fn lan(nodes: usize) -> Self {
        // How many deaths are watched at 1, 5 and 20 % loss, and in each trouble.
        let (deaths, in_trouble) = match nodes {
            ..=30 => ([300, 300, 200], 100),
            31..=300 => ([50, 200, 20], 10),
            _ => ([10, 10, 3], 3),
        };
        // And for how long, in hours times members, nobody dies then.
        let (quiet, after) = match nodes {
            ..=30 => ([500.0, 20.0, 20.0], 20.0),
            31..=300 => ([3.0, 1.0, 1.0], 1.0),
            _ => ([1.0, 1.0, 0.5], 0.5),
        };
        let losses = [0.01, 0.05, 0.2].into_iter().zip(deaths).zip(quiet);
        let plain = losses
            .map(|((loss, deaths), quiet)| Case::new(nodes, loss, Trouble::Nothing, deaths, quiet));
        let in_trouble = TROUBLES.map(|trouble| Case::new(nodes, 0.01, trouble, in_trouble, after));
        let many_die = [
            (Trouble::HalfDies, 30, 20),
            (Trouble::HalfDies, 300, 3),
            (Trouble::OneSurvives, 3, 100),
            (Trouble::OneSurvives, 30, 20),
        ]
        .into_iter()
        .filter(|(_, of, _)| *of == nodes)
        .map(|(trouble, _, deaths)| Case::new(nodes, 0.01, trouble, deaths, 0.0));
        Self {
            nodes,
            config: Config::lan(),
            cases: plain.chain(in_trouble).chain(many_die).collect(),
        }
    }

    fn wan() -> Self {
        Self {
            nodes: 30,
            config: Config::wan(),
            cases: vec![Case::new(30, 0.01, Trouble::Wan, 50, 20.0)],
        }
    }

    /// Splits off the rows in which more than loss is wrong.
    fn split_off_troubles(&mut self) -> Self {
        let (plain, in_trouble) = self
            .cases
            .drain(..)
            .partition(|case| case.trouble == Trouble::Nothing);
        self.cases = plain;
        Self {
            nodes: self.nodes,
            config: self.config.clone(),
            cases: in_trouble,
        }
    }

    /// The outcome of each row.
    pub(crate) fn run(&self, mut done: impl FnMut(&Case, &Outcome)) -> Vec<Outcome> {
        let mut rng = fastrand::Rng::with_seed(SEED);
        let mut world = World::new(self.nodes, self.config.clone(), Net::lan(0.0), SEED);
        world.settle();
        let mut outcomes = Vec::new();
        for case in &self.cases {
            let outcome = case.run(&mut world, &mut rng);
            done(case, &outcome);
            outcomes.push(outcome);
        }
        outcomes
    }
}

impl Case {
    const fn new(nodes: usize, loss: f64, trouble: Trouble, deaths: usize, quiet: f64) -> Self {
        Self {
            nodes,
            loss,
            trouble,
            deaths,
            quiet,
        }
    }

    pub(crate) fn name(&self) -> String {
        let trouble = match self.trouble {
            Trouble::Nothing => "",
            Trouble::Delay => ", 20 to 60 ms",
            Trouble::OneWay => ", a tenth cut one way",
            Trouble::Drift => ", clocks 5 % off",
            Trouble::Pauses => ", pauses of 50 to 400 ms",
            Trouble::HalfDies => ", half dies at once",
            Trouble::OneSurvives => ", all but one die at once",
            Trouble::Wan => ", WAN, 50 to 150 ms",
        };
        let loss = self.loss * 100.0;
        format!("{} members, {loss} % loss{trouble}", self.nodes)
    }

    fn run(&self, world: &mut World, rng: &mut fastrand::Rng) -> Outcome {
        self.begin(world, rng);
        let began = world.now;
        let mut outcome = Outcome::default();
        for _ in 0..self.deaths {
            self.trouble(world, rng);
            world.run(Duration::from_millis(rng.u64(1000..2000)));
            self.death(world, rng, &mut outcome);
        }
        self.quiet(world, rng, &mut outcome);
        outcome.finish((world.now - began).as_secs_f64() * self.nodes as f64);
        outcome
    }

    /// Nothing is left of the row before, and the trouble of this one begins.
    fn begin(&self, world: &mut World, rng: &mut fastrand::Rng) {
        let milliseconds = Duration::from_millis;
        world.blocked.clear();
        world.net = Net::lan(self.loss);
        match self.trouble {
            Trouble::Delay => world.net.delay = (milliseconds(20), milliseconds(60)),
            Trouble::Wan => world.net.delay = (milliseconds(50), milliseconds(150)),
            _ => {}
        }
        for node in 0..self.nodes {
            let wrong = match self.trouble {
                Trouble::Drift => rng.f64() / 10.0 - 0.05,
                _ => 0.0,
            };
            world.set_clock(node, 1.0 + wrong);
        }
        world.run(AFTER_ANOTHER);
        world.told.clear();
    }

    /// A second's worth of it.
    fn trouble(&self, world: &mut World, rng: &mut fastrand::Rng) {
        let tenth = self.nodes.div_ceil(10);
        match self.trouble {
            Trouble::OneWay => {
                world.blocked.clear();
                for _ in 0..(self.nodes * (self.nodes - 1)).div_ceil(10) {
                    let from = rng.usize(..self.nodes);
                    let to = (from + rng.usize(1..self.nodes)) % self.nodes;
                    world.block(&[from], &[to]);
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

    /// Waits until all know who is alive. The trouble goes on.
    fn whole(&self, world: &mut World, rng: &mut fastrand::Rng) {
        for _ in 0..PATIENCE {
            if world
                .run_until(Duration::from_secs(1), World::is_whole)
                .is_some()
            {
                return;
            }
            self.trouble(world, rng);
        }
        panic!("{}: they do not agree", self.name());
    }

    /// One dies, or many: when the first that lives knows of one, and when all know of all.
    fn death(&self, world: &mut World, rng: &mut fastrand::Rng, outcome: &mut Outcome) {
        let mut nodes: Vec<usize> = (0..self.nodes).collect();
        rng.shuffle(&mut nodes);
        nodes.truncate(match self.trouble {
            Trouble::HalfDies => self.nodes / 2,
            Trouble::OneSurvives => self.nodes - 1,
            _ => 1,
        });
        outcome.wrong.extend(held_dead(world, &[]));
        let died = world.now;
        world.told.clear();
        for node in &nodes {
            world.crash(*node);
        }
        self.whole(world, rng);
        let all = world.now - died;
        let first = first_death(world, died).unwrap_or(all);
        outcome.died(first, all);
        outcome.wrong.extend(held_dead(world, &nodes));
        world.told.clear();
        for node in &nodes {
            world.start(*node);
        }
        self.whole(world, rng);
    }

    /// Nobody dies: how many are held dead all the same, each once a life, and what is sent.
    fn quiet(&self, world: &mut World, rng: &mut fastrand::Rng, outcome: &mut Outcome) {
        let time = Duration::from_secs_f64(self.quiet * 3600.0 / self.nodes as f64);
        let until = world.now + time;
        world.traffic = Traffic::default();
        while world.now < until {
            self.trouble(world, rng);
            world.run(Duration::from_secs(1));
            outcome.wrong.extend(held_dead(world, &[]));
            world.told.clear();
        }
        outcome.sent(world.traffic, self.quiet * 3600.0);
    }
}

fn first_death(world: &World, since: Instant) -> Option<Duration> {
    let died = |event: &Event| matches!(event, Event::Died(_));
    let first = world.told.iter().find(|told| died(&told.event));
    first.map(|told| told.at - since)
}

/// Who was held dead but for those who are: the lives, each once.
fn held_dead(world: &World, dead: &[usize]) -> BTreeSet<(MemberName, u64)> {
    let dead: BTreeSet<&MemberName> = dead.iter().map(|node| &world.nodes[*node].name).collect();
    let held_dead = world.told.iter().filter_map(|told| match &told.event {
        Event::Died(member) if !dead.contains(&member.name) => Some(member),
        _ => None,
    });
    held_dead
        .map(|member| (member.name.clone(), member.incarnation))
        .collect()
}

const TROUBLES: [Trouble; 4] = [
    Trouble::Delay,
    Trouble::OneWay,
    Trouble::Drift,
    Trouble::Pauses,
];
/// How long members have to get used to what is new.
const AFTER_ANOTHER: Duration = Duration::from_secs(5);
/// For how many seconds it is waited for.
const PATIENCE: usize = 300;
const SEED: u64 = 6;
