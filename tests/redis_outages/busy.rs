//! A process that has much to do, beside a server that is well.

use std::time::{Duration, Instant};

use macadamia::{Cache, EventKind};
use macadamia_test_servers::{Mode, Proxy, Redis};
use tokio::task::JoinSet;

use crate::support::Events;

async fn cache(address: &str) -> (Cache, Events) {
    let events = Events::default();
    let url = format!("redis://{address}");
    let cache = Cache::builder().route("", url.as_str()).observer(events.clone()).build().await.unwrap();
    cache.ping("").await.unwrap();
    (cache, events)
}

#[tokio::test]
async fn what_a_function_takes_of_its_thread_is_not_the_servers_silence() {
    let server = Redis::start();
    let (cache, events) = cache(&server.address()).await;
    for id in 0..10 {
        cache.set(format!("k{id}"), &id).await.unwrap();
    }
    let mut hits = 0;
    for _ in 0..5 {
        let mut calls = JoinSet::new();
        for id in 0..10 {
            let cache = cache.clone();
            calls.spawn(async move { cache.get::<i32>(format!("k{id}")).await });
        }
        tokio::task::yield_now().await;
        // It computes.
        std::thread::sleep(Duration::from_millis(300));
        hits += calls.join_all().await.into_iter().filter(|got| matches!(got, Ok(Some(_)))).count();
    }
    assert_eq!(events.count(EventKind::BackendDown), 0);
    // What was only sent after the function is answered within what is left, unless the machine is busy, too.
    assert!(hits > 0, "no answer was read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_that_many_ask_for_does_not_make_the_server_down() {
    let server = Redis::start();
    let proxy = Proxy::start(&server.address());
    proxy.set(Mode::Slow(Duration::from_millis(1)));
    let (cache, events) = cache(&proxy.address()).await;
    let mut calls = JoinSet::new();
    for _ in 0..1_000 {
        let cache = cache.clone();
        calls.spawn(async move { cache.is_locked("hot").await.is_ok() });
    }
    let answered = calls.join_all().await.into_iter().filter(|is_answered| *is_answered).count();
    assert!(answered > 0);
    assert_eq!(events.count(EventKind::BackendDown), 0, "{answered} of 1000 were answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_walks_do_not_make_the_server_down() {
    let server = Redis::start();
    server.command(&["EVAL", "for i=1,20000 do redis.call('SET', 'x' .. i, 'v') end return 1", "0"]);
    let proxy = Proxy::start(&server.address());
    let (cache, events) = cache(&proxy.address()).await;
    cache.set("k", &1).await.unwrap();
    proxy.set(Mode::Slow(Duration::from_millis(20)));
    for _ in 0..4 {
        let begun = Instant::now();
        assert!(cache.scan("none:*").await.is_err(), "not long enough: {:?}", begun.elapsed());
    }
    assert_eq!(events.count(EventKind::BackendDown), 0);
    proxy.set(Mode::Pass);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_cold_keys_at_once_do_not_make_the_server_down() {
    let server = Redis::start();
    let (cache, events) = cache(&server.address()).await;
    let mut calls = JoinSet::new();
    for id in 0..10_000 {
        let cache = cache.clone();
        calls.spawn(
            async move { cache.get_or_set(format!("k{id}"), async move || id).ttl("1h").await.is_ok() },
        );
    }
    let answered = calls.join_all().await.into_iter().filter(|is_answered| *is_answered).count();
    assert_eq!((events.count(EventKind::BackendDown), answered), (0, 10_000));
}
