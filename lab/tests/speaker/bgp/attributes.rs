//! `bgp.go`: what is announced with a route.

use std::collections::BTreeSet;

use ipnet::IpNet;
use lab::router::{Route, Router};
use lab::until;
use serde_json::json;

use super::NODES;
use crate::families::{Families, Reach, parsed};
use crate::object::TIMEOUT;
use crate::service::Service;
use crate::sessions::Sessions;
use crate::tenant::Tenant;

/// Waits until each router has a path to each address of a Service from every node, and all of them are as meant.
fn until_all<G>(
    tenant: &Tenant<G>,
    service: &Service,
    what: &str,
    is_meant: impl Fn(&Route) -> bool,
) where
    G: std::ops::Deref<Target = lab::cluster::Cluster>,
{
    for router in tenant.routers() {
        for address in parsed(&service.addresses()) {
            until_paths_are(router, IpNet::from(address), what, &is_meant);
        }
    }
}

fn until_paths_are(router: &Router, prefix: IpNet, what: &str, is_meant: impl Fn(&Route) -> bool) {
    let mut last = Vec::new();
    let what = format!("paths to {prefix} {what} on {}", router.kind());
    let found = until(&what, TIMEOUT, || {
        last = router.paths(prefix)?;
        Ok((last.len() == NODES.len() && last.iter().all(&is_meant)).then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
}

/// Just these communities, in any order.
fn has_communities(route: &Route, standard: &[&str], large: &[&str]) -> bool {
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    let expected = |list: &[&str]| {
        list.iter()
            .map(|&it| it.to_owned())
            .collect::<BTreeSet<_>>()
    };
    set(&route.communities) == expected(standard)
        && set(&route.large_communities) == expected(large)
}

#[test]
fn communities_of_every_form_reach_the_routers() {
    let Some(tenant) = Tenant::start("bgp-communities") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let alias = format!("{}-alias", tenant.name);
    let communities = json!([{"name": alias, "value": "64500:300"}]);
    tenant.configure(
        "metallb.io/v1beta1",
        "Community",
        &tenant.name,
        json!({"communities": communities}),
    );
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    let ad = tenant.bgp("ad", json!({"communities": ["65535:65282"]}));
    // NO_ADVERTISE: the router keeps it, and passes it on to nobody.
    until_all(&tenant, &service, "with NO_ADVERTISE", |route| {
        has_communities(route, &["65535:65282"], &[])
    });
    let all = json!(["64500:100", "large:64500:1:2", alias]);
    ad.patch(json!({"spec": {"communities": all}}));
    until_all(&tenant, &service, "with all forms", |route| {
        has_communities(route, &["64500:100", "64500:300"], &["64500:1:2"])
    });
    ad.patch(json!({"spec": {"communities": null}}));
    until_all(&tenant, &service, "without communities", |route| {
        has_communities(route, &[], &[])
    });
}

#[test]
fn an_alias_that_is_changed_changes_what_is_announced() {
    let Some(tenant) = Tenant::start("bgp-alias") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let alias = format!("{}-alias", tenant.name);
    let spec = |value: &str| json!({"communities": [{"name": alias, "value": value}]});
    let community = tenant.configure(
        "metallb.io/v1beta1",
        "Community",
        &tenant.name,
        spec("64500:1"),
    );
    tenant.bgp("ad", json!({"communities": [alias]}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::V4, json!({}));
    until_all(&tenant, &service, "as the alias was", |route| {
        has_communities(route, &["64500:1"], &[])
    });
    community.patch(json!({"spec": spec("large:64500:2:2")}));
    until_all(&tenant, &service, "as the alias is", |route| {
        has_communities(route, &[], &["64500:2:2"])
    });
}

#[test]
fn local_pref_is_told_to_internal_peers_only_and_follows_a_change() {
    let Some(tenant) = Tenant::start("bgp-local-pref") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    let ad = tenant.bgp("ad", json!({"localPref": 150}));
    for expected in [150, 300] {
        ad.patch(json!({"spec": {"localPref": expected}}));
        for prefix in parsed(&service.addresses()).into_iter().map(IpNet::from) {
            let is_meant = |route: &Route| route.local_pref == Some(expected);
            until_paths_are(&tenant.cluster.bird, prefix, "with LOCAL_PREF", is_meant);
            // An external router takes none, and may show its own default.
            let is_own = |route: &Route| route.local_pref.is_none_or(|value| value == 100);
            until_paths_are(&tenant.cluster.frr, prefix, "without LOCAL_PREF", is_own);
        }
    }
}

#[test]
fn an_advertisement_may_select_pools_by_their_labels() {
    let Some(tenant) = Tenant::start("bgp-pool-labels") else {
        return;
    };
    let pool = tenant.pool(Reach::Routed);
    let labels = json!({"tenant": tenant.name});
    let selectors = json!([{"matchLabels": labels}]);
    tenant.bgp(
        "ad",
        json!({"ipAddressPools": null, "ipAddressPoolSelectors": selectors, "communities": ["64500:7"]}),
    );
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    tenant.until_routed(&service, &[]);
    pool.patch(json!({"metadata": {"labels": labels}}));
    until_all(&tenant, &service, "of the pool", |route| {
        has_communities(route, &["64500:7"], &[])
    });
    pool.patch(json!({"metadata": {"labels": {"tenant": null}}}));
    tenant.until_routed(&service, &[]);
}

#[test]
fn communities_of_advertisements_for_the_same_prefix_are_united() {
    let Some(tenant) = Tenant::start("bgp-united") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("one", json!({"communities": ["64500:1", "64500:2"]}));
    let other = tenant.bgp("other", json!({"communities": ["64500:2", "large:1:2:3"]}));
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    until_all(&tenant, &service, "with the communities of both", |route| {
        has_communities(route, &["64500:1", "64500:2"], &["1:2:3"])
    });
    other.delete();
    until_all(&tenant, &service, "with those of one", |route| {
        has_communities(route, &["64500:1", "64500:2"], &[])
    });
}

#[test]
fn a_change_of_attributes_reaches_the_routers_and_leaves_the_sessions_alone() {
    let Some(tenant) = Tenant::start("bgp-changes") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let _pod = tenant.pod("web", "node1");
    let service = tenant.service("web", Families::Dual, json!({}));
    let sessions = Sessions::of(&tenant.routers());
    let ad = tenant.bgp("ad", json!({"communities": ["64500:1"], "localPref": 110}));
    until_all(&tenant, &service, "as they were", |route| {
        has_communities(route, &["64500:1"], &[])
    });
    ad.patch(json!({"spec": {
        "communities": ["64500:2"], "localPref": 120,
        "aggregationLength": 24, "aggregationLengthV6": 64,
    }}));
    let aggregates = [
        tenant.v4(Reach::Routed, "0/24"),
        tenant.v6(Reach::Routed, "/64"),
    ];
    for aggregate in aggregates {
        let prefix = aggregate.parse::<IpNet>().unwrap().trunc();
        let is_meant = |route: &Route| has_communities(route, &["64500:2"], &[]);
        for router in tenant.routers() {
            until_paths_are(router, prefix, "as they are", is_meant);
        }
    }
    tenant.until_routed(&service, &[]);
    sessions.expect_same(&tenant.routers());
}
