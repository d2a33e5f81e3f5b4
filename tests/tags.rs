//! Tags: one deletion for every entry that carries one, whatever their keys.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use macadamia::middleware::LowerKeys;
use macadamia::testing::{Faults, Wire};
use macadamia::{
    Backend, BoxFuture, Cache, Entry, EventKind, Key, Memory, Route, Scope, SetOptions, cached, invalidate,
    purge,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use support::{Fixture, settle};
use tokio::sync::Notify;

static RUNS: AtomicUsize = AtomicUsize::new(0);

fn run() -> usize {
    RUNS.fetch_add(1, SeqCst)
}

#[cached(ttl = "1h", key = "tagged:user:<id>", tags = ["users", "user:<id>", "team:<team:lower>"])]
async fn user(id: u64, team: &str) -> usize {
    let _ = (id, team);
    run()
}

#[cached(ttl = "1h", key = "untagged:<id>")]
async fn untagged(id: u64) -> usize {
    let _ = id;
    run()
}

#[cached(ttl = "1h", key = "of:<id>", tags = ["tenant:<@tenant>"])]
async fn of_tenant(id: u64) -> usize {
    let _ = id;
    run()
}

#[invalidate(tags = ["user:<id>"])]
async fn rename(id: u64) -> Result<(), ()> {
    if id == 0 { Err(()) } else { Ok(()) }
}

#[invalidate(tags = ["team:<team:lower>"], untagged(id = 7), on = "always")]
async fn dissolve(team: &str) -> Result<(), ()> {
    let _ = team;
    Err(())
}

/// Which of these entries are gone after `action`: user 1 and 2 of team A, user 3 of team B, an untagged one.
async fn gone_after(fixture: &Fixture, action: impl Future) -> Vec<usize> {
    let fill = || async { [user(1, "A").await, user(2, "A").await, user(3, "B").await, untagged(7).await] };
    fixture
        .run(async {
            let before = fill().await;
            assert_eq!(before, fill().await, "nothing was cached");
            action.await;
            let after = fill().await;
            (0..4).filter(|index| before[*index] != after[*index]).collect()
        })
        .await
}

#[tokio::test]
async fn every_entry_with_the_tag_goes_and_no_other() {
    let fixture = Fixture::memory().await;
    let cache = &fixture.cache;
    assert_eq!(gone_after(&fixture, cache.delete_tags(["users"])).await, [0, 1, 2]);
    assert_eq!(gone_after(&fixture, cache.delete_tags(["user:2"])).await, [1]);
    assert_eq!(gone_after(&fixture, cache.delete_tags(["team:a"])).await, [0, 1]);
    assert_eq!(gone_after(&fixture, cache.delete_tags(["team:b", "user:1"])).await, [0, 2]);
    assert_eq!(gone_after(&fixture, cache.delete_tags(["nobody", "use", "users:"])).await, [] as [usize; 0]);
    assert_eq!(gone_after(&fixture, cache.delete_tags([] as [&str; 0])).await, [] as [usize; 0]);
}

#[tokio::test]
async fn a_slow_backend_knows_tags_as_well() {
    let (fixture, _) = Fixture::remote().await;
    assert_eq!(gone_after(&fixture, fixture.cache.delete_tags(["team:a"])).await, [0, 1]);
}

#[tokio::test]
async fn a_function_invalidates_by_tags_made_from_its_arguments() {
    let fixture = Fixture::memory().await;
    assert_eq!(gone_after(&fixture, rename(2)).await, [1]);
    assert_eq!(gone_after(&fixture, dissolve("A")).await, [0, 1, 3]);
    let id = 3;
    assert_eq!(gone_after(&fixture, async { purge!(tags = ["user:<id>"]).await.unwrap() }).await, [2]);
}

#[tokio::test]
async fn a_failed_change_leaves_the_tags_alone() {
    let fixture = Fixture::memory().await;
    assert_eq!(gone_after(&fixture, rename(0)).await, [] as [usize; 0]);
}

#[tokio::test]
async fn commands_put_tags_on_what_they_store() {
    let Fixture { cache, .. } = Fixture::memory().await;
    cache.set("a", "1").tags(["letters", "first"]).await.unwrap();
    cache.set_many([("b", "2"), ("c", "3")]).tags(["letters"]).await.unwrap();
    assert!(cache.add("d", "4").tags(["letters"]).await.unwrap());
    let five = cache.get_or_set("e", || async { "5".to_owned() }).tags(["letters"]).await.unwrap();
    assert_eq!(five, "5");
    cache.set("digit", "0").await.unwrap();
    assert_eq!(cache.keys_count().await.unwrap(), 6);
    cache.delete_tags(["first"]).await.unwrap();
    assert_eq!(cache.get::<String>("a").await.unwrap(), None);
    assert_eq!(cache.keys_count().await.unwrap(), 5);
    cache.delete_tags(["letters"]).await.unwrap();
    let values = cache.get_many::<String, _>(["a", "b", "c", "d", "e", "digit"]).await.unwrap();
    assert_eq!(values.iter().flatten().collect::<Vec<_>>(), ["0"]);
}

#[tokio::test]
async fn what_a_tag_ended_is_absent_for_every_command() {
    let Fixture { cache, .. } = Fixture::memory().await;
    let ended = || async {
        cache.set("k", "old").tags(["t"]).await.unwrap();
        cache.delete_tags(["t"]).await.unwrap();
    };
    ended().await;
    assert!(!cache.exists("k").await.unwrap());
    assert!(!cache.expire("k", "1h").await.unwrap());
    assert!(!cache.delete("k").await.unwrap());
    assert!(cache.scan("*").await.unwrap().is_empty());
    assert!(!cache.set("k", "new").if_present().await.unwrap());
    ended().await;
    assert!(cache.set("k", "new").if_absent().await.unwrap());
    ended().await;
    assert_eq!(cache.incr("k").await.unwrap(), 1);
}

#[tokio::test]
async fn overwriting_without_tags_takes_the_entry_out_of_their_reach() {
    let Fixture { cache, .. } = Fixture::memory().await;
    cache.set("k", "1").tags(["t"]).await.unwrap();
    cache.set("k", "2").await.unwrap();
    cache.delete_tags(["t"]).await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("2"));
}

