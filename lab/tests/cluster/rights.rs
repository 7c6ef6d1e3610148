//! The rights of the shipped roles: enough for everything that the controller does, and none more.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use kube::api::Api;
use lab::until;
use serde_json::{Value, json};

use crate::harness::{manifest, own};
use crate::object::TIMEOUT;
use crate::object::apply;
use crate::tenant::Tenant;

/// Whoever applies (server-side apply) what is not there needs the right to create too, and the request is a patch.
const CREATED_BY_APPLYING: &str = "create configurationstates";

/// Of frr-k8s: the controller looks for what it cannot honour.
pub(crate) const FRR_CONFIGURATION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: frrconfigurations.frrk8s.metallb.io}
spec:
  group: frrk8s.metallb.io
  names: {kind: FRRConfiguration, plural: frrconfigurations}
  scope: Namespaced
  versions:
    - name: v1beta1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

/// What the shipped roles allow the controller, as in `patch services/status`.
fn granted() -> BTreeSet<String> {
    let mut granted = BTreeSet::new();
    let objects: Vec<Value> = serde_saphyr::from_multiple(&manifest("rbac.yaml")).unwrap();
    for object in objects {
        let rules: Vec<PolicyRule> = match object.pointer("/kind").and_then(Value::as_str).unwrap()
        {
            "ClusterRole" => {
                let role: ClusterRole = serde_json::from_value(object).unwrap();
                role.rules.unwrap_or_default()
            }
            "Role" => {
                let role: Role = serde_json::from_value(object).unwrap();
                role.rules.unwrap_or_default()
            }
            _ => continue,
        };
        for rule in rules {
            for resource in rule.resources.unwrap_or_default() {
                granted.extend(rule.verbs.iter().map(|verb| format!("{verb} {resource}")));
            }
        }
    }
    granted
}

/// A Deployment that the memberlist Secret can belong to; nothing runs it.
fn deployment() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "controller"},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "metallb"}},
            "template": {
                "metadata": {"labels": {"app": "metallb"}},
                "spec": {"containers": [{"name": "controller", "image": "none"}]},
            },
        },
    })
}

fn memberlist_flags() -> [String; 2] {
    ["--deployment=controller", "--ml-secret-name=memberlist"].map(str::to_owned)
}

#[test]
fn the_shipped_rights_are_enough_and_all_of_them_are_used() {
    // The kind of another project, which no other test shall see.
    let Some(plane) = own() else { return };
    plane.apply(FRR_CONFIGURATION, "default").unwrap();
    let mut tenant = Tenant::on(&plane, "rights");
    let audit = tenant.audit();
    tenant.run.flags.retain(|flag| flag != "--metrics-insecure");
    tenant.run.flags.extend(memberlist_flags());
    apply(&tenant.plane, &tenant.namespace, &[deployment()]);
    tenant.start_controller();
    do_everything(&tenant);

    let user = format!("system:serviceaccount:{}:controller", tenant.namespace);
    let mut unused = BTreeSet::new();
    let used = until("all rights used", TIMEOUT, || {
        let requests = audit.requests(&user)?;
        unused = granted();
        unused.retain(|right| requests.of(right) == 0 && right != CREATED_BY_APPLYING);
        Ok(unused.is_empty().then_some(()))
    });
    let refused = audit.refused(&user).unwrap();
    assert_eq!(refused.to_string(), "", "what it may not do");
    used.unwrap_or_else(|error| panic!("{error}; unused: {unused:#?}"));
}

/// All that a controller has to do with: addresses given and taken back, an event that comes again, a reservation, an
/// object that is broken, and somebody who reads the metrics.
fn do_everything(tenant: &Tenant) {
    tenant.pool("web", &[tenant.v4("0/28")]);
    tenant.apply(&format!(
        "{{apiVersion: ferrolb.io/v1alpha1, kind: IPReservation, metadata: {{name: kept}}, spec: {{addresses: [{}], \
         serviceSelector: {{matchLabels: {{app: nobody}}}}}}}}",
        tenant.v4("9")
    ));
    let service = tenant.create_service("one");
    service.until_address();
    for _ in 0..2 {
        service.patch(json!({"spec": {"type": "ClusterIP", "loadBalancerClass": null}}));
        service.until_addresses(&[]);
        let class = &tenant.run.lb_class;
        service.patch(json!({"spec": {"type": "LoadBalancer", "loadBalancerClass": class}}));
        service.until_address();
    }
    let broken = tenant.pool("wrong", &[tenant.v4("8/29")]);
    tenant
        .object("metallb.io/v1beta1", "ConfigurationState", "controller")
        .until_path("/status/result", &json!("Invalid"));
    broken.delete();
    leave_behind(tenant);
    let server = format!("https://127.0.0.1:{}", tenant.run.port);
    let token = tenant.access_of("controller").token;
    let answer = tenant.plane.get(&server, "/metrics", Some(&token));
    assert!(
        answer.is_err(),
        "the controller itself may not read metrics"
    );
}

/// What a node that is gone has left.
fn leave_behind(tenant: &Tenant) {
    let service = json!({"node": "gone", "serviceName": "one", "serviceNamespace": "default"});
    let peer = json!({"node": "gone", "peer": "one", "address": "203.0.113.1"});
    for (api_version, kind, name, status) in [
        (
            "metallb.io/v1beta1",
            "ServiceL2Status",
            "l2-one.default.gone",
            &service,
        ),
        (
            "metallb.io/v1beta1",
            "ServiceBGPStatus",
            "bgp-one.default.gone",
            &service,
        ),
        ("ferrolb.io/v1alpha1", "BGPSession", "gone.one", &peer),
    ] {
        tenant.apply(&format!(
            "{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: {name}}}, spec: {{}}}}"
        ));
        let object = tenant.object(api_version, kind, name);
        object.patch_status(json!({ "status": status }));
    }
}

#[test]
fn the_key_of_the_membership_is_made_once_and_belongs_to_the_deployment() {
    let Some(mut tenant) = Tenant::prepare("memberlist") else {
        return;
    };
    tenant.run.flags.extend(memberlist_flags());
    tenant.start_controller();
    // Whom it would belong to is not there yet.
    tenant.settle();
    let secret = tenant.object("v1", "Secret", "memberlist");
    assert_eq!(secret.get(), None);
    apply(&tenant.plane, &tenant.namespace, &[deployment()]);
    let made = secret.until("made", |secret| secret.cloned());
    let key = read_key(&tenant);
    assert!(key.len() >= 22, "{} characters", key.len());
    let owner = &made["metadata"]["ownerReferences"][0];
    assert_eq!(owner["kind"], "Deployment");
    let deployment = tenant.object("apps/v1", "Deployment", "controller");
    assert_eq!(owner["uid"], deployment.at_path("/metadata/uid"));

    tenant.stop_controller();
    tenant.start_controller();
    tenant.create_service("later");
    tenant.pool("web", &[tenant.v4("0/28")]);
    tenant.service("later").until_address();
    assert_eq!(read_key(&tenant), key);
}

fn read_key(tenant: &Tenant) -> String {
    let secrets: Api<Secret> = Api::namespaced(tenant.plane.client(), &tenant.namespace);
    let secret = tenant
        .plane
        .block_on(async move { secrets.get("memberlist").await });
    let key = secret.unwrap().data.unwrap().remove("secretkey").unwrap();
    String::from_utf8(key.0).unwrap()
}
