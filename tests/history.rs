//! Many tasks read, write and delete the same keys while a checker looks for a value older than its last
//! invalidation.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use macadamia::{Cache, Scope, cached};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use support::Fixture;
use tokio::task::{JoinSet, yield_now};

const KEYS: usize = 5;
const TASKS: usize = 64;

/// The truth behind one key.
#[derive(Default)]
struct Record {
    version: AtomicU64,
    /// The newest version whose invalidation is over.
    floor: AtomicU64,
}

#[derive(Default)]
struct World {
    records: [Record; KEYS],
    stale: AtomicU64,
    reads: AtomicU64,
}

#[cached(ttl = "1h", key = "record:<index>")]
async fn read(world: &World, index: usize, dawdle: u32) -> u64 {
    let version = world.records[index].version.load(SeqCst);
    for _ in 0..dawdle {
        yield_now().await;
    }
    version
}

async fn check_reads(world: &World, index: usize, random: &mut fastrand::Rng) {
    let floor = world.records[index].floor.load(SeqCst);
    let seen = read(world, index, random.u32(0..4)).await;
    world.reads.fetch_add(1, SeqCst);
    if seen < floor {
        world.stale.fetch_add(1, SeqCst);
    }
}

async fn write(world: &World, cache: &Cache, index: usize, random: &mut fastrand::Rng) {
    let record = &world.records[index];
    let version = record.version.fetch_add(1, SeqCst) + 1;
    let key = format!("record:{index}");
    match random.u32(0..20) {
        0 => cache.clear().await.unwrap(),
        1 => drop(cache.delete_match("record:*").await.unwrap()),
        2 => drop(cache.delete_many([&key]).await.unwrap()),
        3 => drop(read::invalidate(index).await.unwrap()),
        _ => drop(cache.delete(&key).await.unwrap()),
    }
    record.floor.fetch_max(version, SeqCst);
}

async fn history(fixture: Fixture, rounds: usize) {
    let world = Arc::new(World::default());
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (world, cache) = (Arc::clone(&world), fixture.cache.clone());
        tasks.spawn(Scope::new().cache(&fixture.cache).run(async move {
            let mut random = fastrand::Rng::with_seed(task as u64);
            for _ in 0..rounds {
                let index = random.usize(0..KEYS);
                if random.u32(0..5) == 0 {
                    write(&world, &cache, index, &mut random).await;
                } else {
                    check_reads(&world, index, &mut random).await;
                }
                if random.u32(0..8) == 0 {
                    yield_now().await;
                }
            }
        }));
    }
    tasks.join_all().await;
    let (stale, reads) = (world.stale.load(SeqCst), world.reads.load(SeqCst));
    assert_eq!(stale, 0, "{stale} of {reads} reads were older than their last invalidation");
    assert!(reads > (TASKS * rounds / 2) as u64);
    assert_eq!(fixture.cache.in_flight(), 0);
}

fn rounds() -> usize {
    if std::env::var_os("MACADAMIA_SLOW").is_some() { 20_000 } else { 1_000 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_its_last_invalidation_in_memory() {
    history(Fixture::memory().await, rounds()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_its_last_invalidation_on_a_slow_backend() {
    history(Fixture::remote().await.0, rounds() / 4).await;
}

/// The checker itself: without invalidation it must find stale reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_checker_finds_stale_reads_when_nothing_is_invalidated() {
    let fixture = Fixture::memory().await;
    let world = World::default();
    fixture
        .run(async {
            let mut random = fastrand::Rng::with_seed(1);
            read(&world, 0, 0).await;
            world.records[0].version.store(1, SeqCst);
            world.records[0].floor.store(1, SeqCst);
            check_reads(&world, 0, &mut random).await;
        })
        .await;
    assert_eq!(world.stale.load(SeqCst), 1);
}
