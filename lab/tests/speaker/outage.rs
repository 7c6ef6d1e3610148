//! The API server is away, as the speakers see it.

use std::thread;
use std::time::Duration;

use lab::router::Kind;
use lab::until;
use serde_json::json;

use crate::families::{Families, Reach, parsed};
use crate::object::TIMEOUT;
use crate::sessions::Sessions;
use crate::tenant::Tenant;

/// How long it is away at least.
const OUTAGE: Duration = Duration::from_secs(3);

#[test]
fn without_an_api_server_nothing_is_withdrawn_and_with_it_everything_is_caught_up() {
    let Some(mut tenant) = Tenant::alone("outage") else {
        return;
    };
    let nodes = ["node1", "node2", "node3"];
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    let routed = tenant.pool_named("outage-routed", &[tenant.v4(Reach::Routed, "0/24")]);
    let ad = tenant.bgp("ad", json!({"ipAddressPools": [routed.name()]}));
    let _pods = tenant.pods("web");
    let selected = json!({"spec": {"selector": {"app": "web"}}});
    let on_link = tenant.service("on-link", Families::V4, selected.clone());
    let from_pool = json!({
        "metadata": {"annotations": {"metallb.io/address-pool": routed.name()}},
        "spec": selected["spec"],
    });
    let by_bgp = tenant.service("by-bgp", Families::V4, from_pool);
    let owner = tenant.until_owner(&on_link, |_| true);
    tenant.until_answered_by(&on_link, &owner);
    tenant.until_routed(&by_bgp, &nodes);
    let mac = tenant.node(&owner).mac().unwrap();
    let [asked_for, sent_to] = [&on_link, &by_bgp].map(|it| parsed(&it.addresses())[0]);
    let prefix = format!("{sent_to}/32");

    let of_frr = Sessions::of(&tenant.routers()).except(|router, _| router == Kind::Bird);
    tenant.cluster.plane.kill_api_server().unwrap();
    thread::sleep(OUTAGE);
    // A router that comes back is told everything, although nobody can be asked.
    tenant.cluster.bird.kill().unwrap();
    tenant.cluster.bird.restart().unwrap();
    tenant.cluster.wait_until_established().unwrap();
    for router in tenant.routers() {
        tenant.until_paths(router, &prefix, &nodes);
    }
    tenant.until_answers("eth0", asked_for, &[&mac]);
    for address in [asked_for, sent_to] {
        tenant.client().get_within(address, TIMEOUT).unwrap();
    }
    of_frr.expect_same(&[&tenant.cluster.frr]);

    let plane = &tenant.cluster.plane;
    plane.start_api_server().unwrap();
    plane.start_controller_manager().unwrap();
    // Written before any speaker has come back to listen.
    let on_node2 = json!([{"matchLabels": {"kubernetes.io/hostname": "node2"}}]);
    ad.patch(json!({"spec": {"nodeSelectors": on_node2}}));
    on_link.patch(json!({"spec": {"type": "ClusterIP"}}));
    for router in tenant.routers() {
        tenant.until_paths(router, &prefix, &["node2"]);
    }
    until("nobody on the link", TIMEOUT, || {
        let answers = tenant.client().who_has(asked_for)?;
        Ok(answers.is_empty().then_some(()))
    })
    .unwrap();
    of_frr.expect_same(&[&tenant.cluster.frr]);
    tenant.cluster.restart_proxies().unwrap();
}
