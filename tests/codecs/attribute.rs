//! `codec = …` of an attribute: for its function alone, in the call, the handle, and `many`.

use macadamia::codec::{Codec, Json, Text};
use macadamia::testing::{ManualClock, Wire};
use macadamia::{Cache, Error, EventKind, Route, Scope, cached, early, fail, hit, soft};
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use super::{ALL, GREETING, Reversed, observed, plain};

static RUNS: AtomicUsize = AtomicUsize::new(0);
/// With something inside that a constant cannot have.
static COUNTING: Counting = Counting(AtomicUsize::new(0));

/// JSON that counts what it writes.
#[derive(Debug)]
struct Counting(AtomicUsize);

impl Codec for Counting {
    fn id(&self) -> u8 {
        201
    }

    fn name(&self) -> &'static str {
        "counting"
    }

    fn encode(&self, value: &macadamia::codec::Plain<'_>) -> Result<Vec<u8>, macadamia::codec::Failure> {
        self.0.fetch_add(1, SeqCst);
        Json.encode(value)
    }

    fn decode(
        &self,
        bytes: &[u8],
        slot: &mut macadamia::codec::Slot<'_>,
    ) -> Result<(), macadamia::codec::Failure> {
        Json.decode(bytes, slot)
    }
}

fn hello() -> String {
    RUNS.fetch_add(1, SeqCst);
    GREETING.to_owned()
}

#[cached(ttl = "1h", key = "by:bincode", codec = "bincode")]
async fn by_bincode() -> String {
    hello()
}

#[early(ttl = "1h", key = "by:json", codec = Json)]
async fn by_json() -> Option<String> {
    Some(hello())
}

#[hit(ttl = "1h", cache_hits = 9, key = "by:msgpack", codec = "MsgPack")]
async fn by_msgpack() -> String {
    hello()
}

#[soft(ttl = "1h", key = "by:string", codec = &Text)]
async fn by_string() -> Result<String, Error> {
    Ok(hello())
}

#[fail(ttl = "1h", key = "by:raw", codec = "raw")]
async fn by_raw() -> Result<String, Error> {
    Ok(hello())
}

#[cached(ttl = "1h", key = "by:reversed", codec = super::Reversed)]
async fn by_reversed() -> Result<Option<String>, Error> {
    Ok(Some(hello()))
}

#[cached(ttl = "1h", key = "by:counting", codec = COUNTING)]
async fn by_counting() -> String {
    hello()
}

/// The route's is another, whichever this is.
fn other_than(name: &str) -> &'static dyn Codec {
    if name == "json" { ALL[2].codec } else { ALL[1].codec }
}

