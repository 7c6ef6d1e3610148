//! Small random worlds in which addresses are scarce, so that every rule comes into play.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ipam::{
    Addresses, Assignment, Families, Family, IpRange, Pool, Pools, Port, Priority, Protocol,
    Request, Sharing, Wanted,
};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

pub(crate) type Key = u8;

#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) supply: Supply,
    pub(crate) current: BTreeMap<Key, Assignment>,
    pub(crate) requests: BTreeMap<Key, Request>,
}

impl World {
    pub(crate) fn pools(&self) -> Pools {
        self.supply.pools()
    }
}

/// Pools, and what is reserved of them.
#[derive(Debug, Clone)]
pub(crate) struct Supply {
    pub(crate) pools: Vec<Pool>,
    pub(crate) reserved: Vec<(&'static str, IpRange)>,
}

impl Supply {
    pub(crate) fn pools(&self) -> Pools {
        let mut pools = Pools::try_new(self.pools.iter().cloned()).unwrap();
        for (reservation, range) in &self.reserved {
            pools.reserve(*reservation, *range).unwrap();
        }
        pools
    }
}

const RANGES: [(&str, &[&str]); 4] = [
    ("a", &["198.51.100.254-198.51.101.1", "2001:db8:a::/127"]),
    ("b", &["203.0.113.8/30"]),
    (
        "c",
        &["2001:db8:c::/127", "198.51.100.16/31", "198.51.100.0/31"],
    ),
    ("d", &["192.0.2.255/32", "2001:db8:d::ff/128"]),
];

/// What may be excluded or reserved: parts of the ranges, some over the end of one, one in no pool.
const PARTS: [&str; 10] = [
    "198.51.100.254/31",
    "198.51.101.0/32",
    "203.0.113.8/32",
    "203.0.113.10-203.0.113.14",
    "198.51.100.17/32",
    "198.51.100.0/31",
    "192.0.2.0/24",
    "2001:db8:a::1/128",
    "2001:db8:c::/127",
    "2001:db8:d::/64",
];

/// Of each part, with a probability, something.
fn parts<T: Clone + std::fmt::Debug + 'static>(
    probability: f64,
    of_each: impl Fn() -> BoxedStrategy<T>,
) -> impl Strategy<Value = Vec<(T, IpRange)>> {
    let parts = PARTS.map(|_| option::weighted(probability, of_each()));
    parts.to_vec().prop_map(|chosen| {
        let parts = PARTS.iter().map(|part| part.parse::<IpRange>().unwrap());
        chosen
            .into_iter()
            .zip(parts)
            .filter_map(|(what, part)| Some((what?, part)))
            .collect()
    })
}

pub(crate) fn supply() -> impl Strategy<Value = Supply> {
    let reserved = parts(0.3, || select(vec!["r", "s"]).boxed());
    (pools(), parts(0.15, || Just(()).boxed()), reserved).prop_map(
        |(mut pools, excluded, reserved)| {
            for pool in &mut pools {
                pool.exclude(excluded.iter().map(|((), range)| *range));
            }
            Supply { pools, reserved }
        },
    )
}

fn pools() -> impl Strategy<Value = Vec<Pool>> {
    let settings = (
        any::<bool>(),
        any::<bool>(),
        prop::bool::weighted(0.2),
        option::weighted(0.3, -1..3_i64),
    );
    let pools = vec((settings, prop::bool::weighted(0.8)), RANGES.len());
    pools.prop_map(|pools| {
        let pool = |((name, ranges), (settings, is_there)): ((&str, &[&str]), _)| {
            let (auto_assign, avoid_buggy_ips, disabled, priority): (
                bool,
                bool,
                bool,
                Option<i64>,
            ) = settings;
            let mut pool =
                Pool::try_new(name, ranges.iter().map(|range| range.parse().unwrap())).unwrap();
            pool.auto_assign = auto_assign;
            pool.disabled = disabled;
            pool.avoid_buggy_ips = avoid_buggy_ips;
            pool.pinned = priority.map(Priority::new);
            Some(pool).filter(|_| is_there)
        };
        RANGES.into_iter().zip(pools).filter_map(pool).collect()
    })
}

