//! Strategies where they meet each other, an end of a ttl, or a backend that can less.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::{early, hit, soft};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::gate::Gate;
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
    for (name, fixture) in ["memory", "remote", "wire"].iter().zip(Fixture::each().await) {
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
