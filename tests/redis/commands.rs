//! Commands, and what lies on the server after them.

use std::time::{Duration, Instant};

use macadamia::{Cache, Error, Expiry, Reply};
use serde::{Deserialize, Serialize};

use super::place::{Place, open, until};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Point {
    x: i32,
    y: f64,
}

#[tokio::test]
async fn what_one_cache_stores_another_reads() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    let point = Point { x: -3, y: 0.1 };
    assert!(one.set("point", &point).await.unwrap());
    assert_eq!(other.get::<Point>("point").await.unwrap(), Some(point));
    assert_eq!(place.names(), ["point"], "nothing else lies there");
    assert!(other.delete("point").await.unwrap());
    assert_eq!(one.get::<Point>("point").await.unwrap(), None);
    assert!(place.names().is_empty());
}

#[tokio::test]
async fn every_command_of_a_cache_answers_as_it_does_in_memory() {
    let place = Place::fresh();
    for cache in [Cache::builder().route("", "mem://").build().await.unwrap(), place.cache("").await] {
        assert!(cache.add("k", "one").await.unwrap());
        assert!(!cache.add("k", "two").await.unwrap());
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("one"));
        assert!(!cache.set("new", "v").if_present().await.unwrap());
        cache.set_many([("a", &1_i64), ("b", &2)]).await.unwrap();
        assert_eq!(cache.get_many::<i64, _>(["a", "none", "b"]).await.unwrap(), [Some(1), None, Some(2)]);
        assert_eq!(cache.incr("a").by(4).await.unwrap(), 5);
        assert_eq!(cache.decr("n").await.unwrap(), -1);
        assert_eq!(cache.get::<i64>("n").await.unwrap(), Some(-1));
        assert!(matches!(cache.incr("k").await, Err(Error::NotANumber)));
        assert!(cache.exists("k").await.unwrap() && !cache.exists("none").await.unwrap());
        assert_eq!(cache.get_expire("k").await.unwrap(), Expiry::Never);
        assert_eq!(cache.get_expire("none").await.unwrap(), Expiry::Missing);
        assert!(cache.expire("k", "1h").await.unwrap());
        assert!(matches!(cache.get_expire("k").await.unwrap(), Expiry::In(left) if left.as_secs() > 3_500));
        assert_eq!(cache.get_or_set("made", || async { 42_u64 }).ttl("1h").await.unwrap(), 42);
        let mut keys = cache.scan("*").await.unwrap();
        keys.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        assert_eq!(keys, ["a", "b", "k", "made", "n"]);
        assert_eq!(cache.keys_count().await.unwrap(), 5);
        assert_eq!(cache.delete_many(["a", "b", "none"]).await.unwrap(), 2);
        assert_eq!(cache.delete_match("ma*").await.unwrap(), 1);
        assert!(cache.size_of("k").await.unwrap().is_some());
        assert_eq!(cache.ping("hello").await.unwrap(), "hello");
        cache.set("tagged", "v").tags(["red"]).await.unwrap();
        cache.delete_tags(["red"]).await.unwrap();
        assert!(!cache.exists("tagged").await.unwrap());
        cache.clear().await.unwrap();
        assert_eq!(cache.keys_count().await.unwrap(), 0);
    }
}

#[tokio::test]
async fn cas_stores_only_over_what_was_read() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    one.set("k", "first").await.unwrap();
    let (_, token) = one.gets::<String>("k").await.unwrap().unwrap();
    other.set("k", "second").await.unwrap();
    assert!(!one.cas("k", "third", &token).await.unwrap());
    let (seen, token) = one.gets::<String>("k").await.unwrap().unwrap();
    assert_eq!(seen, "second");
    assert!(one.cas("k", "third", &token).await.unwrap());
    assert_eq!(other.get::<String>("k").await.unwrap().as_deref(), Some("third"));
}

#[tokio::test]
async fn lives_below_a_second_are_exact() {
    let place = Place::fresh();
    let cache = place.cache("").await;
    for ttl in [100, 250] {
        let before = Instant::now();
        cache.set("k", "v").ttl(Duration::from_millis(ttl)).await.unwrap();
        until("its end", async || cache.get::<String>("k").await.unwrap().is_none()).await;
        assert!(before.elapsed() >= Duration::from_millis(ttl - 10), "{ttl} ms were {:?}", before.elapsed());
    }
    cache.set("short", "v").ttl(Duration::from_millis(500)).await.unwrap();
    let left = place.command(&["PTTL", "short"]).integer();
    assert!((1..=1_500).contains(&left), "the server would keep it for {left} ms");
}

#[tokio::test]
async fn a_namespace_is_part_of_the_name_on_the_server() {
    let place = Place::fresh();
    let cache = place.cache("?key_prefix=test").await;
    cache.set("key", "v").await.unwrap();
    assert_eq!(place.names(), ["test:key"]);
    assert_eq!(cache.scan("*").await.unwrap(), ["key"]);
    let spelt = place.cache("?namespace=test").await;
    assert_eq!(spelt.get::<String>("key").await.unwrap().as_deref(), Some("v"));
    assert_eq!(place.cache("").await.get::<String>("key").await.unwrap(), None);
}

