//! An authority of the test's own, and what it signs.

use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

/// The files of one server, in PEM; they lie in its directory.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate of the authority that signed the others.
    pub authority: PathBuf,
    /// The server's certificate, for `localhost` and `127.0.0.1`.
    pub certificate: PathBuf,
    /// The key of the server's certificate.
    pub key: PathBuf,
    /// A certificate for clients.
    pub client_certificate: PathBuf,
    /// The key of the clients' certificate.
    pub client_key: PathBuf,
    /// The certificate of an authority that signed nothing here.
    pub stranger: PathBuf,
}

impl Tls {
    pub(crate) fn in_directory(directory: &Path) -> Self {
        let write = |name: &str, pem: String| {
            let path = directory.join(name);
            std::fs::write(&path, pem).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            path
        };
        let (authority, issuer) = authority("tests");
        let server = signed(&issuer, &["localhost", "127.0.0.1"], ExtendedKeyUsagePurpose::ServerAuth);
        let client = signed(&issuer, &["client"], ExtendedKeyUsagePurpose::ClientAuth);
        Self {
            authority: write("ca.pem", authority),
            certificate: write("server.pem", server.0),
            key: write("server.key", server.1),
            client_certificate: write("client.pem", client.0),
            client_key: write("client.key", client.1),
            stranger: write("stranger.pem", self::authority("strangers").0),
        }
    }
}

fn authority(name: &str) -> (String, Issuer<'static, KeyPair>) {
    let mut params = params(&[], name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = fine(KeyPair::generate());
    let pem = fine(params.self_signed(&key)).pem();
    (pem, Issuer::new(params, key))
}

fn signed(
    issuer: &Issuer<'static, KeyPair>,
    names: &[&str],
    purpose: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let mut params = params(names, names[0]);
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    let key = fine(KeyPair::generate());
    (fine(params.signed_by(&key, issuer)).pem(), key.serialize_pem())
}

fn params(names: &[&str], common: &str) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = fine(CertificateParams::new(names));
    params.distinguished_name.push(DnType::CommonName, common);
    params
}

fn fine<T>(result: Result<T, rcgen::Error>) -> T {
    result.unwrap_or_else(|error| panic!("no certificate: {error}"))
}
