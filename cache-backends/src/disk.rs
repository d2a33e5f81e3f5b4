//! Entries in files, shared by the processes of one host.
//!
//! Commands go to threads ([`shard`]): a caller puts a job in a line ([`queue`], [`job`]) and awaits the answer; the
//! thread does what has come since at a desk ([`mod@desk`]), in one transaction of SQLite ([`writer`], [`reader`]). What
//! is atomic is atomic by those transactions, for this process and for others.

mod address;
mod builder;
mod desk;
mod door;
mod fault;
mod file;
mod fills;
mod janitor;
mod job;
mod patterns;
mod place;
mod queue;
mod reader;
mod room;
mod rows;
mod schema;
mod shard;
mod shared;
mod stamps;
mod states;
mod store;
mod tags;
mod values;
mod verbs;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use cache_core::{
    Backend, BoxFuture, Clock, Entry, Fill, Increment, Key, Pattern, Result, SetOptions, Stamp, Time,
    Transition,
};

pub use builder::DiskBuilder;
use fills::Rights;
use store::Store;

/// Entries in SQLite files: shared by the processes of one host, there again after a restart or a crash. Clones are
/// handles to the same one.
///
/// **Use it** for what is larger than memory should hold, for what should survive a restart, and where several
/// processes of a host should share entries, locks and limits without a server. **Do not use it** on a network file
/// system or between hosts: processes meet in shared memory. And what fits in memory and is needed by one
/// process is read a hundred times faster from [`Memory`](crate::Memory).
///
/// ```
/// use cache_backends::Disk;
/// use cache_core::Cache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let directory = tempfile::tempdir()?;
/// let cache = || Cache::builder().route("", Disk::builder().directory(directory.path()).size_limit(64 << 20)).build();
/// let yesterday = cache().await?;
/// yesterday.set("user:7", "Grace").await?;
/// yesterday.close().await?;
///
/// let today = cache().await?;
/// assert_eq!(today.get::<String>("user:7").await?.as_deref(), Some("Grace"));
/// # today.close().await?;
/// # Ok(()) }
/// ```
///
/// As a URL: `disk:///var/cache/app?size_limit=512MB&shards=4&check_interval=30s`, with an absolute path;
/// `disk://cache/app` is relative to the working directory, `disk://?directory=…` any path, and `disk://` alone a directory
/// of this user and program under the system's temporary one. The [builder](DiskBuilder) tells what the options mean.
///
/// # What holds
///
/// * A store that was answered is there after the process was killed. After a power failure the last ones may be
///   missing, and what is there is whole.
/// * Every verb is atomic for its key, across processes. So are rights to fill: what one process computed before
///   another deleted the key is not stored.
/// * Entries make room for others when there are more than [`size_limit`](DiskBuilder::size_limit), those not used for
///   longest first; locks, limits and generations of tags never do.
/// * Time is that of the wall, as processes share it: when that jumps, entries end sooner or later by as much. Locks,
///   limits and breakers that were written more than five seconds from now in the future are none: when the wall is set
///   back a lock may have two holders until the first renews it or its lease ends, and the later
///   [fence](cache_core::Fence) is the lesser.
/// * Two caches in one process that share a `Disk` go by the clock of the one that was built first.
/// * A value that was damaged in the file is a miss, since it carries a checksum. A plain counter (`incr`, or a number
///   that was set) has none: a bit that flips in it is another number, unless the route has a `secret`.
/// * `clear` and `flush_all` remove all there is, whichever process put it there: the directory is the cache's. Do not remove
///   files while programs run; one that finds its file gone opens another within a second.
///
/// # When the disk fails
///
/// The directory is opened by the first command. One that cannot be made or written, a file that is no database, a disk
/// that is full: each command is answered by an error that names the path, once a second it is tried again, and annotated
/// functions just run. What can be read is read still. Files of another program are left as they are.
///
/// A deletion fails where another process holds the file for longer than two seconds, and where the disk is full: removing
/// needs room for the log. The command answers with an error, an `#[invalidate]` with the event
/// [`NotInvalidated`](cache_core::EventKind::NotInvalidated), and the cache keeps it
/// ([`InvalidationKept`](cache_core::EventKind::InvalidationKept)): its process reads nothing of what was to be removed, and
/// removes it as soon as that is possible. **Until then other processes read it, and a process that ends before takes it
/// along**: what was to be removed is served until its ttl is over. Give what must not be stale a short ttl.
///
/// Freed space is used again; when more than a third of a file is free, the rest is given back while purging.
#[derive(Clone)]
pub struct Disk(Arc<Store>);

impl Disk {
    /// Begins one; the [builder](DiskBuilder) lists the settings and their defaults.
    pub fn builder() -> DiskBuilder {
        DiskBuilder::default()
    }

    /// Where the files lie.
    pub fn directory(&self) -> &Path {
        self.0.home.path()
    }

    /// Takes every expired entry out now; tells how many.
    ///
    /// For schedules of your own; it happens by itself every [`check_interval`](DiskBuilder::check_interval).
    pub async fn purge_expired(&self) -> Result<u64> {
        self.0.purge().await
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk")
            .field("directory", &self.directory())
            .field("shards", &self.0.shards().len())
            .finish_non_exhaustive()
    }
}

impl Backend for Disk {
    fn name(&self) -> &'static str {
        "disk"
    }

    fn check(&self) -> Result<()> {
        self.0.possible.clone()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        let is_first = self.0.clock.set(Arc::clone(clock)).is_ok();
        if is_first && !self.0.check_interval.is_zero() {
            janitor::watch(&self.0, Arc::clone(clock));
        }
    }

    fn counts(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(self.0.get(key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(self.0.get_many(keys))
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.set(key, entry, options))
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.0.set_many(entries))
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.compare_and_set(key, expected, entry, Rights::End))
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.compare_and_set(key, expected, entry, Rights::Stand))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.delete(key))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.0.delete_many(keys))
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.0.delete_match(pattern))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.0.clear())
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(self.0.scan(pattern))
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.expire(key, expires))
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(self.0.increment(key, step))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move { self.0.begin_fill(key).await.map(Some) })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.0.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        Box::pin(self.0.stamp(tags))
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        Box::pin(self.0.generations(tags))
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.delete_tags(tags))
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.update(key, change))
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(self.0.size_of(key))
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move { self.0.ping().await.map(|()| message.to_owned()) })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.0.close().await;
            Ok(())
        })
    }
}
