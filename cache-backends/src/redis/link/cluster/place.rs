//! Where a server of a cluster is.

use std::fmt;

/// A name or an address, and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::redis) struct Address {
    pub(in crate::redis) host: String,
    pub(in crate::redis) port: u16,
}

impl Address {
    /// As `MOVED` and `ASK` write it: `10.0.0.7:6379`, `::1:6379`, and `:6379` for the same host.
    pub(super) fn redirected(text: &str, from: &Self) -> Option<Self> {
        let (host, port) = text.rsplit_once(':')?;
        Some(Self::told(host, port.parse().ok()?, from))
    }

    /// As `CLUSTER SLOTS` tells it to somebody who asked `from`: a server that does not know its own address leaves it
    /// out, or writes `?`.
    pub(super) fn told(host: &str, port: u16, from: &Self) -> Self {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = if matches!(host, "" | "?") { from.host.as_str() } else { host };
        Self { host: host.to_owned(), port }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_names_a_server() {
        let from = Address { host: "cache.example.com".to_owned(), port: 7_000 };
        for (text, host, port) in [
            ("10.0.0.7:6379", "10.0.0.7", 6_379),
            ("other.example.com:7001", "other.example.com", 7_001),
            (":7002", "cache.example.com", 7_002),
            ("?:7002", "cache.example.com", 7_002),
            ("::1:7003", "::1", 7_003),
            ("2001:db8::7:7004", "2001:db8::7", 7_004),
        ] {
            let address = Address { host: host.to_owned(), port };
            assert_eq!(Address::redirected(text, &from), Some(address), "{text}");
        }
        for text in ["", "10.0.0.7", "10.0.0.7:", "10.0.0.7:port", "10.0.0.7:70000"] {
            assert_eq!(Address::redirected(text, &from), None, "{text}");
        }
    }

    #[test]
    fn an_address_is_shown_as_in_a_url() {
        let shown = |host: &str| Address { host: host.to_owned(), port: 1 }.to_string();
        assert_eq!([shown("10.0.0.7"), shown("::1")], ["10.0.0.7:1", "[::1]:1"]);
    }
}
