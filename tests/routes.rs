//! Routes, URLs, several caches, and installing one.

mod support;

use macadamia::testing::Faults;
use macadamia::{Cache, Error, Expiry, Memory, Null, Scope, cached};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

async fn error_of(build: macadamia::CacheBuilder) -> String {
    match build.build().await {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

#[tokio::test]
async fn the_longest_literal_prefix_wins() {
    let (default, users, admins) =
        (Memory::builder().build(), Memory::builder().build(), Memory::builder().build());
    let cache = Cache::builder()
        .route("user:", users.clone())
        .route("", default.clone())
        .route("user:admin:", admins.clone())
        .build()
        .await
        .unwrap();
    for key in ["user:1", "user:admin:1", "users", "user", "accounts"] {
        cache.set(key, key).await.unwrap();
    }
    assert_eq!((default.len(), users.len(), admins.len()), (3, 1, 1));
    // A pattern goes to every route it can reach.
    assert_eq!(cache.scan("user*").await.unwrap().len(), 4);
    assert_eq!(cache.delete_match("user:*").await.unwrap(), 2);
    assert_eq!((default.len(), users.len(), admins.len()), (3, 0, 0));
}

#[cached(ttl = "1h", key = "user:<kind>:<id>")]
async fn routed(kind: &str, id: u32) -> u32 {
    let _ = kind;
    id
}

#[tokio::test]
async fn annotated_functions_follow_routes_even_where_the_head_does_not_decide() {
    let (users, admins) = (Memory::builder().build(), Memory::builder().build());
    let cache = Cache::builder()
        .route("user:", users.clone())
        .route("user:admin:", admins.clone())
        .build()
        .await
        .unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            for _ in 0..2 {
                routed("admin", 1).await;
                routed("guest", 1).await;
                routed("guest", 2).await;
            }
        })
        .await;
    assert_eq!((users.len(), admins.len()), (2, 1));
}

#[tokio::test]
async fn one_function_on_two_caches_keeps_them_apart() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "per-cache")]
    async fn per_cache() -> usize {
        RUNS.fetch_add(1, SeqCst)
    }
    let build = || Cache::builder().route("", "mem://").build();
    let (first, second) = (build().await.unwrap(), build().await.unwrap());
    for _ in 0..3 {
        assert_eq!(Scope::new().cache(&first).run(per_cache()).await, 0);
        assert_eq!(Scope::new().cache(&second).run(per_cache()).await, 1);
    }
}

#[tokio::test]
async fn memories_of_one_name_are_one_and_others_are_apart() {
    let build = |url: &'static str| Cache::builder().route("", url).build();
    let (a, b, again) = (
        build("locmem://default").await.unwrap(),
        build("locmem://users").await.unwrap(),
        build("locmem://default").await.unwrap(),
    );
    a.set("k", &1).await.unwrap();
    assert_eq!(b.get::<i32>("k").await.unwrap(), None);
    assert_eq!(again.get::<i32>("k").await.unwrap(), Some(1), "opening again neither wipes nor splits");
    let (x, y) = (build("mem://").await.unwrap(), build("mem://").await.unwrap());
    x.set("k", &1).await.unwrap();
    assert_eq!(y.get::<i32>("k").await.unwrap(), None);
}

#[tokio::test]
async fn instances_of_every_backend_stand_side_by_side() {
    let build = |url: &'static str| Cache::builder().route("", url).build();
    let (default, users) = (build("dummy://default").await.unwrap(), build("dummy://users").await.unwrap());
    let memory = build("mem://side-by-side").await.unwrap();
    for cache in [&default, &users, &memory] {
        assert!(cache.set("k", &1).await.unwrap());
    }
    for cache in [&default, &users] {
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
    }
    let (held, again) =
        (build("mem://side-by-side").await.unwrap(), build("locmem://side-by-side").await.unwrap());
    assert_eq!(held.get::<i32>("k").await.unwrap(), Some(1), "opening a name again wipes nothing");
    assert_eq!(again.get::<i32>("k").await.unwrap(), Some(1));
}

#[tokio::test]
async fn a_default_ttl_comes_from_the_url_and_forever_overrides_it() {
    let cache = Cache::builder().route("", "mem://?ttl=600").build().await.unwrap();
    cache.set("default", &1).await.unwrap();
    cache.set("own", &1).ttl("1h").await.unwrap();
    cache.set("never", &1).ttl("forever").await.unwrap();
    cache.incr("counter").await.unwrap();
    cache.add("added", &1).await.unwrap();
    let left = async |key: &str| cache.get_expire(key).await.unwrap();
    let near = |expiry: Expiry, seconds: u64| {
        let left = expiry.remaining().unwrap();
        left <= Duration::from_secs(seconds) && left > Duration::from_secs(seconds - 5)
    };
    assert!(near(left("default").await, 600) && near(left("own").await, 3600));
    assert!(near(left("counter").await, 600) && near(left("added").await, 600));
    assert_eq!(left("never").await, Expiry::Never);
}

