//! What the tests of disks share: a directory of one's own, a look into its files, and other processes.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "each test uses some"
)]

pub mod child;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cache_backends::{Disk, DiskBuilder};
use cache_core::testing::ManualClock;
use cache_core::{Backend, Cache, Clock, Encoded, Entry, Key, Meta, SetOptions, Time};
use rusqlite::Connection;
use tempfile::TempDir;

/// A disk on a clock in one's hand, in a directory that goes with it.
pub struct Bench {
    pub directory: TempDir,
    pub disk: Disk,
    pub clock: ManualClock,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|builder| builder)
    }

    pub fn with(settings: impl FnOnce(DiskBuilder) -> DiskBuilder) -> Self {
        let directory = TempDir::new().unwrap();
        let disk = settings(Disk::builder().directory(directory.path())).build();
        let clock = ManualClock::new();
        disk.attach(&(Arc::new(clock.clone()) as Arc<dyn Clock>));
        Self { directory, disk, clock }
    }

    /// Another disk in the same directory, as another process would have it.
    pub fn again(&self, settings: impl FnOnce(DiskBuilder) -> DiskBuilder) -> Disk {
        let disk = settings(Disk::builder().directory(self.directory.path())).build();
        disk.attach(&(Arc::new(self.clock.clone()) as Arc<dyn Clock>));
        disk
    }

    pub async fn cache(&self) -> Cache {
        Cache::builder().route("", self.disk.clone()).clock(self.clock.clone()).build().await.unwrap()
    }

    pub fn entry(&self, value: &[u8], life: Option<Duration>) -> Arc<Entry> {
        let now = self.clock.now();
        let expires = life.map_or(Time::NEVER, |life| now.after(life));
        Entry::new(Encoded(value.to_vec().into()), Meta::new(now, expires))
    }

    pub async fn set(&self, key: &str, value: &[u8]) {
        self.set_for(key, value, None).await;
    }

    pub async fn set_for(&self, key: &str, value: &[u8], life: Option<Duration>) {
        assert!(self.store(key, value, life).await, "it was not stored");
    }

    pub async fn store(&self, key: &str, value: &[u8], life: Option<Duration>) -> bool {
        self.disk.set(&key.into(), self.entry(value, life), SetOptions::default()).await.unwrap()
    }

    pub async fn get(&self, key: &str) -> Option<Vec<u8>> {
        let entry = self.disk.get(&Key::from(key)).await.unwrap()?;
        Some(entry.encoded().unwrap().to_vec())
    }

    pub async fn has(&self, key: &str) -> bool {
        self.get(key).await.is_some()
    }

    pub fn file(&self, index: usize) -> PathBuf {
        file(self.directory.path(), index)
    }

    /// A number from the file of the first shard.
    pub fn number(&self, sql: &str) -> i64 {
        number(&self.file(0), sql)
    }

    /// Lets what happens in the background happen.
    pub async fn until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}");
            tokio::task::yield_now().await;
        }
    }
}

pub fn file(directory: &Path, index: usize) -> PathBuf {
    directory.join(format!("cache-{index}.db"))
}

pub fn number(file: &Path, sql: &str) -> i64 {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// The file is whole, and its books are right.
pub fn check(file: &Path) {
    let connection = Connection::open(file).unwrap();
    connection.busy_timeout(Duration::from_secs(10)).unwrap();
    let told: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(told, "ok");
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(
        number("SELECT value FROM meta WHERE name = 'bytes'"),
        number("SELECT coalesce(sum(size), 0) FROM entries"),
        "the sum of sizes"
    );
    let size = "SELECT count(*) FROM entries LEFT JOIN bodies ON id = body WHERE size <> length(key) + 128 \
                + coalesce(length(stamps), 0) + coalesce(length(bytes), 8)";
    assert_eq!(number(size), 0, "entries of another size than is noted");
    let orphans =
        "SELECT count(*) FROM bodies WHERE id NOT IN (SELECT body FROM entries WHERE body IS NOT NULL)";
    assert_eq!(number(orphans), 0, "values without an entry");
    let gaps = "SELECT count(*) FROM entries WHERE (body IS NULL) = (number IS NULL) \
                OR (body IS NOT NULL AND body NOT IN (SELECT id FROM bodies))";
    assert_eq!(number(gaps), 0, "entries without a value");
}
