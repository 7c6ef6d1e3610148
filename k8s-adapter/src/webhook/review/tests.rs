//! What is refused, what is warned of, and what is nobody's business (compat/metallb.md 3.4, 8.4).

use std::slice::from_ref;

use kube::core::admission::AdmissionReview;
use serde_json::{Value, json};

use super::*;
use crate::translate::{Object, ObjectName, node};

const NAMESPACE: &str = "metallb-system";

/// An object of one of our kinds.
fn object(kind: &str, name: &str, spec: Value) -> Value {
    let version = if kind == "BGPPeer" {
        "v1beta2"
    } else {
        "v1beta1"
    };
    json!({
        "apiVersion": format!("metallb.io/{version}"),
        "kind": kind,
        "metadata": { "name": name, "namespace": NAMESPACE, "creationTimestamp": "2026-01-01T00:00:00Z" },
        "spec": spec,
    })
}

fn pool(name: &str, addresses: &[&str]) -> Value {
    object(
        "IPAddressPool",
        name,
        json!({ "addresses": addresses, "autoAssign": true, "avoidBuggyIPs": false }),
    )
}

fn advertisement(name: &str, spec: Value) -> Value {
    object("BGPAdvertisement", name, spec)
}

fn peer(name: &str, spec: &Value) -> Value {
    let mut all =
        json!({ "myASN": 64512, "peerASN": 64513, "peerAddress": "198.51.100.1", "peerPort": 179 });
    for (field, value) in spec.as_object().unwrap() {
        all[field] = value.clone();
    }
    object("BGPPeer", name, all)
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

/// All objects that there are, and two nodes in racks of their own.
fn present(objects: &[Value]) -> ClusterObjects {
    let mut present = ClusterObjects::default();
    for document in objects {
        let object: DynamicObject = serde_json::from_value(document.clone()).unwrap();
        let kind = kinds::kind(&object.types.as_ref().unwrap().kind).unwrap();
        kinds::put(kind, &object, &mut present).unwrap();
    }
    for name in ["a", "b"] {
        let metadata = json!({ "name": name, "labels": { "rack": name } });
        let read = serde_json::from_value(json!({ "metadata": metadata })).unwrap();
        present
            .nodes
            .insert(ObjectName::new("", name), Object::new(node(&read)));
    }
    present
}

fn ask(operation: &str, new: Option<&Value>, old: Option<&Value>, objects: &[Value]) -> Verdict {
    let about = new.or(old).unwrap();
    let text = |path: &str| about.pointer(path).unwrap().as_str().unwrap();
    let (group, version) = text("/apiVersion").split_once('/').unwrap();
    let asked = json!({
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "request": {
            "uid": "1-2-3",
            "kind": { "group": group, "version": version, "kind": text("/kind") },
            "resource": { "group": group, "version": version, "resource": "" },
            "name": text("/metadata/name"),
            "namespace": text("/metadata/namespace"),
            "operation": operation,
            "userInfo": {},
            "object": new,
            "oldObject": old,
        },
    });
    let asked: AdmissionReview<DynamicObject> = serde_json::from_value(asked).unwrap();
    let options = TranslateOptions {
        namespace: NAMESPACE.into(),
        planner: planner::snapshot::Options::default(),
    };
    let request: AdmissionRequest<DynamicObject> = asked.try_into().unwrap();
    review(
        kinds::kind(&request.kind.kind).unwrap(),
        &request,
        &present(objects),
        &options,
    )
}

fn create(new: &Value, objects: &[Value]) -> Verdict {
    ask("CREATE", Some(new), None, objects)
}

/// Changes the object to `new`; `objects` has the old one.
fn update(new: &Value, objects: &[Value]) -> Verdict {
    let id = |object: &Value| (object["kind"].clone(), object["metadata"]["name"].clone());
    let old = objects.iter().find(|object| id(object) == id(new)).unwrap();
    ask("UPDATE", Some(new), Some(old), objects)
}

#[track_caller]
fn assert_refused(verdict: &Verdict, reason: &str) {
    let refusals = verdict.refusals.join("; ");
    assert!(refusals.contains(reason), "{verdict:?}");
}

#[track_caller]
fn assert_allowed(verdict: &Verdict) {
    assert_eq!(*verdict, Verdict::default());
}

#[track_caller]
fn assert_warned(verdict: &Verdict, warning: &str) {
    assert_eq!(verdict.refusals, Vec::<String>::new());
    assert!(verdict.warnings.join("; ").contains(warning), "{verdict:?}");
}

#[test]
fn a_pool_that_overlaps_another_is_refused_whichever_is_older() {
    let old = pool("old", &["198.51.100.0/24"]);
    let mut new = pool("new", &["203.0.113.0/24", "198.51.100.128-198.51.100.140"]);
    let reason = "spec.addresses[1]: 198.51.100.128-198.51.100.140 conflicts with 198.51.100.0/24 of \
        IPAddressPool metallb-system/old";
    new["metadata"]["creationTimestamp"] = json!("2026-02-01T00:00:00Z");
    assert_refused(&create(&new, from_ref(&old)), reason);
    // Within a second, the name decides at run time who is at fault.
    let same_second = pool("a", &["198.51.100.0/30"]);
    assert_refused(
        &create(&same_second, &[old]),
        "IPAddressPool metallb-system/old would no longer be in force: spec.addresses[0]",
    );
}

#[test]
fn an_edit_that_takes_addresses_from_a_newer_pool_is_refused() {
    let (first, second) = (
        pool("a", &["198.51.100.0/25"]),
        pool("b", &["198.51.100.128/25"]),
    );
    let edited = pool("a", &["198.51.100.0/24"]);
    let objects = [first, second];
    assert_refused(
        &update(&edited, &objects),
        "IPAddressPool metallb-system/b would no longer be in force: spec.addresses[0]: 198.51.100.128/25 conflicts",
    );
    assert_allowed(&update(&pool("a", &["198.51.100.0/26"]), &objects));
}

#[test]
fn a_conflict_that_is_there_already_holds_up_neither_the_innocent_nor_others() {
    let objects = [
        pool("a", &["198.51.100.0/24"]),
        pool("b", &["198.51.100.0/25"]),
    ];
    let mut edited = pool("a", &["198.51.100.0/24"]);
    edited["spec"]["autoAssign"] = json!(false);
    assert_allowed(&update(&edited, &objects));
    assert_allowed(&create(&pool("c", &["203.0.113.0/24"]), &objects));
    let mut still_wrong = pool("b", &["198.51.100.0/26"]);
    assert_refused(
        &update(&still_wrong, &objects),
        "conflicts with 198.51.100.0/24",
    );
    // Nothing that counts has changed: somebody takes a finalizer off.
    still_wrong["spec"] = objects[1]["spec"].clone();
    still_wrong["metadata"]["finalizers"] = json!([]);
    assert_allowed(&update(&still_wrong, &objects));
}

#[test]
fn a_pool_without_sense_is_refused_without_the_definitions_rules() {
    for addresses in [
        &[][..],
        &["198.51.100.0/33"],
        &["198.51.100.9-198.51.100.1"],
        &["nonsense"],
        &["198.51.100.0/24", "198.51.100.0/25"],
    ] {
        assert_refused(&create(&pool("p", addresses), &[]), "spec.addresses");
    }
}

#[test]
fn an_aggregate_wider_than_a_pool_is_refused_and_warned_of_from_the_other_side() {
    let wide = advertisement(
        "wide",
        json!({ "aggregationLength": 24, "aggregationLengthV6": 128 }),
    );
    let (fits, narrow) = (
        pool("p", &["198.51.100.0/24"]),
        pool("p", &["198.51.100.0/28"]),
    );
    assert_refused(
        &create(&wide, from_ref(&narrow)),
        "spec.aggregationLength: /24 is wider than 198.51.100.0/28 of pool p",
    );
    assert_allowed(&create(&wide, from_ref(&fits)));
    // The advertisement may be edited next, so the pool is not refused.
    assert_warned(
        &update(&narrow, &[fits, wide]),
        "BGPAdvertisement metallb-system/wide: spec.aggregationLength: /24 is wider than",
    );
}

#[test]
fn service_selectors_with_an_aggregate_are_refused() {
    let selectors = json!([{ "matchLabels": { "app": "web" } }]);
    let spec = json!({ "aggregationLength": 24, "aggregationLengthV6": 128, "serviceSelectors": selectors });
    assert_refused(
        &create(&advertisement("a", spec), &[]),
        "spec.serviceSelectors: cannot be set together with an aggregationLength",
    );
}

#[test]
fn two_local_preferences_for_one_prefix_are_refused() {
    let with = |name: &str, preference: u32, alias: &str| {
        let spec = json!({
            "aggregationLength": 32, "aggregationLengthV6": 128, "localPref": preference, "communities": [alias],
        });
        advertisement(name, spec)
    };
    let objects = [pool("p", &["198.51.100.0/24"]), with("old", 100, "65000:1")];
    assert_refused(
        &create(&with("z", 200, "65000:2"), &objects),
        "spec.localPref: 200 conflicts with 100",
    );
    // That an alias is missing hides nothing.
    assert_refused(
        &create(&with("z", 200, "missing"), &objects),
        "spec.localPref: 200 conflicts with 100",
    );
}

#[test]
fn a_peer_without_sense_is_refused_without_the_definitions_rules() {
    for (spec, reason) in [
        (
            json!({ "peerAddress": "1.1.1.1.1" }),
            "spec.peerAddress: \"1.1.1.1.1\" is not an IP address",
        ),
        (json!({ "myASN": 0 }), "spec.myASN: must not be 0"),
        (
            json!({ "peerASN": 64512, "ebgpMultiHop": true }),
            "spec.ebgpMultiHop",
        ),
        (
            json!({ "dynamicASN": "external" }),
            "spec.dynamicASN: cannot be set together with peerASN",
        ),
        (json!({ "holdTime": "2s" }), "spec.holdTime"),
        (json!({ "routerID": "nonsense" }), "spec.routerID"),
        (
            json!({ "password": "x", "passwordSecret": { "name": "y" } }),
            "spec.passwordSecret: cannot be set together with password",
        ),
    ] {
        assert_refused(&create(&peer("p", &spec), &[]), reason);
    }
}

#[test]
fn a_second_peer_for_a_router_is_refused_where_the_two_share_a_node() {
    let on = |name: &str, rack: &str| {
        peer(
            name,
            &json!({ "nodeSelectors": [{ "matchLabels": { "rack": rack } }] }),
        )
    };
    let objects = [on("a", "a")];
    assert_refused(
        &create(&peer("z", &json!({})), &objects),
        "198.51.100.1 port 179 conflicts",
    );
    assert_refused(&create(&on("z", "a"), &objects), "spec.peerAddress");
    assert_allowed(&create(&on("z", "b"), &objects));
    assert_allowed(&create(&peer("z", &json!({ "peerPort": 1179 })), &objects));
    // That the Secret is not there yet hides nothing.
    let with_secret = |name: &str| peer(name, &json!({ "passwordSecret": { "name": "later" } }));
    assert_refused(
        &create(&with_secret("z"), &[with_secret("a")]),
        "198.51.100.1 port 179 conflicts",
    );
}

#[test]
fn a_peer_of_the_deprecated_version_is_judged_too() {
    let mut old = peer("p", &json!({ "peerAddress": "nonsense" }));
    old["apiVersion"] = json!("metallb.io/v1beta1");
    assert_refused(&create(&old, &[]), "spec.peerAddress");
    old["spec"]["peerAddress"] = json!("198.51.100.1");
    assert_allowed(&create(&old, &[]));
}

#[test]
fn communities_without_sense_or_under_a_name_that_is_taken_are_refused() {
    for value in ["99999999:1", "large:12345:12345:99999999999", "nonsense"] {
        let reason = "spec.communities[0].value";
        assert_refused(&create(&community("c", &[("alias", value)]), &[]), reason);
    }
    let good = community("c", &[("alias", "65000:1")]);
    assert_allowed(&create(&good, &[]));
    assert_refused(
        &update(&community("c", &[("alias", "1:2:3")]), from_ref(&good)),
        "spec.communities[0].value",
    );
    let twice = community("d", &[("one", "65000:1"), ("one", "65000:2")]);
    assert_refused(
        &create(&twice, &[]),
        "spec.communities[1].name: \"one\" is there twice",
    );
    let taken = community("d", &[("alias", "65000:2")]);
    assert_refused(
        &create(&taken, &[good]),
        "alias \"alias\" conflicts with alias \"alias\" of Community",
    );
}

#[test]
fn what_is_referred_to_may_come_later() {
    let spec =
        json!({ "aggregationLength": 32, "aggregationLengthV6": 128, "communities": ["later"] });
    let named = advertisement("a", spec);
    assert_warned(
        &create(&named, &[]),
        "spec.communities[0]: Community alias \"later\" does not exist; not in force",
    );
    let defined = community("c", &[("later", "65000:1")]);
    assert_allowed(&create(&named, from_ref(&defined)));
    let secret = peer("p", &json!({ "passwordSecret": { "name": "later" } }));
    assert_allowed(&create(&secret, &[]));
    // The other way round: what refers to it is told of.
    let without = community("c", &[("other", "65000:1")]);
    assert_warned(
        &update(&without, &[defined, named]),
        "BGPAdvertisement metallb-system/a: spec.communities[0]: Community alias \"later\" does not exist",
    );
}

#[test]
fn what_has_no_effect_is_warned_of_and_all_else_is_still_checked() {
    let spec = json!({ "disableMP": true });
    assert_warned(
        &create(&peer("p", &spec), &[]),
        "spec.disableMP: deprecated, has no effect",
    );
    let wrong = peer(
        "p",
        &json!({ "disableMP": true, "peerAddress": "nonsense" }),
    );
    assert_refused(&create(&wrong, &[]), "spec.peerAddress");
}

#[test]
fn what_is_not_supported_yet_is_warned_of() {
    let verdict = create(&peer("p", &json!({ "vrf": "red" })), &[]);
    assert_warned(&verdict, "spec.vrf: not supported yet: vrf; not in force");
    let wrong = peer("p", &json!({ "vrf": "red", "routerID": "nonsense" }));
    assert_refused(&create(&wrong, &[]), "spec.routerID");
}

#[test]
fn a_field_of_another_version_of_the_definitions_is_warned_of() {
    let mut newer = pool("p", &["198.51.100.0/24"]);
    newer["spec"]["fromTheFuture"] = json!(true);
    assert_warned(&create(&newer, &[]), "spec.fromTheFuture: unknown field");
}

#[test]
fn a_profile_in_use_cannot_be_deleted() {
    let profile = object("BFDProfile", "fast", json!({}));
    let users = [
        peer("a", &json!({ "bfdProfile": "fast" })),
        peer("b", &json!({ "bfdProfile": "slow" })),
    ];
    let delete = |objects: &[Value]| ask("DELETE", None, Some(&profile), objects);
    assert_refused(
        &delete(&users),
        "BFDProfile fast is used by BGPPeer a: change spec.bfdProfile there first",
    );
    assert_allowed(&delete(&users[1..]));
}

#[test]
fn objects_are_created_in_our_namespace_only() {
    let spec = json!({ "aggregationLength": 32, "aggregationLengthV6": 128 });
    for mut elsewhere in [
        pool("x", &["198.51.100.0/24"]),
        peer("x", &json!({})),
        advertisement("x", spec),
        object("L2Advertisement", "x", json!({})),
        community("x", &[]),
        object("BFDProfile", "x", json!({})),
    ] {
        elsewhere["metadata"]["namespace"] = json!("default");
        assert_refused(
            &create(&elsewhere, &[]),
            "resource must be created in metallb-system namespace",
        );
    }
}

#[test]
fn a_refusal_is_said_in_one_message_and_warnings_one_by_one() {
    let verdict = Verdict {
        refusals: vec!["one".to_owned(), "other".to_owned()],
        warnings: vec!["warning".to_owned()],
    };
    let answer = verdict.answer(AdmissionResponse::invalid(""));
    assert!(!answer.allowed);
    assert_eq!(answer.result.message, "one; other");
    assert_eq!(answer.warnings, Some(vec!["warning".to_owned()]));
}
