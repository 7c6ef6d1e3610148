//! BIRD 2 with a control socket of its own, asked through `birdc`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipnet::IpNet;

use super::daemons::Daemon;
use super::{Config, Route, Session, View, parse};
use crate::{LabError, find_program, output};

/// How long `birdc` may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The control socket's name.
const SOCKET: &str = "bird.ctl";

/// Writes the configuration; the daemon is not started yet.
pub(super) fn prepare(folder: &Path, config: &Config) -> Result<Vec<Daemon>, LabError> {
    let file = |name| folder.join(name).display().to_string();
    let conf = file("bird.conf");
    fs::write(&conf, bird_conf(config)).map_err(LabError::io(format!("writing {conf}")))?;
    let arguments = [
        "-f",
        "-c",
        &conf,
        "-s",
        &file(SOCKET),
        "-P",
        &file("bird.pid"),
    ];
    Ok(vec![Daemon {
        name: "bird",
        program: find_program("bird").unwrap_or_else(|| PathBuf::from("bird")),
        arguments: arguments.map(str::to_owned).into(),
        socket: folder.join(SOCKET),
    }])
}

/// How to ask the one whose files are in `folder`.
pub(super) fn view(folder: &Path, config: &Config) -> Box<dyn View> {
    let neighbours = config.neighbours.iter().enumerate();
    let named = neighbours.map(|(index, neighbour)| (protocol(index), neighbour.address));
    Box::new(Bird {
        socket: folder.join(SOCKET),
        neighbours: named.collect(),
    })
}

#[derive(Debug)]
struct Bird {
    socket: PathBuf,
    /// The neighbour behind each protocol's name.
    neighbours: BTreeMap<String, IpAddr>,
}

impl View for Bird {
    fn ask(&self, question: &str) -> Result<String, LabError> {
        let mut command = Command::new("birdc");
        command.arg("-s").arg(&self.socket);
        command.args(question.split_whitespace());
        output(command, TIMEOUT)
    }

    fn routes(&self) -> Result<Vec<Route>, LabError> {
        routes(&self.ask("show route all")?, &self.neighbours)
    }

    fn sessions(&self) -> Result<Vec<Session>, LabError> {
        let answer = self.ask("show protocols all")?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        sessions(&answer, &self.neighbours, now)
    }
}

/// The name of the protocol for the `index`th neighbour.
fn protocol(index: usize) -> String {
    format!("neighbour{index}")
}

fn bird_conf(config: &Config) -> String {
    let mut text = format!(
        "log stderr all;\n\
         timeformat protocol \"%s.%f\";\n\
         router id {};\n\
         protocol device {{ }}\n\
         # What next hops of iBGP are looked up in.\n\
         protocol direct {{ ipv4; ipv6; }}\n\
         protocol kernel {{ ipv4 {{ export where source = RTS_BGP; }}; merge paths on limit 64; }}\n\
         protocol kernel {{ ipv6 {{ export where source = RTS_BGP; }}; merge paths on limit 64; }}\n",
        config.router_id
    );
    for (index, neighbour) in config.neighbours.iter().enumerate() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "protocol bgp {} {{", protocol(index));
        let _ = writeln!(text, "  local as {};", config.asn);
        let _ = writeln!(
            text,
            "  neighbor {} as {};",
            neighbour.address, neighbour.asn
        );
        let _ = writeln!(
            text,
            "  connect delay time 1;\n  connect retry time 1;\n  error wait time 1, 2;"
        );
        let _ = match neighbour.multihop_from {
            Some(source) => writeln!(text, "  multihop;\n  source address {source};"),
            None => writeln!(text, "  direct;"),
        };
        if let Some(password) = &neighbour.password {
            let _ = writeln!(text, "  password \"{password}\";");
        }
        for (family, is_carried) in [
            ("ipv4", neighbour.carries_ipv4()),
            ("ipv6", neighbour.carries_ipv6()),
        ] {
            if is_carried {
                let _ = writeln!(text, "  {family} {{ import all; export none; }};");
            }
        }
        text.push_str("}\n");
    }
    text
}

/// `show route all`: a line `PREFIX … [protocol …]` for each path, the prefix left out when it is that
/// of the path before, and below it a line for each attribute, indented by a tab.
fn routes(text: &str, neighbours: &BTreeMap<String, IpAddr>) -> Result<Vec<Route>, LabError> {
    let mut routes = Vec::new();
    let mut prefix: Option<IpNet> = None;
    for (head, attributes) in blocks(text, |line| !line.starts_with('\t')) {
        let Some((destination, source)) = head.split_once('[') else {
            continue;
        };
        if let Some(word) = destination
            .split_whitespace()
            .next()
            .filter(|_| !head.starts_with(' '))
        {
            prefix = Some(parse("a prefix of BIRD", word)?);
        }
        let peer = source
            .split([' ', ']'])
            .next()
            .and_then(|name| neighbours.get(name));
        // Other paths are those of BIRD's own links.
        if let (Some(prefix), Some(&peer)) = (prefix, peer) {
            routes.push(route(prefix, peer, &attributes)?);
        }
    }
    Ok(routes)
}

