//! Connections: how many there are, and what becomes of one that is lost.

use std::time::{Duration, Instant};

use cache_core::{Backend, Error, Key};
use macadamia_test_servers::{Mode, Proxy, Redis as Server};

use super::{PATIENCE, at, once_reached, route, until};

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
async fn a_silent_connection_does_not_keep_those_in_line() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let redis = at(proxy.port()).build();
    redis.ping("").await.unwrap();
    proxy.set(Mode::BlackHole);
    let ask = || {
        let redis = redis.clone();
        let get =
            async move { tokio::time::timeout(Duration::from_millis(150), redis.get(&"k".into())).await };
        tokio::spawn(async move { matches!(get.await, Ok(Ok(_))) })
    };
    let all = async || {
        let mut answered = 0;
        for asked in (0..300).map(|_| ask()).collect::<Vec<_>>() {
            answered += usize::from(asked.await.unwrap());
        }
        answered
    };
    assert_eq!(all().await, 0);
    proxy.set(Mode::Pass);
    let begun = Instant::now();
    while all().await < 300 {
        assert!(begun.elapsed() < PATIENCE, "some wait for an answer that was lost");
    }
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wire_that_does_what_it_should_not_is_left_and_found_again() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let redis = at(proxy.port()).build();
    let cache = route(redis.clone()).await;
    cache.set("k", "v").await.unwrap();
    for mode in [Mode::Garbage, Mode::Truncate, Mode::Reset, Mode::Flap(Duration::from_millis(20))] {
        proxy.set(mode);
        for _ in 0..20 {
            let key = Key::from("k");
            match tokio::time::timeout(Duration::from_millis(50), redis.get(&key)).await {
                Ok(Ok(found)) => assert!(found.is_some(), "{mode:?} made an entry of nothing"),
                Ok(Err(error)) => assert!(error.is_unavailable(), "{mode:?}: {error:?}"),
                Err(_) => {}
            }
        }
        proxy.set(Mode::Pass);
        let begun = Instant::now();
        let key = Key::from("k");
        while !matches!(
            tokio::time::timeout(Duration::from_millis(200), redis.get(&key)).await,
            Ok(Ok(Some(_)))
        ) {
            assert!(begun.elapsed() < PATIENCE, "after {mode:?} it was not found again");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(cache.get::<String>("k").await.unwrap().as_deref(), Some("v"), "after {mode:?}");
    }
}

/// Replies of a wire that mixes them up.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_to_another_question_is_a_miss() {
    let server = Server::start();
    let proxy = Proxy::start(&server.address());
    let cache = route(at(proxy.port()).maxsize(1)).await;
    for key in ["a", "b"] {
        cache.set(key, key).await.unwrap();
    }
    proxy.set(Mode::Swap);
    let begun = Instant::now();
    while proxy.swapped() < 5 {
        let (a, b) =
            tokio::join!(cache.get::<String>("a").into_future(), cache.get::<String>("b").into_future());
        for (found, key) in [(a, "a"), (b, "b")] {
            let found = found.ok().flatten();
            assert!(found.as_deref().is_none_or(|found| found == key), "{key:?} is {found:?}");
        }
        assert!(begun.elapsed() < PATIENCE, "nothing is swapped");
    }
}
