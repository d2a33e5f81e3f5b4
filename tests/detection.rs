//! `detect`: how the cached calls inside a future were answered, told call by call.

mod support;

use macadamia::testing::drop_after;
use macadamia::{Cache, Calls, Error, Event, EventKind, Expiry, Memory, Outcome, Scope, cached, detect};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::sync::Notify;

const SECOND: Duration = Duration::from_secs(1);

#[cached(ttl = "60s", key = "user:<id>")]
async fn user(id: u64) -> u64 {
    id
}

#[cached(ttl = "10s", key = "page:<id>")]
async fn page(id: u64) -> u64 {
    user(id).await + user(id + 1).await
}

#[cached(ttl = "1h", key = "ctx:<@client>:<id>")]
async fn per_client(id: u64) -> u64 {
    id
}

#[cached(ttl = "1h", key = "switched:<id>", when = on)]
async fn switched(on: bool, id: u64) -> u64 {
    id
}

fn outcomes(calls: &Calls) -> Vec<(&str, Outcome)> {
    calls.iter().map(|call| (call.key.as_str(), call.outcome)).collect()
}

/// The same on plain memory and on what is asked asynchronously.
async fn both() -> [Fixture; 2] {
    [Fixture::memory().await, Fixture::remote().await.0]
}

#[tokio::test]
async fn a_hit_and_a_miss_are_told_with_all_that_is_known() {
    for fixture in both().await {
        fixture
            .run(async {
                let (value, calls) = detect(user(7)).await;
                assert_eq!((value, calls.len()), (7, 1));
                let miss = calls.first().unwrap();
                assert_eq!((miss.key.as_str(), miss.outcome), ("user:7", Outcome::Computed));
                assert_eq!((miss.age, miss.expiry), (Duration::ZERO, Expiry::In(60 * SECOND)));
                assert!(!miss.is_hit() && calls.first_hit().is_none() && calls.hits().count() == 0);

                fixture.clock.advance(Duration::from_millis(12_345));
                let (value, calls) = detect(user(7)).await;
                assert_eq!(value, 7);
                let hit = calls.first_hit().unwrap();
                assert_eq!((hit.key.as_str(), hit.outcome, hit.strategy), ("user:7", Outcome::Hit, "cached"));
                assert_eq!((hit.template(), hit.backend), (Some("user:<id>"), Some("mem")));
                assert_eq!(hit.path().as_deref(), Some("detection::user"));
                assert_eq!(hit.age, Duration::from_millis(12_345));
                assert_eq!(hit.ttl_left(), Some(Duration::from_millis(47_655)));
                assert!(hit.error.is_none() && calls.all_hits());
            })
            .await;
    }
}

#[tokio::test]
async fn what_is_inside_a_function_is_told_before_it_and_not_once_it_is_a_hit() {
    for fixture in both().await {
        fixture
            .run(async {
                user(2).await;
                let (_, calls) = detect(page(1)).await;
                let computed = Outcome::Computed;
                assert_eq!(
                    outcomes(&calls),
                    [("user:1", computed), ("user:2", Outcome::Hit), ("page:1", computed)]
                );
                assert!(!calls.all_hits());
                assert_eq!(calls.min_ttl_left(), Some(10 * SECOND));
                let (_, calls) = detect(page(1)).await;
                assert_eq!(outcomes(&calls), [("page:1", Outcome::Hit)]);
            })
            .await;
    }
}

