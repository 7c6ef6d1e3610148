//! The API server that the tests share, and what is written to it.

use std::fs;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use lab::cluster::ControlPlane;
use lab::{Requirement, requires, start_guard};
use serde_json::json;

/// Whether there is everything that a cluster test needs; if not, the test is to return at once.
pub(crate) fn requirements_are_met() -> bool {
    requires(&[
        Requirement::Root,
        Requirement::Program("ip"),
        Requirement::Binary("controller"),
        Requirement::ControlPlane,
    ])
}

/// The server of all tests of this process, started by the first that asks for it. Since nothing drops it, a guard ends
/// it after the process.
pub(crate) fn shared() -> Arc<ControlPlane> {
    static SHARED: OnceLock<Result<Arc<ControlPlane>, String>> = OnceLock::new();
    let start = || {
        start_guard().map_err(|error| error.to_string())?;
        start().map_err(|error| format!("{error:?}"))
    };
    match SHARED.get_or_init(start) {
        Ok(plane) => Arc::clone(plane),
        Err(error) => panic!("no control plane: {error}"),
    }
}

/// A server of a test's own, to be killed or stopped; `None` where a program is missing.
pub(crate) fn own() -> Option<Arc<ControlPlane>> {
    requirements_are_met().then(|| start().unwrap())
}

/// Starts a server that knows the product's kinds.
fn start() -> Result<Arc<ControlPlane>, lab::LabError> {
    let plane = ControlPlane::start("api")?;
    plane.apply(&manifest("crds.yaml"), "default")?;
    Ok(Arc::new(plane))
}

/// The text of one of the shipped manifests.
pub(crate) fn manifest(file: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/manifests");
    fs::read_to_string(folder.join(file)).unwrap()
}

/// Tests of the server itself, which need no controller.
mod tests {
    use std::time::Instant;

    use kube::api::{Api, ListParams};

    use super::*;
    use crate::object::{Object, apply, create_namespace};

    fn config_map(plane: &Arc<ControlPlane>) -> Object {
        apply(
            plane,
            "default",
            &[
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "kept"}, "data": {"a": "b"}}),
            ],
        );
        Object::of(plane, "v1", "ConfigMap", "default", "kept")
    }

    #[test]
    fn the_api_server_keeps_its_objects_over_a_kill() {
        let Some(plane) = own() else { return };
        let kept = config_map(&plane);
        plane.kill_api_server().unwrap();
        assert!(kept.try_patch(json!({"data": {"a": "c"}})).is_err());
        let start = Instant::now();
        plane.start_api_server().unwrap();
        assert_eq!(kept.at_path("/data/a"), "b", "after {:?}", start.elapsed());
    }

    #[test]
    fn the_controller_manager_lets_a_deleted_namespace_go() {
        let Some(plane) = own() else { return };
        plane.start_controller_manager().unwrap();
        create_namespace(&plane, "leaving", json!({}));
        Object::of_cluster(&plane, "v1", "Namespace", "leaving").delete();
    }

    #[test]
    fn an_account_may_do_only_what_its_role_says_and_is_counted() {
        if !requirements_are_met() {
            return;
        }
        let plane = shared();
        create_namespace(&plane, "account", json!({}));
        plane
            .apply(include_str!("account.yaml"), "account")
            .unwrap();
        let access = plane.access_of("account", "reader").unwrap();
        let audit = lab::cluster::Audit::from_now(&plane);
        let (nodes, services) = plane.block_on(async move {
            let client = access.client().await.unwrap();
            let nodes: Api<k8s_openapi::api::core::v1::Node> = Api::all(client.clone());
            let services: Api<k8s_openapi::api::core::v1::Service> = Api::all(client);
            let list = ListParams::default();
            (nodes.list(&list).await, services.list(&list).await)
        });
        assert!(nodes.is_ok());
        assert!(matches!(services, Err(kube::Error::Api(status)) if status.code == 403));
        let requests = audit
            .requests("system:serviceaccount:account:reader")
            .unwrap();
        assert_eq!((requests.of("list nodes"), requests.total()), (1, 2));
    }
}
