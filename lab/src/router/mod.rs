//! Routing daemons as the nodes' BGP neighbours: started, asked, stopped, killed and silenced alike.

mod bird;
mod builtin;
mod daemons;
mod frr;

use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

pub use self::builtin::run as run_builtin;
use self::daemons::Daemons;
use crate::topology::{Host, ROUTER_ASN};
use crate::{LabError, Namespace, Requirement, find_program, until};

/// Which routing daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// FRR: zebra and bgpd.
    Frr,
    /// BIRD 2.
    Bird,
    /// The lab's own.
    Builtin,
}

impl Kind {
    /// Every kind, the preferred first.
    pub const ALL: [Self; 3] = [Self::Frr, Self::Bird, Self::Builtin];

    /// The first that is installed.
    #[must_use]
    pub fn preferred() -> Self {
        let mut installed = Self::ALL.into_iter().filter(|kind| kind.is_installed());
        // The last one needs nothing.
        installed.next().unwrap_or(Self::Builtin)
    }

    /// The programs without which it cannot run.
    #[must_use]
    pub fn programs(self) -> &'static [&'static str] {
        match self {
            Self::Frr => &["zebra", "bgpd", "vtysh"],
            Self::Bird => &["bird", "birdc"],
            Self::Builtin => &[],
        }
    }

    /// What a test that uses it needs: for [`crate::requires`].
    #[must_use]
    pub fn requirements(self) -> Vec<Requirement> {
        let programs = self
            .programs()
            .iter()
            .map(|name| Requirement::Program(name));
        [Requirement::Root].into_iter().chain(programs).collect()
    }

    /// Whether its programs are on this machine.
    #[must_use]
    pub fn is_installed(self) -> bool {
        self.programs()
            .iter()
            .all(|name| find_program(name).is_some())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Frr => "frr",
            Self::Bird => "bird",
            Self::Builtin => "builtin",
        })
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let kind = Self::ALL.into_iter().find(|kind| kind.to_string() == text);
        kind.ok_or_else(|| format!("`{text}` is none of frr, bird, builtin"))
    }
}

/// What a router is told: it takes every route of its neighbours, uses equal ones side by side, and passes
/// none on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Config {
    /// Its AS.
    pub asn: u32,
    /// Its BGP identifier.
    pub router_id: Ipv4Addr,
    /// Who may open a session, and to whom it opens one.
    pub neighbours: Vec<Neighbour>,
}

impl Config {
    /// A router in the labs' AS with two sessions with each node, over IPv4 and over IPv6, each of which carries the
    /// family that it runs on. The nodes are in the AS `asn`.
    #[must_use]
    pub fn for_nodes(router: &Host, nodes: &[Host], asn: u32) -> Self {
        let neighbours = nodes.iter().flat_map(|node| {
            let addresses: [IpAddr; 2] = [node.ipv4.into(), node.ipv6.into()];
            addresses.map(|address| Neighbour::new(address, asn))
        });
        Self {
            asn: ROUTER_ASN,
            router_id: router.ipv4,
            neighbours: neighbours.collect(),
        }
    }
}

/// A BGP neighbour of a router.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Neighbour {
    /// Its address, which also is the transport's family.
    pub address: IpAddr,
    /// Its AS.
    pub asn: u32,
    /// The TCP MD5 password (RFC 2385).
    pub password: Option<String>,
    /// What the session carries.
    pub families: Families,
    /// The router's own address of a session over several hops; `None`: the neighbour is on the link.
    pub multihop_from: Option<IpAddr>,
}

/// The address families of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Families {
    /// That of the transport.
    OfTransport,
    /// IPv4 and IPv6 unicast.
    Both,
}

impl Neighbour {
    /// A neighbour without a password, whose session carries the family of its transport.
    #[must_use]
    pub fn new(address: impl Into<IpAddr>, asn: u32) -> Self {
        Self {
            address: address.into(),
            asn,
            password: None,
            families: Families::OfTransport,
            multihop_from: None,
        }
    }

    /// The same with a TCP MD5 password. FRR takes none with white space in it: its command line has no way to quote.
    #[must_use]
    pub fn with_password(self, password: &str) -> Self {
        let password = Some(password.to_owned());
        Self { password, ..self }
    }

