//! `service_selector.go`: advertisements for some Services only.

use std::collections::BTreeSet;

use ipnet::IpNet;
use lab::cluster::Pod;
use lab::router::Route;
use serde_json::{Value, json};

use super::{NODES, prefix};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::{TIMEOUT, merge};
use crate::service::Service;
use crate::tenant::Tenant;

/// The rows are there for each family.
const FAMILIES: [Families; 2] = [Families::V4, Families::V6];

/// A selector for Services with a label.
fn labelled(key: &str, value: &str) -> Value {
    json!({"matchLabels": {key: value}})
}

/// A Service with these labels and a pod.
fn service(
    tenant: &Tenant<Shared>,
    name: &str,
    families: Families,
    labels: Value,
) -> (Service, Pod) {
    let name = format!("{name}-{}", families.name());
    let pod = tenant.pod(&name, "node1");
    let patch = json!({"metadata": {"labels": labels}});
    (tenant.service(&name, families, patch), pod)
}

/// Waits until every node announces a prefix to both routers with just these communities.
fn until_communities(tenant: &Tenant<Shared>, prefix: &str, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&it| it.to_owned()).collect();
    let has_them =
        |path: &Route| path.communities.iter().cloned().collect::<BTreeSet<_>>() == expected;
    let prefix: IpNet = prefix.parse().unwrap();
    for router in tenant.routers() {
        let mut last = Vec::new();
        let what = format!("{prefix} with {expected:?} on {}", router.kind());
        let found = lab::until(&what, TIMEOUT, || {
            last = router.paths(prefix)?;
            Ok((last.len() == NODES.len() && last.iter().all(has_them)).then_some(()))
        });
        found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
    }
}

#[test]
fn both_the_pool_and_the_service_have_to_be_selected() {
    let Some(tenant) = Tenant::start("bgp-svc-pool") else {
        return;
    };
    let pools = ["one", "other"].map(|suffix| format!("{}-{suffix}", tenant.name));
    for (index, pool) in pools.iter().enumerate() {
        let ranges = [
            tenant.v4(Reach::Routed, &format!("{}/25", index * 128)),
            tenant.v6(Reach::Routed, &format!("{index}000/116")),
        ];
        tenant.pool_named(pool, &ranges);
    }
    let selectors = json!([labelled("announce", "yes")]);
    let spec = json!({"ipAddressPools": [pools[0]], "serviceSelectors": selectors});
    tenant.bgp("ad", spec);
    for families in FAMILIES {
        for (pool, label, expected) in [
            (0, "yes", NODES.as_slice()),
            (0, "no", &[]),
            (1, "yes", &[]),
        ] {
            let name = format!("pool{pool}-{label}-{}", families.name());
            let _pod = tenant.pod(&name, "node1");
            let mut patch = json!({"metadata": {"labels": {"announce": label}}});
            let annotation = json!({"annotations": {"metallb.io/address-pool": pools[pool]}});
            merge(&mut patch["metadata"], annotation);
            let service = tenant.service(&name, families, patch);
            tenant.until_routed(&service, expected);
        }
    }
}

#[test]
fn one_of_several_service_selectors_is_enough() {
    let Some(tenant) = Tenant::start("bgp-svc-or") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let selectors = json!([labelled("tier", "front"), labelled("tier", "edge")]);
    tenant.bgp("ad", json!({"serviceSelectors": selectors}));
    for families in FAMILIES {
        let (front, _front) = service(&tenant, "front", families, json!({"tier": "front"}));
        let (edge, _edge) = service(&tenant, "edge", families, json!({"tier": "edge"}));
        let (back, _back) = service(&tenant, "back", families, json!({"tier": "back"}));
        tenant.until_routed(&front, &NODES);
        tenant.until_routed(&edge, &NODES);
        tenant.until_routed(&back, &[]);
    }
}

