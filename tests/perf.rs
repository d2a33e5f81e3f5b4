//! `#[perf]`: what counts as slow, and who is spared.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::testing::{Faults, ManualClock, drop_after};
use macadamia::{
    Cache, Command, Error, EventKind, Memory, Outcome, Scope, Stats, cached, detect, perf, rate_limit,
    registry,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use support::Fixture;

const SECOND: Duration = Duration::from_secs(1);
const MILLI: Duration = Duration::from_millis(1);
const NANO: Duration = Duration::from_nanos(1);
const TTL: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
enum AppError {
    /// The function is spared.
    Spared(Duration),
    /// By another of our guards.
    Limited,
    Own,
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        match error {
            Error::Degraded { retry_after, .. } => Self::Spared(retry_after),
            _ => Self::Limited,
        }
    }
}

type Answer<T> = Result<T, AppError>;

const BAD: Answer<()> = Err(AppError::Own);

#[perf(ttl = "20s", trace_size = 3)]
async fn plain(clock: &ManualClock, takes: Duration, answer: Answer<()>) -> Answer<()> {
    tokio::task::yield_now().await;
    clock.advance(takes);
    answer
}

fn degraded(fixture: &Fixture) -> usize {
    fixture.events.count(EventKind::Degraded)
}

/// Three calls of ten milliseconds.
async fn trace(fixture: &Fixture) {
    for _ in 0..3 {
        assert_eq!(plain(&fixture.clock, 10 * MILLI, Ok(())).await, Ok(()));
    }
    assert_eq!(degraded(fixture), 0);
}

#[tokio::test]
async fn calls_come_through_as_the_documentation_draws_it_on_every_backend() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let mut came = Vec::new();
                for takes in [1, 1, 1, 2, 3, 3, 3, 3, 3, 3] {
                    let before = degraded(&fixture);
                    let answer = plain(&fixture.clock, takes * SECOND, Ok(())).await;
                    came.push(answer.is_ok());
                    assert_eq!(degraded(&fixture) > before, came.len() == 5);
                    // The next one ten seconds after this one began.
                    fixture.clock.advance((10 - if answer.is_ok() { takes } else { 0 }) * SECOND);
                }
                assert_eq!(came, [true, true, true, true, true, false, false, true, true, true]);
            })
            .await;
        assert_eq!(degraded(&fixture), 1);
    }
}

#[tokio::test]
async fn the_slow_call_has_its_answer_and_the_others_are_told_exactly_for_how_long() {
    for answer in [Ok(()), BAD] {
        for fixture in Fixture::each().await {
            fixture
                .run(async {
                    let call = async |takes, answer| plain(&fixture.clock, takes, answer).await;
                    trace(&fixture).await;
                    assert_eq!(call(20 * MILLI, Ok(())).await, Ok(()), "exactly twice the mean");
                    assert_eq!(degraded(&fixture), 0);
                    // Twice the mean of 10, 10 and 20.
                    assert_eq!(call(27 * MILLI, answer.clone()).await, answer);
                    assert_eq!(degraded(&fixture), 1);
                    assert_eq!(call(MILLI, Ok(())).await, Err(AppError::Spared(TTL)));
                    fixture.clock.advance(TTL.saturating_sub(NANO));
                    assert_eq!(call(MILLI, Ok(())).await, Err(AppError::Spared(NANO)));
                    fixture.clock.advance(NANO);
                    for takes in [10, 100, 1000] {
                        assert_eq!(call(takes * MILLI, Ok(())).await, Ok(()), "an empty trace");
                    }
                })
                .await;
            assert_eq!(degraded(&fixture), 1);
        }
    }
}

#[tokio::test]
async fn errors_that_come_fast_do_not_make_good_answers_slow() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                trace(&fixture).await;
                for _ in 0..10 {
                    assert_eq!(plain(&fixture.clock, Duration::ZERO, BAD).await, BAD);
                }
                assert_eq!(plain(&fixture.clock, 20 * MILLI, Ok(())).await, Ok(()));
            })
            .await;
        assert_eq!(degraded(&fixture), 0);
    }
}

