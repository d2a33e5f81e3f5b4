//! `#[cached]`: what is stored, for how long, and what comes back.
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::{EventKind, Scope, cached};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::Fixture;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, PartialEq)]
enum AppError {
    NotFound(u64),
    Broken,
}

#[derive(Debug, PartialEq)]
struct NoClone;

type AppResult<T> = Result<T, AppError>;
type Maybe = Option<u64>;

static RUNS: [AtomicUsize; 64] = [const { AtomicUsize::new(0) }; 64];

fn ran(id: usize) -> usize {
    RUNS[id].fetch_add(1, SeqCst) + 1
}

fn runs(id: usize) -> usize {
    RUNS[id].load(SeqCst)
}

#[cached(ttl = "10s", key = "double:<n>")]
async fn double(n: u64) -> u64 {
    ran(0);
    n * 2
}

#[tokio::test]
async fn a_hit_does_not_run_the_function() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((double(4).await, double(4).await, double(5).await), (8, 8, 10));
            assert_eq!(runs(0), 2);
            assert_eq!(fixture.events.count(EventKind::Hit), 1);
            assert_eq!(fixture.events.count(EventKind::Computed), 2);
        })
        .await;
}

#[cached(ttl = "10s", key = "expiring")]
async fn expiring() -> usize {
    ran(1)
}

#[tokio::test]
async fn an_entry_lives_exactly_its_ttl() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(expiring().await, 1);
            fixture.clock.advance(10 * SECOND - Duration::from_nanos(1));
            assert_eq!(expiring().await, 1);
            fixture.clock.advance(Duration::from_nanos(1));
            assert_eq!(expiring().await, 2);
        })
        .await;
}

#[cached(ttl = 90, key = "seconds")]
async fn whole_seconds() -> usize {
    ran(2)
}

#[cached(ttl = "forever", key = "forever")]
async fn forever() -> usize {
    ran(3)
}

#[cached(ttl = Duration::from_millis(1500 * factor), key = "computed-ttl:<factor>")]
async fn computed_ttl(factor: u64) -> usize {
    ran(4)
}

#[cached(ttl = |value: &(usize, u64)| Duration::from_secs(value.1), key = "ttl-by-value:<seconds>")]
async fn ttl_by_value(seconds: u64) -> (usize, u64) {
    (ran(5), seconds)
}

#[tokio::test]
async fn a_ttl_may_be_seconds_forever_an_expression_or_chosen_by_the_value() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            whole_seconds().await;
            forever().await;
            computed_ttl(2).await;
            ttl_by_value(7).await;
            fixture.clock.advance(3 * SECOND - Duration::from_millis(1));
            assert_eq!(computed_ttl(2).await, 1);
            fixture.clock.advance(Duration::from_millis(1));
            assert_eq!(computed_ttl(2).await, 2);
            fixture.clock.advance(4 * SECOND);
            assert_eq!(ttl_by_value(7).await.0, 2);
            assert_eq!(whole_seconds().await, 1);
            fixture.clock.advance(83 * SECOND);
            assert_eq!(whole_seconds().await, 2);
            fixture.clock.advance(1_000_000_000 * SECOND);
            assert_eq!(forever().await, 1);
        })
        .await;
}

#[cached(ttl = "1h", key = "result:<id>")]
async fn fallible(id: u64) -> AppResult<usize> {
    let run = ran(6);
    if id == 0 || run == 1 { Err(AppError::NotFound(id)) } else { Ok(run) }
}

#[tokio::test]
async fn an_error_comes_back_untouched_and_is_not_stored() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(fallible(9).await, Err(AppError::NotFound(9)));
            assert_eq!(fallible(9).await, Ok(2));
            assert_eq!(fallible(9).await, Ok(2));
        })
        .await;
}

#[cached(ttl = "1h", key = "none:<id>")]
async fn absent(id: u64) -> Maybe {
    ran(7);
    (id != 0).then_some(id)
}

#[cached(ttl = "1h", none_ttl = "30s", key = "kept-none:<id>")]
async fn kept_absent(id: u64) -> AppResult<Maybe> {
    ran(8);
    Ok((id != 0).then_some(id))
}

#[tokio::test]
async fn none_is_stored_only_when_asked_for_and_then_for_its_own_time() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((absent(0).await, absent(0).await), (None, None));
            assert_eq!(runs(7), 2);
            assert_eq!((kept_absent(0).await, kept_absent(0).await), (Ok(None), Ok(None)));
            assert_eq!(runs(8), 1);
            fixture.clock.advance(30 * SECOND);
            assert_eq!(kept_absent(0).await, Ok(None));
            assert_eq!(runs(8), 2);
            kept_absent(1).await.unwrap();
            fixture.clock.advance(31 * SECOND);
            assert_eq!(kept_absent(1).await, Ok(Some(1)));
            assert_eq!(runs(8), 3);
        })
        .await;
}

