//! The speaker against recorders, in virtual time.

mod drain;
mod fence;
mod kube_proxy;
mod membership;
mod reactions;
mod simulation;
mod world;

use std::time::Duration;

use tokio::time::sleep;

use super::{FIRST_PAUSE, SLOW_TIMER};
use world::{HAND_OVER, PROBE, World};

#[tokio::test(start_paused = true)]
async fn nothing_is_announced_before_the_source_has_been_read() {
    let world = World::start("node-a");
    world.settle().await;
    assert!(world.take_sessions().is_empty());
    assert!(world.record(|record| record.statuses.is_empty() && record.error_summary.is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_cannot_be_read_at_all_ends_the_speaker() {
    let world = World::start("node-a");
    world.fail().await;
    world.ended().await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_source_that_fails_later_changes_nothing_and_is_tried_again() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.take_sessions();
    world.fail().await;
    assert!(world.take_sessions().is_empty());
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
    assert_eq!(world.statuses().len(), 2);
    world.fail().await;
    world.set(&[NODES, POOLS, TOR]).await;
    sleep(4 * FIRST_PAUSE).await;
    assert!(world.sent("tor").is_empty());
    world.terminate().await;
}

#[tokio::test(start_paused = true)]
async fn editing_another_peer_resets_no_session() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, REFLECTOR, WEB]).await;
    assert_eq!(world.take_sessions(), ["start reflector", "start tor"]);
    let moved = REFLECTOR.replace("203.0.113.2", "203.0.113.3");
    world.set(&[NODES, POOLS, TOR, &moved, WEB]).await;
    assert_eq!(
        world.take_sessions(),
        [
            "stop reflector with 1 routes, Other Configuration Change: ",
            "start reflector"
        ]
    );
    assert_eq!(world.sent("reflector"), ["198.51.100.1/32"]);
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    assert_eq!(
        world.take_sessions(),
        ["stop reflector with 1 routes, Peer De-configured: "]
    );
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_comes_back_waits_for_its_old_session_to_end() {
    let world = World::start("node-a");
    world.change(|record| record.goodbye = Duration::from_secs(1));
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.set(&[NODES, POOLS, WEB]).await;
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    assert_eq!(world.take_sessions(), ["start tor"]);
    sleep(Duration::from_secs(1)).await;
    let told = ["stop tor with 1 routes, Peer De-configured: ", "start tor"];
    assert_eq!(world.take_sessions(), told);
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
}

#[tokio::test(start_paused = true)]
async fn settings_that_a_session_can_take_over_do_not_restart_it() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.take_sessions();
    let slower = TOR.replace("peerASN: 64512", "peerASN: 64512\n  connectTime: 10s");
    world.set(&[NODES, POOLS, &slower, WEB]).await;
    assert_eq!(world.take_sessions(), ["reconfigure tor"]);
}

