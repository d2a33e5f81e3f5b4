//! `#[rate_limit]`: who is admitted, who is refused and for how long, and who counts it.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::testing::{Faults, drop_after};
use macadamia::{
    Cache, Command, Error, EventKind, Memory, Outcome, Scope, Stats, cached, detect, invalidate, rate_limit,
    registry,
};
use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::Fixture;

const PERIOD: Duration = Duration::from_secs(10);
const NANO: Duration = Duration::from_nanos(1);

#[derive(Debug, Clone, PartialEq)]
enum AppError {
    Refused(Duration),
    Own,
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        Self::Refused(error.retry_after().unwrap())
    }
}

type Answer<T> = Result<T, AppError>;

#[rate_limit(limit = 3, period = "10s", key = "fixed:<id>")]
async fn fixed(id: u32) -> Answer<u32> {
    Ok(id)
}

#[rate_limit(limit = 3, period = "10s", key = "sliding:<id>", algorithm = "sliding")]
async fn sliding(id: u32) -> Answer<u32> {
    Ok(id)
}

#[rate_limit(limit = 3, period = "10s", key = "gcra:<id>", algorithm = "gcra")]
async fn gcra(id: u32) -> Answer<u32> {
    Ok(id)
}

/// Calls each second; the seconds in which the call was admitted.
async fn each_second<T, F: Future<Output = Answer<T>>>(fixture: &Fixture, call: impl Fn() -> F) -> Vec<u64> {
    let mut admitted = Vec::new();
    for second in 0..15 {
        if call().await.is_ok() {
            admitted.push(second);
        }
        fixture.clock.advance(Duration::from_secs(1));
    }
    admitted
}

#[tokio::test]
async fn a_call_each_second_comes_through_as_the_documentation_draws_it_on_every_backend() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                assert_eq!(each_second(&fixture, || fixed(1)).await, [0, 1, 2, 13, 14]);
                assert_eq!(each_second(&fixture, || sliding(1)).await, [0, 1, 2, 10, 11, 12]);
                assert_eq!(each_second(&fixture, || gcra(1)).await, [0, 4, 8, 12]);
            })
            .await;
    }
}

/// Calls until it is refused, then looks whether it is told right for how long.
async fn waits_exactly<F: Future<Output = Answer<u32>>>(fixture: &Fixture, call: impl Fn() -> F) -> Duration {
    let retry_after = loop {
        fixture.clock.advance(Duration::from_millis(7));
        match call().await {
            Ok(_) => {}
            Err(AppError::Refused(retry_after)) => break retry_after,
            Err(AppError::Own) => panic!("the function does not fail"),
        }
    };
    fixture.clock.advance(retry_after.saturating_sub(NANO));
    assert_eq!(call().await, Err(AppError::Refused(NANO)));
    fixture.clock.advance(NANO);
    assert!(call().await.is_ok());
    retry_after
}

#[tokio::test]
async fn whoever_waits_as_long_as_told_is_admitted_and_a_nanosecond_earlier_not() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let left = |millis| PERIOD.checked_sub(Duration::from_millis(millis)).unwrap();
                assert_eq!(waits_exactly(&fixture, || fixed(1)).await, PERIOD);
                assert_eq!(waits_exactly(&fixture, || sliding(1)).await, left(21));
                // The first call was 7 ms ago.
                let interval = Duration::from_nanos(3_333_333_334 - 7_000_000);
                assert_eq!(waits_exactly(&fixture, || gcra(1)).await, interval);
            })
            .await;
    }
}

#[rate_limit(limit = 1, period = "10s", ttl = "1h", key = "banned")]
async fn banned() -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn a_ban_lasts_as_long_as_it_says_whatever_is_tried_meanwhile() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            banned().await.unwrap();
            for minute in 0..60 {
                let left = Duration::from_secs(60 * (60 - minute));
                assert_eq!(banned().await, Err(AppError::Refused(left)));
                fixture.clock.advance(Duration::from_secs(60));
            }
            banned().await.unwrap();
            fixture.clock.advance(PERIOD);
            banned().await.unwrap();
        })
        .await;
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[rate_limit(limit = 1, period = "1m", skip(_trace))]
async fn by_default(tenant: &str, words: Option<u8>, _trace: u8) -> Result<usize, Error> {
    let _ = (tenant, words);
    Ok(RUNS.fetch_add(1, SeqCst))
}

#[tokio::test]
async fn without_a_key_each_call_of_other_arguments_is_counted_by_itself() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for (tenant, words) in [("a", None), ("a", Some(1)), ("b", None), ("b", Some(1))] {
                assert!(by_default(tenant, words, 0).await.is_ok());
                let refused = by_default(tenant, words, 1).await;
                assert!(matches!(refused, Err(Error::RateLimited { retry_after, .. }) if retry_after == PERIOD * 6));
            }
            assert_eq!(RUNS.load(SeqCst), 4, "the function ran for a call that was refused");
        })
        .await;
}

