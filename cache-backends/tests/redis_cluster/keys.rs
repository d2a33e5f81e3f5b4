//! Keys of every slot.

use std::collections::{BTreeSet, HashSet};

use cache_core::{Backend, Entry, Fill, Key, Meta, SetOptions, Time};
use macadamia_test_servers::{Cluster, Redis as Server, slot_of};

use super::{SHARED, empty, through, to};

/// What is hard on names: braces say where a key lies, and the rest are wildcards, ends and other alphabets.
const HOSTILE: &[&str] = &[
    "",
    "{",
    "}",
    "{}",
    "{}x",
    "x}{y",
    "{user}:1",
    "a{user}",
    "{{user}}",
    "{a}{b}",
    "}{0000}x",
    "*",
    "?",
    "[a-z]",
    "\\*",
    "a b",
    "\r\nFLUSHALL\r\n",
    "\0",
    "é",
    "e\u{301}",
    "🥜",
    "macadamia:fill:{x}",
    "macadamia:tag:x",
];

#[tokio::test]
async fn keys_of_all_servers_are_stored_read_found_and_deleted_together() {
    let (cache, prefix) = through(to(&SHARED)).await;
    let keys: Vec<String> = (0..600).map(|n| format!("{prefix}{n}")).collect();
    let owners: BTreeSet<u16> =
        keys.iter().map(|key| SHARED.master_of(slot_of(key)).port()).take(50).collect();
    assert_eq!(owners.len(), 3);
    cache.set_many(keys.iter().zip(&(0..600_i32).collect::<Vec<_>>())).ttl("1h").await.unwrap();
    let read = cache.get_many::<i32, _>(&keys).await.unwrap();
    assert_eq!(read, (0..600).map(Some).collect::<Vec<_>>());
    let found: BTreeSet<String> =
        cache.scan(format!("{prefix}*").as_str()).await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, keys.iter().cloned().collect());
    assert_eq!(cache.delete_many(&keys[..100]).await.unwrap(), 100);
    assert_eq!(cache.delete_match(format!("{prefix}*").as_str()).await.unwrap(), 500);
    assert!(cache.get_many::<i32, _>(&keys).await.unwrap().iter().all(Option::is_none));
}

#[tokio::test]
async fn no_key_is_too_strange_for_its_slot() {
    let redis = to(&SHARED);
    let (cache, prefix) = through(redis.clone()).await;
    // Before the prefix, since what stands first decides where it lies.
    let keys: Vec<Key> = HOSTILE.iter().map(|key| Key::from(format!("{key}{prefix}"))).collect();
    for key in &keys {
        let fill = redis.begin_fill(key).await.unwrap().unwrap();
        assert!(fill_with(&redis, key, fill).await, "{key:?}");
        let fill = redis.begin_fill(key).await.unwrap().unwrap();
        assert!(redis.delete(key).await.unwrap(), "{key:?}");
        assert!(!fill_with(&redis, key, fill).await, "{key:?} was deleted meanwhile");
        assert_eq!(cache.incr(key).ttl("1h").await.unwrap(), 1, "{key:?}");
    }
    assert_eq!(cache.get_many::<i64, _>(&keys).await.unwrap(), vec![Some(1); keys.len()]);
    let found = redis.scan(&format!("*{prefix}").as_str().into()).await.unwrap();
    assert_eq!(found.into_iter().collect::<HashSet<_>>(), keys.iter().cloned().collect());
    assert_eq!(redis.delete_many(&keys).await.unwrap(), u64::try_from(keys.len()).unwrap());
}

async fn fill_with(redis: &cache_backends::Redis, key: &Key, fill: Fill) -> bool {
    let mut options = SetOptions::default();
    options.fill = Some(fill);
    redis.set(key, Entry::new(1_i64, Meta::new(Time::from_nanos(1), Time::NEVER)), options).await.unwrap()
}

