//! `speaker_failover.go`: an address whose speaker is gone. What such a speaker has told about itself stays where its pod
//! does, so that it is told here by who answers.

use lab::until;
use serde_json::json;

use crate::families::{Families, Reach, parsed};
use crate::harness::Alone;
use crate::object::TIMEOUT;
use crate::service::Service;
use crate::tenant::Tenant;

/// Ends the speaker that announces a Service by `end`, expects another node to answer for it and clients to be served, and
/// the first to come back with its speaker.
fn the_address_moves(name: &str, end: impl Fn(&mut Tenant<Alone>, &str)) {
    let Some(mut tenant) = Tenant::alone(name) else {
        return;
    };
    tenant.pool(Reach::OnLink);
    tenant.layer2("ad", json!({}));
    for families in Families::ALL {
        let name = families.name();
        let _pods = tenant.pods(name);
        let service = tenant.service(name, families, json!({}));
        let first = tenant.until_owner(&service, |_| true);
        tenant.until_answered_by(&service, &first);
        end(&mut tenant, &first);
        until_another_answers(&tenant, &service, &first);
        tenant.until_reached(&service);
        tenant.cluster.start_speaker(&first).unwrap();
        tenant.until_answered_by(&service, &first);
        tenant.until_reached(&service);
    }
}

/// Waits until one node that is not `first` answers for all addresses of a Service, and no other does.
fn until_another_answers(tenant: &Tenant<Alone>, service: &Service, first: &str) {
    let nodes = tenant.cluster.topology.nodes.iter();
    let others: Vec<String> = nodes
        .filter(|node| node.name != first)
        .map(|node| node.mac().unwrap())
        .collect();
    let mut last = Vec::new();
    let found = until("answer of another node", TIMEOUT, || {
        last.clear();
        for address in parsed(&service.addresses()) {
            last.push(tenant.client().who_has(address)?);
        }
        let is_one = last.windows(2).all(|pair| pair[0] == pair[1]);
        let is_another =
            matches!(last.first().map(Vec::as_slice), Some([mac]) if others.contains(mac));
        Ok((is_one && is_another).then_some(()))
    });
    found.unwrap_or_else(|error| panic!("{error}: {last:?}"));
}

#[test]
fn an_address_moves_when_its_speaker_is_killed_and_comes_back_with_it() {
    the_address_moves("l2-killed", |tenant, node| {
        tenant.cluster.kill_speaker(node).unwrap();
    });
}

#[test]
fn an_address_moves_when_its_speaker_ends_and_comes_back_with_it() {
    the_address_moves("l2-ended", |tenant, node| {
        let status = tenant.cluster.stop_speaker(node).unwrap();
        assert!(status.success(), "{status}");
    });
}
