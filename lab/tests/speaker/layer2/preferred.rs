//! `preferred_node.go`: of the nodes that may announce, those that an advertisement prefers come first.

use std::ops::Deref;

use lab::cluster::{Cluster, Pod};
use serde_json::{Value, json};

use super::{labelled, network_unavailable, node_named};
use crate::families::{Families, Reach};
use crate::harness::Shared;
use crate::object::Object;
use crate::service::Service;
use crate::tenant::{self, Tenant};

/// A Service with pods on all nodes, and who announces it as long as nobody is preferred.
struct Stage<'a, G> {
    tenant: &'a Tenant<G>,
    advertisement: Object,
    service: Service,
    owner: String,
    others: [String; 2],
    _pods: Vec<Pod>,
}

impl<'a, G: Deref<Target = Cluster>> Stage<'a, G> {
    /// One of a name that no other Service and no other advertisement of the tenant has.
    fn new(tenant: &'a Tenant<G>, name: &str, families: Families) -> Self {
        let advertisement = tenant.layer2(name, json!({}));
        let _pods = tenant.pods(name);
        let service = tenant.service(name, families, json!({}));
        let owner = tenant.until_owner(&service, |_| true);
        let mut others = tenant.cluster.node_names();
        others.retain(|node| *node != owner);
        Self {
            tenant,
            advertisement,
            service,
            owner,
            others: others.try_into().unwrap(),
            _pods,
        }
    }

    /// Prefers these nodes, by weight and selector.
    fn prefer(&self, entries: &[(u32, Value)]) {
        let entries = preferences(entries);
        self.advertisement
            .patch(json!({"spec": {"preferredNodeSelectors": entries}}));
    }

    /// Lets only these nodes announce.
    fn select(&self, nodes: [&str; 2]) {
        let selectors = nodes.map(node_named);
        self.advertisement
            .patch(json!({"spec": {"nodeSelectors": selectors}}));
    }

    fn until_at(&self, node: &str) {
        self.tenant
            .until_owner(&self.service, |owner| owner == node);
        self.tenant.until_answered_by(&self.service, node);
        self.tenant.until_reached(&self.service);
    }
}

fn preferences(entries: &[(u32, Value)]) -> Vec<Value> {
    let entries = entries.iter();
    entries
        .map(|(weight, selector)| json!({"weight": weight, "preference": selector}))
        .collect()
}

fn in_each_family(name: &str, test: impl Fn(&Stage<'_, Shared>) + Sync) {
    tenant::in_each_family(name, |tenant, families| {
        tenant.pool(Reach::OnLink);
        test(&Stage::new(tenant, "web", families));
    });
}

#[test]
fn a_node_with_the_preferred_label_announces_until_it_loses_the_label() {
    in_each_family("l2-prefer", |stage| {
        let label = &format!("lab.ferrolb.io/{}", stage.tenant.name);
        stage.prefer(&[(10, labelled(label, "yes"))]);
        let node = stage.tenant.node_object(&stage.others[0]);
        node.patch(json!({"metadata": {"labels": {label: "yes"}}}));
        stage.until_at(&stage.others[0]);
        node.patch(json!({"metadata": {"labels": {label: null}}}));
        stage.until_at(&stage.owner);
    });
}

#[test]
fn a_preference_that_no_node_matches_changes_nothing() {
    in_each_family("l2-prefer-none", |stage| {
        stage.prefer(&[(10, node_named(&stage.others[0]))]);
        stage.until_at(&stage.others[0]);
        stage.prefer(&[(10, labelled("lab.ferrolb.io/nowhere", "yes"))]);
        stage.until_at(&stage.owner);
    });
}

#[test]
fn another_node_takes_over_while_the_preferred_one_is_unavailable() {
    let Some(tenant) = Tenant::alone("l2-prefer-back") else {
        return;
    };
    tenant.pool(Reach::OnLink);
    for families in Families::ALL {
        let stage = Stage::new(&tenant, families.name(), families);
        let preferred = &stage.others[0];
        stage.prefer(&[(10, node_named(preferred))]);
        stage.until_at(preferred);
        let node = tenant.node_object(preferred);
        node.patch_status(network_unavailable("True"));
        stage.until_at(&stage.owner);
        node.patch_status(network_unavailable("False"));
        stage.until_at(preferred);
        stage.advertisement.delete();
    }
}

#[test]
fn an_address_follows_the_preference_as_it_changes() {
    in_each_family("l2-prefer-edit", |stage| {
        for node in [&stage.others[0], &stage.others[1], &stage.owner] {
            stage.prefer(&[(10, node_named(node))]);
            stage.until_at(node);
        }
    });
}

#[test]
fn a_node_that_is_preferred_and_not_selected_does_not_announce() {
    in_each_family("l2-prefer-hard", |stage| {
        let [preferred, other] = &stage.others;
        // Of the preferred ones one is selected, of the selected ones one is preferred.
        stage.select([&stage.owner, other]);
        stage.prefer(&[(100, node_named(preferred)), (1, node_named(other))]);
        stage.until_at(other);
    });
}

#[test]
fn where_no_selected_node_is_preferred_the_choice_is_as_without_preference() {
    in_each_family("l2-prefer-apart", |stage| {
        let [preferred, other] = &stage.others;
        stage.prefer(&[(100, node_named(preferred))]);
        stage.until_at(preferred);
        stage.select([&stage.owner, other]);
        stage.until_at(&stage.owner);
    });
}

#[test]
fn the_weights_of_all_preferences_that_match_add_up() {
    in_each_family("l2-prefer-sum", |stage| {
        let [first, second] = &stage.others;
        let both = json!({"matchExpressions": [
            {"key": "kubernetes.io/hostname", "operator": "In", "values": [first, second]},
        ]});
        stage.prefer(&[(60, node_named(first)), (50, both.clone())]);
        stage.until_at(first);
        stage.prefer(&[
            (60, node_named(&stage.owner)),
            (50, both),
            (20, node_named(second)),
        ]);
        stage.until_at(second);
    });
}

#[test]
fn a_preference_is_for_the_services_that_its_advertisement_selects() {
    in_each_family("l2-prefer-some", |stage| {
        let preferred = &stage.others[0];
        stage.tenant.layer2(
            "second",
            json!({
                "serviceSelectors": [labelled("tier", "public")],
                "preferredNodeSelectors": preferences(&[(10, node_named(preferred))]),
            }),
        );
        let tier = |value| json!({"metadata": {"labels": {"tier": value}}});
        stage.service.patch(tier("public"));
        stage.until_at(preferred);
        stage.service.patch(tier("private"));
        stage.until_at(&stage.owner);
    });
}