/// Computes once it is let.
#[cached(ttl = "1h", key = "gated:<name>", tags = ["gated", "gated:<name>"])]
async fn gated(name: &'static str, gate: &'static Notify) -> usize {
    let _ = name;
    let value = run();
    gate.notified().await;
    value
}

async fn a_deletion_meanwhile(fixture: Fixture, name: &'static str) {
    let gate: &'static Notify = Box::leak(Box::default());
    let scope = || Scope::new().cache(&fixture.cache);
    let early = tokio::spawn(scope().run(gated(name, gate)));
    settle().await;
    fixture.cache.delete_tags([format!("gated:{name}")]).await.unwrap();
    // Whoever comes now must not be given what was begun before.
    let late = tokio::spawn(scope().run(gated(name, gate)));
    settle().await;
    gate.notify_one();
    let early = early.await.unwrap();
    settle().await;
    gate.notify_one();
    let late = late.await.unwrap();
    assert_ne!(early, late, "a caller after the deletion joined a computation from before");
    let value = fixture.run(async { gated::peek(name).await.unwrap() }).await;
    assert_eq!(value, Some(late), "the older value was stored");
    assert_eq!(fixture.events.count(EventKind::Overtaken), 1);
}

#[tokio::test]
async fn what_was_being_computed_when_its_tag_was_deleted_is_not_stored() {
    a_deletion_meanwhile(Fixture::memory().await, "memory").await;
    a_deletion_meanwhile(Fixture::remote().await.0, "remote").await;
}

#[tokio::test]
async fn a_tag_without_its_context_value_bypasses() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_ne!(of_tenant(1).await, of_tenant(1).await);
            let in_tenant = |tenant: u8| Scope::new().key("tenant", &tenant).run(of_tenant(1));
            assert_eq!(in_tenant(1).await, in_tenant(1).await);
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::Bypassed), 2);
}

