//! What a Redis server promises beside the verbs of every backend.
#![cfg(all(feature = "redis", unix))]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod connections;
mod costs;
mod doors;
mod failover;
mod order;
mod ours;
mod relay;
mod runtimes;
mod shared;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use cache_backends::{Redis, RedisBuilder};
use cache_core::{Backend, Cache, IntoRoute, Step, Time, Transition};
use macadamia_test_servers::{Client, Redis as Server, Reply};

/// No machine is so busy.
const PATIENCE: Duration = Duration::from_secs(20);
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

/// Another process's way to a database of the shared server.
fn connect(db: u32) -> Redis {
    at(Server::shared().port()).db(db).build()
}

fn at(port: u16) -> RedisBuilder {
    Redis::builder().server("127.0.0.1", port)
}

/// Without a limit that a busy machine might reach.
async fn route(redis: impl IntoRoute) -> Cache {
    Cache::builder().route("", redis).timeout(PATIENCE).build().await.unwrap()
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

async fn hold(redis: &Redis, key: &str, token: u8) -> u8 {
    let mut hold = Hold { token, holder: None };
    redis.update(&key.into(), &mut hold).await.unwrap();
    hold.holder.unwrap()
}
