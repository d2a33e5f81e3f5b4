//! What a Redis server promises beside the verbs of every backend: what lies there, whose it is, and what it costs.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::time::Duration;

use cache_backends::Redis;
use cache_core::{
    Backend, Cache, Error, Fill, Increment, Key, Pattern, SetOptions, Stamp, Step, Time, Transition,
};
use macadamia_test_servers::{Client, Redis as Server, Reply};

const HOUR: Duration = Duration::from_secs(3_600);

/// A database of the shared server that no other test uses.
struct Bench {
    db: u32,
    redis: Redis,
    cache: Cache,
}

impl Bench {
    async fn new() -> Self {
        let db = Server::shared().fresh_database();
        let redis = connect(db);
        let cache = route(redis.clone()).await;
        Self { db, redis, cache }
    }

    /// What the server says to another program.
    fn say<T: AsRef<[u8]>>(&self, words: &[T]) -> Reply {
        let mut client: Client = Server::shared().client().unwrap();
        client.command(&["SELECT", &self.db.to_string()]).unwrap();
        client.command(words).unwrap()
    }

    fn names(&self) -> BTreeSet<Vec<u8>> {
        let bytes = |name: &Reply| match name {
            Reply::Bytes(bytes) => bytes.clone(),
            other => panic!("{other:?} is no name"),
        };
        self.say(&["KEYS", "*"]).items().iter().map(bytes).collect()
    }
}

fn connect(db: u32) -> Redis {
    Redis::builder().server("127.0.0.1", Server::shared().port()).db(db).build()
}

/// Without a limit that a busy machine might reach.
async fn route(redis: Redis) -> Cache {
    Cache::builder().route("", redis).timeout(Duration::from_secs(20)).build().await.unwrap()
}

/// Takes a lock that nobody holds.
struct Hold {
    token: u8,
    holder: Option<u8>,
}

impl Transition for Hold {
    fn name(&self) -> &'static str {
        "hold"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.holder = state.and_then(|state| state.first().copied());
        if self.holder.is_some() {
            return Step::Keep;
        }
        self.holder = Some(self.token);
        Step::Put(vec![self.token], now.after(HOUR))
    }
}

/// Counts.
struct Count;

impl Transition for Count {
    fn name(&self) -> &'static str {
        "count"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let before = state.and_then(|state| state.first().copied()).unwrap_or_default();
        Step::Put(vec![before.wrapping_add(1)], now.after(HOUR))
    }
}

async fn hold(redis: &Redis, key: &str, token: u8) -> u8 {
    let mut hold = Hold { token, holder: None };
    redis.update(&key.into(), &mut hold).await.unwrap();
    hold.holder.unwrap()
}

// ── Whose it is ──

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
        let entry = cache_core::Entry::new(7_i64, cache_core::Meta::new(Time::from_nanos(1), Time::NEVER));
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

// ── Numbers ──

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

// ── Scripts ──

#[tokio::test]
async fn scripts_that_the_server_forgot_are_told_again() {
    let server = Server::start();
    let redis = Redis::builder().server("127.0.0.1", server.port()).build();
    let cache = route(redis.clone()).await;
    for round in 0..3 {
        assert!(cache.set("k", &round).await.unwrap());
        assert_eq!(cache.incr("n").await.unwrap(), round + 1);
        assert_eq!(cache.scan("*").await.unwrap().len(), 2);
        server.command(&["SCRIPT", "FLUSH"]);
    }
    assert!(cache.delete("k").await.unwrap());
}

#[tokio::test]
async fn what_a_user_may_not_do_is_unsupported() {
    let limited = Server::builder()
        .user("reader", "on >secret ~* &* +@all -scan")
        .user("keeper", "on >secret ~* &* +@all -unlink")
        .user("mute", "on >secret ~* &* +@all -evalsha -eval")
        .user("boxed", "on >secret ~mine:* ~macadamia:* &* +@all")
        .start();
    let of = |user: &str| {
        Redis::builder().server("127.0.0.1", limited.port()).user(user).password("secret").build()
    };
    let reader = route(of("reader")).await;
    reader.set("k", "v").await.unwrap();
    assert_eq!(reader.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    for refused in
        [reader.scan("*").await.map(drop), reader.delete_match("k*").await.map(drop), reader.clear().await]
    {
        assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    }
    // Nothing is tried for ever where nothing can be removed.
    let keeper = route(of("keeper")).await;
    for refused in [keeper.delete_match("k*").await.map(drop), keeper.clear().await] {
        assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    }
    let mute = route(of("mute")).await;
    assert_eq!(mute.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    let refused = mute.set("k", "v").await;
    assert!(refused.as_ref().is_err_and(Error::is_unsupported), "{refused:?}");
    let boxed = route(of("boxed")).await;
    boxed.set("mine:k", "v").await.unwrap();
    let refused = boxed.get::<String>("k").await;
    assert!(matches!(refused, Err(Error::Backend(_))), "one key is refused, not the command: {refused:?}");
}

// ── What it costs ──

/// How often the server was asked this.
fn calls(server: &Server, command: &str) -> u64 {
    let text = server.command(&["INFO", "commandstats"]).text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("cmdstat_{command}:calls=")));
    line.map_or(0, |line| line.split(',').next().unwrap().parse().unwrap())
}

