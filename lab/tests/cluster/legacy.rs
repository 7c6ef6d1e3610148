//! What clusters have that come from old versions of MetalLB, or from its FRR modes (compat/metallb.md 1.10, 1.13).

use std::collections::BTreeSet;
use std::sync::Arc;

use k8s_openapi::api::core::v1::Event;
use kube::api::{Api, ListParams};
use lab::cluster::ControlPlane;
use lab::until;

use crate::harness::own;
use crate::object::TIMEOUT;
use crate::rights::FRR_CONFIGURATION;
use crate::tenant::Tenant;

/// What is told of objects of a kind in a namespace, as `NAME: REASON: MESSAGE`.
fn told(plane: &Arc<ControlPlane>, namespace: &str, kind: &str) -> BTreeSet<String> {
    let events: Api<Event> = Api::namespaced(plane.client(), namespace);
    let of_kind = ListParams::default().fields(&format!("involvedObject.kind={kind}"));
    let events = plane.block_on(async move { events.list(&of_kind).await });
    let events = events.unwrap().items.into_iter();
    let told = events.map(|event| {
        let text = |part: Option<String>| part.unwrap_or_default();
        let name = text(event.involved_object.name);
        format!("{name}: {}: {}", text(event.reason), text(event.message))
    });
    told.collect()
}

fn until_told(tenant: &Tenant, kind: &str, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    let mut last = BTreeSet::new();
    let found = until("events", TIMEOUT, || {
        last = told(&tenant.plane, &tenant.namespace, kind);
        Ok((last == expected).then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}: {last:#?} instead of {expected:#?}"));
}

#[test]
fn the_config_map_of_old_versions_counts_until_an_object_takes_its_place() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "legacy");
    let range = tenant.v4("0/30");
    tenant.apply(&format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config}}\ndata:\n  config: |\n    address-pools:\n    \
         - {{name: Old_Pool, protocol: layer2, addresses: [{range}]}}\n"
    ));
    tenant.start_controller();
    let service = tenant.create_service("web");
    let address = service.until_address();
    until_told(
        &tenant,
        "ConfigMap",
        &[
            "config: deprecatedConfiguration: data.config: configuration by ConfigMap is deprecated: it counts as 2 \
           objects, which `ferrolb convert` prints",
        ],
    );
    // It counts as if the object were there, and none is made.
    tenant.settle();
    let pool = tenant.object("metallb.io/v1beta1", "IPAddressPool", "old-pool");
    assert_eq!(pool.get(), None);

    tenant.pool("old-pool", &[tenant.v4("0/29")]);
    let state = tenant.object("metallb.io/v1beta1", "ConfigurationState", "controller");
    state.until_path("/status/result", &"Invalid".into());
    let summary = state.at_path("/status/errorSummary");
    let complaint = "IPAddressPool legacy/old-pool is there and says something else";
    assert!(summary.as_str().unwrap().contains(complaint), "{summary}");
    tenant.object("v1", "ConfigMap", "config").delete();
    state.until_path("/status/result", &"Valid".into());
    assert_eq!(service.addresses(), [address]);
}

#[test]
fn frr_configurations_are_said_not_to_be_honoured() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "frr");
    tenant.apply(FRR_CONFIGURATION);
    let configuration = "apiVersion: frrk8s.metallb.io/v1beta1\nkind: FRRConfiguration\n";
    tenant.apply(&format!(
        "{configuration}metadata: {{name: extra}}\nspec: {{bgp: {{routers: [{{asn: 64500}}]}}}}\n---\n\
         {configuration}metadata: {{name: raw}}\nspec: {{raw: {{rawConfig: log stdout}}}}\n---\n\
         {configuration}metadata: {{name: metallb-node-a}}\n\
         spec: {{nodeSelector: {{matchLabels: {{kubernetes.io/hostname: node-a}}}}}}\n"
    ));
    tenant.start_controller();
    until_told(
        &tenant,
        "FRRConfiguration",
        &[
            "extra: configurationNotHonoured: not honoured: there is no FRR here; BGPPeer and BGPAdvertisement \
           configure sessions",
            "raw: rawConfigurationRejected: spec.raw: raw FRR configuration cannot be honoured: there is no FRR here",
        ],
    );
}
