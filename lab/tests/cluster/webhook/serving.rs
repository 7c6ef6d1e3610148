//! The webhook's certificate, its conversion, and what becomes of requests while nobody serves it.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use k8s_openapi::ByteString;
use lab::{GOODBYE, Process, until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::{Value, json};

use super::site::{NAMESPACE, PORT, Site};
use crate::harness::manifest;
use crate::object::{Object, TIMEOUT};

const DNS_NAME: &str = "metallb-webhook-service.metallb-system.svc";

fn pool(name: &str, addresses: &str) -> Value {
    json!({
        "apiVersion": "metallb.io/v1beta1", "kind": "IPAddressPool",
        "metadata": { "name": name, "namespace": NAMESPACE }, "spec": { "addresses": [addresses] },
    })
}

fn bytes(text: &str) -> ByteString {
    ByteString(text.as_bytes().to_vec())
}

/// A text that a Secret holds.
fn text(secret: &Object, key: &str) -> String {
    let held: ByteString = serde_json::from_value(secret.at_path(&format!("/data/{key}"))).unwrap();
    String::from_utf8(held.0).unwrap()
}

/// A certificate for the webhook that ends tomorrow, and its key.
fn short_lived(authority: &Issuer<'_, KeyPair>) -> (String, String) {
    let mut params = CertificateParams::new(vec![DNS_NAME.to_owned()]).unwrap();
    let now = time::OffsetDateTime::now_utc();
    params.not_before = now - time::Duration::HOUR;
    params.not_after = now + time::Duration::DAY;
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// How often a process has begun to show another certificate.
fn shown(process: &mut Process) -> usize {
    let log = process.output();
    log.matches("the webhook shows the certificate").count()
}

#[test]
fn the_certificate_is_renewed_by_one_of_several_while_requests_go_on() {
    let Some(mut site) = Site::own() else { return };
    let mut second = site.start_server("second", PORT + 1);
    let mut first = site.server.take().unwrap();
    until("both serving", TIMEOUT, || {
        Ok((shown(&mut first) == 1 && shown(&mut second) == 1).then_some(()))
    })
    .unwrap();
    let secret = site.object("v1", "Secret", "metallb-webhook-cert");
    let made = (text(&secret, "tls.crt"), text(&secret, "ca.crt"));
    let key = KeyPair::from_pem(&text(&secret, "ca.key")).unwrap();
    let (certificate, key) = short_lived(&Issuer::from_ca_cert_pem(&made.1, key).unwrap());

    // Whoever asks meanwhile is answered, each time.
    let (site, stop) = (Arc::new(site), Arc::new(AtomicBool::new(false)));
    let asking = {
        let (site, stop) = (Arc::clone(&site), Arc::clone(&stop));
        thread::spawn(move || {
            let mut answers = 0;
            while !stop.load(Ordering::Relaxed) {
                let answer = site.dry_run(&pool("asked", "198.51.100.0/24"));
                assert_eq!(answer.refusal(), "", "after {answers} good answers");
                answers += 1;
            }
            answers
        })
    };
    secret.patch(json!({ "data": { "tls.crt": bytes(&certificate), "tls.key": bytes(&key) } }));
    secret.until("renewed", |secret| {
        let held = secret?.pointer("/data/tls.crt")?;
        (*held != json!(bytes(&certificate)) && *held != json!(bytes(&made.0))).then_some(())
    });
    // Who renewed it shows the new one at once, the other may have shown the one before it, too.
    until("both showing another one", TIMEOUT, || {
        Ok((shown(&mut first) >= 2 && shown(&mut second) >= 2).then_some(()))
    })
    .unwrap();
    stop.store(true, Ordering::Relaxed);
    assert!(asking.join().unwrap() > 0);
    assert_eq!(text(&secret, "ca.crt"), made.1);

    // Without its Secret all is made anew, and the API server is told to trust nothing else.
    secret.request_deletion();
    secret.until("made anew", |secret| {
        let authority = secret?.pointer("/data/ca.crt")?;
        (*authority != json!(bytes(&made.1))).then_some(())
    });
    let authorities = json!(bytes(&text(&secret, "ca.crt")));
    site.configuration()
        .until("trusting the new authority", |configuration| {
            let webhooks = configuration?["webhooks"].as_array()?;
            webhooks
                .iter()
                .all(|webhook| webhook["clientConfig"]["caBundle"] == authorities)
                .then_some(())
        });
    site.until_trusted();
    site.call_at(PORT + 1);
    site.until_trusted();
    drop((first, second));
}

#[test]
fn a_certificate_from_a_folder_is_served_and_replaced() {
    let Some(site) = Site::without_server() else {
        return;
    };
    let folder = site.plane.folder().join("webhook");
    fs::create_dir(&folder).unwrap();
    let make = || {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = params.self_signed(&key).unwrap().pem();
        let (certificate, key) = short_lived(&Issuer::new(params, key));
        fs::write(folder.join("tls.key"), key).unwrap();
        fs::write(folder.join("tls.crt"), certificate).unwrap();
        site.patch_webhooks(&json!({ "clientConfig": { "caBundle": bytes(&authority) } }));
        authority
    };
    let first = make();
    let flags = [
        "--disable-cert-rotation".to_owned(),
        format!("--cert-dir={}", folder.display()),
    ];
    let _server = site.start_process("folder", PORT, "onlywebhook", &flags);
    site.until_trusted();
    assert_eq!(
        site.object("v1", "Secret", "metallb-webhook-cert").get(),
        None
    );
    let second = make();
    site.until_trusted();
    assert_ne!(first, second);
    let trusted = site
        .configuration()
        .at_path("/webhooks/0/clientConfig/caBundle");
    assert_eq!(trusted, json!(bytes(&second)));
}

#[test]
fn the_failure_policy_decides_while_nobody_serves_the_webhook() {
    let Some(site) = Site::without_server() else {
        return;
    };
    until("an API server that calls it in vain", TIMEOUT, || {
        let refused = site.dry_run(&pool("first", "198.51.100.0/24"));
        let is_called = refused.refusal().contains("failed calling webhook");
        Ok(is_called.then_some(()))
    })
    .unwrap();
    site.patch_webhooks(&json!({ "failurePolicy": "Ignore" }));
    until("an API server that ignores it", TIMEOUT, || {
        Ok((site.create(&pool("first", "198.51.100.0/24")).status == 201).then_some(()))
    })
    .unwrap();
    assert_eq!(
        site.create(&pool("overlaps", "198.51.100.0/25")).status,
        201
    );
    // Once somebody serves it, it refuses again. What is wrong already holds up nobody.
    let server = site.start_server("webhook", PORT);
    until("a webhook that refuses", TIMEOUT, || {
        let answer = site.dry_run(&pool("overlaps-too", "198.51.100.128/25"));
        Ok(answer
            .refusal()
            .contains("denied the request")
            .then_some(()))
    })
    .unwrap();
    assert_eq!(site.create(&pool("fits", "203.0.113.0/24")).status, 201);
    server.kill().unwrap();
    assert_eq!(
        site.create(&pool("overlaps-too", "198.51.100.128/25"))
            .status,
        201
    );
}

#[test]
fn beside_the_controller_it_needs_no_more_rights_than_the_manifests_give() {
    let Some(site) = Site::without_server() else {
        return;
    };
    site.plane.apply(&manifest("rbac.yaml"), NAMESPACE).unwrap();
    let controller = site.start_process("enabled", PORT, "enabled", &[]);
    site.until_trusted();
    assert_eq!(site.create(&pool("web", "198.51.100.7/32")).status, 201);
    let service = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "web", "namespace": NAMESPACE },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }] },
    });
    assert_eq!(site.create(&service).status, 201);
    let service = site.object("v1", "Service", "web");
    service.until_path("/status/loadBalancer/ingress/0/ip", &json!("198.51.100.7"));
    let refused = site.create(&pool("overlaps", "198.51.100.0/24"));
    assert!(
        refused.refusal().contains("denied the request"),
        "{refused:?}"
    );
    let log = controller.output();
    assert!(!log.contains("forbidden"), "{log}");
    assert!(controller.terminate(GOODBYE).unwrap().success());
}
