//! `l2.go`, metrics: what controller and speaker count.

use std::net::IpAddr;

use lab::until;
use serde_json::json;

use crate::families::{Families, Reach};
use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// The value of a metric in the text of a scrape, as in `value(text, "name{label=\"value\"}")`.
fn value(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|value| value.trim().parse().ok())
}

#[test]
fn pools_owners_and_packets_are_counted() {
    let Some(tenant) = Tenant::start("l2-metrics") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    let plane = &tenant.cluster.plane;
    let token = plane.access().token.as_str();
    for (families, used) in [(Families::V4, 1.0), (Families::V6, 2.0)] {
        let name = families.name();
        let _pods = tenant.pods(name);
        let service = tenant.service(name, families, json!({}));
        let owner = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &owner);
        tenant.until_reached(&service);
        let address: IpAddr = service.until_address().parse().unwrap();

        let server = format!("https://{}:9120", tenant.node(&owner).ipv4);
        let announced = format!(
            "metallb_speaker_announced{{service=\"{}/{name}\",protocol=\"layer2\",node=\"{owner}\",\
             ip=\"{address}\"}}",
            tenant.name
        );
        let counter = |name: &str| format!("metallb_layer2_{name}{{ip=\"{address}\"}}");
        let mut last = String::new();
        let found = until("metrics of the speaker", TIMEOUT, || {
            last = plane.get(&server, "/metrics", Some(token))?;
            let counters = ["requests_received", "responses_sent", "gratuitous_sent"];
            let is_counted = |name: &&str| value(&last, &counter(name)) > Some(0.0);
            let is_told = value(&last, &announced) == Some(1.0) && counters.iter().all(is_counted);
            Ok(is_told.then_some(()))
        });
        found.unwrap_or_else(|error| {
            let about = last
                .lines()
                .filter(|line| line.contains(&announced) || line.contains("layer2"));
            panic!("{error}:\n{}", about.collect::<Vec<_>>().join("\n"))
        });

        let in_use = format!(
            "metallb_allocator_addresses_in_use_total{{pool=\"{}\"}}",
            tenant.name
        );
        let text = plane
            .get("http://127.0.0.1:9120", "/metrics", None)
            .unwrap();
        assert_eq!(value(&text, &in_use), Some(used), "{text}");
    }
}
