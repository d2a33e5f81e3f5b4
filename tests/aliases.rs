//! Caches by name, from data.
#![allow(clippy::unwrap_used, reason = "a test that fails here says where")]

mod support;

use macadamia::middleware::{HitRatio, Next, Plugin, Request, Response, SizeLimit, Timing, Verb};
use macadamia::{
    Backend, BoxFuture, Cache, Entry, Error, Expiry, Key, Middleware, Scheme, SetOptions, cached,
    submit_plugin, submit_scheme,
};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

fn configured(text: &str) {
    Cache::configure(text).unwrap();
}

fn message(outcome: Result<impl std::fmt::Debug, Error>) -> String {
    match outcome {
        Err(error @ Error::Config(_)) => error.to_string(),
        other => panic!("expected a configuration error, got {other:?}"),
    }
}

fn near(expiry: Expiry, expected: Duration) -> bool {
    expiry.remaining().is_some_and(|left| left <= expected && left + Duration::from_secs(5) > expected)
}

#[tokio::test]
async fn a_name_is_always_the_same_cache_and_create_another_each_time() {
    configured("t1 = { url = 'mem://aliases-t1' }");
    let (one, again) = (Cache::named("t1").unwrap(), Cache::named("t1").unwrap());
    assert!(one.is_same(&again));
    one.set("k", &1).await.unwrap();
    let (a, b) = (Cache::create("t1").unwrap(), Cache::create("t1").unwrap());
    assert!(!a.is_same(&b) && !a.is_same(&one));
    // One store: what one sees, all see.
    assert_eq!(a.get::<i32>("k").await.unwrap(), Some(1));
    one.delete("k").await.unwrap();
    assert_eq!(b.get::<i32>("k").await.unwrap(), None);
}

#[tokio::test]
async fn every_field_has_its_effect() {
    configured(
        r#"
        [t2]
        backend = "memory"
        endpoint = "aliases-t2"
        size = 500
        ttl = "10m"
        timeout = 1
        namespace = "test"
        version = 2
        plugins = ["timing", { class = "hit_miss_ratio" }, { class = "size_limit", max = 100 }]

        [t2.routes]
        "user:" = "mem://?ttl=1h"
        "off:" = { backend = "mem", size = 7, enable = false, plugins = ["timing"] }
        "#,
    );
    let cache = Cache::named("t2").unwrap();
    cache.set("k", &1).await.unwrap();
    assert!(near(cache.get_expire("k").await.unwrap(), Duration::from_secs(600)));
    cache.set("user:1", &1).await.unwrap();
    assert!(near(cache.get_expire("user:1").await.unwrap(), Duration::from_secs(3600)));
    assert!(!cache.set("off:k", &1).await.unwrap());
    assert!(!cache.set("k", &"x".repeat(500)).await.unwrap());
    cache.set("k", &1).await.unwrap();
    cache.get::<i32>("k").await.unwrap();
    assert!(cache.middleware::<Timing>().unwrap().of(Verb::Set).count > 0);
    assert!(cache.middleware::<HitRatio>().unwrap().total().hits > 0);
    assert_eq!(cache.middleware::<SizeLimit>().unwrap().max, 100);
    let raw = Cache::builder().route("", "mem://aliases-t2?size=500").build().await.unwrap();
    assert_eq!(raw.scan("*").await.unwrap(), ["test:%v2:k"]);
}

#[tokio::test]
async fn a_field_beats_the_same_option_of_the_url() {
    configured("t3 = { url = 'mem://aliases-t3?ttl=1h&key_prefix=url', ttl = 60, namespace = '' }");
    let cache = Cache::named("t3").unwrap();
    cache.set("k", &1).await.unwrap();
    assert!(near(cache.get_expire("k").await.unwrap(), Duration::from_secs(60)));
    let raw = Cache::builder().route("", "mem://aliases-t3").build().await.unwrap();
    assert_eq!(raw.scan("*").await.unwrap(), ["k"]);
}

#[derive(serde::Serialize)]
struct Settings {
    t5: Alias,
}

#[derive(serde::Serialize)]
struct Alias {
    backend: &'static str,
    size: usize,
    ttl: Option<u32>,
}

