//! The webhook's own certificate: whether what is there will do, and a new one where it will not. No I/O; the time is
//! an argument.
//!
//! An API server trusts the authorities in `caBundle`. So that no request fails while something is renewed, a
//! certificate is never signed by an authority that is new in the same step: the authority is renewed first, its
//! predecessor stays in the bundle, and the certificate follows with a later renewal.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use rustls::RootCertStore;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::sign::CertifiedKey;
use time::OffsetDateTime;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;

use crate::tls::{CertificateError, certified_key};

/// An authority and a certificate of it, each with its key, all as PEM.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The authorities that clients shall trust, the newest first.
    pub authorities: String,
    /// The key of the newest authority.
    pub authority_key: String,
    /// The certificate that is shown to clients.
    pub certificate: String,
    /// Its key.
    pub key: String,
}

impl std::fmt::Debug for Credentials {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("authorities", &self.authorities)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

/// What to put in place of credentials that will not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// The credentials from now on.
    pub credentials: Credentials,
    /// What was wrong.
    pub reason: Reason,
}

/// Why credentials are renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// There are none, or none that can be used for this name.
    Unusable,
    /// The authority is about to end, or its key is missing or of a kind that cannot be used here.
    Authority,
    /// The certificate is about to end.
    Certificate,
}

/// What to put in place of `held` for a webhook that is called `dns_name`; `None` where `held` will do.
///
/// # Errors
///
/// The name is none, or the system has no randomness.
pub fn renewal(
    held: Option<&Credentials>,
    dns_name: &str,
    now: SystemTime,
) -> Result<Option<Renewal>, rcgen::Error> {
    let authority =
        held.and_then(|held| held.authority_until(now + CERTIFICATE_LIFE + RENEWED_BEFORE));
    let accepted_at = |time| held.filter(|held| held.is_accepted(dns_name, time));
    let (credentials, reason) = match (authority, held, accepted_at(now)) {
        (Some(_), Some(_), Some(_)) if accepted_at(now + RENEWED_BEFORE).is_some() => {
            return Ok(None);
        }
        (Some(authority), Some(held), accepted) => {
            let (certificate, key) = make_certificate(dns_name, &authority, now)?;
            let reason = accepted.map_or(Reason::Unusable, |_| Reason::Certificate);
            let credentials = Credentials {
                certificate,
                key,
                ..held.clone()
            };
            (credentials, reason)
        }
        (_, _, Some(held)) => {
            let (authority, certificate) = make_authority(now)?;
            let credentials = Credentials {
                authorities: certificate + &held.authorities,
                authority_key: authority.key().serialize_pem(),
                ..held.clone()
            };
            (credentials, Reason::Authority)
        }
        (_, _, None) => {
            let (authority, authorities) = make_authority(now)?;
            let (certificate, key) = make_certificate(dns_name, &authority, now)?;
            let credentials = Credentials {
                authorities,
                authority_key: authority.key().serialize_pem(),
                certificate,
                key,
            };
            (credentials, Reason::Unusable)
        }
    };
    Ok(Some(Renewal {
        credentials,
        reason,
    }))
}

impl Credentials {
    /// The certificate and its key, to be served.
    ///
    /// # Errors
    ///
    /// They cannot be used.
    pub fn certified_key(&self) -> Result<CertifiedKey, CertificateError> {
        certified_key(self.certificate.as_bytes(), self.key.as_bytes())
    }

