//! A codec is said by the URL, the setter of a route, the builder, or data.

use macadamia::middleware::{KeyPrefix, LowerKeys, SizeLimit};
use macadamia::testing::Wire;
use macadamia::{Backend, BackendUrl, Cache, Null, Result, Route, Scheme, submit_scheme};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use super::{ALL, GREETING, Known, plain};

submit_scheme!(Scheme::new(&["codecs"], &[], |url: &BackendUrl| Ok(
    Arc::new(wire(url.host())) as Arc<dyn Backend>
)));

/// The server of this name.
pub(super) fn wire(name: &str) -> Wire {
    static WIRES: Mutex<BTreeMap<String, Wire>> = Mutex::new(BTreeMap::new());
    WIRES.lock().unwrap().entry(name.to_owned()).or_default().clone()
}

/// What is stored through this cache is what the codec writes, and comes back.
async fn check(way: &str, known: &Known, wire: &Wire, cache: &Cache) {
    let name = known.codec.name();
    cache.set("k", &GREETING.to_owned()).await.unwrap();
    assert_eq!(cache.get_raw("k").await.unwrap().unwrap(), known.payload, "{name} by {way}");
    let sealed = wire.stored("k").unwrap();
    assert_eq!(sealed[4], known.codec.id(), "{name} by {way}: who wrote it");
    assert!(sealed.windows(known.payload.len()).any(|bytes| bytes == known.payload));
    assert_eq!(cache.get::<String>("k").await.unwrap().unwrap(), GREETING, "{name} by {way}");
    let (other, _) = plain(wire).await;
    let read = other.get::<String>("k").await.unwrap();
    assert_eq!(read.is_some(), known.has_name(), "{name} by {way}, read by another process");
}

#[tokio::test]
async fn the_setter_of_a_route_says_it_by_name_or_as_it_is() {
    for known in &ALL {
        let wire = Wire::new();
        let cache = Cache::builder().route("", Route::to(wire.clone()).codec(known.codec)).build().await;
        check("setter", known, &wire, &cache.unwrap()).await;
        if known.has_name() {
            let wire = Wire::new();
            let route = Route::to(wire.clone()).codec(known.codec.name());
            let cache = Cache::builder().route("", route).build().await.unwrap();
            check("the setter's name", known, &wire, &cache).await;
        }
    }
}

#[tokio::test]
async fn the_builder_says_it_for_routes_that_say_nothing() {
    for known in &ALL {
        let wire = Wire::new();
        let cache = Cache::builder().codec(known.codec).route("", wire.clone()).build().await.unwrap();
        check("builder", known, &wire, &cache).await;
        if known.has_name() {
            let wire = Wire::new();
            let builder = Cache::builder().codec(known.codec.name()).route("", wire.clone());
            check("the builder's name", known, &wire, &builder.build().await.unwrap()).await;
        }
    }
}

#[tokio::test]
async fn a_url_says_it_by_name_in_any_case() {
    for known in ALL.iter().filter(|known| known.has_name()) {
        for name in [known.codec.name().to_owned(), known.codec.name().to_ascii_uppercase()] {
            let url = format!("codecs://url-{name}?codec={name}");
            let cache = Cache::builder().route("", &url).build().await.unwrap();
            check("URL", known, &wire(&format!("url-{name}")), &cache).await;
        }
    }
}

#[tokio::test]
async fn data_says_it_by_name_in_the_url_in_a_field_or_for_a_route() {
    for known in ALL.iter().filter(|known| known.has_name()) {
        let name = known.codec.name();
        let host = |way: &str| format!("data-{way}-{name}");
        Cache::configure(format!(
            "{}.url = 'codecs://{}?codec={name}'
             {} = {{ url = 'codecs://{}?codec=bincode', codec = '{name}' }}
             {}.routes = {{ '' = {{ url = 'codecs://{}', codec = '{name}' }} }}",
            host("url"),
            host("url"),
            host("field"),
            host("field"),
            host("route"),
            host("route"),
        ))
        .unwrap();
        for way in ["url", "field", "route"] {
            let cache = Cache::create(&host(way)).unwrap();
            check(&format!("data, {way}"), known, &wire(&host(way)), &cache).await;
        }
    }
}

