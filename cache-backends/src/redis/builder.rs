//! How a Redis backend is put together.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, Error, IntoBackend, Result};

use super::link::Address;
use super::settings::{Place, Settings};
use super::{Redis, tls};

const HOST: &str = "127.0.0.1";
const PORT: u16 = 6379;
const MAXSIZE: usize = 10;
const CONNECT: Duration = Duration::from_secs(1);
const NEAR: u64 = 10_000;

/// Where a server is and how to talk to it, on the way to a [`Redis`].
///
/// | setting | in the URL | default |
/// |---|---|---|
/// | [`server`](Self::server) | the host and port | `127.0.0.1`, 6379 |
/// | [`socket`](Self::socket) | `redis+unix:///path` | none: TCP |
/// | [`user`](Self::user), [`password`](Self::password) | before the `@`, or `password` | none |
/// | [`db`](Self::db) | the path, or `db` | 0 |
/// | [`minsize`](Self::minsize), [`maxsize`](Self::maxsize) | `minsize`, `maxsize` | 1, 10 connections |
/// | [`create_connection_timeout`](Self::create_connection_timeout) | `create_connection_timeout` | 1 s |
/// | [`tls`](Self::tls) | `rediss://` | off |
/// | [`tls_ca`](Self::tls_ca) | `tls_ca` | the authorities that browsers know |
/// | [`tls_own`](Self::tls_own) | `tls_cert`, `tls_key` | none |
/// | [`cluster`](Self::cluster) | `cluster` | off |
/// | [`node`](Self::node) | `node`, several times, or `redis://a:7000,b:7001` | none |
/// | [`client_side`](Self::client_side), [`client_side_size`](Self::client_side_size) | of the same names | off, 10 000 entries |
///
/// A route takes the builder as well as what it builds. Nothing is connected before the first command; what cannot be
/// is reported when the cache is built:
///
/// ```
/// use cache_backends::Redis;
/// use cache_core::IntoBackend;
///
/// assert!(Redis::builder().server("cache.example.com", 6379).db(3).into_backend().is_ok());
/// let none = Redis::builder().maxsize(0).into_backend();
/// assert!(none.is_err_and(|error| error.is_config()));
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[must_use = "nothing is built before `.build()`"]
pub struct RedisBuilder {
    host: Option<String>,
    port: Option<u16>,
    socket: Option<PathBuf>,
    user: Option<String>,
    password: Option<String>,
    db: Option<u32>,
    minsize: Option<usize>,
    maxsize: Option<usize>,
    create_connection_timeout: Option<Duration>,
    is_secure: bool,
    authority: Option<PathBuf>,
    own: Option<(PathBuf, PathBuf)>,
    cluster: bool,
    nodes: Vec<Address>,
    client_side: bool,
    client_side_size: Option<u64>,
}

impl RedisBuilder {
    /// Where the server is: a name or an address, and a port. Of a cluster any node, the others are asked for.
    pub fn server(mut self, host: impl Into<String>, port: u16) -> Self {
        (self.host, self.port) = (Some(host.into()), Some(port));
        self
    }

    /// A socket in the file system, of a server on this host, in place of TCP.
    pub fn socket(mut self, path: impl Into<PathBuf>) -> Self {
        self.socket = Some(path.into());
        self
    }

