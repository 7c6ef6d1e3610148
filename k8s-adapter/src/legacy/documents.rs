//! What `ferrolb convert` reads: manifests with what can be converted in them, or the ConfigMap's text alone.

use std::fmt;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use planner::snapshot::Options;
use serde_json::Value;
use serde_saphyr::UserMessageFormatter;

use super::address_pool::AddressPoolObject;
use super::convert::Converter;
use super::keys::key_of;
use super::{AddressPool, ConfigObject, ConvertedObject, Fault, LegacyConfig};
use crate::crd;
use crate::translate::{
    ClusterObjects, ErrorEffect, ObjectName, Reason, TranslateOptions, snapshot,
};

/// What manifests are converted to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Documents {
    /// The objects. While there is a fault, they are not what they should be.
    pub objects: Vec<ConfigObject>,
    /// What cannot be converted, and what one should know.
    pub findings: Vec<Finding>,
}

/// Something to say about what is converted; written `ConfigMap metallb-system/config: peers[0].my-asn: REASON`.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The object, such as `ConfigMap metallb-system/config`; empty if it is all of the text.
    pub subject: String,
    /// What is wrong with which key.
    pub fault: Fault,
}

impl Finding {
    /// Whether something cannot be converted. Else it is only worth knowing.
    #[must_use]
    pub fn is_fault(&self) -> bool {
        self.fault.effect != ErrorEffect::Warning
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.subject.is_empty() {
            write!(f, "{}: ", self.subject)?;
        }
        write!(f, "{}", self.fault)
    }
}

/// Converts the text of a ConfigMap's key `config`, to objects in `namespace`.
#[must_use]
pub fn convert_data(text: &str, namespace: &str) -> Documents {
    let mut reading = Reading::new(namespace);
    reading.config(String::new(), text);
    reading.finish()
}

/// Converts the ConfigMap and the AddressPools in a text of manifests, to objects in their namespace, which is
/// `namespace` where they name none.
#[must_use]
pub fn convert_manifests(text: &str, namespace: &str) -> Documents {
    let mut reading = Reading::new(namespace);
    let options = serde_saphyr::options! { with_snippet: false };
    match serde_saphyr::from_multiple_with_options::<Value>(text, options) {
        Ok(documents) => {
            for document in documents {
                reading.document(document);
            }
        }
        Err(error) => {
            let error = error.without_snippet();
            let detail = error.render_with_formatter(&UserMessageFormatter);
            reading.say("", Fault::new("", Reason::Unreadable(detail)));
        }
    }
    reading.finish()
}

/// What has been read.
struct Reading<'a> {
    default_namespace: &'a str,
    /// Where the first thing to convert is, and so are all objects.
    namespace: Option<String>,
    config: Option<(String, LegacyConfig)>,
    pools: Vec<(String, AddressPool)>,
    findings: Vec<Finding>,
}

impl<'a> Reading<'a> {
    fn new(default_namespace: &'a str) -> Self {
        Self {
            default_namespace,
            namespace: None,
            config: None,
            pools: Vec::new(),
            findings: Vec::new(),
        }
    }

    fn say(&mut self, subject: impl Into<String>, fault: Fault) {
        let subject = subject.into();
        self.findings.push(Finding { subject, fault });
    }

