use std::time::Duration;

use macadamia::early;

use super::support::{Fixture, settle};
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/early.md");

static BANK: Source = Source::new();

async fn ask_the_bank() -> Result<u32, AppError> {
    BANK.ask().await
}

#[early(ttl = "90s", early_ttl = "30s", key = "rates")]
async fn rates() -> Result<u32, AppError> {
    ask_the_bank().await
}

#[tokio::test]
async fn callers_have_the_present_value_while_a_new_one_is_computed() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "callers get", "beside them"]);
    fixture
        .run(async {
            let mut now = 0;
            for (second, down) in [
                (0, false),
                (29, false),
                (30, false),
                (31, false),
                (60, true),
                (61, true),
                (62, true),
                (63, false),
                (64, false),
                (154, false),
            ] {
                fixture.clock.advance(Duration::from_secs(second - now));
                now = second;
                BANK.is_down(down);
                let before = BANK.runs();
                let answer = rates().await;
                let waited = BANK.runs() > before;
                settle().await;
                let ran = if waited { "(the caller waits)" } else { BANK.ran_since(before) };
                timeline.push([&second, &cell(&answer), &ran]);
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}
