//! The example's own promise: who had which answer while the service was down, and that it was spared.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

#[path = "../examples/resilience/client.rs"]
mod client;
#[path = "../examples/resilience/log.rs"]
mod log;
#[path = "../examples/resilience/service.rs"]
mod service;
#[path = "../examples/resilience/story.rs"]
mod story;

use std::sync::Arc;

use macadamia::{Cache, Event, EventKind, Scope};

use client::{Failure, price, rates, search};
use log::Log;
use service::{Mood, Service};
use story::Chapter;

async fn told() -> Vec<Chapter> {
    let log = Arc::new(Log::default());
    let observer = Arc::clone(&log);
    let cache = Cache::builder()
        .route("", "mem://")
        .observer(move |event: &Event<'_>| observer.note(event))
        .build()
        .await
        .unwrap();
    let service = Service::start().await.unwrap();
    Scope::new().cache(&cache).run(story::run(&service, &log)).await.unwrap()
}

#[tokio::test]
async fn while_the_service_is_down_everybody_is_answered_and_it_is_spared_until_it_is_well() {
    let chapters = told().await;
    let [up, slow, crowd, down, busy, well] = &chapters[..] else { panic!("{} chapters", chapters.len()) };
    let told = |chapter: &Chapter, kind| chapter.told.count("price", kind);

    assert!(told(up, EventKind::Hit) > 0);
    for chapter in [slow, down, busy] {
        assert_eq!(chapter.told.count("rates", EventKind::Computed), 0, "somebody waited for rates");
    }
    assert!(slow.told.count("rates", EventKind::Stale) > 0);

    let (admitted, refused) =
        (crowd.told.count("search", EventKind::Computed), crowd.told.count("search", EventKind::Rejected));
    assert!(admitted > 1 && refused > 0 && (admitted + refused) % 10 == 1, "{admitted}, {refused}");
    assert_eq!(crowd.requests["search"], admitted, "a refused search reached the service");

    // Down: every call had the last price, or one from the cache that was the last price too.
    let last = slow.prices.last().or(up.prices.last()).unwrap();
    assert!(down.prices.iter().chain(&busy.prices).all(|price| price == last), "not the last price");
    assert!(told(down, EventKind::CircuitOpened) > 0 && told(busy, EventKind::CircuitOpened) > 0);
    for chapter in [down, busy] {
        let refused = told(chapter, EventKind::Rejected);
        let failed = told(chapter, EventKind::Computed);
        assert_eq!(told(chapter, EventKind::Fallback), refused + failed);
        assert_eq!(chapter.requests["price"], failed, "a refused call reached the service");
    }
    assert!(told(down, EventKind::Rejected) >= 10);

    assert_eq!(told(well, EventKind::CircuitClosed), 1);
    assert!(well.prices.last().unwrap() > last, "no new price");

    let all = price::stats();
    let calls: usize = chapters.iter().map(|chapter| chapter.prices.len()).sum();
    assert_eq!(all.calls(), calls as u64);
    assert!(all.fallbacks >= all.rejected);
    assert_eq!((rates::stats().rejected, rates::stats().computed), (0, 1));
}

#[tokio::test]
async fn the_service_does_as_it_is_told() {
    let service = Service::start().await.unwrap();
    let cache = Cache::builder().route("", "mem://").build().await.unwrap();
    let ask = async |mood| {
        service.becomes(mood);
        Scope::new().cache(&cache).run(search(service.address, "moods")).await
    };
    assert!(matches!(ask(Mood::Answers).await, Ok(1)));
    assert!(matches!(ask(Mood::HangsUp).await, Err(Failure::HungUp)));
    assert!(matches!(ask(Mood::Refuses).await, Err(Failure::Busy)));
    assert!(matches!(ask(Mood::Slow).await, Ok(2)));
    assert_eq!(service.requests()["search"], 4);
    let address = service.address;
    drop(service);
    tokio::task::yield_now().await;
    assert!(matches!(
        Scope::new().cache(&cache).run(search(address, "moods")).await,
        Err(Failure::Io(std::io::ErrorKind::ConnectionRefused))
    ));
}