#[tokio::test]
async fn the_sums_an_http_layer_needs_are_over_all_calls() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            user(1).await;
            fixture.clock.advance(5 * SECOND);
            user(2).await;
            fixture.clock.advance(SECOND);
            let (_, calls) = detect(async { user(1).await + user(2).await }).await;
            assert!(calls.all_hits());
            assert_eq!(calls.oldest(), Some(6 * SECOND));
            assert_eq!(calls.min_ttl_left(), Some(54 * SECOND));
            let (_, calls) = detect(async { user(1).await + switched(false, 1).await }).await;
            assert_eq!(
                calls.min_ttl_left(),
                Some(Duration::ZERO),
                "what is kept nowhere is good for no time"
            );
            assert_eq!((calls.count(Outcome::Hit), calls.of("user:1").count()), (1, 1));
            let ((), calls) = detect(async {}).await;
            assert!(calls.is_empty() && !calls.all_hits());
            assert_eq!((calls.oldest(), calls.min_ttl_left()), (None, None));
        })
        .await;
}

#[tokio::test]
async fn who_waits_for_another_has_joined() {
    #[cached(ttl = "60s", key = "slow")]
    async fn slow(gate: &Notify) -> u8 {
        gate.notified().await;
        1
    }
    for fixture in both().await {
        fixture
            .run(async {
                let gate = Notify::new();
                let first = detect(slow(&gate));
                let second = detect(slow(&gate));
                let open = async {
                    settle().await;
                    gate.notify_one();
                };
                let ((_, first), (_, second), ()) = tokio::join!(first, second, open);
                assert_eq!(outcomes(&first), [("slow", Outcome::Computed)]);
                assert_eq!(outcomes(&second), [("slow", Outcome::Joined)]);
                assert_eq!(second[0].expiry, Expiry::In(60 * SECOND));
                assert!(second.first_hit().is_none(), "what was computed meanwhile comes from no cache");
            })
            .await;
    }
}

#[tokio::test]
async fn who_waits_while_another_only_looks_has_a_hit() {
    let (fixture, _) = Fixture::remote().await;
    fixture
        .run(async {
            user(1).await;
            fixture.clock.advance(SECOND);
            let ((_, one), (_, two)) = tokio::join!(detect(user(1)), detect(user(1)));
            assert!(one.all_hits() && two.all_hits(), "{one:?} {two:?}");
            assert_eq!((one.oldest(), two.oldest()), (Some(SECOND), Some(SECOND)));
        })
        .await;
}

#[tokio::test]
async fn observers_are_told_the_backend_and_why_there_was_no_key() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let events = Arc::clone(&seen);
    let observer = move |event: &Event<'_>| {
        let no_key = matches!(event.error, Some(Error::NoKey(_)));
        events.lock().unwrap().push((event.kind, event.backend, no_key));
    };
    let memory = Memory::builder().build();
    let cache = Cache::builder().route("user:", memory).observer(observer).build().await.unwrap();
    let calls = async {
        user(1).await;
        user(1).await;
        per_client(1).await;
        macadamia::purge!("user:*").await.unwrap();
    };
    Scope::new().cache(&cache).run(calls).await;
    let memory = Some("mem");
    let expected = [
        (EventKind::Stored, memory, false),
        (EventKind::Computed, memory, false),
        (EventKind::Hit, memory, false),
        (EventKind::Bypassed, None, true),
        (EventKind::Invalidated, None, false),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
}

#[tokio::test]
async fn calls_that_go_past_the_cache_say_why_where_there_is_a_reason() {
    #[cached(ttl = "1h", key = "recursive")]
    async fn recursive(depth: u8) -> u8 {
        if depth == 0 { 0 } else { Box::pin(recursive(depth - 1)).await + 1 }
    }
    for fixture in both().await {
        fixture
            .run(async {
                let (_, calls) = detect(async { switched(false, 1).await + per_client(1).await }).await;
                assert!(calls.iter().all(|call| call.outcome == Outcome::Bypassed), "{calls:?}");
                assert!(calls.iter().all(|call| call.expiry == Expiry::Missing && call.age.is_zero()));
                assert!(calls[0].error.is_none());
                assert!(matches!(calls[1].error, Some(Error::NoKey(why)) if why.contains("key context")));

                let (_, calls) = detect(recursive(2)).await;
                let of = |outcome| calls.count(outcome);
                assert_eq!((of(Outcome::Bypassed), of(Outcome::Computed)), (2, 1));
                assert_eq!(calls[2].outcome, Outcome::Computed, "the outermost answers last");
            })
            .await;
    }
}

