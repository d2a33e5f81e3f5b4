//! Many tasks read, store and invalidate the same keys while the server comes and goes, and a checker looks for a value
//! older than its last invalidation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use macadamia::{Cache, Error, EventKind, Scope, cached, purge};
use tokio::sync::Mutex;
use tokio::task::{JoinSet, yield_now};

use crate::Far;

const KEYS: usize = 5;
const TASKS: usize = 32;

/// The truth behind one key.
#[derive(Default)]
struct Record {
    version: AtomicU64,
    /// The newest version whose invalidation was answered, with or without an error.
    floor: AtomicU64,
    /// A store by hand of what is known and an invalidation of it are never at it at once: which of them was the later
    /// nobody could tell.
    hand: Mutex<()>,
}

#[derive(Default)]
struct World {
    records: [Record; KEYS],
    stale: AtomicU64,
    reads: AtomicU64,
    runs: AtomicUsize,
    is_over: AtomicBool,
}

#[cached(ttl = "1h", key = "record:<index>", tags = ["records", "record:<index>"])]
async fn read(world: &World, index: usize, dawdle: u32) -> u64 {
    world.runs.fetch_add(1, SeqCst);
    let version = world.records[index].version.load(SeqCst);
    for _ in 0..dawdle {
        yield_now().await;
    }
    version
}

async fn check(world: &World, cache: &Cache, index: usize, random: &mut fastrand::Rng) {
    let floor = world.records[index].floor.load(SeqCst);
    let key = format!("record:{index}");
    let seen = match random.u32(0..6) {
        0 => cache.get::<u64>(&key).await.unwrap_or(None),
        1 => cache.get_many::<u64, _>([&key]).await.map_or(None, |seen| seen[0]),
        2 => read::peek(index).await.unwrap_or(None),
        _ => Some(read(world, index, random.u32(0..4)).await),
    };
    world.reads.fetch_add(1, SeqCst);
    if seen.is_some_and(|seen| seen < floor) {
        world.stale.fetch_add(1, SeqCst);
        eprintln!("{key}: {seen:?} after {floor}");
    }
}

async fn write(world: &World, cache: &Cache, index: usize, random: &mut fastrand::Rng) {
    let record = &world.records[index];
    let _hand = record.hand.lock().await;
    let version = record.version.fetch_add(1, SeqCst) + 1;
    let key = format!("record:{index}");
    // With an error or without: it was answered.
    match random.u32(0..20) {
        0 => drop(cache.clear().await),
        1 => drop(cache.delete_match("record:*").await),
        2 => drop(cache.delete_many([&key]).await),
        3 => drop(read::invalidate(index).await),
        4 => drop(cache.delete_tags([&key]).await),
        5 => drop(cache.delete_tags(["records"]).await),
        6 => drop(purge!(read).await),
        7..10 => {
            // A caller who leaves: nobody was answered, and it may be done or not.
            drop(macadamia::testing::drop_after(random.usize(1..6), cache.delete(&key).into_future()).await);
            drop(cache.delete(&key).await);
        }
        _ => drop(cache.delete(&key).await),
    }
    record.floor.fetch_max(version, SeqCst);
}

async fn store(world: &World, cache: &Cache, index: usize, random: &mut fastrand::Rng) {
    let record = &world.records[index];
    let _hand = record.hand.lock().await;
    let version = record.version.load(SeqCst);
    let key = format!("record:{index}");
    // Tagged, for some of the invalidations are by tag.
    let tags = ["records", &key];
    let _ = match random.u32(0..3) {
        0 => cache.add(&key, &version).tags(tags).await.is_ok(),
        1 => cache.set_many([(&key, &version)]).tags(tags).await.is_ok(),
        _ => cache.set(&key, &version).tags(tags).await.is_ok(),
    };
}

/// The server and the wire to it, in all their moods; time passes.
async fn weather(world: &World, far: &Far) {
    let mut random = fastrand::Rng::with_seed(7);
    while !world.is_over.load(SeqCst) {
        let error = match random.u32(0..12) {
            0..2 => Some(Error::unavailable("wire", "connection reset")),
            2 => Some(Error::backend("refused")),
            _ => None,
        };
        far.faults.fail(error);
        far.faults.hang(random.u32(0..10) == 0);
        for verb in ["delete", "delete_many", "delete_match", "delete_tags", "clear"] {
            far.faults.fail_verb(verb, (random.u32(0..10) == 0).then(|| Error::backend("not permitted")));
        }
        for _ in 0..random.u32(1..30) {
            far.clock.advance(Duration::from_millis(random.u64(1..40)));
            yield_now().await;
        }
    }
    far.faults.fail(None);
    far.faults.hang(false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_an_invalidation_that_was_answered_whatever_the_server_did() {
    history(Far::new().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_of_what_lies_near_is_older_than_an_invalidation_that_was_answered() {
    history(Far::near().await).await;
}

async fn history(far: Far) {
    let rounds = if std::env::var_os("MACADAMIA_SLOW").is_some() { 10_000 } else { 500 };
    let far = Arc::new(far);
    far.faults.yields(1);
    let world = Arc::new(World::default());
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let (world, cache) = (Arc::clone(&world), far.cache.clone());
        tasks.spawn(Scope::new().cache(&far.cache).run(async move {
            let mut random = fastrand::Rng::with_seed(task as u64);
            for _ in 0..rounds {
                let index = random.usize(0..KEYS);
                match random.u32(0..10) {
                    0 => write(&world, &cache, index, &mut random).await,
                    1 => store(&world, &cache, index, &mut random).await,
                    _ => check(&world, &cache, index, &mut random).await,
                }
                if random.u32(0..4) == 0 {
                    yield_now().await;
                }
            }
        }));
    }
    let sky = tokio::spawn({
        let (world, far) = (Arc::clone(&world), Arc::clone(&far));
        async move { weather(&world, &far).await }
    });
    tasks.join_all().await;
    world.is_over.store(true, SeqCst);
    sky.await.unwrap();
    let (stale, reads) = (world.stale.load(SeqCst), world.reads.load(SeqCst));
    assert_eq!(stale, 0, "{stale} of {reads} reads were older than their last invalidation");
    assert!(reads > (TASKS * rounds / 2) as u64);
    assert!(
        world.runs.load(SeqCst) < usize::try_from(reads).unwrap(),
        "nothing was ever read from the server"
    );
    assert!(far.events.count(EventKind::BackendDown) > 0 && far.events.count(EventKind::BackendUp) > 0);
    assert!(far.events.count(EventKind::InvalidationsDone) > 0);
    assert_eq!(far.cache.in_flight(), 0);
}
