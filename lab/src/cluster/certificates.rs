//! The keys of a control plane that lives as long as a test.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::LabError;

/// Files with what the API server shows to its clients, and what it signs tokens with.
#[derive(Debug)]
pub(super) struct Certificates {
    /// The certificate of the authority, which clients trust.
    pub(super) authority: PathBuf,
    /// The server's certificate.
    pub(super) server: PathBuf,
    /// The key to it.
    pub(super) server_key: PathBuf,
    /// The key that tokens of ServiceAccounts are signed with.
    pub(super) token_key: PathBuf,
    /// The public key to it.
    pub(super) token_public_key: PathBuf,
}

impl Certificates {
    /// Makes all of them in a folder, for a server with these names and addresses.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub(super) fn create(folder: &Path, names: &[&str]) -> Result<Self, LabError> {
        let texts = Texts::generate(names)
            .map_err(|error| LabError::Unexpected(format!("making certificates: {error}")))?;
        let write = |name: &str, text: &str| {
            let file = folder.join(name);
            fs::write(&file, text).map_err(LabError::io(format!("writing {}", file.display())))?;
            Ok(file)
        };
        Ok(Self {
            authority: write("ca.pem", &texts.authority)?,
            server: write("server.pem", &texts.server)?,
            server_key: write("server-key.pem", &texts.server_key)?,
            token_key: write("token-key.pem", &texts.token_key.serialize_pem())?,
            token_public_key: write("token-key.pub", &texts.token_key.public_key_pem())?,
        })
    }
}

struct Texts {
    authority: String,
    server: String,
    server_key: String,
    token_key: KeyPair,
}

impl Texts {
    fn generate(names: &[&str]) -> Result<Self, rcgen::Error> {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority
            .distinguished_name
            .push(DnType::CommonName, "lab authority");
        let authority_key = KeyPair::generate()?;
        let certificate = authority.self_signed(&authority_key)?;
        let issuer = Issuer::new(authority, authority_key);

        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        let server_key = KeyPair::generate()?;
        Ok(Self {
            authority: certificate.pem(),
            server: server.signed_by(&server_key, &issuer)?.pem(),
            server_key: server_key.serialize_pem(),
            token_key: KeyPair::generate()?,
        })
    }
}
