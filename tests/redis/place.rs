//! A database for each test, and caches on it.

use std::time::{Duration, Instant};

use macadamia::{Cache, Route};
use macadamia_test_servers::{Redis, Reply};

use super::support::{Events, Fixture};

/// A machine that is busy with other tests may take this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A database of the shared server, for one test.
pub(crate) struct Place {
    pub(crate) server: &'static Redis,
    pub(crate) db: u32,
}

impl Place {
    pub(crate) fn fresh() -> Self {
        let server = Redis::shared();
        Self { server, db: server.fresh_database() }
    }

    /// With more after it: `?ttl=5`.
    pub(crate) fn url(&self, more: &str) -> String {
        format!("{}/{}{more}", self.server.url(), self.db)
    }

    /// A cache on it, as a process of its own would have.
    pub(crate) async fn cache(&self, more: &str) -> Cache {
        open(&self.url(more)).await
    }

    /// The same, with what happens in it.
    pub(crate) async fn fixture(&self) -> Fixture {
        let (clock, events) = (macadamia::testing::ManualClock::new(), Events::default());
        let route = Route::to(self.url("").as_str()).timeout(PATIENCE);
        let cache = Cache::builder().route("", route).observer(events.clone()).build().await.unwrap();
        Fixture { cache, clock, events }
    }

    /// What the server says to a client of this database.
    pub(crate) fn command(&self, words: &[&str]) -> Reply {
        let mut client = self.server.client().unwrap();
        assert!(!client.command(&["SELECT", &self.db.to_string()]).unwrap().is_error());
        client.command(words).unwrap()
    }

    /// All names in it.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<_> = self.command(&["KEYS", "*"]).items().iter().map(Reply::text).collect();
        names.sort();
        names
    }
}

/// A cache behind one URL, in which a slow machine is no slow server.
pub(crate) async fn open(url: &str) -> Cache {
    Cache::builder().route("", Route::to(url).timeout(PATIENCE)).build().await.unwrap()
}

/// Waits for what the clock of the server, or another task, is about to do.
pub(crate) async fn until(what: &str, mut is: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is().await {
        assert!(Instant::now() < deadline, "in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
