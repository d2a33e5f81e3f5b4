//! Clocks that a disk outlives or that are moved under it: another boot, another process, a wall that is set back.
#![cfg(feature = "disk")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_backends::Disk;
use cache_core::testing::ManualClock;
use cache_core::{
    Backend, BoxFuture, Cache, Clock, Entry, Increment, Key, Meta, Pattern, SetOptions, Step, Time,
    Transition,
};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_secs(3_600);

/// A clock of a boot of its own: its time begins anew, and its wall is on by so much and can be moved.
#[derive(Debug, Clone)]
struct Host {
    clock: ManualClock,
    ahead: Arc<AtomicU64>,
}

impl Host {
    fn ahead(by: Duration) -> Self {
        Self { clock: ManualClock::new(), ahead: Arc::new(AtomicU64::new(nanos(by))) }
    }

    fn set_back(&self, by: Duration) {
        self.ahead.fetch_sub(nanos(by), Ordering::SeqCst);
    }

    fn ahead_again(&self, by: Duration) {
        self.ahead.fetch_add(nanos(by), Ordering::SeqCst);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap()
}

impl Clock for Host {
    fn now(&self) -> Time {
        self.clock.now()
    }

    fn wall(&self) -> u64 {
        self.clock.wall() + self.ahead.load(Ordering::SeqCst)
    }

    fn sleep_until(&self, deadline: Time) -> BoxFuture<'static, ()> {
        self.clock.sleep_until(deadline)
    }
}

fn disk(directory: &TempDir, host: &Host) -> Disk {
    let disk = Disk::builder().directory(directory.path()).build();
    disk.attach(&(Arc::new(host.clone()) as Arc<dyn Clock>));
    disk
}

async fn cache(directory: &TempDir, host: &Host) -> Cache {
    let disk = Disk::builder().directory(directory.path());
    Cache::builder().route("", disk).clock(host.clone()).build().await.unwrap()
}

// ── Which write of a number it is ──

#[tokio::test]
async fn a_number_from_before_the_boot_can_be_compared_and_set() {
    let directory = TempDir::new().unwrap();
    let yesterday = cache(&directory, &Host::ahead(Duration::ZERO)).await;
    yesterday.set("count", &1_u64).await.unwrap();
    yesterday.close().await.unwrap();

    let today = cache(&directory, &Host::ahead(HOUR)).await;
    let (count, token) = today.gets::<u64>("count").await.unwrap().unwrap();
    assert!(today.cas("count", &(count + 1), &token).await.unwrap(), "nobody else wrote it");
    assert!(!today.cas("count", &(count + 1), &token).await.unwrap(), "it was written since");
    assert_eq!(today.get::<u64>("count").await.unwrap(), Some(2));
}

#[tokio::test]
async fn an_equal_number_that_was_stored_since_is_another_also_within_the_same_instant() {
    let directory = TempDir::new().unwrap();
    let cache = cache(&directory, &Host::ahead(Duration::ZERO)).await;
    cache.set("n", &5).await.unwrap();
    let (_, token) = cache.gets::<i32>("n").await.unwrap().unwrap();
    cache.set("n", &6).await.unwrap();
    cache.set("n", &5).await.unwrap();
    assert!(!cache.cas("n", &7, &token).await.unwrap());
    let (_, token) = cache.gets::<i32>("n").await.unwrap().unwrap();
    assert_eq!((cache.incr("n").await.unwrap(), cache.decr("n").await.unwrap()), (6, 5));
    assert!(!cache.cas("n", &7, &token).await.unwrap());
}

#[tokio::test]
async fn a_number_is_the_same_entry_at_each_look_and_until_it_is_written() {
    let directory = TempDir::new().unwrap();
    let (host, key) = (Host::ahead(Duration::ZERO), Key::from("n"));
    let disk = disk(&directory, &host);
    let put = async || {
        let five = Entry::new(5_i64, Meta::new(host.now(), Time::NEVER));
        assert!(disk.set(&key, five, SetOptions::default()).await.unwrap());
    };
    let look = async || disk.get(&key).await.unwrap().unwrap().meta().nonce;
    put().await;
    let first = look().await;
    assert!(first != 0 && first.is_multiple_of(2), "{first}");
    host.clock.advance(HOUR);
    assert!(disk.expire(&key, host.now().after(HOUR)).await.unwrap());
    assert_eq!(look().await, first, "a new expiry is no write");
    let many = disk.get_many(std::slice::from_ref(&key)).await.unwrap();
    assert_eq!(many[0].as_ref().unwrap().meta().nonce, first);
    put().await;
    let second = look().await;
    assert_ne!(second, first);
    disk.increment(&key, Increment::new(0, None)).await.unwrap();
    assert!(![first, second].contains(&look().await));
}

