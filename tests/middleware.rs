//! The chain around every command, and the links that come with it.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod support;

use macadamia::middleware::{
    Callbacks, HitRatio, KeyPrefix, LowerKeys, Next, Removed, Request, Response, SizeLimit, Timing, Verb,
};
use macadamia::testing::{Faults, ManualClock};
use macadamia::{
    Backend, BoxFuture, Cache, Entry, Error, Key, Memory, Middleware, Null, Result, Route, Scope, SetOptions,
    cached, invalidate,
};
use std::borrow::Cow;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::settle;

/// What happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn note(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// Notes when it is passed, and puts its name before keys.
struct Trace(&'static str, Log);

impl Middleware for Trace {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let verb = request.verb();
            self.1.note(format!("{} before {verb}", self.0));
            let outcome = next.run(request).await;
            self.1.note(format!("{} after {verb}", self.0));
            outcome
        })
    }

    fn map_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        self.1.note(format!("{} key", self.0));
        Cow::Owned(format!("{}/{key}", self.0))
    }
}

/// A backend of bytes that notes what reaches it.
struct Wire(Log);

impl Backend for Wire {
    fn name(&self) -> &'static str {
        "wire"
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async { Ok(None) })
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        assert!(entry.encoded().is_some(), "a backend of bytes was given an object");
        self.0.note(format!("backend set {key}"));
        Box::pin(async { Ok(true) })
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async { Ok(false) })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

static ENCODED: Mutex<Option<Log>> = Mutex::new(None);

/// Notes when it is encoded.
#[derive(Clone, serde::Deserialize)]
struct Noted;

impl serde::Serialize for Noted {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if let Some(log) = &*ENCODED.lock().unwrap() {
            log.note("codec");
        }
        serializer.serialize_unit_struct("Noted")
    }
}

#[tokio::test]
async fn a_set_passes_middleware_then_key_then_codec_then_backend_and_comes_back() {
    let log = Log::default();
    *ENCODED.lock().unwrap() = Some(log.clone());
    let cache = Cache::builder()
        .middleware(Trace("cache", log.clone()))
        .route("", Route::to(Wire(log.clone())).middleware(Trace("route", log.clone())).key_prefix("test"))
        .build()
        .await
        .unwrap();
    // The first of a type is encoded once more, to see that it can be read back.
    cache.set("first", &Noted).await.unwrap();
    log.take();
    assert!(cache.set("key", &Noted).await.unwrap());
    assert_eq!(
        log.take(),
        [
            "cache before set",
            "cache key",
            "route before set",
            "route key",
            "codec",
            "backend set test:route/cache/key",
            "route after set",
            "cache after set",
        ]
    );
}

#[cached(ttl = "1h", key = "plain:<id>")]
async fn plain(id: u32) -> u32 {
    id
}

/// Notes verbs, and says whether it must see hits.
struct Eye(bool, Log);

impl Middleware for Eye {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        self.1.note(request.verb().as_str());
        next.run(request)
    }

    fn sees_hits(&self) -> bool {
        self.0
    }
}

#[tokio::test]
async fn a_hit_is_seen_by_those_who_ask_for_it_and_by_nobody_else() {
    for (sees, expected) in [(true, vec!["get"]), (false, vec![])] {
        let log = Log::default();
        let cache = Cache::builder()
            .middleware(Eye(sees, log.clone()))
            .route("", Route::to("mem://").key_prefix("svc"))
            .build()
            .await
            .unwrap();
        Scope::new()
            .cache(&cache)
            .run(async {
                plain(1).await;
                assert!(log.take().contains(&"set".to_owned()));
                assert_eq!(plain(1).await, 1);
                assert_eq!(log.take(), expected);
                assert_eq!(cache.get::<u32>("plain:1").await.unwrap(), Some(1));
                assert_eq!(log.take(), expected);
            })
            .await;
    }
}

