//! FRR: zebra and bgpd with sockets of their own, asked through `vtysh` in JSON.

use std::fmt::Write as _;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bgp_wire::Community;
use serde_json::Value;

use super::daemons::Daemon;
use super::{Config, Neighbour, Route, Session, View, parse};
use crate::{LabError, find_program, output};

/// How long `vtysh` may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The user as whom Debian's FRR drops its rights.
const USER: &str = "frr";

/// Writes the configuration; the daemons are not started yet.
pub(super) fn prepare(folder: &Path, config: &Config) -> Result<Vec<Daemon>, LabError> {
    let io = || LabError::io(format!("filling {}", folder.display()));
    let mut passwords = config.neighbours.iter().flat_map(|it| &it.password);
    if passwords.any(|password| password.contains(char::is_whitespace)) {
        // It would go on without.
        let said = "FRR takes no password with white space".to_owned();
        return Err(LabError::Unexpected(said));
    }
    for (file, text) in [
        ("bgpd.conf", bgpd_conf(config)),
        ("zebra.conf", "hostname router\n".to_owned()),
        // vtysh says a word of complaint where there is none.
        ("vtysh.conf", String::new()),
    ] {
        fs::write(folder.join(file), text).map_err(io())?;
    }
    // The daemons make their sockets after dropping their rights.
    let user = nix::unistd::User::from_name(USER).ok().flatten();
    let user = user.ok_or_else(|| LabError::Unexpected(format!("no user {USER}")))?;
    chown(folder, Some(user.uid.as_raw()), Some(user.gid.as_raw())).map_err(io())?;
    Ok(["zebra", "bgpd"].map(|name| daemon(name, folder)).into())
}

/// How to ask the one whose files are in `folder`.
pub(super) fn view(folder: &Path) -> Box<dyn View> {
    let folder = folder.to_owned();
    Box::new(Frr { folder })
}

#[derive(Debug)]
struct Frr {
    folder: PathBuf,
}

impl Frr {
    fn json(&self, question: &str) -> Result<Value, LabError> {
        let text = self.ask(question)?;
        serde_json::from_str(&text).map_err(|_| LabError::Answer {
            what: "FRR's JSON",
            text,
        })
    }
}

impl View for Frr {
    fn ask(&self, question: &str) -> Result<String, LabError> {
        let mut command = Command::new("vtysh");
        command.arg("--vty_socket").arg(&self.folder);
        command.arg("--config_dir").arg(&self.folder);
        command.args(["-c", question]);
        output(command, TIMEOUT)
    }

    fn routes(&self) -> Result<Vec<Route>, LabError> {
        let mut routes = Vec::new();
        for family in ["ipv4", "ipv6"] {
            let answer = self.json(&format!("show bgp {family} unicast json detail"))?;
            for (prefix, paths) in answer
                .get("routes")
                .and_then(Value::as_object)
                .into_iter()
                .flatten()
            {
                for path in paths.as_array().into_iter().flatten() {
                    // The first entry tells about the prefix and has no peer.
                    if let Some(peer) = path.pointer("/peer/peerId").and_then(Value::as_str) {
                        routes.push(route(prefix, peer, path)?);
                    }
                }
            }
        }
        Ok(routes)
    }

    fn sessions(&self) -> Result<Vec<Session>, LabError> {
        let answer = self.json("show bgp neighbors json")?;
        let neighbours = answer.as_object().into_iter().flatten();
        neighbours
            .map(|(address, neighbour)| session(address, neighbour))
            .collect()
    }
}

fn daemon(name: &'static str, folder: &Path) -> Daemon {
    let file = |suffix: &str| folder.join(format!("{name}{suffix}")).display().to_string();
    let zebra = folder.join("zserv.api").display().to_string();
    let folder_text = folder.display().to_string();
    let arguments = [
        ["--config_file", &file(".conf")],
        ["--pid_file", &file(".pid")],
        ["--vty_socket", &folder_text],
        ["--socket", &zebra],
        // No TCP port for commands.
        ["--vty_port", "0"],
        ["--log", "stdout"],
    ];
    Daemon {
        name,
        program: find_program(name).unwrap_or_else(|| PathBuf::from(name)),
        arguments: arguments
            .as_flattened()
            .iter()
            .map(|&word| word.to_owned())
            .collect(),
        socket: folder.join(format!("{name}.vty")),
    }
}

