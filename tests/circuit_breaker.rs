//! `#[circuit_breaker]`: when it opens, who may try, and when all may again.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

mod support;

use async_trait::async_trait;
use macadamia::testing::{Faults, ManualClock, drop_after};
use macadamia::{
    Cache, Command, Error, EventKind, Memory, Outcome, Scope, Stats, cached, circuit_breaker, detect,
    rate_limit, registry,
};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use support::Fixture;
use tokio::sync::Notify;

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);
const TTL: Duration = Duration::from_secs(5);

#[derive(Debug, Clone, PartialEq)]
enum AppError {
    /// By the breaker.
    Open(Duration),
    /// By another of our guards.
    Limited,
    Timeout,
    NotFound(u32),
}

impl From<Error> for AppError {
    fn from(error: Error) -> Self {
        match error {
            Error::CircuitOpen { retry_after, .. } => Self::Open(retry_after),
            _ => Self::Limited,
        }
    }
}

type Answer<T> = Result<T, AppError>;

const BAD: Answer<()> = Err(AppError::Timeout);

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 4)]
async fn plain(answer: Answer<()>) -> Answer<()> {
    tokio::task::yield_now().await;
    answer
}

fn is_open<T>(answer: &Answer<T>) -> bool {
    matches!(answer, Err(AppError::Open(_)))
}

/// Opens the breaker of a function by calls that fail.
async fn open<F: Future<Output = Answer<()>>>(fixture: &Fixture, call: impl Fn(Answer<()>) -> F) {
    let before = fixture.events.count(EventKind::CircuitOpened);
    until(async || {
        assert_eq!(call(BAD).await, BAD);
        fixture.events.count(EventKind::CircuitOpened) > before
    })
    .await;
}

/// The same, and waits until it may be tried.
async fn half_open<F: Future<Output = Answer<()>>>(fixture: &Fixture, call: impl Fn(Answer<()>) -> F) {
    open(fixture, call).await;
    fixture.clock.advance(TTL);
}

/// Opened, half-opened, closed: how often.
fn transitions(fixture: &Fixture) -> [usize; 3] {
    [EventKind::CircuitOpened, EventKind::CircuitHalfOpened, EventKind::CircuitClosed]
        .map(|kind| fixture.events.count(kind))
}

/// Lets work in the background be done: a permit that a dropped call gives back, an outcome on its way.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    while !done().await {
        assert!(std::time::Instant::now() < deadline, "it does not come to that");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_call_each_second_comes_through_as_the_documentation_draws_it_on_every_backend() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let mut drawn = String::new();
                for second in 0..15 {
                    drawn.push(match plain(if (2..8).contains(&second) { BAD } else { Ok(()) }).await {
                        Ok(()) => 'o',
                        Err(AppError::Timeout) => 'x',
                        Err(_) => '-',
                    });
                    fixture.clock.advance(SECOND);
                }
                assert_eq!(drawn, "ooxx----ooooooo");
            })
            .await;
        assert_eq!(transitions(&fixture), [1, 1, 1]);
    }
}

#[tokio::test]
async fn whoever_waits_as_long_as_told_is_let_through_and_a_nanosecond_earlier_not() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                open(&fixture, plain).await;
                assert_eq!(plain(Ok(())).await, Err(AppError::Open(TTL)));
                fixture.clock.advance(TTL.saturating_sub(NANO));
                assert_eq!(plain(Ok(())).await, Err(AppError::Open(NANO)));
                fixture.clock.advance(NANO);
                assert_eq!(plain(BAD).await, BAD, "the probe fails");
                assert_eq!(plain(Ok(())).await, Err(AppError::Open(TTL)));
                fixture.clock.advance(TTL);
                assert_eq!(plain(Ok(())).await, Ok(()));
                for _ in 0..3 {
                    assert_eq!(plain(BAD).await, BAD, "the counts began anew");
                }
            })
            .await;
        assert_eq!(transitions(&fixture), [2, 2, 1]);
    }
}

