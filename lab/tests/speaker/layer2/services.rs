//! `service_selector.go` and `loadbalancer_class.go`: which Services are announced.

use serde_json::{Value, json};

use super::{labelled, node_named};
use crate::families::Reach;
use crate::tenant::in_each_family;

/// A Service with a label.
fn tier(value: &str) -> Value {
    json!({"metadata": {"labels": {"tier": value}}})
}

#[test]
fn of_a_pool_only_the_services_that_are_selected_are_announced() {
    in_each_family("l2-selected", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2(
            "ad",
            json!({"serviceSelectors": [labelled("tier", "public")]}),
        );

        let _pods = [tenant.pods("public"), tenant.pods("private")];
        let private = tenant.service("private", families, tier("private"));
        let public = tenant.service("public", families, tier("public"));
        let owner = tenant.until_owner(&public, |_| true);
        tenant.until_answered_by(&public, &owner);
        tenant.until_reached(&public);
        tenant.until_not_announced(&private);
        // A label is enough.
        private.patch(tier("public"));
        tenant.until_owner(&private, |_| true);
        tenant.until_reached(&private);
    });
}

#[test]
fn a_service_of_two_advertisements_is_announced_from_one_node() {
    in_each_family("l2-two-ads", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2(
            "first",
            json!({"serviceSelectors": [labelled("tier", "public")]}),
        );
        tenant.layer2(
            "second",
            json!({"serviceSelectors": [labelled("size", "large")]}),
        );
        let _pods = tenant.pods("web");
        let labels = json!({"metadata": {"labels": {"tier": "public", "size": "large"}}});
        let service = tenant.service("web", families, labels);
        let owner = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &owner);
        tenant.until_reached(&service);
    });
}

#[test]
fn one_advertisement_has_to_select_both_the_service_and_the_node() {
    in_each_family("l2-no-ad", |tenant, families| {
        tenant.pool(Reach::OnLink);
        // The first selects the Service and no node; the second a node, and another Service.
        let nowhere = labelled("lab.ferrolb.io/nowhere", "yes");
        tenant.layer2(
            "first",
            json!({"serviceSelectors": [labelled("tier", "public")], "nodeSelectors": [nowhere]}),
        );
        tenant.layer2(
            "second",
            json!({
                "serviceSelectors": [labelled("tier", "private")],
                "nodeSelectors": [node_named("node1")],
            }),
        );
        let _pods = tenant.pods("web");
        let service = tenant.service("web", families, tier("public"));
        tenant.until_not_announced(&service);
        service.patch(tier("private"));
        tenant.until_owner(&service, |owner| owner == "node1");
    });
}

#[test]
fn of_many_selectors_for_services_any_selects() {
    in_each_family("l2-any", |tenant, families| {
        tenant.pool(Reach::OnLink);
        let selectors = ["gold", "silver"].map(|value| labelled("tier", value));
        tenant.layer2("ad", json!({"serviceSelectors": selectors}));
        for value in ["bronze", "gold", "silver"] {
            let _pods = tenant.pods(value);
            let service = tenant.service(value, families, tier(value));
            if value == "bronze" {
                tenant.until_not_announced(&service);
            } else {
                tenant.until_owner(&service, |_| true);
                tenant.until_reached(&service);
            }
        }
    });
}

#[test]
fn a_service_of_some_class_gets_no_address_and_is_not_announced() {
    in_each_family("l2-class", |tenant, families| {
        tenant.pool(Reach::OnLink);
        tenant.layer2("ad", json!({}));
        let class = json!({"spec": {"loadBalancerClass": "lab.ferrolb.io/other"}});
        let classed = tenant.service_without_address("other", families, class);
        let plain = tenant.service("web", families, json!({}));
        let _pods = tenant.pods("web");
        tenant.until_owner(&plain, |_| true);
        assert!(classed.addresses().is_empty());
        assert!(tenant.layer2_nodes(&classed).is_empty());
    });
}
