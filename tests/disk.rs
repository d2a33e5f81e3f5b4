//! Annotated functions on a disk: across restarts, across caches that share it, and when it fails.
#![cfg(feature = "disk")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod support;

use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use macadamia::testing::ManualClock;
use macadamia::{Cache, Disk, Error, EventKind, cached, early, fail, invalidate, locked, rate_limit};
use serde::{Deserialize, Serialize};
use support::{Events, Fixture};
use tempfile::TempDir;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Page {
    number: u32,
    run: usize,
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

fn page_now(number: u32) -> Page {
    Page { number, run: RUNS.fetch_add(1, SeqCst) }
}

#[cached(ttl = "1h", key = "page:<number>", tags = ["pages"])]
async fn page(number: u32) -> Page {
    page_now(number)
}

#[invalidate(page(number = number))]
async fn edit(number: u32) -> Result<(), Error> {
    let _ = number;
    Ok(())
}

#[invalidate(tags = ["pages"])]
async fn edit_all() -> Result<(), Error> {
    Ok(())
}

#[early(ttl = "1h", early_ttl = "10m", background = false, key = "early:<number>")]
async fn early_page(number: u32) -> Page {
    page_now(number)
}

#[fail(ttl = "1h", key = "fallible:<number>")]
async fn fallible(number: u32, fails: bool) -> Result<Page, Error> {
    if fails { Err(Error::backend("the origin is down")) } else { Ok(page_now(number)) }
}

#[rate_limit(limit = 2, period = "1m", key = "limited")]
async fn limited() -> Result<usize, Error> {
    Ok(RUNS.fetch_add(1, SeqCst))
}

#[locked(key = "alone", wait = false)]
async fn alone() -> Result<usize, Error> {
    Ok(RUNS.fetch_add(1, SeqCst))
}

/// A cache on the disk in a directory, as each process has its own.
async fn on(directory: &Path, clock: &ManualClock) -> Fixture {
    let events = Events::default();
    let disk = Disk::builder().directory(directory).check_interval(Duration::ZERO);
    let builder = Cache::builder().route("", disk).clock(clock.clone()).observer(events.clone());
    Fixture { cache: builder.build().await.unwrap(), clock: clock.clone(), events }
}

#[tokio::test]
async fn what_a_function_returned_is_its_answer_after_a_restart() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let yesterday = on(directory.path(), &clock).await;
    let first = yesterday.run(page(1)).await;
    yesterday.cache.close().await.unwrap();
    drop(yesterday);
    clock.advance(Duration::from_secs(600));
    let today = on(directory.path(), &clock).await;
    assert_eq!(today.run(page(1)).await, first);
    assert_eq!(today.events.count(EventKind::Hit), 1);
    clock.advance(Duration::from_secs(3_000));
    assert_ne!(today.run(page(1)).await, first, "its hour is over, restart or not");
}

#[tokio::test]
async fn caches_that_share_a_directory_share_values_invalidations_and_guards() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let (one, other) = (on(directory.path(), &clock).await, on(directory.path(), &clock).await);
    let first = one.run(page(1)).await;
    assert_eq!(other.run(page(1)).await, first);
    other.run(edit(1)).await.unwrap();
    let second = one.run(page(1)).await;
    assert_ne!(second, first, "the other has invalidated it");
    assert_eq!(other.run(page(1)).await, second);
    one.run(edit_all()).await.unwrap();
    assert_ne!(other.run(page(1)).await, second, "its tag was deleted");
    assert!(one.run(limited()).await.is_ok() && other.run(limited()).await.is_ok());
    for fixture in [&one, &other] {
        assert!(matches!(fixture.run(limited()).await, Err(Error::RateLimited { .. })), "a limit of both");
    }
    clock.advance(Duration::from_secs(60));
    assert!(other.run(limited()).await.is_ok(), "the window is over for both");
}

