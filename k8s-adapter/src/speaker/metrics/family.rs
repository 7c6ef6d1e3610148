//! Metric families, one after the other.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _, MetricEncoder};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;

/// Where families are written.
pub(super) struct Families<'a>(DescriptorEncoder<'a>);

/// What the values of a family are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// They go up and down.
    Gauge,
    /// They go up. OpenMetrics has a counter's values end in `_total`. Where MetalLB's do not, the type is left open there,
    /// since the name counts more; the older text format has a counter of any name.
    Counter,
}

/// A family of which values are written.
pub(super) struct Family<'e> {
    encoder: MetricEncoder<'e>,
    form: Form,
}

/// How values are written.
#[derive(Clone, Copy)]
enum Form {
    Gauge,
    Counter,
    Open,
}

impl<'a> Families<'a> {
    pub(super) fn new(encoder: DescriptorEncoder<'a>) -> Self {
        Self(encoder)
    }

    /// Begins a family.
    pub(super) fn family<'e>(
        &'e mut self,
        name: &'e str,
        help: &str,
        kind: Kind,
    ) -> Result<Family<'e>, fmt::Error> {
        let (name, form, metric_type) = match (kind, name.strip_suffix("_total")) {
            (Kind::Gauge, _) => (name, Form::Gauge, MetricType::Gauge),
            // The encoder puts the suffix back.
            (Kind::Counter, Some(name)) => (name, Form::Counter, MetricType::Counter),
            (Kind::Counter, None) => (name, Form::Open, MetricType::Unknown),
        };
        let encoder = self.0.encode_descriptor(name, help, None, metric_type)?;
        Ok(Family { encoder, form })
    }

    /// A family with one value and no labels.
    pub(super) fn one(
        &mut self,
        name: &str,
        help: &str,
        kind: Kind,
        value: u64,
    ) -> Result<(), fmt::Error> {
        let Family { encoder, form } = self.family(name, help, kind)?;
        form.encode(value, encoder)
    }

    /// A histogram without labels.
    pub(super) fn histogram(
        &mut self,
        name: &str,
        help: &str,
        histogram: &Histogram,
    ) -> Result<(), fmt::Error> {
        let encoder = self
            .0
            .encode_descriptor(name, help, None, MetricType::Histogram)?;
        histogram.encode(encoder)
    }
}

impl Family<'_> {
    /// One value.
    pub(super) fn sample(&mut self, labels: &[(&str, &str)], value: u64) -> Result<(), fmt::Error> {
        self.form
            .encode(value, self.encoder.encode_family(&labels)?)
    }
}

impl Form {
    fn encode(self, value: u64, encoder: MetricEncoder<'_>) -> Result<(), fmt::Error> {
        match self {
            Self::Counter => ConstCounter::new(value).encode(encoder),
            Self::Gauge | Self::Open => {
                ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(encoder)
            }
        }
    }
}
