//! `redis://…?client_side=true`: annotated functions of two programs on one server, whose entries are kept near.
#![cfg(all(feature = "redis", unix))]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use macadamia::{Cache, Scope, cached, early, hit, invalidate};
use macadamia_test_servers::Redis as Server;
use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};

/// A server, and two programs that keep its entries near over one connection each.
struct Programs {
    server: Server,
    here: Cache,
    elsewhere: Cache,
}

impl Programs {
    async fn new() -> Self {
        let server = Server::start();
        // No limit that a busy machine might reach, and what one must see of the other is asked for on one connection.
        let url = format!("{}?client_side=true&maxsize=1&timeout=20s&key_prefix=shop:", server.url());
        let (here, elsewhere) = (program(&url).await, program(&url).await);
        Self { server, here, elsewhere }
    }

    async fn here<F: Future>(&self, body: F) -> F::Output {
        // What the server has told before has arrived with this answer.
        self.here.ping("").await.unwrap();
        Scope::new().cache(&self.here).run(body).await
    }

    async fn elsewhere<F: Future>(&self, body: F) -> F::Output {
        self.elsewhere.ping("").await.unwrap();
        Scope::new().cache(&self.elsewhere).run(body).await
    }

    /// How many reads, writes and scripts the server was asked for.
    fn asked(&self) -> u64 {
        let stats = self.server.command(&["INFO", "commandstats"]).text();
        let asked = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let counts = ["get", "mget", "set", "evalsha", "eval"].contains(&name);
            counts.then(|| rest.split(',').next()?.parse::<u64>().ok())?
        };
        stats.lines().filter_map(asked).sum()
    }

    /// Calls until the answer was near: the connection may have to be asked first whether it stands.
    async fn until_near<F: Future>(&self, mut call: impl FnMut() -> F) {
        let begun = Instant::now();
        loop {
            let before = self.asked();
            self.here(call()).await;
            if self.asked() == before {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no answer was ever near");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

async fn program(url: &str) -> Cache {
    Cache::builder().route("", url).build().await.unwrap()
}

fn next(runs: &AtomicUsize) -> usize {
    runs.fetch_add(1, SeqCst) + 1
}

#[cached(ttl = "1h", none_ttl = "1h", err_ttl = "1h", key = "product:<id>", tags = ["products"])]
async fn product(id: u64, runs: &AtomicUsize) -> Result<Option<String>, String> {
    match (id, next(runs)) {
        (0, _) => Ok(None),
        (1, run) => Err(format!("run {run}")),
        (_, run) => Ok(Some(format!("run {run}"))),
    }
}

#[invalidate(product(id = id))]
async fn change(id: u64) {
    let _ = id;
}

#[invalidate(tags = ["products"])]
async fn change_all() {}

#[cached(many = ids, ttl = "1h", key = "price:<ids>")]
async fn prices(ids: &[u64], runs: &AtomicUsize) -> HashMap<u64, usize> {
    let run = next(runs);
    ids.iter().map(|id| (*id, run)).collect()
}

#[early(ttl = "1h", early_ttl = "200ms", background = false, key = "stock:<id>")]
async fn stock(id: u64, runs: &AtomicUsize) -> usize {
    let _ = id;
    next(runs)
}

#[hit(ttl = "1h", cache_hits = 10, key = "offer:<id>")]
async fn offer(id: u64, runs: &AtomicUsize) -> usize {
    let _ = id;
    next(runs)
}

#[tokio::test]
async fn answers_are_near_and_end_when_another_program_invalidates_them() {
    let (programs, runs) = (Programs::new().await, AtomicUsize::new(0));
    for id in [0, 1, 2] {
        let first = programs.elsewhere(product(id, &runs)).await;
        programs.until_near(|| product(id, &runs)).await;
        let (before, begun) = (programs.asked(), Instant::now());
        for _ in 0..1_000 {
            assert_eq!(Scope::new().cache(&programs.here).run(product(id, &runs)).await, first);
        }
        // Whether the connection stands is asked each second; what is not known for a moment is read.
        let seconds = begun.elapsed().as_secs();
        assert!(programs.asked() - before <= 3 * seconds, "hits near sent commands");
    }
    assert_eq!(runs.load(SeqCst), 3);
    programs.elsewhere(change(2)).await;
    assert_eq!(programs.here(product(2, &runs)).await, Ok(Some("run 4".to_owned())));
    programs.until_near(|| product(2, &runs)).await;
    programs.elsewhere(change_all()).await;
    assert_eq!(programs.here(product(2, &runs)).await, Ok(Some("run 5".to_owned())));
    assert_eq!(programs.elsewhere(product(2, &runs)).await, Ok(Some("run 5".to_owned())));
}

#[tokio::test]
async fn own_invalidations_are_seen_at_once() {
    let (programs, runs) = (Programs::new().await, AtomicUsize::new(0));
    for round in 1..200 {
        for _ in 0..3 {
            let found = Scope::new().cache(&programs.here).run(product(2, &runs)).await;
            assert_eq!(found, Ok(Some(format!("run {round}"))));
        }
        let invalidation = async { if round % 2 == 0 { change(2).await } else { change_all().await } };
        Scope::new().cache(&programs.here).run(invalidation).await;
    }
}

#[tokio::test]
async fn of_several_those_are_asked_for_that_are_not_near() {
    let (programs, runs) = (Programs::new().await, AtomicUsize::new(0));
    programs.elsewhere(prices(&[1, 2, 3], &runs)).await;
    programs.until_near(|| prices(&[1, 2, 3], &runs)).await;
    assert!(programs.elsewhere.delete("price:2").await.unwrap());
    let found = programs.here(prices(&[1, 2, 3], &runs)).await;
    assert_eq!(found, HashMap::from([(1, 1), (2, 2), (3, 1)]));
}

#[tokio::test]
async fn a_refresh_by_another_program_is_seen() {
    let (programs, runs) = (Programs::new().await, AtomicUsize::new(0));
    programs.elsewhere(stock(1, &runs)).await;
    programs.here(stock(1, &runs)).await;
    tokio::time::sleep(Duration::from_millis(250)).await;
    let refreshed = programs.elsewhere(stock(1, &runs)).await;
    assert_eq!((refreshed, programs.here(stock(1, &runs)).await), (2, 2));
}

#[tokio::test]
async fn hits_of_all_programs_count() {
    let (programs, runs) = (Programs::new().await, AtomicUsize::new(0));
    programs.here(offer(1, &runs)).await;
    for _ in 0..5 {
        assert_eq!((programs.here(offer(1, &runs)).await, programs.elsewhere(offer(1, &runs)).await), (1, 1));
    }
    assert_eq!(programs.here(offer(1, &runs)).await, 2);
}
