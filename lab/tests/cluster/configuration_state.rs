//! What the world is told of the configuration (compat/metallb.md 1.9, 8.4 configurationstatetests), and that one broken
//! object breaks nothing but itself.

use serde_json::{Value, json};

use crate::object::Object;
use crate::tenant::Tenant;

const PEER: &str = "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {name: router}\nspec:\n  myASN: 64500\n  \
                    peerASN: 64510\n  peerAddress: 203.0.113.1\n";
const WITH_SECRET: &str = "  passwordSecret: {name: md5}\n";
const WITH_ALIAS: &str = "apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: all}\nspec:\n  \
                          communities: [gold]\n";
const ALIAS: &str = "apiVersion: metallb.io/v1beta1\nkind: Community\nmetadata: {name: ours}\nspec:\n  communities:\n  \
                     - {name: gold, value: \"64500:1\"}\n";

fn secret(kind: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: md5}}\ntype: {kind}\nstringData: {{username: router, password: \
         hunter2}}\n"
    )
}

fn state(tenant: &Tenant) -> Object {
    tenant.object("metallb.io/v1beta1", "ConfigurationState", "controller")
}

/// The condition of a type.
fn condition<'a>(state: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = state.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Waits until nothing is wrong.
fn until_valid(tenant: &Tenant) -> Value {
    state(tenant).until("that is valid", |state| {
        let state = state.filter(|state| state["status"]["result"] == "Valid")?;
        let conditions = state["status"]["conditions"].as_array()?;
        assert_eq!(conditions.len(), 1, "{state}");
        let overall = condition(state, "poolReconcilerValid")?;
        assert_eq!(
            (&overall["status"], &overall["reason"]),
            (&json!("True"), &json!("Reconciled"))
        );
        assert!(
            state["status"]["errorSummary"]
                .as_str()
                .unwrap_or_default()
                .is_empty(),
            "{state}"
        );
        Some(state.clone())
    })
}

/// Waits until the object, as in `bgppeer.metallb.io/router`, is at fault and the text tells why.
fn until_at_fault(tenant: &Tenant, object: &str, why: &str) -> Value {
    state(tenant).until(&format!("that tells of {object}: {why}"), |state| {
        let state = state.filter(|state| state["status"]["result"] == "Invalid")?;
        let own = condition(state, object)?;
        let tells = |value: &Value| value.as_str().is_some_and(|text| text.contains(why));
        assert_eq!(own["status"], "False");
        assert_eq!(own["reason"], "ConfigurationError");
        let overall = condition(state, "poolReconcilerValid")?;
        let is_told = tells(&own["message"])
            && tells(&overall["message"])
            && tells(&state["status"]["errorSummary"])
            && overall["status"] == "False";
        is_told.then(|| state.clone())
    })
}

#[test]
fn a_controller_without_configuration_is_valid_and_labelled() {
    let Some(tenant) = Tenant::start("state-valid") else {
        return;
    };
    let state = until_valid(&tenant);
    assert_eq!(
        state["metadata"]["labels"]["metallb.io/component-type"],
        "controller"
    );
}

#[test]
fn a_peer_with_a_bfd_profile_that_is_missing_is_told_of() {
    let Some(tenant) = Tenant::start("state-bfd") else {
        return;
    };
    tenant.apply(&format!("{PEER}  bfdProfile: missing\n"));
    until_at_fault(&tenant, "bgppeer.metallb.io/router", "bfdProfile");
    tenant
        .object("metallb.io/v1beta2", "BGPPeer", "router")
        .delete();
    until_valid(&tenant);
}

#[test]
fn a_secret_of_the_wrong_type_is_told_of_until_it_is_right() {
    let Some(tenant) = Tenant::start("state-secret") else {
        return;
    };
    tenant.apply(&secret("Opaque"));
    tenant.apply(&format!("{PEER}{WITH_SECRET}"));
    let peer = "bgppeer.metallb.io/router";
    until_at_fault(&tenant, peer, "kubernetes.io/basic-auth");
    tenant.object("v1", "Secret", "md5").delete();
    until_at_fault(&tenant, peer, "does not exist");
    tenant.apply(&secret("kubernetes.io/basic-auth"));
    until_valid(&tenant);
}