#[tokio::test]
async fn maps_and_structs_do_as_well_as_text() {
    let map = BTreeMap::from([("t4", BTreeMap::from([("url", "mem://"), ("ttl", "1h")]))]);
    Cache::configure(&map).unwrap();
    Cache::configure(Settings { t5: Alias { backend: "memory", size: 5, ttl: None } }).unwrap();
    for alias in ["t4", "t5"] {
        let cache = Cache::named(alias).unwrap();
        cache.set("k", &1).await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    }
    assert!(message(Cache::configure(5)).contains("this is a number"));
}

#[tokio::test]
async fn the_default_alias_is_there_unconfigured_and_not_the_installed_cache() {
    let cache = Cache::named("default").unwrap();
    cache.set("k", &1).await.unwrap();
    assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    assert!(!cache.is_same(Cache::global()));
    assert!(message(Cache::configure("default = { url = 'null://' }")).contains("in use"));
}

#[test]
fn configuring_again_adds_and_replaces_but_does_not_change_what_is_in_use() {
    configured("t6 = { url = 'mem://' }\nt7 = { url = 'mem://' }");
    let used = Cache::named("t6").unwrap();
    configured("t6 = { url = 'mem://' }\nt7 = { url = 'mem://?ttl=1h' }\nt8 = { url = 'mem://' }");
    let text = message(Cache::configure("t9 = { url = 'mem://' }\nt6 = { url = 'mem://?ttl=1h' }"));
    assert!(text.starts_with("cache \"t6\": ") && text.contains("in use"), "{text}");
    assert!(message(Cache::named("t9")).contains("t8"), "nothing of a refused configuration is taken over");
    assert!(used.is_same(&Cache::named("t6").unwrap()));
}

#[test]
fn mistakes_name_the_nearest_and_all_there_are() {
    let bad = [
        (
            "b = { url = 'mem://', tll = 5 }",
            "there is no field `tll` (did you mean `ttl`?); there are: backend, ",
        ),
        ("b = { url = 'mem://', size = 'many' }", ""),
        ("b = { ttl = 5 }", "`ttl` belongs to a backend: add `url` or `backend`"),
        ("b = {}", "it needs `url`, `backend` or `routes`"),
        ("b = 5", "it is a number: expected a table"),
        ("b = { url = 'mem://', backend = 'mem' }", "say the same"),
        ("b = { url = 'mem://', port = 5 }", "`port` goes with `backend`"),
        ("b = { backend = 'mem', port = 70000 }", "`port` = 70000"),
        ("b = { backend = 'memoria' }", "no backend answers to `memoria://`"),
        ("b = { backend = 'memcached', password = 'hunter2' }", "features = [\"memcached\"]"),
        ("b = { url = 'mem://', ttl = [1] }", "`ttl` is a list"),
        ("b = { url = 'mem://', ttl = 0 }", "option `ttl`: a ttl of zero"),
        ("b = { url = 'mem://', key_prefix = 'lock' }", "is reserved"),
        ("b = { url = 'mem://', plugins = 'timing' }", "`plugins` is text: expected a list"),
        ("b = { url = 'mem://', plugins = ['timming'] }", "no plugin `timming` (did you mean `timing`?)"),
        ("b = { url = 'mem://', plugins = [{ name = 'timing' }] }", "a table with `class`"),
        (
            "b = { url = 'mem://', plugins = [{ class = 'size_limit', mx = 1 }] }",
            "no option of plugin `size_limit` `mx` (did you mean `max`?)",
        ),
        ("b = { routes = { 'u:' = 'mem://?seize=5' } }", "route \"u:\": `mem` has no option `seize`"),
        ("b = { routes = { 'u:' = { tll = 5 } } }", "route \"u:\": `tll` belongs to a backend"),
        ("b = { url = 'mem://', routes = { '' = 'mem://' } }", "routed twice"),
        ("\n\nb = { url = ", "line 3 of the configuration is no TOML"),
    ];
    for (text, expected) in bad {
        let outcome = Cache::configure(text).and_then(|()| Cache::create("b"));
        let told = message(outcome);
        assert!(told.contains(expected) && !told.contains("hunter2"), "{text}: {told}");
    }
    configured("t10_users = { url = 'mem://' }");
    let told = message(Cache::named("t10_user"));
    assert!(told.contains("no cache `t10_user` (did you mean `t10_users`?)"), "{told}");
    assert!(told.contains("default"), "{told}");
}

