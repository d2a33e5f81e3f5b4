use std::time::Duration;

use macadamia::{Outcome, detect, fail};

use super::support::Fixture;
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/fail.md");

static BANK: Source = Source::new();

async fn ask_the_bank(_: &str) -> Result<u32, AppError> {
    BANK.ask().await
}

#[fail(ttl = "2m", key = "rates:<currency>", errors = AppError::Timeout)]
async fn rates(currency: &str) -> Result<u32, AppError> {
    ask_the_bank(currency).await
}

#[tokio::test]
async fn an_error_is_answered_with_the_last_good_value_while_that_is_young_enough() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["minutes", "callers get", "the function"]);
    fixture
        .run(async {
            for (minute, down) in [
                ("0:00", false),
                ("0:30", false),
                ("1:00", false),
                ("1:30", true),
                ("2:00", true),
                ("2:30", true),
                ("3:00", true),
                ("3:30", false),
            ] {
                BANK.is_down(down);
                let before = BANK.runs();
                let answer = rates("EUR").await;
                timeline.push([&minute, &cell(&answer), &BANK.ran_since(before)]);
                fixture.clock.advance(Duration::from_secs(30));
            }
            timeline.is_drawn_in(PAGE);
            BANK.is_down(true);
            tells_of_a_fallback().await;
        })
        .await;
}

async fn tells_of_a_fallback() {
    let (answer, calls) = detect(rates("EUR")).await;
    let old = calls.iter().find(|call| call.outcome == Outcome::Fallback);
    if let Some(call) = old {
        println!("{answer:?} is {:?} old, because {:?}", call.age, call.error);
    }
    assert!(old.is_some());
}
