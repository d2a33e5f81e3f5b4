//! Entries of a Redis server that are kept near: what they cost, and what ends them.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cache_backends::{Redis, RedisBuilder};
use cache_core::{Backend, Cache, KeyRef};
use macadamia_test_servers::{Cluster, Mode, Proxy, Redis as Server};

const PATIENCE: Duration = Duration::from_secs(20);

/// A server, a program that keeps its entries near over one connection, and another program.
struct Two {
    server: Server,
    near: Redis,
    here: Cache,
    elsewhere: Cache,
}

impl Two {
    async fn new() -> Self {
        Self::on(Server::start()).await
    }

    async fn on(server: Server) -> Self {
        let port = server.port();
        Self::with(server, at(port).client_side(true).maxsize(1)).await
    }

    async fn with(server: Server, near: RedisBuilder) -> Self {
        let (near, plain) = (near.build(), at(server.port()).build());
        let (here, elsewhere) = (route(near.clone()).await, route(plain).await);
        Self { server, near, here, elsewhere }
    }

    fn shown(&self, key: &str) -> bool {
        shown(&self.near, key)
    }

    async fn get(&self, key: &str) -> Option<String> {
        self.here.get(key).await.unwrap()
    }

    /// Reads until it is near: the first time the server is asked, and whether the connection stands may have to be.
    async fn keep(&self, key: &str) {
        until("it is near", async || {
            self.get(key).await;
            self.shown(key)
        })
        .await;
    }

    /// All that the server has told so far has arrived: it tells on the connection on which it answers.
    async fn told(&self) {
        self.near.ping("").await.unwrap();
    }

    /// How often commands of these names were called.
    fn calls(&self, names: &[&str]) -> u64 {
        let stats = self.server.command(&["INFO", "commandstats"]).text();
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            names.contains(&name).then(|| rest.split(',').next()?.parse::<u64>().ok())?
        };
        stats.lines().filter_map(calls).sum()
    }
}

fn at(port: u16) -> RedisBuilder {
    Redis::builder().server("127.0.0.1", port)
}

/// Without a limit that a busy machine might reach, and with the errors of a server that is away.
async fn route(redis: Redis) -> Cache {
    Cache::builder().route("", redis).timeout(PATIENCE).suppress(false).build().await.unwrap()
}

fn shown(redis: &Redis, key: &str) -> bool {
    let mut shown = false;
    redis.peek(KeyRef::new(key), &mut |_| shown = true);
    shown
}

