//! A folder of manifests that the product runs from, and the status files that it writes there.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::LabError;

/// The folder of `examples/speaker-dir`: file name and content, services last.
pub const EXAMPLE: [(&str, &str); 7] = [
    (
        "nodes.yaml",
        include_str!("../../examples/speaker-dir/nodes.yaml"),
    ),
    (
        "pools.yaml",
        include_str!("../../examples/speaker-dir/pools.yaml"),
    ),
    (
        "bgp.yaml",
        include_str!("../../examples/speaker-dir/bgp.yaml"),
    ),
    (
        "layer2.yaml",
        include_str!("../../examples/speaker-dir/layer2.yaml"),
    ),
    (
        "service-web.yaml",
        include_str!("../../examples/speaker-dir/service-web.yaml"),
    ),
    (
        "service-docs.yaml",
        include_str!("../../examples/speaker-dir/service-docs.yaml"),
    ),
    (
        "service-shop.yaml",
        include_str!("../../examples/speaker-dir/service-shop.yaml"),
    ),
];

/// The namespace of FerroLB's own objects.
const SYSTEM: &str = "metallb-system";

/// A folder of manifests.
#[derive(Clone, Debug)]
pub struct Manifests {
    path: PathBuf,
}

impl Manifests {
    /// Makes an empty folder.
    ///
    /// # Errors
    /// When it exists or cannot be made.
    pub fn create(path: PathBuf) -> Result<Self, LabError> {
        fs::create_dir(&path).map_err(LabError::io(format!("making {}", path.display())))?;
        Ok(Self { path })
    }

    /// A folder that exists.
    #[must_use]
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Puts a file in place, or a new version of it, in one go.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self, file: &str, text: &str) -> Result<(), LabError> {
        // Hidden files are not read.
        let unfinished = self.path.join(format!(".{file}"));
        fs::write(&unfinished, text)
            .and_then(|()| fs::rename(&unfinished, self.path.join(file)))
            .map_err(LabError::io(format!("writing {file}")))
    }

    /// Puts those files of `examples/speaker-dir` in place whose names are meant.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write_example(&self, is_meant: impl Fn(&str) -> bool) -> Result<(), LabError> {
        let files = EXAMPLE.iter().filter(|(file, _)| is_meant(file));
        files
            .into_iter()
            .try_for_each(|(file, text)| self.write(file, text))
    }

    /// Replaces `from`, which must be there, by `to` in a file.
    ///
    /// # Errors
    /// When the file cannot be read or written, or does not contain `from`.
    pub fn edit(&self, file: &str, from: &str, to: &str) -> Result<(), LabError> {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).map_err(LabError::io(format!("reading {file}")))?;
        if !text.contains(from) {
            return Err(LabError::Unexpected(format!(
                "{file} without `{from}`:\n{text}"
            )));
        }
        self.write(file, &text.replacen(from, to, 1))
    }

    /// Takes a file away.
    ///
    /// # Errors
    /// When it is not there.
    pub fn remove(&self, file: &str) -> Result<(), LabError> {
        fs::remove_file(self.path.join(file)).map_err(LabError::io(format!("removing {file}")))
    }

    /// One object of `status/`, by the plural of its kind; `None` when there is none.
    ///
    /// # Errors
    /// When the file cannot be read or is not YAML.
    pub fn status(
        &self,
        kinds: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Option<Value>, LabError> {
        read(
            &self
                .folder_of(kinds, namespace)
                .join(format!("{name}.yaml")),
        )
    }

    /// All objects of a kind in a namespace of `status/`, by the plural of the kind.
    ///
    /// # Errors
    /// When a file cannot be read or is not YAML.
    pub fn statuses(&self, kinds: &str, namespace: &str) -> Result<Vec<Value>, LabError> {
        let folder = self.folder_of(kinds, namespace);
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(LabError::io(format!("reading {}", folder.display()))(error)),
        };
        let files = entries.flatten().map(|entry| entry.path());
        let mut files: Vec<_> = files
            .filter(|file| file.extension().is_some_and(|end| end == "yaml"))
            .collect();
        files.sort_unstable();
        // A file that has gone meanwhile is not an object any more.
        files
            .iter()
            .filter_map(|file| read(file).transpose())
            .collect()
    }

    /// The addresses that a Service has, in the order of its status; none while it waits.
    ///
    /// # Errors
    /// When the status file is not understood.
    pub fn addresses(&self, namespace: &str, service: &str) -> Result<Vec<IpAddr>, LabError> {
        let status = self
            .status("services", namespace, service)?
            .unwrap_or_default();
        let ingress = status
            .pointer("/status/loadBalancer/ingress")
            .and_then(Value::as_array);
        let texts = ingress
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.get("ip")?.as_str());
        texts
            .map(|text| {
                let not_understood = |_| LabError::Answer {
                    what: "an address of a status file",
                    text: text.to_owned(),
                };
                text.parse().map_err(not_understood)
            })
            .collect()
    }

    /// The nodes that say that they answer for a Service on the link: one, or none while it is decided.
    ///
    /// # Errors
    /// When a status file is not understood.
    pub fn layer2_nodes(&self, namespace: &str, service: &str) -> Result<Vec<String>, LabError> {
        self.nodes_of("servicel2statuses", namespace, service)
    }

    /// The nodes that say that they announce a Service by BGP.
    ///
    /// # Errors
    /// When a status file is not understood.
    pub fn bgp_nodes(&self, namespace: &str, service: &str) -> Result<Vec<String>, LabError> {
        self.nodes_of("servicebgpstatuses", namespace, service)
    }

    /// The BGPPeers that a node says have been told of a Service, by name.
    ///
    /// # Errors
    /// When a status file is not understood.
    pub fn bgp_peers(
        &self,
        namespace: &str,
        service: &str,
        node: &str,
    ) -> Result<Vec<String>, LabError> {
        let statuses = self.statuses_of("servicebgpstatuses", namespace, service)?;
        let of_node = statuses
            .iter()
            .filter(|status| text_of(status, "node") == Some(node));
        let peers = of_node
            .filter_map(|status| status.get("peers")?.as_array())
            .flatten();
        Ok(peers.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// The events that a process (`controller`, `speaker-node1`) has logged, oldest first.
    ///
    /// # Errors
    /// When a line is not JSON.
    pub fn events(&self, component: &str) -> Result<Vec<Value>, LabError> {
        let file = self
            .path
            .join("status/events")
            .join(format!("{component}.log"));
        let text = fs::read_to_string(file).unwrap_or_default();
        // A last line without an end is still being written.
        let lines = text
            .split_inclusive('\n')
            .filter(|line| line.ends_with('\n'));
        lines
            .map(|line| {
                let not_understood = |_| LabError::Answer {
                    what: "a logged event",
                    text: line.to_owned(),
                };
                serde_json::from_str(line).map_err(not_understood)
            })
            .collect()
    }

    fn nodes_of(
        &self,
        kinds: &str,
        namespace: &str,
        service: &str,
    ) -> Result<Vec<String>, LabError> {
        let statuses = self.statuses_of(kinds, namespace, service)?;
        let nodes = statuses.iter().filter_map(|status| text_of(status, "node"));
        Ok(nodes.map(str::to_owned).collect())
    }

    /// The part `status` of each object of a kind that is about a Service.
    fn statuses_of(
        &self,
        kinds: &str,
        namespace: &str,
        service: &str,
    ) -> Result<Vec<Value>, LabError> {
        let statuses = self.statuses(kinds, SYSTEM)?.into_iter();
        let mut statuses: Vec<Value> = statuses
            .filter_map(|status| status.get("status").cloned())
            .collect();
        statuses.retain(|status| {
            text_of(status, "serviceName") == Some(service)
                && text_of(status, "serviceNamespace") == Some(namespace)
        });
        Ok(statuses)
    }

    fn folder_of(&self, kinds: &str, namespace: &str) -> PathBuf {
        self.path.join("status").join(kinds).join(namespace)
    }
}

fn text_of<'a>(status: &'a Value, key: &str) -> Option<&'a str> {
    status.get(key).and_then(Value::as_str)
}

