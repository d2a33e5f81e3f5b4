//! What commands answer while their backend is not there.

use std::time::Duration;

use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{BoxFuture, Cache, Error, EventKind, Expiry, Route, purge};

use crate::support::settle;
use crate::{Far, item};

type Call = fn(Cache) -> BoxFuture<'static, Result<bool, Error>>;

/// Commands that answer a backend that is not there like an empty one, and whether they do.
const SPARED: [Call; 19] = [
    |cache| Box::pin(async move { Ok(cache.get::<u8>("k").await?.is_none()) }),
    |cache| Box::pin(async move { Ok(cache.gets::<u8>("k").await?.is_none()) }),
    |cache| Box::pin(async move { Ok(cache.get_many::<u8, _>(["k", "l"]).await? == [None, None]) }),
    |cache| Box::pin(async move { Ok(cache.get_raw("k").await?.is_none()) }),
    |cache| Box::pin(async move { Ok(!cache.exists("k").await?) }),
    |cache| Box::pin(async move { Ok(cache.get_expire("k").await? == Expiry::Missing) }),
    |cache| Box::pin(async move { Ok(cache.size_of("k").await?.is_none()) }),
    |cache| Box::pin(async move { Ok(!cache.expire("k", "1h").await?) }),
    |cache| Box::pin(async move { Ok(!cache.touch("k").await?) }),
    |cache| Box::pin(async move { Ok(!cache.set("k", &1).tags(["t"]).await?) }),
    |cache| Box::pin(async move { Ok(!cache.add("k", &1).await?) }),
    |cache| Box::pin(async move { Ok(!cache.set_raw("k", "1").await?) }),
    |cache| Box::pin(async move { cache.set_many([("k", &1)]).await.map(|()| true) }),
    |cache| Box::pin(async move { Ok(!cache.delete("k").await?) }),
    |cache| Box::pin(async move { Ok(cache.delete_many(["k"]).await? == 0) }),
    |cache| Box::pin(async move { Ok(cache.delete_match("k*").await? == 0) }),
    |cache| Box::pin(async move { cache.delete_tags(["t"]).await.map(|()| true) }),
    |cache| Box::pin(async move { cache.clear().await.map(|()| true) }),
    |cache| Box::pin(async move { macadamia::Scope::new().cache(&cache).run(purged()).await }),
];

async fn purged() -> Result<bool, Error> {
    let peeked = item::peek(1).await?;
    Ok(peeked.is_none()
        && !item::set(1, &(1, 1)).await?
        && !item::invalidate(1).await?
        && purge!(item(id = 1)).await? == 0)
}

/// Commands whose answer would say what nobody knows.
const TOLD: [Call; 14] = [
    |cache| Box::pin(async move { cache.incr("k").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.get_match::<u8>("k*").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.scan("k*").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.keys_count().await.map(|_| false) }),
    |cache| Box::pin(async move { cache.lock("k", "1h").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.set_lock("k", "t", "1h").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.is_locked("k").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.unlock("k", "t").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.ping("").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.raw("GET", &["k"]).await.map(|_| false) }),
    |cache| Box::pin(async move { cache.flush_all().await.map(|()| false) }),
    // A lock is not freed late, so nobody is told that it will be.
    |cache| Box::pin(async move { cache.delete("lock:k").await.map(|_| false) }),
    |cache| Box::pin(async move { cache.delete_many(["k", "lock:k"]).await.map(|_| false) }),
    |cache| Box::pin(async move { cache.delete_match("lock:*").await.map(|_| false) }),
];

#[tokio::test]
async fn an_unavailable_backend_is_an_empty_one_to_commands_that_can_say_so() {
    let far = Far::new().await;
    far.away(true);
    for (number, call) in SPARED.into_iter().enumerate() {
        assert!(matches!(call(far.cache.clone()).await, Ok(true)), "number {number}");
    }
    for (number, call) in TOLD.into_iter().enumerate() {
        let error = call(far.cache.clone()).await.unwrap_err();
        assert!(error.is_unavailable(), "number {number}: {error}");
    }
    assert_eq!(far.faults.commands(), 1);
    assert!(far.events.count(EventKind::BackendFailed) >= 1, "what is hidden is told");
}