/// Two await points: at one of them it may be stopped.
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", half_open_ttl = "2s", min_calls = 4)]
async fn gated(gate: Option<Arc<Notify>>, answer: Answer<()>) -> Answer<()> {
    if let Some(gate) = gate {
        gate.notified().await;
    }
    tokio::task::yield_now().await;
    answer
}

#[tokio::test]
async fn a_probe_that_never_returns_is_replaced_and_its_late_result_counts_no_more() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                half_open(&fixture, |answer| gated(None, answer)).await;
                let gate = Arc::new(Notify::new());
                let lost = tokio::spawn(Scope::current().run(gated(Some(gate.clone()), BAD)));
                support::settle().await;
                assert_eq!(gated(None, Ok(())).await, Err(AppError::Open(2 * SECOND)));
                fixture.clock.advance(2 * SECOND);
                assert_eq!(gated(None, Ok(())).await, Ok(()));
                assert_eq!(transitions(&fixture), [1, 1, 1]);
                gate.notify_one();
                assert_eq!(lost.await.unwrap(), BAD, "what it returns is given");
                for _ in 0..3 {
                    assert_eq!(gated(None, BAD).await, BAD, "and was not counted");
                }
            })
            .await;
        assert_eq!(transitions(&fixture), [1, 1, 1]);
    }
}

#[tokio::test]
async fn results_of_calls_that_began_before_it_opened_do_not_count() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let gate = Arc::new(Notify::new());
                let late: Vec<_> = (0..8)
                    .map(|_| tokio::spawn(Scope::current().run(gated(Some(gate.clone()), BAD))))
                    .collect();
                support::settle().await;
                half_open(&fixture, |answer| gated(None, answer)).await;
                assert_eq!(gated(None, Ok(())).await, Ok(()));
                gate.notify_waiters();
                for call in late {
                    assert_eq!(call.await.unwrap(), BAD);
                }
                assert_eq!(gated(None, Ok(())).await, Ok(()));
            })
            .await;
        assert_eq!(transitions(&fixture), [1, 1, 1]);
    }
}

#[tokio::test]
async fn calls_that_take_longer_than_the_period_open_it() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let gate = Arc::new(Notify::new());
                let long: Vec<_> = (0..4)
                    .map(|_| tokio::spawn(Scope::current().run(gated(Some(gate.clone()), BAD))))
                    .collect();
                support::settle().await;
                fixture.clock.advance(100 * SECOND);
                gate.notify_waiters();
                for call in long {
                    assert_eq!(call.await.unwrap(), BAD);
                }
                assert!(is_open(&gated(None, Ok(())).await));
            })
            .await;
    }
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 4, half_open_calls = 3)]
async fn crowded(gate: Option<Arc<Notify>>, answer: Answer<()>) -> Answer<()> {
    if let Some(gate) = gate {
        gate.notified().await;
    }
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_thousand_callers_when_it_half_opens_exactly_the_probes_run() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                for (answer, expected) in [(BAD, [2, 1, 0]), (Ok(()), [2, 2, 1])] {
                    fixture.clock.advance(TTL);
                    if transitions(&fixture)[0] == 0 {
                        half_open(&fixture, |answer| crowded(None, answer)).await;
                    }
                    let gate = Arc::new(Notify::new());
                    let call = || crowded(Some(gate.clone()), answer.clone());
                    let calls: Vec<_> =
                        (0..1000).map(|_| tokio::spawn(Scope::current().run(call()))).collect();
                    until(async || calls.iter().filter(|call| call.is_finished()).count() == 997).await;
                    until(async || {
                        gate.notify_waiters();
                        calls.iter().all(tokio::task::JoinHandle::is_finished)
                    })
                    .await;
                    let mut ran = 0;
                    for call in calls {
                        ran += usize::from(!is_open(&call.await.unwrap()));
                    }
                    assert_eq!((ran, transitions(&fixture)), (3, expected));
                }
            })
            .await;
    }
}

