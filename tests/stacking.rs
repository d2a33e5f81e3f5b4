//! Several attributes on one function: the top one is outermost, and strangers do not disturb.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::cached as memo;
use macadamia::{Cache, EventKind, cached, invalidate, registry};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::Fixture;
use tracing::instrument;
use tracing::span::{Attributes, Id, Record};

static RUNS: AtomicUsize = AtomicUsize::new(0);

fn run() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

#[invalidate("target", on = "always")]
#[cached(ttl = "1h", key = "inside")]
async fn cached_inside() -> usize {
    run()
}

#[cached(ttl = "1h", key = "outside")]
#[invalidate("target")]
async fn cached_outside() -> usize {
    run()
}

#[invalidate("target")]
#[cached(ttl = "1h", key = "middle")]
#[invalidate("other")]
async fn cached_between() -> usize {
    run()
}

/// Which of two entries a call leaves in the cache.
async fn left(cache: &Cache, call: impl Future<Output = usize>) -> (bool, bool) {
    for key in ["target", "other"] {
        cache.set(key, &1).await.unwrap();
    }
    call.await;
    (cache.exists("target").await.unwrap(), cache.exists("other").await.unwrap())
}

#[tokio::test]
async fn the_top_attribute_is_outermost() {
    let fixture = Fixture::memory().await;
    let cache = &fixture.cache;
    fixture
        .run(async {
            // A miss reaches every layer; a hit those above `cached`.
            assert_eq!(left(cache, cached_inside()).await, (false, true));
            assert_eq!(left(cache, cached_inside()).await, (false, true));
            assert_eq!(left(cache, cached_outside()).await, (false, true));
            assert_eq!(left(cache, cached_outside()).await, (true, true));
            assert_eq!(left(cache, cached_between()).await, (false, false));
            assert_eq!(left(cache, cached_between()).await, (false, true));
            assert_eq!(fixture.events.count(EventKind::Computed), 3);
        })
        .await;
    let strategies = |name| registry().find(|function| function.name == name).map(|found| found.strategies);
    assert_eq!(strategies("cached_inside"), Some(&["invalidate", "cached"][..]));
    assert_eq!(strategies("cached_between"), Some(&["invalidate", "cached", "invalidate"][..]));
}

#[derive(Debug, Clone, PartialEq)]
struct Failed;

#[invalidate("target")]
#[cached(ttl = "1h", err_ttl = "1h", key = "failing")]
#[invalidate("other", on = "always")]
async fn failing() -> Result<usize, Failed> {
    run();
    Err(Failed)
}

#[tokio::test]
async fn each_layer_judges_the_answer_of_the_one_inside() {
    let fixture = Fixture::memory().await;
    let call = || async { failing().await.map_or(1, |_| 0) };
    fixture
        .run(async {
            assert_eq!(left(&fixture.cache, call()).await, (true, false));
            assert_eq!(left(&fixture.cache, call()).await, (true, true));
        })
        .await;
}

#[instrument(skip_all)]
#[cached(ttl = "1h", key = "above:<n>")]
async fn instrumented_above(n: u32) -> usize {
    let _ = n;
    run()
}

#[cached(ttl = "1h", key = "below:<n>")]
#[instrument(fields(what = "field"))]
async fn instrumented_below(n: u32) -> usize {
    let _ = n;
    run()
}

#[allow(clippy::needless_pass_by_value, reason = "a stranger above")]
#[invalidate("target")]
#[instrument(level = "debug", err(Debug))]
#[must_use = "a stranger between"]
#[cached(ttl = "1h", key = "between:<name>")]
#[inline]
async fn instrumented_between(name: String) -> Result<usize, Failed> {
    if name.is_empty() { Err(Failed) } else { Ok(run()) }
}

struct Repo;

impl Repo {
    #[instrument(skip(self), ret)]
    #[cached(ttl = "1h", skip(self))]
    #[inline]
    async fn get(&self, n: u32) -> usize {
        let _ = n;
        run()
    }
}

/// Counts spans.
struct Spans(AtomicUsize);

impl tracing::Subscriber for Spans {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(self.0.fetch_add(1, SeqCst) as u64 + 1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &tracing::Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn strangers_above_between_and_below_keep_their_meaning() {
    let spans = std::sync::Arc::new(Spans(AtomicUsize::new(0)));
    let _guard = tracing::subscriber::set_default(std::sync::Arc::clone(&spans));
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(instrumented_above(1).await, instrumented_above(1).await);
            assert_eq!(instrumented_below(1).await, instrumented_below(1).await);
            assert_eq!(Repo.get(1).await, Repo.get(1).await);
            assert_eq!(instrumented_between("a".into()).await, instrumented_between("a".into()).await);
            let hit = async { instrumented_between("a".into()).await.unwrap() };
            assert_eq!(left(&fixture.cache, hit).await, (false, true));
            assert_eq!(instrumented_between(String::new()).await, Err(Failed));
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Hit), 5);
    // Above, the span is inside the layers of ours; below or between, it is around them.
    assert_eq!(spans.0.load(SeqCst), 1 + 2 + 1 + 4);
}

#[macadamia::cached(ttl = "1h", key = "qualified")]
#[::macadamia::invalidate("target")]
async fn qualified() -> usize {
    run()
}

#[memo(ttl = "1h", key = "renamed")]
async fn renamed() -> usize {
    run()
}

#[memo(ttl = "1h", key = "renamed-above")]
#[invalidate("target")]
async fn renamed_above() -> usize {
    run()
}

#[tokio::test]
async fn paths_and_other_names_mean_the_same() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(left(&fixture.cache, qualified()).await, (false, true));
            assert_eq!(left(&fixture.cache, qualified()).await, (true, true));
            assert_eq!(renamed().await, renamed().await);
            assert_eq!(left(&fixture.cache, renamed_above()).await, (false, true));
            assert_eq!(left(&fixture.cache, renamed_above()).await, (true, true));
        })
        .await;
}

#[cached(ttl = "1h", key = "test-above")]
#[tokio::test]
async fn a_test_may_be_annotated_itself() {
    assert_eq!(renamed().await, renamed().await);
}
