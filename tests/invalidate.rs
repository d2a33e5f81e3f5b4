//! `#[invalidate]`, `purge!` and handles: what goes, when, and what must not come back.

mod support;

use macadamia::testing::drop_after;
use macadamia::{Cache, EventKind, Memory, cached, invalidate, purge};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use support::{Fixture, settle};
use tokio::task::yield_now;

#[derive(Debug, Clone, PartialEq)]
struct Failed;

struct User {
    uid: u64,
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "user:<user.uid>:<lang>")]
async fn profile(user: &User, lang: &str) -> usize {
    let _ = (user.uid, lang);
    RUNS.fetch_add(1, SeqCst)
}

#[cached(ttl = "1h", key = "items:page:<page>:<fresh>")]
async fn items(page: u32, fresh: bool) -> usize {
    let _ = (page, fresh);
    RUNS.fetch_add(1, SeqCst)
}

#[cached(ttl = "1h")]
async fn by_default_key(id: u32, name: String) -> usize {
    id as usize + name.len()
}

async fn fill() -> [usize; 6] {
    [
        profile(&User { uid: 1 }, "en").await,
        profile(&User { uid: 1 }, "de").await,
        profile(&User { uid: 2 }, "en").await,
        items(1, false).await,
        items(1, true).await,
        items(2, true).await,
    ]
}

/// Which of the six entries are gone after `action`.
async fn gone_after<F: Future>(action: F) -> Vec<usize> {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let before = fill().await;
            action.await;
            let after = fill().await;
            (0..6).filter(|index| before[*index] != after[*index]).collect()
        })
        .await
}

#[invalidate(profile(user.uid = id, lang = "en"))]
async fn one_entry(id: u64) {}

#[invalidate(profile(user.uid = id))]
async fn one_user(id: u64) -> Result<(), Failed> {
    if id == 99 { Err(Failed) } else { Ok(()) }
}

#[invalidate(items(page = _, fresh = true))]
async fn fresh_ones() {}

#[invalidate(items)]
async fn all_items() {}

#[invalidate("items:page:*:true", "user:<id>:de")]
async fn patterns_and_keys(id: u64) {}

#[invalidate(items(page = 2))]
#[invalidate(profile(lang = lang))]
async fn stacked(lang: String) {
    drop(lang);
}

#[tokio::test]
async fn exactly_the_named_entries_go() {
    assert_eq!(gone_after(one_entry(1)).await, [0]);
    assert_eq!(gone_after(async { one_user(1).await.unwrap() }).await, [0, 1]);
    assert_eq!(gone_after(fresh_ones()).await, [4, 5]);
    assert_eq!(gone_after(all_items()).await, [3, 4, 5]);
    assert_eq!(gone_after(patterns_and_keys(1)).await, [1, 4, 5]);
    assert_eq!(gone_after(stacked("en".into())).await, [0, 2, 5]);
}

#[invalidate("user:<name>:*")]
async fn by_name(name: &str) {
    let _ = name;
}

#[tokio::test]
async fn a_value_with_a_wildcard_matches_only_itself() {
    assert_eq!(gone_after(by_name("*")).await, [] as [usize; 0]);
    assert_eq!(gone_after(by_name("1")).await, [0, 1]);
}

#[tokio::test]
async fn an_error_invalidates_nothing() {
    assert_eq!(gone_after(async { one_user(99).await.unwrap_err() }).await, [] as [usize; 0]);
}

#[invalidate(items, on = "always")]
async fn always() -> Result<(), Failed> {
    Err(Failed)
}

#[tokio::test]
async fn on_always_invalidates_after_an_error_too() {
    assert_eq!(gone_after(async { always().await.unwrap_err() }).await, [3, 4, 5]);
}

#[invalidate(items, on = "before")]
async fn before() -> usize {
    items(1, true).await
}

#[tokio::test]
async fn on_before_invalidates_before_the_body_runs() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let old = items(1, true).await;
            let inside = before().await;
            assert_ne!(old, inside);
            assert_eq!(items(1, true).await, inside);
        })
        .await;
}

#[tokio::test]
async fn a_mutation_that_panics_or_is_dropped_midway_invalidates() {
    #[invalidate(items)]
    async fn interrupted(panics: bool) {
        yield_now().await;
        assert!(!panics, "after its effect");
        yield_now().await;
    }
    let panicking = async {
        let task = macadamia::Scope::new().run(interrupted(true));
        let caught = std::panic::AssertUnwindSafe(task);
        assert!(futures_catch(caught).await.is_err());
    };
    assert_eq!(gone_after(panicking).await, [3, 4, 5]);
    assert_eq!(
        gone_after(async { assert!(drop_after(1, interrupted(false)).await.is_none()) }).await,
        [3, 4, 5]
    );
    assert_eq!(gone_after(async { drop(interrupted(false)) }).await, [] as [usize; 0], "it never began");
}

