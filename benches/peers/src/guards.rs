//! A call that a guard lets through, beside peers, interleaved in one run: limiters over one key and over 10,000,
//! breakers that are closed. The function has its answer at hand, so what is left is the guard.

use std::convert::Infallible;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Instant;

use failsafe::futures::CircuitBreaker as _;
use governor::{Quota, RateLimiter};
use macadamia::{Error, circuit_breaker, rate_limit};
use recloser::{AsyncRecloser, Recloser};

use crate::{KEYS, ROUND, median, now};

/// So many that every call of a run is admitted.
const MANY: u32 = 1_000_000_000;

#[rate_limit(limit = 1_000_000_000, period = "1h", key = "fixed:<id>:call")]
async fn fixed(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[rate_limit(limit = 1_000_000_000, period = "1s", key = "gcra:<id>:call", algorithm = "gcra")]
async fn gcra(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[circuit_breaker(errors_rate = 50, period = "1m", ttl = "30s", key = "breaker")]
async fn breaker(id: u64) -> Result<u64, Error> {
    Ok(id)
}

type Call = Box<dyn Fn(u64)>;

fn limiters() -> Vec<(&'static str, Call)> {
    let quota = Quota::per_second(NonZeroU32::new(MANY).expect("not zero"));
    let (built, kept, number) =
        (RateLimiter::keyed(quota), RateLimiter::keyed(quota), RateLimiter::keyed(quota));
    let keys: Vec<String> = (0..KEYS).map(|id| format!("fixed:{id}:call")).collect();
    vec![
        (
            "governor keyed, String kept",
            Box::new(move |id| kept.check_key(&keys[id as usize]).expect("admitted")),
        ),
        (
            "governor keyed, String per call",
            Box::new(move |id| built.check_key(&format!("fixed:{id}:call")).expect("admitted")),
        ),
        ("governor keyed, u64", Box::new(move |id| number.check_key(&id).expect("admitted"))),
        ("macadamia #[rate_limit] fixed", Box::new(|id| _ = black_box(now(fixed(id)).expect("admitted")))),
        ("macadamia #[rate_limit] gcra", Box::new(|id| _ = black_box(now(gcra(id)).expect("admitted")))),
    ]
}

fn breakers() -> Vec<(&'static str, Call)> {
    let recloser = AsyncRecloser::from(Recloser::default());
    let failsafe = failsafe::Config::new().build();
    let call = |id: u64| async move { Ok::<_, Infallible>(id) };
    vec![
        ("recloser, async", Box::new(move |id| _ = black_box(now(recloser.call(call(id))).expect("closed")))),
        ("failsafe, async", Box::new(move |id| _ = black_box(now(failsafe.call(call(id))).expect("closed")))),
        ("macadamia #[circuit_breaker]", Box::new(|id| _ = black_box(now(breaker(id)).expect("closed")))),
    ]
}

fn nanos(call: &Call, keys: u64) -> f64 {
    let started = Instant::now();
    for step in 0..ROUND {
        call(black_box(step.wrapping_mul(7_919) % keys));
    }
    started.elapsed().as_nanos() as f64 / ROUND as f64
}

/// Medians of interleaved rounds; the first of `calls` is what the others are compared with.
fn compare(title: &str, calls: &[(&'static str, Call)], keys: &[u64]) {
    let mut times = vec![vec![Vec::new(); keys.len()]; calls.len()];
    for _ in 0..15 {
        for (times, (_, call)) in times.iter_mut().zip(calls) {
            for (times, keys) in times.iter_mut().zip(keys) {
                times.push(nanos(call, *keys));
            }
        }
    }
    let rows: Vec<Vec<f64>> = times.into_iter().map(|row| row.into_iter().map(median).collect()).collect();
    println!(
        "\n{title:38} {}",
        keys.iter().map(|keys| format!("{keys:>6} ns  x first ")).collect::<String>()
    );
    for ((name, _), row) in calls.iter().zip(&rows) {
        let cells = row.iter().zip(&rows[0]).map(|(ns, first)| format!("{ns:>9.0} {:>8.2} ", ns / first));
        println!("{name:38} {}", cells.collect::<String>());
    }
}

pub(crate) fn run() {
    compare("limiters: of so many keys", &limiters(), &[1, KEYS]);
    compare("breakers, closed", &breakers(), &[1]);
}
