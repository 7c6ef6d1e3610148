//! How fast ARP requests are answered from one end of a cable to the other, beside the kernel's own answers.

mod answerer;
mod asker;
mod report;
mod witness;

use std::io::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use crate::{LabError, Namespace};
use answerer::Answerer;
use asker::ask;
use report::Report;

/// What is asked, and how often.
#[derive(Clone, Copy, Debug)]
pub struct ArpLoad {
    /// How many addresses are answered for and asked for, in turn.
    pub addresses: u32,
    /// How many requests are sent in a second.
    pub per_second: u32,
    /// For how long.
    pub time: Duration,
}

/// Who answers.
#[derive(Clone, Copy, Debug)]
enum Responder {
    FerroLb,
    Kernel,
}

/// Asks our responder and then the kernel, each at the other end of a cable of its own, and writes what was found as a
/// table.
///
/// # Errors
/// When namespaces cannot be made, or nobody is ready to answer in time.
pub fn bench_layer2(load: ArpLoad, mut out: impl Write) -> Result<(), LabError> {
    let mut report = Report::new(load);
    for (name, responder) in [
        ("FerroLB", Responder::FerroLb),
        ("kernel", Responder::Kernel),
    ] {
        let [asker, node] = [Namespace::create("asker")?, Namespace::create("node")?];
        asker.link("eth0", &node, "eth0")?;
        node.ip("addr add 198.18.0.1/15 dev eth0")?;
        let answerer = Answerer::start(responder, &node, load)?;
        report.add(name, ask(&asker, load)?);
        answerer.stop()?;
    }
    write!(out, "{report}").map_err(LabError::io("printing"))
}

impl ArpLoad {
    /// All addresses, of the range for benchmarks (RFC 2544, appendix C.2.2).
    fn targets(self) -> impl Iterator<Item = Ipv4Addr> {
        (0..self.addresses).map(|number| Ipv4Addr::from_bits(FIRST.to_bits() + number))
    }

    /// Which of the addresses it is.
    fn index(self, target: Ipv4Addr) -> Option<usize> {
        let number = target.to_bits().checked_sub(FIRST.to_bits())?;
        usize::try_from(number)
            .ok()
            .filter(|_| number < self.addresses)
    }
}

/// Behind the node's own address and those that the askers call theirs.
const FIRST: Ipv4Addr = Ipv4Addr::new(198, 18, 1, 0);
