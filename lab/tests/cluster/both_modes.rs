//! A folder of manifests and an API server with the same objects make a controller decide the same.

use std::collections::BTreeMap;
use std::process::Command;

use lab::{Manifests, own_binary, until};
use serde_json::Value;

use crate::object::TIMEOUT;
use crate::tenant::Tenant;

/// What came of a Service: addresses, pool, and status, reason and message of the condition.
type Outcome = (Vec<String>, Option<String>, Vec<String>);

/// Pools of each sort, Services that ask for addresses in each way, and objects that are at fault. `NAMESPACE`, `CLASS`,
/// `V4` and `V6` stand for what is the tenant's own.
const OBJECTS: &str = include_str!("both_modes.yaml");

fn outcome(service: &Value) -> Outcome {
    let list = |pointer: &str| {
        let list = service.pointer(pointer).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ingress = list("/status/loadBalancer/ingress");
    let conditions = list("/status/conditions");
    let mut conditions = conditions
        .iter()
        .filter(|condition| condition["type"] == "ferrolb.io/AddressAssigned");
    let condition = conditions.next().map(|condition| {
        let fields = ["status", "reason", "message"];
        fields.iter().map(|field| text(&condition[field])).collect()
    });
    let pool = service.pointer("/metadata/annotations/metallb.io~1ip-allocated-from-pool");
    (
        ingress.iter().map(|entry| text(&entry["ip"])).collect(),
        pool.map(text),
        condition.unwrap_or_default(),
    )
}

/// Type, status, reason and message of each condition of a ConfigurationState; messages without the file and line that
/// only a folder has.
fn conditions(state: &Value) -> Vec<[String; 4]> {
    let conditions = state
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    let fields = ["type", "status", "reason", "message"];
    let condition = |condition: &Value| {
        fields.map(|field| {
            let text = condition[field].as_str().unwrap_or_default();
            let lines = text.lines().map(|line| match line.find("both.yaml:") {
                Some(start) => {
                    let (before, place) = line.split_at(start);
                    let rest = place.split_once("): ").map_or(place, |(_, rest)| rest);
                    format!("{before}{rest}")
                }
                None => line.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n")
        })
    };
    conditions.into_iter().flatten().map(condition).collect()
}

/// The names of the Services in a text of manifests.
fn services(text: &str) -> Vec<String> {
    let documents = text.split("\n---\n");
    let services = documents.filter(|document| document.contains("kind: Service\n"));
    let name = |document: &str| {
        let (_, rest) = document.split_once("name: ").unwrap();
        rest.split([',', '\n', '}']).next().unwrap().to_owned()
    };
    services.map(name).collect()
}

#[test]
fn a_folder_and_an_api_server_with_the_same_objects_give_the_same_results() {
    let Some(mut tenant) = Tenant::prepare("both-modes") else {
        return;
    };
    let text = OBJECTS
        .replace("NAMESPACE", &tenant.namespace)
        .replace("CLASS", &tenant.run.lb_class)
        .replace("V4.", &tenant.v4(""))
        .replace("V6::", &tenant.v6("0"));
    let names = services(&text);
    assert!(names.len() > 9, "{names:?}");
    tenant.apply(&text);
    tenant.start_controller();

    let path = tenant.plane.folder().join("both-modes");
    let folder = Manifests::create(path.clone()).unwrap();
    folder.write("both.yaml", &text).unwrap();
    let mut command = Command::new(own_binary("controller").unwrap());
    command
        .arg("--source")
        .arg(format!("dir:{}", path.display()))
        .args(["--namespace", &tenant.namespace])
        .args(["--lb-class", &tenant.run.lb_class])
        .args(&tenant.run.flags);
    let _controller = tenant.plane.spawn("both-modes-folder", command).unwrap();

    let state = tenant.object("metallb.io/v1beta1", "ConfigurationState", "controller");
    let in_api = || {
        let outcomes = names.iter().map(|name| {
            let service = tenant.service(name).get().unwrap_or_default();
            (name.clone(), outcome(&service))
        });
        let outcomes: BTreeMap<_, _> = outcomes.collect();
        (outcomes, conditions(&state.get().unwrap_or_default()))
    };
    let in_folder = || {
        let status = |kinds, name: &str| {
            let status = folder.status(kinds, &tenant.namespace, name);
            status.unwrap().unwrap_or_default()
        };
        let outcomes = names
            .iter()
            .map(|name| (name.clone(), outcome(&status("services", name))));
        let outcomes: BTreeMap<_, _> = outcomes.collect();
        (
            outcomes,
            conditions(&status("configurationstates", "controller")),
        )
    };
    let is_complete = |(outcomes, conditions): &(BTreeMap<String, Outcome>, Vec<[String; 4]>)| {
        outcomes
            .values()
            .all(|(_, _, condition)| !condition.is_empty())
            && !conditions.is_empty()
    };
    let mut last = None;
    let same = until("the same results", TIMEOUT, || {
        let (api, dir) = (in_api(), in_folder());
        let is_same = is_complete(&api) && api == dir;
        last = Some((api, dir));
        Ok(is_same.then_some(()))
    });
    same.unwrap_or_else(|error| panic!("{error}: {last:#?}"));
    let (outcomes, _) = in_api();
    let assigned = outcomes
        .values()
        .filter(|(addresses, ..)| !addresses.is_empty());
    let (assigned, all) = (assigned.count(), outcomes.len());
    assert!(
        assigned > 5 && assigned < all,
        "{assigned} of {all} have addresses"
    );
}
