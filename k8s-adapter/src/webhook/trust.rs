//! Where an API server is told which authorities to trust, and what has to be written there. No I/O.

use k8s_openapi::ByteString;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use serde_json::{Value, json};

/// The Service through which the API server reaches the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebhookService {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl WebhookService {
    /// The name that the API server expects in the certificate.
    pub(super) fn dns_name(&self) -> String {
        format!("{}.{}.svc", self.name, self.namespace)
    }

    fn is(&self, namespace: &str, name: &str) -> bool {
        self.namespace == namespace && self.name == name
    }
}

/// The strategic merge patch after which all webhooks of `configuration` that are behind the Service trust
/// `authorities`; `None` where they do.
pub(super) fn of_webhooks(
    configuration: &ValidatingWebhookConfiguration,
    service: &WebhookService,
    authorities: &ByteString,
) -> Option<Value> {
    let webhooks = configuration.webhooks.iter().flatten();
    let stale = webhooks.filter(|webhook| {
        let client = &webhook.client_config;
        let target = client.service.as_ref();
        target.is_some_and(|target| service.is(&target.namespace, &target.name))
            && client.ca_bundle.as_ref() != Some(authorities)
    });
    let stale: Vec<Value> = stale
        .map(|webhook| json!({ "name": webhook.name, "clientConfig": { "caBundle": authorities } }))
        .collect();
    let version = &configuration.metadata.resource_version;
    (!stale.is_empty())
        .then(|| json!({ "metadata": { "resourceVersion": version }, "webhooks": stale }))
}

/// The merge patch after which the conversion of `definition`, if it is behind the Service, trusts `authorities`;
/// `None` where it does, or is elsewhere.
pub(super) fn of_conversion(
    definition: &CustomResourceDefinition,
    service: &WebhookService,
    authorities: &ByteString,
) -> Option<Value> {
    let conversion = definition.spec.conversion.as_ref()?;
    let client = conversion.webhook.as_ref()?.client_config.as_ref()?;
    let target = client.service.as_ref()?;
    if !service.is(&target.namespace, &target.name)
        || client.ca_bundle.as_ref() == Some(authorities)
    {
        return None;
    }
    let version = &definition.metadata.resource_version;
    let client = json!({ "clientConfig": { "caBundle": authorities } });
    Some(json!({
        "metadata": { "resourceVersion": version },
        "spec": { "conversion": { "webhook": client } },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service() -> WebhookService {
        WebhookService {
            namespace: "metallb-system".to_owned(),
            name: "metallb-webhook-service".to_owned(),
        }
    }

    fn authorities() -> ByteString {
        ByteString(b"newest".to_vec())
    }

    fn webhook(name: &str, service: &str, bundle: Option<&ByteString>) -> Value {
        json!({
            "name": name,
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "clientConfig": {
                "caBundle": bundle,
                "service": { "namespace": "metallb-system", "name": service },
            },
        })
    }

    #[test]
    fn only_webhooks_behind_the_service_that_lack_the_authorities_are_patched() {
        let configuration = json!({
            "metadata": { "name": "metallb-webhook-configuration", "resourceVersion": "7" },
            "webhooks": [
                webhook("lacks.metallb.io", "metallb-webhook-service", None),
                webhook("has.metallb.io", "metallb-webhook-service", Some(&authorities())),
                webhook("old.metallb.io", "metallb-webhook-service", Some(&ByteString(b"old".to_vec()))),
                webhook("elsewhere.metallb.io", "other", None),
            ],
        });
        let configuration = serde_json::from_value(configuration).unwrap();
        let client = json!({ "caBundle": "bmV3ZXN0" });
        assert_eq!(
            of_webhooks(&configuration, &service(), &authorities()),
            Some(json!({
                "metadata": { "resourceVersion": "7" },
                "webhooks": [
                    { "name": "lacks.metallb.io", "clientConfig": client },
                    { "name": "old.metallb.io", "clientConfig": client },
                ],
            }))
        );
    }

    #[test]
    fn webhooks_that_trust_the_authorities_are_left_alone() {
        let webhooks = [webhook(
            "has.metallb.io",
            "metallb-webhook-service",
            Some(&authorities()),
        )];
        let configuration = json!({ "metadata": {}, "webhooks": webhooks });
        let configuration = serde_json::from_value(configuration).unwrap();
        assert_eq!(
            of_webhooks(&configuration, &service(), &authorities()),
            None
        );
    }

    fn definition(conversion: Value) -> CustomResourceDefinition {
        let definition = json!({
            "metadata": { "resourceVersion": "7" },
            "spec": {
                "group": "metallb.io", "scope": "Namespaced", "versions": [],
                "names": { "kind": "BGPPeer", "plural": "bgppeers" },
                "conversion": conversion,
            },
        });
        serde_json::from_value(definition).unwrap()
    }

    #[test]
    fn a_conversion_behind_the_service_is_patched_and_no_other() {
        let behind = |name: &str, bundle: Option<&ByteString>| {
            let target = json!({ "namespace": "metallb-system", "name": name });
            let client = json!({ "service": target, "caBundle": bundle });
            let webhook = json!({ "clientConfig": client, "conversionReviewVersions": ["v1"] });
            let definition = definition(json!({ "strategy": "Webhook", "webhook": webhook }));
            of_conversion(&definition, &service(), &authorities())
        };
        let client = json!({ "clientConfig": { "caBundle": "bmV3ZXN0" } });
        assert_eq!(
            behind("metallb-webhook-service", None),
            Some(json!({
                "metadata": { "resourceVersion": "7" },
                "spec": { "conversion": { "webhook": client } },
            }))
        );
        assert_eq!(
            behind("metallb-webhook-service", Some(&authorities())),
            None
        );
        assert_eq!(behind("other", None), None);
        let without = definition(json!({ "strategy": "None" }));
        assert_eq!(of_conversion(&without, &service(), &authorities()), None);
    }
}