#[cached(ttl = "1h", err_ttl = "5s", key = "kept-err:<id>")]
async fn kept_error(id: u64) -> AppResult<u64> {
    ran(9);
    Err(AppError::NotFound(id))
}

#[cached(ttl = "1h", err_ttl(AppError::NotFound(_) = "5s"), key = "some-err:<id>")]
async fn some_errors(id: u64) -> AppResult<u64> {
    ran(10);
    Err(if id == 0 { AppError::Broken } else { AppError::NotFound(id) })
}

#[tokio::test]
async fn an_error_is_stored_when_asked_for_all_or_by_pattern() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(kept_error(3).await, Err(AppError::NotFound(3)));
            assert_eq!(kept_error(3).await, Err(AppError::NotFound(3)));
            assert_eq!(runs(9), 1);
            fixture.clock.advance(5 * SECOND);
            kept_error(3).await.unwrap_err();
            assert_eq!(runs(9), 2);

            some_errors(0).await.unwrap_err();
            some_errors(0).await.unwrap_err();
            assert_eq!(runs(10), 2);
            some_errors(1).await.unwrap_err();
            some_errors(1).await.unwrap_err();
            assert_eq!(runs(10), 3);
        })
        .await;
}

#[cached(ttl = "1h", condition = |value: &usize| *value > 2, key = "conditional")]
async fn conditional() -> usize {
    ran(11)
}

#[tokio::test]
async fn a_condition_on_the_value_decides_whether_it_is_stored() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for expected in [1, 2, 3, 3, 3] {
                assert_eq!(conditional().await, expected);
            }
        })
        .await;
}

#[cached(ttl = "1h", time_condition = "3s", key = "slow:<seconds>")]
async fn slow(clock: &macadamia::testing::ManualClock, seconds: u64) -> usize {
    clock.advance(Duration::from_secs(seconds));
    ran(12)
}

#[tokio::test]
async fn a_time_condition_stores_only_what_took_longer() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((slow(&fixture.clock, 3).await, slow(&fixture.clock, 3).await), (1, 2));
            assert_eq!((slow(&fixture.clock, 4).await, slow(&fixture.clock, 4).await), (3, 3));
        })
        .await;
}

#[cached(ttl = "1h", condition = |value: &usize| *value != 1, time_condition = "1s", key = "both")]
async fn both_conditions(clock: &macadamia::testing::ManualClock) -> usize {
    clock.advance(2 * SECOND);
    ran(13)
}

#[tokio::test]
async fn both_conditions_must_hold() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for expected in [1, 2, 2] {
                assert_eq!(both_conditions(&fixture.clock).await, expected);
            }
        })
        .await;
}

#[cached(ttl = "1h", when = *enabled, key = "when:<id>")]
async fn switched(enabled: &bool, id: u8) -> usize {
    ran(14)
}

#[tokio::test]
async fn when_false_goes_past_the_cache_in_both_directions() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((switched(&false, 1).await, switched(&false, 1).await), (1, 2));
            assert_eq!((switched(&true, 1).await, switched(&true, 1).await), (3, 3));
            assert_eq!(switched(&false, 1).await, 4);
            assert_eq!(fixture.events.count(EventKind::Bypassed), 3);
            assert_eq!(
                (fixture.events.count(EventKind::Computed), fixture.events.count(EventKind::Hit)),
                (1, 1)
            );
        })
        .await;
}

#[cached(ttl = "100s", jitter = "50%", key = "jitter:<n>")]
async fn jittered(n: u32) -> u32 {
    ran(15);
    n
}

#[tokio::test]
async fn jitter_spreads_expiries_below_the_ttl() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut left = Vec::new();
            for n in 0..64 {
                jittered(n).await;
                let expiry = fixture.cache.get_expire(format!("jitter:{n}")).await.unwrap();
                left.push(expiry.remaining().unwrap());
            }
            assert!(left.iter().all(|left| *left >= 50 * SECOND && *left <= 100 * SECOND));
            left.sort_unstable();
            left.dedup();
            assert!(left.len() > 32, "all expire together");
        })
        .await;
}

#[cached(ttl = "1h", version = 1, key = "versioned")]
async fn first_version() -> &'static str {
    ran(16);
    "one"
}

#[cached(ttl = "1h", version = 2, key = "versioned")]
async fn second_version() -> &'static str {
    ran(17);
    "two"
}

