//! `#[fail]` beside other attributes: what is kept of cached values, what nobody stores, what an invalidation takes.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use macadamia::testing::{ManualClock, Wire};
use macadamia::{
    Cache, Error, EventKind, Memory, Outcome, Scope, Stats, cached, detect, fail, invalidate, key, purge,
    rate_limit, registry,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::task::yield_now;

const SECOND: Duration = Duration::from_secs(1);

/// Answers with how often it was asked, or not at all.
#[derive(Default)]
struct Source {
    runs: AtomicU32,
    broken: AtomicBool,
}

impl Source {
    fn breaks(&self, broken: bool) {
        self.broken.store(broken, SeqCst);
    }

    async fn ask(&self) -> Result<u32, Error> {
        let run = self.runs.fetch_add(1, SeqCst) + 1;
        yield_now().await;
        if self.broken.load(SeqCst) { Err(Error::Locked) } else { Ok(run) }
    }

    fn runs(&self) -> u32 {
        self.runs.load(SeqCst)
    }
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

#[cached(ttl = "1h", key = "price:<id>")]
async fn price(id: u32, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[fail(ttl = "10s", key = "page:<id>")]
async fn page(id: u32, source: &Source) -> Result<u32, Error> {
    let price = price(id, source).await?;
    if source.broken.load(SeqCst) { Err(Error::Locked) } else { Ok(price * 100) }
}

#[tokio::test]
async fn a_success_over_a_cached_function_is_kept_hit_or_not() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!(price(1, &source).await.unwrap(), 1);
                assert_eq!(page(1, &source).await.unwrap(), 100);
                source.breaks(true);
                assert_eq!(page(1, &source).await.unwrap(), 100);
                assert_eq!(source.runs(), 1, "inside was a hit");
            })
            .await;
    }
}

#[fail(ttl = "1h", key = "both:<id>")]
#[cached(ttl = "10s", key = "both:<id>")]
async fn fail_outside(id: u32, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

/// The same, for whoever does not count.
#[fail(ttl = "1h", key = "refreshed:<id>")]
#[cached(ttl = "10s", key = "refreshed:<id>")]
async fn refreshed(id: u32, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[tokio::test]
async fn an_expired_entry_is_outlived_by_the_last_resort() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!(fail_outside(1, &source).await.unwrap(), 1);
                assert_eq!(fail_outside(1, &source).await.unwrap(), 1);
                source.breaks(true);
                fixture.clock.advance(SECOND * 10);
                assert_eq!(fail_outside(1, &source).await.unwrap(), 1);
                assert_eq!(source.runs(), 2);
                assert!(fixture.cache.exists("fail:both:1").await.unwrap());
                assert!(!fixture.cache.exists("both:1").await.unwrap());
            })
            .await;
    }
    let stats = stats("fail_outside");
    assert_eq!((stats.calls(), stats.hits, stats.computed, stats.fallbacks), (12, 4, 8, 4));
}

#[cached(ttl = "1h", key = "front:<id>")]
#[fail(ttl = "2h", key = "front:<id>")]
async fn cached_outside(id: u32, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[tokio::test]
async fn a_cache_outside_never_takes_a_fallback_for_fresh() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!(cached_outside(1, &source).await.unwrap(), 1);
                assert_eq!(cached_outside(1, &source).await.unwrap(), 1);
                fixture.clock.advance(SECOND * 3600);
                source.breaks(true);
                for run in 2..5 {
                    let (last, calls) = detect(cached_outside(1, &source)).await;
                    assert_eq!((last.unwrap(), source.runs()), (1, run));
                    let told: Vec<_> = calls.iter().map(|call| (call.strategy, call.outcome)).collect();
                    assert_eq!(told, [("fail", Outcome::Fallback), ("cached", Outcome::Computed)]);
                    assert!(matches!(calls[0].error, Some(Error::Locked)), "our own error as it is");
                }
                source.breaks(false);
                assert_eq!(cached_outside(1, &source).await.unwrap(), 5);
                assert_eq!(cached_outside(1, &source).await.unwrap(), 5);
            })
            .await;
    }
    let stats = stats("cached_outside");
    assert_eq!((stats.calls(), stats.hits, stats.computed, stats.fallbacks), (28, 8, 20, 12));
}

