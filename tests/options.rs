//! Options of a route: by URL, by setter, by the cache; the nearest to the hand wins.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod support;

use macadamia::middleware::{Timing, Verb};
use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{Cache, CacheBuilder, Command, Error, Expiry, Memory, Null, Route, Scope, cached};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;
use support::settle;

const HOUR: Duration = Duration::from_secs(3600);

async fn on_clock(builder: CacheBuilder) -> Cache {
    builder.clock(ManualClock::new()).build().await.unwrap()
}

async fn life(cache: &Cache) -> Expiry {
    cache.set("life", &1).await.unwrap();
    cache.get_expire("life").await.unwrap()
}

#[tokio::test]
async fn without_options_keys_never_expire_and_are_as_they_are() {
    let server = Memory::builder().build();
    let cache = on_clock(Cache::builder().route("", server.clone())).await;
    assert_eq!(life(&cache).await, Expiry::Never);
    assert_eq!(cache.scan("*").await.unwrap(), ["life"]);
}

#[tokio::test]
async fn a_default_ttl_is_given_to_whatever_is_stored_without_one() {
    let cache = on_clock(Cache::builder().route("", Route::to("mem://").ttl(HOUR))).await;
    cache.set("set", &1).await.unwrap();
    cache.add("add", &1).await.unwrap();
    cache.set_many([("many", &1)]).await.unwrap();
    cache.incr("incr").await.unwrap();
    cache.set_raw("raw", "bytes").await.unwrap();
    let _: i32 = cache.get_or_set("get-or-set", || async { 1 }).await.unwrap();
    for key in ["set", "add", "many", "incr", "raw", "get-or-set"] {
        assert_eq!(cache.get_expire(key).await.unwrap(), Expiry::In(HOUR), "{key}");
    }
    for (ttl, expected) in
        [("2h", Expiry::In(2 * HOUR)), ("1s", Expiry::In(HOUR / 3600)), ("forever", Expiry::Never)]
    {
        cache.set("own", &1).ttl(ttl).await.unwrap();
        assert_eq!(cache.get_expire("own").await.unwrap(), expected);
    }
    cache.touch("own").await.unwrap();
    assert_eq!(cache.get_expire("own").await.unwrap(), Expiry::In(HOUR));
}

#[tokio::test]
async fn a_setter_beats_the_url_and_the_url_beats_the_cache() {
    let cache = || Cache::builder().ttl("3h");
    let lives = [
        (cache().route("", "mem://"), Expiry::In(3 * HOUR)),
        (cache().route("", "mem://?ttl=2h"), Expiry::In(2 * HOUR)),
        (cache().route("", Route::to("mem://?ttl=2h").ttl("1h")), Expiry::In(HOUR)),
        (cache().route("", Route::to("mem://?ttl=2h").ttl("forever")), Expiry::Never),
        (cache().route("", "mem://?ttl=forever"), Expiry::Never),
        (cache().route("", Route::to(Memory::builder().build())), Expiry::In(3 * HOUR)),
        (cache().ttl("4h").route("", "mem://?ttl=600"), Expiry::In(HOUR / 6)),
    ];
    for (builder, expected) in lives {
        assert_eq!(life(&on_clock(builder).await).await, expected);
    }
}

/// What one key becomes on the server behind this route.
async fn raw_key(name: &str, route: impl FnOnce(&str) -> CacheBuilder) -> String {
    let url = format!("mem://options-{name}");
    let server = Cache::builder().route("", &url).build().await.unwrap();
    let cache = route(&url).build().await.unwrap();
    cache.set("k", &1).await.unwrap();
    assert_eq!(cache.scan("*").await.unwrap(), ["k"]);
    server.scan("*").await.unwrap()[0].to_string()
}

#[tokio::test]
async fn a_prefix_comes_from_the_url_the_setter_or_the_cache_and_an_empty_one_wins_too() {
    let svc = raw_key("a", |url| Cache::builder().route("", format!("{url}?key_prefix=svc"))).await;
    assert_eq!(svc, "svc:k");
    let svc = raw_key("b", |url| Cache::builder().route("", format!("{url}?namespace=svc"))).await;
    assert_eq!(svc, "svc:k");
    let svc = raw_key("c", |url| {
        let route = Route::to(format!("{url}?key_prefix=url")).key_prefix("setter");
        Cache::builder().key_prefix("cache").route("", route)
    });
    assert_eq!(svc.await, "setter:k");
    let none = raw_key("d", |url| {
        Cache::builder()
            .key_prefix("cache")
            .route("", Route::to(format!("{url}?key_prefix=url")).key_prefix(""))
    });
    assert_eq!(none.await, "k");
    let none =
        raw_key("e", |url| Cache::builder().key_prefix("cache").route("", format!("{url}?key_prefix=")));
    assert_eq!(none.await, "k");
    let cache = raw_key("f", |url| Cache::builder().key_prefix("cache").route("", url));
    assert_eq!(cache.await, "cache:k");
}

