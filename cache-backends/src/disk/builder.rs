//! How a disk backend is put together.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cache_core::{Backend, Error, IntoBackend, Result};

use super::Disk;
use super::place::Home;
use super::rows::OVERHEAD;
use super::store::Store;

/// What is kept if nothing was said: a GiB.
const SIZE_LIMIT: u64 = 1 << 30;

/// The smallest limit of a shard: a key of the greatest length and its tags fit.
const SMALLEST: u64 = 64 << 10;

/// Each has a file, a writer and a reader.
const MOST_SHARDS: u32 = 32;

/// How often expired entries are taken out.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// A directory and its bounds, on their way to a [`Disk`].
///
/// | setting | in the URL | default |
/// |---|---|---|
/// | [`directory`](Self::directory) | the path, or `directory` | one of this user and program under the system's temporary directory |
/// | [`size_limit`](Self::size_limit) | `size_limit` | 1 GiB |
/// | [`shards`](Self::shards) | `shards` | 1 |
/// | [`check_interval`](Self::check_interval) | `check_interval` | 60 s |
///
/// A route takes the builder as well as what it builds. Nothing is opened before the first command; what cannot be
/// is reported when the cache is built:
///
/// ```
/// use cache_backends::Disk;
/// use cache_core::IntoBackend;
///
/// assert!(Disk::builder().directory("/no/such/place").into_backend().is_ok());
/// assert!(Disk::builder().size_limit(10).into_backend().is_err_and(|error| error.is_config()));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[must_use = "nothing is built before `.build()`"]
pub struct DiskBuilder {
    directory: Option<PathBuf>,
    size_limit: Option<u64>,
    shards: Option<u32>,
    check_interval: Option<Duration>,
}

impl DiskBuilder {
    /// Where the files lie; made when it is first used, for its owner alone, if there is no such directory. All of it is
    /// the cache's: put nothing else there.
    ///
    /// The default is `macadamia-USER/PROGRAM` under the system's temporary directory, refused if others may write
    /// there.
    pub fn directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// At most this many bytes of entries: for each its key, its value and 128 for what belongs to it. 0 is no
    /// limit. What is expired goes first, then what was not used for longest. With several shards each has its part.
    ///
    /// An entry larger than that is not stored, and what it was to replace is removed; one with a condition (`add`, `cas`, a
    /// computed answer) leaves what is there. The files are larger by what pages waste, by what was freed and not
    /// given back yet (up to a third), and by a log of some MiB.
    pub const fn size_limit(mut self, bytes: u64) -> Self {
        self.size_limit = Some(bytes);
        self
    }

    /// Over how many files entries are spread; 0 is 1. Each is written by one at a time, so several help where several
    /// processes write at once, or where values are large.
    ///
    /// All who share a directory must say the same: another number is an error of each command.
    pub const fn shards(mut self, shards: u32) -> Self {
        self.shards = Some(shards);
        self
    }

    /// How often expired entries are taken out without being asked for, once a cache routes here. They are never shown
    /// in any case. Zero: only [`Disk::purge_expired`] and eviction remove them.
    pub const fn check_interval(mut self, check_interval: Duration) -> Self {
        self.check_interval = Some(check_interval);
        self
    }

    /// Builds it; opens nothing. A bound that is impossible is reported when a cache that routes to it is built.
    pub fn build(self) -> Disk {
        let possible = self.check();
        let shards = self.shards.unwrap_or(1).clamp(1, MOST_SHARDS);
        let limit = Some(self.size_limit.unwrap_or(SIZE_LIMIT)).filter(|limit| *limit > 0);
        let home = self.directory.map_or_else(Home::of_this_program, |path| Home::at(&path));
        let interval = self.check_interval.unwrap_or(CHECK_INTERVAL);
        Disk(Arc::new(Store::new(home, shards, limit, interval, possible)))
    }

    /// Builds it, or tells which bound is impossible.
    ///
    /// # Errors
    /// [`Error::Config`] for a `size_limit` with less than 64 KiB for each shard, more than 32 shards, and an empty
    /// directory name.
    pub fn try_build(self) -> Result<Disk> {
        self.check().map(|()| self.build())
    }

    fn check(&self) -> Result<()> {
        let shards = self.shards.unwrap_or(1).max(1);
        if shards > MOST_SHARDS {
            return Err(Error::config(format!("`shards` = {shards}: there can be {MOST_SHARDS} at most")));
        }
        if self.directory.as_ref().is_some_and(|directory| directory.as_os_str().is_empty()) {
            return Err(Error::config("`directory` is empty: name one, or leave it out"));
        }
        match self.size_limit {
            Some(limit) if limit > 0 && limit / u64::from(shards) < SMALLEST => Err(Error::config(format!(
                "`size_limit` = {limit} is too small: each shard needs {SMALLEST} bytes, and an entry takes {OVERHEAD} \
                 and its value"
            ))),
            _ => Ok(()),
        }
    }
}

impl IntoBackend for DiskBuilder {
    fn into_backend(self) -> Result<Arc<dyn Backend>> {
        Ok(Arc::new(self.try_build()?))
    }
}
