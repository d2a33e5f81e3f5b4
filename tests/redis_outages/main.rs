//! Annotated functions over a Redis server that dies, hangs, refuses and lies, behind a wire that does.
//!
//! Each test has servers of its own and kills, pauses or cuts them. Time is real; what is waited for is polled with a
//! bound. Bounds are wide enough for a busy machine and narrow beside what the fault would cost without care.
#![cfg(feature = "redis")]
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod busy;
mod down;
mod flaky;
mod invalidations;
mod refusals;
mod replies;
#[path = "../support/mod.rs"]
mod support;
mod time;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

use macadamia::{Cache, Error, Scope, cached, invalidate};
use macadamia_test_servers::{Proxy, Redis};
use support::Events;

/// What the origin of a test holds, and how often it was asked.
#[derive(Default)]
pub(crate) struct Origin {
    pub(crate) runs: AtomicUsize,
    pub(crate) version: AtomicUsize,
}

impl Origin {
    pub(crate) fn runs(&self) -> usize {
        self.runs.load(SeqCst)
    }
}

#[cached(ttl = "1h", key = "item:<id>", tags = ["items"])]
pub(crate) async fn item(id: u64, origin: &Origin) -> (u64, usize) {
    origin.runs.fetch_add(1, SeqCst);
    (id, origin.version.load(SeqCst))
}

/// Without tags: one round trip for a hit.
#[cached(ttl = "1h", key = "plain:<id>")]
pub(crate) async fn plain(id: u64, origin: &Origin) -> (u64, usize) {
    origin.runs.fetch_add(1, SeqCst);
    (id, origin.version.load(SeqCst))
}

#[invalidate(item(id = id))]
pub(crate) async fn edit(id: u64, origin: &Origin) -> Result<(), Error> {
    let _ = id;
    origin.version.fetch_add(1, SeqCst);
    Ok(())
}

#[invalidate(item)]
pub(crate) async fn edit_every(origin: &Origin) -> Result<(), Error> {
    origin.version.fetch_add(1, SeqCst);
    Ok(())
}

#[invalidate(tags = ["items"])]
pub(crate) async fn edit_tagged(origin: &Origin) -> Result<(), Error> {
    origin.version.fetch_add(1, SeqCst);
    Ok(())
}

/// A server, the wire to it, and a cache at its end.
pub(crate) struct Far {
    pub(crate) server: Redis,
    pub(crate) proxy: Proxy,
    pub(crate) cache: Cache,
    pub(crate) events: Events,
    pub(crate) origin: Arc<Origin>,
}

impl Far {
    pub(crate) async fn new() -> Self {
        Self::with("").await
    }

    /// With these options in the URL.
    pub(crate) async fn with(options: &str) -> Self {
        let server = Redis::start();
        let proxy = Proxy::start(&server.address());
        let (cache, events) = cache(&format!("{}?{options}", proxy.url())).await;
        Self { server, proxy, cache, events, origin: Arc::default() }
    }

    pub(crate) async fn run<F: Future>(&self, body: F) -> F::Output {
        Scope::new().cache(&self.cache).run(body).await
    }

    /// Calls of many tasks, until the guard says so: each answer must be right, whatever the server does.
    pub(crate) fn load(&self, tasks: u64) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let calls = Arc::new(AtomicUsize::new(0));
        let tasks = (0..tasks)
            .map(|task| {
                let (stop, calls) = (Arc::clone(&stop), Arc::clone(&calls));
                let (cache, origin) = (self.cache.clone(), Arc::clone(&self.origin));
                tokio::spawn(Scope::new().cache(&cache).run(async move {
                    let mut slowest = Duration::ZERO;
                    for round in 0.. {
                        if stop.load(SeqCst) {
                            break;
                        }
                        let (id, began) = ((task * 31 + round) % 50, Instant::now());
                        assert_eq!(item(id, &origin).await.0, id);
                        slowest = slowest.max(began.elapsed());
                        calls.fetch_add(1, SeqCst);
                        // The function is instant: without a pause nothing else would get on.
                        tokio::time::sleep(Duration::from_micros(200)).await;
                    }
                    slowest
                }))
            })
            .collect();
        Load { stop, calls, tasks }
    }

    /// Waits until calls are answered from the server again.
    pub(crate) async fn until_hits(&self) -> Duration {
        let began = Instant::now();
        self.run(async {
            loop {
                let before = self.origin.runs();
                for id in 0..50 {
                    item(id, &self.origin).await;
                }
                if self.origin.runs() == before {
                    return began.elapsed();
                }
                assert!(began.elapsed() < Duration::from_secs(20), "no hits again");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        })
        .await
    }
}

/// Tasks that call.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    calls: Arc<AtomicUsize>,
    tasks: Vec<tokio::task::JoinHandle<Duration>>,
}

impl Load {
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(SeqCst)
    }

    /// Ends it; how long the slowest call took.
    pub(crate) async fn end(self) -> Duration {
        self.stop.store(true, SeqCst);
        let mut slowest = Duration::ZERO;
        for task in self.tasks {
            slowest = slowest.max(task.await.unwrap());
        }
        slowest
    }
}

/// A cache that routes everything to this URL.
pub(crate) async fn cache(url: &str) -> (Cache, Events) {
    let events = Events::default();
    let cache = Cache::builder().route("", url).observer(events.clone()).build().await.unwrap();
    (cache, events)
}

/// Polls until it holds.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < Duration::from_secs(20), "never: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