#[tokio::test]
async fn clear_removes_what_has_the_prefix_and_flush_all_everything() {
    let build = |prefix: &str| {
        Cache::builder().route("", Route::to("mem://options-clear").key_prefix(prefix)).build()
    };
    let (foo, foobar, bare) =
        (build("foo").await.unwrap(), build("foobar").await.unwrap(), build("").await.unwrap());
    for cache in [&foo, &foobar, &bare] {
        cache.set("k", &1).await.unwrap();
    }
    foo.clear().await.unwrap();
    assert!(!foo.exists("k").await.unwrap());
    assert!(foobar.exists("k").await.unwrap() && bare.exists("k").await.unwrap());
    foobar.flush_all().await.unwrap();
    assert_eq!(bare.keys_count().await.unwrap(), 0);
}

#[tokio::test]
async fn entries_of_another_version_are_not_seen_whether_it_is_a_number_or_text() {
    let build = |options: &str| Cache::builder().route("", format!("mem://options-v{options}")).build();
    let versions =
        ["", "?version=0", "?version=1", "?version=f6s8a68687as", "?version=1:0", "?version=1%3Av0"];
    let mut caches = Vec::new();
    for version in versions {
        caches.push(build(version).await.unwrap());
    }
    for (value, cache) in caches.iter().enumerate() {
        assert_eq!(cache.get::<usize>("k").await.unwrap(), None);
        cache.set("k", &value).await.unwrap();
    }
    for (value, cache) in caches.iter().enumerate() {
        assert_eq!(cache.get::<usize>("k").await.unwrap(), Some(value), "{}", versions[value]);
        assert_eq!(cache.scan("k*").await.unwrap(), ["k"]);
    }
    let by_setter = Route::to("mem://options-v?version=9").version(1);
    let one = Cache::builder().version("cache's").route("", by_setter).build().await.unwrap();
    assert_eq!(one.get::<usize>("k").await.unwrap(), Some(2));
    one.clear().await.unwrap();
    assert_eq!(caches[1].get::<usize>("k").await.unwrap(), Some(1));
    let zero = Route::to("mem://options-v").version(0);
    let zero = Cache::builder().version(1).route("", zero).build().await.unwrap();
    assert_eq!(zero.get::<usize>("k").await.unwrap(), Some(1), "zero is a version and wins");
    let none = Route::to("mem://options-v?version=1").version("");
    let none = Cache::builder().route("", none).build().await.unwrap();
    assert_eq!(none.get::<usize>("k").await.unwrap(), Some(0), "an empty version is none and wins");
}

/// Whether a command on a backend that hangs is given up.
async fn gives_up_after(limit: Duration, options: impl FnOnce(Route) -> Route, scope: Scope) -> bool {
    let (clock, faults) = (ManualClock::new(), Faults::new());
    faults.hang(true);
    let cache = Cache::builder()
        .route("", options(Route::to(faults.wrap(Null::new()))))
        .suppress(false)
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    let task = tokio::spawn(scope.run(async move { cache.get::<i32>("k").await }));
    settle().await;
    clock.advance(limit.saturating_sub(Duration::from_millis(1)));
    settle().await;
    assert!(!task.is_finished(), "given up too early");
    clock.advance(Duration::from_millis(1));
    settle().await;
    let given_up = task.is_finished();
    if given_up {
        assert!(matches!(task.await.unwrap(), Err(Error::Timeout { .. })));
    }
    given_up
}

#[tokio::test]
async fn a_timeout_is_the_scopes_else_the_routes_else_that_of_byte_backends_and_zero_is_none() {
    let millis = Duration::from_millis;
    assert!(gives_up_after(millis(250), |route| route, Scope::new()).await);
    assert!(gives_up_after(millis(900), |route| route.timeout(millis(900)), Scope::new()).await);
    assert!(!gives_up_after(HOUR, |route| route.timeout(Duration::ZERO), Scope::new()).await);
    let hurry = Scope::new().timeout(millis(20));
    assert!(gives_up_after(millis(20), |route| route.timeout(millis(900)), hurry).await);
    let patient = Scope::new().timeout(Duration::ZERO);
    assert!(!gives_up_after(HOUR, |route| route.timeout(millis(900)), patient).await);
}

