//! What is refused and what is not: every row of "webhookstests" in compat/metallb.md 8.4, whether the definitions refuse
//! it by themselves or the webhook does.

use serde_json::{Value, json};

use super::site::{Answer, NAMESPACE, Site};
use crate::object::{apply, create_namespace, merge};

fn object(kind: &str, name: &str, spec: Value) -> Value {
    let version = if kind == "BGPPeer" {
        "v1beta2"
    } else {
        "v1beta1"
    };
    json!({
        "apiVersion": format!("metallb.io/{version}"), "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE }, "spec": spec,
    })
}

fn pool(name: &str, addresses: &[&str]) -> Value {
    object("IPAddressPool", name, json!({ "addresses": addresses }))
}

fn peer(name: &str, address: &str, more: Value) -> Value {
    let mut spec = json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": address });
    merge(&mut spec, more);
    object("BGPPeer", name, spec)
}

fn community(name: &str, aliases: &[(&str, &str)]) -> Value {
    let aliases = aliases
        .iter()
        .map(|(name, value)| json!({ "name": name, "value": value }));
    object(
        "Community",
        name,
        json!({ "communities": aliases.collect::<Vec<_>>() }),
    )
}

#[track_caller]
fn assert_created(answer: &Answer) {
    assert_eq!(answer.status, 201, "{answer:?}");
}

/// Refused by the webhook.
#[track_caller]
fn assert_denied(answer: &Answer, reason: &str) {
    let refusal = answer.refusal();
    assert!(refusal.contains("denied the request: "), "{answer:?}");
    assert!(refusal.contains(reason), "{answer:?}");
}

/// Refused by the rules of the definitions, before the webhook is asked.
#[track_caller]
fn assert_invalid(answer: &Answer, field: &str) {
    assert_eq!(answer.status, 422, "{answer:?}");
    assert!(answer.refusal().contains(field), "{answer:?}");
}

#[test]
fn overlapping_pools_are_refused() {
    let Some(site) = Site::shared() else { return };
    assert_created(&site.create(&pool("overlap-first", &["198.51.100.0/24"])));
    let second = pool(
        "overlap-second",
        &["203.0.113.0/25", "198.51.100.10-198.51.100.20"],
    );
    assert_denied(
        &site.create(&second),
        "spec.addresses[1]: 198.51.100.10-198.51.100.20 conflicts with",
    );
    let second = pool("overlap-second", &["203.0.113.0/25"]);
    assert_created(&site.create(&second));
    let wider = pool("overlap-first", &["198.51.100.0/24", "203.0.113.0/24"]);
    let reason = "IPAddressPool metallb-system/overlap-second would no longer be in force: spec.addresses[0]";
    assert_denied(&site.replace(&wider), reason);
    let twice = pool("overlap-self", &["203.0.113.128/26", "203.0.113.128/30"]);
    assert_denied(&site.create(&twice), "spec.addresses");
}

#[test]
fn aggregates_that_do_not_fit_are_refused() {
    let Some(site) = Site::shared() else { return };
    assert_created(&site.create(&pool("aggregate", &["198.18.7.0/28"])));
    let aggregate = |length: i32, more: Value| {
        let mut spec = json!({ "ipAddressPools": ["aggregate"], "aggregationLength": length });
        merge(&mut spec, more);
        object("BGPAdvertisement", "aggregate", spec)
    };
    let reason = "spec.aggregationLength: /24 is wider than 198.18.7.0/28 of pool aggregate";
    assert_denied(&site.create(&aggregate(24, json!({}))), reason);
    let selectors = json!({ "serviceSelectors": [{ "matchLabels": { "app": "web" } }] });
    assert_invalid(&site.create(&aggregate(30, selectors)), "serviceSelectors");
    assert_created(&site.create(&aggregate(28, json!({}))));
    // The other way round it is a warning: the advertisement may be edited next.
    let answer = site.replace(&pool("aggregate", &["198.18.7.0/30"]));
    assert_eq!(answer.refusal(), "");
    let warnings = answer.warnings.join(" ");
    assert!(
        warnings.contains("BGPAdvertisement metallb-system/aggregate: spec.aggregationLength"),
        "{warnings}"
    );
}

#[test]
fn peers_without_sense_or_for_a_router_that_has_one_are_refused() {
    let Some(site) = Site::shared() else { return };
    assert_invalid(
        &site.create(&peer("invalid", "1.1.1.1.1", json!({}))),
        "peerAddress",
    );
    let node = |name: &str| {
        json!({
            "apiVersion": "v1", "kind": "Node",
            "metadata": { "name": name, "labels": { "peer.test/rack": name } },
        })
    };
    apply(&site.plane, NAMESPACE, &[node("rack-a"), node("rack-b")]);
    let on =
        |rack: &str| json!({ "nodeSelectors": [{ "matchLabels": { "peer.test/rack": rack } }] });
    assert_created(&site.create(&peer("router-a", "198.51.100.250", on("rack-a"))));
    let reason = "spec.peerAddress: 198.51.100.250 port 179 conflicts with";
    assert_denied(
        &site.create(&peer("router-b", "198.51.100.250", json!({}))),
        reason,
    );
    assert_created(&site.create(&peer("router-b", "198.51.100.250", on("rack-b"))));
    assert_denied(
        &site.replace(&peer("router-b", "198.51.100.250", on("rack-a"))),
        reason,
    );
}

