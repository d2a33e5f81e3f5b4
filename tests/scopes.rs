//! Scopes: what differs inside one future, and nowhere else.

mod support;

use macadamia::{Cache, Command, Commands, Memory, Outcome, Scope, cached, context, detect};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use support::{Fixture, settle};
use tokio::sync::Notify;
use tokio::task::yield_now;

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "leaf:<id>")]
async fn leaf(id: u8) -> usize {
    let _ = id;
    RUNS.fetch_add(1, SeqCst)
}

#[cached(ttl = "1h", key = "branch:<id>")]
async fn branch(id: u8) -> (usize, usize, usize) {
    (leaf(id).await, leaf(id + 1).await, RUNS.fetch_add(1, SeqCst))
}

#[cached(ttl = "1h", key = "ctx:<@tenant>:<id>")]
async fn per_tenant(id: u8) -> String {
    format!("{id} for {}", context("tenant").unwrap_or_default())
}

#[tokio::test]
async fn keys_of_the_context_are_in_templates_and_can_be_asked_for() {
    let fixture = Fixture::memory().await;
    let nested = async {
        let outer = per_tenant(1).await;
        let inner = Scope::new().key("tenant", &2).run(per_tenant(1)).await;
        (outer, inner, context("tenant"))
    };
    let (outer, inner, after) = fixture.run(Scope::new().key("tenant", "a b").run(nested)).await;
    assert_eq!((outer.as_str(), inner.as_str(), after.as_deref()), ("1 for a b", "1 for 2", Some("a b")));
    for key in ["ctx:a%20b:1", "ctx:2:1"] {
        assert!(fixture.cache.exists(key).await.unwrap());
    }
    assert_eq!(context("tenant"), None);
}

#[tokio::test]
async fn the_last_of_two_values_of_one_scope_counts() {
    let scope = Scope::new().key("tenant", &1).key("tenant", &2);
    assert_eq!(scope.run(async { context("tenant") }).await.as_deref(), Some("2"));
}

#[tokio::test]
async fn an_inner_cache_hides_the_outer_one() {
    let (outer, inner) = (Fixture::memory().await, Fixture::memory().await);
    outer.run(inner.run(leaf(1))).await;
    assert!(inner.cache.exists("leaf:1").await.unwrap());
    assert!(!outer.cache.exists("leaf:1").await.unwrap());
}

#[tokio::test]
async fn two_scopes_that_take_turns_do_not_see_each_other() {
    async fn asks(times: usize) -> Vec<Option<String>> {
        let mut seen = Vec::new();
        for _ in 0..times {
            seen.push(context("tenant"));
            yield_now().await;
        }
        seen
    }
    let (one, two, none) = tokio::join!(
        Scope::new().key("tenant", &1).run(asks(5)),
        Scope::new().key("tenant", &2).run(asks(3)),
        asks(4)
    );
    assert!(one.iter().all(|seen| seen.as_deref() == Some("1")) && one.len() == 5);
    assert!(two.iter().all(|seen| seen.as_deref() == Some("2")));
    assert!(none.iter().all(Option::is_none));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scope_follows_its_task_from_thread_to_thread() {
    let tasks: Vec<_> = (0..32u32)
        .map(|id| {
            tokio::spawn(Scope::new().key("tenant", &id).run(async move {
                for _ in 0..50 {
                    yield_now().await;
                    assert_eq!(context("tenant"), Some(id.to_string()));
                }
            }))
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(context("tenant"), None);
}

#[test]
fn a_panic_inside_leaves_the_thread_as_it_was() {
    let scope = Scope::new().key("tenant", &1).run(async {
        assert_eq!(context("tenant").as_deref(), Some("1"));
        panic!("on purpose")
    });
    let mut scope = Box::pin(scope);
    let poll = || scope.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    assert_eq!(context("tenant"), None);
    drop(scope);
    assert_eq!(context("tenant"), None);
}

/// Notes the tenant when it is dropped.
struct Leaving<'a>(&'a std::sync::Mutex<Vec<Option<String>>>);

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.0.lock().expect("no panic").push(context("tenant"));
    }
}

