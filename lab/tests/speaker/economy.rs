//! What speakers write to the API server, by its audit log: what is new, and at a bounded rate.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use ipnet::IpNet;
use k8s_openapi::api::core::v1 as core;
use kube::api::{Api, DeleteParams, DynamicObject, ListParams, PostParams};
use lab::cluster::{Audit, NAMESPACE, Requests};
use lab::until;
use serde_json::{Value, json};

use crate::families::{Families, Reach};
use crate::harness::Alone;
use crate::object::{TIMEOUT, resource};
use crate::tenant::Tenant;

/// Whom the audit log names when a speaker writes.
const SPEAKERS: &str = "system:serviceaccount:metallb-system:speaker";

/// The same for the controller.
const CONTROLLER: &str = "system:serviceaccount:metallb-system:controller";

/// How many Services appear.
const MANY: usize = 200;

/// What a speaker may tell at once.
const BURST: f64 = 100.0;

/// What it may tell in a second then.
const PACE: f64 = 20.0;

/// A status is two requests at most: one for what it is about, one for what it says.
const REQUESTS: f64 = 2.0;

/// The requests that write.
fn writes(requests: &Requests) -> usize {
    requests.with_verbs(&["create", "update", "patch", "delete"])
}

/// Fails if more has been written since `start` than a speaker may.
fn expect_bounded(requests: &Requests, start: Instant) {
    let most = REQUESTS * (BURST + PACE * start.elapsed().as_secs_f64());
    let written = f64::from(u32::try_from(writes(requests)).unwrap());
    assert!(written <= most, "{most} allowed:\n{requests}");
}

/// Makes Services that all have the pods of `web`.
fn create(tenant: &Tenant<Alone>) {
    let services = (0..MANY).map(|index| {
        let service = json!({
            "metadata": {
                "name": format!("many-{index}"),
                "annotations": {"metallb.io/address-pool": tenant.name},
            },
            "spec": {"type": "LoadBalancer", "selector": {"app": "web"}, "ports": [{"port": 80}]},
        });
        serde_json::from_value(service).unwrap()
    });
    let services: Vec<core::Service> = services.collect();
    let plane = &tenant.cluster.plane;
    let api: Api<core::Service> = Api::namespaced(plane.client(), &tenant.name);
    plane.block_on(async move {
        let parameters = PostParams::default();
        let created = services.iter().map(|it| api.create(&parameters, it));
        join_all(created)
            .await
            .into_iter()
            .for_each(|it| drop(it.unwrap()));
    });
}

fn delete(tenant: &Tenant<Alone>) {
    let plane = &tenant.cluster.plane;
    let api: Api<core::Service> = Api::namespaced(plane.client(), &tenant.name);
    plane.block_on(async move {
        let parameters = DeleteParams::default();
        let names: Vec<_> = (0..MANY).map(|index| format!("many-{index}")).collect();
        let deleted = names.iter().map(|name| api.delete(name, &parameters));
        join_all(deleted)
            .await
            .into_iter()
            .for_each(|it| drop(it.unwrap()));
    });
}

/// How many Services of the tenant the speakers say anything about.
fn told(tenant: &Tenant<Alone>) -> usize {
    let plane = &tenant.cluster.plane;
    let kind = resource("metallb.io/v1beta1", "ServiceBGPStatus");
    let api: Api<DynamicObject> = Api::namespaced_with(plane.client(), NAMESPACE, &kind);
    let of_tenant = format!("metallb.io/service-namespace={}", tenant.name);
    let parameters = ListParams::default().labels(&of_tenant);
    let list = plane.block_on(async move { api.list(&parameters).await });
    list.unwrap().items.len()
}

#[test]
fn of_many_services_that_appear_is_told_at_a_bounded_rate_and_only_what_still_holds() {
    let Some(tenant) = Tenant::alone("economy") else {
        return;
    };
    tenant.pool(Reach::Routed);
    let on_node1 = json!([{"matchLabels": {"kubernetes.io/hostname": "node1"}}]);
    let ad = tenant.bgp(
        "ad",
        json!({"nodeSelectors": on_node1, "peers": ["frr-v4"]}),
    );
    let _pod = tenant.pod("web", "node1");
    let own: IpNet = tenant.v4(Reach::Routed, "0/24").parse().unwrap();
    let until_routes = |expected: [usize; 2]| {
        until(&format!("{expected:?} routes"), 2 * TIMEOUT, || {
            let mut found = [0; 2];
            for (count, router) in found.iter_mut().zip(tenant.routers()) {
                let routes = router.routes()?;
                *count = routes.iter().filter(|it| own.contains(&it.prefix)).count();
            }
            Ok((found == expected).then_some(()))
        })
        .unwrap();
    };
    // What tests before have left to be told of is no part of it.
    until_quiet(&Audit::from_now(&tenant.cluster.plane));
    let (audit, start) = (Audit::from_now(&tenant.cluster.plane), Instant::now());
    create(&tenant);
    until_routes([MANY, 0]);
    expect_bounded(&audit.requests(SPEAKERS).unwrap(), start);
    // Each is announced to another peer, and to the first again, before the first of it all is told.
    for (peer, routes) in [("bird-v4", [0, MANY]), ("frr-v4", [MANY, 0])] {
        ad.patch(json!({"spec": {"peers": [peer]}}));
        until_routes(routes);
    }
    expect_bounded(&audit.requests(SPEAKERS).unwrap(), start);
    delete(&tenant);
    until_routes([0, 0]);
    until("end of all statuses", 2 * TIMEOUT, || {
        Ok((told(&tenant) == 0).then_some(()))
    })
    .unwrap();
    let requests = audit.requests(SPEAKERS).unwrap();
    // Three times another peer, an event, and the end of each Service, all told, are more than that in the time that a
    // machine takes which does nothing else.
    expect_bounded(&requests, start);
    assert!(requests.of("patch servicebgpstatuses") > 0, "{requests}");
}