#[tokio::test]
async fn a_call_dropped_at_any_await_of_a_closed_breaker_has_been_counted_once_or_not_at_all() {
    for kind in 0..4 {
        for polls in 0.. {
            let fixture = Fixture::each().await.into_iter().nth(kind).unwrap();
            let done = fixture.run(drop_after(polls, plain(BAD))).await.is_some();
            let mut more = 0;
            while transitions(&fixture) == [0; 3] {
                // An outcome that is on its way arrives all the same.
                support::settle().await;
                assert_eq!(fixture.run(plain(BAD)).await, BAD);
                more += 1;
            }
            assert!(more == 3 || more == 4 && !done, "{more} more after {polls} polls");
            assert_eq!(transitions(&fixture), [1, 0, 0]);
            if done {
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_probe_dropped_at_any_await_gives_its_permit_back_and_does_not_close() {
    for kind in 0..4 {
        let mut closed = Vec::new();
        for polls in 0.. {
            let fixture = Fixture::each().await.into_iter().nth(kind).unwrap();
            fixture.run(half_open(&fixture, plain)).await;
            let done = fixture.run(drop_after(polls, plain(Ok(())))).await.is_some();
            // The next one may be refused as long as the permit is on its way back.
            until(async || fixture.run(plain(BAD)).await == BAD).await;
            // It has failed as a probe, or its call was counted in a closed breaker; who closed it may still be
            // about to tell.
            until(async || [[2, 1, 0], [1, 1, 1]].contains(&transitions(&fixture))).await;
            closed.push(transitions(&fixture) == [1, 1, 1]);
            if done {
                break;
            }
        }
        assert!(closed.is_sorted() && closed.len() > 2, "{closed:?}");
        assert_eq!((closed.first(), closed.last()), (Some(&false), Some(&true)));
    }
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 2)]
async fn panics(how: Option<&'static str>) -> Answer<()> {
    tokio::task::yield_now().await;
    match how {
        Some(words) => panic!("{words}"),
        None => Ok(()),
    }
}

#[tokio::test]
async fn a_call_that_panics_has_failed() {
    for fixture in Fixture::each().await {
        let call = |how| tokio::spawn(Scope::new().cache(&fixture.cache).run(panics(how)));
        // Two calls that are counted, then a probe.
        for (calls, told) in [(2, [1, 0, 0]), (1, [2, 1, 0])] {
            for _ in 0..calls {
                assert!(call(Some("as the test wants it")).await.unwrap_err().is_panic());
            }
            // The outcome may be told in the background.
            until(async || transitions(&fixture) == told).await;
            assert!(is_open(&call(None).await.unwrap()));
            fixture.clock.advance(TTL);
        }
        assert_eq!(call(None).await.unwrap(), Ok(()));
        assert_eq!(transitions(&fixture), [2, 2, 1]);
    }
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "5s", min_calls = 4, slow_call = "2s")]
async fn slow(clock: &ManualClock, takes: Duration, forever: bool) -> Answer<u8> {
    clock.advance(takes);
    if forever {
        std::future::pending::<()>().await;
    }
    Ok(7)
}

#[tokio::test]
async fn a_call_that_takes_long_has_failed_though_what_it_returns_is_given() {
    for fixture in Fixture::each().await {
        let call = async |takes| fixture.run(slow(&fixture.clock, takes, false)).await;
        for takes in [0, 1_999, 2_000, 3_000] {
            assert_eq!(call(Duration::from_millis(takes)).await, Ok(7));
        }
        assert_eq!(transitions(&fixture), [1, 0, 0]);
        assert_eq!(call(SECOND).await, Err(AppError::Open(TTL)));
        fixture.clock.advance(TTL);
        assert_eq!(call(2 * SECOND).await, Ok(7));
        assert_eq!(transitions(&fixture), [2, 1, 0], "the probe was slow");
        fixture.clock.advance(TTL);
        assert_eq!(call(SECOND).await, Ok(7));
        assert_eq!(transitions(&fixture), [2, 2, 1]);
    }
}

#[tokio::test]
async fn a_call_that_is_given_up_has_failed_only_if_it_was_slow_by_then() {
    for (takes, opens) in [(SECOND, false), (2 * SECOND, true)] {
        for fixture in Fixture::each().await {
            for _ in 0..4 {
                tokio::select! {
                    biased;
                    answer = fixture.run(slow(&fixture.clock, takes, true)) => panic!("{answer:?}"),
                    () = support::settle() => {}
                }
            }
            if opens {
                until(async || transitions(&fixture) == [1, 0, 0]).await;
            } else {
                support::settle().await;
                assert_eq!(fixture.run(slow(&fixture.clock, SECOND, false)).await, Ok(7));
                assert_eq!(transitions(&fixture), [0; 3]);
            }
        }
    }
}

#[circuit_breaker(
    errors_rate = 50,
    period = "10s",
    ttl = "5s",
    min_calls = 4,
    errors = AppError::Timeout | AppError::NotFound(500..=599)
)]
async fn patterned(answer: Answer<()>) -> Answer<()> {
    answer
}

