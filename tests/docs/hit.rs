use std::time::Duration;

use macadamia::hit;

use super::support::{Fixture, settle};
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/hit.md");

static DECK: Source = Source::new();

async fn draw_cards() -> Result<u32, AppError> {
    DECK.ask().await
}

#[hit(ttl = "1h", cache_hits = 3, key = "cards")]
async fn cards() -> Result<u32, AppError> {
    draw_cards().await
}

static SHELF: Source = Source::new();

async fn look_at_the_shelf() -> Result<u32, AppError> {
    SHELF.ask().await
}

#[hit(ttl = "1h", cache_hits = 3, update_before = 1, key = "shelf")]
async fn shelf() -> Result<u32, AppError> {
    look_at_the_shelf().await
}

#[tokio::test]
async fn a_value_answers_so_many_calls() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["call", "it gets", "the function"]);
    fixture
        .run(async {
            for call in 1..=11 {
                DECK.is_down(call > 8);
                let before = DECK.runs();
                let answer = cards().await;
                timeline.push([&call, &cell(&answer), &DECK.ran_since(before)]);
            }
            timeline.is_drawn_in(PAGE);
            DECK.is_down(false);
            fixture.clock.advance(Duration::from_secs(1));
            assert_eq!(cards().await, Ok(3), "after the pause");
        })
        .await;
}

#[tokio::test]
async fn nobody_waits_if_it_is_computed_before_the_last_hit() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["call", "it gets", "beside it"]);
    fixture
        .run(async {
            for call in 1..=8 {
                let before = SHELF.runs();
                let answer = shelf().await;
                let waited = SHELF.runs() > before;
                settle().await;
                let ran = if waited { "(it waits)" } else { SHELF.ran_since(before) };
                timeline.push([&call, &cell(&answer), &ran]);
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}
