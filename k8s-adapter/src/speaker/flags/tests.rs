//! The command lines and environments that MetalLB's manifests start a speaker with.

use planner::snapshot::BgpDefaults;

use super::*;
use crate::flags::{BgpType, LogLevel, testing};
use crate::source::SourceOption;

fn try_flags(arguments: &[&str]) -> Result<SpeakerFlags, clap::Error> {
    testing::parse(&[&["--node-name=node1"], arguments].concat())
}

fn flags(arguments: &[&str]) -> SpeakerFlags {
    try_flags(arguments).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_flag_of_metallb_has_its_variable_and_default() {
    for (flag, expected) in [
        ("node-name", Some("METALLB_NODE_NAME")),
        ("pod-name", Some("METALLB_POD_NAME")),
        ("namespace", Some("METALLB_NAMESPACE")),
        ("host", Some("METALLB_HOST")),
        ("ml-bindaddr", Some("METALLB_ML_BIND_ADDR")),
        ("ml-bindport", Some("METALLB_ML_BIND_PORT")),
        ("ml-labels", Some("METALLB_ML_LABELS")),
        ("ml-secret-key-path", Some("METALLB_ML_SECRET_KEY_PATH")),
        ("ml-wan-config", None),
        ("port", None),
        ("log-level", None),
        ("pprof-bind-address", None),
        ("health-probe-port", None),
        ("lb-class", None),
        ("ignore-exclude-lb", None),
        ("bgp-debounce-timeout", Some("METALLB_BGP_DEBOUNCE_TIMEOUT")),
        ("frrk8s-namespace", Some("FRRK8S_NAMESPACE")),
        ("frrk8s-secret-passthrough", None),
        ("tls-min-version", None),
        ("tls-cipher-suites", None),
        ("tls-curve-preferences", None),
        ("metrics-cert-dir", None),
        ("gratuitous-arp-interval", None),
        ("bgp-type", Some("METALLB_BGP_TYPE")),
    ] {
        assert_eq!(
            testing::variable::<SpeakerFlags>(flag).as_deref(),
            expected,
            "--{flag}"
        );
    }
    let flags = flags(&[]);
    assert_eq!(flags.common.source, SourceOption::Kube);
    assert_eq!(flags.common.log_level, LogLevel::Info);
    assert_eq!(flags.membership.ml_bindport, 7946);
    assert_eq!(flags.gratuitous_arp_interval, 60);
    assert_eq!(
        flags.exclude_l2_file.to_str(),
        Some("/etc/metallb/excludel2.yaml")
    );
    assert!(!flags.ignore_exclude_lb && !flags.metrics_frrk8s_names);
}

#[test]
fn the_command_line_of_metallbs_chart_is_understood() {
    let flags = flags(&[
        "--port=9120",
        "--log-level=debug",
        "--ml-wan-config=true",
        "--ignore-exclude-lb",
        "--lb-class=lab",
        "--metrics-cert-dir=/etc/cert",
        "--tls-min-version=VersionTLS12",
        "--health-probe-port=17473",
        "--frrk8s-secret-passthrough=true",
        "--bgp-debounce-timeout=500",
    ]);
    assert_eq!(flags.admin.port, Some(9120));
    assert_eq!(flags.admin.health_probe_port, Some(17473));
    assert_eq!(flags.common.log_level, LogLevel::Debug);
    assert_eq!(flags.common.lb_class, "lab");
    assert!(flags.membership.ml_wan_config && flags.ignore_exclude_lb);
}

#[test]
fn a_flag_without_meaning_is_named_once_and_only_when_it_is_given() {
    let nothing = flags(&["--ml-bindport=7947"]);
    assert!(nothing.inert.given(|_| false).is_empty());
    let all = flags(&[
        "--host=198.51.100.1",
        "--bgp-debounce-timeout=500",
        "--frrk8s-namespace=frr-k8s-system",
        "--frrk8s-secret-passthrough",
    ]);
    assert_eq!(
        all.inert.given(|name| name.starts_with("FRR_")),
        [
            "--host",
            "--bgp-debounce-timeout",
            "--frrk8s-namespace",
            "--frrk8s-secret-passthrough",
            "FRR_CONFIG_FILE",
            "FRR_RELOADER_PID_FILE",
            "FRR_LOGGING_LEVEL",
        ]
    );
}

#[test]
fn each_mode_of_metallb_is_the_same_engine_with_other_defaults() {
    for (name, mode, defaults) in [
        ("native", BgpType::Native, BgpDefaults::Native),
        ("frr", BgpType::Frr, BgpDefaults::Frr),
        ("frr-k8s", BgpType::FrrK8s, BgpDefaults::Frr),
    ] {
        let flags = flags(&["--bgp-type", name]);
        assert_eq!(flags.common.bgp_type, mode);
        assert_eq!(flags.translate_options().planner.bgp_defaults, defaults);
    }
    assert!(try_flags(&["--bgp-type=bird"]).is_err());
}

#[test]
fn membership_takes_an_address_and_labels() {
    let settings = |arguments: &[&str]| flags(arguments).membership.settings().unwrap();
    assert!(settings(&[]).is_none());
    assert!(settings(&["--ml-bindaddr=", "--ml-labels=app=metallb"]).is_none());
    assert!(settings(&["--ml-bindaddr=198.51.100.1", "--ml-labels="]).is_none());
    let asked = ["--ml-bindaddr=2001:db8::1", "--ml-labels=app=metallb"];
    let given = settings(&asked).unwrap();
    assert_eq!(given.bind.to_string(), "[2001:db8::1]:7946");
    assert_eq!(given.labels, "app=metallb");
    let far = [&asked[..], &["--ml-wan-config", "--ml-bindport=7000"]].concat();
    let far = settings(&far).unwrap();
    assert_eq!(far.bind.port(), 7000);
    assert!(far.config != given.config && far.patience > given.patience);
    for wrong in ["node1", "0.0.0.0", "::"] {
        let flags = flags(&[&format!("--ml-bindaddr={wrong}"), "--ml-labels=a=b"]);
        let error = flags.membership.settings().unwrap_err().to_string();
        assert!(error.contains(&format!("{wrong:?}")), "{error}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    for wrong in [
        "--ml-bindport=70000",
        "--ignore-exclude-lb=perhaps",
        "--gratuitous-arp-interval=90000",
        "--no-such-flag",
    ] {
        assert!(try_flags(&[wrong]).is_err(), "{wrong}");
    }
    assert!(testing::parse::<SpeakerFlags>(&[]).is_err(), "no node");
}