#[perf(ttl = "20s", trace_size = 3)]
async fn waits(clock: &ManualClock, takes: Duration, gate: Option<Arc<tokio::sync::Notify>>) -> Answer<()> {
    if let Some(gate) = gate {
        gate.notified().await;
    }
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn calls_that_began_before_the_end_of_a_degradation_do_not_count_and_one_of_several_tells_it() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                for _ in 0..3 {
                    waits(&fixture.clock, MILLI, None).await.unwrap();
                }
                let gate = Arc::new(tokio::sync::Notify::new());
                let late = |count: usize| {
                    let call =
                        |gate, clock: ManualClock| async move { waits(&clock, MILLI, Some(gate)).await };
                    let call = || Scope::current().run(call(gate.clone(), fixture.clock.clone()));
                    (0..count).map(|_| tokio::spawn(call())).collect::<Vec<_>>()
                };
                let calls = late(5);
                support::settle().await;
                fixture.clock.advance(SECOND);
                gate.notify_waiters();
                for call in calls {
                    assert_eq!(call.await.unwrap(), Ok(()), "the slow ones have their answers");
                }
                assert_eq!(degraded(&fixture), 1);

                fixture.clock.advance(TTL);
                let calls = late(5);
                support::settle().await;
                for takes in [1, 1, 1] {
                    waits(&fixture.clock, takes * MILLI, None).await.unwrap();
                }
                waits(&fixture.clock, 3 * MILLI, None).await.unwrap();
                assert_eq!(degraded(&fixture), 2);
                fixture.clock.advance(TTL);
                gate.notify_waiters();
                for call in calls {
                    assert_eq!(call.await.unwrap(), Ok(()));
                }
                for takes in [1, 1, 1, 2] {
                    assert_eq!(waits(&fixture.clock, takes * MILLI, None).await, Ok(()));
                }
                assert_eq!(degraded(&fixture), 2);
            })
            .await;
    }
}

#[perf(ttl = "20s", trace_size = 3)]
async fn broken_off(clock: &ManualClock, takes: Duration, panics: bool) -> Answer<()> {
    clock.advance(takes);
    tokio::task::yield_now().await;
    assert!(!panics, "as the test wants it");
    Ok(())
}

#[tokio::test]
async fn calls_that_are_cancelled_or_panic_are_not_measured() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                for _ in 0..3 {
                    broken_off(&fixture.clock, 10 * MILLI, false).await.unwrap();
                }
                for polls in 0.. {
                    let call = broken_off(&fixture.clock, 10 * MILLI, false);
                    if drop_after(polls, call).await.is_some() {
                        break;
                    }
                }
                for takes in [NANO, SECOND] {
                    for _ in 0..5 {
                        tokio::select! {
                            biased;
                            _ = broken_off(&fixture.clock, takes, true) => unreachable!("it panics"),
                            () = async {} => {}
                        }
                        let clock = fixture.clock.clone();
                        let call = async move { broken_off(&clock, takes, true).await };
                        let call = tokio::spawn(Scope::current().run(call));
                        assert!(call.await.unwrap_err().is_panic());
                    }
                }
                support::settle().await;
                assert_eq!(broken_off(&fixture.clock, 20 * MILLI, false).await, Ok(()));
                assert_eq!(degraded(&fixture), 0);
                assert_eq!(broken_off(&fixture.clock, 30 * MILLI, false).await, Ok(()));
                assert_eq!(degraded(&fixture), 1);
            })
            .await;
    }
}

#[perf(ttl = "20s", trace_size = 3)]
#[cached(ttl = "1h", key = "inside:<id>")]
async fn hits_inside(clock: &ManualClock, id: u64) -> Answer<u64> {
    clock.advance(Duration::from_millis(id));
    Ok(id)
}

