use super::*;
use crate::source::dir::read;
use crate::translate::{TranslateOptions, Translator};

const CLUSTER: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: one, namespace: metallb-system}
spec: {addresses: [198.51.100.0/24]}
---
apiVersion: v1
kind: Node
metadata: {name: n1}
---
apiVersion: v1
kind: Node
metadata: {name: n2}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: LoadBalancer}
status: {loadBalancer: {ingress: [{ip: 198.51.100.1}]}CONDITION}
";
const ADVERTISED: &str = "\
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: some, namespace: metallb-system}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: shop, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints: [{addresses: [203.0.113.7], nodeName: n1}]
";
const TRUE: &str = ", conditions: [{type: ferrolb.io/Announced, status: \"True\", reason: Announced, message: by layer \
                    2 from n1, lastTransitionTime: 2026-01-01T00:00:00Z}]";

fn status(node: &str) -> String {
    format!(
        "---\napiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata: {{name: l2-web.shop.{node}, namespace: \
         metallb-system}}\nspec: {{}}\nstatus: {{node: {node}, serviceName: web, serviceNamespace: shop}}\n"
    )
}

/// A controller that is shown manifests.
struct Shown {
    announced: Announced,
    translator: Translator,
}

impl Shown {
    fn new() -> Self {
        let options = TranslateOptions {
            namespace: "metallb-system".into(),
            planner: planner::snapshot::Options::default(),
        };
        Self {
            announced: Announced::default(),
            translator: Translator::new(options),
        }
    }

    fn show(&mut self, now: Instant, condition: &str, more: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let manifest = CLUSTER.replace("CONDITION", condition) + &more.concat();
        std::fs::write(folder.path().join("all.yaml"), manifest).unwrap();
        let objects = Arc::new(read(folder.path()).unwrap());
        assert_eq!(objects.errors, []);
        let changed = self.translator.update(&objects);
        let snapshot = self.translator.snapshot();
        self.announced
            .update(now, &objects, snapshot, &changed.affected());
    }

    /// Reason and message of what has settled by then.
    fn settled(&mut self, now: Instant) -> Vec<String> {
        let settled = self.announced.settled(now).into_iter();
        settled
            .map(|(_, condition)| format!("{}: {}", condition.reason, condition.message))
            .collect()
    }
}

#[tokio::test(start_paused = true)]
async fn who_announces_is_told_once_it_has_been_the_same_for_a_while() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    shown.show(start, "", &[ADVERTISED]);
    assert_eq!(shown.settled(start + FIRST_LIMIT), [] as [String; 0]);
    let then = start + FIRST_LIMIT;
    shown.show(then, "", &[ADVERTISED, &status("n1")]);
    shown.show(
        then + FIRST_QUIET / 2,
        "",
        &[ADVERTISED, &status("n1"), &status("n2")],
    );
    assert_eq!(shown.settled(then + FIRST_QUIET), [] as [String; 0]);
    let told = shown.settled(then + FIRST_QUIET * 2);
    assert_eq!(told, ["Announced: by layer 2 from 2 nodes"]);
    assert_eq!(shown.announced.next(), None);
}

#[tokio::test(start_paused = true)]
async fn nodes_that_restart_are_no_news() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    let own = status("n1");
    shown.show(start, TRUE, &[ADVERTISED, &own]);
    shown.show(start, TRUE, &[ADVERTISED]);
    assert!(shown.announced.next().is_some());
    shown.show(start + QUIET / 2, TRUE, &[ADVERTISED, &own]);
    assert_eq!(shown.announced.next(), None);
    assert_eq!(shown.settled(start + LIMIT), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_way_of_an_announced_service_is_told_in_the_end() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    shown.show(start, TRUE, &[ADVERTISED, &status("n1")]);
    shown.show(start, TRUE, &[]);
    assert_eq!(shown.settled(start + QUIET / 2), [] as [String; 0]);
    let told = shown.settled(start + QUIET);
    let expected = "NoAdvertisement: allocated, but no advertisement selects pool one; create an L2Advertisement or a \
                    BGPAdvertisement with ipAddressPools: [one]";
    assert_eq!(told, [expected]);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_nobody_announces_though_somebody_could_is_told_of_after_a_while() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    shown.show(start, "", &[ADVERTISED]);
    assert_eq!(shown.announced.next(), Some(start + AWAITED));
    let told = shown.settled(start + AWAITED);
    assert!(told[0].starts_with("NotAnnounced: "), "{told:?}");
}