#[tokio::test]
async fn errors_beyond_the_pattern_are_answers_like_any_other() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let not_found = |code| Err(AppError::NotFound(code));
                for _ in 0..10 {
                    assert_eq!(patterned(not_found(404)).await, not_found(404));
                }
                // Ten good ones: it takes ten bad ones to make half of all.
                for call in 0..10 {
                    assert_eq!(transitions(&fixture), [0; 3]);
                    let answer = if call % 2 == 0 { BAD } else { not_found(503) };
                    assert_eq!(patterned(answer.clone()).await, answer);
                }
                assert_eq!(transitions(&fixture), [1, 0, 0]);
                fixture.clock.advance(TTL);
                assert_eq!(patterned(not_found(404)).await, not_found(404));
                assert_eq!(transitions(&fixture), [1, 1, 1], "a probe that errs so has succeeded");
            })
            .await;
    }
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2)]
#[rate_limit(limit = 3, period = "5s", algorithm = "sliding", key = "limited")]
async fn limited(answer: Answer<()>) -> Answer<()> {
    answer
}

#[rate_limit(limit = 3, period = "5s", algorithm = "sliding", key = "limited")]
async fn of_the_same_limit() -> Answer<()> {
    Ok(())
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2, errors = AppError::Limited)]
#[rate_limit(limit = 1, period = "1h", key = "named")]
async fn limited_by_name() -> Answer<()> {
    Ok(())
}

#[tokio::test]
async fn refusals_by_guards_inside_are_no_failures_unless_the_pattern_names_them() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                while of_the_same_limit().await.is_ok() {}
                for _ in 0..50 {
                    assert_eq!(limited(Ok(())).await, Err(AppError::Limited));
                }
                assert_eq!(transitions(&fixture), [0; 3]);
                fixture.clock.advance(TTL);
                assert_eq!((limited(Ok(())).await, limited(BAD).await), (Ok(()), BAD));
                assert_eq!(transitions(&fixture), [1, 0, 0]);

                // A probe that is refused gives its permit back.
                fixture.clock.advance(TTL);
                while of_the_same_limit().await.is_ok() {}
                for _ in 0..3 {
                    assert_eq!(limited(Ok(())).await, Err(AppError::Limited));
                }
                assert_eq!(transitions(&fixture), [1, 1, 0]);
                fixture.clock.advance(TTL);
                assert_eq!(limited(Ok(())).await, Ok(()));
                assert_eq!(transitions(&fixture), [1, 1, 1]);

                assert_eq!(limited_by_name().await, Ok(()));
                assert_eq!(limited_by_name().await, Err(AppError::Limited));
                assert!(is_open(&limited_by_name().await));
            })
            .await;
    }
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 4)]
#[cached(ttl = "1h", key = "below:<id>", err_ttl(AppError::NotFound(_) = "1h"))]
async fn hits_inside(id: u32) -> Answer<u32> {
    match id {
        0..100 => Ok(id),
        100..200 => Err(AppError::NotFound(id)),
        _ => Err(AppError::Timeout),
    }
}

