//! Commands about everything a cache reaches, and to the servers behind it.

use std::future::IntoFuture;

use super::Removed;
use super::options::{Options, timeout_option};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::command::Command;
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key, KeyRef};
use crate::lock::tell_all_freed;
use crate::reply::Reply;
use crate::tag::Tags;

impl Cache {
    /// Ends every entry that carries one of these tags, on all routes. Costs the same for one entry and for a
    /// million; what is being computed for such an entry will not be stored, and nobody joins it any more.
    ///
    /// Memory of *other* processes is not reached: there entries end by their ttl. On a backend that the
    /// processes share, all of them see it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("user:7", "Grace").tags(["users"]).await?;
    /// cache.delete_tags(["users"]).await?;
    /// assert!(!cache.exists("user:7").await?);
    /// # Ok(()) }
    /// ```
    pub async fn delete_tags<K: IntoKey>(&self, tags: impl IntoIterator<Item = K>) -> Result<()> {
        let tags = Tags::of(tags);
        let removed = self.end_tags(&tags).await;
        let name = tags.names().first().map_or("", Key::as_str);
        self.spared(removed, name, self.routes().iter()).map(drop)
    }

    pub(crate) async fn end_tags(&self, tags: &Tags) -> Removed {
        let mut removed = Removed::nothing();
        if !tags.is_empty() {
            let mut is_on = self.routes().is_empty();
            for route in self.routes().iter().filter(|route| !self.is_off(Command::DeleteTags, route)) {
                is_on = true;
                removed.add(route.delete_tags(tags.names()).await.map(|()| 0));
            }
            if is_on {
                self.abandon_tags(tags.names());
            }
        }
        removed
    }

    /// Removes everything this cache stored, on all its routes: reserved keys too, so that
    /// locks are free and limits begin anew. What of it is made up for later, because the backend could not be reached,
    /// leaves the locks that are held then.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set("k", &1).await?;
    /// cache.clear().await?;
    /// assert_eq!(cache.keys_count().await?, 0);
    /// # Ok(()) }
    /// ```
    pub async fn clear(&self) -> Result<()> {
        let mut removed = Removed::nothing();
        for route in self.routes().iter().filter(|route| !self.is_off(Command::Clear, route)) {
            removed.add(route.clear().await.map(|()| 0));
        }
        self.flights().abandon_all();
        tell_all_freed();
        self.spared(removed, "*", self.routes().iter()).map(drop)
    }

    /// **Removes everything in the stores behind this cache, whoever put it there.** Not only what this cache stored:
    /// on a shared server also the entries of other caches, other programs and other people, of every database and
    /// namespace that the server wipes with it (`FLUSHALL`, `flush_all`). There is no way back.
    ///
    /// What is nearly always meant is [`clear`](Cache::clear).
    pub async fn flush_all(&self) -> Result<()> {
        let mut outcome = Ok(());
        for route in self.routes().iter().filter(|route| !self.is_off(Command::FlushAll, route)) {
            outcome = outcome.and(route.flush_all().await);
        }
        self.flights().abandon_all();
        tell_all_freed();
        outcome
    }

    /// Asks every backend to answer, with `message` or `PONG` for an empty one; the answer of the default
    /// route.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// assert_eq!(cache.ping("").await?, "PONG");
    /// assert_eq!(cache.ping("hello").await?, "hello");
    /// # Ok(()) }
    /// ```
    pub async fn ping(&self, message: &str) -> Result<String> {
        let message = if message.is_empty() { "PONG" } else { message };
        let mut answer = message.to_owned();
        for route in self.routes() {
            if self.is_off(Command::Ping, route) {
                // Nobody was asked, so nobody has answered.
                return Err(Error::unsupported(route.backend_name(), "ping while it is disabled"));
            }
            answer = route.ping(message).await?;
        }
        Ok(answer)
    }

    /// Passes a command to a server as it is, and its answer back: for what has no command of its own here.
    ///
    /// It goes to the default route, or to the one that `.route("user:")` takes. Keys in it are sent as they are
    /// written, without namespace or prefix, and nothing that it changes is known here: a computation under way may
    /// be stored over it.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where there is no server, as in memory; else what the server says.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_core::Cache) -> cache_core::Result<()> {
    /// let length = cache.raw("STRLEN", &["user:7:name"]).await?;
    /// assert_eq!(length.as_int(), Some(3));
    /// # Ok(()) }
    /// ```
    pub fn raw<A: AsRef<[u8]>>(&self, command: &str, args: &[A]) -> Raw<'_> {
        Raw {
            cache: self,
            command: command.to_owned(),
            args: args.iter().map(|arg| arg.as_ref().to_vec()).collect(),
            key: String::new(),
            options: Options::default(),
        }
    }
}

/// [`Cache::raw`], on its way.
#[derive(Debug)]
#[must_use = "nothing is sent before `.await`"]
pub struct Raw<'c> {
    cache: &'c Cache,
    command: String,
    args: Vec<Vec<u8>>,
    key: String,
    options: Options,
}

timeout_option!(Raw, options);

impl Raw<'_> {
    /// To the server behind the route that takes this key, or keys that begin so.
    pub fn route(mut self, key: impl Into<String>) -> Self {
        self.key = key.into();
        self
    }
}

impl<'c> IntoFuture for Raw<'c> {
    type Output = Result<Reply>;
    type IntoFuture = BoxFuture<'c, Result<Reply>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, command, args, key, options } = self;
        options.run(cache, async move {
            let route = cache.route_of(KeyRef::new(&key)).ok_or_else(|| {
                Error::config(format!("no route takes `{key}`: say which server is meant by `.route(…)`"))
            })?;
            if cache.is_off(Command::Raw, route) {
                return Ok(Reply::Nil);
            }
            let args: Vec<_> = args.iter().map(Vec::as_slice).collect();
            route.raw(&command, &args).await
        })
    }
}
