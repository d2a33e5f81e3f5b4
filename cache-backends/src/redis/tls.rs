//! Encrypted connections.

use std::fmt;
use std::path::{Path, PathBuf};

use cache_core::{Error, Result};
use redis::{Client, ClientTlsConfig, ConnectionInfo, TlsCertificates};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::fault;
use super::settings::Place;

/// Files in PEM.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files {
    /// Who must have signed the server's certificate; else one of the authorities that browsers know.
    pub(super) authority: Option<PathBuf>,
    /// What we show of ourselves, and the key to it.
    pub(super) own: Option<(PathBuf, PathBuf)>,
}

impl Files {
    /// Reads them; also done when a cache is built, so that a wrong one is found there.
    pub(super) fn read(&self) -> Result<TlsCertificates> {
        let own = self.own.as_ref().map(|(certificate, key)| {
            Ok::<_, Error>(ClientTlsConfig {
                client_cert: read_certificates("tls_cert", certificate)?,
                client_key: read_key("tls_key", key)?,
            })
        });
        let authority = self.authority.as_ref().map(|path| read_certificates("tls_ca", path));
        Ok(TlsCertificates { client_tls: own.transpose()?, root_cert: authority.transpose()? })
    }
}

/// What opens connections. Files are read each time: certificates are renewed while programs run.
pub(super) fn client(info: ConnectionInfo, place: &Place, files: Option<&Files>) -> Result<Client> {
    let certificates = match files {
        Some(files) => files.read()?,
        None => TlsCertificates { client_tls: None, root_cert: None },
    };
    if CryptoProvider::get_default().is_none() {
        // The client brings none, and would panic. An error is that somebody else was quicker.
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
    Client::build_with_tls(info, certificates).map_err(|error| fault::of_connecting(place, &error))
}

fn read_certificates(option: &str, path: &Path) -> Result<Vec<u8>> {
    let bytes = read(option, path)?;
    let mut trusted = RootCertStore::empty();
    let found = CertificateDer::pem_slice_iter(&bytes).map(|found| trusted.add(found.ok()?).ok());
    match found.collect::<Option<Vec<()>>>() {
        Some(found) if !found.is_empty() => Ok(bytes),
        _ => Err(unusable(option, path, "expected certificates in PEM")),
    }
}

fn read_key(option: &str, path: &Path) -> Result<Vec<u8>> {
    let bytes = read(option, path)?;
    match PrivateKeyDer::from_pem_slice(&bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(unusable(option, path, "expected a private key in PEM")),
    }
}

fn read(option: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|error| unusable(option, path, error))
}

fn unusable(option: &str, path: &Path, why: impl fmt::Display) -> Error {
    Error::config(format!("option `{option}={}` of `rediss`: {why}", path.display()))
}
