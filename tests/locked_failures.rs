//! `#[locked]` whose holders panic, are cancelled at any point, lose their lease or their backend.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::testing::{ManualClock, Wire, drop_after};
use macadamia::{Cache, Error, EventKind, Memory, Scope, cached, locked};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use support::gate::{Gate, until};
use support::{Events, Fixture, settle, until_free};
use tokio::task::JoinHandle;

const SECOND: Duration = Duration::from_secs(1);

fn spawned<F: Future<Output: Send> + Send + 'static>(cache: &Cache, call: F) -> JoinHandle<F::Output> {
    tokio::spawn(Scope::new().cache(cache).run(call))
}

/// What was woken on the background thread before this has gone on when it is done.
async fn background_settles() {
    let (done, is_done) = tokio::sync::oneshot::channel();
    cache_core::background::spawn(async {
        settle().await;
        done.send(()).unwrap();
    });
    is_done.await.unwrap();
}

#[locked(key = "k")]
async fn patient(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[locked(key = "k", wait = false)]
async fn impatient() -> Result<(), Error> {
    tokio::task::yield_now().await;
    Ok(())
}

#[locked(key = "k")]
async fn fails(panics: bool) -> Result<(), Error> {
    tokio::task::yield_now().await;
    assert!(!panics, "as the test asks");
    Err(Error::NotANumber)
}

#[tokio::test]
async fn a_holder_that_errs_or_panics_releases_and_the_next_takes_over() {
    for Fixture { cache, .. } in Fixture::each().await {
        for panics in [false, true] {
            let held = cache.lock("k", "1h").await.unwrap();
            let (failing, next) =
                (spawned(&cache, fails(panics)), spawned(&cache, patient(Arc::new(Gate::opened()))));
            settle().await;
            held.release().await.unwrap();
            assert_eq!(failing.await.is_err(), panics);
            next.await.unwrap().unwrap();
            until_free(&cache).await;
        }
    }
}

#[tokio::test]
async fn a_call_dropped_at_any_await_leaves_no_lock_and_the_next_one_runs() {
    for fixture in Fixture::each().await {
        for polls in 0.. {
            let done = drop_after(polls, fixture.run(impatient())).await.is_some();
            // Nobody waits here: what was left behind would refuse it.
            fixture.run(impatient()).await.unwrap();
            until_free(&fixture.cache).await;
            if done {
                assert!(polls > 1);
                break;
            }
            assert!(polls < 100);
        }
    }
}

#[tokio::test]
async fn a_waiter_dropped_at_any_await_leaves_nothing_and_keeps_nobody_waiting() {
    for Fixture { cache, clock, .. } in Fixture::quiet().await {
        for polls in 0..20 {
            let held = cache.lock("k", "1h").await.unwrap();
            let gate = || Arc::new(Gate::opened());
            let dropped = spawned(&cache, drop_after(polls, patient(gate())));
            settle().await;
            let next = spawned(&cache, patient(gate()));
            settle().await;
            held.release().await.unwrap();
            // Nobody else is there who could end its waiting.
            if polls > 5 {
                settle().await;
                dropped.abort();
            }
            next.await.unwrap().unwrap();
            drop(dropped.await);
            until_free(&cache).await;
            until(|| clock.sleepers() == 0, "somebody still waits").await;
        }
    }
}

#[tokio::test]
async fn a_lease_is_renewed_as_long_as_the_function_runs_and_no_longer() {
    let [memory, behind] = Fixture::quiet().await;
    for Fixture { cache, clock, events } in [memory, behind, Fixture::wire().await] {
        let gate = Arc::new(Gate::closed());
        let call = spawned(&cache, patient(gate.clone()));
        gate.until(1).await;
        for _ in 0..20 {
            until(|| clock.sleepers() > 0, "nobody renews").await;
            clock.advance(10 * SECOND / 3);
        }
        until(|| clock.sleepers() > 0, "nobody renews").await;
        assert!(cache.is_locked("k").await.unwrap());
        gate.open();
        call.await.unwrap().unwrap();
        until_free(&cache).await;
        until(|| clock.sleepers() == 0, "the renewal goes on").await;
        assert_eq!(events.count(EventKind::LeaseLost), 0);
    }
}

#[locked(key = "k", fence = token)]
#[cached(ttl = "1h", key = "made")]
async fn made(gate: Arc<Gate>) -> Result<u64, Error> {
    gate.pass().await;
    Ok(token.get())
}

/// Two processes: each has its flights, both have the backend.
async fn two(clock: &ManualClock) -> Vec<[(Cache, Events); 2]> {
    let (wire, memory) = (Wire::new(), Memory::default());
    let mut pairs = Vec::new();
    for on_wire in [true, false] {
        let mut pair = Vec::new();
        for _ in 0..2 {
            let events = Events::default();
            let builder = Cache::builder().clock(clock.clone()).observer(events.clone());
            let builder =
                if on_wire { builder.route("", wire.clone()) } else { builder.route("", memory.clone()) };
            pair.push((builder.build().await.unwrap(), events));
        }
        pairs.push(pair.try_into().ok().unwrap());
    }
    pairs
}

#[tokio::test]
async fn who_outlives_its_lease_gives_its_answer_and_what_it_made_is_not_stored_over_the_next_one_s() {
    let clock = ManualClock::new();
    for [(one, events_of_one), (other, events_of_other)] in two(&clock).await {
        let gate = Arc::new(Gate::closed());
        let late = spawned(&one, made(gate.clone()));
        gate.until(1).await;
        // As one whose process stood still: the renewal comes too late.
        clock.advance(11 * SECOND);
        let fence = spawned(&other, made(Arc::new(Gate::opened()))).await.unwrap().unwrap();
        assert_eq!(other.get::<u64>("made").await.unwrap(), Some(fence));
        gate.open();
        let late = late.await.unwrap().unwrap();
        assert!(late < fence, "the later holder has the greater number");
        assert_eq!(other.get::<u64>("made").await.unwrap(), Some(fence));
        let told = |events: &Events| {
            [EventKind::LeaseLost, EventKind::Overtaken, EventKind::Stored].map(|kind| events.count(kind))
        };
        assert_eq!((told(&events_of_one), told(&events_of_other)), ([1, 1, 0], [0, 0, 1]));
        assert!(!one.is_locked("k").await.unwrap(), "the loser has taken nothing from the other");
    }
}

#[tokio::test]
async fn nothing_is_stored_under_a_lost_lease_even_if_nobody_took_the_lock() {
    for Fixture { cache, clock, events } in Fixture::each().await {
        let gate = Arc::new(Gate::closed());
        let call = spawned(&cache, made(gate.clone()));
        gate.until(1).await;
        clock.advance(11 * SECOND);
        gate.open();
        assert!(call.await.unwrap().unwrap() > 0);
        assert_eq!(cache.get::<u64>("made").await.unwrap(), None);
        assert_eq!(events.count(EventKind::LeaseLost), 1);
    }
}

#[tokio::test]
async fn a_lock_that_is_cleared_is_lost_to_its_holder_at_the_next_renewal() {
    let [memory, behind] = Fixture::quiet().await;
    for Fixture { cache, clock, events } in [memory, behind, Fixture::wire().await] {
        let gate = Arc::new(Gate::closed());
        let call = spawned(&cache, made(gate.clone()));
        gate.until(1).await;
        until(|| clock.sleepers() > 0, "nobody renews").await;
        assert!(cache.delete("lock:k").await.unwrap());
        clock.advance(4 * SECOND);
        background_settles().await;
        gate.open();
        call.await.unwrap().unwrap();
        assert_eq!(cache.get::<u64>("made").await.unwrap(), None);
        assert_eq!(events.count(EventKind::LeaseLost), 1);
    }
}

#[tokio::test]
async fn what_is_cached_outside_of_a_lock_is_stored_whatever_becomes_of_the_lease() {
    #[cached(ttl = "1h", key = "around")]
    async fn around(gate: Arc<Gate>) -> Result<u64, Error> {
        made(gate).await
    }
    let fixture = Fixture::memory().await;
    let gate = Arc::new(Gate::closed());
    let call = spawned(&fixture.cache, around(gate.clone()));
    gate.until(1).await;
    fixture.clock.advance(11 * SECOND);
    gate.open();
    let answer = call.await.unwrap().unwrap();
    assert_eq!(fixture.cache.get::<u64>("around").await.unwrap(), Some(answer));
    assert_eq!(fixture.cache.get::<u64>("made").await.unwrap(), None);
}

#[locked(key = "k", fence = token)]
async fn fenced() -> Result<u64, Error> {
    Ok(token.get())
}

#[tokio::test]
async fn a_broken_backend_lets_calls_through_and_an_event_says_so_unless_they_need_a_fence() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            fenced().await.unwrap();
            // A release that fails leaves the lock to the end of its lease.
            until_free(&fixture.cache).await;
            faults.fail(Some(Error::backend("down")));
            impatient().await.unwrap();
            impatient().await.unwrap();
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 2);
            assert!(matches!(fenced().await, Err(Error::Backend(_))));
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 2);
            assert_eq!(fixture.events.count(EventKind::Rejected), 1);
            faults.fail(None);
            fenced().await.unwrap();
        })
        .await;
}

