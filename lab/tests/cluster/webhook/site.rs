//! A cluster whose API server calls the webhook.

use std::sync::{Arc, OnceLock};

use lab::cluster::{ControlPlane, Run};
use lab::{Process, start_guard, until};
use serde_json::{Value, json};

use crate::harness::{manifest, own, requirements_are_met};
use crate::object::{Object, TIMEOUT, create_namespace, merge};

/// The shipped manifest names this namespace.
pub(super) const NAMESPACE: &str = "metallb-system";
/// The port of the first process that serves the webhook.
pub(super) const PORT: u16 = 9443;

const CONFIGURATION: &str = "metallb-webhook-configuration";

/// A control plane with the webhook's manifest applied.
pub(super) struct Site {
    pub(super) plane: Arc<ControlPlane>,
    /// A process that serves the webhook and nothing else, if there is one.
    pub(super) server: Option<Process>,
}

/// What the API server said to a request.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The object, or why there is none.
    pub(super) body: Value,
    pub(super) warnings: Vec<String>,
}

impl Answer {
    /// Why the object was refused; empty when it was not.
    pub(super) fn refusal(&self) -> &str {
        if self.status < 300 {
            ""
        } else {
            let message = self.body.pointer("/message").and_then(Value::as_str);
            message.unwrap_or("no reason")
        }
    }
}

impl Site {
    /// The one that tests share which disturb nobody, with its webhook served; `None` where a program is missing.
    pub(super) fn shared() -> Option<Arc<Self>> {
        static SHARED: OnceLock<Arc<Site>> = OnceLock::new();
        requirements_are_met().then(|| {
            start_guard().unwrap();
            Arc::clone(SHARED.get_or_init(|| Arc::new(Self::own().unwrap())))
        })
    }

    /// One of the test's own, with its webhook served.
    pub(super) fn own() -> Option<Self> {
        let mut site = Self::without_server()?;
        site.server = Some(site.start_server("webhook", PORT));
        site.until_trusted();
        Some(site)
    }

