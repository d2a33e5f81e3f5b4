//! Locks whose holders panic, are cancelled at any point, or lose their backend.

mod support;

use macadamia::testing::drop_after;
use macadamia::{Cache, Error};
use std::future::IntoFuture;
use std::time::Duration;
use support::{Fixture, settle, until_free};

#[tokio::test]
async fn a_holder_that_panics_releases() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        let holder = tokio::spawn({
            let cache = cache.clone();
            async move {
                let _held = cache.lock("k", "1h").await.unwrap();
                panic!("as the test asks");
            }
        });
        let _: tokio::task::JoinError = holder.await.unwrap_err();
        until_free(&cache).await;
    }
}

#[tokio::test]
async fn whoever_takes_a_lock_and_is_cancelled_at_any_point_leaves_none() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        for polls in 0.. {
            let taken = drop_after(polls, cache.lock("k", "1h").into_future()).await;
            let is_done = taken.is_some();
            drop(taken);
            until_free(&cache).await;
            if is_done {
                break;
            }
            assert!(polls < 100);
        }
    }
}

#[tokio::test]
async fn a_waiter_cancelled_at_any_point_leaves_nothing_and_keeps_nobody_waiting() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        for polls in 0..20 {
            let held = cache.lock("k", "1h").await.unwrap();
            let waiting = tokio::spawn({
                let cache = cache.clone();
                async move { drop_after(polls, cache.lock("k", "1h").into_future()).await.is_some() }
            });
            settle().await;
            let next = tokio::spawn({
                let cache = cache.clone();
                async move { cache.lock("k", "1h").await.unwrap().release().await.unwrap() }
            });
            settle().await;
            assert!(held.release().await.unwrap());
            // Nobody else is there who could end its waiting.
            if polls > 5 {
                settle().await;
                waiting.abort();
            }
            assert!(next.await.unwrap());
            drop(waiting.await);
            until_free(&cache).await;
            assert_eq!(clock.sleepers(), 0, "after {polls} polls");
        }
    }
}

#[tokio::test]
async fn a_release_cancelled_at_any_point_releases() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        for polls in 0..20 {
            let held = cache.lock("k", "1h").await.unwrap();
            drop(drop_after(polls, held.release()).await);
            until_free(&cache).await;
        }
    }
}

#[tokio::test]
async fn a_backend_that_fails_gives_its_own_error_and_no_lock() {
    let (fixture, faults) = Fixture::remote().await;
    let cache = &fixture.cache;
    faults.fail(Some(Error::backend("connection reset")));
    let started = faults.commands();
    assert!(matches!(cache.lock("k", "1h").await, Err(Error::Backend(_))));
    assert!(matches!(cache.is_locked("k").wait("5s").await, Err(Error::Backend(_))));
    assert!(matches!(cache.set_lock("k", "t", "1h").await, Err(Error::Backend(_))));
    assert!(matches!(cache.unlock("k", "t").await, Err(Error::Backend(_))));
    assert!(faults.commands() - started <= 5, "a broken backend is asked once, and once to release");
    faults.fail(None);
    let held = cache.lock("k", "1h").await.unwrap();
    faults.fail(Some(Error::backend("connection reset")));
    assert!(matches!(held.renew("1h").await, Err(Error::Backend(_))));
    assert!(held.is_held(), "the lease goes on");
    assert!(held.release().await.is_err());
}

#[tokio::test]
async fn a_waiter_whose_backend_breaks_is_told() {
    let (fixture, faults) = Fixture::remote().await;
    let Fixture { cache, clock, .. } = &fixture;
    let held = cache.lock("k", "10s").await.unwrap();
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { cache.lock("k", "1h").await }
    });
    settle().await;
    faults.fail(Some(Error::backend("connection reset")));
    clock.advance(Duration::from_secs(10));
    assert!(matches!(waiter.await.unwrap(), Err(Error::Backend(_))));
    drop(held);
}

#[tokio::test]
async fn a_lock_on_a_backend_without_locks_is_unsupported() {
    let cache = Cache::builder().route("", support::echo::Echo).build().await.unwrap();
    assert!(matches!(cache.lock("k", "1h").await, Err(Error::Unsupported { .. })));
    assert!(matches!(cache.is_locked("k").await, Err(Error::Unsupported { .. })));
}
