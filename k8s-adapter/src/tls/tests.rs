//! What clients are offered, and which flags are refused.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use rustls::{CipherSuite, NamedGroup, ProtocolVersion};
use tokio::time::timeout;

use super::*;

fn flags(version: TlsVersion, suites: Option<&str>, curves: Option<&str>) -> TlsFlags {
    TlsFlags {
        tls_min_version: version,
        tls_cipher_suites: suites.map(|text| text.parse().unwrap()),
        tls_curve_preferences: curves.map(|text| text.parse().unwrap()),
    }
}

fn offered(flags: &TlsFlags) -> Vec<CipherSuite> {
    let suites = flags.provider().unwrap().cipher_suites;
    suites.iter().map(|suite| suite.suite()).collect()
}

#[test]
fn suites_of_tls_1_2_are_chosen_by_their_iana_names_and_those_of_1_3_stay() {
    let names = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305";
    let offered = offered(&flags(TlsVersion::Tls12, Some(names), None));
    assert_eq!(
        offered,
        [
            CipherSuite::TLS13_AES_256_GCM_SHA384,
            CipherSuite::TLS13_AES_128_GCM_SHA256,
            CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
            CipherSuite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        ]
    );
}

#[test]
fn suites_of_tls_1_3_may_be_named_as_in_go() {
    assert!("TLS_AES_128_GCM_SHA256".parse::<CipherSuites>().is_ok());
    assert!("TLS13_AES_128_GCM_SHA256".parse::<CipherSuites>().is_err());
}

#[test]
fn suites_without_tls_1_2_are_an_error() {
    let flags = flags(TlsVersion::Tls13, Some("TLS_AES_128_GCM_SHA256"), None);
    assert!(matches!(flags.provider(), Err(TlsError::CipherSuites)));
}

#[test]
fn a_suite_that_is_not_supported_is_named_with_those_that_are() {
    let error = "TLS_RSA_WITH_AES_128_CBC_SHA".parse::<CipherSuites>();
    let text = error.unwrap_err().to_string();
    assert!(text.starts_with("cipher suite \"TLS_RSA_WITH_AES_128_CBC_SHA\" is not supported"));
    assert!(
        text.contains("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"),
        "{text}"
    );
}

#[test]
fn curves_are_taken_by_number_or_name_in_the_order_given() {
    let flags = flags(TlsVersion::Tls13, None, Some("24,X25519,23"));
    let groups = flags.provider().unwrap().kx_groups;
    let names: Vec<_> = groups.iter().map(|group| group.name()).collect();
    assert_eq!(
        names,
        [
            NamedGroup::secp384r1,
            NamedGroup::X25519,
            NamedGroup::secp256r1
        ]
    );
}

#[test]
fn a_curve_that_is_not_supported_is_named_with_those_that_are() {
    for unsupported in ["25", "4588", "CurveP521", "brainpool"] {
        let text = unsupported.parse::<Curves>().unwrap_err().to_string();
        assert!(text.starts_with(&format!("curve {unsupported:?} is not supported")));
        assert!(text.contains("29 (X25519)"), "{text}");
    }
}

#[test]
fn tls_1_2_is_spoken_only_where_it_is_asked_for() {
    let versions = |version| -> Vec<_> {
        let flags = flags(version, None, None);
        flags.versions().iter().map(|known| known.version).collect()
    };
    assert_eq!(versions(TlsVersion::Tls13), [ProtocolVersion::TLSv1_3]);
    assert_eq!(
        versions(TlsVersion::Tls12),
        [ProtocolVersion::TLSv1_3, ProtocolVersion::TLSv1_2]
    );
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let make = || rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (one, other) = (make(), make());
    let certificate = one.cert.pem();
    let key = other.signing_key.serialize_pem();
    let error = certified_key(certificate.as_bytes(), key.as_bytes()).unwrap_err();
    assert!(matches!(error, CertificateError::Unusable(_)), "{error:?}");
    let error = certified_key(b"", key.as_bytes()).unwrap_err();
    assert!(
        matches!(error, CertificateError::Certificate(_)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_certificate_in_a_folder_is_replaced_while_it_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let write = |names: &[&str]| {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        fs::write(folder.path().join("tls.crt"), made.cert.pem()).unwrap();
        fs::write(
            folder.path().join("tls.key"),
            made.signing_key.serialize_pem(),
        )
        .unwrap();
        made.cert.der().clone()
    };
    let first = write(&["first"]);
    let source = CertificateFolder::open(folder.path()).unwrap();
    let (sender, served) = ServedCertificate::new();
    let mut newest = sender.subscribe();
    let task = tokio::spawn(source.serve(sender));
    let mut shown = async |wanted| {
        let shows = |shown: &Option<Arc<rustls::sign::CertifiedKey>>| {
            shown.as_ref().is_some_and(|key| key.cert[0] == wanted)
        };
        let waited = timeout(Duration::from_secs(60), newest.wait_for(shows)).await;
        assert!(waited.is_ok(), "the certificate was not taken in");
    };
    shown(first).await;
    let second = write(&["second"]);
    shown(second).await;
    drop((served, newest));
    timeout(Duration::from_secs(60), task)
        .await
        .unwrap()
        .unwrap();
}
