//! Testing cached code: time that moves when told to, a cache for each test, a backend that fails on demand.
//!
//! ```text
//! cargo run --example testing
//! ```
//!
//! The three functions would be `#[tokio::test]`s in a project; here `main` runs them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use macadamia::testing::{Faults, ManualClock};
use macadamia::{Cache, Error, EventKind, Memory, Scope, cached};

static CALLS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "3h", key = "forecast:<city>")]
async fn forecast(city: &str) -> String {
    let call = 1 + CALLS.fetch_add(1, Ordering::SeqCst);
    format!("forecast {call} for {city}")
}

/// How often `forecast` has run since this was asked last.
fn calls() -> usize {
    CALLS.swap(0, Ordering::SeqCst)
}

/// A clock that stands still until it is moved: three hours pass at once.
async fn an_entry_expires_when_its_time_has_come() -> macadamia::Result<()> {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clone()).route("", "mem://").build().await?;
    Scope::new()
        .cache(cache)
        .run(async {
            forecast("Oslo").await;
            clock.advance(Duration::from_secs(3 * 3600 - 1));
            forecast("Oslo").await;
            assert_eq!(calls(), 1, "a second before three hours are over it is still there");

            clock.advance(Duration::from_secs(1));
            forecast("Oslo").await;
            assert_eq!(calls(), 1, "after three hours the function ran again");
        })
        .await;
    Ok(())
}

/// A scope gives everything inside it a cache of its own: tests share nothing, and run in parallel.
async fn each_test_has_its_own_cache() -> macadamia::Result<()> {
    for _ in 0..2 {
        let cache = Cache::builder().route("", "mem://").build().await?;
        Scope::new()
            .cache(&cache)
            .run(async {
                forecast("Oslo").await;
                forecast("Oslo").await;
            })
            .await;
        assert_eq!(calls(), 1, "nothing was left over from the cache before");
        assert!(cache.exists("forecast:Oslo").await?);
    }
    Ok(())
}

/// A cache only helps: while its backend is down, the function answers.
async fn a_broken_backend_is_a_miss_and_never_an_error() -> macadamia::Result<()> {
    let faults = Faults::new();
    let failures = std::sync::Arc::new(AtomicUsize::new(0));
    let seen = std::sync::Arc::clone(&failures);
    let cache = Cache::builder()
        .route("", faults.wrap(Memory::builder().build()))
        .observer(move |event: &macadamia::Event<'_>| {
            if event.kind == EventKind::BackendFailed {
                seen.fetch_add(1, Ordering::SeqCst);
            }
        })
        .build()
        .await?;
    Scope::new()
        .cache(&cache)
        .run(async {
            faults.fail(Some(Error::backend("connection reset")));
            assert!(forecast("Oslo").await.ends_with("for Oslo"));
            assert!(forecast("Oslo").await.ends_with("for Oslo"));
            assert_eq!(calls(), 2, "each call ran the function");
            assert!(failures.load(Ordering::SeqCst) > 0, "and said why");

            faults.fail(None);
            forecast("Oslo").await;
            forecast("Oslo").await;
            assert_eq!(calls(), 1, "once it is healed, the cache is used again");
        })
        .await;

    // Asked directly, the cache tells.
    faults.fail(Some(Error::backend("connection reset")));
    let error = cache.get::<String>("forecast:Oslo").await;
    assert!(matches!(error, Err(Error::Backend(_))), "{error:?}");
    Ok(())
}

#[tokio::main]
async fn main() -> macadamia::Result<()> {
    let started = Instant::now();
    an_entry_expires_when_its_time_has_come().await?;
    println!("an entry expires when its time has come: ok");
    each_test_has_its_own_cache().await?;
    println!("each test has its own cache: ok");
    a_broken_backend_is_a_miss_and_never_an_error().await?;
    println!("a broken backend is a miss and never an error: ok");
    println!("three hours passed in {:?}", started.elapsed());
    Ok(())
}