#[fail(ttl = "1h", key = "rate")]
async fn rate(source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[cached(ttl = "1h", key = "report:<id>")]
async fn report(id: u32, source: &Source) -> Result<u32, Error> {
    Ok(rate(source).await? + id)
}

#[fail(ttl = "10s", key = "digest")]
async fn digest(source: &Source) -> Result<u32, Error> {
    rate(source).await
}

#[tokio::test]
async fn what_another_function_makes_of_a_fallback_is_stored_nowhere() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!(digest(&source).await.unwrap(), 1);
                source.breaks(true);
                fixture.clock.advance(SECOND * 9);
                for _ in 0..2 {
                    assert_eq!(report(10, &source).await.unwrap(), 11);
                    assert_eq!(digest(&source).await.unwrap(), 1);
                }
                assert_eq!(source.runs(), 5, "an answer made of a fallback was stored");
                assert!(!fixture.cache.exists("report:10").await.unwrap());
                assert!(fixture.cache.delete("fail:rate").await.unwrap());
                assert_eq!(digest(&source).await.unwrap(), 1, "of its own");
                fixture.clock.advance(SECOND);
                assert!(digest(&source).await.is_err(), "a fallback has made it younger");
            })
            .await;
    }
}

#[tokio::test]
async fn who_joined_a_computation_that_fell_back_stores_nothing_either() {
    #[cached(ttl = "1h", key = "joined")]
    async fn joined(source: &Source) -> Result<u32, Error> {
        settle().await;
        rate(source).await
    }
    #[cached(ttl = "1h", key = "around:<id>")]
    async fn around(id: u32, source: &Source) -> Result<u32, Error> {
        Ok(joined(source).await? * 10 + id)
    }
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                rate(&source).await.unwrap();
                source.breaks(true);
                let calls = tokio::join!(around(1, &source), around(2, &source), around(3, &source));
                assert_eq!([calls.0, calls.1, calls.2].map(Result::unwrap), [11, 12, 13]);
                assert_eq!(source.runs(), 2, "they did not join");
                assert_eq!(fixture.cache.keys_count().await.unwrap(), 0);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Joined), 2);
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

#[cached(many = ids, ttl = "1h", key = "many:<ids>")]
#[fail(ttl = "1h", key = "many")]
async fn many(ids: &[u32], source: &Source) -> Result<HashMap<u32, u32>, Error> {
    let run = source.ask().await?;
    Ok(ids.iter().map(|id| (*id, run)).collect())
}

#[tokio::test]
async fn a_batch_made_of_a_fallback_is_not_stored() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                many(&[1, 2], &source).await.unwrap();
                fixture.clock.advance(SECOND * 1800);
                many(&[3], &source).await.unwrap();
                assert!(fixture.cache.delete("many:3").await.unwrap());
                source.breaks(true);
                for _ in 0..2 {
                    assert_eq!(many(&[3], &source).await.unwrap(), HashMap::from([(3, 2)]));
                }
                assert_eq!(source.runs(), 4);
            })
            .await;
    }
}

#[fail(ttl = "1h", key = "guarded")]
#[rate_limit(limit = 1, period = "1m", key = "guarded")]
async fn guarded(source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[fail(ttl = "1h", key = "picky", errors = Error::Locked)]
#[rate_limit(limit = 1, period = "1m", key = "picky")]
async fn picky(source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[rate_limit(limit = 1, period = "1m", key = "limited")]
#[fail(ttl = "1h", key = "limited")]
async fn limited(source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[tokio::test]
async fn a_refusal_inside_is_an_error_like_any_other() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!(guarded(&source).await.unwrap(), 1);
                let (last, calls) = detect(guarded(&source)).await;
                assert_eq!((last.unwrap(), source.runs()), (1, 1));
                let told: Vec<_> = calls.iter().map(|call| (call.strategy, call.outcome)).collect();
                assert_eq!(told, [("rate_limit", Outcome::Rejected), ("fail", Outcome::Fallback)]);
                assert!(matches!(calls[1].error, Some(Error::RateLimited { .. })));

                assert_eq!(picky(&source).await.unwrap(), 2);
                assert!(matches!(picky(&source).await, Err(Error::RateLimited { .. })));

                assert_eq!(limited(&source).await.unwrap(), 3);
                assert!(matches!(limited(&source).await, Err(Error::RateLimited { .. })));
            })
            .await;
    }
    for (name, fallbacks) in [("guarded", 4), ("picky", 0), ("limited", 0)] {
        let stats = stats(name);
        assert_eq!((stats.calls(), stats.computed, stats.rejected), (8, 4, 4), "{name}");
        assert_eq!(stats.fallbacks, fallbacks, "{name}");
    }
}

