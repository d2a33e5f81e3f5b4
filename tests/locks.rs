//! Locks: one holder at a time, whatever happens to holders and to those who wait.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::testing::{Faults, ManualClock};
use macadamia::{Cache, Error, Memory};
use std::time::Duration;
use support::{Fixture, until_free};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_lock_is_held_by_one_and_released_by_its_guard() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        let held = cache.lock("k", "10s").wait(false).await.unwrap();
        assert!(held.is_held() && cache.is_locked("k").await.unwrap());
        assert!(matches!(cache.lock("k", "10s").wait(false).await, Err(Error::Locked)));
        assert!(!cache.is_locked("other").await.unwrap());
        assert!(held.release().await.unwrap());
        assert!(!cache.is_locked("k").await.unwrap());
        drop(cache.lock("k", "10s").wait(false).await.unwrap());
        until_free(&cache).await;
    }
}

#[tokio::test]
async fn in_memory_a_dropped_guard_has_released_at_once() {
    let cache = Fixture::memory().await.cache;
    drop(cache.lock("k", "10s").await.unwrap());
    drop(cache.lock("k", "10s").wait(false).await.unwrap());
    assert!(!cache.is_locked("k").await.unwrap());
}

#[tokio::test]
async fn only_the_token_that_took_a_lock_releases_it() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        assert!(cache.set_lock("k", "mine", "10s").await.unwrap());
        assert!(!cache.set_lock("k", "mine", "10s").await.unwrap(), "also not under the same token");
        assert!(!cache.unlock("k", "theirs").await.unwrap());
        assert!(cache.is_locked("k").await.unwrap());
        assert!(cache.unlock("k", "mine").await.unwrap());
        assert!(!cache.unlock("k", "mine").await.unwrap());
        let held = cache.lock("k", "10s").await.unwrap();
        assert!(!cache.unlock("k", "mine").await.unwrap());
        assert!(cache.unlock("k", held.token()).await.unwrap());
        assert!(!held.release().await.unwrap(), "it was released from outside");
    }
}

#[tokio::test]
async fn tokens_are_random_and_no_two_are_equal() {
    let cache = Fixture::memory().await.cache;
    let mut tokens = std::collections::HashSet::new();
    for _ in 0..1_000 {
        let held = cache.lock("k", "10s").await.unwrap();
        assert_eq!(held.token().len(), 32);
        assert!(tokens.insert(held.token().to_owned()));
    }
}

#[tokio::test]
async fn the_end_of_a_lease_frees_the_lock_and_its_holder_is_told() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let late = cache.lock("k", "10s").await.unwrap();
        clock.advance(10 * SECOND - Duration::from_nanos(1));
        assert!(late.is_held() && cache.is_locked("k").await.unwrap());
        clock.advance(Duration::from_nanos(1));
        assert!(!late.is_held() && !cache.is_locked("k").await.unwrap());
        let next = cache.lock("k", "10s").wait(false).await.unwrap();
        assert!(next.fence() > late.fence());
        assert!(!late.renew("10s").await.unwrap(), "it is the next holder's");
        assert!(!late.release().await.unwrap());
        assert!(next.is_held() && cache.is_locked("k").await.unwrap());
    }
}

#[tokio::test]
async fn fences_increase() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let mut last = None;
        for round in 0..10 {
            let held = cache.lock("k", "1s").await.unwrap();
            assert!(Some(held.fence()) > last, "{:?} after {last:?}", held.fence());
            last = Some(held.fence());
            match round % 3 {
                0 => assert!(held.release().await.unwrap()),
                1 => clock.advance(20 * SECOND),
                _ => assert!(cache.delete("lock:k").await.unwrap()),
            }
            clock.advance(Duration::from_millis(1));
        }
    }
}

