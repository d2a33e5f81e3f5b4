//! The verbs, in and out of the envelope.

use std::sync::Arc;

use super::states::Signed;
use super::{Sealed, TRIES};
use crate::backend::{Backend, Fill, Form, Increment, Near, Peek, SetIf, SetOptions, Transition};
use crate::clock::{BoxFuture, Clock, Moment, Time};
use crate::entry::{Encoded, Entry, Payload};
use crate::error::Result;
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::reply::Reply;
use crate::tag::Stamp;

impl Backend for Sealed {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn form(&self) -> Form {
        Form::Bytes
    }

    fn check(&self) -> Result<()> {
        self.inner.check()
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        self.clock.get_or_init(|| Arc::clone(clock));
        self.inner.attach(clock);
    }

    fn near(&self) -> Option<&dyn Near> {
        self.has_near.then_some(self)
    }

    /// What lies near is decoded; else what is shown would have to be, and only that there is none needs no decoding.
    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        if self.has_near {
            return self.peek_near(key, show);
        }
        match self.inner.peek(key, &mut |_| {}) {
            Peek::Missing => Peek::Missing,
            Peek::Found | Peek::Remote => Peek::Remote,
        }
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

    /// Every number is one here, whoever counts it.
    fn counts(&self) -> bool {
        true
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(async move {
            let offer = self.offer(key);
            Ok(self.inner.get(key).await?.map(|kept| self.open(key, &kept, offer)))
        })
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(async move {
            // Marks are of before the question.
            let offers: Vec<_> = keys.iter().map(|key| self.offer(key)).collect();
            let kept = keys.iter().zip(offers).zip(self.inner.get_many(keys).await?);
            Ok(kept.map(|((key, offer), kept)| kept.map(|kept| self.open(key, &kept, offer))).collect())
        })
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let entry = self.seal(key, &entry)?;
            let stored = self.inner.set(key, Arc::clone(&entry), options).await?;
            if stored || options.only_if != SetIf::Absent {
                return Ok(stored);
            }
            // To the backend anything is an entry, to readers only what opens: what does not is in nobody's way.
            match self.inner.get(key).await? {
                Some(kept) if self.open_whenever(key, &kept).is_err() => {
                    self.inner.compare_and_set(key, &kept, entry).await
                }
                _ => Ok(false),
            }
        })
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            let seal = |(key, entry): (Key, Arc<Entry>)| Ok((key.clone(), self.seal(&key, &entry)?));
            self.inner.set_many(entries.into_iter().map(seal).collect::<Result<_>>()?).await
        })
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            let entry = self.seal(key, &entry)?;
            let sealed = expected.downcast_ref::<Payload>().and_then(Payload::sealed);
            let Some(sealed) = sealed else {
                return self.inner.compare_and_set(key, expected, entry).await;
            };
            let mut kept = Entry::new(Encoded(sealed.clone()), expected.meta());
            for _ in 0..TRIES {
                if self.inner.compare_and_set(key, &kept, Arc::clone(&entry)).await? {
                    return Ok(true);
                }
                // The same entry with another expiry is in another envelope.
                match self.inner.get(key).await? {
                    Some(now) if now.encoded() != kept.encoded() && self.is_same(key, &now, expected) => {
                        kept = now;
                    }
                    _ => break,
                }
            }
            Ok(false)
        })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        self.inner.delete(key)
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        self.inner.delete_many(keys)
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        self.inner.delete_match(pattern)
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.clear()
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        self.inner.scan(pattern)
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            if let Some(kept) = self.inner.get(key).await?
                && kept.encoded().is_none()
            {
                return self.inner.expire(key, expires).await;
            }
            self.replace(key, |entry| Ok(entry.until(expires))).await
        })
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(self.count(key, step))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        self.inner.begin_fill(key)
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        self.inner.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        self.inner.stamp(tags)
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        self.inner.generations(tags)
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        self.inner.delete_tags(tags)
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        if !self.envelope.is_signed() {
            return self.inner.update(key, change);
        }
        Box::pin(async move {
            let mut signed = Signed::new(change, &self.envelope, key);
            let done = self.inner.update(key, &mut signed).await;
            if let Some(why) = signed.refused() {
                self.tell(key, why);
            }
            done
        })
    }

    fn update_now(&self, key: KeyRef<'_>, change: &mut dyn Transition) -> bool {
        !self.envelope.is_signed() && self.inner.update_now(key, change)
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        self.inner.size_of(key)
    }

    fn raw<'a>(&'a self, command: &'a str, args: &'a [&'a [u8]]) -> BoxFuture<'a, Result<Reply>> {
        self.inner.raw(command, args)
    }

    fn flush_all(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.flush_all()
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        self.inner.ping(message)
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.inner.close()
    }
}