/// How many commands it has done, but for those that ask this.
fn all_calls(server: &Server) -> u64 {
    let text = server.command(&["INFO", "commandstats"]).text();
    let of = |line: &str| -> u64 {
        let (name, rest) = line.strip_prefix("cmdstat_").unwrap().split_once(":calls=").unwrap();
        if name == "info" { 0 } else { rest.split(',').next().unwrap().parse().unwrap() }
    };
    text.lines().filter(|line| line.starts_with("cmdstat_")).map(of).sum()
}

#[tokio::test]
async fn a_hit_is_one_command() {
    let server = Server::start();
    let cache = route(Redis::builder().server("127.0.0.1", server.port()).build()).await;
    cache.set("k", "v").await.unwrap();
    let before = all_calls(&server);
    for _ in 0..100 {
        assert!(cache.get::<String>("k").await.unwrap().is_some());
    }
    assert_eq!((all_calls(&server) - before, calls(&server, "get") >= 100), (100, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_come_together_go_together_and_each_gets_its_own() {
    let server = Server::start();
    let cache = route(Redis::builder().server("127.0.0.1", server.port()).build()).await;
    for i in 0..1_000_u32 {
        cache.set(format!("k{i}"), &i).await.unwrap();
    }
    let before = calls(&server, "get") + calls(&server, "mget");
    let ask = |i: u32| {
        let cache = cache.clone();
        tokio::spawn(async move { (i, cache.get::<u32>(format!("k{i}")).await.unwrap()) })
    };
    let asked: Vec<_> = (0..1_000).map(ask).collect();
    for answer in asked {
        let (i, found) = answer.await.unwrap();
        assert_eq!(found, Some(i));
    }
    let asked = calls(&server, "get") + calls(&server, "mget") - before;
    assert!(asked < 500, "a thousand reads at once took {asked} commands");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_go_away_leave_nobody_waiting() {
    let server = Server::start();
    let cache = route(Redis::builder().server("127.0.0.1", server.port()).build()).await;
    cache.set("k", "v").await.unwrap();
    for _ in 0..20 {
        server.pause();
        let ask = |_| {
            let cache = cache.clone();
            tokio::spawn(async move { cache.get::<String>("k").await.unwrap() })
        };
        let asked: Vec<_> = (0..50).map(ask).collect();
        tokio::task::yield_now().await;
        for (i, asked) in asked.iter().enumerate() {
            if i % 3 != 0 {
                asked.abort();
            }
        }
        server.resume();
        for (i, asked) in asked.into_iter().enumerate() {
            match asked.await {
                Ok(found) => assert_eq!(found.as_deref(), Some("v")),
                Err(gone) => assert!(gone.is_cancelled() && i % 3 != 0),
            }
        }
    }
}

#[tokio::test]
async fn a_full_server_refuses_what_is_stored_and_nothing_else() {
    let server = Server::builder().config("maxmemory", "4mb").start();
    let cache = route(Redis::builder().server("127.0.0.1", server.port()).build()).await;
    cache.set("k", "v").await.unwrap();
    let mut refused = Ok(true);
    for i in 0..1_000 {
        refused = cache.set(format!("large:{i}"), "v".repeat(100_000).as_str()).await;
        if refused.is_err() {
            break;
        }
    }
    assert!(matches!(&refused, Err(Error::Backend(said)) if said.contains("OOM")), "{refused:?}");
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"), "what is there is read");
    assert!(cache.delete("k").await.unwrap(), "what is there can be removed");
    assert!(cache.delete_match("large:*").await.unwrap() > 0);
    assert!(cache.set("k", "v").await.unwrap(), "there is room again");
}

// ── Several who share a server ──

/// A clock whose wall is far from the server's, as that of a test is.
#[tokio::test]
async fn those_whose_walls_differ_agree_on_when_an_entry_ends() {
    let bench = Bench::new().await;
    let (redis, clock) = (connect(bench.db), cache_core::testing::ManualClock::new());
    let far = Cache::builder().route("", redis).clock(clock.clone()).build().await.unwrap();
    far.ping("").await.unwrap();
    far.set("k", "v").ttl("1h").await.unwrap();
    let left = bench.cache.get_expire("k").await.unwrap().remaining().unwrap();
    assert!(left.abs_diff(HOUR) < Duration::from_secs(30), "{left:?}");
    assert_eq!(bench.cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    clock.advance(HOUR);
    assert_eq!(far.get::<String>("k").await.unwrap(), None, "to those an hour later it has ended");
}

#[tokio::test]
async fn what_one_computed_before_another_deleted_it_is_not_stored() {
    let (one, other) = (Bench::new().await, Key::from("k"));
    let two = connect(one.db);
    let fill = |redis: &Redis| {
        let redis = redis.clone();
        async move { redis.begin_fill(&"k".into()).await.unwrap().unwrap() }
    };
    let store = |redis: &Redis, fill: Fill| {
        let redis = redis.clone();
        async move {
            let entry =
                cache_core::Entry::new(7_i64, cache_core::Meta::new(Time::from_nanos(1), Time::NEVER));
            let mut options = SetOptions::default();
            options.fill = Some(fill);
            redis.set(&"k".into(), entry, options).await.unwrap()
        }
    };
    let (a, b) = (fill(&one.redis).await, fill(&two).await);
    assert_eq!(a, b, "the second joins");
    two.delete(&other).await.unwrap();
    assert!(!store(&one.redis, a).await, "it was deleted by the other one meanwhile");
    let c = fill(&one.redis).await;
    assert!(c != a && store(&one.redis, c).await);
    let left = one.say(&["PTTL", "macadamia:fill:{k}"]).integer();
    assert!((1..=600_000).contains(&left), "a right that nobody gives back ends by itself: {left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_one_keeps_the_other_out() {
    let bench = Bench::new().await;
    let two = connect(bench.db);
    assert_eq!(hold(&bench.redis, "lock:k", 1).await, 1);
    assert_eq!(hold(&two, "lock:k", 2).await, 1);
    bench.redis.delete(&"lock:k".into()).await.unwrap();
    assert_eq!(hold(&two, "lock:k", 2).await, 2);
    assert_eq!(hold(&bench.redis, "lock:k", 1).await, 2, "what it remembers is not what is there");
    let left = bench.say(&["PTTL", "lock:k"]).integer();
    // Milliseconds are rounded up, and our idea of the server's time is off by some.
    assert!((3_500_000..3_600_100).contains(&left), "a state ends on the server, too: {left}");
}

#[tokio::test]
async fn a_step_that_nobody_comes_between_is_one_command() {
    let server = Server::start();
    let redis = Redis::builder().server("127.0.0.1", server.port()).build();
    redis.update(&"limit".into(), &mut Count).await.unwrap();
    let before = calls(&server, "evalsha");
    for _ in 0..100 {
        redis.update(&"limit".into(), &mut Count).await.unwrap();
    }
    assert_eq!(calls(&server, "evalsha") - before, 100);
}

#[tokio::test]
async fn a_tag_that_one_deletes_ends_what_the_other_has_stored() {
    let bench = Bench::new().await;
    let other = route(connect(bench.db)).await;
    bench.cache.set("k", "v").tags(["red", "blue"]).await.unwrap();
    assert_eq!(other.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    other.delete_tags(["red"]).await.unwrap();
    assert_eq!(bench.cache.get::<String>("k").await.unwrap(), None);
}

#[tokio::test]
async fn a_generation_is_kept_as_long_as_what_carries_it() {
    let bench = Bench::new().await;
    let left = |tag: &str| bench.say(&["PTTL", &format!("macadamia:tag:{tag}")]).integer();
    let hours = |n: i64| n * 3_600_000;
    bench.cache.set("short", "v").ttl("10m").tags(["short"]).await.unwrap();
    assert!((hours(1)..=hours(2)).contains(&left("short")), "{}", left("short"));
    bench.cache.set("long", "v").ttl("5h").tags(["long"]).await.unwrap();
    assert!((hours(5)..hours(6) + 100).contains(&left("long")), "{}", left("long"));
    bench.cache.set("for ever", "v").tags(["ever"]).await.unwrap();
    assert_eq!(left("ever"), -1);
    bench.cache.set("again", "v").ttl("10m").tags(["ever", "long"]).await.unwrap();
    assert!(left("ever") == -1 && left("long") > hours(4), "a shorter life made them shorter");
    // Asked for again shortly before its end it is kept for what is computed now.
    bench.say(&["PEXPIRE", "macadamia:tag:short", "5000"]);
    let stamps: Vec<Stamp> = bench.redis.stamp(&["short".into()]).await.unwrap();
    assert!(stamps[0].nonce() != 0 && left("short") > hours(1));
}
