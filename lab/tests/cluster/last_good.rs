//! The last good versions of the configuration, beyond the life of a controller.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::object::Object;
use crate::tenant::Tenant;

/// Two pools, of which the second is spoilt by an edit that makes it overlap the first; and a Service in the second.
fn spoilt(tenant: &Tenant) -> Object {
    tenant.pool("first", &[tenant.v4("0/30")]);
    let second = tenant.pool("second", &[tenant.v4("8/30")]);
    in_second(tenant, "kept").until_addresses(&[tenant.v4("8")]);
    stored(tenant).until("with both pools", |secret| {
        (versions(secret?).len() == 2).then_some(())
    });
    second.patch(json!({ "spec": { "addresses": [tenant.v4("0/29")] } }));
    let state = tenant.object("metallb.io/v1beta1", "ConfigurationState", "controller");
    state.until_path("/status/result", &json!("Invalid"));
    second
}

fn in_second(tenant: &Tenant, name: &str) -> crate::service::Service {
    let annotations = json!({ "metallb.io/address-pool": "second" });
    tenant.create_service_with(name, json!({ "metadata": { "annotations": annotations } }))
}

fn stored(tenant: &Tenant) -> Object {
    tenant.object("v1", "Secret", "ferrolb-last-good")
}

/// What the Secret holds, by key.
fn versions(secret: &Value) -> Vec<(String, Value)> {
    let data = secret["data"].as_object().into_iter().flatten();
    let version = |(key, text): (&String, &Value)| {
        let text = STANDARD.decode(text.as_str().unwrap()).unwrap();
        (key.clone(), serde_json::from_slice(&text).unwrap())
    };
    data.map(version).collect()
}

#[test]
fn a_restart_during_an_invalid_edit_changes_nothing() {
    let Some(mut tenant) = Tenant::start("good-restart") else {
        return;
    };
    spoilt(&tenant);
    tenant.restart_controller();
    in_second(&tenant, "new").until_addresses(&[tenant.v4("9")]);
    assert_eq!(tenant.service("kept").addresses(), [tenant.v4("8")]);
    // The edit is taken back in part, and what is right counts.
    let second = tenant.object("metallb.io/v1beta1", "IPAddressPool", "second");
    second.patch(json!({ "spec": { "addresses": [tenant.v4("16/30")] } }));
    tenant.service("kept").until_addresses(&[tenant.v4("16")]);
}

#[test]
fn an_object_made_anew_while_no_controller_runs_inherits_nothing() {
    let Some(mut tenant) = Tenant::start("good-anew") else {
        return;
    };
    let second = spoilt(&tenant);
    tenant.kill_controller();
    second.delete();
    tenant.pool("second", &[tenant.v4("0/29")]);
    tenant.start_controller();
    in_second(&tenant, "new").until_pending();
    tenant.service("kept").until_addresses(&[]);
}

#[test]
fn the_secret_holds_what_was_accepted_and_comes_back_when_it_is_deleted() {
    let Some(tenant) = Tenant::start("good-secret") else {
        return;
    };
    let second = spoilt(&tenant);
    let good = versions(&stored(&tenant).get().unwrap());
    let keys: Vec<&str> = good.iter().map(|(key, _)| key.as_str()).collect();
    assert_eq!(keys, ["ipaddresspool.first", "ipaddresspool.second"]);
    assert_eq!(good[1].1["uid"], second.at_path("/metadata/uid"));
    assert_eq!(good[1].1["spec"]["addresses"], json!([tenant.v4("8/30")]));
    stored(&tenant).request_deletion();
    stored(&tenant).until("made anew", |secret| {
        (versions(secret?) == good).then_some(())
    });
    second.delete();
    stored(&tenant).until("with one pool", |secret| {
        (versions(secret?).len() == 1).then_some(())
    });
}