    /// The user to log in as; the server's `default` if only a password is given.
    ///
    /// It needs the commands `del eval evalsha get getrange incrby memory mget persist pexpire pexpireat ping pttl scan
    /// set strlen time type unlink`, all keys that are used and those that begin with `macadamia:`. Without `scan` there are
    /// no patterns and no `clear`, without `evalsha` nothing is stored; what is refused is
    /// [`Unsupported`](Error::Unsupported). `client` is used where it is allowed: to show a name, and to have the server end
    /// a connection that was given up. `flushall` is for `flush_all`. A cluster is asked with `asking cluster|nodes
    /// cluster|slots exists`, and with `command|getkeys` for [`raw`](cache_core::Backend::raw).
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.user = Some(user.into());
        self
    }

    /// The password of the user. It is in no message and no event.
    pub fn password(mut self, password: impl Into<String>) -> Self {
        self.password = Some(password.into());
        self
    }

    /// The number of the database; a cluster has only 0.
    pub const fn db(mut self, db: u32) -> Self {
        self.db = Some(db);
        self
    }

    /// How many connections there are at least, once there is one. Many commands are under way on one connection, so one
    /// is enough for most.
    pub const fn minsize(mut self, connections: usize) -> Self {
        self.minsize = Some(connections);
        self
    }

    /// How many connections there may be; one more is opened when all that there are have much to do. Writes always
    /// take the first, so that they are done in their order.
    pub const fn maxsize(mut self, connections: usize) -> Self {
        self.maxsize = Some(connections);
        self
    }

    /// How long opening a connection may take. A command that waits for it has its own limit too, and that is mostly
    /// the shorter one; the connection is opened all the same, for the next command.
    pub const fn create_connection_timeout(mut self, limit: Duration) -> Self {
        self.create_connection_timeout = Some(limit);
        self
    }

    /// Encrypts what goes over the network, and has the server show who it is.
    pub const fn tls(mut self) -> Self {
        self.is_secure = true;
        self
    }

    /// A file in PEM with the authorities one of which must have signed the server's certificate; implies
    /// [`tls`](Self::tls).
    pub fn tls_ca(mut self, path: impl Into<PathBuf>) -> Self {
        self.authority = Some(path.into());
        self.tls()
    }

    /// Files in PEM with a certificate to show to the server and the key to it; implies [`tls`](Self::tls).
    pub fn tls_own(mut self, certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.own = Some((certificate.into(), key.into()));
        self.tls()
    }

    /// Whether the server is one of a cluster. The others are asked for, and found again when a replica takes over or slots
    /// move. [`minsize`](Self::minsize) and [`maxsize`](Self::maxsize) are then of each server; logins and certificates are
    /// the same for all of them.
    pub const fn cluster(mut self, cluster: bool) -> Self {
        self.cluster = cluster;
        self
    }

    /// Another server of the cluster, to be asked for the others if the first cannot be reached; implies
    /// [`cluster`](Self::cluster).
    ///
    /// ```
    /// use cache_backends::Redis;
    /// use cache_core::IntoBackend;
    ///
    /// let three = Redis::builder().server("10.0.0.1", 7000).node("10.0.0.2", 7000).node("10.0.0.3", 7000);
    /// assert!(three.into_backend().is_ok());
    /// ```
    pub fn node(mut self, host: impl Into<String>, port: u16) -> Self {
        self.nodes.push(Address { host: host.into(), port });
        self.cluster(true)
    }

    /// Whether entries are also kept decoded in this process, for as long as the server does not tell that they have
    /// changed. A hit of one costs about what a hit in memory costs, and no command.
    ///
    /// **Use it** for what is read far oftener than it changes. **Do not use it** for what changes with nearly every read:
    /// the server then remembers who has read what, and tells, for nothing. It needs Redis 6 and the right to say `CLIENT
    /// TRACKING`; where that is refused every read asks the server.
    ///
    /// What this program writes it sees at once. What others write it sees when the server has told, mostly within a
    /// millisecond; behind a wire that was cut without a word nothing is shown for longer than a second and a half. When a
    /// connection is lost all that is near is let go. See [`Redis`] for what is kept, and for how long.
    pub const fn client_side(mut self, client_side: bool) -> Self {
        self.client_side = client_side;
        self
    }

    /// How many entries are kept in this process, those that are asked for most; 10,000 unless said otherwise. Up to a
    /// thousand exactly, above that up to one percent more for a moment.
    pub const fn client_side_size(mut self, entries: u64) -> Self {
        self.client_side_size = Some(entries);
        self
    }

    /// Builds it; connects to nothing. What is impossible is reported when a cache that routes to it is built.
    pub fn build(self) -> Redis {
        let possible = self.check();
        Redis::new(self.settings(), possible)
    }

    /// Builds it, or tells what is impossible.
    ///
    /// # Errors
    /// [`Error::Config`] for no connections at all, a greater `minsize` than `maxsize`, no time to connect in, a socket
    /// with TLS or of a cluster, a database other than 0 of a cluster, further nodes of none, and files that cannot be read.
    pub fn try_build(self) -> Result<Redis> {
        self.check().map(|()| self.build())
    }

    fn settings(self) -> Settings {
        let place = match self.socket {
            Some(path) => Place::Socket(path),
            None => Place::Tcp {
                host: self.host.unwrap_or_else(|| HOST.to_owned()),
                port: self.port.unwrap_or(PORT),
                is_secure: self.is_secure,
            },
        };
        let certificates = tls::Files { authority: self.authority, own: self.own };
        Settings {
            place,
            user: self.user,
            password: self.password,
            db: self.db.unwrap_or_default().into(),
            minsize: self.minsize.unwrap_or(1),
            maxsize: self.maxsize.unwrap_or(MAXSIZE),
            create_connection_timeout: self.create_connection_timeout.unwrap_or(CONNECT),
            certificates: Some(certificates).filter(|files| *files != tls::Files::default()),
            cluster: self.cluster,
            nodes: self.nodes,
            near: self.client_side.then(|| self.client_side_size.unwrap_or(NEAR)),
        }
    }

    fn check(&self) -> Result<()> {
        let (minsize, maxsize) = (self.minsize.unwrap_or(1), self.maxsize.unwrap_or(MAXSIZE));
        let wrong = if maxsize == 0 {
            "`maxsize` = 0: there must be a connection to talk over".to_owned()
        } else if minsize > maxsize {
            format!("`minsize` = {minsize} is more than `maxsize` = {maxsize}")
        } else if self.create_connection_timeout == Some(Duration::ZERO) {
            "`create_connection_timeout` = 0: nothing connects in no time".to_owned()
        } else if self.socket.is_some() && self.is_secure {
            "a socket in the file system has no TLS: leave `tls` out".to_owned()
        } else if self.socket.is_some() && self.host.is_some() {
            "there is a `server` and a `socket`: name one of them".to_owned()
        } else if self.cluster && self.db.unwrap_or_default() != 0 {
            "`db`: a cluster has only database 0".to_owned()
        } else if self.cluster && self.socket.is_some() {
            "a cluster is reached by TCP: name a `server` of it in place of a `socket`".to_owned()
        } else if !self.cluster && !self.nodes.is_empty() {
            "there is a `node` of a cluster, and `cluster` is off".to_owned()
        } else if self.client_side_size == Some(0) {
            "`client_side_size` = 0: leave `client_side` out to keep nothing".to_owned()
        } else {
            let files = tls::Files { authority: self.authority.clone(), own: self.own.clone() };
            return files.read().map(drop);
        };
        Err(Error::config(wrong))
    }
}

impl fmt::Debug for RedisBuilder {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBuilder")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("socket", &self.socket)
            .field("user", &self.user)
            .field("db", &self.db)
            .field("tls", &self.is_secure)
            .field("cluster", &self.cluster)
            .field("nodes", &self.nodes)
            .field("client_side", &self.client_side)
            .finish_non_exhaustive()
    }
}

impl IntoBackend for RedisBuilder {
    fn into_backend(self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.try_build()?))
    }
}
