//! TLS for what a process serves: metrics and webhooks.
//!
//! A certificate comes from a folder ([`CertificateFolder`]), from [`self_signed`], or from whoever holds the other end
//! of a [`ServedCertificate`]. It may be replaced at any time; connections made from then on see the new one.

mod certificate;
mod flags;
mod folder;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, ring};
use rustls::server::ResolvesServerCert;
use rustls::version::{TLS12, TLS13};
use rustls::{ProtocolVersion, ServerConfig, SupportedProtocolVersion};

pub use self::certificate::{CertificateError, ServedCertificate, certified_key, self_signed};
pub use self::flags::{CipherSuites, Curves, TlsFlags, TlsVersion, UnsupportedError};
pub use self::folder::{CertificateFolder, FolderError};

impl TlsFlags {
    /// What a server offers to its clients with these flags. `protocols` are told by ALPN (RFC 7301), the best first.
    ///
    /// # Errors
    ///
    /// The flags contradict each other.
    pub fn server_config(
        &self,
        certificate: Arc<dyn ResolvesServerCert>,
        protocols: &[&[u8]],
    ) -> Result<ServerConfig, TlsError> {
        let mut config = ServerConfig::builder_with_provider(Arc::new(self.provider()?))
            .with_protocol_versions(self.versions())?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(config)
    }

    fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        match self.tls_min_version {
            TlsVersion::Tls12 => TLS12_UP,
            TlsVersion::Tls13 => TLS13_UP,
        }
    }

    fn provider(&self) -> Result<CryptoProvider, TlsError> {
        let mut provider = ring::default_provider();
        if let Some(CipherSuites(suites)) = &self.tls_cipher_suites {
            if self.tls_min_version == TlsVersion::Tls13 {
                return Err(TlsError::CipherSuites);
            }
            provider.cipher_suites.retain(|suite| {
                suite.version().version == ProtocolVersion::TLSv1_3 || suites.contains(suite)
            });
        }
        if let Some(Curves(curves)) = &self.tls_curve_preferences {
            provider.kx_groups.clone_from(curves);
        }
        Ok(provider)
    }
}

/// The flags of TLS contradict each other.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The suites of TLS 1.3 cannot be chosen, as in Go.
    #[error(
        "--tls-cipher-suites chooses among those of TLS 1.2; it needs --tls-min-version=VersionTLS12"
    )]
    CipherSuites,
    /// The suites or curves that are left do not make a connection possible.
    #[error("no connection is possible with these --tls-* flags")]
    Unusable(#[from] rustls::Error),
}

static TLS12_UP: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
static TLS13_UP: &[&SupportedProtocolVersion] = &[&TLS13];