    /// The same with both address families.
    #[must_use]
    pub fn with_both_families(self) -> Self {
        let families = Families::Both;
        Self { families, ..self }
    }

    /// The same over several hops, from this address of the router.
    #[must_use]
    pub fn over_hops_from(self, source: IpAddr) -> Self {
        let multihop_from = Some(source);
        Self {
            multihop_from,
            ..self
        }
    }

    fn carries_ipv4(&self) -> bool {
        self.families == Families::Both || self.address.is_ipv4()
    }

    fn carries_ipv6(&self) -> bool {
        self.families == Families::Both || self.address.is_ipv6()
    }
}

/// One path to a prefix, as a router shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Route {
    /// The destination.
    pub prefix: IpNet,
    /// The neighbour that it came from.
    pub peer: IpAddr,
    /// NEXT_HOP, without the link-local address that may go with it.
    pub next_hop: IpAddr,
    /// The AS numbers of AS_PATH, nearest first.
    pub as_path: Vec<u32>,
    /// LOCAL_PREF: that of the neighbour, or on eBGP the router's default where it shows one.
    pub local_pref: Option<u32>,
    /// MULTI_EXIT_DISC.
    pub med: Option<u32>,
    /// COMMUNITIES as `64500:1`, ordered as shown.
    pub communities: Vec<String>,
    /// LARGE_COMMUNITY as `64500:1:2`, ordered as shown.
    pub large_communities: Vec<String>,
}

/// A router's side of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The neighbour's address.
    pub neighbour: IpAddr,
    /// For how long it has been Established; `None` when it is not. FRR counts whole seconds.
    pub uptime: Option<Duration>,
    /// Why it last ended, in the router's words, with the neighbour's shutdown communication (RFC 9003).
    pub last_error: Option<String>,
}

/// What a kind of router can be asked.
trait View: fmt::Debug + Send + Sync {
    /// The answer to a command.
    fn ask(&self, question: &str) -> Result<String, LabError>;

    /// All paths from its neighbours, in any order.
    fn routes(&self) -> Result<Vec<Route>, LabError>;

    /// All its configured sessions, in any order.
    fn sessions(&self) -> Result<Vec<Session>, LabError>;
}

/// A routing daemon of the lab. Dropping it kills it.
#[derive(Debug)]
pub struct Router {
    kind: Kind,
    daemons: Daemons,
    view: Box<dyn View>,
}

