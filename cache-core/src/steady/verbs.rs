//! The verbs, past the breaker and around what is kept.

use std::sync::Arc;

use super::Steady;
use super::kept::{Concern, Removal};
use crate::backend::{Backend, Fill, Form, Increment, Near, Peek, SetIf, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Moment, Time};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

impl Backend for Steady {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn form(&self) -> Form {
        self.inner.form()
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.clock.get_or_init(|| Arc::clone(clock));
        self.inner.attach(clock);
    }

    /// Shown also while the server is down, as long as the backend itself knows that it may.
    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        if !self.status.keeps() {
            return self.inner.peek(key, show);
        }
        if self.state().kept.concern(key.as_str()) != Concern::No {
            return Peek::Remote;
        }
        self.inner.peek(key, &mut |entry| {
            if !self.concerns_tag_of(entry.stamps()) {
                show(entry);
            }
        })
    }

    fn near(&self) -> Option<&dyn Near> {
        self.inner.near().map(|_| self as &dyn Near)
    }

    fn moment(&self) -> Option<Moment> {
        self.inner.moment()
    }

    fn suspect(&self) {
        self.inner.suspect();
    }

    fn weighs(&self) -> bool {
        self.inner.weighs()
    }

    fn counts(&self) -> bool {
        self.inner.counts()
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async move {
            // Asked before: what was done meanwhile may have come after the answer.
            if self.concerns(key) {
                return Ok(None);
            }
            let found = self.watched(self.inner.get(key)).await?;
            Ok(found.filter(|entry| !self.concerns_tag_of(entry.stamps())))
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            if !self.status.keeps() {
                return self.watched(self.inner.get_many(keys)).await;
            }
            let asked: Vec<Option<&Key>> =
                keys.iter().map(|key| (!self.concerns(key)).then_some(key)).collect();
            let others: Vec<Key> = asked.iter().flatten().map(|key| (*key).clone()).collect();
            let mut found = self.watched(self.inner.get_many(&others)).await?.into_iter();
            let next = |asked: Option<&Key>| {
                let found = asked.and_then(|_| found.next()).flatten();
                found.filter(|entry| !self.concerns_tag_of(entry.stamps()))
            };
            Ok(asked.into_iter().map(next).collect())
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let is_plain = options.fill.is_none() && options.only_if == SetIf::Always;
            if !is_plain && self.concerns(key) {
                // What a right stands for is over, and what must be present is not.
                if options.fill.is_some() || options.only_if == SetIf::Present {
                    return Ok(false);
                }
                self.way_of(key).await?;
            }
            if !is_plain || !self.status.keeps() {
                return self.watched(self.inner.set(key, entry, options)).await;
            }
            let storing = self.way_over(&[key]).await?;
            let stored = self.watched(self.inner.set(key, entry, options)).await?;
            if stored {
                storing.done();
            }
            Ok(stored)
        })
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if !self.status.keeps() {
                return self.watched(self.inner.set_many(entries)).await;
            }
            let keys: Vec<Key> = entries.iter().map(|(key, _)| key.clone()).collect();
            let storing = self.way_over(&keys.iter().collect::<Vec<_>>()).await?;
            self.watched(self.inner.set_many(entries)).await?;
            storing.done();
            Ok(())
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if self.concerns(key) || self.concerns_tag_of(expected.stamps()) {
                return Ok(false);
            }
            self.watched(self.inner.compare_and_set(key, expected, entry)).await
        })
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if self.concerns(key) || self.concerns_tag_of(expected.stamps()) {
                return Ok(false);
            }
            self.watched(self.inner.reseal(key, expected, entry)).await
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let is_gone = self.concerns(key);
            let deleted = self.removing(Removal::Keys(vec![key.clone()]), self.inner.delete(key)).await?;
            Ok(deleted && !is_gone)
        })
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.removing(Removal::Keys(keys.to_vec()), self.inner.delete_many(keys)))
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.removing(Removal::Match(pattern.clone()), self.inner.delete_match(pattern)))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.removing(Removal::All, self.inner.clear()))
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(async move {
            loop {
                let before = self.state().repaid;
                let mut keys = self.walking(self.inner.scan(pattern)).await?;
                let state = self.state();
                // What was removed while it walked may have been seen before.
                if state.repaid == before {
                    keys.retain(|key| state.kept.concern(key.as_str()) == Concern::No);
                    return Ok(keys);
                }
            }
        })
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if self.concerns(key) {
                return Ok(false);
            }
            self.way_past_tags_of(key).await?;
            self.watched(self.inner.expire(key, expires)).await
        })
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(async move {
            self.way_of(key).await?;
            self.way_past_tags_of(key).await?;
            self.watched(self.inner.increment(key, step)).await
        })
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move {
            self.way_of(key).await?;
            // A right that was taken must not be lost with a cancelled command: nothing waits after it.
            self.watched(self.inner.begin_fill(key)).await
        })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.inner.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        Box::pin(async move {
            self.way(|kept| tags.iter().any(|tag| kept.concerns_tag(tag))).await?;
            self.watched(self.inner.stamp(tags)).await
        })
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        Box::pin(async move {
            // Asked before, as in `get`.
            let over: Vec<bool> = if self.status.keeps() {
                let state = self.state();
                tags.iter().map(|tag| state.kept.concerns_tag(tag)).collect()
            } else {
                Vec::new()
            };
            let mut generations = self.watched(self.inner.generations(tags)).await?;
            for (generation, _) in generations.iter_mut().zip(over).filter(|(_, is_over)| *is_over) {
                *generation = None;
            }
            Ok(generations)
        })
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.removing(Removal::Tags(tags.to_vec()), self.inner.delete_tags(tags)))
    }

    /// A state that is to go is not gone on from, and no new one begins that would go a moment later.
    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.way_of(key).await?;
            self.watched(self.inner.update(key, change)).await
        })
    }

    fn update_now(&self, key: KeyRef<'_>, change: &mut dyn Transition) -> bool {
        !self.status.is_down() && !self.status.keeps() && self.inner.update_now(key, change)
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move {
            if self.concerns(key) {
                return Ok(None);
            }
            self.watched(self.inner.size_of(key)).await
        })
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.watched(self.inner.raw(command, args)))
    }

    /// Never done late: whose it is then nobody knows.
    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let begun = self.state().kept.now();
            self.watched(self.inner.flush_all()).await?;
            self.repaid(&Removal::All, begun);
            Ok(())
        })
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(self.watched(self.inner.ping(message)))
    }

    /// Also of a backend that is down: it holds things open too.
    fn close(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            self.settle().await;
            self.inner.close().await
        })
    }
}