#[tokio::test]
async fn what_a_cache_inside_answers_says_nothing_of_the_function() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let call = hits_inside;
                assert_eq!(call(1).await, Ok(1));
                for _ in 0..50 {
                    assert_eq!(call(1).await, Ok(1));
                }
                assert_eq!(call(200).await, Err(AppError::Timeout));
                assert_eq!(call(100).await, Err(AppError::NotFound(100)));
                for _ in 0..50 {
                    // Kept too where errors stay in the process; the same answer either way.
                    assert_eq!(call(1).await, Ok(1));
                }
                assert_eq!(transitions(&fixture), [0; 3], "three calls of the function say nothing");
                assert_eq!(call(200).await, Err(AppError::Timeout));
                assert_eq!(transitions(&fixture), [1, 0, 0], "three of four failed");

                fixture.clock.advance(TTL);
                for _ in 0..3 {
                    assert_eq!(call(1).await, Ok(1));
                }
                assert_eq!(transitions(&fixture), [1, 1, 0], "a hit is no proof");
                assert_eq!(call(2).await, Ok(2));
                assert_eq!(transitions(&fixture), [1, 1, 1]);
            })
            .await;
    }
}

#[tokio::test]
async fn an_error_that_was_kept_is_no_failure_again() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for _ in 0..50 {
                assert_eq!(hits_inside(100).await, Err(AppError::NotFound(100)));
            }
            assert_eq!(transitions(&fixture), [0; 3]);
        })
        .await;
}

#[cached(ttl = "1h", key = "above:<id>")]
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2)]
async fn hits_outside(id: u32) -> Answer<u32> {
    if id < 100 { Ok(id) } else { Err(AppError::Timeout) }
}

#[tokio::test]
async fn a_hit_outside_is_given_while_it_is_open_takes_no_permit_and_every_call_is_counted_once() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(hits_outside(1).await, Ok(1));
            assert_eq!(hits_outside(100).await, Err(AppError::Timeout));
            assert_eq!(transitions(&fixture), [1, 0, 0]);
            assert_eq!(hits_outside(1).await, Ok(1));
            let (refused, calls) = detect(hits_outside(2)).await;
            assert_eq!(refused, Err(AppError::Open(TTL)));
            assert_eq!(calls.len(), 1);
            assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Rejected, "circuit_breaker"));
            assert!(calls[0].key.as_str().starts_with("circuit_breaker:"), "{}", calls[0].key.as_str());
            assert!(calls[0].key.as_str().ends_with("::hits_outside"), "{}", calls[0].key.as_str());
            assert!(matches!(calls[0].error, Some(Error::CircuitOpen { .. })));
            fixture.clock.advance(TTL);
            assert_eq!(hits_outside(1).await, Ok(1));
            assert_eq!(transitions(&fixture), [1, 0, 0]);
            assert_eq!(hits_outside(2).await, Ok(2));
            assert_eq!(transitions(&fixture), [1, 1, 1]);
        })
        .await;
    let counted = stats("hits_outside");
    assert_eq!((counted.hits, counted.computed, counted.rejected, counted.calls()), (2, 3, 1, 6));
    let function = registry().find(|function| function.name == "hits_outside").unwrap();
    assert_eq!(function.strategies, ["cached", "circuit_breaker"]);
}

fn stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2)]
async fn told(answer: Answer<()>) -> Answer<()> {
    answer
}

#[rate_limit(limit = 4, period = "1h", key = "outer")]
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2)]
async fn breaker_inside(answer: Answer<()>) -> Answer<()> {
    answer
}

