//! Several processes that share one place.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Instant;

use tempfile::TempDir;

use super::child::{self, MARK, PLACE, URL};
use super::support::process::{PATIENCE, Process};

/// Where entries are, and where the processes leave their traces.
pub(crate) struct Place {
    pub(crate) url: String,
    traces: TempDir,
    /// What one of them has ended the others hear of, a message later.
    pub(crate) is_told_later: bool,
}

impl Place {
    /// A directory, for the processes of one host.
    pub(crate) fn disk() -> Self {
        let traces = TempDir::new().unwrap();
        Self {
            url: format!("disk://{}?timeout=20", traces.path().join("cache").display()),
            traces,
            is_told_later: false,
        }
    }

    /// A database of the server that the tests share.
    #[cfg(feature = "redis")]
    pub(crate) fn redis() -> Self {
        let server = macadamia_test_servers::Redis::shared();
        Self::at(format!("{}/{}?timeout=20", server.url(), server.fresh_database()))
    }

    /// The same, of which the processes keep what they have read near them.
    #[cfg(feature = "redis")]
    pub(crate) fn near() -> Self {
        let Self { url, traces, .. } = Self::redis();
        Self { url: url + "&client_side=true", traces, is_told_later: true }
    }

    /// Wherever it is.
    #[cfg(feature = "redis")]
    pub(crate) fn at(url: String) -> Self {
        Self { url, traces: TempDir::new().unwrap(), is_told_later: false }
    }

    pub(crate) fn processes<const N: usize>(&self) -> [Member; N] {
        [(); N].map(|()| self.process())
    }

    pub(crate) fn process(&self) -> Member {
        let place = self.traces.path().to_str().unwrap();
        let process = Process::begin(super::ROLE, &[(URL, &self.url), (PLACE, place)]);
        assert_eq!(process.hear(MARK).as_deref(), Some("ready"));
        Member { process, orders: 0, heard: RefCell::default() }
    }

    pub(crate) fn open(&self, who: &str) {
        child::open(self.traces.path(), who);
    }

    /// The notes of the runs that have begun as `who`.
    pub(crate) fn begun(&self, who: &str) -> Vec<String> {
        child::begun(self.traces.path(), who)
    }

    /// Waits until so many runs have begun.
    pub(crate) fn until(&self, who: &str, runs: usize) -> Vec<String> {
        eventually(&format!("{runs} runs of {who}"), || {
            let begun = self.begun(who);
            (begun.len() >= runs).then_some(begun)
        })
    }
}

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "in vain: {what}");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}

/// One of the processes.
pub(crate) struct Member {
    pub(crate) process: Process,
    orders: usize,
    heard: RefCell<HashMap<String, String>>,
}

/// What was told, whose answer may come later than that of others.
#[derive(Debug, Clone)]
pub(crate) struct Order(String);

impl Member {
    pub(crate) fn tell(&mut self, order: &str) -> Order {
        self.orders += 1;
        self.process.tell(&format!("{} {order}", self.orders));
        Order(self.orders.to_string())
    }

    pub(crate) fn hear(&self, order: &Order) -> String {
        loop {
            if let Some(answer) = self.heard.borrow_mut().remove(&order.0) {
                return answer;
            }
            let line = self.process.hear(MARK).unwrap_or_else(|| panic!("it died of {order:?}"));
            let (number, answer) = line.split_once(' ').unwrap();
            self.heard.borrow_mut().insert(number.to_owned(), answer.to_owned());
        }
    }

    pub(crate) fn ask(&mut self, order: &str) -> String {
        let order = self.tell(order);
        self.hear(&order)
    }

    /// Waits until this has happened in it.
    pub(crate) fn until(&mut self, kind: &str) {
        eventually(kind, || (self.ask(&format!("events {kind}")) != "0").then_some(()));
    }
}