#[test]
fn a_future_dropped_midway_is_dropped_inside_its_scope() {
    let seen = std::sync::Mutex::default();
    let body = async {
        let _leaving = Leaving(&seen);
        std::future::pending::<()>().await;
    };
    let mut scope = Box::pin(Scope::new().key("tenant", &1).run(body));
    assert!(scope.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(scope);
    assert_eq!(*seen.lock().unwrap(), [Some("1".to_owned())]);
    assert_eq!(context("tenant"), None);
}

#[tokio::test]
async fn a_spawned_task_is_outside_unless_it_takes_the_scope_along() {
    let fixture = Fixture::memory().await;
    let (outside, inside, more) = fixture
        .run(Scope::new().key("tenant", &1).run(async {
            let outside = tokio::spawn(async { context("tenant") }).await.unwrap();
            let inside = tokio::spawn(Scope::current().run(per_tenant(4))).await.unwrap();
            let more = Scope::current().key("lang", "en").run(async { (context("tenant"), context("lang")) });
            (outside, inside, tokio::spawn(more).await.unwrap())
        }))
        .await;
    assert_eq!((outside, inside.as_str()), (None, "4 for 1"));
    assert_eq!(more, (Some("1".to_owned()), Some("en".to_owned())));
    assert!(fixture.cache.exists("ctx:1:4").await.unwrap(), "the cache came along");
}

#[tokio::test]
async fn a_scope_taken_along_lies_inside_the_one_it_is_taken_into() {
    let carried = Scope::new().key("tenant", &1).run(async { Scope::current() }).await;
    let seen = async { (context("tenant"), context("lang")) };
    let seen = Scope::new().key("tenant", &2).key("lang", "en").run(carried.run(seen)).await;
    assert_eq!(seen, (Some("1".to_owned()), Some("en".to_owned())));
}

#[tokio::test]
async fn outside_any_scope_there_is_nothing_to_take_along() {
    assert_eq!(Scope::current().run(async { context("tenant") }).await, None);
}

#[tokio::test]
async fn everything_inside_is_recomputed_once_and_stored() {
    for fixture in [Fixture::memory().await, Fixture::remote().await.0] {
        fixture
            .run(async {
                let before = branch(1).await;
                assert_eq!(branch(1).await, before);
                let (fresh, calls) = detect(Scope::new().invalidate_further().run(branch(1))).await;
                assert!(fresh.0 > before.2 && fresh.1 > fresh.0 && fresh.2 > fresh.1, "{before:?} {fresh:?}");
                assert_eq!(calls.count(Outcome::Computed), 3);
                assert_eq!((branch(1).await, leaf(1).await, leaf(2).await), (fresh, fresh.0, fresh.1));
            })
            .await;
    }
}

#[tokio::test]
async fn a_refresh_inside_recomputes_what_is_inside_it_too() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let before = branch(5).await;
            let calm = branch::refresh(5).await;
            assert_eq!((calm.0, calm.1), (before.0, before.1), "a refresh alone asks the cache for the rest");
            let all = Scope::new().invalidate_further().run(branch::refresh(5)).await;
            assert!(all.0 > calm.2 && all.1 > calm.2);
        })
        .await;
}

#[tokio::test]
async fn get_or_set_inside_computes_and_stores() {
    let fixture = Fixture::memory().await;
    let ask = |value: u8| fixture.cache.get_or_set("n", move || async move { value }).into_future();
    assert_eq!(ask(1).await.unwrap(), 1);
    assert_eq!(Scope::new().invalidate_further().run(ask(2)).await.unwrap(), 2);
    assert_eq!(ask(3).await.unwrap(), 2);
}

#[tokio::test]
async fn one_after_another_each_call_inside_runs_and_at_the_same_time_one_does() {
    for fixture in [Fixture::memory().await, Fixture::remote().await.0] {
        fixture
            .run(Scope::new().invalidate_further().run(async {
                #[cached(ttl = "1h", key = "slow-leaf")]
                async fn slow_leaf() -> usize {
                    settle().await;
                    RUNS.fetch_add(1, SeqCst)
                }
                let (one, two) = tokio::join!(slow_leaf(), slow_leaf());
                assert_eq!(one, two);
                assert!(slow_leaf().await > one);
                assert_eq!(fixture.cache.in_flight(), 0);
            }))
            .await;
    }
}

#[tokio::test]
async fn nothing_computed_outside_is_served_inside() {
    static OLD: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "contended")]
    async fn contended(gate: &Notify, wait: bool) -> usize {
        let seen = OLD.load(SeqCst);
        if wait {
            gate.notified().await;
        }
        seen
    }
    for fixture in [Fixture::memory().await, Fixture::remote().await.0] {
        OLD.store(1, SeqCst);
        fixture
            .run(async {
                let gate = Notify::new();
                let inside = async {
                    settle().await;
                    OLD.store(2, SeqCst);
                    let fresh = Scope::new().invalidate_further().run(contended(&gate, false)).await;
                    gate.notify_one();
                    fresh
                };
                let (old, fresh) = tokio::join!(contended(&gate, true), inside);
                assert_eq!((old, fresh), (1, 2));
                assert_eq!(
                    contended(&gate, false).await,
                    2,
                    "the older computation was stored over the fresh one"
                );
            })
            .await;
    }
}