#[tokio::test]
async fn the_handle_stores_with_the_tags() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert!(user::set(9, "Z", 1_000_000).await.unwrap());
            assert_eq!(user(9, "Z").await, 1_000_000);
            fixture.cache.delete_tags(["team:z"]).await.unwrap();
            assert_eq!(user::peek(9).await.unwrap(), None);
        })
        .await;
}

#[tokio::test]
async fn tags_reach_every_route() {
    let cache = Cache::builder()
        .route("", Memory::default())
        .route("other:", Memory::default())
        .route("none:", "null://")
        .build()
        .await
        .unwrap();
    for key in ["a", "other:b", "none:c"] {
        cache.set(key, &1u8).tags(["t"]).await.unwrap();
    }
    cache.delete_tags(["t"]).await.unwrap();
    assert_eq!(cache.keys_count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_deletion_costs_the_same_for_one_entry_and_for_a_thousand() {
    let faults = Faults::new();
    let cache = Cache::builder().route("", faults.wrap(Memory::default())).build().await.unwrap();
    let cost = || async {
        let before = faults.commands();
        cache.delete_tags(["t"]).await.unwrap();
        faults.commands() - before
    };
    cache.set("one", &1u8).tags(["t"]).await.unwrap();
    let one = cost().await;
    let many = (0..1000).map(|i| (format!("k{i}"), &1u8));
    cache.set_many(many).tags(["t"]).await.unwrap();
    assert_eq!(cost().await, one);
    assert_eq!(cache.keys_count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_forgotten_generation_never_makes_an_old_entry_valid_again() {
    let memory = Memory::builder().max_entries(50).build();
    let cache = Cache::builder().route("", memory).build().await.unwrap();
    cache.set("old", &1u8).tags(["t"]).await.unwrap();
    cache.delete_tags(["t"]).await.unwrap();
    // Far more tags and entries than there is room for: whatever is kept of `t` goes.
    for i in 0..5_000 {
        cache.set(format!("k{i}"), &2u8).tags([format!("tag{i}")]).await.unwrap();
    }
    cache.set("new", &3u8).tags(["t"]).await.unwrap();
    assert_eq!(cache.get::<u8>("old").await.unwrap(), None);
}

/// Keeps entries and knows no tags.
#[derive(Default)]
struct Plain(std::sync::Mutex<std::collections::HashMap<Key, Arc<Entry>>>);

impl Backend for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn form(&self) -> macadamia::Form {
        macadamia::Form::Objects
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, macadamia::Result<Option<Arc<Entry>>>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().get(key).cloned()) })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        _: SetOptions,
    ) -> BoxFuture<'a, macadamia::Result<bool>> {
        Box::pin(async move {
            self.0.lock().unwrap().insert(key.clone(), entry);
            Ok(true)
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, macadamia::Result<bool>> {
        Box::pin(async move { Ok(self.0.lock().unwrap().remove(key).is_some()) })
    }

    fn clear(&self) -> BoxFuture<'_, macadamia::Result<()>> {
        Box::pin(async move {
            self.0.lock().unwrap().clear();
            Ok(())
        })
    }
}

#[tokio::test]
async fn a_backend_without_tags_stores_nothing_that_needs_them() {
    let cache = Cache::builder().route("", Plain::default()).build().await.unwrap();
    assert!(cache.set("k", &1u8).tags(["t"]).await.unwrap_err().is_unsupported());
    cache.delete_tags(["t"]).await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            assert_ne!(user(1, "A").await, user(1, "A").await, "stored although no tag could end it");
            assert_eq!(untagged(1).await, untagged(1).await);
        })
        .await;
}

