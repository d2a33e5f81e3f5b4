use std::time::Duration;

use macadamia::soft;

use super::support::Fixture;
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