struct Api {
    id: u32,
}

impl Api {
    #[rate_limit(limit = 1, period = "1m", key = "api:<self.id>")]
    async fn by_ref(&self) -> Answer<u32> {
        Ok(self.id)
    }

    #[rate_limit(limit = 1, period = "1m", skip(self))]
    async fn by_mut(&mut self) -> Answer<u32> {
        self.id += 1;
        Ok(self.id)
    }

    #[rate_limit(limit = 1, period = "1m")]
    async fn associated(id: u32) -> Answer<Self> {
        Ok(Self { id })
    }
}

trait Native {
    fn native(&self) -> impl Future<Output = Answer<u32>> + Send;
}

impl Native for Api {
    #[rate_limit(limit = 1, period = "1m", skip(self))]
    async fn native(&self) -> Answer<u32> {
        Ok(self.id)
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, by: &str) -> Answer<u32>;
}

#[async_trait]
impl Boxed for Api {
    #[rate_limit(limit = 1, period = "1m", skip(self))]
    async fn boxed(&self, by: &str) -> Answer<u32> {
        Ok(self.id + u32::try_from(by.len()).unwrap())
    }
}

#[rate_limit(limit = 1, period = "1m", key = "generic:<value>")]
async fn generic<T: std::fmt::Display + Sync>(
    value: &T,
) -> Result<Option<String>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(Some(value.to_string()))
}

#[rate_limit(limit = 1, period = "1m")]
fn opaque(id: u32) -> impl Future<Output = Answer<u32>> + Send {
    async move { Ok(id) }
}

#[tokio::test]
async fn functions_and_methods_of_every_kind_can_be_limited() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut api = Api { id: 1 };
            let mut admitted = Vec::new();
            for _ in 0..2 {
                admitted.push([
                    api.by_ref().await.is_ok(),
                    api.by_mut().await.is_ok(),
                    Api::associated(1).await.is_ok(),
                    api.native().await.is_ok(),
                    api.boxed("x").await.is_ok(),
                    generic(&1).await.is_ok(),
                    opaque(1).await.is_ok(),
                ]);
            }
            // The second call by reference is of another instance by now.
            assert_eq!(admitted, [[true; 7], [true, false, false, false, false, false, false]]);
            assert_eq!(api.id, 2);
        })
        .await;
}

#[cached(ttl = "1h", key = "outside:<id>")]
#[rate_limit(limit = 1, period = "1m", key = "outside")]
async fn cached_outside(id: u32) -> Answer<u32> {
    if id == 0 { Err(AppError::Own) } else { Ok(id) }
}

#[rate_limit(limit = 2, period = "1m", key = "inside")]
#[cached(ttl = "1h", key = "inside:<id>")]
async fn cached_inside(id: u32) -> Answer<u32> {
    Ok(id)
}

#[rate_limit(limit = 1, period = "1m", key = "invalidating")]
#[invalidate("target")]
async fn limited_invalidation() -> Answer<()> {
    Ok(())
}

#[invalidate("target")]
#[rate_limit(limit = 1, period = "1m", key = "invalidated")]
async fn invalidation_of_limited() -> Answer<()> {
    Ok(())
}

#[rate_limit(limit = 1, period = "1s", algorithm = "sliding", prefix = "burst")]
#[rate_limit(limit = 3, period = "10s", algorithm = "sliding")]
async fn twice() -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn of_two_limits_each_is_kept() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert!(twice().await.is_ok() && twice().await.is_err());
            fixture.clock.advance(Duration::from_secs(1));
            assert_eq!(each_second(&fixture, twice).await, [0, 1, 9, 10, 11]);
        })
        .await;
    assert_eq!(counted("twice"), [0, 6, 11]);
}

