//! A hit of an `Arc` under `user:<u64>:profile`, and a call that a guard lets through, beside peers; a value on its way
//! to a backend of bytes and back, beside bare codecs. Interleaved, in one run.
//!
//! ```sh
//! cargo run --release --manifest-path benches/peers/Cargo.toml [hits|guards|wire|redis]
//! ```
//!
//! `redis` starts a server and is run only when asked for. 10,000 warm keys. *hot*: one key again and again; *spread*:
//! over all keys. Medians of interleaved rounds, in nanoseconds; then 64 tasks on one and on two threads. Compare
//! ratios, not times, between machines.

mod guards;
mod redis;
mod wire;

use std::collections::HashMap;
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use cached::macros::concurrent_cached;
use macadamia::cached as ours;

const KEYS: u64 = 10_000;
const ROUND: u64 = 200_000;

struct Profile {
    _id: u64,
    _name: String,
}

fn profile(id: u64) -> Arc<Profile> {
    Arc::new(Profile { _id: id, _name: format!("a name of 24 bytes {id:05}") })
}

#[ours(ttl = "1h", key = "user:<id>:profile")]
async fn macadamia_hit(id: u64) -> Arc<Profile> {
    profile(id)
}

#[concurrent_cached(ttl_secs = 3600, key = "String", convert = r#"{ format!("user:{id}:profile") }"#)]
fn cached_string(id: u64) -> Arc<Profile> {
    profile(id)
}

#[concurrent_cached(ttl_secs = 3600, key = "u64", convert = r#"{ id }"#)]
fn cached_number(id: u64) -> Arc<Profile> {
    profile(id)
}

fn now<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("a hit had to wait"),
    }
}

fn with_key<T>(id: u64, look: impl FnOnce(&str) -> T) -> T {
    let mut key = [0u8; 64];
    let mut end = 5;
    key[..end].copy_from_slice(b"user:");
    let mut digits = itoa::Buffer::new();
    for piece in [digits.format(id).as_bytes(), b":profile"] {
        key[end..end + piece.len()].copy_from_slice(piece);
        end += piece.len();
    }
    look(std::str::from_utf8(&key[..end]).expect("ASCII"))
}

type Hit = Box<dyn Fn(u64) -> Arc<Profile> + Send + Sync>;

fn contestants() -> Vec<(&'static str, Hit)> {
    type Fast = foldhash::fast::RandomState;
    let mut table: HashMap<String, Arc<Profile>, Fast> = HashMap::default();
    let papaya: papaya::HashMap<String, Arc<Profile>, Fast> = papaya::HashMap::default();
    let quick: quick_cache::sync::Cache<String, Arc<Profile>> = quick_cache::sync::Cache::new(20_000);
    let moka: moka::sync::Cache<String, Arc<Profile>> =
        moka::sync::Cache::builder().max_capacity(20_000).time_to_live(Duration::from_secs(3600)).build();
    for id in 0..KEYS {
        let key = format!("user:{id}:profile");
        table.insert(key.clone(), profile(id));
        papaya.pin().insert(key.clone(), profile(id));
        quick.insert(key.clone(), profile(id));
        moka.insert(key, profile(id));
    }
    vec![
        ("floor: stack key, unlocked hashbrown", Box::new(move |id| with_key(id, |key| table[key].clone()))),
        (
            "floor: stack key, papaya",
            Box::new(move |id| with_key(id, |key| papaya.pin().get(key).cloned().expect("warm"))),
        ),
        ("macadamia #[cached]", Box::new(|id| now(macadamia_hit(id)))),
        ("quick_cache, stack key", Box::new(move |id| with_key(id, |key| quick.get(key).expect("warm")))),
        ("moka::sync ttl, stack key", Box::new(move |id| with_key(id, |key| moka.get(key).expect("warm")))),
        ("cached concurrent ttl, String key", Box::new(cached_string)),
        ("cached concurrent ttl, u64 key", Box::new(cached_number)),
    ]
}

fn nanos(hit: &Hit, keys: u64) -> f64 {
    let started = Instant::now();
    for step in 0..ROUND {
        black_box(hit(black_box(step.wrapping_mul(7_919) % keys)));
    }
    started.elapsed().as_nanos() as f64 / ROUND as f64
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Million calls a second of 64 tasks on `threads` workers.
fn throughput(hit: &Arc<Hit>, keys: u64, threads: usize) -> f64 {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(threads).build().expect("a runtime");
    let started = Instant::now();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..64u64)
            .map(|task| {
                let hit = Arc::clone(hit);
                tokio::spawn(async move {
                    for step in 0..ROUND / 8 {
                        black_box(hit((step + task * 97).wrapping_mul(7_919) % keys));
                        if step % 256 == 0 {
                            tokio::task::yield_now().await;
                        }
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.expect("a task");
        }
    });
    64.0 * (ROUND / 8) as f64 / started.elapsed().as_secs_f64() / 1e6
}

fn main() {
    let wanted = std::env::args().nth(1);
    if wanted.as_deref() == Some("redis") {
        // With a cache of its own.
        return redis::run();
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        let cache = macadamia::Cache::builder().route("", "mem://?size=20000").build().await;
        cache.and_then(macadamia::Cache::install).expect("a cache");
        for _ in 0..10 {
            for id in 0..KEYS {
                macadamia_hit(id).await;
                cached_string(id);
                cached_number(id);
            }
        }
    });
    let wants = |what| wanted.as_deref().is_none_or(|wanted| wanted == what);
    if wants("hits") {
        hits();
    }
    if wants("guards") {
        guards::run();
    }
    if wants("wire") {
        wire::run();
    }
}

fn hits() {
    let contestants = contestants();
    let mut times = vec![(Vec::new(), Vec::new()); contestants.len()];
    for _ in 0..15 {
        for (index, (_, hit)) in contestants.iter().enumerate() {
            times[index].0.push(nanos(hit, 1));
            times[index].1.push(nanos(hit, KEYS));
        }
    }
    let rows: Vec<_> = times.into_iter().map(|(hot, spread)| (median(hot), median(spread))).collect();
    let floor = rows[0];
    println!("{:38} {:>8} {:>8} {:>8} {:>8}", "one thread", "hot ns", "x floor", "spread", "x floor");
    for ((name, _), (hot, spread)) in contestants.iter().zip(&rows) {
        println!("{name:38} {hot:8.0} {:8.2} {spread:8.0} {:8.2}", hot / floor.0, spread / floor.1);
    }
    println!("\n{:38} {:>8} {:>8} {:>8} {:>8}", "64 tasks, Mcalls/s", "spread 1", "2", "hot 1", "2");
    for (name, hit) in contestants {
        let hit = Arc::new(hit);
        let of = |keys, threads| median((0..3).map(|_| throughput(&hit, keys, threads)).collect());
        println!("{name:38} {:8.1} {:8.1} {:8.1} {:8.1}", of(KEYS, 1), of(KEYS, 2), of(1, 1), of(1, 2));
    }
}
