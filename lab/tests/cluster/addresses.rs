//! What Services ask for, what they are told, and that they keep what they have (compat/metallb.md 2.1, 2.3, 5.1, 5.6).

use std::time::{Duration, Instant};

use lab::until;
use serde_json::{Value, json};

use crate::object::TIMEOUT;
use crate::service::{Service, Told};
use crate::tenant::Tenant;

fn annotated(name: &str, value: &str) -> Value {
    json!({"metadata": {"annotations": {name: value}}})
}

fn told(kind: &str, reason: &str, message: impl Into<String>) -> Told {
    Told {
        kind: kind.to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
    }
}

#[test]
fn addresses_and_pools_are_asked_for_under_both_prefixes_and_by_field() {
    let Some(tenant) = Tenant::start("wishes") else {
        return;
    };
    tenant.pool("open", &[tenant.v4("0/29")]);
    tenant.pool_with("named", &[tenant.v4("8/29")], json!({"autoAssign": false}));
    for (name, patch, expected) in [
        (
            "new",
            annotated("metallb.io/loadBalancerIPs", &tenant.v4("5")),
            "5",
        ),
        (
            "old",
            annotated("metallb.universe.tf/loadBalancerIPs", &tenant.v4("6")),
            "6",
        ),
        (
            "field",
            json!({"spec": {"loadBalancerIP": tenant.v4("7")}}),
            "7",
        ),
        (
            "new-pool",
            annotated("metallb.io/address-pool", "named"),
            "8",
        ),
        (
            "old-pool",
            annotated("metallb.universe.tf/address-pool", "named"),
            "9",
        ),
    ] {
        let service = tenant.create_service_with(name, patch);
        service.until_addresses(&[tenant.v4(expected)]);
        let pool = if name.ends_with("pool") {
            "named"
        } else {
            "open"
        };
        assert_eq!(service.pool(), Some(pool.to_owned()), "{name}");
        let is_vip = service.at_path("/status/loadBalancer/ingress/0/ipMode");
        assert_eq!(is_vip, "VIP", "{name}");
    }
    let text = "Service uses deprecated annotation metallb.universe.tf/loadBalancerIPs";
    assert_eq!(
        tenant.service("old").until_event("deprecatedAnnotation"),
        text
    );

    // Of both prefixes the new one counts.
    let both = json!({"metadata": {"annotations": {
        "metallb.io/loadBalancerIPs": tenant.v4("3"), "metallb.universe.tf/loadBalancerIPs": tenant.v4("4"),
    }}});
    tenant
        .create_service_with("both", both)
        .until_addresses(&[tenant.v4("3")]);
}

#[test]
fn what_happens_to_a_service_is_told_once_in_metallbs_words() {
    let Some(tenant) = Tenant::start("told") else {
        return;
    };
    let pool = tenant.pool("moving", &[tenant.v4("1/32")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("1")]);
    pool.patch(json!({"spec": {"addresses": [tenant.v4("2/32")]}}));
    service.until_addresses(&[tenant.v4("2")]);
    // A wish that makes no sense takes nothing away.
    service.annotate("metallb.io/loadBalancerIPs", Some("bogus"));
    service.until_event("LoadBalancerFailed");
    tenant.settle();
    assert_eq!(service.addresses(), [tenant.v4("2")]);
    let key = format!("{}/web", tenant.namespace);
    let all = until("four events", TIMEOUT, || {
        Ok(Some(service.events()).filter(|events| events.len() >= 4))
    });
    let mut events = all.unwrap_or_else(|error| panic!("{error}: {:?}", service.events()));
    let cleared = events
        .iter()
        .position(|event| event.reason == "ClearAssignment");
    let cleared = events.remove(cleared.unwrap());
    let text = format!(
        "current IP for \"{key}\" not allowed by config, will attempt for new IP assignment: "
    );
    assert_eq!(cleared.kind, "Normal");
    assert!(cleared.message.starts_with(&text), "{}", cleared.message);
    events.sort_by(|a, b| a.message.cmp(&b.message));
    let assigned = |end: &str| format!("Assigned IP [\"{}\"]", tenant.v4(end));
    let refused =
        "invalid requested loadbalancer IPs: invalid metallb.io/loadBalancerIPs: \"bogus\"";
    assert_eq!(
        events,
        [
            told("Normal", "IPAllocated", assigned("1")),
            told("Normal", "IPAllocated", assigned("2")),
            told("Warning", "LoadBalancerFailed", refused),
        ]
    );
}

