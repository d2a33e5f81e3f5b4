//! Entries on a Redis or Valkey server, or a cluster of them: one cache for a fleet.
//!
//! ```text
//! verbs ── names (what a key is called there) ── scripts ── link ── one connection for many commands, or a cluster's
//! ```
//!
//! What is atomic is atomic by being one command or one script ([`scripts`]). What lies on the server is a [`record`], under
//! [`names`] that are the keys themselves.

mod address;
mod builder;
mod clock;
mod coalesce;
mod fault;
mod fills;
mod link;
mod names;
mod near;
mod numbers;
mod patterns;
mod raw;
mod record;
mod scripts;
mod settings;
mod states;
mod store;
mod suspicion;
mod tags;
mod tls;

use std::fmt;
use std::sync::Arc;

use cache_core::{
    Backend, BoxFuture, Clock, Entry, Fill, Increment, Key, KeyRef, Moment, Near, Pattern, Peek, Reply,
    Result, SetOptions, Stamp, Time, Transition,
};

pub use builder::RedisBuilder;
use near::{Nearby, What, Written};
use settings::Settings;
use store::{Rights, Store};

/// Entries on a Redis or Valkey server (6.2 or later): shared by all who reach it, there as long as the server keeps
/// them. Clones are handles to the same connections.
///
/// **Use it** where several hosts should share entries, locks and limits. **Do not use it** for what one process needs
/// alone: [`Memory`](crate::Memory) answers a thousand times faster, and [`Disk`](crate::Disk) serves the processes of
/// one host without a server.
///
/// ```no_run
/// use cache_backends::Redis;
/// use cache_core::Cache;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cache_core::Result<()> {
/// let cache = Cache::builder().route("", Redis::builder().server("cache.example.com", 6379).db(3)).build().await?;
/// cache.set("user:7", "Grace").ttl("1h").await?;
/// assert_eq!(cache.get::<String>("user:7").await?.as_deref(), Some("Grace"));
/// # Ok(()) }
/// ```
///
/// As a URL: `redis://user:password@host:6379/3?maxsize=4`, `rediss://` with TLS, `redis+unix:///run/redis.sock?db=3` for a
/// socket. The [builder](RedisBuilder) tells what the options mean.
///
/// # What holds
///
/// * Keys are called on the server what they are called here, so other tools find them: `KEYS user:*`. Rights to fill and
///   generations of tags lie under names that begin with `macadamia:`.
/// * What other programs keep on the server stays: `scan`, `delete_match` and `clear` see only what bears a mark of ours. A
///   text under a key that is read is a miss and overwritten; a list, a hash or a set is an error, and stays.
///   `flush_all` empties the server, all databases of it, whoever put there what is in them.
/// * Every verb is atomic for its key, and rights to fill are: what one process computed before another deleted the key is
///   not stored. A store that was dropped is not done after a later deletion, also where the server stood still meanwhile
///   and another connection took the place of the old one.
/// * Times are the server's, asked for when a connection is opened, each minute beside some command, and on every step of a
///   lock or limit.
/// * A hit is one `GET`. Hits that come together are one `MGET`.
/// * Locks, limits and generations lie where entries lie: a server that evicts (`maxmemory-policy` other than
///   `noeviction` or `volatile-…`) may evict them. A lost lock is free, a lost limit begins anew, a lost generation is over.
///
/// # Entries near
///
/// With [`client_side`](RedisBuilder::client_side) this program keeps what it has read, decoded, until the server tells that
/// it has changed, expired or been evicted:
///
/// * answers of annotated functions (also `None` and errors that are kept) and values read by
///   [`get`](cache_core::Cache::get) and [`get_many`](cache_core::Cache::get_many). What was computed or set here is near from
///   its first reading on. A miss always asks the server, and so does a function under `#[hit]`: its hits are counted there;
/// * tagged entries, for as long as their tags stand: deleted here or elsewhere, they end what carries them;
/// * nothing for longer than it lives, or than an hour;
/// * nothing on a route with a middleware that must see every read.
///
/// Each second while it is used every connection is asked whether it stands. `SWAPDB` is the one change of which a server
/// tells nobody: do not use both. [`raw`](cache_core::Cache::raw) ends what is near under the names among its arguments,
/// and a script that is passed on ends all of it. In a cluster each master tells of the keys it holds.
///
/// # A cluster
///
/// With [`cluster`](RedisBuilder::cluster) the servers are found through any of them, and found again when a replica takes
/// over or slots move. What differs from one server:
///
/// * A key is asked where it lies. What is about several keys is one command or script for each slot, so it is atomic for
///   each key and not for all. Replicas are not asked: what they know is older.
/// * While a slot moves, its entries are read wherever they are. To change one takes a name for the entry and one for the
///   right to fill it, which for that while no server has both of: it fails with [`Error::Backend`](cache_core::Error::Backend),
///   and a deletion that failed is made up for by the cache. Patterns go to all servers, twice where slots moved meanwhile.
/// * A server that is lost takes its own keys along and no others: those fail at once with `Error::Backend`. It is
///   [`Unavailable`](cache_core::Error::Unavailable) when no server can be reached, or the servers say themselves that the
///   cluster is down (which they do for every slot without a server, unless `cluster-require-full-coverage` is `no`).
/// * The replica that takes over may lack the last writes of the server it follows, deletions among them: replication does
///   not wait. An entry whose deletion was lost so lives until it expires.
/// * The time of entries is the one in the middle of what the servers' clocks say, so one that is wrong does no harm; a lock
///   or limit goes by the clock of the server it lies on.
/// * `raw` goes to the server of the first key in it, `KEYS` and `DBSIZE` to all, what names no key to any.
///
/// # When the server cannot be reached
///
/// Commands are answered by [`Error::Unavailable`](cache_core::Error::Unavailable) or
/// [`Timeout`](cache_core::Error::Timeout), and annotated functions just run. Connections are opened again, one at a time,
/// after pauses that grow up to a second.
#[derive(Clone)]
pub struct Redis {
    store: Arc<Store>,
    near: Option<Arc<Nearby>>,
    possible: Result<()>,
}

