//! Certificates with their keys, replaceable while they are served.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;

/// Shows clients the newest certificate. Until there is one, connections are refused.
#[derive(Debug)]
pub struct ServedCertificate(watch::Receiver<Option<Arc<CertifiedKey>>>);

impl ServedCertificate {
    /// Whatever is sent last is what clients are shown.
    #[must_use]
    pub fn new() -> (watch::Sender<Option<Arc<CertifiedKey>>>, Arc<Self>) {
        let (sender, newest) = watch::channel(None);
        (sender, Arc::new(Self(newest)))
    }
}

impl ResolvesServerCert for ServedCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.0.borrow().clone()
    }
}

/// A certificate, with those that lead from it to its authority, and its key, all as PEM.
///
/// # Errors
///
/// One of them is missing or makes no sense, or the key is another certificate's.
pub fn certified_key(certificate: &[u8], key: &[u8]) -> Result<CertifiedKey, CertificateError> {
    let chain = CertificateDer::pem_slice_iter(certificate)
        .collect::<Result<Vec<_>, _>>()
        .map_err(CertificateError::Certificate)?;
    if chain.is_empty() {
        return Err(CertificateError::Certificate(pem::Error::NoItemsFound));
    }
    let key = PrivateKeyDer::from_pem_slice(key).map_err(CertificateError::Key)?;
    Ok(CertifiedKey::from_der(
        chain,
        key,
        &ring::default_provider(),
    )?)
}

/// A new certificate that nobody has vouched for, as endpoints have whose clients do not ask who they are.
///
/// # Errors
///
/// The names are none, or the system has no randomness.
pub fn self_signed(names: &[&str]) -> Result<CertifiedKey, CertificateError> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(names)?;
    certified_key(
        made.cert.pem().as_bytes(),
        made.signing_key.serialize_pem().as_bytes(),
    )
}

/// A certificate or its key that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// There is no certificate.
    #[error("the certificate is not PEM")]
    Certificate(#[source] pem::Error),
    /// There is no key.
    #[error("the key is not PEM")]
    Key(#[source] pem::Error),
    /// They do not belong together, or are of a kind that is not supported.
    #[error("the certificate and its key cannot be used")]
    Unusable(#[from] rustls::Error),
    /// None could be made.
    #[error("no certificate could be made")]
    Make(#[from] rcgen::Error),
}