#[test]
fn an_alias_that_is_created_later_mends_the_advertisement() {
    let Some(tenant) = Tenant::start("state-alias") else {
        return;
    };
    tenant.apply(WITH_ALIAS);
    let invalid = until_at_fault(&tenant, "bgpadvertisement.metallb.io/all", "gold");
    tenant.apply(ALIAS);
    let valid = until_valid(&tenant);
    // In whole seconds, so that they may be the same.
    let since = |state: &Value| {
        let overall = condition(state, "poolReconcilerValid").unwrap();
        overall["lastTransitionTime"].as_str().unwrap().to_owned()
    };
    assert!(since(&invalid) <= since(&valid));
}

#[test]
fn several_errors_come_and_go_one_by_one() {
    let Some(tenant) = Tenant::start("state-cycle") else {
        return;
    };
    let (peer, advertisement) = (
        "bgppeer.metallb.io/router",
        "bgpadvertisement.metallb.io/all",
    );
    for _ in 0..2 {
        tenant.apply(&format!("{PEER}{WITH_SECRET}"));
        until_at_fault(&tenant, peer, "Secret");
        tenant.apply(WITH_ALIAS);
        until_at_fault(&tenant, advertisement, "gold");
        let both = until_at_fault(&tenant, peer, "Secret");
        assert_eq!(
            both["status"]["conditions"].as_array().unwrap().len(),
            3,
            "{both}"
        );
        tenant
            .object("metallb.io/v1beta2", "BGPPeer", "router")
            .delete();
        state(&tenant).until("that tells of one object alone", |state| {
            condition(state?, peer).is_none().then_some(())
        });
        until_at_fault(&tenant, advertisement, "gold");
        tenant
            .object("metallb.io/v1beta1", "BGPAdvertisement", "all")
            .delete();
        until_valid(&tenant);
    }
}

#[test]
fn an_object_that_is_deleted_and_created_again_is_judged_anew() {
    let Some(tenant) = Tenant::start("state-again") else {
        return;
    };
    let broken = format!("{PEER}{WITH_SECRET}");
    for _ in 0..2 {
        tenant.apply(&broken);
        until_at_fault(&tenant, "bgppeer.metallb.io/router", "Secret");
        tenant
            .object("metallb.io/v1beta2", "BGPPeer", "router")
            .delete();
        until_valid(&tenant);
    }
}

#[test]
fn a_state_that_somebody_deletes_is_back_at_once() {
    let Some(tenant) = Tenant::start("state-deleted") else {
        return;
    };
    tenant.apply(WITH_ALIAS);
    let told = until_at_fault(&tenant, "bgpadvertisement.metallb.io/all", "gold");
    let uid = told["metadata"]["uid"].clone();
    state(&tenant).request_deletion();
    state(&tenant).until("made anew", |state| {
        (state?["metadata"]["uid"] != uid).then_some(())
    });
    until_at_fault(&tenant, "bgpadvertisement.metallb.io/all", "gold");
}

#[test]
fn one_broken_object_breaks_only_itself() {
    let Some(tenant) = Tenant::start("state-isolated") else {
        return;
    };
    tenant.pool("good", &[tenant.v4("0/30")]);
    let first = tenant.create_service("first");
    first.until_addresses(&[tenant.v4("0")]);
    tenant.pool("overlapping", &[tenant.v4("2/31"), tenant.v4("8/31")]);
    until_at_fault(&tenant, "ipaddresspool.metallb.io/overlapping", "conflicts");
    tenant
        .create_service("second")
        .until_addresses(&[tenant.v4("1")]);
    assert_eq!(first.addresses(), [tenant.v4("0")]);
}
