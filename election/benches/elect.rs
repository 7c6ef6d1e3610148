//! The owners of all addresses of a large cluster: `cargo bench -p election`.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use election::{Candidate, elect, rank};

fn benches(criterion: &mut Criterion) {
    let candidates: Vec<Candidate> = (0..100)
        .map(|node| Candidate::new(format!("node-{node:03}"), 0))
        .collect();
    let keys: Vec<String> = (0..5000)
        .map(|address| format!("10.20.{}.{}", address / 250, address % 250))
        .collect();
    let mut group = criterion.benchmark_group("elect");
    group.sample_size(10);
    group.bench_function("5000 addresses, 100 nodes", |bencher| {
        bencher.iter(|| {
            keys.iter()
                .filter_map(|key| elect(black_box(&candidates), key))
                .count()
        });
    });
    group.bench_function("rank of 100 nodes", |bencher| {
        bencher.iter(|| rank(black_box(&candidates), black_box("10.20.1.1")));
    });
}

criterion_group!(elections, benches);
criterion_main!(elections);
