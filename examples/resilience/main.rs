//! A service that is slow, overrun, down and back again, and functions that go on answering.
//!
//! ```text
//! cargo run --example resilience
//! ```
//!
//! It starts the service itself, on a free port of this machine, and asks it over TCP. `client.rs` is where the
//! attributes are; `service.rs` misbehaves as it is told; `story.rs` is what happens; `log.rs` shows it.

mod client;
mod log;
mod service;
mod story;

use std::error::Error;
use std::sync::Arc;

use macadamia::{Cache, Event, EventKind, Function};

use log::Log;
use service::Service;
use story::Chapter;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let log = Arc::new(Log::default());
    let told = Arc::clone(&log);
    Cache::builder()
        .route("", "mem://")
        .observer(move |event: &Event<'_>| told.note(event))
        .build()
        .await?
        .install()?;

    let service = Service::start().await?;
    let chapters = story::run(&service, &log).await?;
    table(&chapters);
    if let Some(down) = chapters.get(3) {
        println!(
            "\nWhile the service was down, {} callers had a price: {} requests, {} calls that did not become one.",
            down.prices.len(),
            down.requests.get("price").unwrap_or(&0),
            down.told.count("price", EventKind::Rejected)
        );
    }
    Ok(())
}

fn table(chapters: &[Chapter]) {
    println!(
        "\n{:<8} {:>6} {:>9} {:>6} {:>6} {:>10} {:>9} {:>9} {:>9}",
        "function", "calls", "computed", "hits", "stale", "refreshed", "fallback", "rejected", "requests"
    );
    for name in ["price", "rates", "search"] {
        let function = macadamia::registry().find(|function| function.name == name);
        let stats = function.map(Function::stats).unwrap_or_default();
        let requests: usize = chapters.iter().filter_map(|chapter| chapter.requests.get(name)).sum();
        println!(
            "{name:<8} {:>6} {:>9} {:>6} {:>6} {:>10} {:>9} {:>9} {requests:>9}",
            stats.calls(),
            stats.computed,
            stats.hits,
            stats.stale,
            stats.refreshed,
            stats.fallbacks,
            stats.rejected
        );
    }
}
