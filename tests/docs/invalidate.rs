use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

use macadamia::{EventKind, cached, invalidate, purge};

use tokio::sync::{Mutex, MutexGuard};

use super::AppError;
use super::support::Fixture;
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/invalidate.md");

/// The number of its writes is what is read.
static TABLE: AtomicU32 = AtomicU32::new(0);
static READS: AtomicU32 = AtomicU32::new(0);

/// The tests share the table.
static ALONE: Mutex<()> = Mutex::const_new(());

/// The table for oneself, as nobody has written it.
async fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().await;
    TABLE.store(0, SeqCst);
    READS.store(0, SeqCst);
    guard
}

async fn read(_: u64) -> u32 {
    READS.fetch_add(1, SeqCst);
    TABLE.load(SeqCst)
}

async fn write(name: &str) -> Result<(), AppError> {
    if name.is_empty() {
        return Err(AppError::Timeout);
    }
    TABLE.fetch_add(1, SeqCst);
    Ok(())
}

#[cached(ttl = "1h", key = "profiles:page:<page>:<lang>")]
async fn list(page: u32, lang: &str) -> Vec<u32> {
    vec![read(u64::from(page)).await; lang.len()]
}

#[cached(ttl = "1h", key = "profile:<id>", tags = ["profiles"])]
async fn profile(id: u64) -> u32 {
    read(id).await
}

#[invalidate(profile(id = id), list(lang = _))]
async fn rename(id: u64, name: &str) -> Result<(), AppError> {
    write(name).await
}

#[invalidate("profile:<id>", "profiles:page:*")]
async fn withdraw(id: u64) -> Result<(), AppError> {
    write("gone").await
}

#[invalidate(tags = ["profiles"], on = "always")]
async fn import() -> Result<(), AppError> {
    write("").await
}

async fn by_hand() -> macadamia::Result<()> {
    purge!(profile(id = 7), "profiles:page:1:*").await?;
    profile::invalidate(7).await?;
    Ok(())
}

#[tokio::test]
async fn after_a_success_the_next_reader_sees_it_and_an_error_changes_nothing() {
    let _alone = alone().await;
    let fixture = Fixture::memory().await;
    let mut timeline = Timeline::of(["a call of", "reads", "the entry of 7"]);
    fixture
        .run(async {
            for name in ["", "", "Ada", "", "fails", ""] {
                let before = READS.load(SeqCst);
                let call = match name {
                    "" => format!("profile: {}", profile(7).await),
                    "fails" => format!("rename: {}", rename(7, "").await.map_or("Err", |()| "Ok")),
                    name => format!("rename: {}", rename(7, name).await.map_or("Err", |()| "Ok")),
                };
                let entry = if fixture.cache.exists("profile:7").await.unwrap() { "there" } else { "gone" };
                let read = if READS.load(SeqCst) > before { "the table" } else { "" };
                timeline.push([&call, &read, &entry]);
            }
            timeline.is_drawn_in(PAGE);
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Invalidated), 2, "an event for each target");
}

#[tokio::test]
async fn patterns_tags_and_hands_reach_what_they_name() {
    let _alone = alone().await;
    let fixture = Fixture::memory().await;
    let there = async |key: &str| fixture.cache.exists(key).await.unwrap();
    fixture
        .run(async {
            for id in [8, 9] {
                profile(id).await;
            }
            list(1, "en").await;
            withdraw(8).await.unwrap();
            assert!(
                !there("profile:8").await && there("profile:9").await && !there("profiles:page:1:en").await
            );
            assert!(import().await.is_err());
            assert!(!there("profile:9").await, "`always` is after an error too");
            profile(7).await;
            by_hand().await.unwrap();
            assert!(!there("profile:7").await);
        })
        .await;
}
