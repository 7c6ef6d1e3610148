//! What is asked of an API server.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kube::client::Body;
use planner::names::NodeName;
use tokio::time::timeout;
use tower::service_fn;

use super::*;

/// The lists of Services that a process asks for by the time that all is quiet, of a server that has no objects.
async fn lists_of_services(component: Component) -> usize {
    let lists = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&lists);
    let service = service_fn(move |request: http::Request<Body>| {
        let counted = Arc::clone(&counted);
        async move {
            let uri = request.uri();
            if uri
                .query()
                .is_some_and(|query| query.contains("watch=true"))
            {
                // Nothing ever happens.
                return pending().await;
            }
            if uri.path() == "/api/v1/services" {
                counted.fetch_add(1, Ordering::Relaxed);
            }
            let list = r#"{"metadata": {"resourceVersion": "1"}, "items": []}"#;
            Ok::<_, kube::Error>(http::Response::new(Body::from(list.as_bytes().to_vec())))
        }
    });
    let client = Client::new(service, "default");
    let mut source = KubeSource::new(&client, "metallb-system", &component);
    source.changed().await.unwrap();
    let next = timeout(Duration::from_secs(60), source.changed()).await;
    assert!(next.is_err(), "nothing happens");
    lists.load(Ordering::Relaxed)
}

#[tokio::test(start_paused = true)]
async fn only_the_controller_looks_for_services_that_were_of_another_type_before() {
    assert_eq!(lists_of_services(Component::Controller).await, 2);
    let speaker = Component::Speaker(NodeName::new("node1"));
    assert_eq!(lists_of_services(speaker).await, 1);
}
