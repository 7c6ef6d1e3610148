//! An API server that is killed, stands still, forgets, or is slow.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lab::cluster::{Access, ControlPlane};
use nix::sys::signal::Signal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use crate::harness::own;
use crate::tenant::Tenant;

const API_SERVER: &str = "127.0.0.1:6443";
const ETCD: &str = "127.0.0.1:2379";

#[test]
fn a_killed_server_that_comes_back_finds_all_addresses_kept_and_the_waiting_served() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "killed");
    let pool = tenant.pool("web", &[tenant.v4("0/31")]);
    tenant.start_controller();
    let (first, second) = (
        tenant.create_service("first"),
        tenant.create_service("second"),
    );
    let held = [first.until_address(), second.until_address()];
    let waiting = tenant.create_service("waiting");
    waiting.until_pending();

    plane.kill_api_server().unwrap();
    plane.start_api_server().unwrap();
    pool.patch(serde_json::json!({"spec": {"addresses": [tenant.v4("0/30")]}}));
    waiting.until_address();
    assert_eq!([first.until_address(), second.until_address()], held);
    tenant.controller().expect_running().unwrap();
}

/// Connections stay open, and nothing is answered.
#[test]
fn a_server_that_stands_still_for_a_while_is_waited_for() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "still");
    tenant.pool("web", &[tenant.v4("0/25")]);
    tenant.start_controller();
    let held = tenant.create_service("held");
    let address = held.until_address();
    plane.signal_api_server(Signal::SIGSTOP).unwrap();
    std::thread::sleep(Duration::from_secs(12));
    plane.signal_api_server(Signal::SIGCONT).unwrap();
    tenant.create_service("new").until_address();
    assert_eq!(held.addresses(), [address]);
    tenant.controller().expect_running().unwrap();
}

/// While the controller is not looking, a Service goes and another one comes, and the server forgets how that came about.
#[test]
fn what_is_missed_because_a_watch_has_expired_is_listed() {
    let Some(plane) = own() else { return };
    let mut tenant = Tenant::on(&plane, "expired");
    tenant.pool("web", &[tenant.v4("7/32")]);
    tenant.start_controller();
    let first = tenant.create_service("first");
    let address = first.until_address();
    tenant.settle();

    tenant.controller().signal(Signal::SIGSTOP).unwrap();
    // Its watches are gone, so that it cannot be told.
    plane.kill_api_server().unwrap();
    plane.start_api_server().unwrap();
    first.delete();
    let second = tenant.create_service("second");
    let version = second.at_path("/metadata/resourceVersion");
    plane.kill_api_server().unwrap();
    compact_etcd(&plane, version.as_str().unwrap());
    plane.start_api_server().unwrap();
    let audit = tenant.audit();
    tenant.controller().signal(Signal::SIGCONT).unwrap();

    second.until_addresses(&[address]);
    assert!(tenant.requests_since(&audit).of("list services") > 0);
}

/// Forgets everything before a revision, which is what Kubernetes calls a resource version.
fn compact_etcd(plane: &ControlPlane, revision: &str) {
    let body = format!(r#"{{"revision": {revision}}}"#);
    let request = format!(
        "POST /v3/kv/compaction HTTP/1.1\r\nHost: etcd\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = plane.block_on(async move {
        let mut stream = TcpStream::connect(ETCD).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        io::Result::Ok(answer)
    });
    let answer = answer.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_slow_server_delays_addresses_and_breaks_nothing() {
    let Some(mut tenant) = Tenant::prepare("slow") else {
        return;
    };
    let proxy = start_slow_proxy(&tenant.plane, Duration::from_millis(400));
    tenant.run.access = Access {
        server: format!("https://{proxy}"),
        ..tenant.run.access.clone()
    };
    let pool = tenant.pool("web", &[tenant.v4("0/25")]);
    tenant.start_controller();
    let audit = tenant.audit();
    let services: Vec<_> = (0..8)
        .map(|number| tenant.create_service(&format!("web-{number}")))
        .collect();
    let mut addresses: Vec<_> = services
        .iter()
        .map(|service| service.until_address())
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    assert_eq!(addresses.len(), 8, "{addresses:?}");
    pool.until_path("/status/assignedIPv4", &8.into());
    let requests = tenant.requests_since(&audit);
    assert_eq!(requests.of("patch services/status"), 8, "{requests}");
}

/// Passes connections on to the API server, and each piece of what is said after this delay.
fn start_slow_proxy(plane: &ControlPlane, delay: Duration) -> SocketAddr {
    plane.block_on(async move {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(API_SERVER).await else {
                    continue;
                };
                let ((from_client, to_client), (from_server, to_server)) =
                    (client.into_split(), server.into_split());
                tokio::spawn(pass_on(from_client, to_server, delay));
                tokio::spawn(pass_on(from_server, to_client, delay));
            }
        });
        address
    })
}

async fn pass_on(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, delay: Duration) {
    let mut piece = vec![0; 1 << 16];
    loop {
        let length = match from.read(&mut piece).await {
            Ok(length) if length > 0 => length,
            _ => return,
        };
        sleep(delay).await;
        if to.write_all(&piece[..length]).await.is_err() {
            return;
        }
    }
}
