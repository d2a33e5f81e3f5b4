//! `#[early]`.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::{EventKind, Stats, early};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[early(ttl = "90s", key = "early:<id>:<name>")]
async fn page(id: u64, name: &str) -> Result<String, String> {
    let run = RUNS.fetch_add(1, SeqCst);
    tokio::task::yield_now().await;
    Ok(format!("{name} {id} {run}"))
}

#[tokio::test]
async fn smoke() {
    for fixture in Fixture::each().await {
        RUNS.store(0, SeqCst);
        fixture
            .run(async {
                assert_eq!(page(1, "a").await.unwrap(), "a 1 0");
                fixture.clock.advance(Duration::from_secs(30));
                assert_eq!(page(1, "a").await.unwrap(), "a 1 0");
                settle().await;
                assert_eq!(page(1, "a").await.unwrap(), "a 1 1");
                assert_eq!(RUNS.load(SeqCst), 2);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Refreshed), 1);
    }
    let _: Stats = page::stats();
}
