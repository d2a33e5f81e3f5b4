//! Where the server is, and how to talk to it, once that is known to make sense.

use std::path::PathBuf;
use std::time::Duration;

use cache_core::Result;
use redis::io::tcp::TcpSettings;
use redis::{Client, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, RedisConnectionInfo};

use super::link::Address;
use super::{fault, tls};

/// Where the server is, and how to talk to it.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) place: Place,
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
    pub(super) db: i64,
    pub(super) minsize: usize,
    pub(super) maxsize: usize,
    pub(super) create_connection_timeout: Duration,
    pub(super) certificates: Option<tls::Files>,
    /// Whether it is one of a cluster.
    pub(super) cluster: bool,
    /// Further servers of the cluster, asked if the first does not answer.
    pub(super) nodes: Vec<Address>,
    /// How many entries are kept in this process, if any.
    pub(super) near: Option<u64>,
}

/// Where the server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Tcp { host: String, port: u16, is_secure: bool },
    Socket(PathBuf),
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Tcp { host, port, .. } => write!(f, "{host}:{port}"),
            Self::Socket(path) => write!(f, "{}", path.display()),
        }
    }
}

impl Settings {
    /// Where the server is; of a socket, its path.
    pub(super) fn address(&self) -> Address {
        match &self.place {
            Place::Tcp { host, port, .. } => Address { host: host.clone(), port: *port },
            Place::Socket(path) => Address { host: path.display().to_string(), port: 0 },
        }
    }

    /// Every server that was named.
    pub(super) fn servers(&self) -> impl Iterator<Item = Address> {
        std::iter::once(self.address()).chain(self.nodes.iter().cloned())
    }

    /// What opens connections.
    pub(super) fn client(&self) -> Result<Client> {
        let address = match &self.place {
            Place::Tcp { host, port, is_secure: false } => ConnectionAddr::Tcp(host.clone(), *port),
            Place::Tcp { host, port, is_secure: true } => {
                ConnectionAddr::TcpTls { host: host.clone(), port: *port, insecure: false, tls_params: None }
            }
            Place::Socket(path) => ConnectionAddr::Unix(path.clone()),
        };
        let mut how = RedisConnectionInfo::default()
            .set_protocol(ProtocolVersion::RESP3)
            .set_skip_set_lib_name()
            .set_db(self.db);
        if let Some(user) = &self.user {
            how = how.set_username(user);
        }
        if let Some(password) = &self.password {
            how = how.set_password(password);
        }
        let info =
            address.into_connection_info().map_err(|error| fault::of_connecting(&self.place, &error))?;
        let info = info.set_redis_settings(how).set_tcp_settings(TcpSettings::default().set_nodelay(true));
        match &self.place {
            Place::Tcp { is_secure: true, .. } => tls::client(info, &self.place, self.certificates.as_ref()),
            _ => Client::open(info).map_err(|error| fault::of_connecting(&self.place, &error)),
        }
    }
}

impl std::fmt::Debug for Settings {
    /// Without the password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("place", &self.place)
            .field("db", &self.db)
            .field("maxsize", &self.maxsize)
            .finish_non_exhaustive()
    }
}