/// The configuration as FRR's manual gives it for a router that trusts its neighbours.
fn bgpd_conf(config: &Config) -> String {
    let mut text = format!(
        "hostname router\n\
         router bgp {}\n \
         bgp router-id {}\n \
         no bgp ebgp-requires-policy\n \
         no bgp default ipv4-unicast\n \
         bgp bestpath as-path multipath-relax\n",
        config.asn, config.router_id
    );
    for neighbour in &config.neighbours {
        let address = neighbour.address;
        // Writing to a String cannot fail.
        let _ = writeln!(text, " neighbor {address} remote-as {}", neighbour.asn);
        let _ = writeln!(text, " neighbor {address} timers connect 1");
        if let Some(source) = neighbour.multihop_from {
            let _ = writeln!(text, " neighbor {address} ebgp-multihop 255");
            let _ = writeln!(text, " neighbor {address} update-source {source}");
        }
        if let Some(password) = &neighbour.password {
            let _ = writeln!(text, " neighbor {address} password {password}");
        }
    }
    for (family, is_carried) in [
        ("ipv4", Neighbour::carries_ipv4 as fn(&Neighbour) -> bool),
        ("ipv6", Neighbour::carries_ipv6),
    ] {
        let _ = writeln!(text, " address-family {family} unicast");
        for neighbour in config
            .neighbours
            .iter()
            .filter(|neighbour| is_carried(neighbour))
        {
            let _ = writeln!(text, "  neighbor {} activate", neighbour.address);
            let _ = writeln!(
                text,
                "  neighbor {} route-map NOTHING out",
                neighbour.address
            );
        }
        let _ = writeln!(
            text,
            "  maximum-paths 64\n  maximum-paths ibgp 64\n exit-address-family"
        );
    }
    text + "exit\nroute-map NOTHING deny 10\n"
}

fn route(prefix: &str, peer: &str, path: &Value) -> Result<Route, LabError> {
    let text = |pointer: &str| path.pointer(pointer).and_then(Value::as_str);
    let number = |pointer: &str| {
        let number = path.pointer(pointer).and_then(Value::as_u64);
        number.and_then(|number| u32::try_from(number).ok())
    };
    let words = |pointer| text(pointer).unwrap_or_default().split_whitespace();
    Ok(Route {
        prefix: parse("a prefix of FRR", prefix)?,
        peer: parse("a peer of FRR", peer)?,
        next_hop: parse(
            "a next hop of FRR",
            text("/nexthops/0/ip").unwrap_or_default(),
        )?,
        as_path: as_path(path),
        local_pref: number("/locPrf"),
        med: number("/metric"),
        communities: words("/community/string").map(in_numbers).collect(),
        large_communities: words("/largeCommunity/string").map(str::to_owned).collect(),
    })
}

/// FRR writes `no-export` where others write `65535:65281`.
fn in_numbers(community: &str) -> String {
    let known = community.parse::<Community>();
    known.map_or_else(|_| community.to_owned(), |community| community.to_string())
}

fn as_path(path: &Value) -> Vec<u32> {
    let segments = path.pointer("/aspath/segments").and_then(Value::as_array);
    segments
        .into_iter()
        .flatten()
        .filter_map(|segment| segment.get("list").and_then(Value::as_array))
        .flatten()
        .filter_map(|asn| asn.as_u64().and_then(|asn| u32::try_from(asn).ok()))
        .collect()
}

fn session(address: &str, neighbour: &Value) -> Result<Session, LabError> {
    let neighbour_address: IpAddr = parse("a neighbour of FRR", address)?;
    let text = |key: &str| neighbour.get(key).and_then(Value::as_str);
    let established = text("bgpState") == Some("Established");
    let uptime = neighbour
        .get("bgpTimerUpMsec")
        .and_then(Value::as_u64)
        .map(Duration::from_millis);
    let reason = text("lastNotificationReason").or_else(|| text("lastResetDueTo"));
    let said = text("lastShutdownDescription");
    let words: Vec<&str> = reason.into_iter().chain(said).collect();
    Ok(Session {
        neighbour: neighbour_address,
        uptime: uptime.filter(|_| established),
        last_error: Some(words.join(": ")).filter(|text| !text.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_is_read_with_all_its_attributes() {
        let path = json!({
            "aspath": {"segments": [{"type": "as-sequence", "list": [64500, 64501]}]},
            "metric": 7,
            "locPrf": 333,
            "community": {"string": "64500:1 no-export"},
            "largeCommunity": {"string": "1:2:3 64500:1:0"},
            "nexthops": [{"ip": "2001:db8:1::b", "scope": "global"}, {"ip": "fe80::1", "scope": "link-local"}],
        });
        let route = route("2001:db8:f::1/128", "2001:db8:1::b", &path).unwrap();
        assert_eq!(route.next_hop, route.peer);
        assert_eq!(route.as_path, [64500, 64501]);
        assert_eq!((route.med, route.local_pref), (Some(7), Some(333)));
        assert_eq!(route.communities, ["64500:1", "65535:65281"]);
        assert_eq!(route.large_communities, ["1:2:3", "64500:1:0"]);
    }

    #[test]
    fn the_time_since_a_session_ended_is_no_uptime() {
        let neighbour = json!({
            "bgpState": "Active",
            "bgpTimerUpMsec": 5000,
            "lastNotificationReason": "Cease/Administrative Shutdown",
            "lastShutdownDescription": "going down for lunch",
        });
        let session = session("198.51.100.11", &neighbour).unwrap();
        assert_eq!(session.uptime, None);
        let said = "Cease/Administrative Shutdown: going down for lunch";
        assert_eq!(session.last_error.as_deref(), Some(said));
    }
}
