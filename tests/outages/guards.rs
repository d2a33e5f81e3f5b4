//! Attributes that may refuse, and locks, where nobody can be asked.

use std::time::Duration;

use macadamia::{Error, EventKind, circuit_breaker, locked, perf, rate_limit};

use crate::Far;

#[rate_limit(limit = 1, period = "1h", key = "limited")]
async fn limited() -> Result<(), Error> {
    Ok(())
}

#[locked(key = "alone")]
async fn alone() -> Result<(), Error> {
    Ok(())
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "1m", min_calls = 1)]
async fn broken() -> Result<(), Error> {
    Err(Error::backend("of its own"))
}

#[perf(ttl = "1m")]
async fn quick() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn guards_let_calls_through_at_once_and_nobody_spins() {
    let far = Far::new().await;
    far.away(true);
    far.run(async {
        for _ in 0..100 {
            assert!(limited().await.is_ok() && alone().await.is_ok() && quick().await.is_ok());
            assert_eq!(broken().await.unwrap_err().to_string(), "backend failed: of its own");
        }
    })
    .await;
    assert_eq!(far.faults.commands(), 1, "after the first all knew");
    assert_eq!(far.events.count(EventKind::Rejected), 0);
    far.away(false);
    far.until_up().await;
    far.run(async {
        assert!(limited().await.is_ok());
        assert!(matches!(limited().await, Err(Error::RateLimited { .. })), "it is counted again");
    })
    .await;
}

#[tokio::test]
async fn nobody_is_told_that_a_lock_is_free_or_held_when_nobody_knows() {
    let far = Far::new().await;
    far.away(true);
    let hour = Duration::from_secs(3_600);
    assert!(far.cache.lock("k", hour).await.unwrap_err().is_unavailable());
    assert!(far.cache.is_locked("k").wait(hour).await.unwrap_err().is_unavailable());
    assert!(far.cache.set_lock("k", "token", hour).await.unwrap_err().is_unavailable());
    assert!(far.cache.unlock("k", "token").await.unwrap_err().is_unavailable());
    assert_eq!(far.faults.commands(), 1);
}

#[tokio::test]
async fn a_lock_whose_holder_loses_the_server_is_free_when_its_lease_is_over() {
    let far = Far::new().await;
    let held = far.cache.lock("k", "10s").await.unwrap();
    far.away(true);
    assert!(far.cache.set("other", &1).await.is_ok(), "not stored");
    drop(held);
    far.clock.advance(Duration::from_secs(10));
    far.away(false);
    far.until_up().await;
    assert!(!far.cache.is_locked("k").await.unwrap(), "nobody could release it");
}