#[tokio::test]
async fn without_a_route_there_is_no_backend_to_name() {
    let cache = Cache::builder().route("other:", Memory::builder().build()).build().await.unwrap();
    let (_, calls) = Scope::new().cache(&cache).run(detect(user(1))).await;
    assert_eq!((calls[0].outcome, calls[0].backend), (Outcome::Bypassed, None));
}

#[tokio::test]
async fn the_backend_error_that_made_a_miss_is_told() {
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            user(1).await;
            faults.fail(Some(Error::backend("connection reset")));
            let (value, calls) = detect(user(1)).await;
            assert_eq!((value, calls[0].outcome), (1, Outcome::Computed));
            assert!(calls.errors().any(|error| error.to_string().contains("connection reset")));
            assert_eq!(calls[0].expiry, Expiry::Missing, "it is stored nowhere");
            faults.fail(None);
            let (_, calls) = detect(user(1)).await;
            assert!(calls.all_hits() && calls.errors().next().is_none());
        })
        .await;
}

#[tokio::test]
async fn what_is_not_stored_has_no_time_to_live() {
    #[cached(ttl = "1h", key = "unwanted", condition = |_: &u8| false)]
    async fn unwanted() -> u8 {
        1
    }
    #[cached(ttl = "1h", none_ttl = "5s", key = "absent:<kept>", condition = |_: &u8| true)]
    async fn absent(kept: bool) -> Option<u8> {
        let _ = kept;
        None
    }
    #[cached(ttl = "1h", key = "overtaken")]
    async fn overtaken(cache: &Cache) -> u8 {
        cache.delete("overtaken").await.unwrap();
        1
    }
    #[cached(ttl = "forever", key = "forever")]
    async fn forever() -> u8 {
        1
    }
    for fixture in both().await {
        fixture
            .run(async {
                assert_eq!(detect(unwanted()).await.1[0].expiry, Expiry::Missing);
                assert_eq!(detect(overtaken(&fixture.cache)).await.1[0].expiry, Expiry::Missing);
                assert_eq!(detect(absent(true)).await.1[0].expiry, Expiry::In(5 * SECOND));
                let (_, calls) = detect(forever()).await;
                assert_eq!((calls[0].expiry, calls.min_ttl_left()), (Expiry::Never, None));
            })
            .await;
    }
}

#[tokio::test]
async fn get_or_set_is_a_call_and_a_plain_command_is_none() {
    for fixture in both().await {
        let cache = &fixture.cache;
        let ask = || async { cache.get_or_set("key", || async { 5u8 }).ttl("20s").await.unwrap() };
        let (_, first) = detect(ask()).await;
        let (_, second) = detect(ask()).await;
        assert_eq!((first[0].outcome, second[0].outcome), (Outcome::Computed, Outcome::Hit));
        assert_eq!((second[0].strategy, second[0].function.is_none()), ("get_or_set", true));
        assert_eq!(second[0].ttl_left(), Some(20 * SECOND));
        let (_, calls) = detect(async { cache.get::<u8>("key").await.unwrap() }).await;
        assert!(calls.is_empty());
    }
}

#[tokio::test]
async fn detects_inside_one_another_all_see_the_call() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let inside = async {
                user(1).await;
                detect(user(2)).await.1
            };
            let (inner, outer) = detect(inside).await;
            assert_eq!(outcomes(&inner), [("user:2", Outcome::Computed)]);
            assert_eq!(outcomes(&outer), [("user:1", Outcome::Computed), ("user:2", Outcome::Computed)]);
        })
        .await;
}