struct Stamped(String);

impl Middleware for Stamped {}

submit_plugin!(Plugin::new("stamped", &["text"], |options| {
    Ok(Arc::new(Stamped(options.text("text")?.unwrap_or("none").to_owned())))
}));

#[test]
fn a_plugin_of_the_users_own_is_found_by_its_name_and_made_anew_for_each_cache() {
    configured("t11 = { url = 'mem://', plugins = [{ class = 'stamped', text = 'mine' }] }");
    let (one, other) = (Cache::create("t11").unwrap(), Cache::create("t11").unwrap());
    let stamped = |cache: &Cache| std::ptr::from_ref(cache.middleware::<Stamped>().unwrap());
    assert_eq!(one.middleware::<Stamped>().unwrap().0, "mine");
    assert_ne!(stamped(&one), stamped(&other));
    let wrong = "t12 = { url = 'mem://', plugins = [{ class = 'stamped', text = 5 }] }";
    let told = message(Cache::configure(wrong).and_then(|()| Cache::named("t12")));
    assert!(told.contains("plugin `stamped`: `text` = 5: expected text"), "{told}");
}

/// A server that never answers.
struct Hangs;

impl Backend for Hangs {
    fn name(&self) -> &'static str {
        "hangs"
    }

    fn get<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>, Error>> {
        Box::pin(std::future::pending())
    }

    fn set<'a>(&'a self, _: &'a Key, _: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::pending())
    }

    fn delete<'a>(&'a self, _: &'a Key) -> BoxFuture<'a, Result<bool, Error>> {
        Box::pin(std::future::pending())
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), Error>> {
        Box::pin(std::future::pending())
    }
}

submit_scheme!(Scheme::new(&["hangs"], &[], |_| Ok(Arc::new(Hangs))));

#[tokio::test]
async fn the_time_limit_of_an_alias_ends_a_command_that_hangs() {
    configured(
        "t13 = { backend = 'hangs', timeout = '20ms', suppress = false }\nt14 = { url = 'hangs://', timeout = 1, safe = false }",
    );
    for (alias, expected) in [("t13", Duration::from_millis(20)), ("t14", Duration::from_secs(1))] {
        let error = Cache::named(alias).unwrap().get::<i32>("k").await.unwrap_err();
        assert!(matches!(error, Error::Timeout { limit, .. } if limit == expected), "{alias}: {error:?}");
    }
}

static PASSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Says its name when it is passed.
struct Says(String);

impl Middleware for Says {
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response, Error>> {
        PASSED.lock().unwrap().push(self.0.clone());
        next.run(request)
    }
}

submit_plugin!(Plugin::new("says", &["name"], |options| {
    Ok(Arc::new(Says(options.text("name")?.unwrap_or("nobody").to_owned())))
}));

#[tokio::test]
async fn plugins_are_passed_in_the_order_they_are_written_in() {
    let says = |name: &str| format!("{{ class = 'says', name = '{name}' }}");
    let plugins = ["c", "a", "b"].map(says).join(", ");
    configured(&format!("t15 = {{ url = 'mem://', plugins = [{plugins}] }}"));
    Cache::named("t15").unwrap().ping("").await.unwrap();
    assert_eq!(*PASSED.lock().unwrap(), ["c", "a", "b"]);
}

#[tokio::test]
async fn an_attribute_uses_an_alias_with_all_that_is_configured_there() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "key", cache = Cache::named("t16").unwrap())]
    async fn configured_elsewhere(number: usize) -> usize {
        RUNS.fetch_add(1, SeqCst) + number
    }
    configured("t16 = { url = 'mem://aliases-t16', namespace = 'main' }");
    assert_eq!(
        (configured_elsewhere(10).await, configured_elsewhere(20).await),
        (10, 10),
        "the key is fixed"
    );
    let raw = Cache::builder().route("", "mem://aliases-t16").build().await.unwrap();
    assert_eq!(raw.scan("*").await.unwrap(), ["main:key"]);
    // Another cache on the same store and namespace removes what the function stored.
    let other = Cache::builder().route("", "mem://aliases-t16?namespace=main").build().await.unwrap();
    assert!(other.delete("key").await.unwrap());
    assert_eq!(configured_elsewhere(20).await, 21);
}
