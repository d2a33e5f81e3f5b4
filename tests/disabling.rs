//! Commands that are switched off: for a cache, for a stretch of code, for a scope.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod support;

use macadamia::{
    Cache, Command, Commands, EventKind, Expiry, Memory, Pattern, Reply, Scope, cached, invalidate,
};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::Fixture;

/// A cache with things in it.
async fn filled() -> Cache {
    let cache = Cache::builder().route("", Memory::builder().build()).build().await.unwrap();
    cache.set("k", &1).tags(["t"]).ttl("1h").await.unwrap();
    cache.set_raw("raw", "bytes").await.unwrap();
    cache.incr("n").await.unwrap();
    cache
}

/// Every command answers as on an empty cache that takes nothing.
async fn answers_as_if_nothing_were_there(cache: &Cache) {
    assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    assert!(cache.gets::<i32>("k").await.unwrap().is_none());
    assert_eq!(cache.get_local::<i32>("k").await.unwrap(), None);
    assert_eq!(cache.get_many::<i32, _>(["k", "l", "k"]).await.unwrap(), [None, None, None]);
    assert_eq!(cache.get_match::<i32>("*").await.unwrap(), []);
    assert_eq!(cache.get_raw("raw").await.unwrap(), None);
    assert!(!cache.set("new", &1).await.unwrap() && !cache.add("new", &1).await.unwrap());
    assert!(!cache.set_raw("new", "bytes").await.unwrap() && !cache.set_local("new", 1).await.unwrap());
    cache.set_many([("new", &1)]).await.unwrap();
    assert_eq!(cache.incr("n").by(5).await.unwrap(), 5);
    assert_eq!(cache.decr("n").await.unwrap(), -1);
    assert!(!cache.delete("k").await.unwrap());
    assert_eq!(cache.delete_many(["k", "n"]).await.unwrap(), 0);
    assert_eq!(cache.delete_match("*").await.unwrap(), 0);
    assert_eq!(cache.delete_match(Pattern::new("k")).await.unwrap(), 0);
    cache.delete_tags(["t"]).await.unwrap();
    assert!(!cache.exists("k").await.unwrap() && !cache.expire("k", "2h").await.unwrap());
    assert!(!cache.touch("k").ttl("2h").await.unwrap());
    assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Missing);
    assert_eq!((cache.scan("*").await.unwrap().len(), cache.keys_count().await.unwrap()), (0, 0));
    assert_eq!(cache.size_of("k").await.unwrap(), None);
    cache.clear().await.unwrap();
    cache.flush_all().await.unwrap();
    assert_eq!(cache.raw("GET", &["k"]).await.unwrap(), Reply::Nil);
    assert!(cache.ping("").await.unwrap_err().is_unsupported(), "nobody was asked");
    // Everybody is let in.
    let (one, other) = (cache.lock("job", "1m").await.unwrap(), cache.lock("job", "1m").await.unwrap());
    assert!(one.is_held() && other.is_held());
    assert!(cache.set_lock("job", "token", "1m").await.unwrap());
    assert!(!cache.is_locked("job").await.unwrap() && !cache.unlock("job", "token").await.unwrap());
}

async fn is_untouched(cache: &Cache) {
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(1));
    assert_eq!(cache.keys_count().await.unwrap(), 3);
    let left = cache.get_expire("k").await.unwrap().remaining().unwrap();
    assert!(left <= Duration::from_secs(3600));
    assert!(!cache.is_locked("job").await.unwrap());
}

#[tokio::test]
async fn a_disabled_command_does_nothing_and_answers_as_if_nothing_were_there() {
    let cache = filled().await;
    cache.disable(Commands::all());
    assert!(cache.is_fully_disabled());
    answers_as_if_nothing_were_there(&cache).await;
    cache.enable(Commands::all());
    assert!(!cache.is_fully_disabled());
    is_untouched(&cache).await;
}

#[tokio::test]
async fn a_scope_disables_for_its_own_future_only() {
    let cache = filled().await;
    Scope::new()
        .disable(Commands::all())
        .run(async {
            answers_as_if_nothing_were_there(&cache).await;
            assert!(!cache.is_disabled(Command::Get), "for everybody else it is on");
            let others = cache.clone();
            tokio::spawn(async move { is_untouched(&others).await }).await.unwrap();
        })
        .await;
    is_untouched(&cache).await;
}