#[tokio::test]
async fn a_tag_ends_entries_wherever_they_lie() {
    let (cache, prefix) = through(to(&SHARED)).await;
    let tags: Vec<String> = (0..5).map(|n| format!("{prefix}tag{n}")).collect();
    for n in 0..60 {
        cache
            .set(format!("{prefix}{n}"), &n)
            .ttl("1h")
            .tags([&tags[n % 5], &tags[(n + 1) % 5]])
            .await
            .unwrap();
    }
    cache.delete_tags([&tags[0], &tags[1]]).await.unwrap();
    for n in 0..60 {
        let lives = ![0, 1, 4].contains(&(n % 5));
        assert_eq!(cache.exists(format!("{prefix}{n}")).await.unwrap(), lives, "{n}");
    }
}

#[tokio::test]
async fn locks_lie_on_all_servers_and_keep_everybody_else_out() {
    let (one, prefix) = through(to(&SHARED)).await;
    let (other, _) = through(to(&SHARED)).await;
    for n in 0..20 {
        let key = format!("{prefix}{n}");
        let lock = one.lock(&key, "1m").await.unwrap();
        assert!(other.is_locked(&key).await.unwrap());
        assert!(other.lock(&key, "1m").wait(false).await.is_err(), "{n}");
        drop(lock);
        super::until("it is free", async || !other.is_locked(&key).await.unwrap()).await;
    }
}

#[tokio::test]
async fn what_others_keep_on_any_of_the_servers_stays() {
    let redis = empty().await;
    let (cache, _) = through(redis.clone()).await;
    for n in 0..60 {
        let key = format!("foreign{n}");
        super::CLUSTER.command(&key, &["SET", &key, "theirs"]);
        cache.set(format!("ours{n}"), &n).tags(["t"]).await.unwrap();
    }
    let names = || super::CLUSTER.nodes().iter().map(|node| node.command(&["DBSIZE"]).integer()).sum::<i64>();
    assert!(names() > 120);
    assert_eq!(cache.keys_count().await.unwrap(), 60);
    cache.clear().await.unwrap();
    assert_eq!((cache.keys_count().await.unwrap(), names()), (0, 60));
    cache.flush_all().await.unwrap();
    assert_eq!(names(), 0);
}

#[tokio::test]
async fn any_server_that_was_named_will_do() {
    let nobody = Server::start();
    let dead = nobody.port();
    drop(nobody);
    let known = SHARED.nodes()[2].port();
    let url = format!("redis://127.0.0.1:{dead},127.0.0.1:{known}?cluster=true&timeout=30");
    let cache = cache_core::Cache::builder().route("", url.as_str()).build().await.unwrap();
    assert_eq!(cache.ping("hello").await.unwrap(), "hello");
}

#[tokio::test]
async fn a_server_of_no_cluster_is_told_so() {
    let alone = Server::start();
    let redis = cache_backends::Redis::builder().server("127.0.0.1", alone.port()).cluster(true).build();
    let error = redis.get(&"k".into()).await.unwrap_err();
    assert!(error.to_string().contains("cluster support disabled"), "{error}");
}

#[tokio::test]
async fn a_program_that_takes_a_cluster_for_one_server_is_told_where_the_key_is() {
    let redis = cache_backends::Redis::builder().server("127.0.0.1", SHARED.nodes()[0].port()).build();
    let elsewhere = (0..1_000)
        .map(|n| format!("k{n}"))
        .find(|key| SHARED.master_of(slot_of(key)).port() != SHARED.nodes()[0].port());
    let error = redis.get(&elsewhere.unwrap().into()).await.unwrap_err();
    assert!(error.to_string().contains("MOVED") && !error.is_unavailable(), "{error}");
}

#[test]
fn a_slot_has_the_same_number_here_and_there() {
    // Where keys lie is computed here, by the servers, and by the tests: all the same.
    let cluster: &Cluster = &SHARED;
    for key in HOSTILE {
        let theirs = cluster.nodes()[0].command(&["CLUSTER", "KEYSLOT", key]).integer();
        assert_eq!(theirs, i64::from(slot_of(key)), "{key:?}");
    }
}