async fn until(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !done().await {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

// ── What it costs ──

#[tokio::test]
async fn what_is_near_is_read_without_a_command() {
    let two = Two::new().await;
    two.elsewhere.set("k", "v").await.unwrap();
    two.elsewhere.set("n", &7u64).await.unwrap();
    two.keep("k").await;
    until("the number is near", async || {
        assert_eq!(two.here.get::<u64>("n").await.unwrap(), Some(7));
        two.shown("n")
    })
    .await;
    let before = two.calls(&["get", "mget"]);
    let mut asked = 0;
    for _ in 0..1_000 {
        asked += u64::from(!two.shown("k")) + u64::from(!two.shown("n"));
        assert_eq!(two.get("k").await, Some("v".to_owned()));
        assert_eq!(two.here.get_many::<u64, _>(["n", "n"]).await.unwrap(), [Some(7), Some(7)]);
    }
    assert!(two.calls(&["get", "mget"]) - before <= asked, "a hit near sent a command");
    assert!(asked < 1_000, "it was near only now and then");
}

#[tokio::test]
async fn the_server_is_asked_to_tell_only_where_somebody_listens() {
    let two = Two::new().await;
    two.elsewhere.set("k", "v").await.unwrap();
    assert_eq!(two.calls(&["client|tracking"]), 0);
    two.get("k").await;
    assert_eq!(two.calls(&["client|tracking"]), 1);
    assert_eq!(two.server.info("clients", "tracking_clients"), "1");
    let url = format!("{}?client_side=1&client_side_size=10", two.server.url());
    let cache = Cache::builder().route("", &*url).build().await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap(), Some("v".to_owned()));
    assert_eq!(two.server.info("clients", "tracking_clients"), "2");
}

#[tokio::test]
async fn no_more_is_kept_than_there_is_room_for() {
    let server = Server::start();
    let near = at(server.port()).client_side_size(1_000).client_side(true);
    let two = Two::with(server, near).await;
    let keys: Vec<String> = (0..100_000).map(|number| format!("k{number}")).collect();
    for keys in keys.chunks(5_000) {
        two.elsewhere.set_many(keys.iter().map(|key| (key.as_str(), "v"))).await.unwrap();
        assert_eq!(two.here.get_many::<String, _>(keys).await.unwrap().iter().flatten().count(), keys.len());
    }
    until("the connection is known to stand", async || {
        two.get("k0").await;
        two.shown("k0")
    })
    .await;
    let kept = keys.iter().filter(|key| two.shown(key)).count();
    assert!(kept > 0 && kept <= 1_010, "{kept} entries are near");
}

// ── What ends it ──

#[tokio::test]
async fn what_any_other_program_does_is_seen() {
    let two = Two::new().await;
    let commands: [&[&str]; 7] = [
        &["SET", "k", "no entry of ours"],
        &["DEL", "k"],
        &["UNLINK", "k"],
        &["RENAME", "k", "other"],
        &["PEXPIRE", "k", "1"],
        &["FLUSHDB"],
        &["FLUSHALL"],
    ];
    for command in commands {
        two.elsewhere.set("k", "v").await.unwrap();
        two.keep("k").await;
        two.server.command(command);
        until(&format!("{command:?} is seen"), async || !two.shown("k")).await;
        assert_eq!(two.get("k").await, None, "{command:?}");
    }
}

#[tokio::test]
async fn what_another_cache_does_is_seen() {
    let two = Two::new().await;
    two.elsewhere.set("k", "0").await.unwrap();
    for (number, how) in ["set", "set_many", "expire", "delete", "pattern", "clear"].into_iter().enumerate() {
        let (old, new) = (number.to_string(), (number + 1).to_string());
        two.elsewhere.set("k", &old).await.unwrap();
        two.keep("k").await;
        match how {
            "set" => drop(two.elsewhere.set("k", &new).await.unwrap()),
            "set_many" => two.elsewhere.set_many([("k", new.as_str())]).await.unwrap(),
            "expire" => drop(two.elsewhere.expire("k", Duration::from_secs(900)).await.unwrap()),
            "delete" => drop(two.elsewhere.delete("k").await.unwrap()),
            "pattern" => drop(two.elsewhere.delete_match("k*").await.unwrap()),
            _ => two.elsewhere.clear().await.unwrap(),
        }
        two.told().await;
        assert!(!two.shown("k"), "{how}");
        assert_eq!(two.get("k").await, two.elsewhere.get("k").await.unwrap(), "{how}");
    }
}

#[tokio::test]
async fn what_expires_is_not_near_any_longer() {
    let two = Two::new().await;
    two.elsewhere.set("k", "v").ttl("400ms").await.unwrap();
    two.get("k").await;
    until("it has expired", async || two.get("k").await.is_none()).await;
}

#[tokio::test]
async fn a_tag_that_another_cache_deletes_ends_what_carries_it() {
    let two = Two::new().await;
    for _ in 0..5 {
        two.elsewhere.set("k", "v").tags(["red", "blue"]).await.unwrap();
        two.keep("k").await;
        let before = two.calls(&["get", "mget"]);
        assert_eq!(two.get("k").await, Some("v".to_owned()));
        assert!(two.calls(&["get", "mget"]) - before <= 2, "tags near are asked for");
        two.elsewhere.delete_tags(["blue"]).await.unwrap();
        two.told().await;
        assert_eq!(two.get("k").await, None);
    }
}

#[tokio::test]
async fn a_command_that_is_passed_on_ends_what_it_names() {
    let two = Two::new().await;
    let commands: [(&str, &[&[u8]]); 3] = [
        ("SET", &[b"k", b"no entry of ours"]),
        ("EVAL", &[b"return redis.call('DEL', string.lower('K'))", b"0"]),
        ("DEL", &[b"k"]),
    ];
    for (command, args) in commands {
        two.elsewhere.set("k", "v").await.unwrap();
        two.keep("k").await;
        two.near.raw(command, args).await.unwrap();
        assert_eq!(two.get("k").await, None, "{command}");
    }
}

// ── Who was first ──

/// Readers keep what they read all the time, and whoever has written reads what he wrote.
async fn nobody_reads_older_than_what_he_wrote(near: RedisBuilder, server: Server) {
    let two = Arc::new(Two::with(server, near).await);
    let is_over = Arc::new(AtomicBool::new(false));
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (two, is_over) = (Arc::clone(&two), Arc::clone(&is_over));
            tokio::spawn(async move {
                while !is_over.load(Ordering::SeqCst) {
                    two.get("k").await;
                    // What is near is there at once, and gives nobody else a turn.
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let (mut stale, mut hits) = (0, 0);
    for round in 0..2_000 {
        let value = round.to_string();
        if round % 10 == 9 {
            two.here.delete("k").await.unwrap();
            stale += u32::from(two.get("k").await.is_some());
            continue;
        }
        two.here.set("k", &value).await.unwrap();
        for _ in 0..3 {
            hits += u32::from(two.shown("k"));
            stale += u32::from(two.get("k").await != Some(value.clone()));
        }
    }
    is_over.store(true, Ordering::SeqCst);
    for reader in readers {
        reader.await.unwrap();
    }
    assert_eq!(stale, 0, "of 2,000 rounds");
    assert!(hits > 0, "nothing was ever near");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_older_than_what_he_wrote_over_one_connection() {
    let server = Server::start();
    nobody_reads_older_than_what_he_wrote(at(server.port()).client_side(true).maxsize(1), server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_reads_older_than_what_he_wrote_over_many_connections() {
    let server = Server::start();
    nobody_reads_older_than_what_he_wrote(at(server.port()).client_side(true).minsize(4), server).await;
}

/// Another program writes while a read is under way: once the server has told, everybody reads what it wrote.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_while_a_read_is_under_way_is_seen() {
    let two = Arc::new(Two::new().await);
    let mut stale = 0;
    for round in 0..2_000 {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        two.elsewhere.set("k", &old).await.unwrap();
        let (one, other) = (Arc::clone(&two), Arc::clone(&two));
        let read = tokio::spawn(async move { (one.get("k").await, one.get("k").await) });
        let written = new.clone();
        let write = tokio::spawn(async move { other.elsewhere.set("k", &written).await });
        read.await.unwrap();
        write.await.unwrap().unwrap();
        two.told().await;
        stale += u32::from(two.get("k").await != Some(new));
    }
    assert_eq!(stale, 0, "of 2,000 rounds");
}

#[tokio::test]
async fn an_answer_that_comes_long_after_the_change_is_not_kept() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let two = Two::with(server, at(proxy.port()).client_side(true).maxsize(1)).await;
    two.get("k").await;
    proxy.set(Mode::Slow(Duration::from_millis(5)));
    for round in 0..60 {
        let (old, new) = (format!("old {round}"), format!("new {round}"));
        two.elsewhere.set("k", &old).await.unwrap();
        let write = async {
            // Now earlier, now later than the read arrives at the server.
            tokio::time::sleep(Duration::from_micros(250 * (round % 60))).await;
            two.elsewhere.set("k", &new).await.unwrap();
        };
        tokio::join!(two.get("k"), write);
        two.told().await;
        assert_eq!(two.get("k").await, Some(new));
    }
}

/// Two programs with entries near, and whatever they do: once the server has told, both read what was last written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_order_of_commands_leaves_anything_stale() {
    let server = Server::start();
    let seed = fastrand::u64(..);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut programs = Vec::new();
    for _ in 0..2 {
        let redis = at(server.port()).client_side(true).maxsize(1).build();
        programs.push((route(redis.clone()).await, redis));
    }
    let mut model: HashMap<String, String> = HashMap::new();
    for step in 0..5_000 {
        let (cache, redis) = &programs[random.usize(..2)];
        // What the server has told has arrived; and where a connection was just ended, the first question finds that out.
        until("there is a connection", async || redis.ping("").await.is_ok()).await;
        let key = format!("k{}", random.u8(..4));
        match random.u16(..400) {
            0..60 => {
                cache.set(&key, &step.to_string()).await.unwrap();
                model.insert(key, step.to_string());
            }
            60..100 => {
                cache.delete(&key).await.unwrap();
                model.remove(&key);
            }
            100..104 => {
                cache.delete_match("k*").await.unwrap();
                model.clear();
            }
            104 => {
                server.command(&["FLUSHALL"]);
                model.clear();
            }
            105 => drop(server.command(&["CLIENT", "KILL", "TYPE", "normal"])),
            _ => {
                let found = cache.get::<String>(&key).await.unwrap();
                assert_eq!(found.as_ref(), model.get(&key), "step {step}, seed {seed}");
            }
        }
    }
}

// ── When the server cannot tell ──

#[tokio::test]
async fn with_its_connection_goes_what_is_near() {
    let two = Two::new().await;
    for round in 0..5 {
        two.elsewhere.set("k", &format!("old {round}")).await.unwrap();
        two.keep("k").await;
        let new = format!("new {round}");
        two.server.command(&["CLIENT", "KILL", "TYPE", "normal"]);
        until("another connection stands", async || two.elsewhere.set("k", &new).await.is_ok()).await;
        until("the end of the connection is noticed", async || !two.shown("k")).await;
        until("there is another", async || two.here.get::<String>("k").await.is_ok()).await;
        assert_eq!(two.get("k").await, Some(new));
        two.keep("k").await;
    }
}

#[tokio::test]
async fn of_a_server_that_was_ended_nothing_is_near() {
    let two = Two::new().await;
    two.elsewhere.set("k", "old").await.unwrap();
    two.keep("k").await;
    two.server.kill();
    until("its end is noticed", async || !two.shown("k")).await;
    assert!(two.here.get::<String>("k").await.is_err());
    two.server.restart();
    until("it is there again", async || two.elsewhere.set("k", "new").await.is_ok()).await;
    until("it is reached again", async || two.here.get::<String>("k").await.is_ok()).await;
    assert_eq!(two.get("k").await, Some("new".to_owned()));
    two.keep("k").await;
}

#[tokio::test]
async fn a_wire_that_was_cut_without_a_word_is_believed_for_a_second_and_a_half() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let two = Two::with(server, at(proxy.port()).client_side(true).maxsize(1)).await;
    two.elsewhere.set("k", "old").await.unwrap();
    two.keep("k").await;
    let mut shown_for = Duration::ZERO;
    proxy.set(Mode::BlackHole);
    let cut = Instant::now();
    two.elsewhere.set("k", "new").await.unwrap();
    until("nothing is near", async || {
        let now = cut.elapsed();
        let shown = two.shown("k");
        if shown {
            shown_for = now;
        }
        !shown
    })
    .await;
    assert!(shown_for <= Duration::from_millis(1_550), "it was shown for {shown_for:?}");
    proxy.set(Mode::Pass);
    until("it is reached again", async || {
        let read = tokio::time::timeout(Duration::from_secs(1), two.here.get::<String>("k").into_future());
        matches!(read.await, Ok(Ok(Some(value))) if value == "new")
    })
    .await;
}

#[tokio::test]
async fn where_the_server_refuses_to_tell_every_read_asks_it() {
    let rules = "+@all -client|tracking ~* &* on >pass";
    let server = Server::builder().user("quiet", rules).start();
    let near = at(server.port()).user("quiet").password("pass").client_side(true).maxsize(1);
    let two = Two::with(server, near).await;
    two.elsewhere.set("k", "old").await.unwrap();
    for round in 0..20 {
        assert_eq!(
            two.get("k").await,
            if round == 0 { Some("old".to_owned()) } else { Some(format!("{}", round - 1)) }
        );
        assert!(!two.shown("k"));
        two.elsewhere.set("k", &round.to_string()).await.unwrap();
    }
}

#[tokio::test]
async fn a_storm_of_changes_leaves_nothing_old() {
    let two = Two::new().await;
    let keys: Vec<String> = (0..8_000).map(|number| format!("k{number}")).collect();
    for (round, value) in ["one", "two", "three"].into_iter().enumerate() {
        for keys in keys.chunks(2_000) {
            two.elsewhere.set_many(keys.iter().map(|key| (key.as_str(), value))).await.unwrap();
            two.here.get_many::<String, _>(keys).await.unwrap();
        }
        // Another program, key by key and all at once.
        let next = format!("next {round}");
        for keys in keys.chunks(2_000) {
            two.elsewhere.set_many(keys.iter().map(|key| (key.as_str(), next.as_str()))).await.unwrap();
        }
        two.told().await;
        let values = two.here.get_many::<String, _>(&keys).await.unwrap();
        assert!(values.iter().all(|value| value.as_deref() == Some(next.as_str())));
    }
}

#[test]
fn only_where_it_was_asked_for_there_is_a_place_near() {
    assert!(Redis::builder().client_side(true).build().near().is_some());
    assert!(Redis::builder().build().near().is_none());
}

/// Each server tells of its own keys; which of them has told is not to be known from here, so it is waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_cluster_every_server_tells_of_the_keys_it_holds() {
    let cluster = Cluster::start(3, 0);
    let program = |near| at(cluster.nodes()[0].port()).cluster(true).client_side(near).build();
    let near = program(true);
    let (here, elsewhere) = (route(near.clone()).await, route(program(false)).await);
    let keys: Vec<String> = (0..60).map(|number| format!("k{number}")).collect();
    for round in 0..5 {
        let value = round.to_string();
        for key in &keys {
            elsewhere.set(key, &value).await.unwrap();
            until("it is seen", async || here.get::<String>(key).await.unwrap() == Some(value.clone())).await;
            until("it is near", async || {
                here.get::<String>(key).await.unwrap();
                shown(&near, key)
            })
            .await;
        }
        for key in &keys {
            here.set(key, "own").await.unwrap();
            assert_eq!(here.get::<String>(key).await.unwrap(), Some("own".to_owned()));
        }
    }
}
