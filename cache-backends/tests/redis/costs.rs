//! What is asked of the server, and how often.

use std::time::{Duration, Instant};

use cache_core::testing::ManualClock;
use cache_core::{Backend, Cache, Error, Step, Time, Transition};
use macadamia_test_servers::{Mode, Proxy, Redis as Server};

use super::{HOUR, at, route};

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
    let cache = route(at(server.port())).await;
    cache.set("k", "v").await.unwrap();
    let before = all_calls(&server);
    for _ in 0..100 {
        assert!(cache.get::<String>("k").await.unwrap().is_some());
    }
    assert_eq!((all_calls(&server) - before, calls(&server, "get") >= 100), (100, true));
}

#[tokio::test]
async fn the_time_is_asked_for_again_once_a_minute() {
    let (server, clock) = (Server::start(), ManualClock::new());
    let cache = Cache::builder().route("", at(server.port())).clock(clock.clone()).build().await.unwrap();
    cache.set("k", "v").await.unwrap();
    let before = calls(&server, "time");
    let read = async || {
        for _ in 0..20 {
            cache.get::<String>("k").await.unwrap();
        }
        calls(&server, "time") - before
    };
    clock.advance(Duration::from_secs(59));
    assert_eq!(read().await, 0);
    for minute in 1..4 {
        clock.advance(Duration::from_secs(60));
        assert_eq!(read().await, minute);
    }
}

#[tokio::test]
async fn generations_that_many_entries_carry_are_kept_for_all_of_them_at_once() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
    let entries = |count: u32| (0..count).map(|i| (format!("k{i}"), "v"));
    cache.set_many(entries(1)).ttl("30m").tags(["t", "u"]).await.unwrap();
    let before = calls(&server, "evalsha") + calls(&server, "eval");
    cache.set_many(entries(500)).ttl("1d").tags(["t", "u"]).await.unwrap();
    let asked = calls(&server, "evalsha") + calls(&server, "eval") - before;
    assert!(asked < 6, "500 entries were {asked} scripts");
    let kept = |tag: &str| server.command(&["PTTL", &format!("macadamia:tag:{tag}")]).integer();
    assert!(kept("t") > 86_400_000 && kept("u") > 86_400_000, "shorter than what carries them");
    cache.set_many([("late", "v")]).ttl("forever").tags(["t"]).await.unwrap();
    assert!(kept("t") == -1 && kept("u") > 86_400_000);
    assert_eq!(cache.get::<String>("k7").await.unwrap().as_deref(), Some("v"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn long_lists_of_keys_come_back_in_their_order_by_a_few_ways_at_once() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let cache = route(at(proxy.port())).await;
    for i in (0..30_000_u32).step_by(1_000) {
        cache.set(format!("k{i}"), &i).await.unwrap();
    }
    // 59 parts, of which several are under way.
    proxy.set(Mode::Slow(Duration::from_millis(50)));
    let begun = Instant::now();
    let found = cache.get_many::<u32, _>((0..30_000).map(|i| format!("k{i}"))).await.unwrap();
    let took = begun.elapsed();
    for (i, found) in (0..).zip(found) {
        assert_eq!(found, (i % 1_000 == 0).then_some(i));
    }
    assert!(took < Duration::from_millis(59 * 50), "one after the other: {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reads_that_come_together_go_together_and_each_gets_its_own() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
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
    let cache = route(at(server.port())).await;
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

#[tokio::test]
async fn a_step_that_nobody_comes_between_is_one_command() {
    let server = Server::start();
    let redis = at(server.port()).build();
    redis.update(&"limit".into(), &mut Count).await.unwrap();
    let before = calls(&server, "evalsha");
    for _ in 0..100 {
        redis.update(&"limit".into(), &mut Count).await.unwrap();
    }
    assert_eq!(calls(&server, "evalsha") - before, 100);
}

#[tokio::test]
async fn scripts_that_the_server_forgot_are_told_again() {
    let server = Server::start();
    let redis = at(server.port()).build();
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
async fn a_full_server_refuses_what_is_stored_and_nothing_else() {
    let server = Server::builder().config("maxmemory", "4mb").start();
    let cache = route(at(server.port())).await;
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
