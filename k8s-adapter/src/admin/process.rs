//! What the system says about the process, under the names that Prometheus' own clients use.

use std::fmt;
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// CPU time, memory and open files, read anew for each scrape.
#[derive(Debug)]
pub struct ProcessMetrics {
    started: Duration,
}

impl ProcessMetrics {
    /// To be made when the process begins, which it reports too.
    #[must_use]
    pub fn new() -> Self {
        let started = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            started: started.unwrap_or_default(),
        }
    }
}

impl Default for ProcessMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// What cannot be read is left out.
impl Collector for ProcessMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        if let Some(seconds) = cpu_seconds() {
            let counter = ConstCounter::new(seconds);
            let help = "CPU time spent, in seconds";
            let described = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            counter.encode(described)?;
        }
        let memory = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let limits = fs::read_to_string("/proc/self/limits").unwrap_or_default();
        let gauges = [
            (
                "process_resident_memory_bytes",
                "Memory in use, in bytes",
                bytes(&memory, "VmRSS:"),
            ),
            (
                "process_virtual_memory_bytes",
                "Address space in use, in bytes",
                bytes(&memory, "VmSize:"),
            ),
            ("process_open_fds", "Open file descriptors", open_files()),
            (
                "process_max_fds",
                "The most file descriptors that may be open",
                max_files(&limits),
            ),
            (
                "process_start_time_seconds",
                "When the process began, in seconds since 1970",
                Some(self.started.as_secs()),
            ),
        ];
        for (name, help, value) in gauges {
            let Some(value) = value else { continue };
            let described = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(value).encode(described)?;
        }
        Ok(())
    }
}

/// User and system time are the fields 14 and 15 of `stat`; the second one, a name in parentheses, may hold anything.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    let times: Vec<u32> = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map_while(|field| field.parse().ok())
        .collect();
    match times[..] {
        [user, system] => Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND),
        _ => None,
    }
}

fn bytes(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    let kibibytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_files() -> Option<u64> {
    u64::try_from(fs::read_dir("/proc/self/fd").ok()?.count()).ok()
}

fn max_files(limits: &str) -> Option<u64> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// `USER_HZ`, which is the same on every architecture that Kubernetes runs on.
const TICKS_PER_SECOND: f64 = 100.0;