    /// One object, or a list of objects.
    fn document(&mut self, mut document: Value) {
        if let Some(items) = document.get_mut("items").and_then(Value::as_array_mut) {
            for item in std::mem::take(items) {
                self.document(item);
            }
            return;
        }
        let text = |path| {
            let text = document.pointer(path).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let (Some(api_version), Some(kind)) = (text("/apiVersion"), text("/kind")) else {
            if !document.is_null() {
                self.say("", Fault::new("", Reason::Unreadable(NO_OBJECT.to_owned())));
            }
            return;
        };
        let namespace = text("/metadata/namespace");
        let namespace = namespace.unwrap_or_else(|| self.default_namespace.to_owned());
        let name = ObjectName::new(
            namespace.as_str(),
            text("/metadata/name").unwrap_or_default(),
        );
        let subject = format!("{kind} {name}");
        let group = api_version.split('/').next().unwrap_or_default();
        let config = document.pointer("/data/config").and_then(Value::as_str);
        match (group, kind.as_str(), config) {
            ("v1", "ConfigMap", Some(config)) => {
                self.place(&subject, namespace);
                self.config(subject, config);
            }
            (crd::GROUP, "AddressPool", _) => {
                self.place(&subject, namespace);
                self.address_pool(subject, document);
            }
            ("frrk8s.metallb.io", "FRRConfiguration", _) => {
                let raw = document.pointer("/spec/raw").filter(|raw| !raw.is_null());
                let reason = match raw {
                    Some(_) => Reason::RawFrrConfiguration,
                    None => Reason::FrrConfiguration,
                };
                self.say(subject, Fault::warning("", reason));
            }
            _ => {
                let reason = Reason::Invalid(NOT_CONVERTED.to_owned());
                self.say(subject, Fault::warning("", reason));
            }
        }
    }

    /// Everything to convert is in one namespace.
    fn place(&mut self, subject: &str, namespace: String) {
        let all = self.namespace.get_or_insert_with(|| namespace.clone());
        if *all != namespace {
            let expected = all.as_str().into();
            let fault = Fault::new("metadata.namespace", Reason::WrongNamespace { expected });
            self.say(subject, fault);
        }
    }

    fn config(&mut self, subject: String, text: &str) {
        if let Some((first, _)) = &self.config {
            let detail = format!("{first} has it too: convert one at a time");
            self.say(subject, Fault::new("data.config", Reason::Invalid(detail)));
            return;
        }
        match LegacyConfig::parse(text) {
            Ok(config) => self.config = Some((subject, config)),
            Err(faults) => {
                for fault in faults {
                    self.say(subject.as_str(), fault);
                }
                self.config = Some((subject, LegacyConfig::default()));
            }
        }
    }

    fn address_pool(&mut self, subject: String, document: Value) {
        match serde_path_to_error::deserialize::<_, AddressPoolObject>(document) {
            Ok(object) => self.pools.push((subject, object.into_entry())),
            Err(error) => {
                let fault = Fault::new(
                    error.path().to_string(),
                    Reason::Invalid(error.inner().to_string()),
                );
                self.say(subject, fault);
            }
        }
    }

    fn finish(mut self) -> Documents {
        let namespace = self.namespace.as_deref().unwrap_or(self.default_namespace);
        let namespace: Arc<str> = namespace.into();
        let mut converter = Converter::new(ObjectMeta {
            namespace: Some(namespace.to_string()),
            ..ObjectMeta::default()
        });
        if self.config.is_none() && self.pools.is_empty() && !self.has_fault() {
            self.say("", Fault::new("", Reason::Unreadable(NOTHING.to_owned())));
        }
        let config = self.config.take();
        let config = config.map(|(subject, config)| (subject, converter.config(&config)));
        let pools = std::mem::take(&mut self.pools).into_iter();
        let pools = pools.map(|(subject, pool)| (subject, converter.pool(&pool)));
        let mut objects = Vec::new();
        for (subject, converted) in config.into_iter().chain(pools) {
            for fault in converted.faults {
                self.say(subject.as_str(), fault);
            }
            let made = converted.objects.into_iter();
            objects.extend(made.map(|object| (subject.clone(), object)));
        }
        self.check(&objects, namespace);
        Documents {
            objects: objects
                .into_iter()
                .map(|(_, converted)| converted.object)
                .collect(),
            findings: self.findings,
        }
    }

    fn has_fault(&self) -> bool {
        self.findings.iter().any(Finding::is_fault)
    }

    /// Finds what is wrong with the objects themselves, as controller and speakers would.
    fn check(&mut self, made: &[(String, ConvertedObject)], namespace: Arc<str>) {
        let mut objects = ClusterObjects::default();
        for (_, converted) in made {
            converted.object.settle(&mut objects, None);
        }
        let options = TranslateOptions {
            namespace,
            planner: Options::default(),
        };
        for error in snapshot(&objects, &options).1 {
            let id = error.object.as_ref();
            let of_it = made
                .iter()
                .find(|(_, converted)| Some(&converted.object.id()) == id);
            let Some((subject, ConvertedObject { object, key })) = of_it else {
                continue;
            };
            // What is not there yet is no fault of who asks for it.
            let effect = match error.reason {
                Reason::NotSupportedYet { .. } => ErrorEffect::Warning,
                _ => error.effect,
            };
            let fault = Fault {
                key: key_of(object, key, &error.field),
                reason: error.reason,
                effect,
            };
            self.say(subject.as_str(), fault);
        }
    }
}

const NO_OBJECT: &str = "no object: apiVersion and kind must be set; the text of a ConfigMap's key config alone is \
                         read with --only-data";
const NOTHING: &str =
    "nothing to convert: there is no ConfigMap with a key config and no AddressPool";
const NOT_CONVERTED: &str =
    "not converted: neither a ConfigMap with a key config nor an AddressPool";