#[invalidate("during:<id>")]
async fn change(id: u32) {}

#[fail(ttl = "1h", key = "during:<id>")]
async fn during(id: u32, source: &Source) -> Result<u32, Error> {
    let found = source.ask().await?;
    if found == 2 {
        change(id).await;
    }
    Ok(found)
}

#[tokio::test]
async fn what_was_computed_before_an_invalidation_is_not_kept() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                for run in 1..3 {
                    assert_eq!(during(1, &source).await.unwrap(), run);
                }
                source.breaks(true);
                assert!(during(1, &source).await.is_err());
                source.breaks(false);
                during(1, &source).await.unwrap();
                source.breaks(true);
                assert_eq!(during(1, &source).await.unwrap(), 4);
            })
            .await;
        assert_eq!(fixture.events.count(EventKind::Overtaken), 1);
    }
}

#[cached(ttl = "1h", key = "item:<id>:<lang>")]
#[fail(ttl = "1h", key = "item:<id>:<lang>")]
async fn item(id: u32, lang: &str, source: &Source) -> Result<u32, Error> {
    let _ = lang;
    source.ask().await
}

#[invalidate(item(id = id))]
async fn change_item(id: u32) {}

#[invalidate("item:*:de")]
async fn change_german() {}

/// Which of these are kept for a failure.
async fn kept(cache: &Cache) -> Vec<String> {
    let mut keys: Vec<_> =
        cache.scan("fail:*").await.unwrap().iter().map(|key| key.as_str()[10..].to_owned()).collect();
    keys.sort();
    keys
}

#[tokio::test]
async fn an_invalidation_takes_along_what_is_kept_of_the_keys() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        let cache = &fixture.cache;
        fixture
            .run(async {
                for id in 1..5 {
                    for lang in ["de", "en"] {
                        item(id, lang, &source).await.unwrap();
                    }
                }
                change_item(1).await;
                assert_eq!(kept(cache).await, ["2:de", "2:en", "3:de", "3:en", "4:de", "4:en"]);
                assert!(item::invalidate(2, "de").await.unwrap());
                assert_eq!(kept(cache).await, ["2:en", "3:de", "3:en", "4:de", "4:en"]);
                change_german().await;
                assert_eq!(kept(cache).await, ["2:en", "3:en", "4:en"]);
                assert_eq!(purge!(item(id = 2, lang = "en")).await.unwrap(), 2, "the value and the fallback");
                assert_eq!(purge!("fail:item:3:*").await.unwrap(), 1);
                assert_eq!(kept(cache).await, ["4:en"]);
                assert!(cache.exists("item:3:en").await.unwrap(), "only what was named");
                cache.delete("item:4:en").await.unwrap();
                assert_eq!(kept(cache).await, ["4:en"], "a command is about its key alone");
                assert!(item::invalidate(4, "en").await.unwrap());
                assert!(!item::invalidate(4, "en").await.unwrap());
                source.breaks(true);
                for id in 1..5 {
                    assert!(item(id, "de", &source).await.is_err());
                }
            })
            .await;
    }
}

#[cached(ttl = "1h", key = "own:<id>:<lang>", prefix = "v1")]
#[fail(ttl = "1h", key = "own:<lang>:<id>", prefix = "v2")]
#[fail(ttl = "1h", key = "wide:<id>:<size>")]
async fn own_keys(id: u32, lang: &str, size: u32, source: &Source) -> Result<u32, Error> {
    let _ = (lang, size);
    source.ask().await
}