#[tokio::test(start_paused = true)]
async fn a_deleted_service_is_withdrawn_and_its_sessions_stay() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    assert_eq!(
        world.statuses(),
        ["l2 default/web {}", "bgp default/web {\"tor\"}"]
    );
    world.take_sessions();
    world.set(&[NODES, POOLS, TOR]).await;
    assert!(world.take_sessions().is_empty());
    assert!(world.sent("tor").is_empty());
    assert!(world.answers("eth0").is_empty());
    assert!(world.statuses().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_broken_object_keeps_the_rest_and_is_reported() {
    let world = World::start("node-a");
    let broken = TOR
        .replace("name: tor", "name: broken")
        .replace("myASN: 64500", "myASN: 0");
    world.set(&[NODES, POOLS, TOR, &broken, WEB]).await;
    assert_eq!(world.take_sessions(), ["start tor"]);
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    let summary = world.record(|record| record.error_summary.clone());
    assert!(
        summary.contains("broken") && summary.contains("myASN"),
        "{summary}"
    );
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    assert_eq!(world.record(|record| record.error_summary.clone()), "");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_breaks_keeps_its_last_good_version_in_force() {
    let world = World::start("node-a");
    world.set(&[NODES, POOLS, TOR, WEB]).await;
    world.take_sessions();
    world
        .set(&[NODES, POOLS, &TOR.replace("myASN: 64500", "myASN: 0"), WEB])
        .await;
    assert!(world.take_sessions().is_empty());
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
}

#[tokio::test(start_paused = true)]
async fn an_excluded_node_withdraws_and_layer_2_moves_to_another() {
    let (here, there) = (World::start("node-a"), World::start("node-b"));
    for world in [&here, &there] {
        world.set(&[NODES, POOLS, TOR, WEB]).await;
    }
    let before = (here.answers("eth0"), there.answers("eth0"));
    assert_eq!(before.0.len() + before.1.len(), 1, "one owner: {before:?}");
    let (owner, name) = if before.0.is_empty() {
        (&there, "node-b")
    } else {
        (&here, "node-a")
    };
    let excluded = NODES.replace(
        &format!("name: {name}}}"),
        &format!("name: {name}, labels: {{node.kubernetes.io/exclude-from-external-load-balancers: \"\"}}}}"),
    );
    assert_ne!(excluded, NODES);
    for world in [&here, &there] {
        world.take_sessions();
        world.set(&[&excluded, POOLS, TOR, WEB]).await;
        assert!(world.take_sessions().is_empty());
    }
    assert!(owner.sent("tor").is_empty());
    assert!(owner.statuses().is_empty());
    sleep(2 * HAND_OVER).await;
    let after = (here.answers("eth0"), there.answers("eth0"));
    assert_eq!(after, (before.1, before.0));
}

#[tokio::test(start_paused = true)]
async fn the_status_of_an_owner_that_died_goes_when_another_node_takes_over() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS]).await;
    let of = |service: &str| {
        format!(
            "apiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata: {{name: l2-{service}.default.node-0, \
             namespace: metallb-system}}\nspec: {{}}\nstatus: {{node: node-0, serviceName: {service}, \
             serviceNamespace: default}}"
        )
    };
    let (dead, other) = (of("web"), of("other"));
    world.set(&[ONE_NODE, POOLS, &dead, &other]).await;
    assert_eq!(world.deleted(), [] as [String; 0]);
    world.set(&[ONE_NODE, POOLS, WEB, &dead, &other]).await;
    assert_eq!(world.deleted(), [] as [String; 0], "it is looked for first");
    sleep(PROBE).await;
    let gone = "ServiceL2Status of default/web on node node-0";
    assert_eq!(world.deleted(), [gone]);
    assert_eq!(world.statuses(), ["l2 default/web {}"]);
}

/// Two nodes that hand an address over both say for a moment that it is theirs. Who comes later is alive, and would not
/// notice that what it has just said of itself is gone.
#[tokio::test(start_paused = true)]
async fn the_status_of_an_owner_that_comes_later_is_left_alone() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, WEB]).await;
    let later = "apiVersion: metallb.io/v1beta1\nkind: ServiceL2Status\nmetadata: {name: l2-web.default.node-0, \
        namespace: metallb-system}\nspec: {}\nstatus: {node: node-0, serviceName: web, serviceNamespace: default}";
    world.set(&[ONE_NODE, POOLS, WEB, later]).await;
    assert_eq!(world.deleted(), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn an_announcement_is_told_once() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    let bgp = "nodeAssigned announcing from node \"node-a\" with protocol \"bgp\"";
    let layer2 = "nodeAssigned announcing from node \"node-a\" with protocol \"layer2\"";
    let mut events = world.record(|record| record.events.clone());
    events.sort();
    assert_eq!(events, [bgp, layer2]);
    world.set(&[ONE_NODE, POOLS, TOR, REFLECTOR, WEB]).await;
    assert_eq!(world.record(|record| record.events.len()), 2);
}

#[tokio::test(start_paused = true)]
async fn an_interface_that_is_named_and_absent_is_an_event_and_one_that_appears_is_used() {
    let world = World::start("node-a");
    let named = POOLS.replace(
        "ipAddressPools: [one]",
        "ipAddressPools: [one]\n  interfaces: [eth1]",
    );
    world.set(&[ONE_NODE, &named, WEB]).await;
    let failed = |events: &[String]| {
        events
            .iter()
            .filter(|event| event.starts_with("announceFailed"))
            .count()
    };
    assert_eq!(world.record(|record| failed(&record.events)), 1);
    assert!(world.answers("eth0").is_empty());
    world.set_links(&["eth0", "eth1"]).await;
    assert_eq!(world.answers("eth1"), ["198.51.100.1"]);
    assert!(world.answers("eth0").is_empty());
    assert_eq!(world.record(|record| failed(&record.events)), 1);
    assert_eq!(world.statuses(), ["l2 default/web {\"eth1\"}"]);
}