/// Catches a panic while polling.
async fn futures_catch<F: Future>(future: std::panic::AssertUnwindSafe<F>) -> std::thread::Result<F::Output> {
    let mut future = Box::pin(future.0);
    std::future::poll_fn(move |cx| {
        match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| future.as_mut().poll(cx))) {
            Ok(std::task::Poll::Pending) => std::task::Poll::Pending,
            Ok(std::task::Poll::Ready(out)) => std::task::Poll::Ready(Ok(out)),
            Err(panic) => std::task::Poll::Ready(Err(panic)),
        }
    })
    .await
}

#[tokio::test]
async fn a_remote_backend_is_invalidated_in_the_background_when_the_mutation_is_dropped() {
    #[invalidate(items)]
    async fn dropped() {
        std::future::pending::<()>().await;
    }
    let (fixture, _) = Fixture::remote().await;
    fixture
        .run(async {
            let before = items(1, true).await;
            assert!(drop_after(1, dropped()).await.is_none());
            let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
            while fixture.cache.exists("items:page:1:true").await.unwrap() {
                assert!(std::time::Instant::now() < deadline, "still there");
                yield_now().await;
            }
            assert_ne!(items(1, true).await, before);
        })
        .await;
}

#[tokio::test]
async fn what_was_computed_before_an_invalidation_is_not_stored_after_it() {
    static DATA: AtomicUsize = AtomicUsize::new(1);
    static GATE: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "racing")]
    async fn read() -> usize {
        let seen = DATA.load(SeqCst);
        while !GATE.load(SeqCst) && seen == 1 {
            yield_now().await;
        }
        seen
    }
    #[invalidate(read)]
    async fn write(value: usize) {
        DATA.store(value, SeqCst);
    }
    for remote in [false, true] {
        DATA.store(1, SeqCst);
        GATE.store(false, SeqCst);
        let fixture = if remote { Fixture::remote().await.0 } else { Fixture::memory().await };
        let scope = || macadamia::Scope::new().cache(&fixture.cache);
        let old = tokio::spawn(scope().run(read()));
        let joined = tokio::spawn(scope().run(read()));
        settle().await;
        scope().run(write(2)).await;
        // Who comes after the invalidation does not join the old computation.
        assert_eq!(scope().run(read()).await, 2);
        GATE.store(true, SeqCst);
        assert_eq!((old.await.unwrap(), joined.await.unwrap()), (1, 1), "they came before");
        assert_eq!(scope().run(read()).await, 2, "the old value came back");
        assert_eq!(fixture.events.count(EventKind::Overtaken), 1);
        assert_eq!(fixture.cache.in_flight(), 0);
    }
}

#[tokio::test]
async fn every_way_of_deleting_refuses_older_computations() {
    #[cached(ttl = "1h", key = "way:<way>")]
    async fn value(way: usize, gate: &AtomicBool) -> usize {
        let _ = way;
        while !gate.load(SeqCst) {
            yield_now().await;
        }
        1
    }
    for way in 0..6 {
        let (fixture, _) = Fixture::remote().await;
        let gate = AtomicBool::new(false);
        let cache = &fixture.cache;
        let key = format!("way:{way}");
        let action = async {
            settle().await;
            match way {
                0 => drop(cache.delete(&key).await.unwrap()),
                1 => drop(cache.delete_many([&key]).await.unwrap()),
                2 => drop(cache.delete_match("way:*").await.unwrap()),
                3 => cache.clear().await.unwrap(),
                4 => drop(cache.set(&key, &5usize).await.unwrap()),
                _ => drop(purge!("way:<way>").await.unwrap()),
            }
            gate.store(true, SeqCst);
        };
        let (out, ()) = fixture.run(async { tokio::join!(value(way, &gate), action) }).await;
        assert_eq!(out, 1);
        let stored = cache.get::<usize>(&key).await.unwrap();
        assert_eq!(stored, (way == 4).then_some(5), "way {way}");
    }
}

#[tokio::test]
async fn handles_read_write_and_remove_what_the_function_stores() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let user = User { uid: 5 };
            assert_eq!(profile::peek(&user, "en").await.unwrap(), None);
            let value = profile(&user, "en").await;
            assert_eq!(profile::peek(&user, "en").await.unwrap(), Some(value));
            assert!(profile::set(&user, "en", 1_000_000).await.unwrap());
            assert_eq!(profile(&user, "en").await, 1_000_000);
            let fresh = profile::refresh(&user, "en").await;
            assert_ne!(fresh, 1_000_000);
            assert_eq!(profile(&user, "en").await, fresh);
            assert!(profile::invalidate(&user, "en").await.unwrap());
            assert!(!profile::invalidate(&user, "en").await.unwrap());
            assert_eq!(profile::TEMPLATE, "user:<user.uid>:<lang>");
        })
        .await;
}