impl Redis {
    /// Begins one; the [builder](RedisBuilder) lists the settings and their defaults.
    pub fn builder() -> RedisBuilder {
        RedisBuilder::default()
    }

    fn new(settings: Settings, possible: Result<()>) -> Self {
        let near = settings.near;
        let store = Arc::new(Store::new(settings));
        let near = near.map(|entries| Nearby::new(entries, &store.link));
        Self { store, near, possible }
    }

    /// Held by a command for as long as it takes to change this.
    fn changes<'a>(&'a self, what: What<'a>) -> Option<Written<'a>> {
        self.near.as_ref().map(|near| near.written(what))
    }
}

impl Default for Redis {
    /// At `127.0.0.1:6379`, database 0.
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("link", &self.store.link).finish_non_exhaustive()
    }
}

impl Backend for Redis {
    fn name(&self) -> &'static str {
        fault::NAME
    }

    fn check(&self) -> Result<()> {
        self.possible.clone()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.store.clock.attach(clock);
        if let Some(near) = &self.near {
            near.attach(clock);
        }
    }

    #[inline]
    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        self.near.as_ref().map_or(Peek::Remote, |near| near.peek(key, show))
    }

    fn suspect(&self) {
        self.store.suspicion.act(&self.store.link);
    }

    fn near(&self) -> Option<&dyn Near> {
        self.near.as_deref().map(|near| near as &dyn Near)
    }

    fn moment(&self) -> Option<Moment> {
        self.store.clock.told()
    }

    fn counts(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(self.store.get(key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(self.store.get_many(keys))
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            self.store.set(key, &entry, options).await
        })
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let _change = self.changes(What::Entries(&entries));
            self.store.set_many(&entries).await
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            self.store.replace(key, expected, &entry, Rights::End).await
        })
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            self.store.replace(key, expected, &entry, Rights::Stand).await
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            Ok(self.store.delete(std::slice::from_ref(key)).await? == 1)
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let _change = self.changes(What::Keys(keys));
            self.store.delete(keys).await
        })
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            let _change = self.changes(What::Match(pattern));
            self.store.delete_match(pattern).await
        })
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let _change = self.changes(What::All);
            self.store.clear().await
        })
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(self.store.scan(pattern))
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            self.store.expire(key, expires).await
        })
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            let _change = self.changes(What::Key(key));
            self.store.increment(key, step).await
        })
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move { self.store.begin_fill(key).await.map(Some) })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.store.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        Box::pin(self.store.stamp(tags))
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        Box::pin(async move {
            let Some(near) = &self.near else { return self.store.generations(tags).await };
            let marks = tags.iter().map(|tag| near.mark(tag)).collect();
            let nonces = self.store.generations(tags).await?;
            near.know(tags, marks, &nonces);
            Ok(nonces)
        })
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let _change = self.changes(What::Tags(tags));
            self.store.delete_tags(tags).await
        })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.store.update(key, change))
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(self.store.size_of(key))
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let _change = self.changes(What::Raw { command, args });
            self.store.raw(command, args).await
        })
    }

    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let _change = self.changes(What::All);
            self.store.flush_all().await
        })
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.store.ping(message))
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.store.link.close();
            Ok(())
        })
    }
}
