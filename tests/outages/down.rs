//! Nobody answers: functions run, nobody waits, and the log is not flooded.

use std::time::{Duration, Instant};

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, Error, EventKind, Route, Scope, cached};

use crate::support::{Events, settle};
use crate::{Far, item};

#[tokio::test]
async fn a_server_that_was_never_there_costs_the_first_call_and_no_other() {
    let far = Far::new().await;
    far.away(true);
    let began = Instant::now();
    for id in 0..1_000 {
        assert_eq!(far.item(id).await, (id, 0));
    }
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    assert_eq!(far.faults.commands(), 1, "calls went on asking");
    assert_eq!((far.origin.runs(), far.events.count(EventKind::BackendDown)), (1_000, 1));
    far.away(false);
    far.until_up().await;
    far.item(7).await;
    let runs = far.origin.runs();
    assert_eq!(far.item(7).await, (7, 0));
    assert_eq!(far.origin.runs(), runs, "it is used again");
}

#[tokio::test]
async fn a_server_that_dies_under_five_hundred_calls_fails_none_and_is_not_stormed() {
    let far = Far::new().await;
    far.faults.yields(2);
    let mut calls = tokio::task::JoinSet::new();
    for id in 0..500 {
        let (cache, origin) = (far.cache.clone(), std::sync::Arc::clone(&far.origin));
        calls.spawn(Scope::new().cache(&cache).run(async move { item(id, &origin).await }));
    }
    tokio::task::yield_now().await;
    far.away(true);
    let answers = calls.join_all().await;
    assert_eq!(answers.len(), 500);
    let before = far.faults.commands();
    for id in 0..500 {
        far.item(id).await;
    }
    assert!(far.faults.commands() - before <= 10, "{} commands", far.faults.commands() - before);
    assert_eq!(far.events.count(EventKind::BackendDown), 1);
}

#[tokio::test]
async fn a_wire_that_swallows_everything_costs_three_limits_and_then_nothing() {
    let far = Far::new().await;
    far.faults.hang(true);
    for id in 0..3 {
        assert_eq!(far.events.count(EventKind::BackendDown), 0);
        let (cache, origin) = (far.cache.clone(), std::sync::Arc::clone(&far.origin));
        let call = tokio::spawn(Scope::new().cache(&cache).run(async move { item(id, &origin).await }));
        settle().await;
        assert!(!call.is_finished());
        far.clock.advance(Duration::from_millis(250));
        assert_eq!(call.await.unwrap().0, id);
    }
    assert_eq!(far.events.count(EventKind::BackendDown), 1);
    // The clock stands still: whoever waited would wait for ever.
    for id in 0..100 {
        assert_eq!(far.item(id).await.0, id);
    }
    far.faults.hang(false);
    far.until_up().await;
}

#[tokio::test]
async fn a_server_that_comes_and_goes_is_asked_less_and_less_often() {
    let far = Far::new().await;
    let mut is_away = false;
    for tick in 0..200_u64 {
        if tick % 10 == 0 {
            is_away = !is_away;
            far.away(is_away);
        }
        far.clock.advance(Duration::from_millis(50));
        for id in 0..10 {
            assert_eq!(far.item(tick * 10 + id).await.0, tick * 10 + id);
        }
        settle().await;
    }
    let downs = far.events.count(EventKind::BackendDown);
    assert!((1..=10).contains(&downs), "{downs} outages told in ten");
    assert!(downs.abs_diff(far.events.count(EventKind::BackendUp)) <= 1);
}

#[tokio::test]
async fn a_server_without_memory_loses_writes_and_goes_on_reading() {
    let far = Far::new().await;
    far.item(1).await;
    far.faults.fail_verb("set", Some(Error::backend("OOM command not allowed")));
    for id in 100..200 {
        assert_eq!(far.item(id).await.0, id);
    }
    let runs = far.origin.runs();
    for _ in 0..100 {
        far.item(1).await;
    }
    assert_eq!(far.origin.runs(), runs, "what is there is read");
    assert_eq!(far.events.count(EventKind::BackendDown), 0);
    assert!(far.cache.set("k", "v").await.unwrap_err().to_string().contains("OOM"), "never hidden");
}

#[cached(ttl = "1h", key = "failing:<id>")]
async fn failing(id: u64) -> Result<u64, Error> {
    Err(Error::backend(format_args!("the origin is down, too: {id}")))
}

#[tokio::test]
async fn where_the_function_fails_too_its_own_error_comes_back_and_nobody_floods_the_log() {
    let far = Far::new().await;
    far.away(true);
    for tick in 0..30 {
        for id in 0..100 {
            let error = far.run(failing(id)).await.unwrap_err();
            assert_eq!(error.to_string(), format!("backend failed: the origin is down, too: {id}"));
        }
        let told = far.events.count(EventKind::BackendFailed);
        assert!(told <= 2 + tick / 10, "{told} told after {} ms", tick * 100);
        far.clock.advance(Duration::from_millis(100));
        settle().await;
    }
    assert!(far.events.count(EventKind::BackendFailed) >= 3, "it is told again after a while");
    assert_eq!(far.events.count(EventKind::BackendDown), 1);
}

#[tokio::test]
async fn a_backend_is_down_for_its_own_routes_only() {
    let (faults, clock, events) = (Faults::new(), ManualClock::new(), Events::default());
    let cache = Cache::builder()
        .route("", Wire::new())
        .route("item:", Route::to(faults.wrap(Wire::new())).suppress(false))
        .clock(clock)
        .observer(events.clone())
        .build()
        .await
        .unwrap();
    faults.fail(Some(Error::unavailable("wire", "connection reset")));
    assert!(cache.set("item:1", &1).await.unwrap_err().is_unavailable());
    assert!(cache.set("other", &1).await.unwrap());
    assert_eq!(cache.get("other").await.unwrap(), Some(1));
    assert_eq!(events.count(EventKind::BackendDown), 1);
}