/// The sessions of a node's speaker: whether each is up, and since when.
fn sessions(tenant: &Tenant<Alone>, node: &str) -> Vec<(Value, Value)> {
    let plane = &tenant.cluster.plane;
    let kind = resource("ferrolb.io/v1alpha1", "BGPSession");
    let api: Api<DynamicObject> = Api::namespaced_with(plane.client(), NAMESPACE, &kind);
    let list = plane.block_on(async move { api.list(&ListParams::default()).await });
    let statuses = list
        .unwrap()
        .items
        .into_iter()
        .map(|mut object| object.data["status"].take());
    let own = statuses.filter(|status| status["node"] == node);
    own.map(|status| (status["state"].clone(), status["since"].clone()))
        .collect()
}

/// Waits until there is nothing more to write of Services.
fn until_quiet(audit: &Audit) {
    let mut last = (audit.requests(SPEAKERS).unwrap(), Instant::now());
    until("quiet", 2 * TIMEOUT, || {
        let now = audit.requests(SPEAKERS)?;
        if now != last.0 {
            last = (now, Instant::now());
        }
        Ok((last.1.elapsed() > Duration::from_secs(1)).then_some(()))
    })
    .unwrap();
}

#[test]
fn a_restart_that_changes_nothing_for_services_writes_nothing_of_them() {
    let Some(mut tenant) = Tenant::alone("economy-restart") else {
        return;
    };
    let audit = Audit::from_now(&tenant.cluster.plane);
    tenant.pool(Reach::OnLink);
    // An address on the link goes to another node while its owner is away, and that is a change.
    let elsewhere = json!({"matchLabels": {"kubernetes.io/hostname": "node2"}});
    tenant.layer2("ad", json!({"nodeSelectors": [elsewhere]}));
    tenant.bgp("ad", json!({}));
    let _pods = tenant.pods("web");
    for families in Families::ALL {
        let patch = json!({"spec": {"selector": {"app": "web"}}});
        let service = tenant.service(families.name(), families, patch);
        tenant.until_routed(&service, &["node1", "node2", "node3"]);
        tenant.until_owner(&service, |_| true);
        until("statuses of all nodes", TIMEOUT, || {
            let statuses = tenant.statuses("ServiceBGPStatus", &service);
            Ok((statuses.len() == 3).then_some(()))
        })
        .unwrap();
        let told = format!("by BGP from 3 nodes to {} peers; ", 2 * families.count());
        service.until("with the condition that tells of all", |object| {
            let conditions = object?.pointer("/status/conditions")?.as_array()?;
            let mut messages = conditions.iter().filter_map(|it| it["message"].as_str());
            messages.any(|it| it.starts_with(&told)).then_some(())
        });
    }
    until_quiet(&audit);
    let before = sessions(&tenant, "node1");
    // What is told of a Service that was announced is written when it has settled: those of tests before may still be.
    let audit = Audit::from_now(&tenant.cluster.plane).within(&[NAMESPACE, &tenant.name]);
    tenant.cluster.stop_speaker("node1").unwrap();
    tenant.cluster.start_speaker("node1").unwrap();
    tenant.cluster.wait_until_established().unwrap();
    // What the new process tells of its sessions goes the same way as what it would tell of Services.
    until("sessions that are told of", TIMEOUT, || {
        let now = sessions(&tenant, "node1");
        let is_new =
            |(state, since)| state == "Established" && before.iter().all(|it| it.1 != since);
        Ok((now.len() == before.len() && now.into_iter().all(is_new)).then_some(()))
    })
    .unwrap();
    until_quiet(&audit);
    let requests = audit.requests(SPEAKERS).unwrap();
    assert!(requests.of("patch bgpsessions/status") > 0, "{requests}");
    for user in [SPEAKERS, CONTROLLER] {
        let requests = audit.requests(user).unwrap().to_string();
        let of_services = [
            "servicebgpstatuses",
            "servicel2statuses",
            "events",
            "services",
        ];
        let is_write = |line: &&str| {
            let mut words = line.split_whitespace().skip(1);
            let verb = words.next().unwrap_or_default();
            let resource = words
                .next()
                .unwrap_or_default()
                .split('/')
                .next()
                .unwrap_or_default();
            !["get", "list", "watch"].contains(&verb) && of_services.contains(&resource)
        };
        let written: Vec<_> = requests.lines().filter(is_write).collect();
        assert_eq!(written, [] as [&str; 0], "{user}");
    }
}
