//! Which services get addresses, and of which families.

use std::net::IpAddr;

use lab::manifests::EXAMPLE;
use lab::until;
use serde_json::Value;

use crate::stage::{NAMESPACE, Stage, TIMEOUT};

/// In the files, a dual-stack service and what makes it one of IPv6 alone.
const DUAL_STACK: &str = "\
  ipFamilyPolicy: RequireDualStack
  ipFamilies:
    - IPv4
    - IPv6
  clusterIPs:
    - 10.96.0.11
    - fd00:96::11
  clusterIP: 10.96.0.11
";
const SINGLE_STACK: &str = "\
  ipFamilyPolicy: SingleStack
  ipFamilies:
    - IPv6
  clusterIPs:
    - fd00:96::11
  clusterIP: fd00:96::11
";

#[test]
fn a_dual_stack_service_gets_an_address_of_each_family_and_another_one_of_its_own() {
    let Some(stage) = Stage::start() else { return };
    for service in ["web", "shop"] {
        let families = stage.addresses(service).map(|address| address.is_ipv4());
        assert_eq!(families, [true, false], "{service}");
    }
    let (_, docs) = EXAMPLE
        .iter()
        .find(|(file, _)| *file == "service-docs.yaml")
        .unwrap();
    assert!(docs.contains(DUAL_STACK));
    let docs = docs.replace(DUAL_STACK, SINGLE_STACK);
    stage.manifests.write("service-docs.yaml", &docs).unwrap();
    let address = until("an address for docs", TIMEOUT, || {
        let addresses = stage.manifests.addresses(NAMESPACE, "docs")?;
        Ok(<[IpAddr; 1]>::try_from(addresses).ok())
    });
    let address = address.unwrap();
    assert!(address[0].is_ipv6());
    stage.wait_for_paths(&address, 6);
}

#[test]
fn services_of_another_class_are_left_alone_and_keep_their_addresses_to_themselves() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    let foreign = include_str!("foreign.yaml");
    stage.manifests.write("foreign.yaml", foreign).unwrap();
    // Once a service that came after them is served, they have been seen.
    stage
        .manifests
        .write_example(|file| file == "service-docs.yaml")
        .unwrap();
    stage.wait_until_announced("docs");
    stage.expect_routes(&["docs", "web"]);
    for address in stage.addresses("docs") {
        assert!(!foreign.contains(&format!("ip: {address}\n")), "{address}");
    }
    for service in ["foreign", "unserved"] {
        let status = stage.manifests.status("services", NAMESPACE, service);
        assert_eq!(status.unwrap(), None, "{service}");
        for component in ["controller", "speaker-node1"] {
            let events = stage.manifests.events(component).unwrap();
            let is_about = |event: &Value| event.to_string().contains(service);
            assert!(!events.iter().any(is_about), "{events:?}");
        }
    }
}