    /// One of the test's own, on which nobody serves the webhook.
    pub(super) fn without_server() -> Option<Self> {
        let plane = own()?;
        create_namespace(&plane, NAMESPACE, json!({}));
        let account = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: controller}}";
        plane.apply(account, NAMESPACE).unwrap();
        plane.apply(&manifest("webhook.yaml"), NAMESPACE).unwrap();
        let site = Self {
            plane,
            server: None,
        };
        // There is no kube-proxy: the Service is only a name for this machine.
        let service = site.object("v1", "Service", "metallb-webhook-service");
        service.patch(json!({ "spec": {
            "type": "ExternalName", "externalName": "127.0.0.1", "clusterIP": "", "clusterIPs": null,
        } }));
        site.call_at(PORT);
        Some(site)
    }

    /// A process that serves the webhook and nothing else, with the rights that the manifest gives.
    pub(super) fn start_server(&self, name: &str, port: u16) -> Process {
        self.start_process(name, port, "onlywebhook", &[])
    }

    /// A process of some `--webhook-mode` with further flags.
    pub(super) fn start_process(
        &self,
        name: &str,
        port: u16,
        mode: &str,
        flags: &[String],
    ) -> Process {
        let own = [
            "--metrics-insecure".to_owned(),
            format!("--webhook-mode={mode}"),
            format!("--webhook-port={port}"),
        ];
        let run = Run {
            name: name.to_owned(),
            namespace: NAMESPACE.to_owned(),
            lb_class: String::new(),
            access: self.plane.access_of(NAMESPACE, "controller").unwrap(),
            // Two ports follow each other there.
            port: port * 2,
            flags: own.iter().chain(flags).cloned().collect(),
        };
        run.start(&self.plane).unwrap()
    }

    /// Has the API server call the webhook at this port.
    pub(super) fn call_at(&self, port: u16) {
        self.patch_webhooks(&json!({ "clientConfig": { "service": { "port": port } } }));
    }

    /// Changes all webhooks of the configuration alike.
    pub(super) fn patch_webhooks(&self, patch: &Value) {
        let configuration = self.configuration();
        let mut webhooks = configuration.at_path("/webhooks");
        for webhook in webhooks.as_array_mut().unwrap() {
            merge(webhook, patch.clone());
        }
        configuration.patch(json!({ "webhooks": webhooks }));
    }

    /// Has the API server convert BGPPeers by the webhook.
    pub(super) fn convert_by_webhook(&self) {
        let service = json!({
            "namespace": NAMESPACE, "name": "metallb-webhook-service", "path": "/convert", "port": PORT,
        });
        let webhook =
            json!({ "conversionReviewVersions": ["v1"], "clientConfig": { "service": service } });
        let conversion = json!({ "strategy": "Webhook", "webhook": webhook });
        self.definition()
            .patch(json!({ "spec": { "conversion": conversion } }));
    }

    /// The definition of BGPPeer.
    pub(super) fn definition(&self) -> Object {
        let kind = "CustomResourceDefinition";
        Object::of_cluster(
            &self.plane,
            "apiextensions.k8s.io/v1",
            kind,
            "bgppeers.metallb.io",
        )
    }

    /// Waits until the API server has been told whom to trust, and asks the webhook.
    pub(super) fn until_trusted(&self) {
        self.configuration().until("trusting", |configuration| {
            let webhooks = configuration?.get("webhooks")?.as_array()?;
            webhooks
                .iter()
                .all(|webhook| webhook.pointer("/clientConfig/caBundle").is_some())
                .then_some(())
        });
        let probe = json!({
            "apiVersion": "metallb.io/v1beta1", "kind": "Community",
            "metadata": { "name": "probe", "namespace": NAMESPACE },
            "spec": { "communities": [] },
        });
        let asked = until("a webhook that answers", TIMEOUT, || {
            Ok(self.dry_run(&probe).refusal().is_empty().then_some(()))
        });
        asked.unwrap();
    }

    pub(super) fn configuration(&self) -> Object {
        let api_version = "admissionregistration.k8s.io/v1";
        let kind = "ValidatingWebhookConfiguration";
        Object::of_cluster(&self.plane, api_version, kind, CONFIGURATION)
    }

    pub(super) fn object(&self, api_version: &str, kind: &str, name: &str) -> Object {
        Object::of(&self.plane, api_version, kind, NAMESPACE, name)
    }

    /// Creates an object, as `kubectl create` does.
    pub(super) fn create(&self, object: &Value) -> Answer {
        self.post(object, "")
    }

    /// Asks whether an object could be created.
    pub(super) fn dry_run(&self, object: &Value) -> Answer {
        self.post(object, "?dryRun=All")
    }

    fn post(&self, object: &Value, query: &str) -> Answer {
        let (path, _) = path_of(object);
        self.request("POST", &format!("{path}{query}"), Some(object))
    }

    /// Replaces an object, whatever its version, as `kubectl replace` does.
    pub(super) fn replace(&self, object: &Value) -> Answer {
        let (path, name) = path_of(object);
        let present = self.request("GET", &format!("{path}/{name}"), None);
        let version = present.body.pointer("/metadata/resourceVersion");
        let mut object = object.clone();
        merge(
            &mut object,
            json!({ "metadata": { "resourceVersion": version } }),
        );
        self.request("PUT", &format!("{path}/{name}"), Some(&object))
    }

    /// Deletes an object.
    pub(super) fn delete(&self, object: &Value) -> Answer {
        let (path, name) = path_of(object);
        self.request("DELETE", &format!("{path}/{name}"), None)
    }

    /// Sends one request, and takes in the warnings of the answer.
    pub(super) fn request(&self, method: &str, path: &str, body: Option<&Value>) -> Answer {
        let body = body.map(|body| serde_json::to_vec(body).unwrap());
        let request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json")
            .body(kube::client::Body::from(body.unwrap_or_default()))
            .unwrap();
        let client = self.plane.client();
        self.plane.block_on(async move {
            let answer = client.send(request).await.unwrap();
            let status = answer.status().as_u16();
            let warnings = answer.headers().get_all("warning").iter();
            let warnings = warnings
                .map(|text| text.to_str().unwrap().to_owned())
                .collect();
            let body = answer.into_body().collect_bytes().await.unwrap();
            let body = serde_json::from_slice(&body).unwrap_or_default();
            Answer {
                status,
                body,
                warnings,
            }
        })
    }
}

/// The path of the list that an object is in, and its name.
fn path_of(object: &Value) -> (String, String) {
    let text = |pointer: &str| object.pointer(pointer).unwrap().as_str().unwrap();
    let kind = text("/kind").to_lowercase();
    let plural = match kind.strip_suffix('y') {
        Some(stem) => format!("{stem}ies"),
        None => format!("{kind}s"),
    };
    let (version, namespace) = (text("/apiVersion"), text("/metadata/namespace"));
    let root = if version == "v1" { "api" } else { "apis" };
    let path = format!("/{root}/{version}/namespaces/{namespace}/{plural}");
    (path, text("/metadata/name").to_owned())
}