#[test]
fn a_service_that_waits_says_why_and_since_when() {
    let Some(tenant) = Tenant::start("why") else {
        return;
    };
    let service = tenant.create_service("web");
    let before = service.until_pending();
    assert_eq!(before.reason, "NoPools");
    assert!(
        before.message.ends_with("; create an IPAddressPool"),
        "{}",
        before.message
    );
    // Another reason is no transition.
    std::thread::sleep(Duration::from_millis(1100));
    tenant.pool_with("named", &[tenant.v4("0/30")], json!({"autoAssign": false}));
    let now = service.until("with another reason", |object| {
        object?;
        service
            .condition()
            .filter(|now| now.reason != before.reason)
    });
    assert_eq!(
        (now.reason.as_str(), &now.since),
        ("Exhausted", &before.since)
    );
    let remedy =
        "ask for pool named with the annotation metallb.io/address-pool, or turn its autoAssign on";
    assert!(now.message.ends_with(remedy), "{}", now.message);
    let event = service.until_event("AllocationFailed");
    assert!(
        event.starts_with(&format!(
            "Failed to allocate IP for \"{}/web\": ",
            tenant.namespace
        )),
        "{event}"
    );

    service.annotate("metallb.io/address-pool", Some("named"));
    service.until_addresses(&[tenant.v4("0")]);
    let now = service.condition().unwrap();
    assert_eq!(
        (now.status.as_str(), now.reason.as_str()),
        ("True", "Assigned")
    );
    assert_ne!(now.since, before.since);
}

#[test]
fn a_status_that_somebody_edits_is_taken_if_it_is_legal_and_put_right_if_not() {
    let Some(tenant) = Tenant::start("edited") else {
        return;
    };
    tenant.pool("pool", &[tenant.v4("0/30")]);
    let service = tenant.create_service("web");
    service.until_addresses(&[tenant.v4("0")]);
    let ingress = |entries: Value| json!({"status": {"loadBalancer": {"ingress": entries}}});
    service.patch_status(ingress(json!([{"ip": tenant.v4("3")}])));
    tenant.settle();
    assert_eq!(service.addresses(), [tenant.v4("3")]);
    for entries in [
        json!([]),
        json!([{"ip": "192.0.2.1"}]),
        json!([{"hostname": "web.example"}]),
    ] {
        service.patch_status(ingress(entries));
        service.until_addresses(&[tenant.v4("0")]);
    }
}

/// Who is asked for first gets nothing of those who have something, however many they are.
#[test]
fn a_thousand_services_keep_their_addresses_over_a_restart_and_one_that_waits_is_served() {
    let Some(mut tenant) = Tenant::start("thousand") else {
        return;
    };
    let range = |last: u32| vec![format!("100.64.0.0-100.64.{}.{}", last / 256, last % 256)];
    let pool = tenant.pool("many", &range(999));
    let names = (0..1000).map(|index| format!("web{index}"));
    let services: Vec<Service> = names.map(|name| tenant.create_service(&name)).collect();
    let before: Vec<String> = services.iter().map(Service::until_address).collect();
    let waiting = tenant.create_service("a-waiting-one");
    waiting.until_pending();

    tenant.kill_controller();
    let audit = tenant.audit();
    pool.patch(json!({"spec": {"addresses": range(1000)}}));
    let start = Instant::now();
    tenant.start_controller();
    assert_eq!(waiting.until_address(), "100.64.3.232");
    let served = start.elapsed();
    tenant.settle();
    let after: Vec<String> = services.iter().map(Service::until_address).collect();
    assert_eq!(after, before);
    // Those of the one that waited, and of the one that settles.
    let writes = tenant.requests_since(&audit).of("patch services/status");
    assert!(
        writes <= 4,
        "{writes} writes; the waiting one was served after {served:?}"
    );
}
