//! Clocks that a disk outlives or that are moved under it: another boot, another process, a wall that is set back.
#![cfg(feature = "disk")]
#![allow(missing_docs, clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cache_backends::Disk;
use cache_core::testing::ManualClock;
use cache_core::{Backend, BoxFuture, Cache, Clock, Entry, Increment, Key, Meta, SetOptions, Time};
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