#[tokio::test]
async fn a_backend_that_breaks_while_somebody_waits_lets_it_through() {
    let (fixture, faults) = Fixture::remote().await;
    let held = fixture.cache.lock("k", "10s").await.unwrap();
    let gate = Arc::new(Gate::opened());
    let waiter = spawned(&fixture.cache, patient(gate.clone()));
    settle().await;
    assert_eq!(gate.entered(), 0);
    faults.fail(Some(Error::backend("down")));
    fixture.clock.advance(10 * SECOND);
    waiter.await.unwrap().unwrap();
    assert_eq!(fixture.events.count(EventKind::BackendFailed), 1);
    drop(held);
}

#[tokio::test]
async fn a_backend_that_breaks_while_the_function_runs_takes_nothing_from_its_answer() {
    let (fixture, faults) = Fixture::remote().await;
    let gate = Arc::new(Gate::closed());
    let call = spawned(&fixture.cache, patient(gate.clone()));
    gate.until(1).await;
    faults.fail(Some(Error::backend("down")));
    gate.open();
    call.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_backend_without_locks_or_a_key_without_a_route_lets_calls_through() {
    let builders = [
        Cache::builder().route("", support::echo::Echo),
        Cache::builder().route("elsewhere:", Memory::default()),
    ];
    for builder in builders {
        let events = Events::default();
        let cache = builder.observer(events.clone()).build().await.unwrap();
        Scope::new().cache(&cache).run(impatient()).await.unwrap();
        assert_eq!(events.count(EventKind::BackendFailed), 1);
        Scope::new().cache(&cache).run(fenced()).await.unwrap_err();
    }
}

#[tokio::test]
async fn a_backend_that_hangs_keeps_a_caller_as_long_as_a_command_may_take_and_no_longer() {
    let (clock, faults) = (ManualClock::new(), macadamia::testing::Faults::new());
    let builder = Cache::builder().route("", faults.wrap(Wire::new())).clock(clock.clone());
    let cache = builder.build().await.unwrap();
    let answers = |call: JoinHandle<Result<(), Error>>| {
        let clock = clock.clone();
        async move {
            while !call.is_finished() {
                clock.advance(Duration::from_millis(250));
                settle().await;
            }
            call.await.unwrap()
        }
    };
    let gate = Arc::new(Gate::closed());
    let call = spawned(&cache, patient(gate.clone()));
    gate.until(1).await;
    faults.hang(true);
    gate.open();
    call.await.unwrap().unwrap();
    // Its release hangs: who comes next waits for that, then is let through like with any broken backend.
    answers(spawned(&cache, impatient())).await.unwrap();
}
