//! Entries near of keys whose slots move, and whose servers die or are cut off.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_backends::Redis;
use cache_core::{Cache, Error, Result, Route};
use macadamia_test_servers::{Cluster, slot_of};

use super::{in_the_end, through, to};

/// What was near a server that says nothing more is believed for a second and a half.
const SOON: Duration = Duration::from_secs(10);

fn near_to(cluster: &Cluster) -> Redis {
    let redis = Redis::builder().server("127.0.0.1", cluster.nodes()[0].port());
    redis.cluster(true).client_side(true).build()
}

/// Stores it, whatever is in the way for a while.
async fn store(cache: &Cache, key: &str, value: &str) {
    in_the_end("it is stored", async || -> Result<()> {
        let stored = cache.set(key, value).ttl("1h").await?;
        if stored { Ok(()) } else { Err(Error::backend("not stored")) }
    })
    .await;
}

/// Reads until the value is this, and goes on for a moment: it must not become another again.
async fn sees(cache: &Cache, key: &str, value: &str) {
    let begun = Instant::now();
    let mut seen_since = None;
    loop {
        let seen = cache.get::<String>(key).await.unwrap_or_default();
        match (seen.as_deref(), seen_since) {
            (Some(seen), None) if seen == value => seen_since = Some(Instant::now()),
            (Some(seen), Some(_)) => assert_eq!(seen, value, "an older one came back"),
            _ => {}
        }
        if seen_since.is_some_and(|since: Instant| since.elapsed() > Duration::from_millis(30)) {
            return;
        }
        assert!(begun.elapsed() < SOON, "`{key}` is {seen:?} and should be {value:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_near_follows_its_slot() {
    let cluster = Arc::new(Cluster::start(2, 0));
    let (near, _) = through(near_to(&cluster)).await;
    let (writer, _) = through(to(&cluster)).await;
    let rounds = if std::env::var_os("MACADAMIA_SLOW").is_some() { 40 } else { 4 };
    let keys: Vec<String> = (0..10).map(|n| format!("{{t}}{n}")).collect();
    let slot = slot_of("{t}");
    for round in 0..rounds {
        for key in &keys {
            store(&writer, key, &format!("{round} before")).await;
            sees(&near, key, &format!("{round} before")).await;
        }
        let moving = {
            let cluster = Arc::clone(&cluster);
            tokio::task::spawn_blocking(move || {
                let from = cluster.master_of(slot).port();
                let goal = cluster.masters().into_iter().find(|node| node.port() != from).unwrap();
                cluster.move_slots(slot..=slot, goal);
            })
        };
        for key in &keys {
            store(&writer, key, &format!("{round} meanwhile")).await;
            sees(&near, key, &format!("{round} meanwhile")).await;
        }
        moving.await.unwrap();
        for key in &keys {
            sees(&near, key, &format!("{round} meanwhile")).await;
            store(&writer, key, &format!("{round} after")).await;
            sees(&near, key, &format!("{round} after")).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_near_is_let_go_with_the_server_that_dies_or_is_cut_off() {
    for dies in [true, false] {
        let cluster = Cluster::start(3, 3);
        // With the limits that are usual: one of the servers does not answer.
        let at = |redis| Cache::builder().route("", Route::to(redis).suppress(false)).build();
        let (near, writer) = (at(near_to(&cluster)).await.unwrap(), at(to(&cluster)).await.unwrap());
        store(&writer, "k", "before").await;
        sees(&near, "k", "before").await;
        let slot = slot_of("k");
        let master = cluster.master_of(slot);
        if dies {
            master.kill();
        } else {
            // It stands still until another has its place, and then goes on as if nothing had been.
            master.pause();
        }
        // Done, by whoever has taken its place.
        store(&writer, "k", "after").await;
        if !dies {
            master.resume();
        }
        sees(&near, "k", "after").await;
        store(&writer, "k", "at last").await;
        sees(&near, "k", "at last").await;
    }
}
