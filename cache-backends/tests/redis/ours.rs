//! What lies on the server, and whose it is.

use std::collections::BTreeSet;

use cache_core::{Backend, Entry, Error, Increment, Key, Meta, Pattern, SetOptions, Time};

use super::{Bench, HOUR, Hold, hold};

#[tokio::test]
async fn what_other_programs_keep_survives_and_is_not_listed() {
    let bench = Bench::new().await;
    bench.say(&["SET", "theirs:text", "hello"]);
    bench.say(&["SET", "theirs:number", "7"]);
    bench.say(&["RPUSH", "theirs:list", "a"]);
    bench.say(&["HSET", "theirs:hash", "a", "b"]);
    bench.cache.set("ours:text", "v").await.unwrap();
    bench.cache.incr("ours:number").await.unwrap();
    let mut found: Vec<_> = bench.cache.scan("*").await.unwrap().iter().map(Key::to_string).collect();
    found.sort();
    assert_eq!(found, ["ours:number", "ours:text"]);
    assert_eq!(bench.cache.delete_match("theirs:*").await.unwrap(), 0);
    assert_eq!(bench.cache.delete_match("*:text").await.unwrap(), 1);
    bench.cache.clear().await.unwrap();
    let left = bench.names();
    let theirs = ["theirs:hash", "theirs:list", "theirs:number", "theirs:text"];
    assert_eq!(left, theirs.map(|name| name.as_bytes().to_vec()).into());
}

#[tokio::test]
async fn a_key_is_called_on_the_server_what_it_is_called_here() {
    let bench = Bench::new().await;
    let hostile = ["a*", "a?", "[a-z]", "a]", "\\", "{a}b", "}{", "a\nb", "\0", "🥜", "user:7"];
    let keys = hostile.map(Key::from);
    for key in &keys {
        let entry = Entry::new(7_i64, Meta::new(Time::from_nanos(1), Time::NEVER));
        assert!(bench.redis.set(key, entry, SetOptions::default()).await.unwrap());
    }
    assert_eq!(bench.names(), hostile.map(|key| key.as_bytes().to_vec()).into());
    for key in &keys {
        let literal = Pattern::new(format!("{key}*"));
        let found = bench.redis.scan(&literal).await.unwrap();
        assert!(found.contains(key), "{key:?} is not found by its beginning: {found:?}");
        assert!(found.iter().all(|found| literal.matches(found.as_str())), "{key:?}: {found:?}");
    }
    bench.redis.delete_match(&Pattern::new("a*")).await.unwrap();
    let left = ["[a-z]", "\\", "{a}b", "}{", "\0", "🥜", "user:7"];
    assert_eq!(bench.names(), left.map(|key| key.as_bytes().to_vec()).into());
}

#[tokio::test]
async fn nothing_of_ours_is_left_by_a_clear() {
    let bench = Bench::new().await;
    bench.cache.set("k", "v").tags(["red"]).await.unwrap();
    bench.cache.incr("n").await.unwrap();
    hold(&bench.redis, "lock:k", 1).await;
    bench.redis.begin_fill(&"k".into()).await.unwrap();
    assert!(
        bench.names().len() >= 5,
        "an entry, a number, a state, a right, a generation: {:?}",
        bench.names()
    );
    bench.cache.clear().await.unwrap();
    assert_eq!(bench.names(), BTreeSet::new());
}

#[tokio::test]
async fn a_type_that_is_not_ours_is_an_error_and_stays() {
    let bench = Bench::new().await;
    bench.say(&["RPUSH", "k", "a", "b"]);
    let get = bench.redis.get(&"k".into()).await;
    assert!(matches!(&get, Err(Error::Backend(said)) if said.contains("WRONGTYPE")), "{get:?}");
    assert_eq!(bench.redis.get_many(&["k".into()]).await.unwrap().len(), 1);
    for refused in [
        bench.cache.set("k", "v").await.map(drop),
        bench.cache.add("k", "v").await.map(drop),
        bench.cache.incr("k").await.map(drop),
        bench.redis.update(&"k".into(), &mut Hold { token: 1, holder: None }).await,
    ] {
        assert!(matches!(&refused, Err(Error::Backend(said)) if said.contains("WRONGTYPE")), "{refused:?}");
    }
    assert!(!bench.cache.delete("k").await.unwrap(), "no entry of ours was there");
    assert_eq!(bench.say(&["LLEN", "k"]).integer(), 2);
}

#[tokio::test]
async fn a_text_that_is_not_ours_is_a_miss_and_gives_way_to_an_entry() {
    let bench = Bench::new().await;
    for text in [
        &b"hello"[..],
        b"7",
        b"",
        b"\xCA",
        b"\xCA\xDA",
        b"\xCA\xDA\x01\x00 not an envelope",
        b"\xCA\xDBshort",
    ] {
        bench.say(&[&b"SET"[..], b"k", text]);
        assert_eq!(bench.cache.get::<String>("k").await.unwrap(), None, "{text:?}");
        assert!(bench.cache.add("k", "v").await.is_ok(), "{text:?} is in the way");
        assert_eq!(bench.cache.get::<String>("k").await.unwrap().as_deref(), Some("v"), "{text:?}");
        assert!(bench.cache.delete("k").await.unwrap());
    }
}

#[tokio::test]
async fn counters_have_64_bits_a_sign_and_an_end() {
    let bench = Bench::new().await;
    let (beyond, key) = ((1_i64 << 53) + 1, Key::from("n"));
    assert_eq!(bench.redis.increment(&key, Increment::new(beyond, None)).await.unwrap(), beyond);
    assert_eq!(bench.redis.increment(&key, Increment::new(2, Some(HOUR))).await.unwrap(), beyond + 2);
    assert_eq!(bench.cache.get::<i64>("n").await.unwrap(), Some(beyond + 2));
    let left = bench.say(&["PTTL", "n"]).integer();
    assert!((3_590_000..3_600_100).contains(&left), "its end was given by a later step: {left}");
    assert_eq!(bench.redis.increment(&key, Increment::new(-2 * beyond, None)).await.unwrap(), 2 - beyond);
    assert_eq!(bench.cache.get::<i64>("n").await.unwrap(), Some(2 - beyond), "a negative one is read");
    assert!(bench.say(&["PTTL", "n"]).integer() > 3_500_000, "a step took its end away");
    let full = bench.redis.increment(&"full".into(), Increment::new(i64::MAX, Some(HOUR))).await;
    assert_eq!(full.unwrap(), i64::MAX);
    assert!(bench.redis.increment(&"full".into(), Increment::new(1, None)).await.is_err());
    assert_eq!(bench.cache.get::<i64>("full").await.unwrap(), Some(i64::MAX));
    assert!(bench.say(&["PTTL", "full"]).integer() > 3_500_000, "a step that was refused took its end away");
}

#[tokio::test]
async fn a_set_number_is_counted_on_and_keeps_its_end() {
    let bench = Bench::new().await;
    bench.cache.set("n", &40_i64).ttl("1h").await.unwrap();
    assert_eq!(bench.cache.incr("n").by(2).await.unwrap(), 42);
    assert!(bench.say(&["PTTL", "n"]).integer() > 3_500_000);
}
