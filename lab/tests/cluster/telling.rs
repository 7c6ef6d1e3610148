//! What a controller tells about itself.

use lab::{LabError, until};
use serde_json::json;

use crate::harness::own;
use crate::object::TIMEOUT;
use crate::object::apply;
use crate::tenant::Tenant;

/// A ServiceAccount of the tenant's namespace; its token.
fn account(tenant: &Tenant, name: &str) -> String {
    let account = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name},
    });
    apply(&tenant.plane, &tenant.namespace, &[account]);
    tenant.access_of(name).token
}

/// Lets a ServiceAccount read metrics, as the shipped ClusterRole does it.
fn let_read(tenant: &Tenant, account: &str) {
    let namespace = &tenant.namespace;
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": {"name": format!("{namespace}-{account}")},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole",
            "name": format!("{namespace}:metrics-reader"),
        },
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    });
    apply(&tenant.plane, namespace, &[binding]);
}

fn refusal(answer: Result<String, LabError>) -> String {
    format!("{:?}", answer.unwrap_err())
}

#[test]
fn metrics_are_for_those_whom_the_api_server_lets_read_them() {
    let Some(mut tenant) = Tenant::prepare("metrics") else {
        return;
    };
    tenant.run.flags.retain(|flag| flag != "--metrics-insecure");
    tenant.start_controller();
    let pool = tenant.pool("web", &[tenant.v4("0/28"), tenant.v6("/124")]);
    tenant.create_service("one").until_address();
    let (scraper, visitor) = (account(&tenant, "scraper"), account(&tenant, "visitor"));
    let_read(&tenant, "scraper");

    let server = format!("https://127.0.0.1:{}", tenant.run.port);
    let ask = |token: Option<&str>| tenant.plane.get(&server, "/metrics", token);
    let counts = [
        "metallb_allocator_addresses_total{pool=\"web\"} 32",
        "metallb_allocator_ipv4_addresses_total{pool=\"web\"} 16",
        "metallb_allocator_ipv6_addresses_total{pool=\"web\"} 16",
        "metallb_allocator_addresses_in_use_total{pool=\"web\"} 1",
        "metallb_allocator_ipv4_addresses_in_use_total{pool=\"web\"} 1",
        "metallb_allocator_ipv6_addresses_in_use_total{pool=\"web\"} 0",
        "metallb_allocator_services_allocated_total{pool=\"web\"} 1",
        "metallb_k8s_client_config_loaded_bool 1",
        "metallb_k8s_client_config_stale_bool 0",
        "metallb_k8s_client_update_errors_total 0",
        "ferrolb_leader 1",
    ];
    let mut last = String::new();
    let shown = until("metrics", TIMEOUT, || {
        last = ask(Some(&scraper))?;
        let all = counts
            .iter()
            .all(|count| last.lines().any(|line| line == *count));
        Ok(all.then_some(()))
    });
    shown.unwrap_or_else(|error| panic!("{error}:\n{last}"));
    assert!(last.contains("process_resident_memory_bytes "));

    assert!(refusal(ask(None)).contains("401"));
    assert!(refusal(ask(Some("nonsense"))).contains("401"));
    let refused = refusal(ask(Some(&visitor)));
    assert!(refused.contains("403"), "{refused}");
    assert!(refused.contains("nonResourceURL /metrics"), "{refused}");

    // What is gone is not told of.
    tenant.service("one").delete();
    pool.delete();
    let gone = until("metrics without the pool", TIMEOUT, || {
        Ok((!ask(Some(&scraper))?.contains("pool=\"web\"")).then_some(()))
    });
    gone.unwrap();
}

#[test]
fn a_broken_object_makes_the_configuration_stale_until_it_is_gone() {
    let Some(tenant) = Tenant::start("stale") else {
        return;
    };
    tenant.pool("web", &[tenant.v4("0/28")]);
    tenant.until_metric("metallb_k8s_client_config_loaded_bool", 1.0);
    // Two pools must not overlap, which no rule of a definition can tell.
    let broken = tenant.pool("other", &[tenant.v4("8/29")]);
    tenant.until_metric("metallb_k8s_client_config_stale_bool", 1.0);
    broken.delete();
    tenant.until_metric("metallb_k8s_client_config_stale_bool", 0.0);
}

#[test]
fn readiness_says_what_is_missing() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "readiness");
    tenant.pool("web", &[tenant.v4("0/28")]);
    plane.kill_api_server().unwrap();
    tenant.start_controller();
    let server = format!("http://127.0.0.1:{}", tenant.run.port + 1);
    let ask = |path: &str| plane.get(&server, path, None);
    let until_unready = |why: &str| {
        let mut last = String::new();
        let told = until(why, TIMEOUT, || {
            last = format!("{:?}", ask("/readyz"));
            Ok((last.contains("503") && last.contains(why)).then_some(()))
        });
        told.unwrap_or_else(|error| panic!("{error}: {last}"));
    };
    let until_ready = || until("ready", TIMEOUT, || Ok(ask("/readyz").ok())).unwrap();
    until_unready("the Lease cannot be read");
    assert_eq!(ask("/healthz").unwrap(), "ok", "it lives all the same");
    plane.start_api_server().unwrap();
    assert_eq!(until_ready(), "ok");
    tenant.create_service("one").until_address();
    plane.kill_api_server().unwrap();
    until_unready("the Lease cannot be read");
    plane.start_api_server().unwrap();
    until_ready();
    tenant.create_service("two").until_address();
}
