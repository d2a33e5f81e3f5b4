//! The shelf before moka must not cost hits: the same traces, through `Memory` and through moka alone.
#![cfg(feature = "memory")]

use std::sync::Arc;

use cache_backends::Memory;
use cache_core::{Backend, Entry, Key, KeyRef, Meta, Peek, SetOptions, Time};

const CAPACITY: u64 = 1_000;
const KEYS: usize = 20_000;
const CALLS: usize = 45_000;

/// Deterministic numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    #[expect(clippy::cast_precision_loss, reason = "53 of 64 random bits")]
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn zipf(exponent: f64) -> Vec<usize> {
    let mut sum = 0.0;
    #[expect(clippy::cast_precision_loss, reason = "small ranks")]
    let shares: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    let mut numbers = Numbers(7);
    let mut draw = || numbers.share() * sum;
    (0..CALLS)
        .map(|_| {
            let drawn = draw();
            shares.partition_point(|share| *share < drawn)
        })
        .collect()
}

/// Zipf traffic, and every third call is one of a scan over keys that never come again.
fn polluted() -> Vec<usize> {
    let mut fresh = KEYS;
    zipf(1.1)
        .into_iter()
        .enumerate()
        .map(|(call, key)| {
            if call % 3 != 0 {
                return key;
            }
            fresh += 1;
            fresh
        })
        .collect()
}

fn looping() -> Vec<usize> {
    (0..CALLS).map(|call| call % 1_500).collect()
}

fn key(number: usize) -> Key {
    Key::from(format!("user:{number}:profile"))
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn percent(hits: usize) -> f64 {
    hits as f64 * 100.0 / CALLS as f64
}

async fn ours(trace: &[usize]) -> f64 {
    let memory = Memory::builder().max_entries(CAPACITY).build();
    let mut hits = 0;
    for number in trace {
        let key = key(*number);
        if memory.peek(KeyRef::new(key.as_str()), &mut |_| ()) == Peek::Found {
            hits += 1;
        } else {
            let entry: Arc<Entry> = Entry::new(*number, Meta::new(Time::from_nanos(1), Time::NEVER));
            memory.set(&key, entry, SetOptions::default()).await.expect("a memory store does not fail");
        }
    }
    percent(hits)
}

fn moka(trace: &[usize]) -> f64 {
    let moka = moka::sync::Cache::new(CAPACITY);
    let mut hits = 0;
    for number in trace {
        let key = key(*number);
        if moka.get(&key).is_some() {
            hits += 1;
        } else {
            moka.insert(key, *number);
        }
    }
    percent(hits)
}

async fn compare(name: &str, trace: &[usize], points: f64) {
    let (ours, moka) = (ours(trace).await, moka(trace));
    println!("{name}: ours {ours:.2} %, moka {moka:.2} %");
    assert!(ours > 1.0 && ours >= moka - points, "{name}: ours {ours:.2} %, moka {moka:.2} %");
}

#[tokio::test]
async fn on_skewed_traffic_the_hit_ratio_is_that_of_moka() {
    compare("zipf 0.9", &zipf(0.9), 1.5).await;
    compare("zipf 1.1", &zipf(1.1), 1.5).await;
}

#[tokio::test]
async fn a_scan_does_not_wash_out_what_is_asked_for_often() {
    compare("zipf 1.1 and a scan", &polluted(), 1.5).await;
}

#[tokio::test]
async fn a_loop_larger_than_the_store_still_hits() {
    compare("loop", &looping(), 3.5).await;
}
