use std::time::Duration;

use macadamia::testing::drop_after;
use macadamia::{Scope, soft};

use super::support::{Fixture, settle};
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/soft.md");

static SHOP: Source = Source::new();

async fn ask_the_shop(_: u64) -> Result<u32, AppError> {
    SHOP.ask().await
}

#[soft(ttl = "10m", soft_ttl = "1m", errors = AppError::Timeout, key = "price:<article>")]
async fn price(article: u64) -> Result<u32, AppError> {
    ask_the_shop(article).await
}

#[tokio::test]
async fn a_caller_waits_for_the_new_value_and_has_the_present_one_if_that_fails() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "callers get", "the function"]);
    fixture
        .run(async {
            let mut now = 0;
            for (second, down) in [
                (0, false),
                (59, false),
                (60, false),
                (120, true),
                (120, true),
                (121, true),
                (122, true),
                (123, false),
                (723, true),
            ] {
                fixture.clock.advance(Duration::from_secs(second - now));
                now = second;
                SHOP.is_down(down);
                let before = SHOP.runs();
                let answer = price(1).await;
                timeline.push([&second, &cell(&answer), &SHOP.ran_since(before)]);
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}

static FRAGILE: Source = Source::new();

#[soft(ttl = "10m", soft_ttl = "1m", key = "fragile")]
async fn fragile(panics: bool) -> Result<u32, AppError> {
    let answer = FRAGILE.ask().await;
    assert!(!panics, "as it was told");
    answer
}

#[tokio::test]
async fn a_panic_is_its_callers_and_begins_a_pause_and_a_cancelled_call_begins_none() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(fragile(false).await, Ok(1));
            fixture.clock.advance(Duration::from_secs(60));
            assert!(drop_after(1, fragile(false)).await.is_none(), "it came to its end");
            assert_eq!(FRAGILE.runs(), 2);
            let call = tokio::spawn(Scope::current().run(fragile(true)));
            assert!(call.await.unwrap_err().is_panic());
            settle().await;
            assert_eq!((fragile(false).await, FRAGILE.runs()), (Ok(1), 3), "no pause");
            fixture.clock.advance(Duration::from_secs(1));
            assert_eq!((fragile(false).await, FRAGILE.runs()), (Ok(3), 4));
        })
        .await;
}
