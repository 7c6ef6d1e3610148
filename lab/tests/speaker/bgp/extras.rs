//! `bgp.go`, extra configuration: raw text for FRR is refused in words (compat/metallb.md 1.12), and all else goes on.

use lab::cluster::NAMESPACE;
use serde_json::json;

use super::NODES;
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::{Object, apply};
use crate::service::Service;
use crate::tenant::Tenant;

/// The ConfigMap with the text. Dropping it deletes it.
struct Extras(Object);

impl Extras {
    fn write(tenant: &Tenant<Shared>) -> Self {
        let plane = &tenant.cluster.plane;
        let object = json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "bgpextras"},
            "data": {"extras": "route-map any permit 10\n"},
        });
        apply(plane, NAMESPACE, &[object]);
        Self(Object::of(plane, "v1", "ConfigMap", NAMESPACE, "bgpextras"))
    }
}

impl Drop for Extras {
    fn drop(&mut self) {
        self.0.request_deletion();
    }
}

/// Whether the ConfigurationState of every speaker is to tell of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Yes,
    No,
}

fn until_told(tenant: &Tenant<Shared>, told: Told) {
    for node in NODES {
        let state = Object::of(
            &tenant.cluster.plane,
            "metallb.io/v1beta1",
            "ConfigurationState",
            NAMESPACE,
            &format!("speaker-{node}"),
        );
        state.until(&format!("with bgpextras: {told:?}"), |state| {
            let summary = state?.pointer("/status/errorSummary");
            let text = summary
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default();
            (text.contains("bgpextras") == (told == Told::Yes)).then_some(())
        });
    }
}

fn announced(tenant: &Tenant<Shared>, name: &str) -> (Service, lab::cluster::Pod) {
    let pod = tenant.pod(name, "node1");
    let service = tenant.service(name, Families::Dual, json!({}));
    tenant.until_routed(&service, &NODES);
    (service, pod)
}

#[test]
fn raw_configuration_for_frr_is_refused_in_words_and_changes_nothing() {
    let Some(tenant) = Tenant::start("bgp-extras") else {
        return;
    };
    tenant.pool(Reach::Routed);
    tenant.bgp("ad", json!({}));
    let (before, _before) = announced(&tenant, "before");
    let extras = Extras::write(&tenant);
    until_told(&tenant, Told::Yes);
    let (after, _after) = announced(&tenant, "after");
    for service in [&before, &after] {
        tenant.until_routed(service, &NODES);
        tenant.until_reached(service);
    }
    drop(extras);
    until_told(&tenant, Told::No);
}
