//! A cluster is one backend, whichever of its servers a key lies on.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use cache_backends::Redis;
use cache_core::Backend;
use macadamia_test_servers::Cluster;

/// Three masters, for whoever leaves them as they are.
static CLUSTER: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(3, 0));

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
async fn redis() -> Redis {
    MINE.with(|_| ());
    let redis = Redis::builder().server("127.0.0.1", CLUSTER.nodes()[0].port()).cluster(true).build();
    // What is sealed before a server has told its time is sealed in that of the wall, which a test cannot move.
    redis.ping("").await.expect("a cluster that answers");
    redis
}

cache_core::testing::conformance! {
    conformance,
    || async { redis().await },
}
