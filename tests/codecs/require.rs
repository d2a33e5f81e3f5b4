//! `require`: a backend that must answer when a cache is built.

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, Error, Route};
use std::time::Duration;

use super::built;
use crate::support::settle;

#[tokio::test]
async fn a_required_backend_that_does_not_answer_fails_the_build() {
    let faults = Faults::new();
    faults.fail(Some(Error::backend("connection refused")));
    let broken = || Route::to(faults.wrap(Wire::new()));
    for builder in [
        Cache::builder().route("a:", broken().require(true)),
        Cache::builder().require(true).route("a:", broken()),
    ] {
        let error = builder.build().await.unwrap_err();
        assert!(matches!(error, Error::Backend(_)), "{error:?}");
        assert!(error.to_string().contains("route \"a:\": connection refused"), "{error}");
    }
    for builder in [
        Cache::builder().route("", broken()),
        Cache::builder().require(true).route("", broken().require(false)),
    ] {
        let cache = built(builder).await;
        cache.get::<String>("k").await.unwrap_err();
    }
    faults.fail(None);
    built(Cache::builder().route("", broken().require(true))).await;
}

#[tokio::test]
async fn a_required_backend_that_hangs_fails_the_build_when_its_time_is_up() {
    let faults = Faults::new();
    faults.hang(true);
    let route = Route::to(faults.wrap(Wire::new())).require(true);
    let clock = ManualClock::new();
    let building = tokio::spawn(Cache::builder().route("", route).clock(clock.clone()).build());
    settle().await;
    assert!(!building.is_finished());
    clock.advance(Duration::from_millis(250));
    assert!(matches!(building.await.unwrap(), Err(Error::Timeout { .. })));
}
