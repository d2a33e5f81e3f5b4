//! Values that are computed anew, where it gets narrow: at their end, without a value, set by hand, inside a breaker.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::{Error, EventKind, circuit_breaker, early, hit, soft};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::gate::{Gate, until};
use support::{Fixture, settle};

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[early(ttl = "30s", early_ttl = "10s", key = "slow:<of>")]
async fn slow_early(of: u8, gate: Arc<Gate>, runs: Arc<AtomicUsize>) -> usize {
    let _ = of;
    let run = runs.fetch_add(1, SeqCst) + 1;
    if run > 1 {
        gate.pass().await;
    }
    run
}

#[soft(ttl = "30s", soft_ttl = "10s", key = "slow:<of>")]
async fn slow_soft(of: u8, gate: Arc<Gate>, runs: Arc<AtomicUsize>) -> Result<usize, String> {
    let _ = of;
    let run = runs.fetch_add(1, SeqCst) + 1;
    if run > 1 {
        gate.pass().await;
    }
    Ok(run)
}

#[hit(ttl = "30s", cache_hits = 1, key = "slow:<of>")]
async fn slow_hit(of: u8, gate: Arc<Gate>, runs: Arc<AtomicUsize>) -> usize {
    let _ = of;
    let run = runs.fetch_add(1, SeqCst) + 1;
    if run > 1 {
        gate.pass().await;
    }
    run
}

#[tokio::test]
async fn a_value_that_was_computed_anew_over_the_end_of_the_present_one_is_stored() {
    for (name, fixture) in ["memory", "remote", "wire", "near"].iter().zip(Fixture::each().await) {
        let (gate, runs) = (Arc::new(Gate::closed()), Arc::new(AtomicUsize::new(0)));
        fixture.run(slow_early(1, gate.clone(), runs.clone())).await;
        fixture.clock.advance(secs(29));
        assert_eq!(fixture.run(slow_early(1, gate.clone(), runs.clone())).await, 1, "{name}");
        gate.until(1).await;
        fixture.clock.advance(secs(2));
        settle().await;
        gate.open();
        settle().await;
        assert_eq!(fixture.run(slow_early(1, gate.clone(), runs.clone())).await, 2, "early, {name}");

        let (gate, runs) = (Arc::new(Gate::closed()), Arc::new(AtomicUsize::new(0)));
        let _ = fixture.run(slow_soft(2, gate.clone(), runs.clone())).await;
        fixture.clock.advance(secs(29));
        let call = fixture.run(slow_soft(2, gate.clone(), runs.clone()));
        let ((), answer) = tokio::join!(
            async {
                gate.until(1).await;
                fixture.clock.advance(secs(2));
                settle().await;
                gate.open();
            },
            call
        );
        assert_eq!(answer, Ok(2));
        assert_eq!(fixture.run(slow_soft(2, gate.clone(), runs.clone())).await, Ok(2), "soft, {name}");

        let (gate, runs) = (Arc::new(Gate::closed()), Arc::new(AtomicUsize::new(0)));
        fixture.run(slow_hit(3, gate.clone(), runs.clone())).await;
        fixture.run(slow_hit(3, gate.clone(), runs.clone())).await;
        fixture.clock.advance(secs(29));
        let call = fixture.run(slow_hit(3, gate.clone(), runs.clone()));
        let ((), answer) = tokio::join!(
            async {
                gate.until(1).await;
                fixture.clock.advance(secs(2));
                settle().await;
                gate.open();
            },
            call
        );
        assert_eq!(answer, 2);
        assert_eq!(fixture.run(slow_hit(3, gate.clone(), runs.clone())).await, 2, "hit, {name}");
    }
}

#[hit(ttl = "1h", none_ttl = "1h", err_ttl = "1h", cache_hits = 2, key = "none:<err>")]
async fn none(err: bool, runs: &AtomicUsize) -> Result<Option<usize>, usize> {
    let run = runs.fetch_add(1, SeqCst) + 1;
    if err { Err(run) } else { Ok(None) }
}

#[tokio::test]
async fn absences_and_errors_answer_as_many_calls_as_values_do_each_time() {
    for (name, fixture) in ["memory", "remote", "wire", "near"].iter().zip(Fixture::each().await) {
        let mut stored = 0;
        // Errors have no bytes.
        for err in [false, true].into_iter().filter(|err| !err || *name != "wire") {
            let (runs, mut counts) = (AtomicUsize::new(0), Vec::new());
            for _ in 0..9 {
                let before = runs.load(SeqCst);
                let answer = fixture.run(none(err, &runs)).await;
                let run = runs.load(SeqCst);
                assert_eq!(answer, if err { Err(run) } else { Ok(None) }, "{name}: an error of another run");
                stored += run - before;
                until(|| fixture.events.count(EventKind::Stored) == stored, "it is not stored").await;
                counts.push(run);
            }
            assert_eq!(counts, [1, 1, 1, 2, 2, 2, 3, 3, 3], "{name}, errors: {err}");
        }
    }
}

#[hit(ttl = "1h", cache_hits = 2, key = "by-hand")]
async fn by_hand(runs: &AtomicUsize) -> u64 {
    runs.fetch_add(1, SeqCst) as u64
}

#[tokio::test]
async fn each_value_that_a_command_sets_answers_as_many_calls() {
    for (name, fixture) in ["memory", "remote", "wire", "near"].iter().zip(Fixture::each().await) {
        let runs = AtomicUsize::new(0);
        for value in [100_u64, 200, 300] {
            fixture.clock.advance(secs(1));
            fixture.cache.set("by-hand", &value).ttl("1h").await.unwrap();
            for _ in 0..2 {
                assert_eq!(fixture.run(by_hand(&runs)).await, value, "{name}");
            }
        }
        assert_eq!(fixture.run(by_hand(&runs)).await, 0, "{name}");
    }
}

/// Fails.
async fn down() -> Result<u8, Error> {
    tokio::task::yield_now().await;
    Err(Error::backend("down"))
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "10s", min_calls = 2)]
#[soft(ttl = "1h", soft_ttl = "1s", key = "around:soft")]
async fn around_soft() -> Result<u8, Error> {
    down().await
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "10s", min_calls = 2)]
#[early(ttl = "1h", early_ttl = "1s", key = "around:early", background = false)]
async fn around_early() -> Result<u8, Error> {
    down().await
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "10s", min_calls = 2)]
#[hit(ttl = "1h", cache_hits = 1, key = "around:hit")]
async fn around_hit() -> Result<u8, Error> {
    down().await
}

macro_rules! stays_half_open {
    ($function:ident) => {
        for fixture in Fixture::each().await {
            let call = || fixture.run($function());
            call().await.unwrap_err();
            call().await.unwrap_err();
            assert_eq!(fixture.events.count(EventKind::CircuitOpened), 1);
            // Somebody else has an answer meanwhile.
            assert!(fixture.run($function::set(1)).await.unwrap());
            fixture.clock.advance(secs(11));
            assert_eq!([call().await.unwrap(), call().await.unwrap()], [1, 1]);
            assert_eq!(fixture.events.count(EventKind::CircuitHalfOpened), 1);
            assert_eq!(fixture.events.count(EventKind::CircuitClosed), 0, stringify!($function));
        }
    };
}

#[tokio::test]
async fn a_present_value_instead_of_a_failure_is_no_success_to_a_breaker_outside() {
    stays_half_open!(around_soft);
    stays_half_open!(around_early);
    stays_half_open!(around_hit);
}
