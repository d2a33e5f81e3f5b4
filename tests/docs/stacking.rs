use std::time::Duration;

use macadamia::{Outcome, cached, circuit_breaker, detect, fail, invalidate, rate_limit, registry};

use super::circuit_breaker::Watched;
use super::support::Fixture;
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/stacking.md");

static SHOP: Source = Source::new();

async fn ask_the_shop(_: u64) -> Result<u32, AppError> {
    SHOP.ask().await
}

#[fail(ttl = "1h", key = "price:<article>")]
#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "5s", min_calls = 2)]
#[cached(ttl = "3s", key = "price:<article>")]
async fn price(article: u64) -> Result<u32, AppError> {
    ask_the_shop(article).await
}

static UNSPARED: Source = Source::new();

#[fail(ttl = "1h", key = "unspared")]
#[cached(ttl = "3s", key = "unspared")]
async fn without_a_breaker() -> Result<u32, AppError> {
    UNSPARED.ask().await
}

#[tokio::test]
async fn the_triple_has_the_history_that_the_page_tells() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "the caller gets", "from", "the shop", "breaker"]);
    let mut breaker = Watched::new();
    fixture
        .run(async {
            let mut failed = [0; 2];
            for second in 0..19 {
                let down = (5..14).contains(&second);
                SHOP.is_down(down);
                UNSPARED.is_down(down);
                let runs = UNSPARED.runs();
                assert!(without_a_breaker().await.is_ok());
                let before = SHOP.runs();
                let (answer, calls) = detect(price(1)).await;
                // The last word is the outermost layer's.
                let from = match calls.last().unwrap().outcome {
                    Outcome::Hit => "cached",
                    Outcome::Fallback => "fail",
                    Outcome::Computed => "shop",
                    other => panic!("{other:?}"),
                };
                assert!(answer.is_ok(), "somebody had an error");
                if down {
                    failed[0] += SHOP.runs() - before;
                    failed[1] += UNSPARED.runs() - runs;
                }
                let state = breaker.state(&fixture);
                if [0, 1, 3, 5, 6, 7, 8, 11, 12, 16, 17, 18].contains(&second) {
                    timeline.push([&second, &cell(&answer), &from, &SHOP.ran_since(before), &state]);
                }
                fixture.clock.advance(Duration::from_secs(1));
            }
            assert_eq!(failed, [3, 8], "how often the shop was asked while it was down");
            timeline.is_drawn_in(PAGE);
        })
        .await;
    let stats = registry().find(|function| function.name == "price" && function.module.contains("stacking"));
    let stats = stats.unwrap().stats();
    assert_eq!(stats.calls(), 19);
    assert_eq!(
        (stats.fallbacks, stats.rejected),
        (11, 8),
        "of the calls that failed and those that were refused"
    );
}

static ONE: Source = Source::new();
static TWO: Source = Source::new();

#[cached(ttl = "1h", key = "one")]
#[rate_limit(limit = 2, period = "1m", key = "one")]
async fn hits_are_free() -> Result<u32, AppError> {
    ONE.ask().await
}

#[rate_limit(limit = 2, period = "1m", key = "two")]
#[cached(ttl = "1h", key = "two")]
async fn hits_are_counted() -> Result<u32, AppError> {
    TWO.ask().await
}

#[tokio::test]
async fn a_limit_counts_what_reaches_it() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for _ in 0..5 {
                assert_eq!(hits_are_free().await, Ok(1));
            }
            let answers = [hits_are_counted().await, hits_are_counted().await, hits_are_counted().await];
            assert_eq!(answers.map(|answer| answer.is_ok()), [true, true, false]);
        })
        .await;
}

static OPEN: Source = Source::new();

#[cached(ttl = "10s", key = "present")]
#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "1m", min_calls = 1, key = "<kind>")]
async fn present(kind: u8) -> Result<u32, AppError> {
    let _ = kind;
    OPEN.ask().await
}

static LAST: Source = Source::new();

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "1m", min_calls = 1)]
#[fail(ttl = "1h", key = "last")]
async fn never_opens() -> Result<u32, AppError> {
    LAST.ask().await
}

#[tokio::test]
async fn a_breaker_outside_of_a_fallback_sees_no_failures_and_an_open_one_inside_leaves_hits_alone() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(never_opens().await, Ok(1));
            LAST.is_down(true);
            for _ in 0..20 {
                assert_eq!(never_opens().await, Ok(1));
            }
            assert_eq!(LAST.runs(), 21, "it opened");

            OPEN.is_down(true);
            assert_eq!(present(1).await, Err(AppError::Timeout));
            OPEN.is_down(false);
            assert_eq!(present(2).await, Ok(1));
            assert_eq!(present(1).await, Ok(1), "the entry is there, though this breaker is open");
        })
        .await;
}

static CHANGES: Source = Source::new();

#[rate_limit(limit = 1, period = "1m", key = "change")]
#[invalidate("target", on = "always")]
async fn limited_change() -> Result<u32, AppError> {
    CHANGES.ask().await
}

#[invalidate("target", on = "always")]
#[rate_limit(limit = 1, period = "1m", key = "change-of-limited")]
async fn change_of_limited() -> Result<u32, AppError> {
    CHANGES.ask().await
}

#[tokio::test]
async fn what_is_refused_outside_of_an_invalidation_invalidates_nothing() {
    let fixture = Fixture::memory().await;
    let cache = &fixture.cache;
    fixture
        .run(async {
            for (outside, left) in [(true, true), (false, false)] {
                for call in 0..2 {
                    cache.set("target", &1).await.unwrap();
                    let answer = if outside { limited_change().await } else { change_of_limited().await };
                    assert_eq!(answer.is_ok(), call == 0);
                }
                assert_eq!(cache.exists("target").await.unwrap(), left);
            }
        })
        .await;
}
