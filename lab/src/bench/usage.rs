//! What a process has used of the machine, as the kernel counts it.

use std::fs;
use std::time::Duration;

use nix::unistd::{SysconfVar, sysconf};

use crate::LabError;
use crate::wait::pause;

/// Processor time in a second that counts as nothing: two ticks of the kernel's clock.
const QUIET: Duration = Duration::from_millis(20);

/// Processor time and memory of a process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    /// User and system time since it was started.
    pub(super) cpu: Duration,
    /// Resident memory now, in octets.
    pub(super) resident: u64,
    /// The most it ever was.
    pub(super) peak: u64,
}

impl Usage {
    /// Of a process that runs.
    ///
    /// # Errors
    /// When it does not.
    pub(super) fn of(pid: u32) -> Result<Self, LabError> {
        let read = |name: &str| {
            let file = format!("/proc/{pid}/{name}");
            fs::read_to_string(&file).map_err(LabError::io(format!("reading {file}")))
        };
        let status = read("status")?;
        let kilobytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field));
            let number = line.and_then(|rest| rest.split_whitespace().next());
            1024 * number.and_then(|text| text.parse().ok()).unwrap_or(0)
        };
        Ok(Self {
            cpu: cpu(&read("stat")?),
            resident: kilobytes("VmRSS:"),
            peak: kilobytes("VmHWM:"),
        })
    }

    /// The same once the process has done next to nothing for a second, or after a minute.
    ///
    /// # Errors
    /// When it does not run, and after an interruption.
    pub(super) fn until_quiet(pid: u32) -> Result<Self, LabError> {
        let mut usage = Self::of(pid)?;
        for _ in 0..60 {
            pause(Duration::from_secs(1))?;
            let before = std::mem::replace(&mut usage, Self::of(pid)?);
            if usage.cpu - before.cpu <= QUIET {
                break;
            }
        }
        Ok(usage)
    }
}

/// From fields 14 and 15 of `/proc/<pid>/stat`, counted after the name, which may contain spaces.
fn cpu(stat: &str) -> Duration {
    let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after_name
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let per_second = sysconf(SysconfVar::CLK_TCK).ok().flatten().unwrap_or(100);
    Duration::from_millis(ticks * 1000 / per_second.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_read_behind_a_name_with_spaces() {
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 1 0";
        assert_eq!(cpu(stat), Duration::from_secs(2));
    }

    #[test]
    fn this_process_uses_memory() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident > 0 && usage.peak >= usage.resident);
    }
}
