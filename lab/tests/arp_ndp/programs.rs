//! Programs of other people that ask who has an address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use arp_ndp::{AddressStatus, DropReason};
use lab::topology::Host;
use lab::{LabError, Requirement, Size, Topology, requires};

use crate::ON_LINK;
use crate::responding::{Responding, TIMEOUT, ips};

#[test]
fn arping_and_ndisc6_get_one_answer_from_the_owner_and_none_for_what_nobody_has() {
    let needed = [
        Requirement::Root,
        Requirement::Program("arping"),
        Requirement::Program("ndisc6"),
    ];
    if !requires(&needed) {
        return;
    }
    let topology = Topology::build(&Size::new(2, 0)).unwrap();
    let [owner, bystander] = [&topology.nodes[0], &topology.nodes[1]];
    let owning = Responding::start(&owner.namespace);
    let silent = Responding::start(&bystander.namespace);
    owning.answer_for(&ON_LINK);
    silent.answer_for(&["198.51.100.201", "2001:db8:1:0:f::2"]);
    // An announcement is no answer, but looks like one to the programs.
    owning.wait_for(|status| {
        let made = |(address, status): (&IpAddr, &AddressStatus)| {
            status.counters.gratuitous_sent == if address.is_ipv4() { 14 } else { 7 }
        };
        status.addresses.iter().all(made)
    });

    let mut questions = BTreeMap::from(ON_LINK.map(|text| (text.parse().unwrap(), 0)));
    for (&address, asked) in &mut questions {
        // A program that is held up may miss its answer.
        let answers = lab::until(&format!("answer for {address}"), TIMEOUT, || {
            *asked += 1;
            let answers = answering(&topology.client, address)?;
            Ok(Some(answers).filter(|answers| !answers.is_empty()))
        });
        assert_eq!(answers.unwrap(), [owner.mac().unwrap()], "{address}");
    }
    for address in ips(&["198.51.100.222", "2001:db8:1:0:f::ff"]) {
        assert!(
            answering(&topology.client, address).unwrap().is_empty(),
            "{address}"
        );
    }

    let status = owning.wait_for(move |status| {
        let once_each = |(address, status): (&IpAddr, &AddressStatus)| {
            let (counters, asked) = (status.counters, questions[address]);
            (counters.requests_received, counters.responses_sent) == (asked, asked)
        };
        status.addresses.iter().all(once_each) && status.drops.contains_key(&DropReason::AnnounceIp)
    });
    // The other node's advertisements to all nodes pass, since each may be a claim. Its ARP is held back by the kernel's
    // filter, as is the client's for what nobody has.
    let passed: Vec<_> = status.drops.into_keys().collect();
    assert_eq!(passed, [DropReason::MessageType, DropReason::AnnounceIp]);
    assert_eq!((status.transmit_failures, status.events_lost), (0, 0));

    owning.stop();
    for address in ips(&ON_LINK) {
        assert!(
            answering(&topology.client, address).unwrap().is_empty(),
            "{address}"
        );
    }
}

/// The MAC addresses that `arping` or `ndisc6` report for one question on `eth0` and 300 ms: one for each answer, and for
/// each announcement that comes meanwhile.
fn answering(client: &Host, address: IpAddr) -> Result<Vec<String>, LabError> {
    let text = address.to_string();
    let (program, args) = match address {
        IpAddr::V4(_) => (
            "arping",
            ["-c", "1", "-w", "0.3", "-i", "eth0", &text].to_vec(),
        ),
        IpAddr::V6(_) => (
            "ndisc6",
            ["-m", "-n", "-r", "1", "-w", "300", &text, "eth0"].to_vec(),
        ),
    };
    match client.namespace.exec(program, args) {
        Ok(output) => Ok(answering_macs(&output)),
        // Both end with a status other than 0 when nobody answered, having said so.
        Err(LabError::Command { output, .. })
            if output.contains("imed out") || output.contains("imeout") =>
        {
            Ok(answering_macs(&output))
        }
        Err(error) => Err(error),
    }
}

/// The MAC address in each line of `arping` (`42 bytes from MAC (…)`) or `ndisc6`
/// (`Target link-layer address: MAC`) that reports an answer.
fn answering_macs(output: &str) -> Vec<String> {
    output
        .lines()
        .filter_map(|line| {
            let (_, rest) = line
                .split_once("bytes from ")
                .or_else(|| line.split_once("link-layer address: "))?;
            rest.split_whitespace().next().map(str::to_lowercase)
        })
        .collect()
}

#[test]
fn each_answer_of_arping_and_ndisc6_gives_its_mac_address() {
    let arping = "ARPING 198.51.100.2\n\
                  42 bytes from c2:9f:18:12:9c:d5 (198.51.100.2): index=0 time=21.492 usec\n\n\
                  --- 198.51.100.2 statistics ---\n";
    assert_eq!(answering_macs(arping), ["c2:9f:18:12:9c:d5"]);
    let ndisc6 = "Soliciting 2001:db8:1::2 (2001:db8:1::2) on eth0...\n\
                  Target link-layer address: C2:9F:18:12:9C:D5\n from 2001:db8:1::2\n\
                  Target link-layer address: 02:00:00:00:00:01\n from 2001:db8:1::2\n";
    assert_eq!(
        answering_macs(ndisc6),
        ["c2:9f:18:12:9c:d5", "02:00:00:00:00:01"]
    );
    assert!(answering_macs("ARPING 198.51.100.9\nTimeout\n").is_empty());
}
