//! Servers that tests start on free ports, kill, pause, and reach through a wire that can fail.
//!
//! [`Redis`] is one server, [`Cluster`] several, [`Proxy`] the wire between a test and either. Everything is
//! blocking and needs no runtime, so it serves in any test. Nothing is left behind: what is dropped is stopped,
//! and each server has a watchdog that ends it when the test process is killed.
#![cfg(unix)]

mod client;
mod cluster;
mod ports;
mod process;
mod proxy;
mod redis;
mod reply;
mod tls;

pub use client::Client;
pub use cluster::{Cluster, slot_of};
pub use proxy::{Mode, Proxy};
pub use redis::{Builder, Redis};
pub use reply::Reply;
pub use tls::Tls;

use std::time::{Duration, Instant};

/// A machine that is busy with other tests may take longer than anybody would wait.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The beginning of keys that no other test has, such as `t7f3k2m9qzx1:`.
pub fn random_prefix() -> String {
    let letters = std::iter::repeat_with(fastrand::alphanumeric).take(12).collect::<String>();
    format!("t{}:", letters.to_lowercase())
}

/// Asks again and again until `done` says yes.
///
/// # Panics
///
/// When half a minute was not enough; the message names `what`.
pub fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !done() {
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
