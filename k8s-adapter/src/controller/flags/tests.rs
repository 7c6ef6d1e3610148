//! The command lines and environments that MetalLB's manifests start a controller with.

use planner::snapshot::BgpDefaults;

use super::*;
use crate::flags::{LogLevel, testing};
use crate::source::SourceOption;

fn flags(arguments: &[&str]) -> ControllerFlags {
    testing::parse(arguments).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_flag_of_metallb_has_its_variable_and_default() {
    for (flag, expected) in [
        ("port", None),
        ("namespace", Some("METALLB_NAMESPACE")),
        ("ml-secret-name", Some("METALLB_ML_SECRET_NAME")),
        ("deployment", Some("METALLB_DEPLOYMENT")),
        ("log-level", None),
        ("pprof-bind-address", None),
        ("health-probe-port", None),
        ("disable-cert-rotation", None),
        ("cert-dir", None),
        ("cert-service-name", None),
        ("lb-class", None),
        ("webhook-mode", None),
        ("webhook-secret", None),
        ("pod-name", Some("METALLB_POD_NAME")),
        ("webhook-http2", None),
        ("tls-min-version", None),
        ("tls-cipher-suites", None),
        ("tls-curve-preferences", None),
        ("metrics-cert-dir", None),
        ("bgp-type", Some("METALLB_BGP_TYPE")),
    ] {
        assert_eq!(
            testing::variable::<ControllerFlags>(flag).as_deref(),
            expected,
            "--{flag}"
        );
    }
    let flags = flags(&[]);
    assert_eq!(flags.common.source, SourceOption::Kube);
    assert_eq!(flags.common.log_level, LogLevel::Info);
    assert_eq!(flags.webhook.webhook_mode, WebhookMode::Enabled);
    assert_eq!(flags.webhook.webhook_port, 9443);
    assert_eq!(flags.webhook.cert_service_name, "metallb-webhook-service");
    assert_eq!(flags.webhook.webhook_secret, "metallb-webhook-cert");
    assert!(flags.leader_elect);
    assert!(!flags.webhook.disable_cert_rotation && !flags.webhook.webhook_http2);
}

#[test]
fn the_command_line_of_metallbs_chart_is_understood() {
    let flags = flags(&[
        "--port=9120",
        "--log-level=all",
        "--webhook-mode=onlywebhook",
        "--disable-cert-rotation=true",
        "--cert-service-name=hook",
        "--webhook-http2",
        "--lb-class=lab",
        "--tls-min-version=VersionTLS12",
        "--leader-elect=false",
        "--bgp-type=frr-k8s",
    ]);
    assert_eq!(flags.admin.port, Some(9120));
    assert_eq!(flags.common.log_level, LogLevel::All);
    assert_eq!(flags.webhook.webhook_mode, WebhookMode::OnlyWebhook);
    assert_eq!(flags.webhook.cert_service_name, "hook");
    assert!(flags.webhook.disable_cert_rotation && flags.webhook.webhook_http2);
    assert!(!flags.leader_elect);
    let planner = flags.translate_options().planner;
    assert_eq!(planner.load_balancer_class.as_deref(), Some("lab"));
    assert_eq!(planner.bgp_defaults, BgpDefaults::Frr);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        "--log-level=loud",
        "--webhook-mode=perhaps",
        "--leader-elect=perhaps",
        "--port=70000",
        "--tls-min-version=VersionTLS11",
        "--no-such-flag",
    ] {
        assert!(
            testing::parse::<ControllerFlags>(&[wrong]).is_err(),
            "{wrong}"
        );
    }
}