#[perf(ttl = "20s", trace_size = 3)]
#[rate_limit(limit = 4, period = "1h", key = "limited")]
async fn limited(clock: &ManualClock) -> Answer<()> {
    clock.advance(10 * MILLI);
    Ok(())
}

#[tokio::test]
async fn what_layers_inside_answer_is_not_measured() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                for id in [10, 11, 12] {
                    assert_eq!(hits_inside(&fixture.clock, id).await, Ok(id));
                }
                for _ in 0..10 {
                    assert_eq!(hits_inside(&fixture.clock, 10).await, Ok(10), "in no time");
                }
                assert_eq!(hits_inside(&fixture.clock, 22).await, Ok(22));
                assert_eq!(degraded(&fixture), 0);
                assert_eq!(hits_inside(&fixture.clock, 31).await, Ok(31));
                assert_eq!(degraded(&fixture), 1);

                for _ in 0..4 {
                    assert_eq!(limited(&fixture.clock).await, Ok(()));
                }
                for _ in 0..10 {
                    assert_eq!(limited(&fixture.clock).await, Err(AppError::Limited));
                }
                fixture.clock.advance(60 * 60 * SECOND);
                assert_eq!(limited(&fixture.clock).await, Ok(()));
                assert_eq!(degraded(&fixture), 1);
            })
            .await;
    }
}

#[cached(ttl = "1h", key = "outside:<takes>")]
#[perf(ttl = "20s", trace_size = 1)]
async fn hits_outside(clock: &ManualClock, takes: u64) -> Answer<u64> {
    clock.advance(Duration::from_millis(takes));
    Ok(takes)
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

#[tokio::test]
async fn a_hit_outside_is_given_while_the_function_is_spared_and_every_call_is_counted_once() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(hits_outside(&fixture.clock, 1).await, Ok(1));
            assert_eq!(hits_outside(&fixture.clock, 3).await, Ok(3));
            assert_eq!(hits_outside(&fixture.clock, 1).await, Ok(1));
            let (refused, calls) = detect(hits_outside(&fixture.clock, 2)).await;
            assert_eq!(refused, Err(AppError::Spared(TTL)));
            assert_eq!(calls.len(), 1);
            assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Rejected, "perf"));
            assert!(calls[0].key.as_str().starts_with("perf:"), "{}", calls[0].key.as_str());
            assert!(matches!(calls[0].error, Some(Error::Degraded { .. })));
        })
        .await;
    let counted = stats("hits_outside");
    assert_eq!((counted.hits, counted.computed, counted.rejected, counted.calls()), (1, 2, 1, 4));
    let function = registry().find(|function| function.name == "hits_outside").unwrap();
    assert_eq!(function.strategies, ["cached", "perf"]);
}

#[perf(ttl = "20s", trace_size = 1, key = "told:<id>")]
async fn told(clock: &ManualClock, id: u32, takes: Duration) -> Answer<()> {
    let _ = id;
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn it_counts_its_calls_and_tells_of_them_and_a_key_says_what_is_compared() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for (id, takes) in [(1, 1), (2, 100), (1, 2), (2, 200), (2, 500)] {
                told(&fixture.clock, id, takes * MILLI).await.unwrap();
            }
            assert_eq!(told(&fixture.clock, 2, MILLI).await, Err(AppError::Spared(TTL)));
            told(&fixture.clock, 1, 4 * MILLI).await.unwrap();
        })
        .await;
    let counted = stats("told");
    assert_eq!((counted.computed, counted.rejected, counted.calls()), (6, 1, 7));
    assert_eq!(fixture.events.count(EventKind::Computed), 6);
    assert_eq!(fixture.events.count(EventKind::Rejected), 1);
    assert_eq!(degraded(&fixture), 1);
}

