//! Encrypted connections.

use std::path::{Path, PathBuf};

use cache_core::{Error, Result};
use redis::{Client, ClientTlsConfig, ConnectionInfo, TlsCertificates};
use rustls::crypto::CryptoProvider;

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
    /// Reads them; also done when a cache is built, so that a name that is wrong is found there.
    pub(super) fn read(&self) -> Result<TlsCertificates> {
        let own = self.own.as_ref().map(|(certificate, key)| {
            Ok::<_, Error>(ClientTlsConfig {
                client_cert: read("tls_cert", certificate)?,
                client_key: read("tls_key", key)?,
            })
        });
        let authority = self.authority.as_ref().map(|path| read("tls_ca", path));
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

fn read(option: &str, path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path)
        .map_err(|error| Error::config(format!("option `{option}={}` of `rediss`: {error}", path.display())))
}
