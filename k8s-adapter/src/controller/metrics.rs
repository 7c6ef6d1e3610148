//! The controller's metrics, under MetalLB's names (compat/metallb.md 4.1).

use std::fmt;

use ipam::PoolName;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

use super::facts::{Facts, PoolFacts};
use crate::lease::Leadership;

/// Says what the facts are at the moment of a scrape, so that nothing is said of a pool that is gone.
#[derive(Debug)]
pub(super) struct ControllerMetrics {
    facts: watch::Receiver<Facts>,
    leadership: Leadership,
}

impl ControllerMetrics {
    pub(super) fn new(facts: watch::Receiver<Facts>, leadership: Leadership) -> Self {
        Self { facts, leadership }
    }
}

impl Collector for ControllerMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let facts = self.facts.borrow().clone();
        for (name, help, value) in POOL_GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (pool, facts) in &facts.pools {
                let labels = [("pool", PoolName::as_str(pool))];
                ConstGauge::new(value(facts)).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, count) in [
            (
                "metallb_k8s_client_updates",
                "Objects decided about",
                facts.updates,
            ),
            (
                "metallb_k8s_client_update_errors",
                "Writes that failed",
                facts.update_errors,
            ),
        ] {
            let counter = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(count).encode(counter)?;
        }
        for (name, help, truth) in [
            (
                "metallb_k8s_client_config_loaded_bool",
                "1 once a configuration is in force",
                facts.config_loaded,
            ),
            (
                "metallb_k8s_client_config_stale_bool",
                "1 while some object of the configuration is not in force as it is written",
                facts.config_stale,
            ),
            (
                "ferrolb_leader",
                "1 while this replica decides",
                self.leadership.holds(),
            ),
        ] {
            let gauge = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::from(truth)).encode(gauge)?;
        }
        Ok(())
    }
}

type PoolGauge = (&'static str, &'static str, fn(&PoolFacts) -> i64);

static POOL_GAUGES: [PoolGauge; 7] = [
    (
        "metallb_allocator_addresses_total",
        "Addresses of the pool",
        |pool| capacity_ipv4(pool).saturating_add(capacity_ipv6(pool)),
    ),
    (
        "metallb_allocator_addresses_in_use_total",
        "Addresses of the pool that are in use",
        |pool| {
            pool.usage
                .assigned_ipv4
                .saturating_add(pool.usage.assigned_ipv6)
        },
    ),
    (
        "metallb_allocator_ipv4_addresses_total",
        "IPv4 addresses of the pool",
        capacity_ipv4,
    ),
    (
        "metallb_allocator_ipv6_addresses_total",
        "IPv6 addresses of the pool",
        capacity_ipv6,
    ),
    (
        "metallb_allocator_ipv4_addresses_in_use_total",
        "IPv4 addresses of the pool that are in use",
        |pool| pool.usage.assigned_ipv4,
    ),
    (
        "metallb_allocator_ipv6_addresses_in_use_total",
        "IPv6 addresses of the pool that are in use",
        |pool| pool.usage.assigned_ipv6,
    ),
    (
        "metallb_allocator_services_allocated_total",
        "Services that hold an address of the pool",
        |pool| pool.services.try_into().unwrap_or(i64::MAX),
    ),
];

fn capacity_ipv4(pool: &PoolFacts) -> i64 {
    pool.usage
        .assigned_ipv4
        .saturating_add(pool.usage.available_ipv4)
}

fn capacity_ipv6(pool: &PoolFacts) -> i64 {
    pool.usage
        .assigned_ipv6
        .saturating_add(pool.usage.available_ipv6)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use ipam::Usage;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::lease::Standing;

    fn scrape(registry: &Registry) -> Vec<String> {
        let mut text = String::new();
        encode(&mut text, registry).unwrap();
        let values = text.lines().filter(|line| !line.starts_with('#'));
        values.map(str::to_owned).collect()
    }

    fn pool() -> PoolFacts {
        let mut usage = Usage::default();
        usage.assigned_ipv4 = 3;
        usage.available_ipv4 = 7;
        usage.assigned_ipv6 = 1;
        usage.available_ipv6 = i64::MAX;
        PoolFacts { usage, services: 5 }
    }

    #[test]
    fn names_and_values_are_those_of_metallb() {
        let facts = Facts {
            pools: BTreeMap::from([("blue".into(), pool())]),
            config_loaded: true,
            updates: 12,
            update_errors: 2,
            ..Facts::default()
        };
        let (_sender, facts) = watch::channel(facts);
        let mut registry = Registry::default();
        let metrics =
            ControllerMetrics::new(facts, Leadership::of(watch::channel(Standing::Following).1));
        registry.register_collector(Box::new(metrics));
        assert_eq!(
            scrape(&registry),
            [
                "metallb_allocator_addresses_total{pool=\"blue\"} 9223372036854775807",
                "metallb_allocator_addresses_in_use_total{pool=\"blue\"} 4",
                "metallb_allocator_ipv4_addresses_total{pool=\"blue\"} 10",
                "metallb_allocator_ipv6_addresses_total{pool=\"blue\"} 9223372036854775807",
                "metallb_allocator_ipv4_addresses_in_use_total{pool=\"blue\"} 3",
                "metallb_allocator_ipv6_addresses_in_use_total{pool=\"blue\"} 1",
                "metallb_allocator_services_allocated_total{pool=\"blue\"} 5",
                "metallb_k8s_client_updates_total 12",
                "metallb_k8s_client_update_errors_total 2",
                "metallb_k8s_client_config_loaded_bool 1",
                "metallb_k8s_client_config_stale_bool 0",
                "ferrolb_leader 0",
            ]
        );
    }

    #[tokio::test]
    async fn nothing_is_said_of_a_pool_that_is_gone() {
        let (sender, facts) = watch::channel(Facts::default());
        let mut registry = Registry::default();
        let metrics = ControllerMetrics::new(facts, Leadership::always());
        registry.register_collector(Box::new(metrics));
        let mentions = |pool: &str| {
            let values = scrape(&registry);
            values.iter().filter(|line| line.contains(pool)).count()
        };
        let pools = |names: &[&str]| names.iter().map(|&name| (name.into(), pool())).collect();
        sender.send_modify(|facts| facts.pools = pools(&["blue", "green"]));
        assert_eq!((mentions("blue"), mentions("green")), (7, 7));
        sender.send_modify(|facts| facts.pools = pools(&["green"]));
        assert_eq!((mentions("blue"), mentions("green")), (0, 7));
    }
}
