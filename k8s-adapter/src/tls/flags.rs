//! `--tls-min-version`, `--tls-cipher-suites` and `--tls-curve-preferences`, under Go's names and numbers
//! (compat/metallb.md 3.1).

use std::str::FromStr;

use clap::{Args, ValueEnum};
use rustls::NamedGroup;
use rustls::crypto::{SupportedKxGroup, ring};
use rustls::{CipherSuite, SupportedCipherSuite};

/// Which versions, cipher suites and curves are offered to clients.
#[derive(Args, Clone, Debug, Default)]
pub struct TlsFlags {
    /// The oldest version of TLS that is spoken.
    #[arg(long, value_enum, value_name = "VERSION", default_value_t)]
    pub tls_min_version: TlsVersion,
    /// The cipher suites of TLS 1.2, under their IANA names, separated by commas; those of TLS 1.3 are always all there.
    #[arg(long, value_name = "NAMES")]
    pub tls_cipher_suites: Option<CipherSuites>,
    /// The curves of the key exchange, best first: Go's CurveIDs (23, 24, 29) or names, separated by commas.
    #[arg(long, value_name = "CURVES")]
    pub tls_curve_preferences: Option<Curves>,
}

/// `--tls-min-version`.
#[derive(ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TlsVersion {
    /// RFC 5246.
    #[value(name = "VersionTLS12")]
    Tls12,
    /// RFC 8446.
    #[default]
    #[value(name = "VersionTLS13")]
    Tls13,
}

/// `--tls-cipher-suites`: suites that both Go and the TLS library know.
#[derive(Clone, Debug)]
pub struct CipherSuites(pub(super) Vec<SupportedCipherSuite>);

impl FromStr for CipherSuites {
    type Err = UnsupportedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        items(text)
            .map(cipher_suite)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

fn cipher_suite(name: &str) -> Result<SupportedCipherSuite, UnsupportedError> {
    let supported = ring::ALL_CIPHER_SUITES;
    // Go has kept an older name of the ChaCha20 suites as an alias.
    supported
        .iter()
        .find(|suite| {
            let known = go_name(suite.suite());
            known == name
                || known.strip_suffix("_SHA256") == Some(name) && known.contains("CHACHA20")
        })
        .copied()
        .ok_or_else(|| UnsupportedError {
            what: "cipher suite",
            value: name.to_owned(),
            supported: supported
                .iter()
                .map(|suite| go_name(suite.suite()))
                .collect(),
        })
}

/// The TLS library tells the suites of TLS 1.3 apart by a prefix that neither IANA nor Go has.
fn go_name(suite: CipherSuite) -> String {
    let name = suite.as_str().unwrap_or_default();
    name.strip_prefix("TLS13_")
        .map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

/// `--tls-curve-preferences`: curves that both Go and the TLS library know.
#[derive(Clone, Debug)]
pub struct Curves(pub(super) Vec<&'static dyn SupportedKxGroup>);

impl FromStr for Curves {
    type Err = UnsupportedError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        items(text).map(curve).collect::<Result<_, _>>().map(Self)
    }
}

fn curve(text: &str) -> Result<&'static dyn SupportedKxGroup, UnsupportedError> {
    let wanted = match text {
        "CurveP256" => Some(NamedGroup::secp256r1),
        "CurveP384" => Some(NamedGroup::secp384r1),
        "X25519" => Some(NamedGroup::X25519),
        number => number.parse().ok().map(|id: u16| NamedGroup::from(id)),
    };
    ring::ALL_KX_GROUPS
        .iter()
        .find(|group| Some(group.name()) == wanted)
        .copied()
        .ok_or_else(|| UnsupportedError {
            what: "curve",
            value: text.to_owned(),
            supported: ["29 (X25519)", "23 (CurveP256)", "24 (CurveP384)"]
                .map(str::to_owned)
                .to_vec(),
        })
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',')
        .map(str::trim)
        .filter(|item| !item.is_empty())
}

/// A cipher suite or curve that cannot be offered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} {value:?} is not supported; these are: {}", supported.join(", "))]
pub struct UnsupportedError {
    what: &'static str,
    value: String,
    supported: Vec<String>,
}