#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "5s", min_calls = 2)]
#[rate_limit(limit = 1, period = "1h", key = "inner")]
async fn breaker_outside(answer: Answer<()>) -> Answer<()> {
    answer
}

#[tokio::test]
async fn a_breaker_counts_the_calls_and_of_two_guards_one_does() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for _ in 0..2 {
                told(BAD).await.unwrap_err();
            }
            for _ in 0..3 {
                assert!(is_open(&told(Ok(())).await));
            }
            for _ in 0..3 {
                breaker_inside(BAD).await.unwrap_err();
            }
            assert!(is_open(&breaker_inside(BAD).await));
            assert_eq!(breaker_inside(BAD).await, Err(AppError::Limited));
            for _ in 0..3 {
                breaker_outside(BAD).await.unwrap_err();
            }
        })
        .await;
    let counted = |name| (stats(name).computed, stats(name).rejected, stats(name).calls());
    assert_eq!(counted("told"), (2, 3, 5));
    assert_eq!(counted("breaker_inside"), (2, 3, 5));
    assert_eq!(counted("breaker_outside"), (1, 2, 3));
    assert_eq!(fixture.events.count(EventKind::Computed), 5);
    assert_eq!(fixture.events.count(EventKind::Rejected), 8);
    let function = registry().find(|function| function.name == "told").unwrap();
    assert_eq!((function.strategies, function.template), (&["circuit_breaker"][..], None));
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
async fn breaks(faults: Option<&Faults>) -> Answer<()> {
    if let Some(faults) = faults {
        faults.fail(Some(Error::backend("down")));
    }
    BAD
}

#[tokio::test]
async fn a_broken_backend_lets_calls_through_and_an_event_says_so() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            assert_eq!(breaks(Some(&faults)).await, BAD);
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 1, "how it ended could not be told");
            for _ in 0..5 {
                assert_eq!(breaks(None).await, BAD);
            }
            assert_eq!(fixture.events.count(EventKind::BackendFailed), 6);
            faults.fail(None);
            assert_eq!(breaks(None).await, BAD);
            assert!(is_open(&breaks(None).await));
        })
        .await;
}

#[tokio::test]
async fn a_probe_whose_end_could_not_be_told_is_replaced() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            assert_eq!(breaks(None).await, BAD);
            fixture.clock.advance(TTL);
            assert_eq!(breaks(Some(&faults)).await, BAD);
            faults.fail(None);
            assert!(is_open(&breaks(None).await));
            fixture.clock.advance(TTL);
            assert_eq!(breaks(None).await, BAD);
        })
        .await;
    assert_eq!(transitions(&fixture), [2, 1, 0]);
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, key = "client:<@client>", when = !admin)]
async fn by_context(admin: bool) -> Answer<()> {
    let _ = admin;
    BAD
}

#[tokio::test]
async fn whom_nobody_can_name_or_who_is_excepted_goes_past_it() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for _ in 0..2 {
                assert_eq!(by_context(false).await, BAD);
            }
            let client = |name| Scope::new().key("client", name);
            assert_eq!(client("a").run(by_context(false)).await, BAD);
            assert!(is_open(&client("a").run(by_context(false)).await));
            assert_eq!(client("b").run(by_context(false)).await, BAD);
            assert_eq!(client("a").run(by_context(true)).await, BAD);
            assert_eq!(client("a").disable(Command::Incr).run(by_context(false)).await, BAD);
        })
        .await;
    let stats = stats("by_context");
    assert_eq!((stats.bypassed, stats.computed, stats.rejected), (4, 2, 1));
    assert_eq!(fixture.events.count(EventKind::Bypassed), 4);
    assert_eq!(transitions(&fixture), [2, 0, 0]);
}

struct Settings {
    rate: f64,
    times: Duration,
    calls: u32,
}

