//! One Redis server.

mod builder;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rustix::process::Signal;
use tempfile::TempDir;

pub use builder::Builder;

use crate::process::Process;
use crate::{Client, PATIENCE, Reply, Tls, ports};

const SOCKET: &str = "redis.sock";
/// As many as a test binary may want fresh ones of.
const SHARED_DATABASES: u32 = 2_048;

/// How a server is reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Plain,
    Unix,
    Tls {
        mutual: bool,
    },
}

/// A running `redis-server` of the test's own, in a directory of its own; stopped when it is dropped.
#[derive(Debug)]
pub struct Redis {
    // Before the directory: what is dropped first is stopped first.
    process: Mutex<Process>,
    port: u16,
    builder: Builder,
    tls: Option<Tls>,
    databases: AtomicU32,
    directory: TempDir,
}

impl Redis {
    /// Starts a server; see [`Builder`] for how it is.
    pub fn start() -> Self {
        Builder::default().start()
    }

    /// A server that is different from [`start`](Self::start)'s.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// The one server of this test binary. Who empties all of it, or makes it fail, starts one of his own.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(|| Self::builder().databases(SHARED_DATABASES).start())
    }

    /// The number of a database that nobody was given before; there are 2,048 on the [`shared`](Self::shared)
    /// server, and 16 on others.
    pub fn fresh_database(&self) -> u32 {
        self.databases.fetch_add(1, Ordering::Relaxed)
    }

    fn start_in(directory: TempDir, builder: Builder, tls: Option<Tls>) -> Self {
        // Between the look for a free port and the server's own somebody may have taken it.
        for _ in 0..10 {
            let port = ports::free();
            match launch(directory.path(), port, &builder, tls.as_ref()) {
                Ok(process) => {
                    let (process, databases) = (Mutex::new(process), AtomicU32::new(0));
                    return Self { process, port, builder, tls, databases, directory };
                }
                Err(said) if said.contains("already in use") => {}
                Err(said) => panic!("redis-server does not start: {said}"),
            }
        }
        panic!("redis-server found ten ports taken that were free")
    }

    /// Where it is, such as `redis://127.0.0.1:11222`; with the password if there is one.
    pub fn url(&self) -> String {
        let password = self.builder.password_of();
        let login = password.map(|password| format!(":{password}@")).unwrap_or_default();
        match self.builder.way() {
            Way::Plain => format!("redis://{login}127.0.0.1:{}", self.port),
            Way::Tls { .. } => format!("rediss://{login}127.0.0.1:{}", self.port),
            Way::Unix => {
                let password = password.map(|password| format!("?password={password}")).unwrap_or_default();
                format!("redis+unix://{}{password}", self.socket().display())
            }
        }
    }

    /// Where a [`Proxy`](crate::Proxy) leads to: `127.0.0.1:11222`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Its port; nobody listens there when it is on the socket only.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its socket in the file system; every server has one.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join(SOCKET)
    }

    /// The directory that goes with it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The files of a server that speaks TLS.
    ///
    /// # Panics
    ///
    /// When it does not.
    pub fn tls(&self) -> &Tls {
        self.tls.as_ref().unwrap_or_else(|| panic!("it speaks no TLS"))
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.process().pid()
    }

    /// Kills it (SIGKILL), and returns when it is gone. [`restart`](Self::restart) begins it anew.
    pub fn kill(&self) {
        self.process().end();
    }

    /// Stops it (SIGSTOP): connections stay, nothing is answered.
    pub fn pause(&self) {
        self.process().signal(Signal::STOP);
    }

    /// Lets it go on after [`pause`](Self::pause).
    pub fn resume(&self) {
        self.process().signal(Signal::CONT);
    }

    /// Kills it if it runs and starts it at the same port, empty.
    ///
    /// # Panics
    ///
    /// When it does not start.
    pub fn restart(&self) {
        let mut process = self.process();
        process.end();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match launch(self.directory(), self.port, &self.builder, self.tls.as_ref()) {
                Ok(again) => break *process = again,
                Err(said) if said.contains("already in use") && Instant::now() < deadline => {}
                Err(said) => panic!("redis-server does not start again: {said}"),
            }
        }
    }

    /// A connection of the default user, by the socket: no proxy, no TLS.
    pub fn client(&self) -> io::Result<Client> {
        client(&self.socket(), self.builder.password_of())
    }

    /// What it says to a command such as `["SET", "k", "v"]`, over a connection for this one.
    ///
    /// # Panics
    ///
    /// When it says nothing for five seconds, or cannot be reached.
    #[track_caller]
    pub fn command<T: AsRef<[u8]>>(&self, words: &[T]) -> Reply {
        self.try_command(words).unwrap_or_else(|error| panic!("redis at {}: {error}", self.port))
    }

    /// What it says to a command, or why it says nothing.
    pub fn try_command<T: AsRef<[u8]>>(&self, words: &[T]) -> io::Result<Reply> {
        self.client()?.command(words)
    }

    /// A field of what `INFO` says, such as `("replication", "role")`.
    ///
    /// # Panics
    ///
    /// When there is no such field.
    #[track_caller]
    pub fn info(&self, section: &str, field: &str) -> String {
        let text = self.command(&["INFO", section]).text();
        let value = text.lines().filter_map(|line| line.split_once(':')).find(|(name, _)| *name == field);
        value.unwrap_or_else(|| panic!("no {field} in {text}")).1.to_owned()
    }

    fn process(&self) -> MutexGuard<'_, Process> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Starts a server and waits until it answers; the error is what it said before it ended.
fn launch(directory: &Path, port: u16, builder: &Builder, tls: Option<&Tls>) -> Result<Process, String> {
    let [configuration, log] = ["redis.conf", "redis.log"].map(|name| directory.join(name));
    let told = |error: io::Error| error.to_string();
    std::fs::write(&configuration, builder.text(port, directory, tls)).map_err(told)?;
    let said = File::create(&log).map_err(told)?;
    let mut process = Process::spawn(
        Command::new("redis-server").arg(&configuration).stdout(said.try_clone().map_err(told)?).stderr(said),
        directory,
    );
    let socket = directory.join(SOCKET);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let pong = client(&socket, builder.password_of()).and_then(|mut client| client.command(&["PING"]));
        if pong.is_ok_and(|pong| !pong.is_error()) {
            return Ok(process);
        }
        if process.exited().is_some() || Instant::now() > deadline {
            return Err(std::fs::read_to_string(&log).map_err(told)?);
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

fn client(socket: &Path, password: Option<&str>) -> io::Result<Client> {
    let mut client = Client::unix(socket)?;
    if let Some(password) = password {
        let answer = client.command(&["AUTH", password])?;
        if answer.is_error() {
            return Err(io::Error::other(format!("{answer:?}")));
        }
    }
    Ok(client)
}
