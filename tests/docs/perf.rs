use std::sync::OnceLock;
use std::time::Duration;

use macadamia::testing::ManualClock;
use macadamia::{EventKind, perf};

use super::AppError;
use super::support::Fixture;
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/perf.md");

static CLOCK: OnceLock<ManualClock> = OnceLock::new();

/// As long as it is told, by the clock in the test's hand.
async fn compute_for(seconds: u64) -> Result<u64, AppError> {
    CLOCK.get().unwrap().advance(Duration::from_secs(seconds));
    Ok(seconds)
}

#[perf(ttl = "20s", trace_size = 3, factor = 2)]
async fn report(month: u64) -> Result<u64, AppError> {
    compute_for(month).await
}

#[tokio::test]
async fn one_slow_call_spares_the_function_for_a_while() {
    let fixture = Fixture::memory().await;
    CLOCK.set(fixture.clock.clone()).unwrap();
    let mut timeline = Timeline::of(["seconds", "takes", "callers get", "state"]);
    fixture
        .run(async {
            for (call, seconds) in [1, 1, 1, 2, 3, 3, 3, 3, 3].into_iter().enumerate() {
                let before = fixture.events.count(EventKind::Degraded);
                let answer = report(seconds).await;
                let is_spared = answer.is_err() || fixture.events.count(EventKind::Degraded) > before;
                let (takes, gets) = match &answer {
                    Ok(_) => (format!("{seconds} s"), "an answer"),
                    Err(_) => (String::new(), "Degraded"),
                };
                let state = if is_spared { "degraded" } else { "traced" };
                timeline.push([&(call * 10), &takes, &gets, &state]);
                let took = if answer.is_ok() { seconds } else { 0 };
                fixture.clock.advance(Duration::from_secs(10 - took));
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}