impl Router {
    /// Starts one on a host, with files in `folder`, which must not exist.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn start(
        kind: Kind,
        host: &Host,
        folder: &Path,
        config: &Config,
    ) -> Result<Self, LabError> {
        fs::create_dir(folder).map_err(LabError::io(format!("making {}", folder.display())))?;
        let daemons = match kind {
            Kind::Frr => frr::prepare(folder, config)?,
            Kind::Bird => bird::prepare(folder, config)?,
            Kind::Builtin => builtin::prepare(folder, config)?,
        };
        let mut router = Self::attach(kind, host, folder, config)?;
        router.daemons.start(daemons)?;
        Ok(router)
    }

    /// One that another process has started and kept: it can be asked, and nothing else.
    ///
    /// # Errors
    /// When the host's namespace does not exist.
    pub fn attach(
        kind: Kind,
        host: &Host,
        folder: &Path,
        config: &Config,
    ) -> Result<Self, LabError> {
        let view = match kind {
            Kind::Frr => frr::view(folder),
            Kind::Bird => bird::view(folder, config),
            Kind::Builtin => builtin::view(folder),
        };
        let namespace = Namespace::attach(host.namespace.name().to_owned())?;
        Ok(Self {
            kind,
            daemons: Daemons::new(namespace, folder),
            view,
        })
    }

    /// Which one it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Starts it again after [`Router::stop`] or [`Router::kill`], with the same configuration.
    ///
    /// # Errors
    /// When it does not come up within 10 s.
    pub fn restart(&mut self) -> Result<(), LabError> {
        self.daemons.restart()
    }

    /// Asks it to end by SIGTERM: its neighbours get a NOTIFICATION.
    ///
    /// # Errors
    /// When it does not end within 10 s.
    pub fn stop(&mut self) -> Result<(), LabError> {
        self.daemons.stop()
    }

    /// Ends it by SIGKILL: its neighbours get a TCP FIN or RST and no word.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn kill(&mut self) -> Result<(), LabError> {
        self.daemons.kill()
    }

    /// Stops it by SIGSTOP: its neighbours hear nothing at all, while the kernel takes their octets.
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn pause(&mut self) -> Result<(), LabError> {
        self.daemons.signal(Signal::SIGSTOP)
    }

    /// Goes on after [`Router::pause`].
    ///
    /// # Errors
    /// When the system does not allow it.
    pub fn resume(&mut self) -> Result<(), LabError> {
        self.daemons.signal(Signal::SIGCONT)
    }

    /// Leaves it running when this value is dropped.
    pub fn keep(&mut self) {
        self.daemons.keep();
    }

    /// Puts a command of its own to it, for `vtysh` (lines one after the other) or `birdc`, and returns what it says.
    ///
    /// # Errors
    /// When it does not answer; the built-in router never does.
    pub fn ask(&self, question: &str) -> Result<String, LabError> {
        self.view.ask(question)
    }

    /// All paths that it has from its neighbours, ordered by prefix and neighbour.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn routes(&self) -> Result<Vec<Route>, LabError> {
        let mut routes = self.view.routes()?;
        routes.sort_unstable();
        Ok(routes)
    }

    /// All its configured sessions, ordered by the neighbours' addresses.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn sessions(&self) -> Result<Vec<Session>, LabError> {
        let mut sessions = self.view.sessions()?;
        sessions.sort_unstable_by_key(|session| session.neighbour);
        Ok(sessions)
    }

    /// The paths to one prefix, in the order of the neighbours' addresses.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn paths(&self, prefix: IpNet) -> Result<Vec<Route>, LabError> {
        let mut routes = self.routes()?;
        routes.retain(|route| route.prefix == prefix);
        Ok(routes)
    }

    /// Waits until there are exactly `count` paths to a prefix, and returns them.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn wait_for_paths(
        &self,
        prefix: IpNet,
        count: usize,
        timeout: Duration,
    ) -> Result<Vec<Route>, LabError> {
        let what = format!("state with {count} paths to {prefix} on {}", self.kind());
        until(&what, timeout, || {
            Ok(Some(self.paths(prefix)?).filter(|paths| paths.len() == count))
        })
    }

    /// The session with a neighbour.
    ///
    /// # Errors
    /// When it does not answer, or has no such neighbour.
    pub fn session(&self, neighbour: impl Into<IpAddr>) -> Result<Session, LabError> {
        let neighbour = neighbour.into();
        let sessions = self.sessions()?;
        let session = sessions
            .into_iter()
            .find(|session| session.neighbour == neighbour);
        session.ok_or_else(|| LabError::Unexpected(format!("no neighbour {neighbour}")))
    }

    /// Waits until all its sessions are Established.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn wait_until_established(&self, timeout: Duration) -> Result<(), LabError> {
        let what = format!("state with all sessions of {} established", self.kind());
        until(&what, timeout, || {
            let sessions = self.sessions()?;
            let all =
                !sessions.is_empty() && sessions.iter().all(|session| session.uptime.is_some());
            Ok(all.then_some(()))
        })
    }

    /// Waits until the session with a neighbour is not Established, and returns it.
    ///
    /// # Errors
    /// [`LabError::Timeout`].
    pub fn wait_for_end(
        &self,
        neighbour: impl Into<IpAddr>,
        timeout: Duration,
    ) -> Result<Session, LabError> {
        let neighbour = neighbour.into();
        let what = format!("end of the session of {} with {neighbour}", self.kind());
        until(&what, timeout, || {
            Ok(Some(self.session(neighbour)?).filter(|session| session.uptime.is_none()))
        })
    }
}

/// Parses a number, address or prefix that a router printed.
fn parse<T: FromStr>(what: &'static str, text: &str) -> Result<T, LabError> {
    text.parse().map_err(|_| LabError::Answer {
        what,
        text: text.to_owned(),
    })
}
