//! Waiting for a lock: in order, without polling where that can be, and never without end.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{Backend, Cache, Error, Memory};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle, until_free};
use tokio::task::{JoinHandle, JoinSet};

const SECOND: Duration = Duration::from_secs(1);

fn taker(cache: &Cache, wait: &'static str) -> JoinHandle<macadamia::Result<macadamia::LockGuard>> {
    let cache = cache.clone();
    tokio::spawn(async move { cache.lock("k", "1h").wait(wait).await })
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_release_while_the_clock_stands_still() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        let held = cache.lock("k", "10s").await.unwrap();
        let waiter = taker(&cache, "5s");
        settle().await;
        assert!(!waiter.is_finished());
        assert!(held.release().await.unwrap());
        let held = waiter.await.unwrap().unwrap();
        let waiter = taker(&cache, "5s");
        settle().await;
        drop(held);
        assert!(waiter.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn a_waiter_is_woken_by_the_end_of_the_lease() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let crashed = cache.lock("k", "10s").await.unwrap();
        let waiter = taker(&cache, "60s");
        settle().await;
        clock.advance(10 * SECOND - Duration::from_nanos(1));
        settle().await;
        assert!(!waiter.is_finished());
        clock.advance(Duration::from_nanos(1));
        assert!(waiter.await.unwrap().unwrap().fence() > crashed.fence());
    }
}

#[tokio::test]
async fn a_renewed_lease_holds_on_and_the_waiter_with_it() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let held = cache.lock("k", "10s").await.unwrap();
        let waiter = taker(&cache, "60s");
        settle().await;
        clock.advance(6 * SECOND);
        assert!(held.renew("10s").await.unwrap());
        clock.advance(9 * SECOND);
        settle().await;
        assert!(held.is_held() && !waiter.is_finished());
        assert!(held.renew(0).await.is_err(), "a lease of zero");
        assert!(held.release().await.unwrap());
        assert!(waiter.await.unwrap().is_ok());
    }
}

#[tokio::test]
async fn who_will_not_wait_is_refused_at_once_and_who_will_at_the_exact_time() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let _held = cache.lock("k", "1h").await.unwrap();
        assert!(matches!(cache.lock("k", "1h").wait(0).await, Err(Error::Locked)));
        let (first, second) = (taker(&cache, "5s"), taker(&cache, "7s"));
        settle().await;
        clock.advance(5 * SECOND - Duration::from_nanos(1));
        settle().await;
        assert!(!first.is_finished());
        clock.advance(Duration::from_nanos(1));
        assert!(matches!(first.await.unwrap(), Err(Error::LockTimeout)));
        settle().await;
        assert!(!second.is_finished());
        clock.advance(2 * SECOND);
        assert!(matches!(second.await.unwrap(), Err(Error::LockTimeout)), "also in the second place");
    }
}

#[tokio::test]
async fn without_a_word_a_wait_ends_after_sixty_seconds() {
    let Fixture { cache, clock, .. } = Fixture::memory().await;
    let _held = cache.lock("k", "forever").await.unwrap();
    let waiter = tokio::spawn({
        let cache = cache.clone();
        async move { cache.lock("k", "1h").await }
    });
    settle().await;
    clock.advance(60 * SECOND - Duration::from_nanos(1));
    settle().await;
    assert!(!waiter.is_finished());
    clock.advance(Duration::from_nanos(1));
    assert!(matches!(waiter.await.unwrap(), Err(Error::LockTimeout)));
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        let held = cache.lock("k", "1h").await.unwrap();
        let order = Arc::new(std::sync::Mutex::new(Vec::new()));
        let mut tasks = JoinSet::new();
        for number in 0..20 {
            let (cache, order) = (cache.clone(), Arc::clone(&order));
            tasks.spawn(async move {
                let held = cache.lock("k", "1h").await.unwrap();
                order.lock().unwrap().push(number);
                held.release().await.unwrap();
            });
            settle().await;
        }
        held.release().await.unwrap();
        tasks.join_all().await;
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_contenders_enter_one_at_a_time() {
    for Fixture { cache, .. } in Fixture::quiet().await {
        let (inside, done) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut tasks = JoinSet::new();
        for number in 0..1_000 {
            let (cache, inside, done) = (cache.clone(), Arc::clone(&inside), Arc::clone(&done));
            tasks.spawn(async move {
                let held = cache.lock("k", "1h").await.unwrap();
                assert_eq!(inside.fetch_add(1, SeqCst), 0, "two hold it");
                // Not atomic, on purpose.
                let before = done.load(SeqCst);
                tokio::task::yield_now().await;
                done.store(before + 1, SeqCst);
                inside.fetch_sub(1, SeqCst);
                if number % 2 == 0 { drop(held) } else { assert!(held.release().await.unwrap()) }
            });
        }
        tasks.join_all().await;
        assert_eq!(done.load(SeqCst), 1_000);
    }
}

#[tokio::test]
async fn is_locked_waits_for_the_release_or_the_end_of_the_lease() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        let ask = |wait: &'static str| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.is_locked("k").wait(wait).await.unwrap() })
        };
        let held = cache.lock("k", "10s").await.unwrap();
        let asked = ask("5s");
        settle().await;
        clock.advance(5 * SECOND);
        assert!(asked.await.unwrap(), "still locked");
        let asked = ask("60s");
        settle().await;
        assert!(!asked.is_finished());
        clock.advance(5 * SECOND);
        assert!(!asked.await.unwrap(), "the lease is over");
        drop(held);
        until_free(&cache).await;
        let held = cache.lock("k", "10s").await.unwrap();
        let asked = ask("60s");
        settle().await;
        held.release().await.unwrap();
        assert!(!asked.await.unwrap(), "released");
    }
}