#[tokio::test]
async fn raw_commands_see_the_names_of_a_namespace_and_what_deletes_them_by_pattern() {
    let place = Place::fresh();
    let cache = place.cache("?namespace=myapp").await;
    for key in ["user:42:name", "user:42:mail", "user:43:name"] {
        cache.set(key, "v").ttl("1h").await.unwrap();
    }
    let Reply::List(names) = cache.raw("KEYS", &["myapp:user:42:*"]).await.unwrap() else {
        panic!("no list")
    };
    let mut names: Vec<_> = names
        .into_iter()
        .map(|name| match name {
            Reply::Bytes(name) => String::from_utf8(name.to_vec()).unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    names.sort();
    assert_eq!(names, ["myapp:user:42:mail", "myapp:user:42:name"]);
    assert_eq!(cache.delete_match("user:42:*").await.unwrap(), 2);
    assert_eq!(place.names(), ["myapp:user:43:name"]);
}

#[tokio::test]
async fn json_is_json_on_the_server() {
    let place = Place::fresh();
    let cache = place.cache("?codec=json").await;
    cache.set("point", &Point { x: 1, y: 2.5 }).await.unwrap();
    assert_eq!(cache.get_raw("point").await.unwrap().unwrap(), &br#"{"x":1,"y":2.5}"#[..]);
    let stored = format!("{:?}", place.command(&["GET", "point"]));
    assert!(stored.contains(r#"{\"x\":1,\"y\":2.5}"#), "{stored}");
    assert_eq!(place.cache("").await.get::<Point>("point").await.unwrap(), Some(Point { x: 1, y: 2.5 }));
}

#[tokio::test]
async fn versions_keep_entries_apart() {
    let place = Place::fresh();
    let (second, third) = (place.cache("?version=2").await, place.cache("?version=3").await);
    second.set("k", "of 2").await.unwrap();
    assert_eq!(third.get::<String>("k").await.unwrap(), None);
    assert_eq!(second.get::<String>("k").await.unwrap().as_deref(), Some("of 2"));
    let plain = place.cache("").await;
    plain.set("k", "first").version(1).await.unwrap();
    plain.set("k", "new").version("f6s8a68687as").await.unwrap();
    assert_eq!(plain.get::<String>("k").version(1).await.unwrap().as_deref(), Some("first"));
    assert_eq!(plain.get::<String>("k").version("f6s8a68687as").await.unwrap().as_deref(), Some("new"));
    assert_eq!(plain.get::<String>("k").await.unwrap(), None);
    assert_eq!(place.names(), ["%v2:k", "k%v1", "k%vf6s8a68687as"]);
}

#[tokio::test]
async fn whoever_has_no_secret_makes_nothing_that_is_read() {
    let place = Place::fresh();
    let signed = place.cache("?secret=a-secret-that-is-long-enough").await;
    let plain = place.cache("").await;
    plain.set("k", "forged").await.unwrap();
    assert_eq!(signed.get::<String>("k").await.unwrap(), None);
    signed.set("k", "true").await.unwrap();
    signed.incr("n").by(5).await.unwrap();
    place.command(&["COPY", "k", "moved"]);
    assert_eq!(signed.get::<String>("moved").await.unwrap(), None, "the entry of another key");
    plain.set("n", &7).await.unwrap();
    assert_eq!(signed.get::<i64>("n").await.unwrap(), None);
    assert_eq!(signed.get::<String>("k").await.unwrap().as_deref(), Some("true"));
}

#[tokio::test]
async fn a_foreign_token_does_not_unlock() {
    let place = Place::fresh();
    let (one, other) = (place.cache("").await, place.cache("").await);
    assert!(one.set_lock("job", "mine", "1h").await.unwrap());
    assert!(!other.set_lock("job", "theirs", "1h").await.unwrap());
    assert!(!other.unlock("job", "theirs").await.unwrap());
    assert!(other.is_locked("job").await.unwrap());
    assert!(other.unlock("job", "mine").await.unwrap(), "who knows the token may be anywhere");
    assert!(!one.is_locked("job").await.unwrap());
}

#[tokio::test]
async fn entries_of_others_on_the_server_stay_as_they_are() {
    let place = Place::fresh();
    place.command(&["SET", "theirs", "letters"]);
    place.command(&["RPUSH", "list", "a", "b"]);
    let cache = place.cache("").await;
    cache.set("ours", "v").await.unwrap();
    assert_eq!(cache.scan("*").await.unwrap(), ["ours"]);
    assert_eq!(cache.delete_match("*").await.unwrap(), 1);
    cache.clear().await.unwrap();
    assert_eq!(place.names(), ["list", "theirs"]);
    assert!(!cache.get::<String>("list").await.is_ok_and(|value| value.is_some()));
}

#[tokio::test]
async fn several_commands_go_over_one_connection() {
    let server = macadamia_test_servers::Redis::start();
    let cache = open(&format!("{}?maxsize=1", server.url())).await;
    for number in 0..20 {
        cache.set("k", &number).await.unwrap();
    }
    let ours = server.command(&["CLIENT", "LIST"]).text();
    assert_eq!(ours.matches("name=macadamia").count(), 1, "{ours}");
    cache.close().await.unwrap();
    until("the connection is gone", async || {
        !server.command(&["CLIENT", "LIST"]).text().contains("name=macadamia")
    })
    .await;
    assert_eq!(cache.get::<i64>("k").await.unwrap(), Some(19), "a command opens what it needs");
}

#[tokio::test]
async fn tags_that_the_user_may_not_delete_are_an_error_and_no_silence() {
    let server =
        macadamia_test_servers::Redis::builder().user("few", "on >password ~* +@all -unlink").start();
    let cache = open(&format!("redis://few:password@{}", server.address())).await;
    cache.set("k", "v").tags(["red"]).await.unwrap();
    let error = cache.delete_tags(["red"]).await.unwrap_err();
    assert!(error.to_string().contains("tags"), "{error}");
}
