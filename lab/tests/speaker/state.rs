//! What a speaker tells of its configuration (compat/metallb.md 1.9, 8.4 configurationstatetests).

use lab::cluster::NAMESPACE;
use serde_json::{Value, json};

use crate::families::Reach;
use crate::harness::Alone;
use crate::object::{Object, apply, merge};
use crate::tenant::Tenant;

/// The state that the speaker on node1 tells.
pub(crate) fn state(tenant: &Tenant<Alone>) -> Object {
    let (version, kind) = ("metallb.io/v1beta1", "ConfigurationState");
    Object::of(
        &tenant.cluster.plane,
        version,
        kind,
        NAMESPACE,
        "speaker-node1",
    )
}

fn condition<'a>(state: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = state.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Waits until nothing is wrong.
fn until_valid(tenant: &Tenant<Alone>) -> Value {
    state(tenant).until("that is valid", |state| {
        let state = state.filter(|state| state["status"]["result"] == "Valid")?;
        let overall = condition(state, "configReconcilerValid")?;
        (overall["status"] == "True" && overall["reason"] == "Reconciled").then(|| state.clone())
    })
}

/// Waits until the object, as in `bgppeer.metallb.io/router`, is at fault and the text tells why.
fn until_at_fault(tenant: &Tenant<Alone>, object: &str, why: &str) {
    state(tenant).until(&format!("that tells of {object}: {why}"), |state| {
        let state = state.filter(|state| state["status"]["result"] == "Invalid")?;
        let tells = |value: &Value| value.as_str().is_some_and(|text| text.contains(why));
        let own = condition(state, object)?;
        let overall = condition(state, "configReconcilerValid")?;
        let is_told = own["status"] == "False"
            && own["reason"] == "ConfigurationError"
            && tells(&own["message"])
            && overall["status"] == "False"
            && tells(&state["status"]["errorSummary"]);
        is_told.then_some(())
    });
}

#[test]
fn the_state_of_a_speaker_is_labelled_goes_with_its_pod_and_comes_back() {
    let Some(tenant) = Tenant::alone("state-own") else {
        return;
    };
    let told = until_valid(&tenant);
    let labels = &told["metadata"]["labels"];
    assert_eq!(labels["metallb.io/component-type"], "speaker");
    assert_eq!(labels["metallb.io/node-name"], "node1");
    let owner = &told["metadata"]["ownerReferences"][0];
    let pod = Object::of(
        &tenant.cluster.plane,
        "v1",
        "Pod",
        NAMESPACE,
        "speaker-node1",
    );
    assert_eq!(
        (&owner["kind"], &owner["name"]),
        (&json!("Pod"), &json!("speaker-node1"))
    );
    assert_eq!(owner["uid"], pod.at_path("/metadata/uid"));

    state(&tenant).request_deletion();
    let uid = told["metadata"]["uid"].clone();
    state(&tenant).until("made anew", |state| {
        (state?["metadata"]["uid"] != uid).then_some(())
    });
    until_valid(&tenant);
}

#[test]
fn a_secret_of_the_wrong_type_makes_a_speaker_invalid_until_it_is_right() {
    let Some(tenant) = Tenant::alone("state-secret") else {
        return;
    };
    let secret = |kind: &str| {
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": {"name": "state-secret"}, "type": kind,
            "stringData": {"username": "router", "password": "hunter2"},
        });
        apply(&tenant.cluster.plane, NAMESPACE, &[object]);
        Object::of(
            &tenant.cluster.plane,
            "v1",
            "Secret",
            NAMESPACE,
            "state-secret",
        )
    };
    let wrong = secret("Opaque");
    let peer = peer(&tenant, json!({"passwordSecret": {"name": "state-secret"}}));
    until_at_fault(
        &tenant,
        "bgppeer.metallb.io/state-secret",
        "kubernetes.io/basic-auth",
    );
    wrong.delete();
    until_at_fault(&tenant, "bgppeer.metallb.io/state-secret", "does not exist");
    let right = secret("kubernetes.io/basic-auth");
    until_valid(&tenant);
    peer.delete();
    right.delete();
}

#[test]
fn an_object_that_is_deleted_and_created_again_is_judged_anew() {
    let Some(tenant) = Tenant::alone("state-again") else {
        return;
    };
    let missing = json!({"passwordSecret": {"name": "missing"}});
    for _ in 0..2 {
        let peer = peer(&tenant, missing.clone());
        until_at_fault(&tenant, "bgppeer.metallb.io/state-again", "does not exist");
        peer.delete();
        until_valid(&tenant);
    }
}

#[test]
fn an_alias_that_is_created_later_mends_the_advertisement() {
    let Some(tenant) = Tenant::alone("state-alias") else {
        return;
    };
    let ad = tenant.bgp("ad", json!({"communities": ["state-gold"]}));
    let name = "bgpadvertisement.metallb.io/state-alias-ad";
    until_at_fault(&tenant, name, "state-gold");
    let alias = json!({"communities": [{"name": "state-gold", "value": "64500:1"}]});
    let community = tenant.configure("metallb.io/v1beta1", "Community", &tenant.name, alias);
    until_valid(&tenant);
    ad.delete();
    community.delete();
}

