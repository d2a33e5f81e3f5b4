use std::time::Duration;

use macadamia::{Expiry, Scope, cached, detect};

use super::support::{Fixture, settle};
use super::timeline::Timeline;
use super::{AppError, Source, cell};

const PAGE: &str = include_str!("../../docs/cached.md");

static BANK: Source = Source::new();

async fn ask_the_bank(_: &str) -> Result<u32, AppError> {
    BANK.ask().await
}

#[cached(ttl = "1m", key = "rate:<currency>")]
async fn rate(currency: &str) -> Result<u32, AppError> {
    ask_the_bank(currency).await
}

#[tokio::test]
async fn an_answer_is_given_until_it_expires_and_an_error_is_not_kept() {
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["seconds", "callers get", "the function"]);
    fixture
        .run(async {
            let mut now = 0;
            for (second, down) in [
                (0, false),
                (20, false),
                (59, false),
                (60, false),
                (119, true),
                (120, true),
                (121, true),
                (122, false),
            ] {
                fixture.clock.advance(Duration::from_secs(second - now));
                now = second;
                BANK.is_down(down);
                let before = BANK.runs();
                let answer = rate("EUR").await;
                timeline.push([&second, &cell(&answer), &BANK.ran_since(before)]);
            }
            timeline.is_drawn_in(PAGE);
            shows_where_an_answer_came_from().await;
        })
        .await;
}

#[cached(ttl = "10m", none_ttl = "30s", err_ttl(AppError::Timeout = "2s"), key = "user:<id>")]
async fn name(id: u64) -> Result<Option<String>, AppError> {
    look_up(id).await
}

async fn look_up(id: u64) -> Result<Option<String>, AppError> {
    settle().await;
    if id == 0 { Err(AppError::Timeout) } else { Ok((id > 1).then(|| format!("user {id}"))) }
}

async fn shows_where_an_answer_came_from() {
    let (answer, calls) = detect(rate("EUR")).await;
    for call in &calls {
        println!("{} {:?}, {:?} old", call.key, call.outcome, call.age);
    }
    let _ = answer;
}

#[tokio::test]
async fn of_many_callers_one_runs_and_absence_has_its_own_time() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let scope = Scope::current();
            let calls: Vec<_> = (0..9).map(|_| tokio::spawn(scope.clone().run(name(7)))).collect();
            for call in calls {
                assert_eq!(call.await.unwrap(), Ok(Some("user 7".to_owned())));
            }
            let before = name::stats();
            assert_eq!((before.computed, before.joined), (1, 8));
            for (id, kept) in [(0, 2), (1, 30), (2, 600)] {
                let _ = name(id).await;
                let left = fixture.cache.get_expire(format!("user:{id}")).await.unwrap();
                assert_eq!(left, Expiry::In(Duration::from_secs(kept)));
            }
        })
        .await;
}
