//! Allocation at the sizes that matter, of the whole and one change at a time: `make bench-ipam`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ipam::{
    Allocator, Assignment, Families, Family, IpRange, Pool, Pools, Port, Protocol, Request,
    Sharing, allocate,
};

type Key = Arc<str>;

fn pools(range: &str) -> Pools {
    let ranges = range.parse().into_iter();
    Pool::try_new("default", ranges)
        .ok()
        .and_then(|pool| Pools::try_new([pool]).ok())
        .unwrap_or_default()
}

/// A /8 in which all but every 167th address, 100 462 in all, is taken: nobody is given them, as if they were in use.
fn scattered() -> Pools {
    let end = 11 << 24;
    let address = |bits: u32| IpAddr::from(Ipv4Addr::from_bits(bits));
    let between =
        |free: u32| IpRange::try_new(address(free + 1), address((free + 166).min(end - 1)));
    let taken = (10 << 24..end).step_by(167).flat_map(between);
    let ranges = "10.0.0.0/8".parse().into_iter();
    let pool = Pool::try_new("default", ranges).ok().map(|mut pool| {
        pool.exclude(taken);
        pool
    });
    pool.and_then(|pool| Pools::try_new([pool]).ok())
        .unwrap_or_default()
}

/// A /8 in which the first 10 000 addresses are each kept for one Service.
fn reserved() -> Pools {
    let mut pools = pools("10.0.0.0/8");
    for number in 0..10_000_u32 {
        let address = IpAddr::from(Ipv4Addr::from_bits((10 << 24) + number));
        let reservation = format!("reservation-{number}");
        debug_assert!(pools.reserve(reservation.as_str(), address.into()).is_ok());
    }
    pools
}

fn entitled(number: u64) -> Request {
    let mut request = Request::new(Families::Single(Family::V4));
    let reservation = format!("reservation-{number}");
    request.reservations.insert(reservation.as_str().into());
    request
}

fn requests(count: u64, request: impl Fn(u64) -> Request) -> BTreeMap<Key, Request> {
    let request = |number| {
        let mut request = request(number);
        request.created = Duration::from_secs(number);
        request.ports.insert(Port::new(Protocol::Tcp, 443));
        (
            format!("namespace-{}/service-{number}", number % 100).into(),
            request,
        )
    };
    (0..count).map(request).collect()
}

fn single(family: Family) -> impl Fn(u64) -> Request {
    move |_| Request::new(Families::Single(family))
}

/// All share under one key and serve one port, so that each needs an address of its own.
fn sharing(_: u64) -> Request {
    let mut request = Request::new(Families::Single(Family::V4));
    request.sharing = Sharing::try_new("shared", "");
    request
}

fn settled(pools: &Pools, requests: &BTreeMap<Key, Request>) -> BTreeMap<Key, Assignment> {
    let plan = allocate(pools, &BTreeMap::new(), requests);
    let placed = plan.decisions.into_iter().filter_map(|(key, decision)| {
        let addresses = decision.placement()?.addresses;
        Some((key, Assignment::new(addresses.iter())))
    });
    placed.collect()
}

fn from_scratch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("from scratch");
    group.sample_size(10);
    let (ten, hundred) = (10_000, 100_000);
    for (name, pools, requests) in [
        (
            "10 000 in a /8",
            pools("10.0.0.0/8"),
            requests(ten, single(Family::V4)),
        ),
        (
            "100 000 in a /8",
            pools("10.0.0.0/8"),
            requests(hundred, single(Family::V4)),
        ),
        (
            "100 000 in a /8 that is full but for 100 462 addresses",
            scattered(),
            requests(hundred, single(Family::V4)),
        ),
        (
            "100 000 of which 10 000 have a reservation each",
            reserved(),
            requests(hundred, entitled),
        ),
        (
            "100 000 in an IPv6 /64",
            pools("2001:db8::/64"),
            requests(hundred, single(Family::V6)),
        ),
        (
            "10 000 that share a key and a port",
            pools("10.0.0.0/8"),
            requests(ten, sharing),
        ),
        (
            "10 000 for 256 addresses",
            pools("198.51.100.0/24"),
            requests(ten, single(Family::V4)),
        ),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| allocate(black_box(&pools), &BTreeMap::new(), black_box(&requests)));
        });
    }
}

fn one_more(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one more");
    group.sample_size(10);
    for (name, range, family) in [
        ("after 100 000 in a /8", "10.0.0.0/8", Family::V4),
        ("after 100 000 in an IPv6 /64", "2001:db8::/64", Family::V6),
    ] {
        let pools = pools(range);
        let mut requests = requests(100_000, single(family));
        let current = settled(&pools, &requests);
        requests.insert("one/more".into(), Request::new(Families::Single(family)));
        group.bench_function(name, |bencher| {
            bencher.iter(|| allocate(black_box(&pools), black_box(&current), black_box(&requests)));
        });
    }
}

/// One change among 100 000 holders, and its undoing.
fn one_change(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("one change and back");
    let many = || requests(100_000, single(Family::V4));
    let key: Key = "one/more".into();

    let (mut allocator, _) = Allocator::start(pools("10.0.0.0/8"), BTreeMap::new(), many());
    let request = Request::new(Families::Single(Family::V4));
    group.bench_function("a newcomer beside 100 000 in a /8", |bencher| {
        bencher.iter(|| {
            let gain = allocator.set_request(key.clone(), request.clone());
            (gain, allocator.remove_request(&key))
        });
    });

    let (mut allocator, _) = Allocator::start(scattered(), BTreeMap::new(), many());
    group.bench_function(
        "a newcomer in a /8 that is full but for 462 addresses",
        |bencher| {
            bencher.iter(|| {
                let gain = allocator.set_request(key.clone(), request.clone());
                (gain, allocator.remove_request(&key))
            });
        },
    );

    let (mut allocator, _) = Allocator::start(
        pools("10.0.0.0/8"),
        BTreeMap::new(),
        requests(100_000, sharing),
    );
    let mut request = sharing(0);
    request.ports.insert(Port::new(Protocol::Tcp, 443));
    group.bench_function(
        "a newcomer beside 100 000 with its key and port",
        |bencher| {
            bencher.iter(|| {
                let gain = allocator.set_request(key.clone(), request.clone());
                (gain, allocator.remove_request(&key))
            });
        },
    );

    // Whoever leaves is the youngest when it comes back, so that each round serves the oldest that waits.
    let (mut allocator, _) = Allocator::start(pools("198.51.100.0/24"), BTreeMap::new(), many());
    let mut age = 100_000;
    group.bench_function("a change of hands before 99 744 that wait", |bencher| {
        bencher.iter(|| {
            let holder = allocator.assignments().keys().next().cloned();
            let holder = holder.unwrap_or_else(|| key.clone());
            let served = allocator.remove_request(&holder);
            age += 1;
            let mut request = Request::new(Families::Single(Family::V4));
            request.created = Duration::from_secs(age);
            (served, allocator.set_request(holder, request))
        });
    });

    let (mut allocator, _) = Allocator::start(pools("10.0.0.0/8"), BTreeMap::new(), many());
    let seen = allocator.assignments().iter().next();
    let seen = seen.map(|(key, assignment)| (key.clone(), assignment.clone()));
    group.bench_function("an assignment seen back among 100 000", |bencher| {
        bencher.iter(|| {
            seen.clone()
                .map(|(key, assignment)| allocator.set_assignment(key, assignment))
        });
    });
}

criterion_group!(benches, from_scratch, one_more, one_change);
criterion_main!(benches);