#[tokio::test]
async fn mistakes_are_told_when_the_cache_is_built() {
    assert!(error_of(Cache::builder()).await.contains("needs a route"));
    let text = error_of(Cache::builder().route("", "mem://?seize=5")).await;
    assert!(text.starts_with("route \"\": `mem` has no option `seize`"), "{text}");
    let text = error_of(Cache::builder().route("a:", "mem://?size=many")).await;
    assert!(text.contains("option `size=many`"), "{text}");
    assert!(error_of(Cache::builder().route("", "mem://?size=0")).await.contains("size"));
    assert!(error_of(Cache::builder().route("", "mem://?ttl=0")).await.contains("zero"));
    assert!(error_of(Cache::builder().route("", "mem")).await.contains("scheme://"));
    assert!(error_of(Cache::builder().route("", "mem://").route("", "null://")).await.contains("twice"));
    let text = error_of(Cache::builder().route("", "nosuch://")).await;
    assert!(text.contains("`nosuch://`") && text.contains("mem") && text.contains("null"), "{text}");
    let text = error_of(Cache::builder().route("", "memcached://u:hunter2@h/0")).await;
    assert!(text.contains("features = [\"memcached\"]") && !text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_key_without_a_route_is_an_error_of_a_command_and_a_bypass_of_a_function() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "nowhere")]
    async fn nowhere() -> usize {
        RUNS.fetch_add(1, SeqCst)
    }
    let cache = Cache::builder().route("user:", "mem://").build().await.unwrap();
    assert!(matches!(cache.set("other", &1).await, Err(Error::Config(_))));
    Scope::new().cache(&cache).run(async { assert_eq!((nowhere().await, nowhere().await), (0, 1)) }).await;
}

#[tokio::test]
async fn null_keeps_nothing_and_functions_always_run() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "on-null")]
    async fn on_null() -> usize {
        RUNS.fetch_add(1, SeqCst)
    }
    for url in ["null://", "dummy://", "dummy://x:1/y?z=1"] {
        let cache = Cache::builder().route("", url).build().await.unwrap();
        cache.set("k", &1).await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap(), None);
        assert_eq!(cache.get_many::<i32, _>(["k", "l"]).await.unwrap(), [None, None]);
        assert!(!cache.exists("k").await.unwrap() && !cache.delete("k").await.unwrap());
        assert_eq!(cache.keys_count().await.unwrap(), 0);
        RUNS.store(0, SeqCst);
        Scope::new()
            .cache(&cache)
            .run(async { assert_eq!((on_null().await, on_null().await), (0, 1)) })
            .await;
    }
}

#[derive(Clone, Debug, PartialEq)]
struct Unserialisable;

impl serde::Serialize for Unserialisable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("no bytes for this"))
    }
}

impl<'de> serde::Deserialize<'de> for Unserialisable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Self)
    }
}

#[cached(ttl = "1h", key = "unserialisable")]
async fn helped() -> Unserialisable {
    Unserialisable
}

#[tokio::test]
async fn null_still_runs_the_codec_so_that_an_unserialisable_value_fails_in_development() {
    let cache = Cache::builder().route("", Null::new()).build().await.unwrap();
    let codec = |outcome: Result<(), Error>| matches!(outcome, Err(Error::Codec { .. }));
    assert!(codec(cache.set("k", &Unserialisable).await.map(drop)));
    assert!(codec(cache.add("k", &Unserialisable).await.map(drop)));
    assert!(codec(cache.set_many([("k", &Unserialisable)]).await));
    // An annotated function is not failed by its cache.
    assert_eq!(Scope::new().cache(&cache).run(helped()).await, Unserialisable);
}

#[tokio::test]
async fn clear_and_close_reach_every_route() {
    let (default, users) = (Faults::new(), Faults::new());
    let cache = Cache::builder()
        .route("", default.wrap(Memory::default()))
        .route("user:", users.wrap(Memory::default()))
        .build()
        .await
        .unwrap();
    for key in ["k", "user:1"] {
        cache.set(key, &1).await.unwrap();
    }
    cache.clear().await.unwrap();
    assert!(!cache.exists("k").await.unwrap() && !cache.exists("user:1").await.unwrap());
    let asked = (default.commands(), users.commands());
    cache.close().await.unwrap();
    assert_eq!((default.commands(), users.commands()), (asked.0 + 1, asked.1 + 1));
}

#[tokio::test]
async fn a_cache_is_built_used_and_closed() {
    let cache = Cache::builder().route("", "locmem://null").build().await.unwrap();
    cache.set("test", "Ok!").await.unwrap();
    assert_eq!(cache.get::<String>("test").await.unwrap().as_deref(), Some("Ok!"));
    cache.close().await.unwrap();
}

#[tokio::test]
async fn a_store_goes_with_the_last_handle_to_its_cache_however_its_user_ends() {
    async fn uses(fails: bool, panics: bool) -> Result<(), Error> {
        let cache = Cache::builder().route("", "mem://goes-with-its-handle").build().await?;
        assert_eq!(cache.get::<i32>("k").await?, None, "it is still there");
        cache.set("k", &1).await?;
        assert!(!panics, "on purpose");
        if fails { Err(Error::Locked) } else { Ok(()) }
    }
    uses(false, false).await.unwrap();
    uses(true, false).await.unwrap_err();
    assert!(tokio::spawn(uses(false, true)).await.unwrap_err().is_panic());
    uses(false, false).await.unwrap();
}

#[tokio::test]
async fn a_size_in_the_url_bounds_memory() {
    let cache = Cache::builder().route("", "mem://?size=500").build().await.unwrap();
    for number in 0..500 {
        cache.set(format!("k{number}"), &number).await.unwrap();
    }
    assert_eq!(cache.keys_count().await.unwrap(), 500);
    for number in 500..2_000 {
        cache.set(format!("k{number}"), &number).await.unwrap();
        assert!(cache.keys_count().await.unwrap() <= 500, "after {number}");
    }
}
