//! How a server is to be.

use std::fmt::Write;
use std::path::Path;

use tempfile::TempDir;

use super::{Redis, Way};
use crate::Tls;

/// A server before it is started. By default: memory only, one free port of 127.0.0.1 and a socket in a
/// directory of its own, 16 databases, nobody asks for a password.
#[derive(Debug, Clone, Default)]
pub struct Builder {
    directives: Vec<(String, String)>,
    password: Option<String>,
    way: Way,
}

impl Builder {
    /// A line of the configuration, such as `("maxmemory", "2mb")`.
    #[must_use]
    pub fn config(mut self, name: &str, value: &str) -> Self {
        self.directives.push((name.to_owned(), value.to_owned()));
        self
    }

    /// How many databases there are.
    #[must_use]
    pub fn databases(self, count: u32) -> Self {
        self.config("databases", &count.to_string())
    }

    /// What the default user says to be let in.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// One more user, with rules such as `on >secret ~* &* +@all -scan`.
    #[must_use]
    pub fn user(self, name: &str, rules: &str) -> Self {
        self.config("user", &format!("{name} {rules}"))
    }

    /// No port, only the socket.
    #[must_use]
    pub fn unix_only(mut self) -> Self {
        self.way = Way::Unix;
        self
    }

    /// The port speaks TLS and asks nobody for a certificate.
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.way = Way::Tls { mutual: false };
        self
    }

    /// The port speaks TLS and lets in who has a certificate of the authority.
    #[must_use]
    pub fn mutual_tls(mut self) -> Self {
        self.way = Way::Tls { mutual: true };
        self
    }

    /// Starts it and waits until it answers.
    ///
    /// # Panics
    ///
    /// When it does not; with what it said.
    pub fn start(self) -> Redis {
        let directory =
            TempDir::with_prefix("redis-").unwrap_or_else(|error| panic!("no directory: {error}"));
        let tls = matches!(self.way, Way::Tls { .. }).then(|| Tls::in_directory(directory.path()));
        Redis::start_in(directory, self, tls)
    }

    pub(super) fn password_of(&self) -> Option<&str> {
        self.password.as_deref()
    }

    pub(super) fn way(&self) -> Way {
        self.way
    }

    /// The configuration of a server on `port`.
    pub(super) fn text(&self, port: u16, directory: &Path, tls: Option<&Tls>) -> String {
        let at = directory.display();
        let mut text = format!(
            "bind 127.0.0.1\nprotected-mode no\nsave \"\"\nappendonly no\ndir \"{at}\"\n\
             unixsocket \"{at}/{}\"\nunixsocketperm 700\n",
            super::SOCKET
        );
        let plain = if self.way == Way::Plain { port } else { 0 };
        let _ = writeln!(text, "port {plain}");
        if let Some(tls) = tls {
            let mutual = if self.way == (Way::Tls { mutual: true }) { "yes" } else { "no" };
            let _ = writeln!(text, "tls-port {port}\ntls-auth-clients {mutual}");
            for (name, path) in [
                ("tls-ca-cert-file", &tls.authority),
                ("tls-cert-file", &tls.certificate),
                ("tls-key-file", &tls.key),
            ] {
                let _ = writeln!(text, "{name} \"{}\"", path.display());
            }
        }
        if let Some(password) = &self.password {
            let _ = writeln!(text, "requirepass \"{password}\"");
        }
        for (name, value) in &self.directives {
            let _ = writeln!(text, "{name} {value}");
        }
        text
    }
}