/// Any address of any pool, or one of none.
fn address(family: Family) -> impl Strategy<Value = IpAddr> {
    let ranges = RANGES
        .iter()
        .flat_map(|(_, ranges)| *ranges)
        .map(|range| range.parse::<IpRange>().unwrap());
    let addresses = ranges
        .filter(|range| range.family() == family)
        .flat_map(|range| range.addresses());
    let stranger = if family == Family::V4 {
        "192.0.2.1"
    } else {
        "2001:db8::1"
    };
    select(
        addresses
            .chain([stranger.parse().unwrap()])
            .collect::<Vec<_>>(),
    )
}

fn some_addresses() -> impl Strategy<Value = Addresses> {
    prop_oneof![
        address(Family::V4).prop_map(Addresses::single),
        address(Family::V6).prop_map(Addresses::single),
        (address(Family::V4), address(Family::V6))
            .prop_map(|(v4, v6)| Addresses::dual(v4, v6).unwrap()),
        (address(Family::V6), address(Family::V4))
            .prop_map(|(v6, v4)| Addresses::dual(v6, v4).unwrap()),
    ]
}

pub(crate) fn assignment() -> impl Strategy<Value = Assignment> {
    let nonsense = vec(address(Family::V4), 0..3);
    let addresses =
        prop_oneof![5 => some_addresses().prop_map(|held| held.iter().collect()), 1 => nonsense];
    (addresses, prop::bool::weighted(0.15)).prop_map(|(held, foreign)| {
        if foreign {
            Assignment::foreign(held)
        } else {
            Assignment::new(held)
        }
    })
}

fn families() -> impl Strategy<Value = Families> {
    select(vec![
        Families::Single(Family::V4),
        Families::Single(Family::V6),
        Families::RequireDual,
        Families::PreferDual {
            primary: Family::V4,
        },
        Families::PreferDual {
            primary: Family::V6,
        },
    ])
}

fn sharing() -> impl Strategy<Value = Option<Sharing>> {
    option::of((select(vec!["k", "q"]), prop::bool::weighted(0.2))).prop_map(|sharing| {
        sharing.and_then(|(key, local)| Sharing::try_new(key, if local { "app=a" } else { "" }))
    })
}

pub(crate) fn request() -> impl Strategy<Value = Request> {
    let wanted = prop_oneof![
        7 => Just(Wanted::Any),
        2 => some_addresses().prop_map(Wanted::Addresses),
        1 => Just(Wanted::KeepOnly),
    ];
    let pool = option::weighted(0.2, select(vec!["a", "b", "c", "d", "ghost"]));
    let admitted_to = subsequence(vec!["a", "b", "c", "d"], 0..=4);
    let ports = btree_set(80..84_u16, 1..3);
    let reservations = subsequence(vec!["r", "s", "ghost"], 0..=3);
    (
        families(),
        0..4_u64,
        wanted,
        pool,
        (admitted_to, reservations),
        ports,
        sharing(),
    )
        .prop_map(
            |(families, age, wanted, pool, (admitted_to, reservations), ports, sharing)| {
                let mut request = Request::new(families);
                request.created = Duration::from_secs(age);
                request.wanted = wanted;
                request.pool = pool.map(Into::into);
                request.admitted_to = admitted_to.into_iter().map(Into::into).collect();
                request.reservations = reservations.into_iter().map(Into::into).collect();
                request.ports = ports
                    .into_iter()
                    .map(|number| Port::new(Protocol::Tcp, number))
                    .collect::<BTreeSet<_>>();
                request.sharing = sharing;
                request
            },
        )
}

pub(crate) fn world() -> impl Strategy<Value = World> {
    (
        supply(),
        btree_map(0..20_u8, assignment(), 0..12),
        btree_map(0..20_u8, request(), 0..16),
    )
        .prop_map(|(supply, current, requests)| World {
            supply,
            current,
            requests,
        })
}
