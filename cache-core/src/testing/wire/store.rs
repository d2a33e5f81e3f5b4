//! What the server at the other end keeps: plain tables, each verb a few lines, nothing clever.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::tracking::{Change, Tracking};
use crate::backend::{Fill, Increment, Step, Transition};
use crate::clock::{Moment, Time};
use crate::entry::{Encoded, Entry, Meta};
use crate::error::{Error, Result};
use crate::key::Key;

#[derive(Default)]
pub(super) struct Store {
    records: HashMap<Key, Record>,
    states: HashMap<Key, (Vec<u8>, Time)>,
    /// The nonce of each right to fill, and how many hold it.
    fills: HashMap<Key, (u64, usize)>,
    generations: HashMap<Key, u64>,
    /// Tags in the order their generations began, where there are no more than so many.
    oldest: VecDeque<Key>,
    most_generations: Option<usize>,
    /// Who is told of changes.
    pub(super) tracking: Tracking,
}

/// An entry as it lies there.
pub(super) struct Record {
    value: Value,
    expires: Time,
    stored: Time,
    /// To judge by which entries live.
    stamps: Vec<(Key, u64)>,
}

#[derive(Clone, PartialEq)]
enum Value {
    Bytes(Bytes),
    /// Counters are numbers to a server, and no codec knows them.
    Number(i64),
}

impl Record {
    fn of(entry: &Entry) -> Result<Self> {
        let value = Value::of(entry).ok_or_else(|| Error::backend("only bytes go over the wire"))?;
        let stamps = entry.stamps().iter().map(|stamp| (stamp.tag().clone(), stamp.nonce())).collect();
        Ok(Self { value, expires: entry.expires(), stored: entry.meta().stored, stamps })
    }

    fn to_entry(&self) -> Arc<Entry> {
        let meta = Meta::new(self.stored, self.expires);
        match &self.value {
            Value::Bytes(bytes) => Entry::new(Encoded(bytes.clone()), meta),
            Value::Number(number) => Entry::new(*number, meta),
        }
    }

    /// Whether it is what `get` gave. No two envelopes are equal; an equal number that was counted again since is
    /// another.
    pub(super) fn is(&self, entry: &Entry) -> bool {
        let is_store = |value: &Value| matches!(value, Value::Bytes(_)) || entry.meta().stored == self.stored;
        Value::of(entry).is_some_and(|value| value == self.value && is_store(&value))
    }

    pub(super) fn value_len(&self) -> usize {
        match &self.value {
            Value::Bytes(bytes) => bytes.len(),
            Value::Number(_) => size_of::<i64>(),
        }
    }
}

impl Value {
    fn of(entry: &Entry) -> Option<Self> {
        let bytes = entry.encoded().map(|bytes| Self::Bytes(bytes.clone()));
        bytes.or_else(|| entry.downcast_ref().copied().map(Self::Number))
    }
}

impl Store {
    /// What is not expired; whether its tags still stand is for the cache to ask.
    pub(super) fn get(&self, key: &Key, now: Time) -> Option<Arc<Entry>> {
        self.records.get(key).filter(|record| record.expires > now).map(Record::to_entry)
    }

    /// What is neither expired nor of a deleted tag.
    pub(super) fn living(&self, key: &Key, now: Time) -> Option<&Record> {
        let stands = |(tag, nonce): &(Key, u64)| self.generations.get(tag) == Some(nonce);
        self.records.get(key).filter(|record| record.expires > now && record.stamps.iter().all(stands))
    }

    pub(super) fn put(&mut self, key: &Key, entry: &Entry) -> Result<()> {
        self.records.insert(key.clone(), Record::of(entry)?);
        self.tracking.tell(&Change::Key(key.clone()));
        Ok(())
    }

    /// Puts an entry in the place of this one.
    pub(super) fn replace(&mut self, key: &Key, expected: &Entry, entry: &Entry, now: Time) -> Result<bool> {
        let is_there = self.living(key, now).is_some_and(|record| record.is(expected));
        if is_there {
            self.put(key, entry)?;
        }
        Ok(is_there)
    }

    /// Whether a living entry or a state is there.
    pub(super) fn is_there(&self, key: &Key, now: Time) -> bool {
        self.living(key, now).is_some() || self.states.get(key).is_some_and(|(_, until)| *until > now)
    }