#[tokio::test]
async fn a_route_that_is_not_enabled_keeps_nothing_until_it_is() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "not-enabled")]
    async fn helped() -> usize {
        RUNS.fetch_add(1, SeqCst)
    }
    for builder in [
        Cache::builder().route("", "mem://?enable=0"),
        Cache::builder().route("", Route::to("mem://?enable=1").enable(false)),
        Cache::builder().enable(false).route("", "mem://"),
    ] {
        RUNS.store(0, SeqCst);
        let cache = builder.build().await.unwrap();
        assert!(cache.is_fully_disabled() && cache.is_disabled(Command::Get));
        Scope::new()
            .cache(&cache)
            .run(async {
                assert_eq!((helped().await, helped().await), (0, 1));
                cache.enable(macadamia::Commands::all());
                assert!(!cache.is_disabled(Command::Get));
                assert_eq!((helped().await, helped().await), (2, 2));
            })
            .await;
    }
    let half = Cache::builder().enable(false).route("", "mem://").route("on:", "mem://?enable=yes");
    let half = half.build().await.unwrap();
    assert!(!half.is_disabled(Command::Set));
    assert!(half.set("on:k", &1).await.unwrap() && !half.set("k", &1).await.unwrap());
}

#[tokio::test]
async fn a_bad_option_is_told_when_the_cache_is_built_with_its_route_and_what_is_allowed() {
    let message = async |builder: CacheBuilder| match builder.build().await {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("expected a configuration error, got {other:?}"),
    };
    let bad = [
        ("mem://?ttl=soon", "option `ttl`: `soon` is not a duration"),
        ("mem://?ttl=0", "option `ttl`: a ttl of zero"),
        ("mem://?ttl=-5", "is not a duration"),
        ("mem://?timeout=soon", "expected a duration"),
        ("mem://?timeout=-1", "expected a duration"),
        ("mem://?enable=perhaps", "option `enable=perhaps` of `mem`: expected true or false"),
        ("mem://?key_prefix=a*", "`*` would be a wildcard"),
        ("mem://?key_prefix=lock", "`lock:` is reserved"),
        ("mem://?key_prefix=a&namespace=b", "are one option"),
        ("mem://?vresion=1", "`mem` has no option `vresion`; it has: size"),
    ];
    for (url, expected) in bad {
        let text = message(Cache::builder().route("user:", url)).await;
        assert!(text.starts_with("route \"user:\": ") && text.contains(expected), "{url}: {text}");
    }
    let text = message(Cache::builder().route("user:", Route::to("mem://").ttl(0).key_prefix("x"))).await;
    assert!(text.contains("route \"user:\": option `ttl`: a ttl of zero"), "{text}");
    assert!(message(Cache::builder().ttl("never").route("", "mem://")).await.contains("is not a duration"));
    assert!(message(Cache::builder().key_prefix("a*").route("", "mem://")).await.contains("wildcard"));
}

#[tokio::test]
async fn clear_of_a_route_with_a_literal_prefix_leaves_what_others_keep_in_the_same_store() {
    let store = Memory::builder().build();
    let users = Cache::builder().route("user:", store.clone()).build().await.unwrap();
    let all = Cache::builder().route("", store.clone()).build().await.unwrap();
    users.set("user:1", &1).await.unwrap();
    all.set("fail:user:1", &1).await.unwrap();
    all.set("users", &1).await.unwrap();
    let held = users.lock("user:1", "1m").await.unwrap();
    users.clear().await.unwrap();
    assert_eq!(all.scan("*").await.unwrap(), ["users"]);
    assert!(all.scan("fail:*").await.unwrap().is_empty());
    assert!(!users.is_locked("user:1").await.unwrap());
    drop(held);
    all.clear().await.unwrap();
    assert!(store.is_empty());
}

#[tokio::test]
async fn options_mean_the_same_whatever_keeps_the_entries() {
    let (memory, wire, remote) = (Memory::default(), Wire::new(), Memory::default());
    let faults = Faults::new();
    let backends: [&dyn Fn() -> Route; 3] =
        [&|| Route::to(memory.clone()), &|| Route::to(wire.clone()), &|| {
            Route::to(faults.wrap(remote.clone()))
        }];
    for backend in backends {
        let timing = Timing::new();
        let route = backend().ttl("1h").key_prefix("svc").version(2).middleware(timing.clone());
        let cache = on_clock(Cache::builder().route("", route).route("off:", backend().enable(false))).await;
        assert_eq!(life(&cache).await, Expiry::In(HOUR));
        assert_eq!(cache.get::<i32>("life").await.unwrap(), Some(1));
        assert_eq!(timing.of(Verb::Set).count, 1);
        assert!(!cache.set("off:k", &1).await.unwrap());
        let raw = on_clock(Cache::builder().route("", backend())).await;
        assert_eq!(raw.scan("*").await.unwrap(), ["svc:%v2:life"]);
    }
}
