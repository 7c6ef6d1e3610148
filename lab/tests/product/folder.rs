//! A folder with something wrong in it.

use lab::until;

use crate::sessions::Sessions;
use crate::stage::{Stage, TIMEOUT};

const BROKEN: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: broken
  namespace: metallb-system
spec:
  addresses:
    - 203.0.113.300/32
---
kind: [
";

#[test]
fn a_broken_file_is_reported_by_file_object_and_field_and_everything_else_goes_on() {
    let Some(mut stage) = Stage::start() else {
        return;
    };
    stage.wait_until_announced("web");
    let sessions = Sessions::of(&stage.routers());
    stage.manifests.write("broken.yaml", BROKEN).unwrap();
    for component in ["controller", "speaker-node1", "speaker-node3"] {
        let errors = until(&format!("report of {component}"), TIMEOUT, || {
            Ok(Some(stage.errors(component)).filter(|errors| !errors.is_empty()))
        })
        .unwrap();
        for word in [
            "broken.yaml",
            "IPAddressPool broken",
            "spec.addresses[0]",
            "203.0.113.300",
        ] {
            assert!(
                errors.contains(word),
                "{component} does not name {word}: {errors}"
            );
        }
    }
    // New objects are still served, and old ones have not moved.
    let web = stage.addresses("web");
    stage
        .manifests
        .write_example(|file| file == "service-docs.yaml")
        .unwrap();
    stage.wait_until_announced("docs");
    assert_eq!(stage.addresses("web"), web);
    stage.expect_routes(&["docs", "web"]);
    sessions.expect_same(&stage.routers());
    stage.product.expect_running().unwrap();
    stage.manifests.remove("broken.yaml").unwrap();
    until("the end of the report", TIMEOUT, || {
        let errors = stage.errors("controller");
        Ok((!errors.contains("broken")).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error}: {}", stage.errors("controller")));
}

#[test]
fn the_last_good_version_of_an_object_stays_in_force() {
    let Some(stage) = Stage::start() else { return };
    stage.wait_until_announced("web");
    stage
        .manifests
        .edit("bgp.yaml", "- 64500:100", "- 64500:70000")
        .unwrap();
    until("report of the speaker", TIMEOUT, || {
        Ok(stage
            .errors("speaker-node1")
            .contains("70000")
            .then_some(()))
    })
    .unwrap();
    stage.expect_routes(&["web"]);
    stage
        .manifests
        .edit("bgp.yaml", "- 64500:70000", "- 64500:200")
        .unwrap();
    stage.wait_for_community("64500:200");
}