#[tokio::test]
async fn purge_counts_what_went() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            fill().await;
            by_default_key(1, "x".into()).await;
            by_default_key(2, "y".into()).await;
            assert_eq!(purge!(items(page = 1u32)).await.unwrap(), 2);
            assert_eq!(purge!(items, profile(user.uid = 2u64)).await.unwrap(), 2);
            assert_eq!(purge!(by_default_key(id = 1u32, name = "x")).await.unwrap(), 1);
            assert_eq!(purge!(by_default_key).await.unwrap(), 1);
            assert_eq!(purge!("user:1:*").await.unwrap(), 2);
            assert_eq!(fixture.cache.keys_count().await.unwrap(), 0);
        })
        .await;
}

#[tokio::test]
async fn all_keys_of_a_generic_function_go_together() {
    #[cached(ttl = "1h")]
    async fn generic<T: 'static>(id: u32) -> u32 {
        id
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            generic::<u8>(1).await;
            generic::<u16>(1).await;
            generic::<u16>(2).await;
            assert_eq!(purge!(generic(id = 1u32)).await.unwrap(), 2);
            assert_eq!(purge!(generic).await.unwrap(), 1);
        })
        .await;
}

#[tokio::test]
async fn the_targets_cache_is_used_unless_another_is_named() {
    static OTHER: std::sync::LazyLock<Cache> = std::sync::LazyLock::new(|| {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
            .block_on(Cache::builder().route("", Memory::builder().build()).build())
            .unwrap()
    });
    #[cached(ttl = "1h", key = "elsewhere:<id>", cache = OTHER)]
    async fn elsewhere(id: u32) -> usize {
        let _ = id;
        RUNS.fetch_add(1, SeqCst)
    }
    #[invalidate(elsewhere(id = id))]
    async fn change(id: u32) {}
    std::thread::spawn(|| std::sync::LazyLock::force(&OTHER)).join().unwrap();
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let first = elsewhere(1).await;
            assert_eq!(elsewhere(1).await, first);
            assert!(OTHER.exists("elsewhere:1").await.unwrap());
            assert!(!fixture.cache.exists("elsewhere:1").await.unwrap());
            change(1).await;
            assert_ne!(elsewhere(1).await, first);
        })
        .await;
}

#[tokio::test]
async fn a_cached_function_may_also_invalidate() {
    #[cached(ttl = "1h", key = "outer:<id>")]
    #[invalidate(items)]
    async fn outer(id: u32) -> usize {
        let _ = id;
        RUNS.fetch_add(1, SeqCst)
    }
    #[invalidate(items)]
    #[cached(ttl = "1h", key = "inner:<id>")]
    async fn inner(id: u32) -> usize {
        let _ = id;
        RUNS.fetch_add(1, SeqCst)
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            // `cached` outside: a hit does not reach the invalidation.
            outer(1).await;
            let item = items(1, true).await;
            outer(1).await;
            assert_eq!(items(1, true).await, item);
            // `invalidate` outside: a hit invalidates all the same.
            let value = inner(1).await;
            let item = items(1, true).await;
            assert_eq!(inner(1).await, value);
            assert_ne!(items(1, true).await, item);
        })
        .await;
}

/// A type of one's own whose name ends like an alias of `Result`.
#[derive(Debug, Clone, PartialEq)]
struct SearchResult(u32);

type Answer = Result<Option<u32>, Failed>;

#[cached(ttl = "1h", key = "search:<id>")]
async fn search(id: u32) -> SearchResult {
    SearchResult(id)
}

#[cached(ttl = "1h", none_ttl = "1m", key = "answer:<id>")]
async fn answer(id: u32) -> Answer {
    if id == 9 { Err(Failed) } else { Ok((id != 0).then_some(id)) }
}

#[tokio::test]
async fn a_handle_takes_a_return_type_for_what_it_means() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            search(1).await;
            assert_eq!(search::peek(1).await.unwrap(), Some(SearchResult(1)));
            for id in [0, 1] {
                assert_eq!(answer::peek(id).await.unwrap(), None);
                let given = answer(id).await;
                assert_eq!(answer::peek(id).await.unwrap(), Some(given));
            }
            assert!(answer::set(2, Ok(Some(7))).await.unwrap());
            assert_eq!(answer(2).await, Ok(Some(7)));
        })
        .await;
}

/// No function of this file has `#[fail]`.
#[tokio::test]
async fn on_a_server_what_another_program_keeps_for_failures_goes_too() {
    let fixture = Fixture::wire().await;
    fixture
        .run(async {
            for key in ["fail:elsewhere:1", "fail:elsewhere:2", "fail:elsewhere:3"] {
                fixture.cache.set(key, &1).await.unwrap();
            }
            assert_eq!(purge!("elsewhere:1").await.unwrap(), 1);
            assert_eq!(purge!("elsewhere:*").await.unwrap(), 2);
        })
        .await;
}