    pub(super) fn bytes(&self, key: &Key) -> Option<Bytes> {
        match &self.records.get(key)?.value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            Value::Number(number) => Some(number.to_string().into()),
        }
    }

    pub(super) fn plant(&mut self, key: &Key, bytes: Bytes, now: Time) {
        let record =
            Record { value: Value::Bytes(bytes), expires: Time::NEVER, stored: now, stamps: Vec::new() };
        self.records.insert(key.clone(), record);
        self.tracking.tell(&Change::Key(key.clone()));
    }

    pub(super) fn state(&self, key: &Key) -> Option<Vec<u8>> {
        self.states.get(key).map(|(state, _)| state.clone())
    }

    pub(super) fn plant_state(&mut self, key: &Key, state: Vec<u8>, until: Time) {
        self.states.insert(key.clone(), (state, until));
    }

    /// Removes all that is kept under the key.
    pub(super) fn delete(&mut self, key: &Key, now: Time) -> bool {
        let was_there = self.is_there(key, now);
        self.drop_fill(key);
        self.records.remove(key);
        self.states.remove(key);
        self.tracking.tell(&Change::Key(key.clone()));
        was_there
    }

    pub(super) fn clear(&mut self) {
        self.tracking.tell_all();
        *self = Self { most_generations: self.most_generations, ..Self::default() };
    }

    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    pub(super) fn keys(&self, wanted: impl Fn(&Key) -> bool) -> Vec<Key> {
        let states = self.states.keys().filter(|key| !self.records.contains_key(*key));
        self.records.keys().chain(states).filter(|key| wanted(key)).cloned().collect()
    }

    pub(super) fn expire(&mut self, key: &Key, expires: Time, now: Time) -> bool {
        let lives = self.living(key, now).is_some();
        if let Some(record) = self.records.get_mut(key).filter(|_| lives) {
            record.expires = expires;
            self.tracking.tell(&Change::Key(key.clone()));
        }
        lives
    }

    pub(super) fn increment(&mut self, key: &Key, step: Increment, now: Time) -> Result<i64> {
        let before = self.living(key, now);
        let number = match before.map(|record| &record.value) {
            None => 0,
            Some(Value::Number(number)) => *number,
            Some(Value::Bytes(_)) => return Err(Error::NotANumber),
        };
        let sum = step.sum(number)?;
        let expires = step.times(before.map(|record| Meta::new(record.stored, record.expires)), now).expires;
        self.drop_fill(key);
        let record = Record { value: Value::Number(sum), expires, stored: now, stamps: Vec::new() };
        self.records.insert(key.clone(), record);
        self.tracking.tell(&Change::Key(key.clone()));
        Ok(sum)
    }

    pub(super) fn update(&mut self, key: &Key, change: &mut dyn Transition, now: Moment) {
        let state = self.states.get(key).filter(|(_, until)| *until > now.time);
        match change.step(state.map(|(state, _)| state.as_slice()), Time::from_nanos(now.wall)) {
            Step::Keep => {}
            Step::Put(state, until) => {
                let until = now.time_of(until.as_nanos());
                self.states.insert(key.clone(), (state, until));
            }
            Step::Remove => drop(self.states.remove(key)),
        }
    }

    pub(super) fn join_fill(&mut self, key: &Key) -> Fill {
        let (nonce, holders) = self.fills.entry(key.clone()).or_insert_with(|| (fastrand::u64(..), 0));
        *holders += 1;
        Fill(*nonce)
    }

    pub(super) fn leave_fill(&mut self, key: &Key, fill: Fill) {
        let Some((_, holders)) = self.fills.get_mut(key).filter(|(nonce, _)| *nonce == fill.0) else {
            return;
        };
        *holders -= 1;
        if *holders == 0 {
            self.fills.remove(key);
        }
    }

    pub(super) fn permits(&self, key: &Key, fill: Fill) -> bool {
        self.fills.get(key).is_some_and(|(nonce, _)| *nonce == fill.0)
    }

    pub(super) fn drop_fill(&mut self, key: &Key) {
        self.fills.remove(key);
    }

    pub(super) fn drop_fills(&mut self, wanted: impl Fn(&Key) -> bool) {
        self.fills.retain(|key, _| !wanted(key));
    }

    pub(super) const fn bound_generations(&mut self, most: usize) {
        self.most_generations = Some(most);
    }

    pub(super) fn begin_generation(&mut self, tag: &Key) -> u64 {
        if let Some(nonce) = self.generations.get(tag) {
            return *nonce;
        }
        let nonce = fastrand::u64(..);
        self.generations.insert(tag.clone(), nonce);
        if let Some(most) = self.most_generations {
            self.oldest.push_back(tag.clone());
            while self.oldest.len() > most {
                if let Some(tag) = self.oldest.pop_front() {
                    self.generations.remove(&tag);
                    self.tracking.tell(&Change::Tag(tag));
                }
            }
        }
        nonce
    }

    pub(super) fn generation(&self, tag: &Key) -> Option<u64> {
        self.generations.get(tag).copied()
    }

    pub(super) fn end_generation(&mut self, tag: &Key) {
        self.generations.remove(tag);
        self.oldest.retain(|other| other != tag);
        self.tracking.tell(&Change::Tag(tag.clone()));
    }
}