#[tokio::test]
async fn an_entry_of_another_version_is_a_miss() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            first_version().await;
            assert_eq!(second_version().await, "two");
            assert_eq!(second_version().await, "two");
            assert_eq!((runs(16), runs(17)), (1, 1));
            assert_eq!(first_version().await, "one");
        })
        .await;
}

#[cached(ttl = "1h", key = "typed")]
async fn as_number() -> u64 {
    7
}

#[cached(ttl = "1h", key = "typed")]
async fn as_text() -> String {
    "seven".to_owned()
}

#[tokio::test]
async fn an_entry_of_another_type_is_a_miss_never_a_wrong_value() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(as_number().await, 7);
            assert_eq!(as_text().await, "seven");
            assert_eq!(as_number().await, 7);
            assert!(fixture.events.count(EventKind::Unreadable) >= 2);
        })
        .await;
}

#[cached(ttl = "1h", key = "question:<text>")]
async fn parses(text: &str) -> Result<i32, std::num::ParseIntError> {
    ran(18);
    if text.is_empty() {
        return Ok(0);
    }
    let number = text.parse::<i32>()?;
    Ok(number)
}

#[tokio::test]
async fn question_mark_and_return_in_the_body_mean_what_they_meant() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!((parses("").await, parses("").await), (Ok(0), Ok(0)));
            assert_eq!(runs(18), 1);
            assert_eq!((parses("12").await, parses("12").await), (Ok(12), Ok(12)));
            assert_eq!(runs(18), 2);
            assert!(parses("x").await.is_err());
        })
        .await;
}

#[derive(Clone)]
struct NotSerializable(Arc<str>);

#[cached(ttl = "1h", key = "plain-type")]
async fn plain_type() -> Result<NotSerializable, NoClone> {
    ran(19);
    Ok(NotSerializable("x".into()))
}

#[tokio::test]
async fn a_type_without_serde_is_cached_in_memory() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let (first, second) = (plain_type().await.unwrap(), plain_type().await.unwrap());
            assert!(Arc::ptr_eq(&first.0, &second.0));
            assert_eq!(runs(19), 1);
        })
        .await;
}

#[cached(ttl = "1h", key = "down:<id>")]
async fn behind_a_broken_backend(id: u8) -> AppResult<usize> {
    Ok(ran(20))
}

#[tokio::test]
async fn a_broken_backend_is_a_miss_and_an_event_never_an_error() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            faults.fail(Some(macadamia::Error::backend("connection reset")));
            assert_eq!((behind_a_broken_backend(1).await, behind_a_broken_backend(1).await), (Ok(1), Ok(2)));
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 2, "one per call");
            faults.fail(None);
            assert_eq!((behind_a_broken_backend(1).await, behind_a_broken_backend(1).await), (Ok(3), Ok(3)));
        })
        .await;
}

#[cached(ttl = "1h", key = "no-flight", single_flight = false)]
async fn unshared() -> usize {
    let run = ran(21);
    tokio::task::yield_now().await;
    run
}

#[tokio::test]
async fn without_single_flight_concurrent_misses_all_run() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let (a, b, c) = tokio::join!(unshared(), unshared(), unshared());
            assert_eq!((a, b, c), (1, 2, 3));
            assert!([1, 2, 3].contains(&unshared().await));
            assert_eq!(runs(21), 3);
        })
        .await;
}

#[cached(ttl = "1h", key = "unit")]
async fn gives_nothing() {
    ran(22);
}

#[tokio::test]
async fn a_function_without_a_return_type_is_cached_too() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            gives_nothing().await;
            gives_nothing().await;
            assert_eq!(runs(22), 1);
        })
        .await;
}

#[cached(ttl = std::time::Duration::ZERO, key = "zero")]
async fn impossible_ttl() -> usize {
    ran(23)
}

#[tokio::test]
async fn a_ttl_that_comes_out_as_zero_stores_nothing_and_fails_nothing() {
    let fixture = Fixture::memory().await;
    fixture.run(async { assert_eq!((impossible_ttl().await, impossible_ttl().await), (1, 2)) }).await;
}

#[cached(ttl = "1h", key = "static:<id>")]
async fn static_text(id: u8) -> Result<&'static str, &'static [u8]> {
    if id == 0 { Err(b"none") } else { Ok("some") }
}

#[tokio::test]
async fn static_references_are_kept_by_calls_on_any_thread() {
    let fixture = Fixture::memory().await;
    let calls = async {
        assert_eq!(static_text(1).await, Ok("some"));
        assert_eq!(static_text::peek(1).await.unwrap(), Some("some"));
        static_text(0).await
    };
    let spawned = tokio::spawn(Scope::new().cache(&fixture.cache).run(calls));
    assert_eq!(spawned.await.unwrap(), Err(b"none".as_slice()));
}
