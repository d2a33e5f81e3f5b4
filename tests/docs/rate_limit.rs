use std::time::Duration;

use macadamia::rate_limit;

use super::AppError;
use super::support::Fixture;
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/rate_limit.md");

struct User {
    id: u64,
}

type Found = Vec<String>;

async fn look_for(_: &str) -> Result<Found, AppError> {
    Ok(Vec::new())
}

#[rate_limit(limit = 100, period = "1m", key = "search:<user.id>", algorithm = "sliding")]
async fn search(user: &User, words: &str) -> Result<Found, AppError> {
    look_for(words).await
}

#[rate_limit(limit = 3, period = "10s", key = "fixed")]
async fn fixed() -> Result<(), AppError> {
    Ok(())
}

#[rate_limit(limit = 3, period = "10s", key = "sliding", algorithm = "sliding")]
async fn sliding() -> Result<(), AppError> {
    Ok(())
}

#[rate_limit(limit = 3, period = "10s", key = "gcra", algorithm = "gcra")]
async fn gcra() -> Result<(), AppError> {
    Ok(())
}

#[tokio::test]
async fn each_algorithm_admits_what_the_page_draws() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "fixed", "sliding", "gcra"]);
    let shown = |answer: Result<(), AppError>| if answer.is_ok() { "x" } else { "-" };
    fixture
        .run(async {
            for second in 0..15 {
                timeline.push([
                    &second,
                    &shown(fixed().await),
                    &shown(sliding().await),
                    &shown(gcra().await),
                ]);
                fixture.clock.advance(Duration::from_secs(1));
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
}

#[tokio::test]
async fn each_user_is_counted_alone() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for _ in 0..100 {
                assert!(search(&User { id: 1 }, "nuts").await.is_ok());
            }
            assert!(matches!(search(&User { id: 1 }, "nuts").await, Err(AppError::Refused(_))));
            assert!(search(&User { id: 2 }, "nuts").await.is_ok());
        })
        .await;
}
