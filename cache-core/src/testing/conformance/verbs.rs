//! The verbs of a backend as the checks speak them.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Answer, Bench};
use crate::backend::{Fill, Increment, SetIf, SetOptions};
use crate::clock::Time;
use crate::codec::Bincode;
use crate::coder::Coding;
use crate::entry::{Entry, Meta, Payload};
use crate::error::Error;
use crate::key::Key;
use crate::pattern::Pattern;

impl Bench {
    pub(super) async fn get(&self, key: &str) -> Option<String> {
        self.living(key).await.map(|entry| read(&entry))
    }

    pub(super) async fn get_many(&self, keys: &[&str]) -> Vec<Option<String>> {
        let entries = self.backend.get_many(&keyed(keys)).await.of("get_many");
        entries
            .into_iter()
            .map(|entry| entry.filter(|entry| entry.is_alive_at(self.now())).map(|entry| read(&entry)))
            .collect()
    }

    /// Stores a value for ever.
    pub(super) async fn set(&self, key: &str, value: &str) {
        self.set_for(key, value, None).await;
    }

    pub(super) async fn set_for(&self, key: &str, value: &str, life: Option<Duration>) {
        let stored = self.store(key, value, life, SetOptions::default()).await;
        assert!(stored, "`set` without conditions said it has not stored {key:?}");
    }

    pub(super) async fn store(
        &self,
        key: &str,
        value: &str,
        life: Option<Duration>,
        options: SetOptions,
    ) -> bool {
        self.backend.set(&key.into(), self.entry_for(value, life), options).await.of("set")
    }

    pub(super) async fn set_many(&self, entries: &[(&str, &str)]) {
        let entries = entries.iter().map(|(key, value)| (Key::from(*key), self.entry(value))).collect();
        self.backend.set_many(entries).await.of("set_many");
    }

    pub(super) async fn delete(&self, key: &str) -> bool {
        self.backend.delete(&key.into()).await.of("delete")
    }

    pub(super) async fn delete_match(&self, pattern: &str) -> u64 {
        self.backend.delete_match(&Pattern::new(pattern)).await.of("delete_match")
    }

    pub(super) async fn clear(&self) {
        self.backend.clear().await.of("clear");
    }

    /// In the order of text.
    pub(super) async fn scan(&self, pattern: &str) -> Vec<String> {
        let found = self.backend.scan(&Pattern::new(pattern)).await.of("scan");
        let mut found: Vec<_> = found.iter().map(Key::to_string).collect();
        found.sort_unstable();
        found
    }

    pub(super) async fn expire(&self, key: &str, life: Option<Duration>) -> bool {
        let expires = life.map_or(Time::NEVER, |life| self.now().after(life));
        self.backend.expire(&key.into(), expires).await.of("expire")
    }

    pub(super) async fn count(&self, key: &str, by: i64, life: Option<Duration>) -> i64 {
        self.backend.increment(&key.into(), Increment::new(by, life)).await.of("increment")
    }

    /// Stores a number, as one that is counted on.
    pub(super) async fn set_number(&self, key: &str, number: i64, life: Option<Duration>) {
        let now = self.now();
        let entry = Entry::new(number, Meta::new(now, life.map_or(Time::NEVER, |life| now.after(life))));
        assert!(self.backend.set(&key.into(), entry, SetOptions::default()).await.of("set"));
    }

    /// The number under the key.
    pub(super) async fn number(&self, key: &str) -> Option<i64> {
        let entry = self.living(key).await?;
        let encoded = Coding::of::<i64>().decode(Arc::clone(&entry), &Bincode).ok();
        let number = encoded.as_ref().and_then(|entry| entry.downcast_ref().copied());
        assert!(number.is_some(), "what `get` shows of the counter {key:?} is no `i64`");
        number
    }

    pub(super) async fn fill(&self, key: &str) -> Fill {
        let fill = self.backend.begin_fill(&key.into()).await.of("begin_fill");
        fill.unwrap_or_else(|| panic!("`begin_fill` gave no right; say `without = [fills]` if it is so"))
    }

    /// Stores by a right.
    pub(super) async fn store_filling(&self, key: &str, value: &str, fill: Fill) -> bool {
        let options = SetOptions { fill: Some(fill), ..SetOptions::default() };
        self.store(key, value, None, options).await
    }

    /// Stores on a condition.
    pub(super) async fn store_if(&self, key: &str, value: &str, only_if: SetIf) -> bool {
        self.store(key, value, None, SetOptions { only_if, ..SetOptions::default() }).await
    }
}

/// The value as text.
#[track_caller]
pub(super) fn read(entry: &Entry) -> String {
    if let Some(why) = entry.damage() {
        panic!("`get` shows other bytes than were stored: {why}");
    }
    if let Some(value) = entry.downcast_ref::<String>() {
        return value.clone();
    }
    let payload = entry.downcast_ref::<Payload>().map(|payload| entry.with_value(payload.clone()));
    let decoded = payload.map_or_else(
        || Err(Error::backend("it is neither bytes nor text")),
        |entry| Coding::of::<String>().decode(entry, &Bincode),
    );
    let decoded = decoded.unwrap_or_else(|error| panic!("`get` shows what was not stored: {error}"));
    decoded.downcast_ref::<String>().cloned().unwrap_or_default()
}

pub(super) fn keyed(keys: &[&str]) -> Vec<Key> {
    keys.iter().map(|key| Key::from(*key)).collect()
}