#[perf(ttl = "20s", trace_size = 1)]
async fn breaks(clock: &ManualClock, faults: Option<&Faults>, takes: Duration) -> Answer<()> {
    if let Some(faults) = faults {
        faults.fail(Some(Error::backend("down")));
    }
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn a_broken_backend_lets_calls_through_and_an_event_says_so() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            breaks(&fixture.clock, None, MILLI).await.unwrap();
            breaks(&fixture.clock, Some(&faults), SECOND).await.unwrap();
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 1);
            breaks(&fixture.clock, None, SECOND).await.unwrap();
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 2);
            faults.fail(None);
            assert_eq!(degraded(&fixture), 0);
            breaks(&fixture.clock, None, SECOND).await.unwrap();
            assert_eq!(degraded(&fixture), 1);
        })
        .await;
}

#[perf(ttl = "20s", trace_size = 1, key = "client:<@client>", when = !admin)]
async fn by_context(clock: &ManualClock, admin: bool, takes: Duration) -> Answer<()> {
    let _ = admin;
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn whom_nobody_can_name_or_who_is_excepted_goes_past_it() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let call = async |admin, takes| by_context(&fixture.clock, admin, takes).await;
            for takes in [MILLI, SECOND] {
                call(false, takes).await.unwrap();
            }
            let client = || Scope::new().key("client", "a");
            for takes in [MILLI, SECOND] {
                client().run(call(true, takes)).await.unwrap();
                client().disable(Command::Incr).run(call(false, takes)).await.unwrap();
            }
            for takes in [MILLI, SECOND] {
                client().run(call(false, takes)).await.unwrap();
            }
            assert_eq!(client().run(call(false, MILLI)).await, Err(AppError::Spared(TTL)));
        })
        .await;
    let stats = stats("by_context");
    assert_eq!((stats.bypassed, stats.computed, stats.rejected), (6, 2, 1));
}

#[perf(ttl = ttl, trace_size = size, factor = factor, prefix = "v2")]
async fn by_expression(
    clock: &ManualClock,
    (ttl, size, factor): (Duration, u32, f64),
    takes: Duration,
) -> Answer<()> {
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn all_that_it_is_judged_by_may_be_computed() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let call = async |takes| by_expression(&fixture.clock, (SECOND, 2, 1.5), takes).await;
            for takes in [10, 10, 15, 18] {
                call(takes * MILLI).await.unwrap();
            }
            assert_eq!(degraded(&fixture), 0);
            call(25 * MILLI).await.unwrap();
            assert_eq!(call(MILLI).await, Err(AppError::Spared(SECOND)));
        })
        .await;
}

struct Api {
    clock: ManualClock,
    takes: Duration,
}

impl Api {
    #[perf(ttl = "20s", trace_size = 1, key = "api:<self.takes>")]
    async fn by_ref(&self) -> Answer<u32> {
        self.clock.advance(self.takes);
        Ok(1)
    }

    #[perf(ttl = "20s", trace_size = 1)]
    async fn by_mut(&mut self) -> Answer<u32> {
        self.takes *= 3;
        self.clock.advance(self.takes);
        Ok(1)
    }

    #[perf(ttl = "20s", trace_size = 1, skip(clock))]
    async fn associated(clock: ManualClock, takes: Duration) -> Answer<Self> {
        clock.advance(takes);
        Ok(Self { clock, takes })
    }
}

trait Native {
    fn native(&self) -> impl Future<Output = Answer<u32>> + Send;
}

impl Native for Api {
    #[perf(ttl = "20s", trace_size = 1, skip(self))]
    async fn native(&self) -> Answer<u32> {
        self.clock.advance(self.takes);
        Ok(1)
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, by: &str) -> Answer<u32>;
}

#[async_trait]
impl Boxed for Api {
    #[perf(ttl = "20s", trace_size = 1)]
    async fn boxed(&self, by: &str) -> Answer<u32> {
        self.clock.advance(self.takes);
        Ok(u32::try_from(by.len()).unwrap())
    }
}

