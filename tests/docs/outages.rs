use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, Error, EventKind, Scope, cached, invalidate};

use super::AppError;
use super::support::Events;
use super::timeline::Timeline;

const PAGE: &str = include_str!("../../docs/outages.md");

static NAME: Mutex<String> = Mutex::new(String::new());
static READS: AtomicUsize = AtomicUsize::new(0);

async fn read(_: u64) -> String {
    READS.fetch_add(1, SeqCst);
    NAME.lock().unwrap().clone()
}

async fn write(_: u64, name: &str) -> Result<(), AppError> {
    name.clone_into(&mut NAME.lock().unwrap());
    Ok(())
}

#[cached(ttl = "1h", key = "profile:<id>")]
async fn profile(id: u64) -> String {
    read(id).await
}

#[invalidate(profile(id = id))]
async fn rename(id: u64, name: &str) -> Result<(), AppError> {
    write(id, name).await
}

#[tokio::test]
async fn nothing_old_is_read_after_an_outage() {
    let (faults, clock, events) = (Faults::new(), ManualClock::new(), Events::default());
    let builder = Cache::builder().route("", faults.wrap(Wire::new())).clock(clock.clone());
    let cache = builder.observer(events.clone()).build().await.unwrap();
    let mut timeline = Timeline::of(["the server", "a call of", "the function"]);
    let story = async {
        write(7, "Ada").await.unwrap();
        let moments = ["up", "up", "away", "away", "away", "back", "up"];
        for (server, renames) in moments.into_iter().zip([false, false, false, true, false, false, false]) {
            let before = READS.load(SeqCst);
            if server == "away" {
                faults.fail(Some(Error::unavailable("wire", "connection refused")));
            }
            if server == "back" {
                faults.fail(None);
                let deadline = Instant::now() + Duration::from_secs(20);
                while cache.ping("").await.is_err() {
                    assert!(Instant::now() < deadline, "it stays down");
                    clock.advance(Duration::from_millis(50));
                    tokio::task::yield_now().await;
                }
            }
            let call = if renames {
                rename(7, "Grace").await.unwrap();
                "rename: Grace".to_owned()
            } else {
                format!("profile: {}", profile(7).await)
            };
            let runs = if READS.load(SeqCst) > before { "runs" } else { "" };
            timeline.push([&server, &call, &runs]);
        }
    };
    Scope::new().cache(&cache).run(story).await;
    timeline.is_drawn_in(PAGE);
    assert_eq!((events.count(EventKind::BackendDown), events.count(EventKind::BackendUp)), (1, 1));
    assert_eq!(events.count(EventKind::Hit), 2, "before it, and when it was stored again");
}
