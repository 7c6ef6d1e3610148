//! The cost of decisions, as a whole and change by change: 10 000 Services on 100 nodes.

use std::hint::black_box;
use std::net::IpAddr;

use bgp_wire::{Asn, Community};
use criterion::{Criterion, criterion_group, criterion_main};
use ipam::Pool;
use ipnet::IpNet;
use planner::allocation::plan_allocation;
use planner::announcements::{Affected, Announcements};
use planner::config::{BgpAdvertisement, L2Advertisement, Peer, PeerAs, PoolPolicy};
use planner::desired::{Desired, desired_state};
use planner::diff::diff_shared;
use planner::endpoints::Endpoint;
use planner::members::{Member, MemberLink, Members};
use planner::names::{NodeName, ServiceKey};
use planner::node::Node;
use planner::selector::Labels;
use planner::service::{AddressField, Service, TrafficPolicy};
use planner::snapshot::Snapshot;

const SERVICES: usize = 10_000;
const NODES: usize = 100;
const PEERS: u8 = 4;

fn node_name(index: usize) -> NodeName {
    format!("node-{index:03}").into()
}

fn service_key(index: usize) -> ServiceKey {
    ServiceKey::new("default", format!("service-{index:05}"))
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
        let key = service_key(index);
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
    let address = IpAddr::from([192, 0, 2, index]);
    Peer::new(Asn(64512), PeerAs::External, address)
}

fn decisions(criterion: &mut Criterion) {
    let me = node_name(42);
    let mut group = criterion.benchmark_group("10000 services, 100 nodes");
    group.sample_size(10);
    for (name, policy) in POLICIES {
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

/// What a speaker does for one change: decides, hands on what is desired, and finds the differences.
fn changes(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10000 services, 100 nodes, one change");
    for (name, policy) in POLICIES {
        let before = snapshot(policy);
        for (what, change) in CHANGES {
            let mut after = before.clone();
            let affected = change(&mut after);
            let mut announcements = Announcements::new(node_name(42));
            announcements.decide_anew(&before);
            let (mut next, mut other) = (&after, &before);
            group.bench_function(format!("{what}/{name}"), |bencher| {
                bencher.iter(|| {
                    let desired = announcements.desired().clone();
                    announcements.update(black_box(next), &affected);
                    std::mem::swap(&mut next, &mut other);
                    differences(&desired, announcements.desired())
                });
            });
        }
    }
    group.finish();
}

/// What a speaker does when the others are heard not to be alive any more, and to be back: it decides and finds the
/// differences.
fn members(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("10000 services, 100 nodes, members");
    for (name, policy) in POLICIES {
        let snapshot = snapshot(policy);
        let all: Members = (0..NODES)
            .map(|index| (node_name(index), member(index)))
            .collect();
        for (what, change) in MEMBER_CHANGES {
            let mut changed = all.clone();
            change(&mut changed);
            let mut announcements = Announcements::new(node_name(42));
            announcements.set_members(&Snapshot::default(), Some(all.clone()));
            announcements.decide_anew(&snapshot);
            let (mut next, mut other) = (&changed, &all);
            group.bench_function(format!("{what}/{name}"), |bencher| {
                bencher.iter(|| {
                    let desired = announcements.desired().clone();
                    announcements.set_members(black_box(&snapshot), Some(next.clone()));
                    std::mem::swap(&mut next, &mut other);
                    differences(&desired, announcements.desired())
                });
            });
        }
        let rival = node_name(7);
        let announcements = {
            let mut announcements = Announcements::new(node_name(42));
            announcements.decide_anew(&snapshot);
            announcements
        };
        group.bench_function(format!("outranks/{name}"), |bencher| {
            let address = IpAddr::from([10, 0, 16, 1]);
            bencher.iter(|| announcements.outranks(black_box(&address), &rival));
        });
    }
    group.finish();
}

/// On the subnet that all are on, and on one of its own.
fn member(index: usize) -> Member {
    let own = u8::try_from(index).unwrap_or_default();
    let subnets = [(10, 0, 0, 16), (192, own, 0, 24)];
    let subnets = subnets.map(|(first, second, third, length)| {
        let address = IpAddr::from([first, second, third, own]);
        IpNet::new(address, length).ok()
    });
    let link = MemberLink {
        is_up: true,
        subnets: subnets.into_iter().flatten().collect(),
        macs: [[2, 0, 0, 0, 0, own]].into(),
    };
    Member {
        links: [("eth0".into(), link)].into(),
        is_draining: false,
    }
}

type MemberChange = fn(&mut Members);

/// Each is made and taken back by turns.
const MEMBER_CHANGES: [(&str, MemberChange); 3] = [
    ("another dies", |members| members.remove(&node_name(7))),
    ("a link of another goes down", |members| {
        let mut member = member(7);
        for link in member.links.values_mut() {
            link.is_up = false;
        }
        members.insert(node_name(7), member);
    }),
    ("this one leaves", |members| {
        let member = Member {
            is_draining: true,
            ..member(42)
        };
        members.insert(node_name(42), member);
    }),
];

fn differences(before: &Desired, now: &Desired) -> usize {
    let routes = now.peers.iter().map(|(name, peer)| {
        let before = before.peers.get(name);
        before.map_or(0, |before| {
            diff_shared(&before.routes, &peer.routes).count()
        })
    });
    let verdicts = diff_shared(&before.verdicts, &now.verdicts).count();
    let addresses = diff_shared(&before.addresses, &now.addresses).count();
    routes.sum::<usize>() + verdicts + addresses
}

const POLICIES: [(&str, TrafficPolicy); 2] = [
    ("cluster", TrafficPolicy::Cluster),
    ("local", TrafficPolicy::Local),
];

type Change = fn(&mut Snapshot) -> Affected;

/// Each is made and taken back by turns.
const CHANGES: [(&str, Change); 5] = [
    ("service gone", |snapshot| {
        let key = service_key(4242);
        snapshot.services.remove(&key);
        affecting([key], [])
    }),
    ("endpoints gone", |snapshot| {
        let key = service_key(4242);
        snapshot.endpoints.remove(&key);
        affecting([key], [])
    }),
    ("labels of another node", |snapshot| {
        let labels = Labels::from([("zone".to_owned(), "a".to_owned())]);
        let node = Node {
            labels,
            ..Node::default()
        };
        snapshot.nodes.insert(node_name(7), node.into());
        affecting([], [node_name(7)])
    }),
    ("another node gone", |snapshot| {
        snapshot.nodes.remove(&node_name(7));
        affecting([], [node_name(7)])
    }),
    ("a community", |snapshot| {
        let advertisements = snapshot.config.bgp_advertisements.values_mut();
        for advertisement in advertisements {
            advertisement.communities.insert(Community::NO_EXPORT);
        }
        Affected {
            config: true,
            ..Affected::default()
        }
    }),
];

fn affecting<const S: usize, const N: usize>(
    services: [ServiceKey; S],
    nodes: [NodeName; N],
) -> Affected {
    Affected {
        services: services.into(),
        nodes: nodes.into(),
        config: false,
    }
}

criterion_group!(benches, decisions, changes, members);
criterion_main!(benches);
