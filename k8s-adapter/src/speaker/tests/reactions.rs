//! What one change of an object reaches: what depends on it, and nothing else. No session is reset by it.

use tokio::time::Instant;

use super::world::World;
use super::{NODES, POOLS, REFLECTOR, TOR, WEB};

/// The objects that all of these tests begin with, two Services behind two routers.
fn objects() -> Vec<String> {
    let dns = WEB
        .replace("name: web", "name: dns")
        .replace(
            "kubernetes.io/service-name: web",
            "kubernetes.io/service-name: dns",
        )
        .replace("ip: 198.51.100.1", "ip: 198.51.100.2");
    [NODES, POOLS, TOR, REFLECTOR, WEB, &dns]
        .map(str::to_owned)
        .into()
}

/// The world after these objects, with nothing noted yet.
async fn world(objects: &[String]) -> World {
    let world = World::start("node-a");
    set(&world, objects).await;
    world.take_sessions();
    world.take_updates();
    world
}

async fn set(world: &World, objects: &[String]) {
    let objects: Vec<&str> = objects.iter().map(String::as_str).collect();
    world.set(&objects).await;
}

/// The objects with one text replaced, which must be there.
fn with(objects: &[String], from: &str, to: &str) -> Vec<String> {
    assert!(objects.iter().any(|object| object.contains(from)), "{from}");
    let replaced = objects.iter().map(|object| object.replace(from, to));
    replaced.collect()
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_is_gone_withdraws_its_service_at_once_and_no_other() {
    let objects = objects();
    let world = world(&objects).await;
    let is_of_dns = |object: &String| object.contains("name: dns");
    let mut gone = objects.clone();
    let dns = gone.iter_mut().find(|object| is_of_dns(object)).unwrap();
    *dns = dns.replace("ready: true", "ready: false");
    let start = Instant::now();
    set(&world, &gone).await;
    assert!(start.elapsed().as_millis() < 100, "no timer is waited for");
    assert_eq!(
        world.take_updates(),
        ["reflector -198.51.100.2/32", "tor -198.51.100.2/32"]
    );
    assert!(world.take_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn labels_of_the_node_start_and_stop_the_sessions_that_select_by_them() {
    let mut objects = objects();
    let selecting = "  nodeSelectors: [{matchLabels: {rack: one}}]";
    objects.retain(|object| object != REFLECTOR);
    objects.push(format!("{REFLECTOR}\n{selecting}"));
    let world = world(&objects).await;
    let labelled = with(
        &objects,
        "{name: node-a}",
        "{name: node-a, labels: {rack: one}}",
    );
    set(&world, &labelled).await;
    assert_eq!(world.take_sessions(), ["start reflector"]);
    assert!(
        world
            .take_updates()
            .iter()
            .all(|update| update.starts_with("reflector +"))
    );
    let other = with(&labelled, "rack: one}}\n---", "rack: one, row: two}}\n---");
    set(&world, &other).await;
    assert_eq!(world.take_sessions(), [""; 0], "it still matches");
    set(&world, &objects).await;
    assert_eq!(
        world.take_sessions(),
        ["stop reflector with 2 routes, Peer De-configured: "]
    );
    assert!(world.take_updates().is_empty());
}

#[tokio::test(start_paused = true)]
async fn labels_of_the_node_reach_the_advertisements_that_select_by_them_and_no_session() {
    let objects = with(
        &objects(),
        "kind: BGPAdvertisement\nmetadata: {name: one, namespace: metallb-system}\nspec:\n",
        "kind: BGPAdvertisement\nmetadata: {name: one, namespace: metallb-system}\nspec:\n  nodeSelectors: [{matchLabels: {rack: \
         one}}]\n",
    );
    let world = world(&objects).await;
    assert!(world.sent("tor").is_empty());
    let labelled = with(
        &objects,
        "{name: node-a}",
        "{name: node-a, labels: {rack: one}}",
    );
    set(&world, &labelled).await;
    assert_eq!(world.sent("tor").len(), 2);
    assert!(world.take_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn labels_of_another_node_reach_nothing_here() {
    let objects = objects();
    let world = world(&objects).await;
    let labelled = with(
        &objects,
        "{name: node-b}",
        "{name: node-b, labels: {rack: two}}",
    );
    set(&world, &labelled).await;
    assert!(world.take_sessions().is_empty() && world.take_updates().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_secret_reaches_the_session_that_it_is_the_password_of() {
    let mut objects = objects();
    objects.retain(|object| object != REFLECTOR);
    objects.push(format!("{REFLECTOR}\n  passwordSecret: {{name: key}}"));
    objects.push(SECRET.to_owned());
    let world = world(&objects).await;
    set(
        &world,
        &with(&objects, "password: sesame", "password: open"),
    )
    .await;
    assert_eq!(
        world.take_sessions(),
        [
            "stop reflector with 2 routes, Other Configuration Change: ",
            "start reflector"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_namespace_reaches_no_announcement() {
    let mut objects = objects();
    objects.push("apiVersion: v1\nkind: Namespace\nmetadata: {name: default}".to_owned());
    let world = world(&objects).await;
    let writes = world.record(|record| record.writes);
    let labelled = with(
        &objects,
        "metadata: {name: default}",
        "metadata: {name: default, labels: {a: b}}",
    );
    set(&world, &labelled).await;
    assert!(world.take_sessions().is_empty() && world.take_updates().is_empty());
    assert_eq!(world.record(|record| record.writes), writes);
}

#[tokio::test(start_paused = true)]
async fn an_alias_of_a_community_reaches_the_routes_that_carry_it() {
    let mut objects = with(
        &objects(),
        "kind: BGPAdvertisement\nmetadata: {name: one, namespace: metallb-system}\nspec:\n",
        "kind: BGPAdvertisement\nmetadata: {name: one, namespace: metallb-system}\nspec:\n  communities: [fast]\n  peers: [tor]\n",
    );
    objects.push(COMMUNITY.to_owned());
    let world = world(&objects).await;
    set(&world, &with(&objects, "64500:1}", "64500:2}")).await;
    assert_eq!(
        world.take_updates(),
        ["tor +198.51.100.1/32", "tor +198.51.100.2/32"]
    );
    assert!(world.take_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_service_that_comes_costs_its_own_routes() {
    let objects = objects();
    let world = world(&objects).await;
    let mut more = objects.clone();
    let other = WEB.replace("web", "other");
    more.push(other.replace("ip: 198.51.100.1", "ip: 198.51.100.3"));
    set(&world, &more).await;
    assert_eq!(
        world.take_updates(),
        ["reflector +198.51.100.3/32", "tor +198.51.100.3/32"]
    );
}

const SECRET: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: key, namespace: metallb-system}
type: kubernetes.io/basic-auth
stringData: {password: sesame}";

const COMMUNITY: &str = "\
apiVersion: metallb.io/v1beta1
kind: Community
metadata: {name: all, namespace: metallb-system}
spec:
  communities: [{name: fast, value: 64500:1}]";