#[cached(ttl = "1h", skip(source), handle = Renamed)]
#[fail(ttl = "1h", skip(source))]
async fn under_another_name(id: u32, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[cached(ttl = "1h", skip(source))]
#[fail(ttl = "1h", skip(source), prefix = "v2")]
async fn generic<T: macadamia::KeyPart + Sync>(id: &T, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

struct Repo;

impl Repo {
    #[cached(ttl = "1h", skip(self, source), handle)]
    #[fail(ttl = "1h", skip(self, source), prefix = "v2")]
    async fn find(&self, id: u32, source: &Source) -> Result<u32, Error> {
        source.ask().await
    }
}

#[tokio::test]
async fn a_function_as_a_target_means_what_is_kept_under_keys_of_its_own() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                let left = async || fixture.cache.scan("fail:*").await.unwrap().len();
                for id in 1..4 {
                    own_keys(id, "de", id * 10, &source).await.unwrap();
                }
                assert_eq!(left().await, 6);
                assert!(own_keys::invalidate(1, "de").await.unwrap());
                assert_eq!(left().await, 4);
                assert_eq!(purge!(own_keys(id = 2)).await.unwrap(), 3);
                assert_eq!(left().await, 2);
                assert_eq!(
                    purge!(own_keys(lang = "en")).await.unwrap(),
                    1,
                    "the one that does not know of it"
                );
                assert_eq!(purge!(own_keys(lang = "de")).await.unwrap(), 2);
                assert_eq!(left().await, 0);

                for id in 1..4 {
                    under_another_name(id, &source).await.unwrap();
                    generic(&id, &source).await.unwrap();
                    Repo.find(id, &source).await.unwrap();
                }
                generic(&"text", &source).await.unwrap();
                assert_eq!(left().await, 10);
                assert!(Renamed::invalidate(1).await.unwrap());
                assert_eq!(purge!(Renamed(id = 2)).await.unwrap(), 2);
                assert_eq!(left().await, 8);
                assert!(generic::invalidate(&1u32).await.unwrap());
                assert_eq!(purge!(generic(id = 2u32)).await.unwrap(), 2);
                assert_eq!(left().await, 6);
                assert_eq!(purge!(Repo::find(id = 3u32)).await.unwrap(), 2);
                assert_eq!(left().await, 5);
                assert_eq!(purge!(Renamed, generic, Repo::find).await.unwrap(), 10);
                assert_eq!(left().await, 0);
            })
            .await;
    }
}

#[tokio::test]
async fn of_keys_in_several_routes_the_fallbacks_go_wherever_they_are() {
    let (clock, source) = (ManualClock::new(), Source::default());
    for resorts in [false, true] {
        let mut builder = Cache::builder()
            .route("", Memory::builder().build())
            .route("item:1", Memory::builder().build())
            .clock(clock.clone());
        if resorts {
            builder = builder.route("fail:", Wire::new());
        }
        let cache = builder.build().await.unwrap();
        Scope::new()
            .cache(&cache)
            .run(async {
                for id in 1..4 {
                    item(id, "en", &source).await.unwrap();
                }
                change_item(2).await;
                assert_eq!(kept(&cache).await, ["1:en", "3:en"]);
                assert_eq!(purge!(item).await.unwrap(), 4);
                assert!(kept(&cache).await.is_empty());
            })
            .await;
    }
}

#[cached(ttl = "1h", key = "long:<text>")]
#[fail(ttl = "1h", key = "long:<text>")]
async fn long(text: &str, source: &Source) -> Result<u32, Error> {
    source.ask().await
}

#[tokio::test]
async fn a_key_that_ends_in_a_digest_is_invalidated_with_its_fallback() {
    let fixture = Fixture::memory().await;
    let source = Source::default();
    fixture
        .run(async {
            for length in [8_100, 8_180, 8_187, 8_190, 20_000] {
                let text = "x".repeat(length);
                source.breaks(false);
                long(&text, &source).await.unwrap();
                assert!(long::invalidate(&text).await.unwrap());
                source.breaks(true);
                assert!(long(&text, &source).await.is_err(), "{length}");
            }
        })
        .await;
}