#[tokio::test]
async fn a_middleware_may_answer_by_itself_ask_again_and_answer_nonsense() {
    struct Stubborn;
    impl Middleware for Stubborn {
        fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            Box::pin(async move {
                match request {
                    Request::Ping { .. } => Ok(Response::Text("by itself".into())),
                    Request::Delete { .. } => Ok(Response::Count(7)),
                    Request::Increment { .. } => {
                        next.run(request.clone()).await?;
                        next.run(request).await
                    }
                    other => next.run(other).await,
                }
            })
        }
    }
    let cache = Cache::builder().middleware(Stubborn).route("", "mem://").build().await.unwrap();
    assert_eq!(cache.ping("hello").await.unwrap(), "by itself");
    assert_eq!(cache.incr("n").await.unwrap(), 2);
    let error = cache.delete("n").await.unwrap_err().to_string();
    assert!(error.contains("a middleware answered `delete` with Count(7)"), "{error}");
}

#[tokio::test]
async fn prefixes_keep_services_apart_on_one_server_in_every_command() {
    let server = Memory::builder().build();
    let build =
        |prefix: &str| Cache::builder().middleware(KeyPrefix::new(prefix)).route("", server.clone()).build();
    let (foo, foobar) = (build("foo").await.unwrap(), build("foobar").await.unwrap());
    let raw = Cache::builder().route("", server.clone()).build().await.unwrap();
    for cache in [&foo, &foobar] {
        cache.set("user:1", &1).tags(["users"]).await.unwrap();
        cache.set_many([("user:2", &2), ("x", &3)]).await.unwrap();
        assert_eq!(cache.incr("n").await.unwrap(), 1);
    }
    let mut keys: Vec<_> = raw.scan("*").await.unwrap().iter().map(ToString::to_string).collect();
    keys.sort();
    assert_eq!(keys[..4], ["foo:n", "foo:user:1", "foo:user:2", "foo:x"]);
    let mut keys: Vec<_> = foo.scan("user:*").await.unwrap().iter().map(ToString::to_string).collect();
    keys.sort();
    assert_eq!(keys, ["user:1", "user:2"]);
    assert_eq!(foo.get_many::<i32, _>(["x", "user:1", "no"]).await.unwrap(), [Some(3), Some(1), None]);
    foo.delete_tags(["users"]).await.unwrap();
    assert!(!foo.exists("user:1").await.unwrap() && foobar.exists("user:1").await.unwrap());
    assert_eq!(foo.delete_match("user:*").await.unwrap(), 1);
    assert_eq!(foobar.keys_count().await.unwrap(), 4);
    foo.clear().await.unwrap();
    assert_eq!((foo.keys_count().await.unwrap(), foobar.keys_count().await.unwrap()), (0, 4));
    foo.flush_all().await.unwrap();
    assert_eq!(server.len(), 0);
}

#[tokio::test]
async fn reserved_prefixes_stay_in_front_so_that_patterns_over_values_leave_guards_alone() {
    let server = Memory::builder().build();
    let cache = Cache::builder().key_prefix("svc").route("", server.clone()).build().await.unwrap();
    let raw = Cache::builder().route("", server.clone()).build().await.unwrap();
    cache.set("fail:report", &1).await.unwrap();
    cache.set("report", &2).await.unwrap();
    assert!(raw.exists("fail:svc:report").await.unwrap());
    assert_eq!(cache.scan("*").await.unwrap(), ["report"]);
    assert_eq!(cache.scan("fail:*").await.unwrap(), ["fail:report"]);
    assert_eq!(cache.delete_match("*").await.unwrap(), 1);
    assert!(cache.exists("fail:report").await.unwrap());
    raw.set("other", &3).await.unwrap();
    cache.clear().await.unwrap();
    assert_eq!(server.len(), 1, "clear takes guards and last resorts, and nobody else's keys");
}

#[tokio::test]
async fn a_key_that_is_too_long_is_found_by_its_prefixed_pattern() {
    let cache = Cache::builder().key_prefix("svc").route("", "mem://").build().await.unwrap();
    let long = format!("page:{}", "x".repeat(20_000));
    cache.set(&long, &1).await.unwrap();
    assert_eq!(cache.get::<i32>(&long).await.unwrap(), Some(1));
    assert_eq!(
        cache.delete_match("page:*xyz").await.unwrap(),
        1,
        "one too many is harmless, one too few is not"
    );
}

