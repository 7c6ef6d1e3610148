//! A host that is no node and has the address of a Service (RFC 5227). MetalLB does not notice it.

use std::time::{Duration, Instant};

use lab::cluster::NAMESPACE;
use lab::failover::claim;
use lab::until;
use serde_json::{Value, json};

use crate::families::{Families, Reach, parsed};
use crate::harness::Shared;
use crate::object::{Object, TIMEOUT};
use crate::service::condition;
use crate::tenant::Tenant;

/// Ten times as long as it is to take.
const SOON: Duration = Duration::from_secs(10);

/// The state that the speaker of a node tells.
fn state_of(tenant: &Tenant<Shared>, node: &str) -> Object {
    let (version, kind) = ("metallb.io/v1beta1", "ConfigurationState");
    let name = format!("speaker-{node}");
    Object::of(&tenant.cluster.plane, version, kind, NAMESPACE, &name)
}

/// The message of the condition of a speaker's state that names all of these.
fn conflict(state: &Value, facts: &[&String]) -> Option<String> {
    let conditions = state.pointer("/status/conditions")?.as_array()?;
    let mut messages = conditions
        .iter()
        .filter_map(|condition| condition["message"].as_str());
    let told = messages.find(|message| facts.iter().all(|fact| message.contains(*fact)));
    told.map(str::to_owned)
}

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

        let facts = [&mac, &owner, &address.to_string()];
        let of_node = state_of(&tenant, &owner).until(&format!("about {address}"), |state| {
            conflict(state?, &facts)
        });
        let of_service = service.until(&format!("whose condition tells of {address}"), |service| {
            let announced = condition(service?, "ferrolb.io/Announced")?;
            let is_told = facts.iter().all(|fact| announced.message.contains(*fact));
            is_told.then_some(announced)
        });
        let took = start.elapsed();
        eprintln!("condition after {took:?}: {}", of_service.message);
        assert_eq!(
            (of_service.reason.as_str(), of_service.status.as_str()),
            ("AddressConflict", "True")
        );
        assert!(of_service.message.contains(&of_node), "{of_node}");
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