#[tokio::test(start_paused = true)]
async fn links_that_are_excluded_by_name_do_not_answer() {
    let world = World::start("node-a");
    world.set_links(&["eth0", "veth7", "wlan0"]).await;
    world.set(&[ONE_NODE, POOLS, WEB]).await;
    assert_eq!(world.answers("wlan0"), ["198.51.100.1"]);
    assert!(world.answers("veth7").is_empty());
    world.set(&[ONE_NODE, POOLS, WEB, EXCLUDE_WLAN]).await;
    assert!(world.answers("wlan0").is_empty());
    assert_eq!(world.answers("veth7"), ["198.51.100.1"]);
    world
        .set(&[ONE_NODE, POOLS, WEB, &EXCLUDE_WLAN.replace("^wlan", "(")])
        .await;
    assert!(
        world.answers("wlan0").is_empty(),
        "the last good list stays in force"
    );
    let summary = world.record(|record| record.error_summary.clone());
    assert!(summary.contains("metallb-excludel2"), "{summary}");
}

#[tokio::test(start_paused = true)]
async fn a_link_whose_sockets_break_counts_as_absent_until_the_next_attempt() {
    let world = World::start("node-a");
    let named = POOLS.replace(
        "ipAddressPools: [one]",
        "ipAddressPools: [one]\n  interfaces: [eth0]",
    );
    world.set(&[ONE_NODE, &named, WEB]).await;
    assert_eq!(world.statuses(), ["l2 default/web {\"eth0\"}"]);
    world.break_sockets("eth0").await;
    assert!(world.answers("eth0").is_empty());
    assert!(world.statuses().is_empty());
    sleep(SLOW_TIMER).await;
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
    assert_eq!(world.statuses(), ["l2 default/web {\"eth0\"}"]);
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_open_packet_sockets_bgp_still_works() {
    let world = World::start("node-a");
    world.change(|record| record.closed_links.extend(["eth0".to_owned()]));
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    assert!(world.answers("eth0").is_empty());
    world.change(|record| record.closed_links.clear());
    sleep(SLOW_TIMER).await;
    assert_eq!(world.answers("eth0"), ["198.51.100.1"]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_sink_holds_up_no_announcement() {
    let world = World::start("node-a");
    world.change(|record| record.sink_delay = Duration::from_secs(60));
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    world.set(&[ONE_NODE, POOLS, TOR]).await;
    assert!(world.sent("tor").is_empty());
    sleep(Duration::from_secs(300)).await;
    assert!(
        world.statuses().is_empty(),
        "what is told in the end is the newest"
    );
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_changes_nothing_writes_nothing() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR, WEB, STATUSES]).await;
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"]);
    assert_eq!(world.record(|record| record.writes), 0);
}

#[tokio::test(start_paused = true)]
async fn status_that_an_earlier_process_left_behind_is_removed() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR, STATUSES]).await;
    assert_eq!(
        world.record(|record| record.writes),
        2,
        "one for each protocol"
    );
}