// ── A wall that is set back ──

/// One call in ten seconds; the state is when the next may come.
struct Limit {
    is_refused: bool,
}

impl Transition for Limit {
    fn name(&self) -> &'static str {
        "limit"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let next = state.map_or(0, |state| u64::from_le_bytes(state.try_into().unwrap()));
        self.is_refused = next > now.as_nanos();
        if self.is_refused {
            return Step::Keep;
        }
        let next = now.after(Duration::from_secs(10));
        Step::Put(next.as_nanos().to_le_bytes().to_vec(), next)
    }
}

async fn is_refused(disk: &Disk) -> bool {
    let mut limit = Limit { is_refused: false };
    disk.update(&"limit:f".into(), &mut limit).await.unwrap();
    limit.is_refused
}

#[tokio::test]
async fn a_lock_ends_after_its_lease_although_the_wall_was_set_back() {
    let (directory, host) = (TempDir::new().unwrap(), Host::ahead(HOUR * 48));
    let cache = cache(&directory, &host).await;
    assert!(cache.set_lock("job", "me", "10s").await.unwrap());
    assert!(cache.is_locked("job").await.unwrap());
    host.set_back(HOUR * 24);
    host.clock.advance(Duration::from_secs(60));
    assert!(!cache.is_locked("job").await.unwrap());
    assert!(cache.set_lock("job", "other", "10s").await.unwrap());
    assert!(cache.is_locked("job").await.unwrap(), "taken at the time that it is now");
    assert!(!cache.set_lock("job", "me", "10s").await.unwrap());
}

#[tokio::test]
async fn a_limit_admits_again_although_the_wall_was_set_back() {
    let (directory, host) = (TempDir::new().unwrap(), Host::ahead(HOUR * 48));
    let disk = disk(&directory, &host);
    assert_eq!([is_refused(&disk).await, is_refused(&disk).await], [false, true]);
    host.set_back(HOUR * 24);
    host.clock.advance(Duration::from_secs(60));
    assert_eq!([is_refused(&disk).await, is_refused(&disk).await], [false, true], "one in ten seconds again");
    host.clock.advance(Duration::from_secs(10));
    assert!(!is_refused(&disk).await);
}

#[tokio::test]
async fn a_wall_that_is_put_right_by_a_little_frees_nothing() {
    let (directory, host) = (TempDir::new().unwrap(), Host::ahead(HOUR));
    let (cache, disk) = (cache(&directory, &host).await, disk(&directory, &host));
    assert!(cache.set_lock("job", "me", "10s").await.unwrap());
    assert!(!is_refused(&disk).await);
    host.set_back(Duration::from_secs(4));
    assert!(cache.is_locked("job").await.unwrap() && is_refused(&disk).await);
}

#[tokio::test]
async fn a_state_of_the_future_is_neither_found_nor_counted_and_goes_with_a_deletion() {
    let (directory, host) = (TempDir::new().unwrap(), Host::ahead(HOUR * 48));
    let (disk, all) = (disk(&directory, &host), Pattern::new("limit:*"));
    assert!(!is_refused(&disk).await);
    assert_eq!(disk.scan(&all).await.unwrap().len(), 1);
    host.set_back(HOUR * 24);
    assert_eq!(disk.scan(&all).await.unwrap().len(), 0);
    assert!(!disk.delete(&"limit:f".into()).await.unwrap(), "there was none to be deleted");
    host.ahead_again(HOUR * 24);
    assert_eq!(disk.scan(&all).await.unwrap().len(), 0, "it was deleted all the same");
    assert!(!is_refused(&disk).await);
    host.set_back(HOUR * 24);
    assert_eq!(disk.delete_match(&all).await.unwrap(), 0);
    host.ahead_again(HOUR * 24);
    assert_eq!(disk.scan(&all).await.unwrap().len(), 0);
}