#[tokio::test]
async fn a_bad_middleware_is_told_when_the_cache_is_built() {
    let error = async |middleware: KeyPrefix| {
        let build = Cache::builder().route("", Route::to("mem://").middleware(middleware)).build();
        build.await.unwrap_err().to_string()
    };
    assert!(error(KeyPrefix::new("a*")).await.contains("wildcard"));
    assert!(error(KeyPrefix::new("lock")).await.contains("`lock:` is reserved"));
    let limits = Cache::builder().middleware(SizeLimit::at_most(5).and_at_least(6)).route("", "mem://");
    assert!(limits.build().await.unwrap_err().is_config());
}

#[tokio::test]
async fn lower_keys_make_keys_that_differ_in_case_one() {
    let server = Memory::builder().build();
    let cache = Cache::builder().middleware(LowerKeys).route("", server.clone()).build().await.unwrap();
    cache.set("Host:EXAMPLE.org", &1).await.unwrap();
    cache.set("host:example.ORG", &2).await.unwrap();
    assert_eq!(cache.get::<i32>("HOST:example.org").await.unwrap(), Some(2));
    assert_eq!(cache.scan("HOST:*").await.unwrap(), ["host:example.org"]);
    assert_eq!(cache.delete_match("Host:*").await.unwrap(), 1);
    assert_eq!(server.len(), 0);
}

#[tokio::test]
async fn sizes_are_limited_in_bytes_on_objects_and_on_bytes_alike() {
    for route in [Route::to(Memory::builder().build()), Route::to(Null::new())] {
        let cache = Cache::builder()
            .route("", route.middleware(SizeLimit::at_most(100).and_at_least(4)))
            .build()
            .await
            .unwrap();
        let text = |len: usize| "x".repeat(len);
        assert!(!cache.set("k", &text(1)).await.unwrap(), "too small");
        assert!(cache.set("k", &text(50)).await.unwrap());
        assert!(!cache.set("k", &text(101)).await.unwrap(), "too large");
        assert_eq!(cache.get::<String>("k").await.unwrap(), None, "the old value outlived a newer one");
        cache.set_many([("a", &text(50)), ("b", &text(500))]).await.unwrap();
        assert_eq!(cache.get::<String>("b").await.unwrap(), None);
        assert_eq!(cache.incr("n").await.unwrap(), 1);
    }
}

/// Takes the time of the clock it has.
struct Slow(ManualClock, Mutex<u64>);

impl Middleware for Slow {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let mut step = self.1.lock().unwrap();
        *step += 10;
        self.0.advance(Duration::from_millis(*step));
        next.run(request)
    }
}

#[tokio::test]
async fn timing_tells_count_and_least_and_most_and_mean_of_each_verb() {
    let (clock, timing) = (ManualClock::new(), Timing::new());
    let cache = Cache::builder()
        .middleware(timing.clone())
        .middleware(Slow(clock.clone(), Mutex::default()))
        .route("", "mem://")
        .clock(clock)
        .build()
        .await
        .unwrap();
    for _ in 0..3 {
        cache.get::<i32>("k").await.unwrap();
    }
    cache.set("k", &1).await.unwrap();
    let took = timing.of(Verb::Get);
    let millis = Duration::from_millis;
    assert_eq!((took.count, took.min, took.max), (3, millis(10), millis(30)));
    assert_eq!((took.mean(), took.total), (millis(20), millis(60)));
    assert_eq!(timing.of(Verb::Set).total, millis(40));
    assert_eq!(timing.of(Verb::Delete).mean(), Duration::ZERO);
    assert_eq!(timing.all().len(), 2);
    assert_eq!(cache.middleware::<Timing>().unwrap().of(Verb::Get), took);
}