#[tokio::test]
async fn two_scopes_that_recompute_do_not_share() {
    #[cached(ttl = "1h", key = "own")]
    async fn own() -> usize {
        settle().await;
        RUNS.fetch_add(1, SeqCst)
    }
    let fixture = Fixture::memory().await;
    let scope = || Scope::new().invalidate_further();
    let (one, two) = fixture.run(async { tokio::join!(scope().run(own()), scope().run(own())) }).await;
    assert_ne!(one, two);
    let scope = scope();
    let (one, two) = fixture.run(async { tokio::join!(scope.clone().run(own()), scope.run(own())) }).await;
    assert_ne!(one, two, "each run of a scope begins anew");
}

#[tokio::test]
async fn a_task_taken_along_shares_with_its_scope() {
    #[cached(ttl = "1h", key = "shared-by-tasks")]
    async fn shared() -> usize {
        settle().await;
        RUNS.fetch_add(1, SeqCst)
    }
    let fixture = Fixture::memory().await;
    fixture.run(shared()).await;
    let inside = async {
        let task = tokio::spawn(Scope::current().run(shared()));
        (shared().await, task.await.unwrap())
    };
    let (here, there) = fixture.run(Scope::new().invalidate_further().run(inside)).await;
    assert_eq!(here, there);
}

#[tokio::test]
async fn a_function_that_asks_for_itself_while_recomputing_runs_on() {
    #[cached(ttl = "1h", key = "recursive")]
    async fn recursive(depth: u8) -> u8 {
        if depth == 0 { 0 } else { Box::pin(recursive(depth - 1)).await + 1 }
    }
    let fixture = Fixture::memory().await;
    assert_eq!(fixture.run(Scope::new().invalidate_further().run(recursive(3))).await, 3);
    assert_eq!(fixture.run(recursive(9)).await, 3);
}

#[tokio::test]
async fn a_deletion_reaches_what_is_recomputed() {
    #[cached(ttl = "1h", key = "deleted-meanwhile")]
    async fn deleted(cache: &Cache, gate: &Notify) -> usize {
        let run = RUNS.fetch_add(1, SeqCst);
        gate.notified().await;
        let _ = cache;
        run
    }
    let fixture = Fixture::memory().await;
    let cache = &fixture.cache;
    fixture
        .run(Scope::new().invalidate_further().run(async {
            let gate = Notify::new();
            let later = async {
                settle().await;
                cache.delete("deleted-meanwhile").await.unwrap();
                let mut second = pin!(deleted(cache, &gate));
                assert!(poll_once(second.as_mut()).await.is_none());
                gate.notify_waiters();
                gate.notify_one();
                second.await
            };
            let (first, second) = tokio::join!(deleted(cache, &gate), later);
            assert_ne!(first, second, "a call after the deletion joined a computation from before it");
            assert!(fixture.cache.exists("deleted-meanwhile").await.unwrap());
        }))
        .await;
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        Poll::Ready(match future.as_mut().poll(cx) {
            Poll::Ready(out) => Some(out),
            Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn a_scope_is_shared_by_reference_count_and_runs_more_than_once() {
    let cache = Cache::builder().route("", Memory::builder().build()).build().await.unwrap();
    let scope = Arc::new(Scope::new().cache(&cache).key("tenant", &1));
    for id in 0..3 {
        Scope::clone(&scope).run(per_tenant(id)).await;
    }
    assert_eq!(cache.keys_count().await.unwrap(), 3);
}

#[tokio::test]
async fn commands_that_are_off_inside_are_off_for_functions() {
    for fixture in [Fixture::memory().await, Fixture::remote().await.0] {
        fixture
            .run(async {
                let (get, set) = (Command::Get, Command::Set);
                let off = |commands: Commands| Scope::new().disable(commands);
                let stored = leaf(1).await;
                assert!(off(set.into()).run(leaf(1)).await == stored, "reading is on");
                assert!(off(set.into()).run(leaf(2)).await < leaf(2).await, "writing is off");

                let (fresh, calls) = detect(off(get.into()).run(leaf(1))).await;
                assert!(fresh > stored && calls.count(Outcome::Computed) == 1);
                assert_eq!(leaf(1).await, fresh, "writing is on");

                let (past, calls) = detect(off([get, set].into()).run(leaf(1))).await;
                assert!(past > fresh && calls.count(Outcome::Bypassed) == 1);
                assert_eq!(leaf(1).await, fresh);

                let inner = off(set.into()).run(leaf(1));
                let (_, calls) = detect(off(get.into()).run(inner)).await;
                assert_eq!(calls.count(Outcome::Bypassed), 1, "an inner scope adds to what is off");
            })
            .await;
    }
}