#[tokio::test]
async fn a_setter_beats_the_url_and_the_url_the_builder() {
    let written = async |builder: macadamia::CacheBuilder| {
        let cache = builder.build().await.unwrap();
        cache.set("k", &GREETING.to_owned()).await.unwrap();
        cache.get_raw("k").await.unwrap().unwrap()
    };
    let builder = || Cache::builder().codec("json");
    assert_eq!(written(builder().route("", "codecs://beats")).await, "\"hello\"");
    assert_eq!(written(builder().route("", "codecs://beats?codec=msgpack")).await, &b"\xa5hello"[..]);
    let route = || Route::to("codecs://beats?codec=msgpack");
    assert_eq!(written(builder().route("", route().codec("raw"))).await, "hello");
    assert_eq!(written(builder().route("", route().codec("json").codec("bincode"))).await, &b"\x05hello"[..]);
    // Each route has its own.
    let cache = Cache::builder().route("", Wire::new()).route("j:", Route::to(Wire::new()).codec("json"));
    let cache = cache.build().await.unwrap();
    for (key, payload) in [("k", &b"\x05hello"[..]), ("j:k", b"\"hello\"")] {
        cache.set(key, &GREETING.to_owned()).await.unwrap();
        assert_eq!(cache.get_raw(key).await.unwrap().unwrap(), payload);
    }
}

#[tokio::test]
async fn what_one_of_ours_wrote_is_read_whatever_the_route_says_now() {
    let wire = Wire::new();
    for writer in ALL.iter().filter(|known| known.has_name()) {
        let before = Cache::builder().codec(writer.codec).route("", wire.clone()).build().await.unwrap();
        before.set("k", &GREETING.to_owned()).await.unwrap();
        for reader in &ALL {
            let after = Cache::builder().codec(reader.codec).route("", wire.clone()).build().await.unwrap();
            let read = after.get::<String>("k").await.unwrap();
            assert_eq!(read.as_deref(), Some(GREETING), "{:?} read by {:?}", writer.codec, reader.codec);
        }
    }
}

#[tokio::test]
async fn memory_keeps_values_as_they_are_whatever_codec_is_said() -> Result<()> {
    let cache = Cache::builder().route("", Route::to("mem://").codec("string")).build().await?;
    // No codec of the route could do it.
    let value = HashMap::from([((1, 2), vec![3])]);
    cache.set("k", &value).await?;
    cache.set("own", &value).codec(&super::Reversed).await?;
    assert_eq!(cache.get::<HashMap<(i32, i32), Vec<i32>>>("k").await?, Some(value.clone()));
    assert_eq!(cache.get::<HashMap<(i32, i32), Vec<i32>>>("own").await?, Some(value));
    assert_eq!(cache.get_raw("k").await?, None, "it has no bytes");
    Ok(())
}

#[tokio::test]
async fn null_runs_whichever_codec_is_said() {
    let maps = HashMap::from([((1, 2), 3)]);
    for (url, stores) in [("null://", true), ("null://?codec=msgpack", true), ("null://?codec=json", false)] {
        let cache = Cache::builder().route("", url).build().await.unwrap();
        assert_eq!(cache.set("k", &maps).await.is_ok(), stores, "{url}");
        assert_eq!(cache.get::<HashMap<(i32, i32), i32>>("k").await.unwrap(), None);
    }
    let cache = Cache::builder().route("", Route::to(Null::new()).codec("string")).build().await.unwrap();
    cache.set("k", &vec![1]).await.unwrap_err();
    cache.set("k", &vec![1]).codec("json").await.unwrap();
}

#[tokio::test]
async fn every_codec_works_behind_middleware_that_sees_values() {
    for known in &ALL {
        let (wire, sizes) = (Wire::new(), SizeLimit::at_most(100));
        let route = Route::to(wire.clone()).codec(known.codec).middleware(LowerKeys).middleware(sizes);
        let cache =
            Cache::builder().middleware(KeyPrefix::new("svc")).route("", route).build().await.unwrap();
        let name = known.codec.name();
        assert!(cache.set("Key", &GREETING.to_owned()).await.unwrap(), "{name}");
        assert!(!cache.set("Long", &GREETING.repeat(100)).await.unwrap(), "{name}");
        assert_eq!(cache.get::<String>("KEY").await.unwrap().as_deref(), Some(GREETING), "{name}");
        assert_eq!(wire.stored("svc:key").unwrap()[4], known.codec.id(), "{name}");
    }
}
