//! Commands about keys: removing, finding, counting.

use crate::cache::Cache;
use crate::error::Result;
use crate::key::{IntoKey, Key};
use crate::pattern::Pattern;
use crate::tag::Tags;

impl Cache {
    /// Removes a key; tells whether something was there. A computation of it that is under way will not be
    /// stored, and nobody joins it any more.
    pub async fn delete(&self, key: impl IntoKey) -> Result<bool> {
        self.remove(&key.into_key()).await
    }

    /// Removes several keys; tells how many were there.
    pub async fn delete_many<K: IntoKey>(&self, keys: impl IntoIterator<Item = K>) -> Result<u64> {
        let keys: Vec<Key> = keys.into_iter().map(IntoKey::into_key).collect();
        let groups = self.by_route(keys.iter().map(|key| (key.clone(), ())))?;
        let (mut deleted, mut outcome) = (0, Ok(()));
        for (route, group) in groups {
            let keys: Vec<_> = group.into_iter().map(|(key, ())| key).collect();
            match route.delete_many(&keys).await {
                Ok(count) => deleted += count,
                Err(error) => outcome = outcome.and(Err(error)),
            }
        }
        keys.iter().for_each(|key| self.flights().abandon(key.as_key()));
        outcome.map(|()| deleted)
    }

    /// Removes every key that matches; tells how many there were. `*` is any run of characters.
    ///
    /// Goes to every route the pattern can reach. Keys under reserved prefixes go only if the pattern names
    /// the prefix. Walks all keys of a route: cheap for correctness, not for speed.
    pub async fn delete_match(&self, pattern: impl Into<Pattern>) -> Result<u64> {
        self.remove_match(&pattern.into()).await
    }

    /// Ends every entry that carries one of these tags, on all routes. Costs the same for one entry and for a
    /// million; what is being computed for such an entry will not be stored, and nobody joins it any more.
    ///
    /// Memory of *other* processes is not reached: there entries end by their ttl. On a backend that the
    /// processes share, all of them see it.
    pub async fn delete_tags<K: IntoKey>(&self, tags: impl IntoIterator<Item = K>) -> Result<()> {
        self.end_tags(&Tags::of(tags)).await
    }

    pub(crate) async fn end_tags(&self, tags: &Tags) -> Result<()> {
        let mut outcome = Ok(());
        if !tags.is_empty() {
            for route in self.routes() {
                outcome = outcome.and(route.delete_tags(tags.names()).await);
            }
            self.flights().abandon_tags(tags.names());
        }
        outcome
    }

    /// The keys that match, over every route the pattern can reach, in no order. Reserved prefixes as in
    /// [`delete_match`](Cache::delete_match).
    pub async fn scan(&self, pattern: impl Into<Pattern>) -> Result<Vec<Key>> {
        let pattern = pattern.into();
        let mut keys = Vec::new();
        for route in self.routes_of(&pattern) {
            let found = route.scan(&pattern).await?;
            // One backend behind two routes shows each key twice; a key counts where it is routed.
            keys.extend(
                found
                    .into_iter()
                    .filter(|key| self.route_of(key.as_key()).is_some_and(|owner| owner.id() == route.id())),
            );
        }
        Ok(keys)
    }

    /// How many keys are stored, reserved ones not counted. Walks them all.
    pub async fn keys_count(&self) -> Result<u64> {
        Ok(self.scan("*").await?.len() as u64)
    }

    /// Removes everything this cache stored, on all its routes, reserved keys too.
    pub async fn clear(&self) -> Result<()> {
        let mut outcome = Ok(());
        for route in self.routes() {
            outcome = outcome.and(route.clear().await);
        }
        self.flights().abandon_all();
        outcome
    }

    /// Asks every backend to answer, with `message` or `PONG` for an empty one; the answer of the default
    /// route.
    pub async fn ping(&self, message: &str) -> Result<String> {
        let message = if message.is_empty() { "PONG" } else { message };
        let mut answer = message.to_owned();
        for route in self.routes() {
            answer = route.ping(message).await?;
        }
        Ok(answer)
    }
}
