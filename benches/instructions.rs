//! One workload, a given number of times: `instructions <workload> <hits>`.
//!
//! `benches/instructions.sh` runs this under callgrind with two counts; the difference is the exact cost of
//! a hit, whatever else the machine does.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use macadamia::cached;

const KEYS: u64 = 10_000;

#[derive(Clone)]
#[allow(dead_code, reason = "its size and its clone are what is measured")]
struct Profile {
    id: u64,
    name: String,
    tags: Vec<String>,
}

fn profile_of(id: u64) -> Profile {
    let name = format!("a name of 24 bytes {:05}", id % 100_000);
    Profile { id, name, tags: vec!["one".into(), "two".into(), "three".into()] }
}

#[cached(ttl = "1h", key = "user:<id>:profile")]
async fn one_number(id: u64) -> Arc<Profile> {
    Arc::new(profile_of(id))
}

#[cached(ttl = "1h", key = "clone:<id>:profile")]
async fn cloned(id: u64) -> Profile {
    profile_of(id)
}

#[cached(ttl = "1h", key = "user:<id>:<lang>")]
async fn two_parts(id: u64, lang: &str) -> Arc<Profile> {
    let _ = lang;
    Arc::new(profile_of(id))
}

#[cached(ttl = "1h", key = "name:<name>")]
async fn text(name: &str) -> Arc<Profile> {
    Arc::new(profile_of(name.len() as u64))
}

fn now<F: Future>(future: F) -> Option<F::Output> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}

fn key_of(hit: u64) -> u64 {
    hit.wrapping_mul(7_919) % KEYS
}

/// What no cache with text keys can be below: a key on the stack, one hash, one table of one thread.
struct Floor(HashMap<Box<[u8]>, Arc<Profile>, foldhash::fast::RandomState>);

impl Floor {
    fn new() -> Self {
        let mut table = HashMap::with_hasher(foldhash::fast::RandomState::default());
        for id in 0..KEYS {
            table.insert(format!("user:{id}:profile").into_bytes().into(), Arc::new(profile_of(id)));
        }
        Self(table)
    }

    fn get(&self, id: u64) -> Option<Arc<Profile>> {
        let mut key = [0u8; 64];
        let mut end = 5;
        key[..end].copy_from_slice(b"user:");
        let mut digits = itoa::Buffer::new();
        for piece in [digits.format(id).as_bytes(), b":profile"] {
            key[end..end + piece.len()].copy_from_slice(piece);
            end += piece.len();
        }
        self.0.get(&key[..end]).cloned()
    }
}

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| !arg.starts_with("--"));
    let (Some(workload), Some(hits)) = (args.next(), args.next().and_then(|hits| hits.parse::<u64>().ok()))
    else {
        println!(
            "instructions <floor|one_number|cloned|clone_alone|two_parts|text> <hits>; see benches/instructions.sh"
        );
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // A bounded cache, larger than the keys: what is measured are hits.
    runtime.block_on(async {
        let cache = macadamia::Cache::builder().route("", "mem://?size=20000").build().await;
        cache.and_then(macadamia::Cache::install).expect("a cache");
    });
    let (floor, alone) = (Floor::new(), profile_of(7));
    let names: Vec<String> = (0..KEYS).map(|id| format!("alice-{id}-in-wonderland")).collect();
    let run: Box<dyn Fn(u64) -> bool> = match workload.as_str() {
        "floor" => Box::new(|id| floor.get(id).is_some()),
        "one_number" => Box::new(|id| now(one_number(id)).is_some()),
        "cloned" => Box::new(|id| now(cloned(id)).is_some()),
        "clone_alone" => Box::new(|_| std::hint::black_box(alone.clone()).id == 7),
        "two_parts" => Box::new(|id| now(two_parts(id, "en")).is_some()),
        "text" => Box::new(|id| {
            now(text(names.get(usize::try_from(id).unwrap_or(0)).map_or("", String::as_str))).is_some()
        }),
        _ => panic!("no workload {workload}"),
    };
    // Fills, and lets the eviction policy hear of every key's first hits, which it does one by one.
    for hit in 0..40 * KEYS {
        run(key_of(hit));
    }
    let missed = (0..hits).filter(|hit| !run(key_of(*hit))).count();
    println!("{workload}: {missed} misses that had to wait");
}