#[cached(many = ids, ttl = "1h", key = "many:<ids>")]
#[rate_limit(limit = 1, period = "1m", key = "many")]
async fn many(ids: &[u32]) -> Answer<HashMap<u32, u32>> {
    Ok(ids.iter().map(|id| (*id, *id)).collect())
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

/// Hits, computed, rejected; nothing else.
fn counted(name: &str) -> [u64; 3] {
    let stats = stats(name);
    assert_eq!(stats.calls(), stats.hits + stats.computed + stats.rejected);
    [stats.hits, stats.computed, stats.rejected]
}

#[tokio::test]
async fn a_hit_outside_of_the_limit_takes_no_permit_and_every_call_is_counted_once() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(cached_outside(1).await, Ok(1));
            for _ in 0..5 {
                assert_eq!(cached_outside(1).await, Ok(1));
            }
            let (refused, calls) = detect(cached_outside(2)).await;
            assert!(matches!(refused, Err(AppError::Refused(_))));
            assert_eq!(calls.len(), 1);
            assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Rejected, "rate_limit"));
            assert_eq!(calls[0].key.as_str(), "rate_limit:outside");
            assert!(matches!(calls[0].error, Some(Error::RateLimited { .. })));
            assert_eq!(counted("cached_outside"), [5, 1, 1]);
            assert_eq!(fixture.cache.keys_count().await.unwrap(), 1, "a refusal is no answer to keep");
            fixture.clock.advance(PERIOD * 6);
            assert_eq!(cached_outside(0).await, Err(AppError::Own));
            assert_eq!(counted("cached_outside"), [5, 2, 1]);

            for _ in 0..2 {
                assert_eq!(cached_inside(1).await, Ok(1));
            }
            assert!(cached_inside(1).await.is_err());
            assert_eq!(counted("cached_inside"), [1, 1, 1]);

            assert_eq!(many(&[1, 2]).await.unwrap().len(), 2);
            assert!(many(&[1, 2, 3]).await.is_err());
            assert_eq!(counted("many"), [2, 2, 1]);
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Rejected), 3);
    let function = registry().find(|function| function.name == "cached_outside").unwrap();
    assert_eq!(function.strategies, ["cached", "rate_limit"]);
    assert_eq!((function.template, function.ttl), (Some("outside:<id>"), Some("1h")));
}

#[tokio::test]
async fn what_did_not_run_invalidates_nothing() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let left = async |failed: bool| {
                fixture.cache.set("target", &1).await.unwrap();
                assert_eq!(limited_invalidation().await.is_err(), failed);
                let limited = fixture.cache.exists("target").await.unwrap();
                fixture.cache.set("target", &1).await.unwrap();
                assert_eq!(invalidation_of_limited().await.is_err(), failed);
                (limited, fixture.cache.exists("target").await.unwrap())
            };
            assert_eq!(left(false).await, (false, false));
            assert_eq!(left(true).await, (true, true));
            assert_eq!(counted("limited_invalidation"), [0, 1, 1]);
        })
        .await;
}

#[rate_limit(limit = 1, period = "1m", key = "told")]
async fn told() -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn a_limit_alone_counts_its_calls_and_tells_of_them() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            told().await.unwrap();
            told().await.unwrap_err();
            told().await.unwrap_err();
        })
        .await;
    assert_eq!(counted("told"), [0, 1, 2]);
    assert_eq!(stats("told").hit_ratio(), Some(0.0));
    assert_eq!(fixture.events.count(EventKind::Computed), 1);
    assert_eq!(fixture.events.count(EventKind::Rejected), 2);
    let function = registry().find(|function| function.name == "told").unwrap();
    assert_eq!((function.strategies, function.template), (&["rate_limit"][..], None));
}

#[rate_limit(limit = 1, period = "1m", key = "broken")]
async fn broken() -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn a_broken_backend_lets_calls_through_and_an_event_says_so() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            broken().await.unwrap();
            faults.fail(Some(Error::backend("down")));
            broken().await.unwrap();
            broken().await.unwrap();
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 2);
            faults.fail(None);
            assert_eq!(broken().await, Err(AppError::Refused(PERIOD * 6)));
        })
        .await;
}

#[tokio::test]
async fn a_key_that_no_route_takes_lets_calls_through_and_an_event_says_so() {
    let events = support::Events::default();
    let cache = Cache::builder().route("elsewhere:", Memory::builder().build()).observer(events.clone());
    let cache = cache.build().await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            broken().await.unwrap();
            broken().await.unwrap();
        })
        .await;
    assert_eq!(events.count(EventKind::BackendFailed), 2);
}

#[rate_limit(limit = 1, period = "1m", key = "client:<@client>", when = !admin)]
async fn by_context(admin: bool) -> Answer<bool> {
    Ok(admin)
}

#[tokio::test]
async fn whom_nobody_can_name_or_who_is_excepted_is_let_through_uncounted() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            by_context(false).await.unwrap();
            by_context(false).await.unwrap();
            let client = |name| Scope::new().key("client", name);
            client("a").run(by_context(false)).await.unwrap();
            client("a").run(by_context(false)).await.unwrap_err();
            client("b").run(by_context(false)).await.unwrap();
            client("a").run(by_context(true)).await.unwrap();
            client("a").disable(Command::Incr).run(by_context(false)).await.unwrap();
        })
        .await;
    let stats = stats("by_context");
    assert_eq!((stats.bypassed, stats.computed, stats.rejected), (4, 2, 1));
    assert_eq!(fixture.events.count(EventKind::Bypassed), 4);
}