#[circuit_breaker(
    errors_rate = settings.rate,
    period = settings.times * 2,
    ttl = settings.times,
    half_open_ttl = settings.times / 2,
    half_open_calls = settings.calls,
    min_calls = settings.calls + 1,
    slow_call = settings.times * 3,
    key = "by:<settings.calls>"
)]
async fn by_expression(settings: &Settings, clock: &ManualClock, takes: Duration) -> Answer<()> {
    clock.advance(takes);
    if takes.is_zero() { BAD } else { Ok(()) }
}

#[tokio::test]
async fn all_that_it_is_judged_by_may_be_computed() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let settings = Settings { rate: 99.5, times: TTL, calls: 2 };
            let call = async |takes| by_expression(&settings, &fixture.clock, takes).await;
            for _ in 0..3 {
                assert_eq!(call(Duration::ZERO).await, BAD);
            }
            assert_eq!(call(NANO).await, Err(AppError::Open(TTL)));
            fixture.clock.advance(TTL);
            assert_eq!(call(NANO).await, Ok(()));
            assert_eq!(transitions(&fixture), [1, 1, 0]);
            assert_eq!(call(NANO).await, Ok(()));
            assert_eq!(transitions(&fixture), [1, 1, 1]);
            for _ in 0..3 {
                assert_eq!(call(TTL * 3).await, Ok(()));
            }
            assert_eq!(transitions(&fixture), [1, 1, 1], "they do not meet in one period");
        })
        .await;
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
async fn of_all(id: u32, answer: Answer<()>) -> Answer<()> {
    let _ = id;
    answer
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, key = "of:<id>")]
async fn of_each(id: u32, answer: Answer<()>) -> Answer<()> {
    let _ = id;
    answer
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, prefix = "times", errors = AppError::Timeout)]
#[circuit_breaker(errors_rate = 50, period = "10s", ttl = "1m", min_calls = 1, errors = AppError::NotFound(_))]
async fn of_two(answer: Answer<()>) -> Answer<()> {
    answer
}

#[tokio::test]
async fn without_a_key_all_calls_of_a_function_are_judged_together() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(of_all(1, BAD).await, BAD);
            assert!(is_open(&of_all(2, Ok(())).await));
            assert_eq!(of_each(1, BAD).await, BAD);
            assert!(is_open(&of_each(1, Ok(())).await));
            assert_eq!(of_each(2, Ok(())).await, Ok(()));
            assert_eq!(of_two(BAD).await, BAD);
            assert_eq!(of_two(BAD).await, Err(AppError::Open(TTL)));
            fixture.clock.advance(TTL);
            let not_found = Err(AppError::NotFound(1));
            assert_eq!(of_two(not_found.clone()).await, not_found);
            assert_eq!(of_two(not_found).await, Err(AppError::Open(12 * TTL)), "of the other");
        })
        .await;
}

struct Api {
    id: u32,
}

impl Api {
    #[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, key = "api:<self.id>")]
    async fn by_ref(&self) -> Answer<u32> {
        Err(AppError::NotFound(self.id))
    }

    #[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
    async fn by_mut(&mut self) -> Answer<u32> {
        self.id += 1;
        Err(AppError::NotFound(self.id))
    }

    #[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, skip(id))]
    async fn associated(id: u32) -> Answer<Self> {
        Err(AppError::NotFound(id))
    }
}

trait Native {
    fn native(&self) -> impl Future<Output = Answer<u32>> + Send;
}

impl Native for Api {
    #[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1, skip(self))]
    async fn native(&self) -> Answer<u32> {
        Err(AppError::NotFound(self.id))
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, by: &str) -> Answer<u32>;
}

#[async_trait]
impl Boxed for Api {
    #[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
    async fn boxed(&self, by: &str) -> Answer<u32> {
        Err(AppError::NotFound(self.id + u32::try_from(by.len()).unwrap()))
    }
}

type Shown<T> = Result<Option<T>, Box<dyn std::error::Error + Send + Sync>>;

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
async fn generic<T: std::fmt::Display + Sync>(value: &T) -> Shown<T> {
    Err(value.to_string().into())
}

