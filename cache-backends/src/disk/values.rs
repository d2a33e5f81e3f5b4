//! The verbs of entries.

use std::sync::Arc;

use cache_core::{Entry, Error, Fill, Increment, Key, Result, SetIf, SetOptions, Time};

use super::desk::{Desk, NEVER};
use super::fault::Fault;
use super::fills::Rights;
use super::rows::{Value, size};
use super::stamps;

impl Desk<'_> {
    pub(super) fn set(&self, key: &Key, entry: &Entry, options: SetOptions) -> Result<bool, Fault> {
        let (text, value) = (key.as_str().as_bytes(), Value::of(entry)?);
        let is_wanted = match options.only_if {
            SetIf::Always => true,
            SetIf::Absent => self.living(text)?.is_none(),
            SetIf::Present => self.living(text)?.is_some(),
        };
        if !is_wanted || !options.fill.map_or(Ok(true), |Fill(nonce)| self.permits(text, nonce))? {
            return Ok(false);
        }
        let stamps = stamps::write(entry.stamps());
        let is_conditional = options.only_if != SetIf::Always || options.fill.is_some();
        let is_refused = is_conditional && !self.fits(size(text, &value, stamps.as_deref()));
        // What was begun before a request to recompute is older, whether or not there is room for what was computed.
        if options.supersedes || (options.fill.is_none() && !is_refused) {
            self.drop_fill(text)?;
        }
        // `false` is that nothing has changed.
        Ok(!is_refused && self.put(text, &value, self.kept(entry.expires()), stamps.as_deref())?)
    }

    pub(super) fn set_many(&self, entries: &[(Key, Arc<Entry>)]) -> Result<(), Fault> {
        for (_, entry) in entries {
            // Before anything is written: a refusal leaves the transaction as it was.
            Value::of(entry)?;
        }
        entries.iter().try_for_each(|(key, entry)| self.set(key, entry, SetOptions::default()).map(drop))
    }

    pub(super) fn compare_and_set(
        &self,
        key: &Key,
        expected: &Entry,
        entry: &Entry,
        rights: Rights,
    ) -> Result<bool, Fault> {
        let text = key.as_str().as_bytes();
        let nonce = expected.meta().nonce.cast_signed();
        let (expected, value) = (Value::of(expected)?, Value::of(entry)?);
        let Some(row) = self.living(text)? else { return Ok(false) };
        let is_same = match (expected, row.number, row.body) {
            // An equal number that was stored since is another.
            (Value::Number(expected), Some(number), _) => expected == number && row.nonce == Some(nonce),
            (Value::Bytes(expected), None, Some(id)) => self.body(id)?.is_some_and(|bytes| bytes == expected),
            _ => false,
        };
        let stamps = stamps::write(entry.stamps());
        if !is_same || !self.fits(size(text, &value, stamps.as_deref())) {
            return Ok(false);
        }
        if rights == Rights::End {
            self.drop_fill(text)?;
        }
        self.put(text, &value, self.kept(entry.expires()), stamps.as_deref())
    }

    /// Removes all that is kept under the key; tells whether an entry or a state lived there.
    pub(super) fn delete(&self, key: &[u8]) -> Result<bool, Fault> {
        let has_state = self.has_state(key)?;
        self.drop_fill(key)?;
        self.drop_state(key)?;
        let row = self.remove(key)?;
        // It is gone in any case, also where nobody can tell whether its tags stood.
        let lived = row.is_some_and(|row| self.lives(&row).unwrap_or(true));
        Ok(has_state | lived)
    }

    pub(super) fn clear(&self) -> Result<(), Fault> {
        for table in ["entries", "bodies", "states", "fills", "tags"] {
            self.run(&format!("DELETE FROM {table}"), [])?;
        }
        self.grow(-self.bytes());
        Ok(())
    }

    /// The tags of the entry whose expiry was moved; `None` if there is none.
    pub(super) fn expire(&self, key: &[u8], expires: Time) -> Result<Option<Vec<u8>>, Fault> {
        let expires = self.kept(expires);
        let Some(row) = self.living(key)? else { return Ok(None) };
        self.run("UPDATE entries SET expires = ?2 WHERE key = ?1", (key, expires))?;
        let stamps = row.stamps.unwrap_or_default();
        if self.has_tags() {
            self.prolong(&stamps, expires)?;
        }
        Ok(Some(stamps))
    }

    pub(super) fn increment(&self, key: &[u8], step: Increment) -> Result<i64, Fault> {
        let before = self.living(key)?;
        let number = match &before {
            None => 0,
            Some(row) => row.number.ok_or(Error::NotANumber)?,
        };
        let sum = step.sum(number)?;
        let mut expires = before.as_ref().map_or(NEVER, |row| row.expires);
        if let (NEVER, Some(ttl)) = (expires, step.ttl) {
            expires = self.kept(self.shared.clock().now().after(ttl));
        }
        let (value, stamps) = (Value::Number(sum), before.and_then(|row| row.stamps));
        if !self.fits(size(key, &value, stamps.as_deref())) {
            return Err(Error::backend("the key of a counter is longer than `size_limit` allows").into());
        }
        self.drop_fill(key)?;
        self.put(key, &value, expires, stamps.as_deref())?;
        Ok(sum)
    }

    pub(super) fn size_of(&self, key: &[u8]) -> Result<Option<u64>, Fault> {
        Ok(self.living(key)?.and_then(|row| row.size.try_into().ok()))
    }
}