#[rate_limit(limit = tier * 2, period = period, ttl = period * 2, key = "tier:<tier>")]
async fn by_expression(tier: u32, period: Duration) -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn limit_period_and_ban_may_be_computed() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for tier in 1..4 {
                for _ in 0..tier * 2 {
                    by_expression(tier, PERIOD).await.unwrap();
                }
                assert_eq!(by_expression(tier, PERIOD).await, Err(AppError::Refused(PERIOD * 2)));
            }
            assert_eq!(by_expression(0, PERIOD).await, Err(AppError::Refused(PERIOD)));
        })
        .await;
}

#[rate_limit(limit = 100, period = "1m", key = "crowd:fixed")]
async fn crowd_fixed() -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

#[rate_limit(limit = 100, period = "1m", key = "crowd:sliding", algorithm = "sliding")]
async fn crowd_sliding() -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

#[rate_limit(limit = 100, period = "1m", key = "crowd:gcra", algorithm = "gcra")]
async fn crowd_gcra() -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

/// How many of a thousand calls at once are admitted.
async fn of_a_thousand<F: Future<Output = Answer<()>> + Send + 'static>(call: impl Fn() -> F) -> usize {
    let calls: Vec<_> = (0..1000).map(|_| tokio::spawn(Scope::current().run(call()))).collect();
    let mut admitted = 0;
    for call in calls {
        admitted += usize::from(call.await.unwrap().is_ok());
    }
    admitted
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_callers_at_once_exactly_the_limit_is_admitted() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                assert_eq!(of_a_thousand(crowd_fixed).await, 100);
                assert_eq!(of_a_thousand(crowd_sliding).await, 100);
                assert_eq!(of_a_thousand(crowd_gcra).await, 1, "evenly: the next comes later");
            })
            .await;
    }
}

#[rate_limit(limit = 3, period = "1m", key = "dropped:<id>", algorithm = "sliding")]
async fn dropped(id: usize) -> Answer<()> {
    tokio::task::yield_now().await;
    Ok(())
}

#[tokio::test]
async fn a_call_dropped_at_any_await_has_taken_one_permit_or_none() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let mut taken = Vec::new();
                for id in 0.. {
                    let done = drop_after(id, dropped(id)).await.is_some();
                    let mut left = 0;
                    while dropped(id).await.is_ok() {
                        left += 1;
                    }
                    taken.push(3 - left);
                    if done {
                        break;
                    }
                }
                assert!(taken.is_sorted() && taken.len() > 2, "{taken:?}");
                assert_eq!((taken.first(), taken.last()), (Some(&0), Some(&1)));
            })
            .await;
    }
}

#[tokio::test]
async fn in_memory_nobody_waits() {
    let fixture = Fixture::memory().await;
    let call = || drop_after(1, fixture.run(sliding(1)));
    for _ in 0..3 {
        assert_eq!(call().await, Some(Ok(1)));
    }
    assert_eq!(call().await, Some(Err(AppError::Refused(PERIOD))));
}

#[tokio::test]
async fn a_state_is_kept_however_many_values_come_and_gone_when_it_binds_no_longer() {
    let fixture = Fixture::memory().await;
    let memory = Memory::builder().max_entries(10).build();
    let cache = Cache::builder().route("", memory).clock(fixture.clock.clone()).build().await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            while fixed(1).await.is_ok() {}
            while sliding(1).await.is_ok() {}
            while gcra(1).await.is_ok() {}
            for id in 0..1000 {
                cache.set(format!("value:{id}"), &id).await.unwrap();
            }
            assert!(fixed(1).await.is_err() && sliding(1).await.is_err() && gcra(1).await.is_err());
            let states = async || cache.scan("rate_limit:*").await.unwrap().len();
            assert_eq!(states().await, 3);
            fixture.clock.advance(PERIOD);
            assert_eq!(states().await, 0);

            while fixed(1).await.is_ok() {}
            assert!(cache.delete("rate_limit:fixed:1").await.unwrap());
            assert!(fixed(1).await.is_ok(), "who deletes the state lifts the ban");
        })
        .await;
}

#[tokio::test]
async fn states_go_where_a_route_names_their_prefix_else_with_their_key() {
    let [values, limits, own] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::builder().build());
    let calls = async |cache: &Cache| Scope::new().cache(cache).run(fixed(1)).await.unwrap();
    let with = Cache::builder().route("", wrap(&values)).route("fixed:", wrap(&own));
    calls(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), own.commands()), (0, 1));
    let with = Cache::builder().route("", wrap(&values)).route("rate_limit:", wrap(&limits));
    calls(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), limits.commands()), (0, 1));
}

#[tokio::test]
async fn limited_calls_can_be_spawned_by_arc() {
    let fixture = Fixture::memory().await;
    let api = Arc::new(Api { id: 7 });
    let call = Scope::new().cache(&fixture.cache).run(async move { api.by_ref().await });
    assert_eq!(tokio::spawn(call).await.unwrap(), Ok(7));
}