/// Two caches that share nothing but a server: two processes.
async fn processes(clock: &ManualClock) -> [Cache; 2] {
    let wire = Wire::new();
    let process =
        async || Cache::builder().route("", wire.clone()).clock(clock.clone()).build().await.unwrap();
    [process().await, process().await]
}

#[tokio::test]
async fn another_process_answers_with_what_this_one_kept_and_can_take_it_away() {
    let (clock, source) = (ManualClock::new(), Source::default());
    let [here, there] = processes(&clock).await;
    let call = async |cache: &Cache| Scope::new().cache(cache).run(rate(&source)).await;
    assert_eq!(call(&here).await.unwrap(), 1);
    source.breaks(true);
    assert_eq!(call(&there).await.unwrap(), 1);
    clock.advance(SECOND * 3600);
    assert!(call(&there).await.is_err(), "the server keeps it a little longer than it is good");
    assert!(call(&here).await.is_err());

    source.breaks(false);
    call(&here).await.unwrap();
    assert_eq!(Scope::new().cache(&there).run(async { purge!("rate").await }).await.unwrap(), 1);
    source.breaks(true);
    assert!(call(&here).await.is_err());
    source.breaks(false);
    clock.advance(SECOND);
    let last = call(&here).await.unwrap();
    source.breaks(true);
    assert_eq!(call(&there).await.unwrap(), last);
}

#[tokio::test]
async fn a_fallback_alone_has_the_handle_of_its_function() {
    for fixture in Fixture::each().await {
        let source = Source::default();
        fixture
            .run(async {
                assert_eq!((rate::key().as_str(), rate::TEMPLATE), ("fail:rate", "fail:rate"));
                assert_eq!(key!(rate()).as_str(), "fail:rate");
                assert_eq!(rate::peek().await.unwrap(), None);
                assert!(rate::set(7).await.unwrap());
                source.breaks(true);
                assert_eq!(rate(&source).await.unwrap(), 7);
                source.breaks(false);
                assert_eq!(rate::refresh(&source).await.unwrap(), 2);
                assert_eq!(rate::peek().await.unwrap(), Some(2));
                assert!(rate::invalidate().await.unwrap());
                rate(&source).await.unwrap();
                assert_eq!(purge!(rate).await.unwrap(), 1);
                source.breaks(true);
                assert!(rate(&source).await.is_err());
            })
            .await;
    }
}

#[tokio::test]
async fn a_refresh_ends_at_the_function_that_is_refreshed() {
    let fixture = Fixture::memory().await;
    let source = Source::default();
    fixture
        .run(async {
            page::refresh(1, &source).await.unwrap();
            page::refresh(1, &source).await.unwrap();
            assert_eq!(source.runs(), 1, "what the body calls was refreshed too");
            refreshed::refresh(1, &source).await.unwrap();
            refreshed::refresh(1, &source).await.unwrap();
            assert_eq!(source.runs(), 3, "the cache inside was not");
        })
        .await;
}

#[fail(ttl = "1h", prefix = "long", key = "twice", errors = Error::Locked)]
#[fail(ttl = "10s", key = "twice", errors = Error::RateLimited { .. })]
async fn twice(error: Option<Error>) -> Result<u32, Error> {
    error.map_or(Ok(1), Err)
}

#[tokio::test]
async fn of_two_each_answers_for_its_own_errors() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                twice(None).await.unwrap();
                let limited = || Some(Error::rate_limited(SECOND));
                assert_eq!(twice(Some(Error::Locked)).await.unwrap(), 1);
                assert_eq!(twice(limited()).await.unwrap(), 1);
                fixture.clock.advance(SECOND * 10);
                assert_eq!(twice(Some(Error::Locked)).await.unwrap(), 1);
                assert!(twice(limited()).await.is_err());
                twice(None).await.unwrap();
                let keys = async || fixture.cache.scan("fail:*").await.unwrap();
                assert!(keys().await.iter().any(|key| *key == "fail:long:twice"));
                assert!(twice::invalidate().await.unwrap());
                assert!(keys().await.is_empty(), "the handle is that of both");
            })
            .await;
    }
    assert_eq!(stats("twice").calls(), 24);
    assert_eq!(stats("twice").fallbacks, 12);
}