#[tokio::test(start_paused = true)]
async fn statuses_of_a_node_that_stays_away_are_removed() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    shown.show(start, TRUE, &[ADVERTISED, &status("n1"), &status("n3")]);
    assert_eq!(shown.announced.left_behind(start), []);
    assert!(shown.announced.next() <= Some(start + GRACE));
    let gone = shown.announced.left_behind(start + GRACE);
    let id = |effect: &Effect| match effect {
        Effect::DeleteStatus { id } => id.to_string(),
        other => panic!("{other:?}"),
    };
    let gone: Vec<String> = gone.iter().map(id).collect();
    assert_eq!(gone, ["ServiceL2Status of shop/web on node n3"]);
    // Its Node was only seen late.
    let (mut shown, node) = (
        Shown::new(),
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: n3}\n",
    );
    shown.show(start, TRUE, &[ADVERTISED, &status("n1"), &status("n3")]);
    shown.show(
        start,
        TRUE,
        &[ADVERTISED, &status("n1"), &status("n3"), node],
    );
    assert_eq!(shown.announced.left_behind(start + GRACE), []);
}

/// The ConfigurationState of a node's speaker, which hears a host with the address.
fn claimed(node: &str) -> String {
    format!(
        "---\napiVersion: metallb.io/v1beta1\nkind: ConfigurationState\nmetadata: {{name: speaker-{node}, namespace: \
         metallb-system}}\nstatus: {{conditions: [{{type: speaker.metallb.io/addressConflict.198.51.100.1, status: \
         \"True\", reason: Warning, message: {node} hears X, lastTransitionTime: 2026-01-01T00:00:00Z}}]}}\n"
    )
}

#[tokio::test(start_paused = true)]
async fn a_claim_to_an_address_is_told_at_once_and_that_it_is_over_after_a_while() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    let (own, claimed) = (status("n1"), claimed("n1"));
    shown.show(start, TRUE, &[ADVERTISED, &own]);
    shown.show(start, TRUE, &[ADVERTISED, &own, &claimed]);
    let message = "by layer 2 from n1, but n1 hears X";
    assert_eq!(
        shown.settled(start),
        [format!("AddressConflict: {message}")]
    );
    let conflict = TRUE
        .replace("by layer 2 from n1", &format!("\"{message}\""))
        .replace("reason: Announced", "reason: AddressConflict");
    shown.show(start, &conflict, &[ADVERTISED, &own, &claimed]);
    assert_eq!(shown.announced.next(), None);
    // What is new about it is told at once too.
    let other = claimed.replace("n1 hears X", "n1 hears Y");
    shown.show(start, &conflict, &[ADVERTISED, &own, &other]);
    assert_eq!(
        shown.settled(start),
        ["AddressConflict: by layer 2 from n1, but n1 hears Y"]
    );
    shown.show(start, &conflict, &[ADVERTISED, &own, &claimed]);
    // It is over, comes again at once, and is over.
    shown.show(start, &conflict, &[ADVERTISED, &own]);
    assert_eq!(shown.settled(start + QUIET / 2), [] as [String; 0]);
    shown.show(start + QUIET / 2, &conflict, &[ADVERTISED, &own, &claimed]);
    assert_eq!(shown.announced.next(), None);
    shown.show(start + QUIET, &conflict, &[ADVERTISED, &own]);
    let told = shown.settled(start + QUIET * 2);
    assert_eq!(told, ["Announced: by layer 2 from n1"]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_is_left_to_another_host_is_told_of_at_once() {
    let (mut shown, start) = (Shown::new(), Instant::now());
    shown.show(start, TRUE, &[ADVERTISED, &claimed("n1")]);
    let told = shown.settled(start);
    assert_eq!(told, ["AddressConflict: allocated, but n1 hears X"]);
}