#[test]
fn communities_without_sense_or_under_a_name_that_is_taken_are_refused() {
    let Some(site) = Site::shared() else { return };
    for value in ["99999999:1", "large:12345:12345:99999999999"] {
        let wrong = community("invalid", &[("invalid", value)]);
        assert_invalid(&site.create(&wrong), "spec.communities[0].value");
    }
    let good = community("good", &[("taken", "65000:1")]);
    assert_created(&site.create(&good));
    for value in ["99999999:1", "large:12345:12345:99999999999"] {
        let wrong = community("good", &[("taken", value)]);
        assert_invalid(&site.replace(&wrong), "spec.communities[0].value");
    }
    let elsewhere = community("other", &[("taken", "65000:2")]);
    assert_denied(
        &site.create(&elsewhere),
        "spec.communities[0].name: alias \"taken\" conflicts with",
    );
    let twice = community("other", &[("one", "65000:2"), ("one", "65000:3")]);
    assert_denied(
        &site.create(&twice),
        "spec.communities[1].name: \"one\" is there twice",
    );
}

#[test]
fn a_profile_in_use_is_not_deleted() {
    let Some(site) = Site::shared() else { return };
    let profile = object("BFDProfile", "used", json!({}));
    assert_created(&site.create(&profile));
    let user = peer("watched", "198.51.100.251", json!({ "bfdProfile": "used" }));
    assert_created(&site.create(&user));
    assert_denied(
        &site.delete(&profile),
        "BFDProfile used is used by BGPPeer watched",
    );
    assert_eq!(site.delete(&user).refusal(), "");
    assert_eq!(site.delete(&profile).refusal(), "");
}

#[test]
fn objects_elsewhere_are_refused() {
    let Some(site) = Site::shared() else { return };
    create_namespace(&site.plane, "elsewhere", json!({}));
    for mut object in [
        pool("x", &["198.18.9.0/24"]),
        peer("x", "198.51.100.252", json!({})),
        object("BGPAdvertisement", "x", json!({})),
        object("L2Advertisement", "x", json!({})),
        community("x", &[]),
        object("BFDProfile", "x", json!({})),
    ] {
        object["metadata"]["namespace"] = json!("elsewhere");
        assert_denied(
            &site.create(&object),
            "resource must be created in metallb-system namespace",
        );
    }
}

#[test]
fn what_is_referred_to_may_come_later_with_a_warning() {
    let Some(site) = Site::shared() else { return };
    let spec = json!({ "communities": ["comes-later"], "ipAddressPools": ["comes-later-too"] });
    let answer = site.create(&object("BGPAdvertisement", "refers", spec));
    assert_created(&answer);
    let warnings = answer.warnings.join(" ");
    assert!(
        warnings.contains("Community alias \\\"comes-later\\\" does not exist; not in force"),
        "{warnings}"
    );
    let answer = site.create(&community("later", &[("comes-later", "65000:9")]));
    assert_eq!(
        (answer.status, answer.warnings.len()),
        (201, 0),
        "{answer:?}"
    );
    let secret = json!({ "passwordSecret": { "name": "comes-later" }, "disableMP": true });
    let answer = site.create(&peer("refers", "198.51.100.253", secret));
    assert_created(&answer);
    let warnings = answer.warnings.join(" ");
    assert!(
        warnings.contains("spec.disableMP: deprecated, has no effect"),
        "{warnings}"
    );
    // Both rules of one object at once, of which only one is the webhook's.
    let wrong = json!({ "disableMP": true, "password": "x", "passwordSecret": { "name": "y" } });
    let answer = site.create(&peer("wrong", "198.51.100.254", wrong));
    assert_invalid(
        &answer,
        "password and passwordSecret are mutually exclusive",
    );
}

#[test]
fn a_peer_of_the_deprecated_version_is_judged_and_warned_of() {
    let Some(site) = Site::shared() else { return };
    let mut old = peer("deprecated", "198.51.100.240", json!({}));
    old["apiVersion"] = json!("metallb.io/v1beta1");
    let answer = site.create(&old);
    assert_created(&answer);
    assert_eq!(
        answer.warnings,
        ["299 - \"v1beta1 is deprecated, please use v1beta2\""]
    );
    old["metadata"]["name"] = json!("deprecated-too");
    assert_denied(&site.create(&old), "198.51.100.240 port 179 conflicts");
}