#[tokio::test]
async fn futures_side_by_side_are_told_apart() {
    let (fixture, _) = Fixture::remote().await;
    fixture
        .run(async {
            let ((_, one), (_, two), _) = tokio::join!(detect(user(1)), detect(user(2)), user(3));
            assert_eq!(
                (outcomes(&one), outcomes(&two)),
                (vec![("user:1", Outcome::Computed)], vec![("user:2", Outcome::Computed)])
            );
            let both = detect(async { tokio::join!(user(1), user(2)) });
            assert_eq!(both.await.1.count(Outcome::Hit), 2);
        })
        .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_or_panics_is_not_told() {
    #[cached(ttl = "1h", key = "panics")]
    async fn panics() -> u8 {
        panic!("on purpose")
    }
    let (fixture, _) = Fixture::remote().await;
    fixture
        .run(async {
            let raced = async {
                tokio::select! {
                    biased;
                    _ = user(1) => {}
                    () = tokio::task::yield_now() => {}
                }
                user(2).await
            };
            assert_eq!(outcomes(&detect(raced).await.1), [("user:2", Outcome::Computed)]);

            let caught = detect(async {
                tokio::spawn(Scope::current().run(panics())).await.unwrap_err();
                user(2).await
            });
            assert_eq!(outcomes(&caught.await.1), [("user:2", Outcome::Hit)]);
        })
        .await;
}

#[tokio::test]
async fn a_detect_may_be_dropped_midway() {
    let (fixture, _) = Fixture::remote().await;
    for polls in 0..12 {
        drop_after(polls, fixture.run(detect(page(1)))).await;
    }
    let (_, calls) = fixture.run(detect(user(9))).await;
    assert_eq!(outcomes(&calls), [("user:9", Outcome::Computed)]);
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_spawned_task_is_inside_if_it_takes_the_scope_along() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let cache = fixture.cache.clone();
            let (late, calls) = detect(async {
                tokio::spawn(Scope::current().run(user(1))).await.unwrap();
                tokio::spawn(Scope::new().cache(&cache).run(user(2))).await.unwrap();
                let gate = Arc::new(Notify::new());
                let opened = Arc::clone(&gate);
                let late = tokio::spawn(Scope::current().run(async move {
                    opened.notified().await;
                    user(3).await
                }));
                (late, gate)
            })
            .await;
            assert_eq!(outcomes(&calls), [("user:1", Outcome::Computed)]);
            // After the end nobody asks any more; the task goes on undisturbed.
            late.1.notify_one();
            assert_eq!(late.0.await.unwrap(), 3);
        })
        .await;
}

#[tokio::test]
async fn of_very_many_calls_the_first_are_kept_and_the_others_counted() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let ((), calls) = detect(async {
                for _ in 0..10_003 {
                    user(1).await;
                }
            })
            .await;
            assert_eq!((calls.len(), calls.left_out()), (10_000, 3));
            assert!(!calls.all_hits());
        })
        .await;
}

#[tokio::test]
async fn every_call_is_counted_once_as_it_was_answered() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "counted:<id>", when = id != 9)]
    async fn counted(id: u8) -> Option<usize> {
        let run = RUNS.fetch_add(1, SeqCst);
        (id != 3).then_some(run)
    }
    for fixture in both().await {
        let before = counted::stats();
        let ((), calls) = fixture
            .run(detect(async {
                tokio::join!(counted(1), counted(1), counted(9));
                counted(1).await;
                counted(3).await;
            }))
            .await;
        let after = counted::stats();
        assert_eq!(calls.len() as u64, after.calls() - before.calls());
        assert_eq!(calls.count(Outcome::Hit) as u64, after.hits - before.hits);
        assert_eq!(calls.count(Outcome::Computed) as u64, after.computed - before.computed);
        assert_eq!(calls.count(Outcome::Joined) as u64, after.joined - before.joined);
        assert_eq!(calls.count(Outcome::Bypassed) as u64, after.bypassed - before.bypassed);
    }
}