#[tokio::test(start_paused = true)]
async fn settings_that_the_engine_refuses_are_reported_with_their_peer() {
    let world = World::start("node-a");
    world.change(|record| record.refuse_sessions = true);
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    assert!(world.take_sessions().is_empty());
    let summary = world.record(|record| record.error_summary.clone());
    assert_eq!(summary, "BGPPeer tor: password is empty");
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_is_refused_for_the_address_of_another_is_taken_up_when_that_one_goes() {
    let world = World::start("node-a");
    // Nobody connects to the port, but by it the two differ.
    let passive = |name: &str, port: u16| {
        let metadata = format!("{{name: {name}, annotations: {{ferrolb.io/passive: \"true\"}}, ");
        TOR.replace("{name: tor, ", &metadata) + &format!("\n  peerPort: {port}")
    };
    let (first, second) = (passive("first", 179), passive("second", 1179));
    world.set(&[ONE_NODE, POOLS, &first, &second, WEB]).await;
    assert_eq!(world.take_sessions(), ["start first"]);
    let summary = || world.record(|record| record.error_summary.clone());
    assert_eq!(
        summary(),
        "BGPPeer second: connections from 203.0.113.1 go to another BGPPeer's session"
    );
    world.set(&[ONE_NODE, POOLS, &second, WEB]).await;
    assert_eq!(
        world.take_sessions(),
        [
            "stop first with 1 routes, Peer De-configured: ",
            "start second"
        ]
    );
    assert_eq!(world.sent("second"), ["198.51.100.1/32"]);
    assert_eq!(summary(), "");
}

#[tokio::test(start_paused = true)]
async fn a_running_session_that_is_refused_new_settings_gets_them_once_that_is_possible() {
    let world = World::start("node-a");
    let router = "203.0.113.1".parse().unwrap();
    world.change(|record| assert!(record.admitted.insert(router)));
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    let passive = TOR.replace(
        "{name: tor, ",
        "{name: tor, annotations: {ferrolb.io/passive: \"true\"}, ",
    );
    world.set(&[ONE_NODE, POOLS, &passive, WEB]).await;
    let expected = "settings refused, and tried again: connections from 203.0.113.1 go to another BGPPeer's session";
    assert_eq!(world.last_error("tor").as_deref(), Some(expected));
    assert_eq!(world.take_sessions(), ["start tor"]);
    assert_eq!(world.sent("tor"), ["198.51.100.1/32"], "it goes on");
    sleep(Duration::from_secs(20)).await;
    world.change(|record| assert!(record.admitted.remove(&router)));
    sleep(Duration::from_secs(30)).await;
    assert_eq!(world.take_sessions(), ["reconfigure tor"]);
    assert_eq!(world.last_error("tor"), None);
    assert_eq!(world.record(|record| record.error_summary.clone()), "");
}

#[tokio::test(start_paused = true)]
async fn advertisements_that_contradict_each_other_for_a_service_are_reported() {
    let world = World::start("node-a");
    let picky = "apiVersion: metallb.io/v1beta1\nkind: BGPAdvertisement\nmetadata: {name: picky, namespace: \
                 metallb-system}\nspec: {localPref: 200, serviceSelectors: [{matchExpressions: [{key: none, operator: \
                 DoesNotExist}]}]}";
    world.set(&[ONE_NODE, POOLS, TOR, picky, WEB]).await;
    assert!(world.sent("tor").is_empty());
    let summary = world.record(|record| record.error_summary.clone());
    assert_eq!(
        summary,
        "BGPAdvertisement picky: spec.localPref: contradicts BGPAdvertisement one, which selects Service default/web too; \
         the Service is not announced by BGP"
    );
}

#[tokio::test(start_paused = true)]
async fn sigterm_withdraws_says_why_and_leaves_the_status_to_the_next_process() {
    let world = World::start("node-a");
    world.set(&[ONE_NODE, POOLS, TOR, WEB]).await;
    world.take_sessions();
    let statuses = world.record(|record| record.statuses.clone());
    assert!(!statuses.is_empty());
    let record = world.terminate().await;
    assert_eq!(
        record.sessions,
        ["stop tor with 0 routes, Administrative Shutdown: speaker on node-a is stopping"]
    );
    assert!(record.sent.is_empty());
    assert!(record.answers.is_empty());
    assert_eq!(record.statuses, statuses);
}

const ONE_NODE: &str = "\
apiVersion: v1
kind: Node
metadata: {name: node-a}";

const NODES: &str = "\
apiVersion: v1
kind: Node
metadata: {name: node-a}
---
apiVersion: v1
kind: Node
metadata: {name: node-b}";

const POOLS: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: {name: one, namespace: metallb-system}
spec:
  addresses: [198.51.100.0/28]
---
apiVersion: metallb.io/v1beta1
kind: BGPAdvertisement
metadata: {name: one, namespace: metallb-system}
spec:
  ipAddressPools: [one]
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: {name: one, namespace: metallb-system}
spec:
  ipAddressPools: [one]";

pub(super) const TOR: &str = "\
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: tor, namespace: metallb-system}
spec:
  myASN: 64500
  peerASN: 64512
  peerAddress: 203.0.113.1";

const REFLECTOR: &str = "\
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: reflector, namespace: metallb-system}
spec:
  myASN: 64500
  peerASN: 64500
  peerAddress: 203.0.113.2";

const WEB: &str = "\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  type: LoadBalancer
  clusterIP: 10.96.0.10
  clusterIPs: [10.96.0.10]
  ports: [{port: 80, protocol: TCP}]
status:
  loadBalancer:
    ingress: [{ip: 198.51.100.1}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
endpoints:
- addresses: [10.244.0.10]
  nodeName: node-a
  conditions: {ready: true}
ports: [{port: 80, protocol: TCP}]";

const EXCLUDE_WLAN: &str = "\
apiVersion: v1
kind: ConfigMap
metadata: {name: metallb-excludel2, namespace: metallb-system}
data:
  excludel2.yaml: |
    announcedInterfacesToExclude: [\"^wlan\"]";

const STATUSES: &str = "\
apiVersion: metallb.io/v1beta1
kind: ServiceL2Status
metadata: {name: l2-web.default.node-a, namespace: metallb-system}
spec: {}
status: {node: node-a, serviceName: web, serviceNamespace: default}
---
apiVersion: metallb.io/v1beta1
kind: ServiceBGPStatus
metadata: {name: bgp-web.default.node-a, namespace: metallb-system}
spec: {}
status: {node: node-a, serviceName: web, serviceNamespace: default, peers: [tor]}";
