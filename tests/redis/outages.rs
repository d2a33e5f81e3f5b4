//! A server that is away: functions run, commands answer, and it is used again when it is back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::time::{Duration, Instant};

use macadamia::{Cache, Error, EventKind, Scope, cached, invalidate, locked};
use macadamia_test_servers::Redis as Server;

use super::place::{open, until};
use super::support::Events;
use super::support::gate::Gate;

static RUNS: AtomicU32 = AtomicU32::new(0);

#[cached(ttl = "1h", key = "page:<id>")]
async fn page(id: u32) -> u32 {
    id + 1_000 * RUNS.fetch_add(1, SeqCst)
}

#[invalidate(page(id = id))]
async fn edit(id: u32) -> Result<u32, Error> {
    Ok(id)
}

#[tokio::test]
async fn functions_run_while_the_server_is_away_and_hit_within_a_second_of_its_return() {
    let (server, events) = (Server::start(), Events::default());
    let url = server.url();
    let cache = Cache::builder().route("", url.as_str()).observer(events.clone()).build().await.unwrap();
    let scope = || Scope::new().cache(&cache);
    let first = scope().run(page(1)).await;
    assert_eq!(scope().run(page(1)).await, first);
    server.kill();
    for round in 0..50 {
        let before = Instant::now();
        assert_ne!(scope().run(page(1)).await, first, "nothing can be kept");
        scope().run(edit(1)).await.unwrap();
        let took = before.elapsed();
        assert!(round == 0 || took < Duration::from_secs(1), "a call took {took:?}");
    }
    assert!(events.count(EventKind::BackendFailed) > 0);
    server.restart();
    let back = Instant::now();
    until("hits", async || {
        let value = scope().run(page(1)).await;
        scope().run(page(1)).await == value
    })
    .await;
    assert!(back.elapsed() < Duration::from_secs(1), "after {:?}", back.elapsed());
}

#[tokio::test]
async fn a_server_that_is_down_fails_the_start_only_where_it_is_required() {
    let server = Server::start();
    server.kill();
    let lazy = Cache::builder().route("", server.url().as_str()).build().await.unwrap();
    assert_eq!(Scope::new().cache(&lazy).run(page(3)).await % 1_000, 3);
    let required = format!("{}?require=true", server.url());
    let error = Cache::builder().route("", required.as_str()).build().await.unwrap_err();
    assert!(error.is_unavailable(), "{error}");
}

#[tokio::test]
async fn nothing_that_was_invalidated_during_an_outage_is_read_after_it() {
    let server = Server::start();
    let cache = Cache::builder().route("", server.url().as_str()).build().await.unwrap();
    let scope = || Scope::new().cache(&cache);
    let first = scope().run(page(5)).await;
    server.pause();
    scope().run(edit(5)).await.unwrap();
    server.resume();
    for _ in 0..200 {
        assert_ne!(scope().run(page(5)).await, first, "the value of before the edit");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    assert!(!server.command(&["KEYS", "*"]).items().is_empty(), "it is used again");
}

#[locked(key = "lost", fence = token)]
#[cached(ttl = "1h", key = "lost")]
async fn lost(who: u32, gate: Arc<Gate>) -> Result<(u32, u64), Error> {
    gate.pass().await;
    Ok((who, token.get()))
}

/// As a failover to a replica that had not been told of the lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_lease_is_lost_with_its_server_the_second_holder_has_the_greater_fence_and_what_it_stored_stays()
 {
    let server = Server::start();
    let (first, second) = (open(&server.url()).await, open(&server.url()).await);
    let (held, opened) = (Arc::new(Gate::closed()), Arc::new(Gate::opened()));
    let older = tokio::spawn(Scope::new().cache(&first).run(lost(1, held.clone())));
    held.until(1).await;
    server.restart();
    let newer = Scope::new().cache(&second).run(lost(2, opened.clone())).await.unwrap();
    assert_eq!(newer.0, 2, "it does not wait for a lease that nobody knows of");
    held.open();
    let older = older.await.unwrap().unwrap();
    assert!(older.0 == 1 && older.1 < newer.1, "{older:?} before {newer:?}");
    until("the server is used", async || {
        Scope::new().cache(&second).run(lost(3, opened.clone())).await.is_ok()
    })
    .await;
    let kept = Scope::new().cache(&first).run(lost(4, opened.clone())).await.unwrap();
    assert_ne!(kept, older, "the older was stored over the newer");
}

#[tokio::test]
async fn commands_take_a_server_that_is_away_for_an_empty_one_unless_they_are_told_not_to() {
    let server = Server::start();
    let (safe, unsafe_) = (
        Cache::builder().route("", server.url().as_str()).build().await.unwrap(),
        Cache::builder().route("", format!("{}?safe=0", server.url()).as_str()).build().await.unwrap(),
    );
    for cache in [&safe, &unsafe_] {
        cache.set("k", "v").await.unwrap();
    }
    server.kill();
    assert_eq!(safe.get::<String>("k").await.unwrap(), None);
    assert!(!safe.set("k", "v").await.unwrap());
    assert_eq!(safe.get_many::<String, _>(["k", "l"]).await.unwrap(), [None, None]);
    assert!(safe.incr("n").await.is_err(), "a number would be a lie");
    assert!(unsafe_.get::<String>("k").await.unwrap_err().is_unavailable());
    assert!(unsafe_.set("k", "v").await.unwrap_err().is_unavailable());
    for cache in [&safe, &unsafe_] {
        assert_eq!(Scope::new().cache(cache).run(page(7)).await % 1_000, 7);
    }
}