#[tokio::test]
async fn unsuppressed_every_command_tells() {
    let far = Far::with(|route| route.suppress(false)).await;
    far.away(true);
    for (number, call) in SPARED.into_iter().chain(TOLD).enumerate() {
        let error = call(far.cache.clone()).await.unwrap_err();
        assert!(error.is_unavailable(), "number {number}: {error}");
    }
}

#[tokio::test]
async fn what_a_backend_answers_is_never_hidden() {
    let far = Far::new().await;
    far.faults.fail(Some(Error::backend("WRONGTYPE")));
    // Those that remove are kept, and what was to be removed hides what would be answered of it.
    for (number, call) in SPARED.into_iter().take(13).enumerate() {
        let error = call(far.cache.clone()).await.unwrap_err();
        assert_eq!(error.to_string(), "backend failed: WRONGTYPE", "number {number}");
    }
    assert!(matches!(far.cache.delete("k").await, Err(Error::Backend(_))));
    assert!(matches!(far.cache.clear().await, Err(Error::Backend(_))));
}

#[tokio::test]
async fn a_limit_of_the_route_is_a_miss_and_one_of_the_call_is_told() {
    let far = Far::new().await;
    far.faults.hang(true);
    let [plain, limited] = [None, Some("100ms")].map(|limit| {
        let cache = far.cache.clone();
        tokio::spawn(async move {
            match limit {
                None => cache.get::<u8>("k").await,
                Some(limit) => cache.get::<u8>("k").timeout(limit).await,
            }
        })
    });
    settle().await;
    far.clock.advance(Duration::from_millis(250));
    assert_eq!(plain.await.unwrap().unwrap(), None);
    assert!(matches!(limited.await.unwrap(), Err(Error::Timeout { .. })));
}

#[tokio::test]
async fn it_is_an_option_of_the_url_the_route_and_the_cache() {
    let faults = Faults::new();
    faults.fail(Some(Error::unavailable("wire", "connection refused")));
    let told = async |builder: macadamia::CacheBuilder| {
        let cache = builder.clock(ManualClock::new()).build().await.unwrap();
        cache.get::<u8>("k").await.is_err()
    };
    let route = || Route::to(faults.wrap(Wire::new()));
    assert!(!told(Cache::builder().route("", route())).await);
    assert!(told(Cache::builder().route("", route().suppress(false))).await);
    assert!(told(Cache::builder().suppress(false).route("", route())).await);
    assert!(!told(Cache::builder().suppress(false).route("", route().suppress(true))).await);
    for url in ["mem://?suppress=false", "mem://?safe=false", "mem://?safe=no&suppress=0"] {
        assert!(Cache::builder().route("", url).build().await.is_ok(), "{url}");
    }
    let both = Cache::builder().route("", "mem://?safe=yes&suppress=no").build().await.unwrap_err();
    assert!(both.to_string().contains("one option"), "{both}");
}

#[tokio::test]
async fn of_several_routes_those_that_are_there_answer() {
    let faults = Faults::new();
    let cache = Cache::builder()
        .route("", Wire::new())
        .route("away:", faults.wrap(Wire::new()))
        .clock(ManualClock::new())
        .build()
        .await
        .unwrap();
    cache.set("here:1", &1).await.unwrap();
    faults.fail(Some(Error::unavailable("wire", "connection refused")));
    assert_eq!(cache.get_many(["away:1", "here:1"]).await.unwrap(), [None, Some(1)]);
    cache.set_many([("away:2", &2), ("here:2", &2)]).await.unwrap();
    assert_eq!(cache.get("here:2").await.unwrap(), Some(2));
    assert_eq!(cache.delete_many(["away:2", "here:2"]).await.unwrap(), 1);
    assert_eq!(cache.delete_match("*:1").await.unwrap(), 1);
}