    /// The newest authority, if it can sign certificates and lasts until `end`.
    fn authority_until(&self, end: SystemTime) -> Option<Issuer<'static, KeyPair>> {
        let key = KeyPair::from_pem(&self.authority_key).ok()?;
        let der = CertificateDer::from_pem_slice(self.authorities.as_bytes()).ok()?;
        let (_, certificate) = X509Certificate::from_der(&der).ok()?;
        let is_its_key = certificate.public_key().raw == key.subject_public_key_info();
        if is_its_key && certificate.is_ca() && is_valid_at(&certificate, end) {
            Issuer::from_ca_cert_der(&der, key).ok()
        } else {
            None
        }
    }

    /// Whether a client that trusts the authorities accepts the certificate at `time`.
    fn is_accepted(&self, dns_name: &str, time: SystemTime) -> bool {
        let accepted = || {
            let shown = self.certified_key().ok()?;
            let (certificate, chain) = shown.cert.split_first()?;
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(self.valid_authorities(time));
            let provider = Arc::new(ring::default_provider());
            let client = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
            let name = ServerName::try_from(dns_name).ok()?;
            let time =
                UnixTime::since_unix_epoch(time.duration_since(SystemTime::UNIX_EPOCH).ok()?);
            let client = client.build().ok()?;
            client
                .verify_server_cert(certificate, chain, &name, &[], time)
                .ok()
        };
        accepted().is_some()
    }

    /// The authorities that are valid at `time`.
    fn valid_authorities(&self, time: SystemTime) -> impl Iterator<Item = CertificateDer<'static>> {
        CertificateDer::pem_slice_iter(self.authorities.as_bytes())
            .filter_map(Result::ok)
            .filter(move |der| {
                X509Certificate::from_der(der)
                    .is_ok_and(|(_, certificate)| is_valid_at(&certificate, time))
            })
    }
}

fn is_valid_at(certificate: &X509Certificate<'_>, time: SystemTime) -> bool {
    let since_epoch = time.duration_since(SystemTime::UNIX_EPOCH).ok();
    let seconds = since_epoch.and_then(|time| i64::try_from(time.as_secs()).ok());
    let time = seconds.and_then(|seconds| ASN1Time::from_timestamp(seconds).ok());
    time.is_some_and(|time| certificate.validity().is_valid_at(time))
}

/// A new authority, and its certificate as PEM.
fn make_authority(now: SystemTime) -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let mut params = params(Vec::new(), "FerroLB webhook authority", now, AUTHORITY_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), certificate))
}

/// A new certificate and its key, as PEM.
fn make_certificate(
    dns_name: &str,
    authority: &Issuer<'_, KeyPair>,
    now: SystemTime,
) -> Result<(String, String), rcgen::Error> {
    let mut params = params(
        vec![dns_name.to_owned()],
        "FerroLB webhook",
        now,
        CERTIFICATE_LIFE,
    )?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    Ok((
        params.signed_by(&key, authority)?.pem(),
        key.serialize_pem(),
    ))
}