#[tokio::test]
async fn deleting_the_key_of_a_lock_and_clearing_free_it_for_those_who_wait() {
    let cache = Fixture::memory().await.cache;
    for clears in [false, true] {
        let held = cache.lock("k", "1h").await.unwrap();
        let waiter = taker(&cache, "5s");
        settle().await;
        if clears {
            cache.clear().await.unwrap();
        } else {
            assert!(cache.delete("lock:k").await.unwrap());
        }
        let next = waiter.await.unwrap().unwrap();
        assert!(!held.release().await.unwrap());
        assert!(next.release().await.unwrap());
    }
}

#[tokio::test]
async fn two_caches_over_one_store_share_its_locks_and_wake_each_other() {
    let (clock, memory) = (ManualClock::new(), Memory::default());
    let open = || Cache::builder().route("", memory.clone()).clock(clock.clone()).build();
    let (one, two) = (open().await.unwrap(), open().await.unwrap());
    let held = one.lock("k", "1h").await.unwrap();
    assert!(two.is_locked("k").await.unwrap());
    let waiter = taker(&two, "5s");
    settle().await;
    held.release().await.unwrap();
    assert!(waiter.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_lock_that_another_process_released_is_asked_for_again() {
    let (clock, shared) = (ManualClock::new(), Wire::new());
    let cache = Cache::builder().route("", shared.clone()).clock(clock.clone()).build().await.unwrap();
    let held = cache.lock("k", "1h").await.unwrap();
    let waiter = taker(&cache, "60s");
    for _ in 0..10 {
        settle().await;
        assert!(!waiter.is_finished());
        clock.advance(Duration::from_millis(200));
    }
    assert!(shared.delete(&"lock:k".into()).await.unwrap());
    settle().await;
    clock.advance(Duration::from_millis(200));
    let next = waiter.await.unwrap().unwrap();
    assert!(next.fence() > held.fence());
    assert!(!held.release().await.unwrap());
}

#[tokio::test]
async fn a_shortened_lease_is_waited_for_no_longer_than_it_lasts() {
    let fixture = Fixture::memory().await;
    let guard = fixture.cache.lock("k", "1h").await.unwrap();
    let cache = fixture.cache.clone();
    let waiter = tokio::spawn(async move { cache.lock("k", "1h").wait("30m").await.map(drop) });
    settle().await;
    assert!(guard.renew("1s").await.unwrap());
    settle().await;
    fixture.clock.advance(Duration::from_secs(2));
    settle().await;
    assert!(waiter.is_finished(), "it waits for the end of a lease that was shortened");
    waiter.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_renewal_that_is_cut_off_claims_no_more_than_it_may_hold() {
    let (fixture, _) = Fixture::remote().await;
    let guard = fixture.cache.lock("k", "1h").await.unwrap();
    drop(macadamia::testing::drop_after(2, guard.renew("1s")).await);
    fixture.clock.advance(Duration::from_secs(2));
    assert!(!guard.is_held());
}
