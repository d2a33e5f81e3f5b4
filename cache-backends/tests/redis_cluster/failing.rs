//! Servers of a cluster that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cache_core::{Backend, Cache, Key, Route};
use macadamia_test_servers::{Cluster, slot_of};

use super::{in_the_end, through, to, until};

/// A key of each master, in the order of those.
fn key_of_each(cluster: &Cluster) -> Vec<Key> {
    let of = |port: u16| {
        let mut keys = (0..1_000).map(|n| format!("k{n}"));
        keys.find(|key| cluster.master_of(slot_of(key)).port() == port)
    };
    cluster.masters().iter().map(|node| Key::from(of(node.port()).unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn functions_answer_while_a_replica_takes_over_and_are_cached_after_it() {
    let cluster = Cluster::start(3, 3);
    let cache = Cache::builder().route("", Route::to(to(&cluster)).suppress(false)).build().await.unwrap();
    let keys = key_of_each(&cluster);
    for key in &keys {
        cache.set(key, &0).ttl("1h").await.unwrap();
    }
    let (over, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let slowest = tokio::spawn({
        let (cache, keys) = (cache.clone(), keys.clone());
        let (over, answers) = (Arc::clone(&over), Arc::clone(&answers));
        async move {
            let mut slowest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let begun = Instant::now();
                let key = fastrand::choice(&keys).unwrap();
                cache.get_or_set(key, || async { 0 }).ttl("1h").await.unwrap();
                slowest = slowest.max(begun.elapsed());
                answers.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            slowest
        }
    });
    let slot = slot_of(keys[0].as_str());
    let killed = cluster.kill_master_of(slot).port();
    tokio::task::block_in_place(|| cluster.wait());
    assert_ne!(cluster.master_of(slot).port(), killed);
    in_the_end("it is stored with the replica", async || {
        let stored = cache.set(&keys[0], &7).ttl("1h").await?;
        if stored { Ok(()) } else { Err(cache_core::Error::backend("not stored")) }
    })
    .await;
    assert_eq!(cache.get::<i32>(&keys[0]).await.unwrap(), Some(7));
    over.store(true, Ordering::Relaxed);
    let slowest = slowest.await.unwrap();
    assert!(answers.load(Ordering::Relaxed) > 100, "{answers:?}");
    // Look, begin, compute, store: each has its limit.
    assert!(slowest < Duration::from_secs(5), "one call took {slowest:?}");
}

#[tokio::test]
async fn a_server_that_dies_takes_along_what_it_has_and_no_more() {
    let cluster = Cluster::start(3, 0);
    for node in cluster.nodes() {
        node.command(&["CONFIG", "SET", "cluster-require-full-coverage", "no"]);
    }
    let redis = to(&cluster);
    let keys = key_of_each(&cluster);
    for key in &keys {
        redis.increment(key, cache_core::Increment::new(1, None)).await.unwrap();
    }
    let dead = cluster.kill_master_of(slot_of(keys[1].as_str()));
    until("it is missed", async || redis.get(&keys[1]).await.is_err()).await;
    let error = redis.get(&keys[1]).await.unwrap_err();
    assert!(!error.is_unavailable(), "the others serve: {error}");
    for key in [&keys[0], &keys[2]] {
        assert!(redis.get(key).await.unwrap().is_some());
        redis.increment(key, cache_core::Increment::new(1, None)).await.unwrap();
    }
    redis.ping("hello").await.unwrap();
    let begun = Instant::now();
    for _ in 0..100 {
        assert!(redis.get(&keys[1]).await.is_err());
    }
    assert!(begun.elapsed() < Duration::from_secs(2), "nobody waits for the dead: {:?}", begun.elapsed());
    assert!(redis.delete_match(&"k*".into()).await.is_err(), "nobody knows what it has");
    dead.restart();
    in_the_end("it is there again", || redis.increment(&keys[1], cache_core::Increment::new(1, None))).await;
}

#[tokio::test]
async fn a_cluster_that_lacks_a_server_cannot_be_reached_where_it_says_so() {
    let cluster = Cluster::start(3, 0);
    let redis = to(&cluster);
    let keys = key_of_each(&cluster);
    redis.ping("hello").await.unwrap();
    let dead = cluster.kill_master_of(slot_of(keys[1].as_str()));
    let is_down = async |key: &Key| redis.get(key).await.is_err_and(|error| error.is_unavailable());
    until("the others say so", async || is_down(&keys[0]).await && is_down(&keys[2]).await).await;
    assert!(redis.ping("hello").await.unwrap_err().is_unavailable());
    dead.restart();
    until("all is well", async || redis.ping("hello").await.is_ok()).await;
    in_the_end("its keys are served", || redis.get(&keys[1])).await;
}

#[tokio::test]
async fn connections_that_are_lost_are_opened_again() {
    let cluster = Cluster::start(3, 0);
    let (cache, _) = through(to(&cluster)).await;
    let keys = key_of_each(&cluster);
    for round in 0..3 {
        for key in &keys {
            in_the_end("it is stored", || cache.set(key, &round).ttl("1h").into_future()).await;
            assert_eq!(cache.get::<i32>(key).await.unwrap(), Some(round));
        }
        for node in cluster.nodes() {
            node.command(&["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]);
        }
    }
}

#[tokio::test]
async fn what_is_not_there_at_first_is_found_later() {
    let cluster = Cluster::start(3, 0);
    cluster.nodes().iter().for_each(macadamia_test_servers::Redis::kill);
    let redis = to(&cluster);
    assert!(redis.get(&"k".into()).await.unwrap_err().is_unavailable());
    cluster.nodes().iter().for_each(macadamia_test_servers::Redis::restart);
    in_the_end("it is served", async || redis.get(&"k".into()).await).await;
}
