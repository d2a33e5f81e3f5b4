//! Guards on a server, each called by two caches as by two processes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;

use macadamia::{Cache, Error, EventKind, Scope, cached, circuit_breaker, locked, perf, rate_limit};
use tokio::task::JoinSet;

use super::place::{Place, until};
use super::support::gate::Gate;

fn spawned<F>(calls: &mut JoinSet<F::Output>, cache: &Cache, call: F)
where
    F: Future<Output: Send> + Send + 'static,
{
    calls.spawn(Scope::new().cache(cache).run(call));
}

#[locked(key = "job", fence = token)]
async fn job(gate: Arc<Gate>) -> Result<u64, Error> {
    gate.pass().await;
    Ok(token.get())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_all_callers_one_holds_the_lock_and_fences_grow() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    let (gate, mut calls) = (Arc::new(Gate::opened()), JoinSet::new());
    for _ in 0..8 {
        spawned(&mut calls, &one, job(gate.clone()));
        spawned(&mut calls, &other, job(gate.clone()));
    }
    let mut fences: Vec<_> = calls.join_all().await.into_iter().map(Result::unwrap).collect();
    fences.sort_unstable();
    fences.dedup();
    assert_eq!((fences.len(), gate.most()), (16, 1));
}

#[locked(key = "now", wait = false)]
async fn now(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_wait_is_refused_at_once_and_a_dropped_call_releases() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    let (gate, mut calls) = (Arc::new(Gate::closed()), JoinSet::new());
    spawned(&mut calls, &one, now(gate.clone()));
    gate.until(1).await;
    assert!(matches!(Scope::new().cache(&other).run(now(gate.clone())).await, Err(Error::Locked)));
    calls.shutdown().await;
    gate.open();
    until("the lock is free", async || Scope::new().cache(&other).run(now(gate.clone())).await.is_ok()).await;
}

#[cached(ttl = "1h", key = "cold", lock = true)]
async fn cold(gate: Arc<Gate>) -> usize {
    gate.pass().await;
    gate.entered()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cold_value_is_computed_once_for_all() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    let (gate, mut calls) = (Arc::new(Gate::closed()), JoinSet::new());
    for _ in 0..20 {
        spawned(&mut calls, &one, cold(gate.clone()));
        spawned(&mut calls, &other, cold(gate.clone()));
    }
    gate.until(1).await;
    gate.open();
    assert!(calls.join_all().await.into_iter().all(|value| value == 1));
}

#[rate_limit(limit = 5, period = "1h", key = "fixed", algorithm = "fixed")]
async fn fixed() -> Result<(), Error> {
    Ok(())
}

#[rate_limit(limit = 5, period = "1h", key = "sliding", algorithm = "sliding")]
async fn sliding() -> Result<(), Error> {
    Ok(())
}

#[rate_limit(limit = 5, period = "1h", key = "gcra", algorithm = "gcra")]
async fn gcra() -> Result<(), Error> {
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_are_those_of_all_and_say_when_to_come_again() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    let mut admitted = [0; 3];
    for round in 0..12 {
        let fixture = if round % 2 == 0 { &one } else { &other };
        for (count, answer) in admitted.iter_mut().zip([
            fixture.run(fixed()).await,
            fixture.run(sliding()).await,
            fixture.run(gcra()).await,
        ]) {
            match answer {
                Ok(()) => *count += 1,
                Err(error) => {
                    let again = error.retry_after().unwrap();
                    assert!(
                        again > Duration::from_secs(600) && again <= Duration::from_secs(3_600),
                        "{again:?}"
                    );
                }
            }
        }
    }
    assert_eq!(admitted, [5, 5, 1]);
    assert_eq!(place.names(), ["rate_limit:fixed", "rate_limit:gcra", "rate_limit:sliding"]);
}

static SUPPLIER_IS_DOWN: AtomicBool = AtomicBool::new(true);
static ASKED: AtomicU32 = AtomicU32::new(0);

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "1s", min_calls = 3, key = "supplier")]
async fn supplier() -> Result<(), Error> {
    ASKED.fetch_add(1, SeqCst);
    if SUPPLIER_IS_DOWN.load(SeqCst) { Err(Error::backend("down")) } else { Ok(()) }
}

#[tokio::test]
async fn a_circuit_opens_and_closes_for_all() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    for _ in 0..3 {
        one.run(supplier()).await.unwrap_err();
    }
    assert!(matches!(other.run(supplier()).await, Err(Error::CircuitOpen { .. })));
    assert_eq!(ASKED.load(SeqCst), 3);
    SUPPLIER_IS_DOWN.store(false, SeqCst);
    until("a probe", async || other.run(supplier()).await.is_ok()).await;
    one.run(supplier()).await.unwrap();
    let told = |kind| one.events.count(kind) + other.events.count(kind);
    assert_eq!((told(EventKind::CircuitOpened), told(EventKind::CircuitClosed)), (1, 1));
}

#[perf(ttl = "1h", trace_size = 4, factor = 5.0, key = "slow")]
async fn measured(takes: Duration) -> Result<(), Error> {
    tokio::time::sleep(takes).await;
    Ok(())
}

#[tokio::test]
async fn what_has_become_slow_is_left_alone_by_all() {
    let place = Place::fresh();
    let (one, other) = (place.fixture().await, place.fixture().await);
    for _ in 0..4 {
        one.run(measured(Duration::from_millis(20))).await.unwrap();
    }
    let _ = one.run(measured(Duration::from_secs(2))).await;
    assert!(matches!(other.run(measured(Duration::ZERO)).await, Err(Error::Degraded { .. })));
}
