//! The cost of whole decisions: 10 000 Services on 100 nodes.

use std::hint::black_box;
use std::net::IpAddr;

use bgp_wire::Asn;
use criterion::{Criterion, criterion_group, criterion_main};
use ipam::Pool;
use planner::allocation::plan_allocation;
use planner::config::{
    BgpAdvertisement, Establishment, L2Advertisement, Multihop, Peer, PeerAs, PoolPolicy, Timers,
};
use planner::desired::desired_state;
use planner::endpoints::Endpoint;
use planner::names::{NodeName, ServiceKey};
use planner::node::Node;
use planner::selector::Selectors;
use planner::service::{AddressField, Service, TrafficPolicy};
use planner::snapshot::Snapshot;

const SERVICES: usize = 10_000;
const NODES: usize = 100;
const PEERS: u8 = 4;

fn node_name(index: usize) -> NodeName {
    format!("node-{index:03}").into()
}

fn snapshot(policy: TrafficPolicy) -> Snapshot {
    let mut snapshot = Snapshot::default();
    let Ok(range) = "10.0.0.0/16".parse() else {
        return snapshot;
    };
    let Ok(pool) = Pool::try_new("pool", [range]) else {
        return snapshot;
    };
    if snapshot
        .config
        .pools
        .insert(pool, PoolPolicy::default())
        .is_err()
    {
        return snapshot;
    }
    for index in 0..PEERS {
        snapshot
            .config
            .peers
            .insert(format!("peer-{index}").into(), peer(index));
    }
    snapshot
        .config
        .bgp_advertisements
        .insert("bgp".into(), BgpAdvertisement::default());
    snapshot
        .config
        .l2_advertisements
        .insert("l2".into(), L2Advertisement::default());
    for index in 0..NODES {
        snapshot
            .nodes
            .insert(node_name(index), Node::default().into());
    }
    for index in 0..SERVICES {
        let key = ServiceKey::new("default", format!("service-{index:05}"));
        let cluster_ips = vec![AddressField::parse("10.96.0.1")];
        let service = Service {
            cluster_ips,
            traffic_policy: policy,
            ..Service::default()
        };
        let endpoints = (0..3).map(|offset| Endpoint {
            node: Some(node_name((index * 7 + offset * 31) % NODES)),
            ..Endpoint::default()
        });
        snapshot.endpoints.insert(key.clone(), endpoints.collect());
        snapshot.services.insert(key, service.into());
    }
    plan_allocation(&snapshot).apply(&mut snapshot);
    snapshot
}

fn peer(index: u8) -> Peer {
    Peer {
        my_as: Asn(64512),
        local_as: None,
        peer_as: PeerAs::External,
        address: IpAddr::from([192, 0, 2, index]),
        port: 179,
        source: None,
        router_id: None,
        timers: Timers::default(),
        nodes: Selectors::default(),
        password: None,
        multihop: Multihop::Off,
        dual_stack: false,
        establishment: Establishment::Active,
    }
}

fn decisions(criterion: &mut Criterion) {
    let me = node_name(42);
    let mut group = criterion.benchmark_group("10000 services, 100 nodes");
    group.sample_size(10);
    for (name, policy) in [
        ("cluster", TrafficPolicy::Cluster),
        ("local", TrafficPolicy::Local),
    ] {
        let snapshot = snapshot(policy);
        group.bench_function(format!("desired_state/{name}"), |bencher| {
            bencher.iter(|| desired_state(black_box(&snapshot), &me));
        });
    }
    let snapshot = snapshot(TrafficPolicy::Cluster);
    group.bench_function("plan_allocation", |bencher| {
        bencher.iter(|| plan_allocation(black_box(&snapshot)))
    });
    group.finish();
}

criterion_group!(benches, decisions);
criterion_main!(benches);