#[circuit_breaker(errors_rate = 100, period = "10s", ttl = "5s", min_calls = 1)]
fn opaque(id: u32) -> impl Future<Output = Answer<u32>> + Send {
    async move { Err(AppError::NotFound(id)) }
}

#[tokio::test]
async fn functions_and_methods_of_every_kind_can_have_a_breaker() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let mut api = Api { id: 1 };
            let mut refused = Vec::new();
            for _ in 0..2 {
                refused.push([
                    is_open(&api.by_ref().await),
                    is_open(&api.by_mut().await),
                    is_open(&Api::associated(1).await),
                    is_open(&api.native().await),
                    is_open(&api.boxed("x").await),
                    generic(&1).await.unwrap_err().is::<Error>(),
                    is_open(&opaque(1).await),
                ]);
            }
            // The second call by reference is of another instance by now.
            assert_eq!(refused, [[false; 7], [false, true, true, true, true, true, true]]);
            assert!(!generic(&"x").await.unwrap_err().is::<Error>(), "of another type");
        })
        .await;
}

#[tokio::test]
async fn in_memory_nobody_waits() {
    let fixture = Fixture::memory().await;
    let call = || drop_after(1, fixture.run(of_each(1, BAD)));
    assert_eq!(call().await, Some(BAD));
    assert_eq!(call().await, Some(Err(AppError::Open(TTL))));
    fixture.clock.advance(TTL);
    assert_eq!(call().await, Some(BAD));
}

#[tokio::test]
async fn a_state_is_kept_however_many_values_come_and_is_closed_by_whoever_deletes_it() {
    let fixture = Fixture::memory().await;
    let memory = Memory::builder().max_entries(10).build();
    let cache = Cache::builder().route("", memory).clock(fixture.clock.clone()).build().await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            assert_eq!(of_each(1, BAD).await, BAD);
            for id in 0..1000 {
                cache.set(format!("value:{id}"), &id).await.unwrap();
            }
            assert!(is_open(&of_each(1, Ok(())).await));
            let states = async || cache.scan("circuit_breaker:*").await.unwrap().len();
            assert_eq!(states().await, 1);
            assert!(cache.delete("circuit_breaker:of:1").await.unwrap());
            assert_eq!(of_each(1, Ok(())).await, Ok(()));
            assert_eq!(states().await, 1);
            fixture.clock.advance(Duration::from_secs(10));
            assert_eq!(states().await, 0, "a period without a call");

            assert_eq!(of_each(1, BAD).await, BAD);
            fixture.clock.advance(Duration::from_secs(12 * 60 * 60));
            assert_eq!(of_each(1, BAD).await, BAD);
            assert!(is_open(&of_each(1, Ok(())).await), "the first call in the morning was a probe");
            fixture.clock.advance(Duration::from_secs(25 * 60 * 60));
            assert_eq!(states().await, 0);
        })
        .await;
}

#[tokio::test]
async fn states_go_where_a_route_names_their_prefix_else_with_their_key() {
    let [values, breakers, own] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::builder().build());
    let call = async |cache: &Cache| Scope::new().cache(cache).run(of_each(1, Ok(()))).await.unwrap();
    let with = Cache::builder().route("", wrap(&values)).route("of:", wrap(&own));
    call(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), own.commands()), (0, 2), "one to begin, one to end");
    let with = Cache::builder().route("", wrap(&values)).route("circuit_breaker:", wrap(&breakers));
    call(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), breakers.commands()), (0, 2));
}

#[tokio::test]
async fn calls_can_be_spawned_by_arc() {
    let fixture = Fixture::memory().await;
    let api = Arc::new(Api { id: 7 });
    let call = Scope::new().cache(&fixture.cache).run(async move { api.by_ref().await });
    assert_eq!(tokio::spawn(call).await.unwrap(), Err(AppError::NotFound(7)));
}