#[tokio::test]
async fn a_short_life_under_a_tag_does_not_shorten_its_reach() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        cache.set("long", &1).tags(["t"]).ttl("1h").await.unwrap();
        cache.set("endless", &1).tags(["t"]).await.unwrap();
        cache.set("short", &1).tags(["t"]).ttl("1s").await.unwrap();
        clock.advance(std::time::Duration::from_secs(60));
        assert!(cache.exists("long").await.unwrap() && !cache.exists("short").await.unwrap());
        cache.delete_tags(["t"]).await.unwrap();
        assert!(!cache.exists("long").await.unwrap() && !cache.exists("endless").await.unwrap());
    }
}

#[cached(ttl = "1h", key = "words:<word>:<word:len>:<other>", tags = ["word:<word>", "both:<word>:<word>"])]
async fn words(word: &str, other: &str) -> usize {
    let _ = (word, other);
    run()
}

#[invalidate(tags = ["word:<word>"])]
async fn forget(word: &str) {
    let _ = word;
}

#[tokio::test]
async fn a_tag_is_made_of_arguments_whatever_they_contain() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let fill =
                || async { [words("x", "y:z").await, words("x:y", "z").await, words("x:y:z", "").await] };
            let gone = |before: [usize; 3], after: [usize; 3]| {
                before.iter().zip(after).map(|(b, a)| *b != a).collect::<Vec<_>>()
            };
            let before = fill().await;
            forget("x:y").await;
            let after = fill().await;
            assert_eq!(gone(before, after), [false, true, false]);
            purge!(tags = ["both:x%3Ay%3Az:x%3Ay%3Az"]).await.unwrap();
            assert_eq!(gone(after, fill().await), [false, false, true]);
        })
        .await;
}

#[tokio::test]
async fn a_counter_keeps_its_tags() {
    for fixture in Fixture::each().await {
        let cache = &fixture.cache;
        cache.set("n", &1i64).tags(["t"]).await.unwrap();
        assert_eq!(cache.incr("n").await.unwrap(), 2);
        cache.delete_tags(["t"]).await.unwrap();
        assert_eq!(cache.get::<i64>("n").await.unwrap(), None);
    }
}

#[tokio::test]
async fn behind_a_key_prefix_a_tagged_entry_is_alive_for_every_command() {
    for backend in [Route::to(Wire::new()), Route::to(Memory::default())] {
        let cache = Cache::builder().route("", backend.key_prefix("svc")).build().await.unwrap();
        cache.set("k", "v").tags(["t"]).await.unwrap();
        assert!(cache.expire("k", "1h").await.unwrap());
        assert_eq!(cache.scan("*").await.unwrap().len(), 1);
        assert!(!cache.add("k", "x").await.unwrap());
        assert!(cache.set("k", "w").tags(["t"]).if_present().await.unwrap());
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("w"));
        cache.delete_tags(["t"]).await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap(), None);
    }
}

/// Its keys differ in case alone.
#[cached(ttl = "1h", key = "Spelled:<name>", tags = ["Spelled"])]
async fn spelled(name: &'static str, gate: &'static Notify) -> usize {
    let _ = name;
    let value = run();
    gate.notified().await;
    value
}

#[tokio::test]
async fn a_deletion_by_another_spelling_of_the_key_reaches_what_is_being_computed() {
    for (at, by_tag) in [(0, false), (1, true), (2, false), (3, true)] {
        let backend = if at < 2 { Route::to(Memory::default()) } else { Route::to(Wire::new()) };
        let cache = Cache::builder().route("", backend).middleware(LowerKeys).build().await.unwrap();
        let gate: &'static Notify = Box::leak(Box::default());
        let call = || tokio::spawn(Scope::new().cache(&cache).run(spelled("A", gate)));
        let early = call();
        settle().await;
        if by_tag {
            cache.delete_tags(["spelled"]).await.unwrap();
        } else {
            cache.delete("spelled:a").await.unwrap();
        }
        let late = call();
        settle().await;
        gate.notify_one();
        let early = early.await.unwrap();
        settle().await;
        gate.notify_one();
        assert_ne!(early, late.await.unwrap(), "joined what was begun before the deletion");
    }
}
