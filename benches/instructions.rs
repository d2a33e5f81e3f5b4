//! One workload, a given number of times: `instructions <workload> <hits>`.
//!
//! `benches/instructions.sh` runs this under callgrind with two counts; the difference is the exact cost of
//! a hit, or of a call that a guard lets through, whatever else the machine does.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use macadamia::{Error, cached, circuit_breaker, early, fail, hit, locked, perf, rate_limit, soft};

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

#[early(ttl = "1h", key = "early:<id>:profile")]
async fn early_number(id: u64) -> Arc<Profile> {
    Arc::new(profile_of(id))
}

#[soft(ttl = "1h", key = "soft:<id>:profile")]
async fn soft_number(id: u64) -> Result<Arc<Profile>, Error> {
    Ok(Arc::new(profile_of(id)))
}

#[hit(ttl = "1h", cache_hits = 4_000_000_000, key = "hits:<id>:profile")]
async fn hit_number(id: u64) -> Arc<Profile> {
    Arc::new(profile_of(id))
}

/// The workloads of [`guarded`].
const GUARDED: [&str; 11] = [
    "bare",
    "fixed",
    "fixed_one",
    "sliding",
    "sliding_one",
    "gcra",
    "gcra_one",
    "breaker",
    "perf",
    "locked",
    "fail",
];

/// Functions that have their answer at hand, so that what is measured is the guard before them.
mod guarded {
    use super::{Arc, Error, Profile, circuit_breaker, fail, locked, perf, rate_limit};

    type Answer = Result<Arc<Profile>, Error>;

    /// What every one of them costs without its guard.
    pub(super) fn bare(_id: u64, profile: &Arc<Profile>) -> impl Future<Output = Answer> {
        let profile = Arc::clone(profile);
        async { Ok(profile) }
    }

    #[rate_limit(limit = 4_000_000_000, period = "1h", key = "fixed:<id>:call")]
    pub(super) async fn fixed(id: u64, profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[rate_limit(limit = 4_000_000_000, period = "1h", key = "fixed")]
    pub(super) async fn fixed_one(profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[rate_limit(limit = 4_000_000_000, period = "1h", key = "sliding:<id>:call", algorithm = "sliding")]
    pub(super) async fn sliding(id: u64, profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[rate_limit(limit = 4_000_000_000, period = "1h", key = "sliding", algorithm = "sliding")]
    pub(super) async fn sliding_one(profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    // One call a nanosecond: the time of each is another, so each is admitted.
    #[rate_limit(limit = 1_000_000_000, period = "1s", key = "gcra:<id>:call", algorithm = "gcra")]
    pub(super) async fn gcra(id: u64, profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[rate_limit(limit = 1_000_000_000, period = "1s", key = "gcra", algorithm = "gcra")]
    pub(super) async fn gcra_one(profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[circuit_breaker(errors_rate = 50, period = "1h", ttl = "1m", key = "breaker")]
    pub(super) async fn breaker(profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[perf(ttl = "1m", factor = 1_000_000_000, key = "perf")]
    pub(super) async fn measured(profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[locked(key = "locked:<id>:call")]
    pub(super) async fn alone(id: u64, profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }

    #[fail(ttl = "1h", key = "kept:<id>:call")]
    pub(super) async fn kept(id: u64, profile: &Arc<Profile>) -> Answer {
        Ok(Arc::clone(profile))
    }
}

fn now<F: Future>(future: F) -> Option<F::Output> {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => Some(out),
        Poll::Pending => None,
    }
}

fn passed<T>(call: impl Future<Output = Result<T, Error>>) -> bool {
    now(call).is_some_and(|answer| answer.is_ok())
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
        println!("instructions <workload> <hits>; benches/instructions.sh knows the workloads");
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    // A bounded cache, larger than the keys: what is measured are hits.
    runtime.block_on(async {
        let cache = macadamia::Cache::builder().route("", "mem://?size=20000").build().await;
        cache.and_then(macadamia::Cache::install).expect("a cache");
    });
    let (floor, alone, answer) = (Floor::new(), profile_of(7), Arc::new(profile_of(7)));
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
        "early" => Box::new(|id| now(early_number(id)).is_some()),
        "soft" => Box::new(|id| now(soft_number(id)).is_some_and(|answer| answer.is_ok())),
        "hit" => Box::new(|id| now(hit_number(id)).is_some()),
        "bare" => Box::new(|id| passed(guarded::bare(id, &answer))),
        "fixed" => Box::new(|id| passed(guarded::fixed(id, &answer))),
        "fixed_one" => Box::new(|_| passed(guarded::fixed_one(&answer))),
        "sliding" => Box::new(|id| passed(guarded::sliding(id, &answer))),
        "sliding_one" => Box::new(|_| passed(guarded::sliding_one(&answer))),
        "gcra" => Box::new(|id| passed(guarded::gcra(id, &answer))),
        "gcra_one" => Box::new(|_| passed(guarded::gcra_one(&answer))),
        "breaker" => Box::new(|_| passed(guarded::breaker(&answer))),
        "perf" => Box::new(|_| passed(guarded::measured(&answer))),
        "locked" => Box::new(|id| passed(guarded::alone(id, &answer))),
        "fail" => Box::new(|id| passed(guarded::kept(id, &answer))),
        _ => panic!("no workload {workload}"),
    };
    // Fills, and lets the eviction policy hear of every key's first hits, which it does one by one; states know none.
    let rounds = if GUARDED.contains(&workload.as_str()) { 2 } else { 40 };
    for hit in 0..rounds * KEYS {
        run(key_of(hit));
    }
    let missed = (0..hits).filter(|hit| !run(key_of(*hit))).count();
    println!("{workload}: {missed} calls that had to wait or were refused");
}
