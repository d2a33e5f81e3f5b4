//! Programs with several runtimes, of which some stand still: nobody drives what was begun there.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use cache_backends::Redis;
use cache_core::{Backend, BoxFuture, Entry, Key, Peek, Result};
use macadamia_test_servers::{Cluster, Redis as Server};
use tokio::runtime::{Builder, Runtime};

use super::{PATIENCE, at, route};

const GIVEN_UP: Duration = Duration::from_millis(200);

/// Runs only while somebody waits in it.
fn still() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// Where the connections of what is asked of it live.
fn driven(redis: &Redis) -> Runtime {
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(redis.ping("")).unwrap();
    runtime
}

fn is_answered(runtime: &Runtime, redis: &Redis) -> bool {
    let key = Key::from("k");
    runtime.block_on(async { tokio::time::timeout(PATIENCE, redis.get(&key)).await }).is_ok()
}

#[test]
fn runtimes_that_stand_still_after_they_have_read_keep_no_places_in_line() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let driven = driven(&redis);
    let keys: Vec<Key> = (0..8).map(|n| Key::from(format!("k{n}"))).collect();
    let idle = [still(), still()];
    for idle in &idle {
        // One of them is answered, and those behind it are left to a task of this runtime.
        idle.block_on(async {
            let mut gets: Vec<_> = keys.iter().map(|key| redis.get(key)).collect();
            poll_fn(|cx| {
                let is_done = gets.iter_mut().any(|get| get.as_mut().poll(cx).is_ready());
                if is_done { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
        });
    }
    for _ in 0..3 {
        assert!(is_answered(&driven, &redis), "a read waits for a runtime that nobody drives");
    }
}

/// Begins to read, twice, while there is no answer, and leaves it at that.
fn begun<'a>(server: &Server, driven: &Runtime, redis: &'a Redis, key: &'a Key) -> [Get<'a>; 2] {
    let mut asked = [redis.get(key), redis.get(key)];
    server.pause();
    driven.block_on(poll_fn(|cx| {
        asked.iter_mut().for_each(|get| assert!(get.as_mut().poll(cx).is_pending()));
        Poll::Ready(())
    }));
    server.resume();
    asked
}

type Get<'a> = BoxFuture<'a, Result<Option<Arc<Entry>>>>;

#[test]
fn reads_that_nobody_goes_on_with_keep_no_places_in_line() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let (driven, key) = (driven(&redis), Key::from("stuck"));
    let asked = begun(&server, &driven, &redis, &key);
    for _ in 0..3 {
        assert!(is_answered(&driven, &redis), "a read waits for one that was begun and not gone on with");
    }
    drop(asked);
    assert!(is_answered(&driven, &redis));
}

#[test]
fn those_behind_reads_that_nobody_goes_on_with_all_get_theirs() {
    let server = Server::start();
    let redis = at(server.port()).build();
    let (driven, key) = (driven(&redis), Key::from("stuck"));
    let _asked = begun(&server, &driven, &redis, &key);
    driven.block_on(async {
        let mut reads = tokio::task::JoinSet::new();
        for n in 0..300 {
            let (redis, key) = (redis.clone(), Key::from(format!("k{n}")));
            reads.spawn(async move { tokio::time::timeout(PATIENCE, redis.get(&key)).await });
        }
        while let Some(read) = reads.join_next().await {
            assert!(read.unwrap().is_ok_and(|read| read.is_ok()), "one is left in line");
        }
    });
}

#[test]
fn a_runtime_that_stands_still_while_it_connects_takes_nothing_with_it() {
    let server = Server::start();
    let redis = at(server.port()).minsize(2).build();
    let (first, second, key) = (still(), still(), Key::from("k"));
    server.pause();
    let given_up = first.block_on(async { tokio::time::timeout(GIVEN_UP, redis.get(&key)).await });
    assert!(given_up.is_err(), "a server that stands still has answered");
    server.resume();
    assert!(is_answered(&second, &redis), "a connection is waited for that nobody goes on opening");
    // What was begun there goes on, and is not wanted any more.
    first.block_on(async { tokio::time::sleep(GIVEN_UP).await });
    assert!(is_answered(&second, &redis));
}

#[test]
fn a_runtime_that_stands_still_while_it_looks_for_servers_takes_nothing_with_it() {
    let cluster = Cluster::start(1, 0);
    let server = &cluster.nodes()[0];
    let redis = at(server.port()).cluster(true).build();
    let (first, second, key) = (still(), still(), Key::from("k"));
    server.pause();
    let given_up = first.block_on(async { tokio::time::timeout(GIVEN_UP, redis.get(&key)).await });
    assert!(given_up.is_err(), "a server that stands still has answered");
    server.resume();
    assert!(is_answered(&second, &redis), "servers are waited for that nobody goes on looking for");
}

#[test]
fn a_runtime_that_stands_still_does_not_stop_what_asks_whether_the_server_stands() {
    let server = Server::start();
    let redis = at(server.port()).client_side(true).build();
    let (first, second, key) = (still(), still(), Key::from("k"));
    let cache = second.block_on(route(redis.clone()));
    // The pulse begins here, and stands still.
    first.block_on(redis.ping("")).unwrap();
    second.block_on(async {
        // What was opened there is driven nowhere.
        redis.close().await.unwrap();
        cache.set("k", "v").await.unwrap();
        let begun = Instant::now();
        while redis.peek(key.as_key(), &mut |_| {}) != Peek::Found {
            assert!(begun.elapsed() < PATIENCE, "nothing is shown that is near");
            let _ = cache.get::<String>("k").await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        let begun = Instant::now();
        while redis.peek(key.as_key(), &mut |_| {}) != Peek::Found {
            assert!(begun.elapsed() < PATIENCE, "nobody asks any more whether the server stands");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
}