#[tokio::test]
async fn a_function_stores_by_its_codec_and_reads_it_back_whatever_the_route_says() {
    for known in &ALL {
        let (name, wire, clock) = (known.codec.name(), Wire::new(), ManualClock::new());
        let route = || Route::to(wire.clone()).codec(other_than(name));
        let (one, _) = observed(Cache::builder().route("", route()), &clock).await;
        let (other, told) = observed(Cache::builder().route("", route()), &clock).await;
        let call = async |cache: &Cache| {
            let called = async {
                match name {
                    "bincode" => by_bincode().await,
                    "json" => by_json().await.unwrap(),
                    "msgpack" => by_msgpack().await,
                    "string" => by_string().await.unwrap(),
                    "raw" => by_raw().await.unwrap(),
                    _ => by_reversed().await.unwrap().unwrap(),
                }
            };
            Scope::new().cache(cache).run(called).await
        };
        assert_eq!(call(&one).await, GREETING);
        let key = if name == "raw" { "fail:by:raw".to_owned() } else { format!("by:{name}") };
        assert_eq!(one.get_raw(&key).await.unwrap().unwrap(), known.payload, "{name}");
        // In another process: nothing is remembered there.
        assert_eq!(call(&other).await, GREETING);
        let kind = if name == "raw" { EventKind::Computed } else { EventKind::Hit };
        assert_eq!(told.of(kind).len(), 1, "{name}");
        assert!(told.of(EventKind::Unreadable).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn the_handle_reads_and_stores_by_the_codec_of_its_function() -> Result<(), Error> {
    let (cache, _) = plain(&Wire::new()).await;
    Scope::new()
        .cache(&cache)
        .run(async {
            macro_rules! each {
                ($($function:ident $key:literal $payload:expr;)*) => {$(
                    assert!($function::set("set".to_owned()).await?, $key);
                    assert_eq!(cache.get_raw($key).await?.unwrap(), &$payload[..], $key);
                    assert_eq!($function::peek().await?.as_deref(), Some("set"), $key);
                )*};
            }
            each! {
                by_bincode "by:bincode" b"\x03set";
                by_json "by:json" b"\"set\"";
                by_msgpack "by:msgpack" b"\xa3set";
                by_string "by:string" b"set";
                by_raw "fail:by:raw" b"set";
                by_reversed "by:reversed" b"\"tes\"";
            }
            Ok(())
        })
        .await
}

#[tokio::test]
async fn a_fallback_is_read_by_the_codec_that_wrote_it() {
    static DOWN: AtomicUsize = AtomicUsize::new(0);
    #[fail(ttl = "1h", key = "rates", codec = Reversed)]
    async fn rates() -> Result<Vec<u32>, Error> {
        if DOWN.load(SeqCst) > 0 { Err(Error::Locked) } else { Ok(vec![1, 2]) }
    }
    let wire = Wire::new();
    let (one, _) = plain(&wire).await;
    Scope::new().cache(&one).run(rates()).await.unwrap();
    DOWN.store(1, SeqCst);
    let (other, told) = plain(&wire).await;
    assert_eq!(Scope::new().cache(&other).run(rates()).await.unwrap(), [1, 2]);
    assert_eq!(told.of(EventKind::Fallback).len(), 1);
}

#[tokio::test]
async fn two_attributes_of_a_function_say_each_its_own() {
    #[fail(ttl = "1h", key = "two", codec = "json")]
    #[cached(ttl = "1m", key = "two", codec = "msgpack")]
    async fn two() -> Result<String, Error> {
        Ok(GREETING.to_owned())
    }
    let (cache, _) = plain(&Wire::new()).await;
    Scope::new().cache(&cache).run(two()).await.unwrap();
    assert_eq!(cache.get_raw("fail:two").await.unwrap().unwrap(), "\"hello\"");
    assert_eq!(cache.get_raw("two").await.unwrap().unwrap(), &b"\xa5hello"[..]);
}

#[tokio::test]
async fn each_element_of_many_is_stored_by_the_codec() {
    static CALLS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", many = ids, key = "many:<ids>", codec = Reversed)]
    async fn names(ids: &[u32]) -> HashMap<u32, String> {
        CALLS.fetch_add(1, SeqCst);
        ids.iter().map(|id| (*id, format!("name {id}"))).collect()
    }
    let (cache, told) = plain(&Wire::new()).await;
    for _ in 0..2 {
        let found = Scope::new().cache(&cache).run(names(&[1, 2])).await;
        assert_eq!(found[&1], "name 1");
        assert_eq!(found[&2], "name 2");
    }
    assert_eq!(CALLS.load(SeqCst), 1);
    assert_eq!(cache.get_raw("many:2").await.unwrap().unwrap(), "\"2 eman\"");
    assert!(told.of(EventKind::Unreadable).is_empty());
    assert_eq!(Scope::new().cache(&cache).run(names::peek(&1)).await.unwrap().unwrap(), "name 1");
}

#[tokio::test]
async fn a_static_is_used_itself_and_not_copied() {
    let (cache, _) = plain(&Wire::new()).await;
    Scope::new().cache(&cache).run(by_counting()).await;
    assert!(COUNTING.0.load(SeqCst) > 0);
    assert_eq!(cache.get_raw("by:counting").await.unwrap().unwrap(), "\"hello\"");
}

#[tokio::test]
async fn a_generic_function_has_it_for_each_of_its_types() {
    #[cached(ttl = "1h", skip(value), codec = "json")]
    async fn boxed<T: Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static>(
        value: T,
    ) -> Option<T> {
        Some(value)
    }
    let (cache, _) = plain(&Wire::new()).await;
    Scope::new().cache(&cache).run(async { drop((boxed("a".to_owned()).await, boxed(vec![1]).await)) }).await;
    let mut payloads = Vec::new();
    for key in cache.scan("*").await.unwrap() {
        payloads.push(cache.get_raw(key).await.unwrap().unwrap());
    }
    payloads.sort_unstable();
    assert_eq!(payloads, ["\"a\"", "[1]"]);
}

#[tokio::test]
async fn in_memory_the_codec_of_an_attribute_is_idle() {
    let clock = ManualClock::new();
    let (cache, told) = observed(Cache::builder().route("", "mem://"), &clock).await;
    let before = COUNTING.0.load(SeqCst);
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&cache).run(by_json()).await.as_deref(), Some(GREETING));
        clock.advance(Duration::from_secs(1));
    }
    assert_eq!(told.of(EventKind::Hit).len(), 1);
    assert_eq!(COUNTING.0.load(SeqCst) - before, 0);
    assert!(RUNS.load(SeqCst) > 0);
}
