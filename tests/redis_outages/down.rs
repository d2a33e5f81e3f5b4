//! Nobody there, or nobody any more.

use std::time::{Duration, Instant};

use macadamia::{Cache, Error, EventKind, Scope, cached};
use macadamia_test_servers::Mode;

use crate::{Far, cache, item, plain};

/// What a thousand calls may take together that do not wait for the server: a thousand limits would be minutes.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_was_never_there_costs_the_first_calls_and_no_other() {
    let far = Far::new().await;
    for mode in [Mode::Refuse, Mode::Reset, Mode::BlackHole] {
        far.proxy.set(mode);
        let (cache, _) = cache(&far.proxy.url()).await;
        let (accepted, began) = (far.proxy.accepted(), Instant::now());
        Scope::new()
            .cache(&cache)
            .run(async {
                for id in 0..1_000 {
                    assert_eq!(item(id, &far.origin).await.0, id);
                }
            })
            .await;
        assert!(began.elapsed() < SOON, "{mode:?}: {:?}", began.elapsed());
        let attempts = far.proxy.accepted() - accepted;
        assert!(attempts < 40, "{mode:?}: {attempts} attempts to connect for a thousand calls");
    }
}

#[tokio::test]
async fn a_cache_that_requires_its_server_is_not_built_without_it() {
    let far = Far::new().await;
    far.proxy.down();
    let url = format!("redis://user:hunter2@{}?require=true", far.proxy.address());
    let error = Cache::builder().route("", url).build().await.unwrap_err().to_string();
    assert!(error.contains(&far.proxy.address()), "it does not say which server: {error}");
    assert!(!error.contains("hunter2"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_dies_under_load_fails_no_call_and_is_used_again_when_it_is_back() {
    let far = Far::new().await;
    far.until_hits().await;
    let load = far.load(64);
    tokio::time::sleep(Duration::from_millis(200)).await;
    far.server.kill();
    let before = load.calls();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(load.calls() - before > 1_000, "calls went on: {}", load.calls() - before);
    far.server.restart();
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
    let slowest = load.end().await;
    assert!(slowest < Duration::from_secs(2), "a call took {slowest:?}");
    assert!(far.proxy.accepted() < 40, "{} attempts to connect", far.proxy.accepted());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wire_that_swallows_everything_costs_a_limit_and_then_nothing() {
    let far = Far::new().await;
    far.until_hits().await;
    let load = far.load(64);
    far.proxy.set(Mode::BlackHole);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = load.calls();
    tokio::time::sleep(Duration::from_millis(500)).await;
    // 64 tasks that each wait for a limit make 256 calls a second.
    assert!(load.calls() - before > 500, "calls went on: {}", load.calls() - before);
    far.proxy.set(Mode::Pass);
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
    load.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_paused_and_goes_on_is_used_again() {
    let far = Far::new().await;
    far.until_hits().await;
    let load = far.load(64);
    far.server.pause();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = load.calls();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert!(load.calls() - before > 500, "calls went on: {}", load.calls() - before);
    far.server.resume();
    let took = far.until_hits().await;
    assert!(took < Duration::from_secs(5), "hits again after {took:?}");
    load.end().await;
}

#[cached(ttl = "1h", key = "failing:<id>")]
async fn failing(id: u64) -> Result<u64, Error> {
    let _ = id;
    Err(Error::backend("the origin is down, too"))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_function_fails_too_its_own_error_comes_back_and_nobody_floods_the_log() {
    let far = Far::new().await;
    far.proxy.down();
    let began = Instant::now();
    far.run(async {
        for id in 0..2_000 {
            let error = failing(id).await.unwrap_err();
            assert_eq!(error.to_string(), "backend failed: the origin is down, too");
        }
    })
    .await;
    let seconds = usize::try_from(began.elapsed().as_secs()).unwrap() + 1;
    assert_eq!(far.events.count(EventKind::BackendDown), 1);
    let told = far.events.count(EventKind::BackendFailed);
    assert!(told <= 10 + 2 * seconds, "{told} events for 2,000 calls in {seconds} s");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_server_nothing_is_shared_and_everything_is_right() {
    let far = Far::new().await;
    far.run(async {
        plain(1, &far.origin).await;
        plain(1, &far.origin).await;
        assert_eq!(far.origin.runs(), 1);
        far.proxy.down();
        for _ in 0..10 {
            assert_eq!(plain(1, &far.origin).await, (1, 0));
        }
        assert_eq!(far.origin.runs(), 11, "each call ran the function");
        assert_eq!(far.cache.get::<String>("any").await.unwrap(), None, "suppressed: a miss");
        assert!(!far.cache.set("any", "value").await.unwrap_or(false), "nothing was stored");
    })
    .await;
    let strict = format!("{}?suppress=false", far.proxy.url());
    let (strict, _) = cache(&strict).await;
    assert!(strict.get::<String>("any").await.unwrap_err().is_unavailable());
}