#[tokio::test]
async fn refreshes_and_last_resorts_work_on_a_disk() {
    let (directory, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let fixture = on(directory.path(), &clock).await;
    let first = fixture.run(early_page(1)).await;
    clock.advance(Duration::from_secs(599));
    assert_eq!(fixture.run(early_page(1)).await, first);
    clock.advance(Duration::from_secs(1));
    let second = fixture.run(early_page(1)).await;
    assert_ne!(second, first, "it was computed anew before it expired");
    assert_eq!(fixture.run(early_page(1)).await, second);
    let good = fixture.run(fallible(1, false)).await.unwrap();
    let again = on(directory.path(), &clock).await;
    assert_eq!(again.run(fallible(1, true)).await.unwrap(), good, "also in the next process");
}

/// Everything runs, nothing is an error, and each failure is told.
async fn just_runs(fixture: &Fixture) {
    fixture
        .run(async {
            let first = page(7).await;
            assert_ne!(page(7).await, first, "nothing can be kept");
            early_page(7).await;
            assert!(edit(7).await.is_ok() && edit_all().await.is_ok());
            assert!(fallible(7, false).await.is_ok());
            let own = fallible(7, true).await.unwrap_err().to_string();
            assert!(own.contains("the origin is down"), "the function's own error comes back: {own}");
            for _ in 0..5 {
                assert!(limited().await.is_ok(), "a limit nobody can count lets calls through");
            }
        })
        .await;
    assert!(fixture.events.count(EventKind::BackendFailed) >= 5);
    assert_eq!(fixture.events.count(EventKind::Hit), 0);
    assert!(fixture.cache.get::<Page>("another").await.is_err(), "a command tells");
    assert_eq!(fixture.cache.get::<Page>("page:7").await.unwrap(), None, "what was invalidated is not there");
}

#[tokio::test]
async fn functions_run_while_there_can_be_no_directory_and_are_cached_when_there_can() {
    let (home, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let place = home.path().join("cache");
    std::fs::write(&place, "in the way").unwrap();
    let fixture = on(&place, &clock).await;
    just_runs(&fixture).await;
    std::fs::remove_file(&place).unwrap();
    clock.advance(Duration::from_secs(2));
    // What was to be removed meanwhile is removed first, beside the calls.
    let began = std::time::Instant::now();
    while fixture.run(page(7)).await != fixture.run(page(7)).await {
        assert!(began.elapsed() < Duration::from_secs(10), "it is not kept again");
        clock.advance(Duration::from_millis(100));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(fixture.run(alone()).await.is_ok());
}

#[tokio::test]
async fn functions_run_where_the_file_is_no_database() {
    let (home, clock) = (TempDir::new().unwrap(), ManualClock::new());
    std::fs::write(home.path().join("cache-0.db"), "somebody's letters ".repeat(500)).unwrap();
    just_runs(&on(home.path(), &clock).await).await;
}

/// Where the kernel lets nobody make a directory, root or not.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn functions_run_where_nothing_can_be_written() {
    just_runs(&on(Path::new("/proc/macadamia/cache"), &ManualClock::new()).await).await;
}

#[cached(ttl = "1h", key = "large:<number>")]
async fn large(number: u32) -> Vec<u32> {
    RUNS.fetch_add(1, SeqCst);
    vec![number; 10_000]
}

/// This test once more, in a process whose files cannot grow beyond a MiB or two.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn functions_run_where_files_cannot_grow() {
    const CRAMPED: &str = "MACADAMIA_TEST_CRAMPED";
    let Some(place) = std::env::var_os(CRAMPED) else {
        let home = TempDir::new().unwrap();
        let output = std::process::Command::new("sh")
            .args([
                "-c",
                "trap '' XFSZ; ulimit -f 2000; exec \"$0\" --exact functions_run_where_files_cannot_grow",
            ])
            .arg(std::env::current_exe().unwrap())
            .env(CRAMPED, home.path())
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{told}");
        return;
    };
    let fixture = on(Path::new(&place), &ManualClock::new()).await;
    let all = async {
        for number in 0..200 {
            assert_eq!(large(number).await, vec![number; 10_000]);
        }
    };
    fixture.run(all).await;
    assert!(fixture.events.count(EventKind::BackendFailed) > 0, "8 MB went into a file of 2");
    fixture.clock.advance(Duration::from_secs(2));
    let before = RUNS.load(SeqCst);
    assert_eq!(fixture.run(large(0)).await, vec![0; 10_000]);
    assert_eq!(RUNS.load(SeqCst), before, "what was kept is an answer still");
}

#[tokio::test]
async fn what_lies_in_the_file_damaged_is_a_miss_and_told() {
    let (home, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let fixture = on(home.path(), &clock).await;
    let first = fixture.run(page(1)).await;
    // Stored by another program of ours, with another type.
    fixture.cache.set("page:1", "a text").await.unwrap();
    let second = fixture.run(page(1)).await;
    assert_ne!(second, first);
    assert_eq!(fixture.run(page(1)).await, second, "and was overwritten");
    assert!(fixture.events.count(EventKind::Unreadable) > 0);
}

#[tokio::test]
async fn a_secret_of_the_route_signs_what_lies_on_disk() {
    let (home, clock) = (TempDir::new().unwrap(), ManualClock::new());
    let on_secret = async |secret: &str| {
        let url = format!("disk://{}?check_interval=0&secret={secret}", home.path().display());
        Cache::builder().route("", url.as_str()).clock(clock.clone()).build().await.unwrap()
    };
    let (ours, theirs) =
        (on_secret("ours-and-nobody-else-s").await, on_secret("theirs-whoever-they-are").await);
    ours.set("k", "v").await.unwrap();
    assert_eq!(ours.incr("n").await.unwrap(), 1);
    assert_eq!(ours.incr("n").await.unwrap(), 2);
    assert_eq!(theirs.get::<String>("k").await.unwrap(), None, "whoever has another secret sees nothing");
    assert_eq!(ours.get::<String>("k").await.unwrap().as_deref(), Some("v"));
}
