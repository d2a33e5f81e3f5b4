//! A cluster is one backend, whichever of its servers a key lies on.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod failing;
mod keys;
mod moving;
mod near;
mod passing;

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cache_backends::Redis;
use cache_core::{Backend, Cache, Result, Route};
use macadamia_test_servers::{Cluster, random_prefix};

/// Longer than anything takes that comes to an end.
const PATIENCE: Duration = Duration::from_secs(30);

/// For those who empty it.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(3, 0));

/// For those who leave to others what is theirs.
static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(3, 0));

/// A cluster has one database, so those who empty it take turns.
static TURN: Mutex<()> = Mutex::new(());

thread_local! {
    // Of the test that runs on this thread, and over with it.
    static MINE: MutexGuard<'static, ()> = {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        CLUSTER.nodes().iter().for_each(|node| drop(node.command(&["FLUSHALL"])));
        turn
    };
}

/// Empty, and for this test alone.
async fn empty() -> Redis {
    MINE.with(|_| ());
    let redis = to(&CLUSTER);
    // What is sealed before a server has told its time is sealed in that of the wall, which a test cannot move.
    redis.ping("").await.expect("a cluster that answers");
    redis
}

cache_core::testing::conformance! {
    conformance,
    || async { empty().await },
}

/// Told of the first of its servers only.
fn to(cluster: &Cluster) -> Redis {
    Redis::builder().server("127.0.0.1", cluster.nodes()[0].port()).cluster(true).build()
}

/// Hides no error, and has no limit that a busy machine might reach; and what keys begin with there.
async fn through(redis: Redis) -> (Cache, String) {
    let route = Route::to(redis).suppress(false).timeout(PATIENCE);
    (Cache::builder().route("", route).build().await.unwrap(), random_prefix())
}

/// Waits without holding up what else runs here.
async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until nobody says that something is in the way.
async fn in_the_end<T>(what: &str, mut ask: impl AsyncFnMut() -> Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if begun.elapsed() > PATIENCE => panic!("waited in vain until {what}: {error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}