#[tokio::test]
async fn hit_ratios_count_keys_and_living_entries() {
    let (clock, ratio) = (ManualClock::new(), HitRatio::new());
    let cache = Cache::builder()
        .middleware(ratio.clone())
        .route("", "mem://")
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    assert_eq!(ratio.total().ratio(), None);
    cache.set("a", &1).ttl("1s").await.unwrap();
    cache.get::<i32>("a").await.unwrap();
    cache.get_many::<i32, _>(["a", "b", "c"]).await.unwrap();
    clock.advance(Duration::from_secs(1));
    cache.get::<i32>("a").await.unwrap();
    assert_eq!((ratio.get().hits, ratio.get().total), (1, 2));
    assert_eq!((ratio.get_many().hits, ratio.get_many().total), (1, 3));
    assert_eq!(ratio.total().ratio(), Some(0.4));
}

#[tokio::test]
async fn callbacks_run_before_and_after_also_on_errors_and_a_panic_is_theirs() {
    let (log, faults) = (Log::default(), Faults::new());
    let note = |name: &'static str| {
        let log = log.clone();
        move |request: &Request| log.note(format!("{name} {}", request.key().unwrap()))
    };
    let after = log.clone();
    let callbacks = Callbacks::new()
        .before(Verb::Set, |_| panic!("a callback's own business"))
        .before(Verb::Set, note("before"))
        .after(Verb::Set, |_, _| panic!("a callback's own business"))
        .after(Verb::Set, move |request, outcome| {
            after.note(format!("after {}: {}", request.key().unwrap(), outcome.is_ok()));
        });
    let cache = Cache::builder()
        .middleware(callbacks)
        .route("", faults.wrap(Memory::builder().build()))
        .build()
        .await
        .unwrap();
    assert!(cache.set("a", &1).await.unwrap());
    faults.fail(Some(Error::backend("down")));
    assert!(cache.set("b", &1).await.is_err());
    assert_eq!(log.take(), ["before a", "after a: true", "before b", "after b: false"]);
}

#[invalidate("plain:*")]
async fn change() {}

#[tokio::test]
async fn removal_callbacks_are_told_what_went_and_not_what_was_not_there() {
    let log = Log::default();
    let noted = log.clone();
    let callbacks = Callbacks::new().on_remove(move |removed| match removed {
        Removed::Keys(keys) => {
            let mut keys: Vec<_> = keys.iter().map(ToString::to_string).collect();
            keys.sort();
            noted.note(keys.join(" "));
        }
        other => noted.note(format!("{other:?}")),
    });
    let cache = Cache::builder()
        .route("", Route::to("mem://").key_prefix("svc").middleware(callbacks))
        .build()
        .await
        .unwrap();
    let fill = async || cache.set_many([("a", &1), ("b", &1), ("c:1", &1), ("c:2", &1)]).await.unwrap();
    fill().await;
    cache.delete("a").await.unwrap();
    cache.delete("a").await.unwrap();
    cache.delete_many(["a", "b"]).await.unwrap();
    cache.delete_match("c:*").await.unwrap();
    cache.delete_match("c:*").await.unwrap();
    assert_eq!(log.take(), ["a", "b", "c:1 c:2"]);
    fill().await;
    cache.clear().await.unwrap();
    cache.clear().await.unwrap();
    cache.flush_all().await.unwrap();
    assert_eq!(log.take(), ["a b c:1 c:2", "All"]);
    Scope::new()
        .cache(&cache)
        .run(async {
            plain(5).await;
            change().await;
        })
        .await;
    assert_eq!(log.take(), ["plain:5"]);
}

#[tokio::test]
async fn a_computation_dropped_while_a_right_to_fill_is_on_its_way_leaves_none_behind() {
    /// Never lets the answer to a request for a right through.
    struct Hang;
    impl Middleware for Hang {
        fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
            Box::pin(async move {
                let hangs = matches!(request, Request::BeginFill { .. });
                let outcome = next.run(request).await;
                if hangs {
                    std::future::pending::<()>().await;
                }
                outcome
            })
        }
    }
    let server = Memory::builder().build();
    let cache = Cache::builder()
        .middleware(Hang)
        .middleware(KeyPrefix::new("svc"))
        .route("", server.clone())
        .build()
        .await
        .unwrap();
    let inside = cache.clone();
    let task = tokio::spawn(Scope::new().cache(&inside).run(plain(9)));
    settle().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    // A right that was left behind would be joined by the next; a fresh one is another.
    let key = Key::from("svc:plain:9");
    let (one, joined) = (server.begin_fill(&key).await.unwrap(), server.begin_fill(&key).await.unwrap());
    assert_eq!(one, joined);
    server.end_fill(&key, one.unwrap());
    server.end_fill(&key, one.unwrap());
    assert_ne!(server.begin_fill(&key).await.unwrap(), one, "a right was taken and never given back");
    assert_eq!(cache.in_flight(), 0);
}