fn read(file: &Path) -> Result<Option<Value>, LabError> {
    let text = match fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(LabError::io(format!("reading {}", file.display()))(error)),
    };
    let value = serde_saphyr::from_str(&text);
    value.map(Some).map_err(|_| LabError::Answer {
        what: "a status file",
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifests() -> (tempfile::TempDir, Manifests) {
        let folder = tempfile::tempdir().unwrap();
        let manifests = Manifests::create(folder.path().join("manifests")).unwrap();
        (folder, manifests)
    }

    fn put_status(manifests: &Manifests, kinds: &str, namespace: &str, name: &str, text: &str) {
        let folder = manifests.folder_of(kinds, namespace);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }

    #[test]
    fn addresses_and_owners_are_read_from_status_files() {
        let (_folder, manifests) = manifests();
        assert!(manifests.addresses("default", "web").unwrap().is_empty());
        let service = "status:\n  loadBalancer:\n    ingress:\n    - ip: 203.0.113.1\n    - ip: 2001:db8:f::1\n";
        put_status(&manifests, "services", "default", "web", service);
        let addresses: [IpAddr; 2] =
            ["203.0.113.1", "2001:db8:f::1"].map(|text| text.parse().unwrap());
        assert_eq!(manifests.addresses("default", "web").unwrap(), addresses);
        for (name, service, node) in [("l2-a", "web", "node2"), ("l2-b", "docs", "node1")] {
            let text = format!(
                "status:\n  node: {node}\n  serviceName: {service}\n  serviceNamespace: default\n"
            );
            put_status(&manifests, "servicel2statuses", SYSTEM, name, &text);
        }
        assert_eq!(manifests.layer2_nodes("default", "web").unwrap(), ["node2"]);
    }

    #[test]
    fn an_edit_that_finds_nothing_is_an_error() {
        let (_folder, manifests) = manifests();
        manifests
            .write_example(|file| file == "pools.yaml")
            .unwrap();
        manifests
            .edit("pools.yaml", "autoAssign: false", "autoAssign: true")
            .unwrap();
        assert!(
            manifests
                .edit("pools.yaml", "autoAssign: false", "autoAssign: true")
                .is_err()
        );
    }
}
