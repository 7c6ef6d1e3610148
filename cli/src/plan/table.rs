//! The report for people: aligned columns that fit 100 characters, bold headings on a terminal only.

use std::collections::BTreeMap;
use std::fmt::Display;

use comfy_table::{ContentArrangement, Table, presets};

use super::report::{
    Kind, Layer2, Node, Peer, Problem, Protocol, Report, Reservation, Route, Service, Severity,
};

/// Whether headings may carry escape codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// Text alone, for files and pipes.
    Plain,
    /// Bold headings.
    Terminal,
}

/// The whole report.
pub(crate) fn render(report: &Report, style: Style) -> String {
    let mut page = Page {
        text: String::new(),
        style,
    };
    page.problems(&report.problems);
    page.services(&report.services);
    page.reservations(&report.reservations);
    page.not_announced(&report.services);
    for (peers, nodes) in alike(&report.nodes) {
        page.nodes(&nodes, peers);
    }
    page.layer2(&report.layer2);
    page.text
}

struct Page {
    text: String,
    style: Style,
}

impl Page {
    fn problems(&mut self, problems: &[Problem]) {
        if problems.is_empty() {
            return;
        }
        self.heading("Problems");
        for problem in problems {
            self.line(2, &place(problem));
            self.grid(4, None, vec![vec![problem.reason.clone()]]);
        }
    }

    fn services(&mut self, services: &[Service]) {
        self.heading("Services");
        if services.is_empty() {
            return self.line(2, "no Service of type LoadBalancer");
        }
        let rows = services.iter().map(|service| {
            let help = service.help.iter().map(|help| format!("help: {help}"));
            vec![
                service.service.clone(),
                lines(&service.addresses),
                or_dash(service.pool.as_deref()),
                lines(&service.bgp),
                or_dash(service.layer2.as_deref()),
                lines([service.reason.clone()].into_iter().chain(help)),
            ]
        });
        self.grid(
            2,
            Some(&[
                "SERVICE",
                "ADDRESSES",
                "POOL",
                "BGP FROM",
                "L2 FROM",
                "REASON",
            ]),
            rows.collect(),
        );
    }

    fn reservations(&mut self, reservations: &[Reservation]) {
        if reservations.is_empty() {
            return;
        }
        self.heading("Reservations");
        let rows = reservations.iter().map(|reservation| {
            vec![
                reservation.reservation.clone(),
                lines(&reservation.addresses),
                lines(&reservation.services),
                reservation.reason.clone(),
            ]
        });
        self.grid(
            2,
            Some(&["RESERVATION", "ADDRESSES", "USED BY", "REASON"]),
            rows.collect(),
        );
    }

    /// Nodes with the same reason share a row.
    fn not_announced(&mut self, services: &[Service]) {
        let mut rows: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for service in services {
            for no in &service.not_announced {
                let how = match (no.protocol, &no.peer) {
                    (Protocol::Bgp, None) => "BGP".to_owned(),
                    (Protocol::Bgp, Some(peer)) => format!("BGP to {peer}"),
                    (Protocol::Layer2, _) => "L2".to_owned(),
                };
                rows.entry((&service.service, how, &no.explanation))
                    .or_default()
                    .push(&no.node);
            }
        }
        if rows.is_empty() {
            return;
        }
        self.heading("Not announced");
        let rows = rows.into_iter();
        let rows = rows.map(|((service, how, why), nodes)| {
            vec![service.clone(), how, lines(nodes), why.clone()]
        });
        self.grid(
            2,
            Some(&["SERVICE", "PROTOCOL", "NODE", "REASON"]),
            rows.collect(),
        );
    }

    fn nodes(&mut self, nodes: &[&str], peers: &[Peer]) {
        self.heading(&format!("BGP from {}", nodes.join(", ")));
        if peers.is_empty() {
            self.line(2, "no BGPPeer selects this node");
        }
        for peer in peers {
            self.peer(peer);
        }
    }

    fn peer(&mut self, peer: &Peer) {
        let Peer {
            peer: name,
            address,
            port,
            local_as,
            peer_as,
            kind,
            routes,
        } = peer;
        let kind = match kind {
            Kind::Ebgp => "eBGP",
            Kind::Ibgp => "iBGP",
        };
        self.line(
            2,
            &format!("peer {name}: {address} port {port}, {kind}, AS {local_as} to AS {peer_as}"),
        );
        if routes.is_empty() {
            return self.line(4, "no routes");
        }
        let header = [
            "PREFIX",
            "NEXT HOP",
            "AS PATH",
            "LOCAL PREF",
            "MED",
            "COMMUNITIES",
            "FOR",
        ];
        self.grid(4, Some(&header), routes.iter().map(route).collect());
    }

