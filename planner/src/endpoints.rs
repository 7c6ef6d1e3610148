//! What the decisions need of a Service's EndpointSlices.

use std::collections::BTreeMap;
use std::fmt;

use crate::names::NodeName;

/// One endpoint of an EndpointSlice that has at least one address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoint {
    /// `nodeName`, where known.
    pub node: Option<NodeName>,
    /// `conditions.ready`.
    pub ready: Option<bool>,
    /// `conditions.serving`.
    pub serving: Option<bool>,
}

impl Endpoint {
    /// Whether traffic may go there: ready, or not said, or still serving while it ends.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.ready.unwrap_or(true) || self.serving == Some(true)
    }
}

/// How many endpoints there are, by usability.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndpointCount {
    /// Those that take traffic.
    pub usable: usize,
    /// Those that do not.
    pub unusable: usize,
}

impl EndpointCount {
    fn add(&mut self, endpoint: &Endpoint) {
        let count = if endpoint.is_usable() {
            &mut self.usable
        } else {
            &mut self.unusable
        };
        *count = count.saturating_add(1);
    }
}

impl fmt::Display for EndpointCount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.usable, self.unusable) {
            (0, 0) => f.write_str("no endpoints"),
            (0, 1) => f.write_str("1 endpoint, not ready"),
            (0, unusable) => write!(f, "{unusable} endpoints, none ready"),
            (usable, unusable) => write!(
                f,
                "{usable} of {} endpoints ready",
                usable.saturating_add(unusable)
            ),
        }
    }
}

/// A Service's endpoints, counted by node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Endpoints {
    total: EndpointCount,
    by_node: BTreeMap<NodeName, EndpointCount>,
}

impl Endpoints {
    /// No endpoints.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            total: EndpointCount {
                usable: 0,
                unusable: 0,
            },
            by_node: BTreeMap::new(),
        }
    }

    /// All endpoints together.
    #[must_use]
    pub fn total(&self) -> EndpointCount {
        self.total
    }

    /// The endpoints on `node`.
    #[must_use]
    pub fn on(&self, node: &NodeName) -> EndpointCount {
        self.by_node.get(node).copied().unwrap_or_default()
    }

    /// Whether traffic may go to some endpoint.
    #[must_use]
    pub fn any_usable(&self) -> bool {
        self.total.usable > 0
    }

    /// The nodes with at least one usable endpoint.
    pub fn usable_nodes(&self) -> impl Iterator<Item = &NodeName> {
        self.by_node
            .iter()
            .filter(|(_, count)| count.usable > 0)
            .map(|(node, _)| node)
    }
}

impl Extend<Endpoint> for Endpoints {
    fn extend<T: IntoIterator<Item = Endpoint>>(&mut self, endpoints: T) {
        for endpoint in endpoints {
            self.total.add(&endpoint);
            if let Some(node) = &endpoint.node {
                self.by_node.entry(node.clone()).or_default().add(&endpoint);
            }
        }
    }
}

impl FromIterator<Endpoint> for Endpoints {
    fn from_iter<T: IntoIterator<Item = Endpoint>>(endpoints: T) -> Self {
        let mut all = Self::default();
        all.extend(endpoints);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(node: &str, ready: Option<bool>, serving: Option<bool>) -> Endpoint {
        Endpoint {
            node: Some(node.into()),
            ready,
            serving,
        }
    }

    #[test]
    fn an_endpoint_is_usable_when_ready_or_not_said_or_still_serving() {
        assert!(endpoint("n", None, None).is_usable());
        assert!(endpoint("n", Some(true), Some(false)).is_usable());
        assert!(endpoint("n", Some(false), Some(true)).is_usable());
        assert!(!endpoint("n", Some(false), None).is_usable());
    }

    #[test]
    fn endpoints_are_counted_by_node_and_in_all() {
        let nowhere = Endpoint {
            node: None,
            ..Endpoint::default()
        };
        let endpoints: Endpoints = [
            endpoint("a", None, None),
            endpoint("b", Some(false), None),
            nowhere,
        ]
        .into_iter()
        .collect();
        assert_eq!(
            endpoints.total(),
            EndpointCount {
                usable: 2,
                unusable: 1
            }
        );
        assert_eq!(
            endpoints.on(&"b".into()),
            EndpointCount {
                usable: 0,
                unusable: 1
            }
        );
        assert_eq!(endpoints.on(&"c".into()), EndpointCount::default());
        assert_eq!(
            endpoints.usable_nodes().collect::<Vec<_>>(),
            [&NodeName::from("a")]
        );
    }

    #[test]
    fn a_count_is_said_in_words() {
        let said = |usable, unusable| EndpointCount { usable, unusable }.to_string();
        assert_eq!(said(0, 0), "no endpoints");
        assert_eq!(said(0, 1), "1 endpoint, not ready");
        assert_eq!(said(0, 2), "2 endpoints, none ready");
        assert_eq!(said(1, 2), "1 of 3 endpoints ready");
    }
}