#[tokio::test]
async fn a_lock_that_renews_itself_outlives_its_lease_and_stops_with_its_guard() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let held = cache.lock("k", "9s").renew().await.unwrap();
        for _ in 0..10 {
            // The renewal runs on a thread of its own, and sleeps again when it has renewed.
            until_sleeping(&clock).await;
            clock.advance(3 * SECOND);
        }
        until_sleeping(&clock).await;
        assert!(held.is_held() && cache.is_locked("k").await.unwrap());
        drop(held);
        until_free(&cache).await;
        let deadline = std::time::Instant::now() + 10 * SECOND;
        while clock.sleepers() > 0 {
            assert!(std::time::Instant::now() < deadline, "the renewal goes on");
            tokio::task::yield_now().await;
        }
    }
}

async fn until_sleeping(clock: &ManualClock) {
    let deadline = std::time::Instant::now() + 10 * SECOND;
    while clock.sleepers() == 0 {
        assert!(std::time::Instant::now() < deadline, "nobody renews");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_lease_of_zero_is_an_error_and_one_without_end_has_none() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    assert!(matches!(cache.lock("k", 0).await, Err(Error::Config(_))));
    assert!(matches!(cache.set_lock("k", "t", "0s").await, Err(Error::Config(_))));
    assert!(matches!(cache.lock("k", "10s").wait("soon").await, Err(Error::Config(_))));
    assert!(!cache.is_locked("k").await.unwrap());
    let held = cache.lock("k", "forever").renew().await.unwrap();
    clock.advance(1_000_000 * SECOND);
    assert!(held.is_held() && cache.is_locked("k").await.unwrap());
    assert!(held.release().await.unwrap());
}

#[tokio::test]
async fn locks_of_a_namespace_or_version_are_locks_of_their_own() {
    let cache = Fixture::memory().await.cache;
    let _plain = cache.lock("k", "1h").await.unwrap();
    let _named = cache.lock("k", "1h").namespace("a").wait(false).await.unwrap();
    let _versioned = cache.lock("k", "1h").version(2).wait(false).await.unwrap();
    assert!(cache.is_locked("a:k").await.unwrap());
    assert!(cache.is_locked("k").version("2").await.unwrap());
    assert!(cache.set_lock("k", "t", "1h").namespace("b").await.unwrap());
    assert!(cache.unlock("b:k", "t").await.unwrap());
}

#[tokio::test]
async fn locks_live_in_the_route_of_their_prefix_else_with_their_key() {
    let (clock, users, locks, rest) = (ManualClock::new(), Faults::new(), Faults::new(), Faults::new());
    let cache = Cache::builder()
        .route("", rest.wrap(Memory::default()))
        .route("lo", rest.wrap(Memory::default()))
        .route("user:", users.wrap(Memory::default()))
        .route("lock:job:", locks.wrap(Memory::default()))
        .clock(clock)
        .build()
        .await
        .unwrap();
    let asked = || (rest.commands(), users.commands(), locks.commands());
    drop(cache.lock("user:7", "1h").await.unwrap());
    assert_eq!(asked(), (0, 2, 0), "taken and released with its key");
    drop(cache.lock("job:7", "1h").await.unwrap());
    assert_eq!(asked(), (0, 2, 2));
    drop(cache.lock("other", "1h").await.unwrap());
    assert_eq!(asked(), (2, 2, 2));
}

#[tokio::test]
async fn a_lock_lives_with_its_key_and_is_reached_by_name_and_pattern() {
    let (users, rest) = (Memory::default(), Memory::default());
    let cache = Cache::builder().route("user:", users).route("", rest).build().await.unwrap();
    for forget in ["lock:user:1", "lock:user:*", "lock:*"] {
        let held = cache.lock("user:1", "1m").await.unwrap();
        assert_eq!(cache.scan("lock:*").await.unwrap().len(), 1);
        assert_eq!(cache.scan("lock:user:*").await.unwrap().len(), 1);
        let waiter = cache.lock("user:1", "1m");
        let (freed, taken) = tokio::join!(cache.delete_match(forget), waiter);
        assert_eq!(freed.unwrap(), 1, "{forget}");
        taken.unwrap().release().await.unwrap();
        assert!(!held.release().await.unwrap());
    }
    assert!(cache.set_lock("user:1", "me", "1m").await.unwrap());
    assert!(cache.delete("lock:user:1").await.unwrap());
    assert!(!cache.is_locked("user:1").await.unwrap());
}