#[tokio::test]
async fn locks_work_through_layers_and_do_not_see_each_other_through_prefixes() {
    let server = Memory::builder().build();
    let build = |prefix: &str| Cache::builder().key_prefix(prefix).route("", server.clone()).build();
    let (one, other) = (build("one").await.unwrap(), build("other").await.unwrap());
    let held = one.lock("job", "10s").await.unwrap();
    assert!(one.is_locked("job").await.unwrap() && !other.is_locked("job").await.unwrap());
    drop(held);
    settle().await;
}

/// Logs what is asked of which backend.
struct Logging(&'static str, Log);

impl Middleware for Logging {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        let keys: Vec<_> = request.keys().iter().map(ToString::to_string).collect();
        let on = request.pattern().map_or_else(|| keys.join(" "), ToString::to_string);
        let line = format!("{}: {} {on}, {}", self.0, request.verb(), next.backend());
        self.1.note(line.trim());
        next.run(request)
    }
}

#[tokio::test]
async fn a_middleware_knows_the_command_its_key_or_pattern_and_the_backend() {
    let log = Log::default();
    let logging = |name| Logging(name, log.clone());
    let route = Route::to("mem://").middleware(logging("first")).middleware(logging("second"));
    let cache = Cache::builder().route("", "null://").route("user:", route).build().await.unwrap();
    cache.set("user:1", &1).await.unwrap();
    cache.get::<i32>("user:1").await.unwrap();
    cache.set("elsewhere", &1).await.unwrap();
    cache.get_many::<i32, _>(["user:1", "user:2"]).await.unwrap();
    cache.delete_match("user:*").await.unwrap();
    let lines = log.take();
    let told: Vec<_> = lines.iter().filter_map(|line| line.strip_prefix("first: ")).collect();
    assert_eq!(
        told,
        ["set user:1, mem", "get user:1, mem", "get_many user:1 user:2, mem", "delete_match user:*, mem"]
    );
    assert_eq!(lines.len(), 8);
    assert!(lines.chunks(2).all(|pair| pair[1] == pair[0].replace("first", "second")), "{lines:?}");
}

#[tokio::test]
async fn what_was_too_large_to_store_takes_nothing_newer_away() {
    static GATE: tokio::sync::Notify = tokio::sync::Notify::const_new();

    #[macadamia::cached(ttl = "1h", key = "size:overtaken")]
    async fn large() -> String {
        GATE.notified().await;
        "x".repeat(1000)
    }

    let cache = Cache::builder()
        .route("", Memory::default())
        .middleware(SizeLimit::at_most(100))
        .build()
        .await
        .unwrap();
    let early = tokio::spawn(macadamia::Scope::new().cache(&cache).run(large()));
    support::settle().await;
    cache.set("size:overtaken", "new").await.unwrap();
    GATE.notify_one();
    early.await.unwrap();
    assert_eq!(cache.get::<String>("size:overtaken").await.unwrap().as_deref(), Some("new"));
}

#[tokio::test]
async fn a_value_whose_key_looks_like_a_lock_behind_a_layer_is_no_lock() {
    let cache = Cache::builder().route("", Memory::default()).middleware(LowerKeys).build().await.unwrap();
    let _held = cache.lock("x", "1h").await.unwrap();
    cache.set("LOCK:x", &1u8).await.unwrap();
    assert_eq!(cache.scan("*").await.unwrap(), ["%lock:x"]);
    assert!(cache.delete("LOCK:x").await.unwrap());
    assert!(cache.is_locked("x").await.unwrap());
}
