//! A host that is no node and has the address of a Service (RFC 5227). MetalLB does not notice it.

use std::time::{Duration, Instant};

use lab::failover::claim;
use lab::until;
use serde_json::json;

use crate::families::{Families, Reach, parsed};
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// Ten times as long as it is to take.
const SOON: Duration = Duration::from_secs(10);

#[test]
fn a_stranger_that_claims_an_address_is_told_of_by_its_mac_address_and_does_not_get_it() {
    let Some(tenant) = Tenant::start("l2-stranger") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    let _pods = tenant.pods("web");
    let service = tenant.service("web", Families::Dual, json!({}));
    let owner = tenant.until_owner(&service, |_| true);
    tenant.until_answered_by(&service, &owner);

    let stranger = tenant.cluster.topology.add_router(40).unwrap();
    let mac = stranger.mac().unwrap();
    for address in parsed(&service.addresses()) {
        let start = Instant::now();
        claim(&stranger, address).unwrap();
        let about = [mac.clone(), address.to_string()];
        let told = service.until_told(&format!("{about:?}"), |event| {
            let is_named = about.iter().all(|name| event.message.contains(name));
            event.reason == "addressConflict" && is_named
        });
        let took = start.elapsed();
        eprintln!("told after {took:?}: {}", told.message);
        assert_eq!(told.kind, "Warning");
        assert!(took < SOON, "{took:?}");

        let plane = &tenant.cluster.plane;
        let server = format!("https://{}:9120", tenant.node(&owner).ipv4);
        let metric = format!("ferrolb_l2_foreign_claims_total{{ip=\"{address}\"}} 1");
        until(&metric, TIMEOUT, || {
            let token = plane.access().token.as_str();
            let text = plane.get(&server, "/metrics", Some(token))?;
            Ok(text.lines().any(|line| line == metric).then_some(()))
        })
        .unwrap();
    }
    tenant.until_answered_by(&service, &owner);
}