    fn layer2(&mut self, addresses: &[Layer2]) {
        if addresses.is_empty() {
            return;
        }
        self.heading("Layer 2");
        let header = ["ADDRESS", "SERVICE", "OWNER", "INTERFACES", "RANKING"];
        self.grid(2, Some(&header), addresses.iter().map(layer2).collect());
        let mut excluded: BTreeMap<_, Vec<&str>> = BTreeMap::new();
        for entry in addresses {
            for out in &entry.excluded {
                excluded
                    .entry((entry.address, &out.explanation))
                    .or_default()
                    .push(&out.node);
            }
        }
        if !excluded.is_empty() {
            self.line(0, "");
            let rows = excluded.into_iter();
            let rows = rows.map(|((address, why), nodes)| {
                vec![address.to_string(), lines(nodes), why.clone()]
            });
            self.grid(
                2,
                Some(&["ADDRESS", "NOT A CANDIDATE", "REASON"]),
                rows.collect(),
            );
        }
    }

    /// A section's title, with an empty line before every section but the first.
    fn heading(&mut self, title: &str) {
        if !self.text.is_empty() {
            self.line(0, "");
        }
        match self.style {
            Style::Plain => self.line(0, title),
            Style::Terminal => self.line(0, &format!("\x1b[1m{title}\x1b[0m")),
        }
    }

    /// Rows in aligned columns.
    fn grid(&mut self, indent: u16, header: Option<&[&str]>, rows: Vec<Vec<String>>) {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(WIDTH.saturating_sub(indent));
        if let Some(header) = header {
            table.set_header(header);
        }
        table.add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in table.lines() {
            self.line(indent.into(), &line);
        }
    }

    fn line(&mut self, indent: usize, text: &str) {
        let line = format!("{:indent$}{text}", "");
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}

/// Nodes that announce the same share a section.
fn alike(nodes: &[Node]) -> Vec<(&[Peer], Vec<&str>)> {
    let mut sections: Vec<(&[Peer], Vec<&str>)> = Vec::new();
    for node in nodes {
        match sections.iter_mut().find(|(peers, _)| *peers == node.peers) {
            Some((_, names)) => names.push(&node.node),
            None => sections.push((&node.peers, vec![&node.node])),
        }
    }
    sections
}

fn place(problem: &Problem) -> String {
    let severity = match problem.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let file = problem.file.as_ref().map(|file| match problem.line {
        Some(line) => format!("{file}:{line}"),
        None => file.clone(),
    });
    let place: Vec<String> = [file, problem.object.clone(), problem.field.clone()]
        .into_iter()
        .flatten()
        .collect();
    format!("{severity}: {}", place.join(", "))
}

fn route(route: &Route) -> Vec<String> {
    // As in the manifests, so that the two kinds are told apart.
    let large = route
        .large_communities
        .iter()
        .map(|community| format!("large:{community}"));
    vec![
        route.prefix.to_string(),
        route.next_hop.clone(),
        words(&route.as_path, " "),
        or_dash(route.local_pref.map(|value| value.to_string()).as_deref()),
        or_dash(route.med.map(|value| value.to_string()).as_deref()),
        lines(route.communities.iter().cloned().chain(large)),
        lines(&route.services),
    ]
}

fn layer2(entry: &Layer2) -> Vec<String> {
    let ranked = entry
        .ranking
        .iter()
        .map(|candidate| match candidate.preference {
            0 => candidate.node.clone(),
            preference => format!("{} (+{preference})", candidate.node),
        });
    vec![
        entry.address.to_string(),
        lines(&entry.services),
        or_dash(entry.owner.as_deref()),
        entry
            .interfaces
            .as_ref()
            .map_or_else(|| "all".to_owned(), lines),
        words(ranked, ", "),
    ]
}

fn or_dash(value: Option<&str>) -> String {
    value.unwrap_or("-").to_owned()
}

/// One item a line; a dash for none.
fn lines<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    words(items, "\n")
}

fn words<T: Display>(items: impl IntoIterator<Item = T>, separator: &str) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(separator)
    }
}

/// Wide enough for a dual-stack row, narrow enough for half a screen.
const WIDTH: u16 = 100;