#[test]
fn several_errors_come_and_go_one_by_one() {
    let Some(tenant) = Tenant::alone("state-cycle") else {
        return;
    };
    let faulty_peer = "bgppeer.metallb.io/state-cycle";
    let faulty_ad = "bgpadvertisement.metallb.io/state-cycle-ad";
    for _ in 0..2 {
        let peer = peer(&tenant, json!({"passwordSecret": {"name": "missing"}}));
        until_at_fault(&tenant, faulty_peer, "does not exist");
        let ad = tenant.bgp("ad", json!({"communities": ["no-such-alias"]}));
        until_at_fault(&tenant, faulty_ad, "no-such-alias");
        until_at_fault(&tenant, faulty_peer, "does not exist");
        peer.delete();
        state(&tenant).until("that tells of one object alone", |state| {
            condition(state?, faulty_peer).is_none().then_some(())
        });
        until_at_fault(&tenant, faulty_ad, "no-such-alias");
        ad.delete();
        until_valid(&tenant);
    }
}

/// While the profile is there, the session is held without BFD, which is a warning of the peer; the profile itself is at
/// fault until there is BFD.
#[test]
fn a_bfd_profile_that_is_missing_or_goes_puts_its_peer_at_fault() {
    let Some(tenant) = Tenant::alone("state-bfd") else {
        return;
    };
    let peer = peer(&tenant, json!({"bfdProfile": "state-bfd"}));
    let name = "bgppeer.metallb.io/state-bfd";
    for _ in 0..2 {
        until_at_fault(&tenant, name, "does not exist");
        let (version, kind) = ("metallb.io/v1beta1", "BFDProfile");
        let profile = tenant.configure(version, kind, &tenant.name, json!({}));
        state(&tenant).until("that warns of the peer alone", |state| {
            (condition(state?, name)?["reason"] == "Warning").then_some(())
        });
        profile.delete();
    }
    until_at_fault(&tenant, name, "does not exist");
    peer.delete();
    until_valid(&tenant);
}

/// Every speaker judges the peers of all nodes, so all tell of a pair that stands in each other's way on one.
#[test]
fn two_peers_for_one_router_are_a_conflict_while_a_node_has_the_labels_of_both() {
    let Some(tenant) = Tenant::alone("state-label") else {
        return;
    };
    let first = peer(
        &tenant,
        json!({"nodeSelectors": [{"matchLabels": {"kubernetes.io/hostname": "node1"}}]}),
    );
    let spec = json!({
        "myASN": 64500, "peerASN": 64999, "peerAddress": tenant.v4(Reach::Routed, "250"),
        "nodeSelectors": [{"matchLabels": {"state-label": "second"}}],
    });
    let second = tenant.configure("metallb.io/v1beta2", "BGPPeer", "state-label-second", spec);
    let label = |value: Value| {
        let node = tenant.node_object("node1");
        node.patch(json!({"metadata": {"labels": {"state-label": value}}}));
    };
    until_valid(&tenant);
    for _ in 0..2 {
        label(json!("second"));
        until_at_fault(
            &tenant,
            "bgppeer.metallb.io/state-label-second",
            "which is older",
        );
        label(Value::Null);
        until_valid(&tenant);
    }
    second.delete();
    first.delete();
}

/// A BGPPeer with the name of the tenant, to a router of its own that is not there.
fn peer(tenant: &Tenant<Alone>, spec: Value) -> Object {
    let address = tenant.v4(Reach::Routed, "250");
    let mut whole = json!({"myASN": 64500, "peerASN": 64999, "peerAddress": address});
    merge(&mut whole, spec);
    tenant.configure("metallb.io/v1beta2", "BGPPeer", &tenant.name, whole)
}

#[test]
fn a_speaker_without_the_key_of_the_members_says_so_once_and_counts_every_node_as_alive() {
    let Some(mut tenant) = Tenant::alone("state-members") else {
        return;
    };
    tenant.cluster.stop_speaker("node1").unwrap();
    let flags = ["--ml-secret-key-path=/var/empty/no-such-key".to_owned()];
    tenant.cluster.start_speaker_with("node1", &flags).unwrap();
    state(&tenant).until("with a warning", |state| {
        let condition = condition(state?, "speaker.metallb.io/membership")?;
        let is_told = condition["status"] == "True" && condition["reason"] == "Warning";
        is_told.then_some(())
    });
    until_valid(&tenant);
    let output = tenant.cluster.speaker("node1").unwrap().output();
    assert_eq!(
        output.matches("every node counts as alive").count(),
        1,
        "{output}"
    );
    tenant.cluster.stop_speaker("node1").unwrap();
}
