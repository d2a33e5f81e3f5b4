//! How a Redis server is reached: addresses, connections, what becomes of commands when one is lost.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

#[path = "support/relay.rs"]
mod relay;

use std::time::{Duration, Instant};

use cache_backends::{Redis, RedisBuilder};
use cache_core::{Backend, Cache, Error, Key, Reply};
use macadamia_test_servers::{Mode, Proxy, Redis as Server};
use relay::Relay;

const PATIENCE: Duration = Duration::from_secs(20);

async fn route(redis: impl cache_core::IntoRoute) -> Cache {
    Cache::builder().route("", redis).timeout(PATIENCE).build().await.unwrap()
}

fn at(port: u16) -> RedisBuilder {
    Redis::builder().server("127.0.0.1", port)
}

/// How many connections of ours there are.
fn connections(server: &Server) -> usize {
    let clients = server.command(&["CLIENT", "LIST"]).text();
    clients.lines().filter(|line| line.contains("name=macadamia")).count()
}

/// The server's numbers for them.
fn ids(server: &Server) -> Vec<String> {
    let clients = server.command(&["CLIENT", "LIST"]).text();
    let ours = clients.lines().filter(|line| line.contains("name=macadamia"));
    ours.filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// Waits without holding up what else runs here.
async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Asks until the answer is not that nobody can be reached.
async fn once_reached<T>(mut ask: impl AsyncFnMut() -> cache_core::Result<T>) -> T {
    let begun = Instant::now();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) if error.is_unavailable() && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}

// ── Addresses ──

#[tokio::test]
async fn a_url_leads_to_the_database_it_names() {
    let server = Server::start();
    for (url, db) in [
        (server.url(), 0),
        (format!("{}/5", server.url()), 5),
        (format!("{}?db=6", server.url()), 6),
        (format!("redis+unix://{}?db=7", server.socket().display()), 7),
        (format!("unix://{}", server.socket().display()), 0),
    ] {
        let cache = route(url.as_str()).await;
        cache.set("k", "v").await.unwrap();
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"), "{url}");
        let keys = server.info("keyspace", &format!("db{db}"));
        assert!(keys.starts_with("keys=1,"), "{url}: {keys}");
        cache.clear().await.unwrap();
        cache.close().await.unwrap();
    }
}

