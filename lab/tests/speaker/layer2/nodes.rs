//! `node_selector.go`: which nodes may announce.

use serde_json::json;

use super::{labelled, node_named};
use crate::families::Reach;
use crate::tenant::in_each_family;

#[test]
fn only_the_node_that_is_selected_announces() {
    in_each_family("l2-one-node", |tenant, families| {
        tenant.pool(Reach::OnLink);
        let advertisement = tenant.layer2("ad", json!({}));
        let _pods = tenant.pods("web");
        let service = tenant.service("web", families, json!({}));
        for node in ["node1", "node2", "node3"] {
            advertisement.patch(json!({"spec": {"nodeSelectors": [node_named(node)]}}));
            tenant.until_owner(&service, |owner| owner == node);
            tenant.until_answered_by(&service, node);
            tenant.until_reached(&service);
        }
    });
}

#[test]
fn of_many_selectors_any_selects() {
    in_each_family("l2-many-nodes", |tenant, families| {
        tenant.pool(Reach::OnLink);
        let advertisement = tenant.layer2("ad", json!({}));
        let _pods = tenant.pods("web");
        let service = tenant.service("web", families, json!({}));
        // Whoever is chosen without selectors is not selected.
        let first = tenant.until_owner(&service, |_| true);
        let mut nodes = tenant.cluster.node_names();
        nodes.retain(|node| *node != first);
        let selectors: Vec<_> = nodes.iter().map(|node| node_named(node)).collect();
        advertisement.patch(json!({"spec": {"nodeSelectors": selectors}}));
        let owner = tenant.until_owner(&service, |owner| owner != first);
        tenant.until_answered_by(&service, &owner);
        tenant.until_reached(&service);
    });
}

#[test]
fn a_node_that_gets_the_label_later_announces_from_then_on() {
    in_each_family("l2-label-later", |tenant, families| {
        tenant.pool(Reach::OnLink);
        let label = &format!("lab.ferrolb.io/{}", tenant.name);
        tenant.layer2("ad", json!({"nodeSelectors": [labelled(label, "yes")]}));
        let node = tenant.node_object("node2");
        let _pods = tenant.pods("web");
        let service = tenant.service("web", families, json!({}));
        tenant.until_not_announced(&service);
        node.patch(json!({"metadata": {"labels": {label: "yes"}}}));
        tenant.until_owner(&service, |owner| owner == "node2");
        tenant.until_answered_by(&service, "node2");
        tenant.until_reached(&service);
        node.patch(json!({"metadata": {"labels": {label: null}}}));
        tenant.until_not_announced(&service);
    });
}