#[tokio::test]
async fn each_command_is_switched_by_itself_and_in_all_tasks() {
    let cache = filled().await;
    cache.disable([Command::Scan, Command::Get]);
    assert!(cache.is_disabled(Command::Get) && !cache.is_disabled(Command::GetMany));
    let other = cache.clone();
    tokio::spawn(async move { assert_eq!(other.get::<i32>("k").await.unwrap(), None) }).await.unwrap();
    assert!(cache.scan("*").await.unwrap().is_empty());
    assert_eq!(cache.keys_count().await.unwrap(), 3);
    assert_eq!(cache.get_many::<i32, _>(["k"]).await.unwrap(), [Some(1)]);
    assert_eq!(cache.get_match::<i32>("k").await.unwrap().len(), 1);
    assert!(cache.set("k", &2).await.unwrap());
    cache.enable(Command::Get);
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(2));
    assert!(cache.is_disabled(Command::Scan));
    let another = filled().await;
    assert!(!another.is_disabled(Command::Scan), "a cache is switched by itself");
}

#[tokio::test]
async fn a_guard_restores_what_it_changed_and_guards_may_overlap() {
    let cache = filled().await;
    cache.disable(Command::Get);
    let guard = cache.disabling([Command::Get, Command::Set]);
    assert!(!cache.set("k", &2).await.unwrap());
    let longer = cache.disabling(Command::Set);
    drop(guard);
    assert!(cache.is_disabled(Command::Get), "it was disabled before");
    assert!(cache.is_disabled(Command::Set), "somebody else still holds it off");
    cache.enable(Command::Set);
    assert!(cache.is_disabled(Command::Set), "a guard's stretch is as long as the guard");
    drop(longer);
    assert!(!cache.is_disabled(Command::Set));
    assert!(cache.set("k", &3).await.unwrap());
}

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "counted")]
async fn counted() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

#[invalidate(counted)]
async fn change() {}

#[tokio::test]
async fn annotated_functions_run_store_or_pass_by_as_the_commands_that_are_off_say() {
    let fixture = Fixture::memory().await;
    let (cache, events) = (&fixture.cache, &fixture.events);
    fixture
        .run(async {
            cache.disable(Command::Set);
            assert_eq!((counted().await, counted().await), (0, 1));
            assert_eq!((events.count(EventKind::Stored), events.count(EventKind::Computed)), (0, 2));
            cache.enable(Command::Set);

            cache.disable(Command::Get);
            assert_eq!((counted().await, counted().await), (2, 3));
            assert_eq!((events.count(EventKind::Stored), events.count(EventKind::Hit)), (2, 0));
            cache.enable(Command::Get);
            assert_eq!(counted().await, 3, "the last one was stored");

            cache.disable(Command::Set);
            assert_eq!(counted().await, 3, "what is there is still read");
            cache.disable(Command::Get);
            assert_eq!((counted().await, counted().await), (4, 5));
            assert_eq!(events.count(EventKind::Bypassed), 2);
            cache.enable([Command::Get, Command::Set]);

            let both = [Command::Get, Command::Set];
            assert_eq!(Scope::new().disable(both).run(counted()).await, 6);
            assert_eq!(events.count(EventKind::Bypassed), 3);
            assert_eq!(counted().await, 3);

            cache.disable([Command::Delete, Command::DeleteMatch]);
            change().await;
            assert_eq!(counted().await, 3, "an invalidation that is off invalidates nothing");
            cache.enable(Commands::all());
            change().await;
            assert_eq!(counted().await, 7);
        })
        .await;
}

#[tokio::test]
async fn get_or_set_computes_and_stores_as_far_as_it_may() {
    let cache = filled().await;
    let runs = AtomicUsize::new(0);
    let get =
        async || -> usize { cache.get_or_set("g", || async { runs.fetch_add(1, SeqCst) }).await.unwrap() };
    cache.disable(Commands::all());
    assert_eq!((get().await, get().await), (0, 1));
    cache.enable(Commands::all());
    assert_eq!(cache.get::<usize>("g").await.unwrap(), None);
    assert_eq!((get().await, get().await), (2, 2));
}

#[tokio::test]
async fn an_invalidation_that_is_switched_off_is_told_as_none() {
    #[invalidate("any:*", tags = ["any"])]
    async fn change() {}

    let fixture = Fixture::memory().await;
    fixture.cache.set("any:1", &1u8).tags(["any"]).await.unwrap();
    fixture.cache.disable([Command::DeleteMatch, Command::DeleteTags]);
    fixture.run(change()).await;
    let told = |kind| fixture.events.count(kind);
    assert_eq!((told(EventKind::Invalidated), told(EventKind::NotInvalidated)), (0, 2));
    assert!(fixture.cache.exists("any:1").await.unwrap());
    fixture.cache.enable([Command::DeleteMatch, Command::DeleteTags]);
    fixture.run(change()).await;
    assert_eq!((told(EventKind::Invalidated), told(EventKind::NotInvalidated)), (2, 2));
    assert!(!fixture.cache.exists("any:1").await.unwrap());
}
