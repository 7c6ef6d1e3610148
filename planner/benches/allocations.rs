//! The cost of one change to an allocation of 5 000 Services with traffic policy Local.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use ipam::Pool;
use planner::allocation::{Allocations, plan_allocation};
use planner::config::PoolPolicy;
use planner::names::ServiceKey;
use planner::service::{AddressField, Service, TrafficPolicy};
use planner::snapshot::Snapshot;

const SERVICES: u64 = 5_000;

fn service(index: u64) -> (ServiceKey, Service) {
    let key = ServiceKey::new("default", format!("service-{index:05}"));
    let service = Service {
        created: Duration::from_secs(index),
        cluster_ips: vec![AddressField::parse("10.96.0.1")],
        traffic_policy: TrafficPolicy::Local,
        selector: [("app".to_owned(), format!("app-{index:05}"))].into(),
        ..Service::default()
    };
    (key, service)
}

/// All of them with their addresses.
fn snapshot() -> Snapshot {
    let mut snapshot = Snapshot::default();
    if let Some(pool) = "10.0.0.0/16"
        .parse()
        .ok()
        .and_then(|range| Pool::try_new("pool", [range]).ok())
    {
        let inserted = snapshot.config.pools.insert(pool, PoolPolicy::default());
        debug_assert!(inserted.is_ok(), "it is the only pool");
    }
    for (key, service) in (0..SERVICES).map(service) {
        snapshot.services.insert(key, Arc::new(service));
    }
    plan_allocation(&snapshot).apply(&mut snapshot);
    snapshot
}

fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("5000 Local services");
    group.sample_size(20);
    let mut snapshot = snapshot();
    let mut allocations = Allocations::default();
    allocations.decide_anew(&snapshot);
    let (key, newcomer) = service(SERVICES);
    let newcomer = Arc::new(newcomer);
    let changed = BTreeSet::from([key.clone()]);
    group.bench_function("one comes, and goes", |bencher| {
        bencher.iter(|| {
            snapshot.services.insert(key.clone(), Arc::clone(&newcomer));
            black_box(allocations.update(&snapshot, &changed));
            snapshot.services.remove(&key);
            black_box(allocations.update(&snapshot, &changed));
        });
    });
    group.bench_function("all are decided about anew", |bencher| {
        bencher.iter(|| black_box(allocations.decide_anew(&snapshot)));
    });
    group.finish();
}

criterion_group!(benches, changes);
criterion_main!(benches);