#[perf(ttl = "20s", trace_size = 1)]
async fn generic<T: Sync>(clock: &ManualClock, _of: &T, takes: Duration) -> Result<Option<u8>, Error> {
    clock.advance(takes);
    Ok(None)
}

#[perf(ttl = "20s", trace_size = 1)]
fn opaque(api: &Api) -> impl Future<Output = Answer<u32>> + Send {
    async move {
        api.clock.advance(api.takes);
        Ok(1)
    }
}

#[tokio::test]
async fn functions_and_methods_of_every_kind_can_be_compared() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut api = Api { clock: fixture.clock.clone(), takes: MILLI };
            let mut came = Vec::new();
            for _ in 0..3 {
                came.push([
                    api.by_mut().await.is_ok(),
                    api.by_ref().await.is_ok(),
                    Api::associated(api.clock.clone(), api.takes).await.is_ok(),
                    api.native().await.is_ok(),
                    api.boxed("x").await.is_ok(),
                    generic(&api.clock, &1, api.takes).await.is_ok(),
                    opaque(&api).await.is_ok(),
                ]);
            }
            // The calls by reference are of another instance each time, but the last: `by_mut` did not run.
            assert_eq!(came[..2], [[true; 7]; 2]);
            assert_eq!(came[2], [false, true, false, false, false, false, false]);
            assert!(generic(&api.clock, &"x", SECOND).await.is_ok(), "of another type");
        })
        .await;
}

#[perf(ttl = "20s", trace_size = 1, key = "kept:<id>")]
async fn kept(clock: &ManualClock, id: u32, takes: Duration) -> Answer<()> {
    let _ = id;
    clock.advance(takes);
    Ok(())
}

#[tokio::test]
async fn in_memory_nobody_waits() {
    let fixture = Fixture::memory().await;
    let call = |takes| drop_after(1, fixture.run(kept(&fixture.clock, 7, takes)));
    assert_eq!(call(MILLI).await, Some(Ok(())));
    assert_eq!(call(SECOND).await, Some(Ok(())));
    assert_eq!(call(MILLI).await, Some(Err(AppError::Spared(TTL))));
}

#[tokio::test]
async fn a_trace_is_kept_however_many_values_come_for_a_week() {
    let fixture = Fixture::memory().await;
    let memory = Memory::builder().max_entries(10).build();
    let cache = Cache::builder().route("", memory).clock(fixture.clock.clone()).build().await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            kept(&fixture.clock, 1, MILLI).await.unwrap();
            for id in 0..1000 {
                cache.set(format!("value:{id}"), &id).await.unwrap();
            }
            fixture.clock.advance(6 * 24 * 60 * 60 * SECOND);
            kept(&fixture.clock, 1, SECOND).await.unwrap();
            assert_eq!(kept(&fixture.clock, 1, MILLI).await, Err(AppError::Spared(TTL)));
            assert!(cache.delete("perf:kept:1").await.unwrap());
            kept(&fixture.clock, 1, MILLI).await.unwrap();
            let states = async || cache.scan("perf:*").await.unwrap().len();
            assert_eq!(states().await, 1);
            fixture.clock.advance(7 * 24 * 60 * 60 * SECOND);
            assert_eq!(states().await, 0);
        })
        .await;
}

#[tokio::test]
async fn states_go_where_a_route_names_their_prefix_else_with_their_key() {
    let [values, traces, own] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::builder().build());
    let clock = ManualClock::new();
    let call = async |cache: &Cache| Scope::new().cache(cache).run(kept(&clock, 1, MILLI)).await.unwrap();
    let with = Cache::builder().route("", wrap(&values)).route("kept:", wrap(&own));
    call(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), own.commands()), (0, 2), "one to begin, one to end");
    let with = Cache::builder().route("", wrap(&values)).route("perf:", wrap(&traces));
    call(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), traces.commands()), (0, 2));
}