#[test]
fn a_change_of_the_selectors_changes_what_is_announced() {
    let Some(tenant) = Tenant::start("bgp-svc-ad") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let ad = tenant.bgp("ad", json!({}));
    for families in FAMILIES {
        let select = |value: &str| {
            ad.patch(json!({"spec": {"serviceSelectors": [labelled("color", value)]}}));
        };
        select("red");
        let (red, _red) = service(&tenant, "red", families, json!({"color": "red"}));
        let (blue, _blue) = service(&tenant, "blue", families, json!({"color": "blue"}));
        tenant.until_routed(&red, &NODES);
        tenant.until_routed(&blue, &[]);
        select("blue");
        tenant.until_routed(&red, &[]);
        tenant.until_routed(&blue, &NODES);
        ad.patch(json!({"spec": {"serviceSelectors": null}}));
        tenant.until_routed(&red, &NODES);
        tenant.until_routed(&blue, &NODES);
    }
}

#[test]
fn a_change_of_a_services_labels_changes_what_is_announced() {
    let Some(tenant) = Tenant::start("bgp-svc-labels") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp(
        "ad",
        json!({"serviceSelectors": [labelled("announce", "yes")]}),
    );
    for families in FAMILIES {
        let (web, _pod) = service(&tenant, "web", families, json!({"announce": "no"}));
        tenant.until_routed(&web, &[]);
        web.patch(json!({"metadata": {"labels": {"announce": "yes"}}}));
        tenant.until_routed(&web, &NODES);
        web.patch(json!({"metadata": {"labels": {"announce": null}}}));
        tenant.until_routed(&web, &[]);
    }
}

#[test]
fn selected_services_are_announced_beside_the_aggregate_of_all() {
    let Some(tenant) = Tenant::start("bgp-svc-split") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let lengths = json!({"aggregationLength": 24, "aggregationLengthV6": 64});
    tenant.bgp("all", lengths);
    let selectors = json!([labelled("single", "yes")]);
    tenant.bgp("single", json!({"serviceSelectors": selectors}));
    for (families, aggregate) in [
        (Families::V4, tenant.v4(Reach::Routed, "0/24")),
        (Families::V6, tenant.v6(Reach::Routed, "/64")),
    ] {
        let (single, _single) = service(&tenant, "single", families, json!({"single": "yes"}));
        let (other, _other) = service(&tenant, "other", families, json!({}));
        until_communities(&tenant, &aggregate, &[]);
        tenant.until_routed(&single, &NODES);
        tenant.until_routed(&other, &[]);
        tenant.until_reached(&single);
        // The aggregate leads to it.
        tenant.until_reached(&other);
        // It lives as long as one Service inside of it.
        single.delete();
        until_communities(&tenant, &aggregate, &[]);
        other.delete();
        for router in tenant.routers() {
            tenant.until_paths(router, &aggregate, &[]);
        }
    }
}

#[test]
fn communities_are_those_of_all_advertisements_that_select_the_service() {
    let Some(tenant) = Tenant::start("bgp-svc-united") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let ad = |suffix: &str, community: &str, key: &str| {
        let selectors = json!([labelled(key, "yes")]);
        let spec = json!({"communities": [community], "serviceSelectors": selectors});
        tenant.bgp(suffix, spec);
    };
    ad("a", "64500:1", "a");
    ad("b", "64500:2", "b");
    for families in FAMILIES {
        // What both select has the communities of both, and what one selects those of this one.
        for (name, labels, expected) in [
            (
                "both",
                json!({"a": "yes", "b": "yes"}),
                &["64500:1", "64500:2"][..],
            ),
            ("a", json!({"a": "yes"}), &["64500:1"]),
            ("b", json!({"b": "yes"}), &["64500:2"]),
        ] {
            let (web, _pod) = service(&tenant, name, families, labels);
            until_communities(&tenant, &prefix(&web.addresses()[0]), expected);
        }
    }
}