fn params(
    dns_names: Vec<String>,
    common_name: &str,
    now: SystemTime,
    life: Duration,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(dns_names)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = OffsetDateTime::from(now) - CLOCK_SKEW;
    params.not_after = OffsetDateTime::from(now) + life;
    Ok(params)
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// How long an authority lasts, as in MetalLB.
const AUTHORITY_LIFE: Duration = DAY.saturating_mul(3650);
/// How long a certificate lasts.
const CERTIFICATE_LIFE: Duration = DAY.saturating_mul(365);
/// How long before its end something is renewed, as in MetalLB.
const RENEWED_BEFORE: Duration = DAY.saturating_mul(90);
/// How far the clocks of the machines that read a certificate may be behind.
const CLOCK_SKEW: Duration = Duration::from_secs(60 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "metallb-webhook-service.metallb-system.svc";

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + DAY * 20_000
    }

    fn renewed(held: Option<&Credentials>, now: SystemTime) -> (Credentials, Reason) {
        let renewal = renewal(held, NAME, now).unwrap().unwrap();
        (renewal.credentials, renewal.reason)
    }

    fn first() -> Credentials {
        renewed(None, now()).0
    }

    fn will_do(held: &Credentials, now: SystemTime) -> bool {
        renewal(Some(held), NAME, now).unwrap().is_none()
    }

    #[test]
    fn from_nothing_comes_what_clients_accept_for_this_name_only() {
        let (made, reason) = renewed(None, now());
        assert_eq!(reason, Reason::Unusable);
        assert!(made.is_accepted(NAME, now()));
        assert!(made.is_accepted(NAME, now() - CLOCK_SKEW));
        assert!(!made.is_accepted("metallb-webhook-service.other.svc", now()));
        assert!(will_do(&made, now()));
    }

    #[test]
    fn a_certificate_is_renewed_under_its_authority_before_it_ends() {
        let held = first();
        let soon = now() + CERTIFICATE_LIFE - RENEWED_BEFORE;
        assert!(will_do(&held, soon - DAY));
        let (new, reason) = renewed(Some(&held), soon + DAY);
        assert_eq!(reason, Reason::Certificate);
        assert_eq!(new.authorities, held.authorities);
        assert_eq!(new.authority_key, held.authority_key);
        assert_ne!(new.certificate, held.certificate);
        assert!(new.is_accepted(NAME, now() + CERTIFICATE_LIFE + DAY));
        assert!(will_do(&new, soon + DAY));
    }

    #[test]
    fn a_new_authority_is_trusted_before_anything_is_signed_by_it() {
        let mut held = first();
        let mut time = now();
        let mut authorities = Vec::new();
        for _ in 0..400 {
            time += DAY * 10;
            let Some(renewal) = renewal(Some(&held), NAME, time).unwrap() else {
                continue;
            };
            let new = renewal.credentials;
            // Who has taken in only one of the two trusts it as well as who has both.
            let certificate_first = Credentials {
                authorities: held.authorities.clone(),
                ..new.clone()
            };
            let authorities_first = Credentials {
                authorities: new.authorities.clone(),
                ..held.clone()
            };
            assert!(
                certificate_first.is_accepted(NAME, time),
                "{:?}",
                renewal.reason
            );
            assert!(
                authorities_first.is_accepted(NAME, time),
                "{:?}",
                renewal.reason
            );
            if renewal.reason == Reason::Authority {
                assert_eq!(new.certificate, held.certificate);
                authorities.push(time);
            }
            held = new;
        }
        let [once] = authorities[..] else {
            panic!("renewed at {authorities:?}");
        };
        assert!(once < now() + AUTHORITY_LIFE - CERTIFICATE_LIFE);
    }

    #[test]
    fn an_authority_without_its_key_is_renewed_and_the_certificate_stays() {
        let without = Credentials {
            authority_key: String::new(),
            ..first()
        };
        let others = Credentials {
            authority_key: renewed(None, now()).0.authority_key,
            ..first()
        };
        for held in [without, others] {
            let (new, reason) = renewed(Some(&held), now());
            assert_eq!(reason, Reason::Authority);
            assert_eq!((&new.certificate, &new.key), (&held.certificate, &held.key));
            assert!(new.authorities.ends_with(&held.authorities));
            assert!(will_do(&new, now()));
        }
    }

    #[test]
    fn what_no_client_accepts_is_made_anew() {
        let good = first();
        let other = first();
        let broken = [
            Credentials {
                key: other.key.clone(),
                ..good.clone()
            },
            Credentials {
                certificate: "nonsense".to_owned(),
                ..good.clone()
            },
            Credentials {
                certificate: other.certificate,
                key: other.key,
                ..good.clone()
            },
            Credentials {
                authorities: String::new(),
                ..good
            },
        ];
        for held in broken {
            let (new, reason) = renewed(Some(&held), now());
            assert_eq!(reason, Reason::Unusable);
            assert!(will_do(&new, now()));
        }
        let late = now() + AUTHORITY_LIFE + DAY;
        let (new, reason) = renewed(Some(&first()), late);
        assert_eq!(reason, Reason::Unusable);
        assert!(will_do(&new, late));
    }

    #[test]
    fn keys_are_not_shown_by_debug() {
        let shown = format!("{:?}", first());
        assert!(shown.contains("BEGIN CERTIFICATE"));
        assert!(!shown.contains("PRIVATE KEY"));
    }
}