fn route(
    prefix: IpNet,
    peer: IpAddr,
    attributes: &BTreeMap<&str, &str>,
) -> Result<Route, LabError> {
    let text = |name| attributes.get(name).copied().unwrap_or_default();
    let number = |name| attributes.get(name).and_then(|number| number.parse().ok());
    // The second one, where there is one, is link-local.
    let next_hop = text("BGP.next_hop")
        .split_whitespace()
        .next()
        .unwrap_or_default();
    Ok(Route {
        prefix,
        peer,
        next_hop: parse("a next hop of BIRD", next_hop)?,
        as_path: text("BGP.as_path")
            .split_whitespace()
            .filter_map(|asn| asn.parse().ok())
            .collect(),
        local_pref: number("BGP.local_pref"),
        med: number("BGP.med"),
        communities: tuples(text("BGP.community")),
        large_communities: tuples(text("BGP.large_community")),
    })
}

/// `(1, 2, 3) (4, 5, 6)` as `1:2:3` and `4:5:6`.
fn tuples(text: &str) -> Vec<String> {
    let tuples = text.split(')').filter_map(|tuple| tuple.split_once('('));
    tuples
        .map(|(_, numbers)| numbers.replace(", ", ":").replace(',', ":"))
        .collect()
}

/// `show protocols all`: a line `name BGP --- up SINCE Established` for each protocol, and below it lines
/// of facts, indented by spaces.
fn sessions(
    text: &str,
    neighbours: &BTreeMap<String, IpAddr>,
    now: Duration,
) -> Result<Vec<Session>, LabError> {
    let mut sessions = Vec::new();
    for (head, facts) in blocks(text, |line| !line.starts_with(' ')) {
        let words: Vec<&str> = head.split_whitespace().collect();
        if let [name, "BGP", _, _, since, info @ ..] = words.as_slice()
            && let Some(&neighbour) = neighbours.get(*name)
        {
            let since = Duration::try_from_secs_f64(parse("a time of BIRD", since)?);
            let uptime = now.saturating_sub(since.unwrap_or_default());
            let words = ["Last error", "Message"].map(|key| facts.get(key).copied());
            let words: Vec<&str> = words.into_iter().flatten().collect();
            sessions.push(Session {
                neighbour,
                uptime: (info == ["Established"]).then_some(uptime),
                last_error: Some(words.join(": ")).filter(|text| !text.is_empty()),
            });
        }
    }
    Ok(sessions)
}

/// Cuts an answer into its heads, each with the `key: value` lines below it.
fn blocks(text: &str, is_head: impl Fn(&str) -> bool) -> Vec<(&str, BTreeMap<&str, &str>)> {
    let mut blocks: Vec<(&str, BTreeMap<&str, &str>)> = Vec::new();
    for line in text.lines() {
        if is_head(line) {
            blocks.push((line, BTreeMap::new()));
        } else if let Some((_, facts)) = blocks.last_mut()
            && let Some((key, value)) = line.trim().split_once(':')
        {
            facts.insert(key, value.trim());
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn neighbours() -> BTreeMap<String, IpAddr> {
        let address = |index: u8| IpAddr::from([198, 51, 100, 11 + index]);
        (0..2)
            .map(|index| (protocol(usize::from(index)), address(index)))
            .collect()
    }

    #[test]
    fn the_paths_of_a_prefix_are_told_apart_and_own_links_left_out() {
        let text = "BIRD 2.0.12 ready.\nTable master4:\n\
            203.0.113.1/32       unicast [neighbour0 07:31:17.026] * (100) [AS64500i]\n\
            \tvia 198.51.100.11 on eth0\n\tType: BGP univ\n\tBGP.origin: IGP\n\
            \tBGP.as_path: 64500 64501\n\
            \tBGP.next_hop: 198.51.100.11\n\tBGP.med: 7\n\tBGP.local_pref: 100\n\
            \tBGP.community: (64500,1) (65535,65281)\n\
            \tBGP.large_community: (1, 2, 3) (64500, 1, 0)\n\
            \x20                    unicast [neighbour1 07:31:18.026] (100) [AS64500i]\n\
            \tvia 198.51.100.12 on eth0\n\tBGP.next_hop: 198.51.100.12\n\
            198.51.100.0/24      unicast [direct1 07:31:17.026] * (240)\n\tdev eth0\n";
        let routes = routes(text, &neighbours()).unwrap();
        let [first, second] = routes.as_slice() else {
            panic!("{routes:?}")
        };
        assert_eq!(first.as_path, [64500, 64501]);
        assert_eq!((first.med, first.local_pref), (Some(7), Some(100)));
        assert_eq!(first.communities, ["64500:1", "65535:65281"]);
        assert_eq!(first.large_communities, ["1:2:3", "64500:1:0"]);
        assert_eq!(second.prefix, first.prefix);
        assert_eq!(second.next_hop, IpAddr::from([198, 51, 100, 12]));
    }

    #[test]
    fn a_session_tells_its_uptime_or_why_it_ended() {
        let text = "Name       Proto      Table      State  Since         Info\n\
            device1    Device     ---        up     100.5  \n\n\
            neighbour0 BGP        ---        up     100.25  Established   \n\
            \x20 BGP state:          Established\n\n\
            neighbour1 BGP        ---        start  100.5  Active        Received: Administrative shutdown\n\
            \x20 Message:        going down for lunch\n\
            \x20   Last error:       Received: Administrative shutdown\n";
        let sessions = sessions(text, &neighbours(), Duration::from_secs(101)).unwrap();
        let [up, down] = sessions.as_slice() else {
            panic!("{sessions:?}")
        };
        assert_eq!(up.uptime, Some(Duration::from_millis(750)));
        assert_eq!(up.last_error, None);
        assert_eq!(down.uptime, None);
        let said = "Received: Administrative shutdown: going down for lunch";
        assert_eq!(down.last_error.as_deref(), Some(said));
    }
}
