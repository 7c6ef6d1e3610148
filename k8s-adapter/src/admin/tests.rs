//! What is answered to whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Json, State};
use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::post;
use clap::Parser;
use kube::{Client, Config};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::metrics::{bearer, show};
use super::probes::answer;
use super::review::{Reviewer, Verdict};
use super::{AdminError, AdminFlags, Endpoints, ProcessMetrics, Reach, Readiness};

#[derive(Debug, Parser)]
struct Flags {
    #[command(flatten)]
    admin: AdminFlags,
}

fn flags(arguments: &[&str]) -> AdminFlags {
    let arguments = ["process"].iter().chain(arguments);
    Flags::parse_from(arguments).admin
}

async fn text(response: Response) -> String {
    let octets = to_bytes(response.into_body(), 65_536).await.unwrap();
    String::from_utf8(octets.to_vec()).unwrap()
}

async fn scrape(accept: Option<&str>) -> (String, String) {
    let mut registry = Registry::default();
    let gauge: Gauge = Gauge::default();
    registry.register("things_total", "A gauge in spite of its name", gauge);
    let events: Counter = Counter::default();
    events.inc_by(3);
    registry.register("events", "What happened", events);
    let mut headers = HeaderMap::new();
    if let Some(accept) = accept {
        headers.insert(ACCEPT, accept.parse().unwrap());
    }
    let response = show(State(Arc::new(registry)), headers).await;
    assert_eq!(response.status(), StatusCode::OK);
    let content_type = response.headers()[CONTENT_TYPE]
        .to_str()
        .unwrap()
        .to_owned();
    (content_type, text(response).await)
}

#[tokio::test]
async fn metrics_are_open_metrics_for_those_who_ask() {
    let prometheus = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;q=0.3";
    let (content_type, text) = scrape(Some(prometheus)).await;
    assert!(content_type.starts_with("application/openmetrics-text; version=1.0.0"));
    assert_eq!(
        text,
        "# HELP things_total A gauge in spite of its name.\n\
         # TYPE things_total gauge\n\
         things_total 0\n\
         # HELP events What happened.\n\
         # TYPE events counter\n\
         events_total 3\n\
         # EOF\n"
    );
}

#[tokio::test]
async fn metrics_are_text_for_everybody_else_and_counters_have_their_whole_name() {
    let (content_type, text) = scrape(None).await;
    assert!(content_type.starts_with("text/plain; version=0.0.4"));
    assert_eq!(
        text,
        "# HELP things_total A gauge in spite of its name.\n\
         # TYPE things_total gauge\n\
         things_total 0\n\
         # HELP events_total What happened.\n\
         # TYPE events_total counter\n\
         events_total 3\n"
    );
}

#[test]
fn a_process_tells_of_its_cpu_time_memory_and_files() {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(ProcessMetrics::new()));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    let value = |name: &str| -> f64 {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
    };
    assert!(value("process_cpu_seconds_total") >= 0.0);
    assert!(value("process_resident_memory_bytes") > 100_000.0);
    assert!(value("process_virtual_memory_bytes") >= value("process_resident_memory_bytes"));
    assert!(value("process_open_fds") >= 3.0);
    assert!(value("process_max_fds") >= value("process_open_fds"));
    assert!(value("process_start_time_seconds") > 1.7e9);
}

#[tokio::test]
async fn readyz_says_what_is_waited_for() {
    let ready = answer(Readiness::Ready);
    assert_eq!(
        (ready.status(), &*text(ready).await),
        (StatusCode::OK, "ok")
    );
    let waiting = answer(Readiness::Waiting("Nodes are being read".into()));
    assert_eq!(waiting.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(text(waiting).await, "Nodes are being read\n");
}

#[test]
fn a_token_is_what_follows_bearer() {
    let token = |value: &str| {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
        bearer(&headers).map(str::to_owned)
    };
    assert_eq!(token("Bearer abc"), Some("abc".to_owned()));
    assert_eq!(token("bearer  abc"), Some("abc".to_owned()));
    assert_eq!(token("Basic abc"), None);
    assert_eq!(token("Bearer "), None);
    assert_eq!(bearer(&HeaderMap::new()), None);
}

#[tokio::test]
async fn without_an_api_server_nothing_is_served_unless_it_is_asked_for() {
    let open = async |arguments: &[&str]| {
        let ready = || Readiness::Ready;
        let (metrics, reach) = (Registry::default(), Reach::ThisMachine);
        Endpoints::open(&flags(arguments), None, metrics, reach, ready).await
    };
    assert!(
        open(&[])
            .await
            .is_ok_and(|endpoints| endpoints.tasks.is_empty())
    );
    assert!(
        open(&["--port=0"])
            .await
            .is_ok_and(|endpoints| endpoints.tasks.is_empty())
    );
    let refused = open(&["--port=9120"]).await;
    assert!(matches!(refused, Err(AdminError::NobodyToAsk)));
}

/// An API server that knows the tokens `scraper` and `visitor`, of whom only the first may read metrics.
async fn api_server(questions: Arc<AtomicUsize>) -> Client {
    async fn token(
        State(questions): State<Arc<AtomicUsize>>,
        Json(mut review): Json<Value>,
    ) -> Json<Value> {
        questions.fetch_add(1, Ordering::Relaxed);
        let token = review["spec"]["token"].as_str().unwrap();
        review["status"] = match token {
            "scraper" | "visitor" => json!({
                "authenticated": true,
                "user": {"username": token, "groups": ["people"]},
            }),
            _ => json!({"error": "no such token"}),
        };
        Json(review)
    }
    async fn access(Json(mut review): Json<Value>) -> Json<Value> {
        let attributes = json!({"path": "/metrics", "verb": "get"});
        assert_eq!(review["spec"]["nonResourceAttributes"], attributes);
        assert_eq!(review["spec"]["groups"], json!(["people"]));
        review["status"] = json!({"allowed": review["spec"]["user"] == "scraper"});
        Json(review)
    }
    let router = Router::new()
        .route("/apis/authentication.k8s.io/v1/tokenreviews", post(token))
        .route(
            "/apis/authorization.k8s.io/v1/subjectaccessreviews",
            post(access),
        )
        .with_state(questions);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Client::try_from(Config::new(address.parse().unwrap())).unwrap()
}

#[tokio::test]
async fn the_api_server_says_who_may_read_metrics_and_is_not_asked_again_at_once() {
    let questions = Arc::new(AtomicUsize::new(0));
    let reviewer = Reviewer::new(api_server(Arc::clone(&questions)).await);
    let forbidden = Verdict::Forbidden {
        user: "visitor".to_owned(),
    };
    for _ in 0..3 {
        let review = async |token| reviewer.review(token, "/metrics").await;
        assert_eq!(review("scraper").await, Verdict::Admitted);
        assert_eq!(review("visitor").await, forbidden);
        assert_eq!(review("stranger").await, Verdict::Unknown);
    }
    assert_eq!(questions.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn an_api_server_that_does_not_answer_admits_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let client = Client::try_from(Config::new(address.parse().unwrap())).unwrap();
    let verdict = Reviewer::new(client).review("scraper", "/metrics").await;
    assert_eq!(verdict, Verdict::Undecided);
}