#[tokio::test]
async fn a_password_lets_in_and_a_wrong_one_is_told_without_it() {
    let server = Server::builder().password("s3cr3t").user("me", "on >m1ne ~* &* +@all").start();
    let cache = route(server.url().as_str()).await;
    cache.set("k", "v").await.unwrap();
    let mine = route(at(server.port()).user("me").password("m1ne")).await;
    assert_eq!(mine.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    for wrong in [at(server.port()).password("gu3ss"), at(server.port())] {
        let refused = wrong.build().get(&"k".into()).await;
        let said = refused.as_ref().unwrap_err().to_string();
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
        assert!(!said.contains("gu3ss") && !said.contains("s3cr3t"), "{said}");
    }
}

#[tokio::test]
async fn nobody_there_is_told_at_once() {
    let port = {
        let server = Server::start();
        server.port()
    };
    let redis = at(port).build();
    let begun = Instant::now();
    for _ in 0..1_000 {
        let refused = redis.get(&"k".into()).await;
        assert!(matches!(refused, Err(Error::Unavailable { backend: "redis", .. })), "{refused:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(redis.delete(&"k".into()).await.is_err_and(|error| error.is_unavailable()));
}

#[tokio::test]
async fn tls_is_spoken_with_whom_an_authority_has_signed() {
    let server = Server::builder().mutual_tls().start();
    let tls = server.tls();
    let url = format!(
        "{}?tls_ca={}&tls_cert={}&tls_key={}",
        server.url(),
        tls.authority.display(),
        tls.client_certificate.display(),
        tls.client_key.display()
    );
    let cache = route(url.as_str()).await;
    cache.set("k", "v").await.unwrap();
    assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"));
    // Nobody whom browsers know has signed it, and it wants to see a certificate.
    let port = server.port();
    for stranger in
        [at(port).tls(), at(port).tls_ca(&tls.authority), at(port).tls_ca(&tls.stranger), at(port)]
    {
        let refused = stranger.build().get(&"k".into()).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    }
}

// ── Connections ──

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_are_no_more_connections_than_there_may_be() {
    let server = Server::start();
    let cache = route(at(server.port()).maxsize(3)).await;
    let work = |i: u32| {
        let cache = cache.clone();
        tokio::spawn(async move {
            cache.set(format!("k{i}"), &i).await.unwrap();
            let keys: Vec<String> = (0..20).map(|j| format!("k{}", (i + j) % 500)).collect();
            cache.get_many::<u32, _>(keys).await.unwrap();
        })
    };
    let mut most = 0;
    for _ in 0..5 {
        let working: Vec<_> = (0..500).map(work).collect();
        most = most.max(connections(&server));
        for work in working {
            work.await.unwrap();
        }
    }
    until("readers have connections of their own", || connections(&server) > 1).await;
    most = most.max(connections(&server));
    assert!(most <= 3, "{most} connections where three may be");
}

#[tokio::test]
async fn there_are_as_many_connections_as_there_should_be_at_least() {
    let server = Server::start();
    let cache = route(at(server.port()).minsize(4)).await;
    assert_eq!(connections(&server), 0, "nothing is connected before it is needed");
    cache.set("k", "v").await.unwrap();
    until("there are four", || connections(&server) == 4).await;
    cache.close().await.unwrap();
    until("all are closed", || connections(&server) == 0).await;
    cache.set("k", "v").await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_was_restarted_is_found_again() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let cache = route(redis.clone()).await;
    for _ in 0..3 {
        cache.set("k", "v").await.unwrap();
        server.kill();
        let refused = redis.get(&"k".into()).await;
        assert!(refused.as_ref().is_err_and(Error::is_unavailable), "{refused:?}");
        server.restart();
        assert!(once_reached(async || redis.get(&"k".into()).await).await.is_none(), "it has forgotten");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_who_need_a_connection_do_not_open_many() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let redis = at(proxy.port()).build();
    redis.ping("").await.unwrap();
    proxy.down();
    let ask = |_| {
        let redis = redis.clone();
        tokio::spawn(async move { redis.get(&"k".into()).await.is_err_and(|error| error.is_unavailable()) })
    };
    for asked in (0..500).map(ask).collect::<Vec<_>>() {
        assert!(asked.await.unwrap(), "nobody could be reached");
    }
    let before = proxy.accepted();
    proxy.set(Mode::Reset);
    for _ in 0..20 {
        for asked in (0..50).map(ask).collect::<Vec<_>>() {
            assert!(asked.await.unwrap(), "whoever connects is reset");
        }
    }
    let attempts = proxy.accepted() - before;
    assert!(attempts < 50, "a thousand commands made {attempts} attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_silent_is_given_up() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let redis = at(proxy.port()).build();
    redis.ping("").await.unwrap();
    proxy.set(Mode::BlackHole);
    let given_up = async || {
        let key = Key::from("k");
        tokio::time::timeout(Duration::from_millis(150), redis.get(&key)).await.is_err()
    };
    assert!(given_up().await && given_up().await);
    // The connection that has lost bytes stays lost; another one would do.
    proxy.set(Mode::Pass);
    let begun = Instant::now();
    while given_up().await {
        assert!(begun.elapsed() < PATIENCE, "a connection that answers nothing is used for ever");
    }
    assert!(redis.get(&"k".into()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_are_given_up_at_once_do_not_cost_the_connection() {
    let server = Server::start();
    let redis = at(server.port()).build();
    redis.ping("").await.unwrap();
    let before = ids(&server);
    server.pause();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_millis(1_300) {
        assert!(cache_core::testing::drop_after(1, redis.get(&"k".into())).await.is_none());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.resume();
    redis.ping("").await.unwrap();
    assert_eq!(ids(&server), before, "there is another connection");
}

#[test]
fn a_runtime_that_is_gone_takes_nothing_with_it() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for round in 0..3 {
        let said = runtime().block_on(redis.ping("hello")).unwrap();
        assert_eq!(said, "hello", "in round {round}");
    }
    // What is begun in a runtime that ends before it is done is begun again in the next.
    for polls in 1..20 {
        let done = runtime().block_on(cache_core::testing::drop_after(polls, redis.get(&"k".into())));
        assert!(
            runtime().block_on(redis.get(&"k".into())).unwrap().is_none(),
            "after {polls} polls: {done:?}"
        );
    }
}

#[test]
fn without_a_runtime_nothing_panics() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let mut here = std::task::Context::from_waker(std::task::Waker::noop());
    let key = Key::from("k");
    let mut get = redis.get(&key);
    match get.as_mut().poll(&mut here) {
        std::task::Poll::Ready(Err(error)) => assert!(error.is_unavailable(), "{error}"),
        other => panic!("{other:?}"),
    }
    redis.end_fill(&key, cache_core::Fill(7));
}

// ── Order ──

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_was_given_up_does_not_come_after_a_deletion() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
    for round in 0..10 {
        cache.set("other", "v").await.unwrap();
        server.pause();
        let late =
            tokio::time::timeout(Duration::from_millis(20), cache.set("k", "late").into_future()).await;
        assert!(late.is_err(), "a server that stands still has answered");
        if round % 2 == 1 {
            // What is asked next goes over another connection than what was given up.
            cache.close().await.unwrap();
        }
        let delete = tokio::spawn({
            let cache = cache.clone();
            async move {
                while let Err(error) = cache.delete("k").await {
                    assert!(error.is_unavailable(), "{error}");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        server.resume();
        delete.await.unwrap();
        for _ in 0..10 {
            assert_eq!(cache.get::<String>("k").await.unwrap(), None, "in round {round}");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_lies_in_an_old_connection_is_not_done_after_what_is_asked_on_the_next() {
    let server = Server::start();
    let relay = Relay::to(server.port()).await;
    let cache = route(at(relay.port)).await;
    cache.set("other", "v").await.unwrap();
    relay.hold();
    let late = tokio::time::timeout(Duration::from_millis(50), cache.set("k", "late").into_future()).await;
    assert!(late.is_err(), "what was held up was answered");
    cache.close().await.unwrap();
    cache.delete("k").await.unwrap();
    relay.let_go().await;
    for _ in 0..20 {
        assert_eq!(cache.get::<String>("k").await.unwrap(), None, "it arrived after the deletion");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

// ── Raw commands ──

#[tokio::test]
async fn a_raw_command_is_answered_as_the_server_answers() {
    let server = Server::start();
    let cache = route(at(server.port())).await;
    cache.set("myapp:user:7", "v").await.unwrap();
    let keys = cache.raw("KEYS", &["myapp:user:*"]).await.unwrap();
    assert_eq!(keys, Reply::List(vec![Reply::Bytes("myapp:user:7".into())]));
    assert_eq!(cache.raw("SET", &["theirs", "7"]).await.unwrap(), Reply::Status("OK".to_owned()));
    assert_eq!(cache.raw("INCR", &["theirs"]).await.unwrap(), Reply::Int(8));
    assert_eq!(cache.raw("GET", &["none"]).await.unwrap(), Reply::Nil);
    assert!(matches!(cache.raw("CONFIG GET", &["save"]).await.unwrap(), Reply::Map(_)));
    let refused = cache.raw("NOSUCH", &["\r\nFLUSHALL\r\n"]).await;
    assert!(matches!(&refused, Err(Error::Backend(said)) if said.contains("NOSUCH")), "{refused:?}");
    let refused = cache.raw("SELECT", &["1"]).await;
    assert!(matches!(refused, Err(Error::Backend(_))), "{refused:?}");
    assert_eq!(cache.get::<String>("myapp:user:7").await.unwrap().as_deref(), Some("v"));
}
