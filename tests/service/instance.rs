//! A service in a process of its own, and what it answers.

use std::net::SocketAddr;

use serde_json::Value;

use super::ROLE;
use super::client::{Client, Reply};
use super::support::process::Process;

/// A service in a process of its own.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
}

impl Service {
    pub(crate) fn begin(cache: &str, variables: &[(&str, &str)]) -> Self {
        let given = [("MACADAMIA_TEST_SERVICE", "yes"), ("CACHE_URL", cache), ("PORT", "0")];
        let process = Process::begin(ROLE, &[&given, variables].concat());
        let address = process.hear("listening on http://").unwrap().parse().unwrap();
        Self { process, address }
    }

    pub(crate) fn client(&self) -> Client {
        Client::of(self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.client().get(path).await.unwrap()
    }

    pub(crate) async fn send(&self, method: &str, path: &str, body: &str) {
        assert_eq!(self.client().ask(method, path, body).await.unwrap().status, 204, "{method} {path}");
    }

    /// A number of `/stats`.
    pub(crate) async fn count(&self, path: &str) -> u64 {
        let stats: Value = serde_json::from_str(&self.get("/stats").await.body).unwrap();
        stats.pointer(path).and_then(Value::as_u64).unwrap()
    }
}

pub(crate) fn cache(reply: &Reply) -> &str {
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.header("x-cache").unwrap()
}

pub(crate) fn name(reply: &Reply) -> String {
    let product: Value = serde_json::from_str(&reply.body).unwrap();
    product["name"].as_str().unwrap().to_owned()
}
