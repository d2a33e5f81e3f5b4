//! Counting: by the backend where the number lies there as it is, else by taking it out of its envelope and back.

use std::sync::Arc;

use super::{Sealed, TRIES};
use crate::backend::{Increment, SetIf, SetOptions};
use crate::clock::Time;
use crate::entry::{Entry, Kind, Payload};
use crate::error::{Error, Result};
use crate::key::Key;

impl Sealed {
    /// Whether a number goes to the backend as it is, so that it can count on from there. In an envelope it is signed,
    /// and keeps its tags and the times of a computed answer.
    pub(super) fn goes_plain(&self, entry: &Entry) -> bool {
        let meta = entry.meta();
        self.backend_counts()
            && entry.stamps().is_empty()
            && meta.kind == Kind::Value
            && (meta.version, meta.nonce) == (0, 0)
            && meta.cost.is_zero()
            && meta.fresh_until == meta.expires
    }

    fn backend_counts(&self) -> bool {
        self.inner.counts() && !self.envelope.is_signed()
    }

    pub(super) async fn count(&self, key: &Key, step: Increment) -> Result<i64> {
        if self.backend_counts() {
            match self.inner.increment(key, step).await {
                // Perhaps it is one, in its envelope.
                Err(Error::NotANumber) => {}
                counted => return counted,
            }
        }
        for _ in 0..TRIES {
            let kept = self.inner.get(key).await?;
            let now = self.moment().time;
            let entry = match kept.as_ref().map(|kept| self.open_whenever(key, kept)) {
                Some(Ok(entry)) if entry.expires() > now && self.stands(&entry).await? => Some(entry),
                Some(Err(why)) => {
                    self.tell(key, why);
                    None
                }
                _ => None,
            };
            let (sum, counted) = counted(entry.as_deref(), step, now)?;
            let counted = self.in_envelope(key, &counted)?;
            let done = match &kept {
                Some(kept) if entry.is_some() => self.inner.compare_and_set(key, kept, counted).await?,
                // What expired or does not open may be there still.
                Some(kept) => {
                    let options = SetOptions { only_if: SetIf::Absent, ..SetOptions::default() };
                    self.inner.compare_and_set(key, kept, Arc::clone(&counted)).await?
                        || self.inner.set(key, counted, options).await?
                }
                None => {
                    let options = SetOptions { only_if: SetIf::Absent, ..SetOptions::default() };
                    self.inner.set(key, counted, options).await?
                }
            };
            if done {
                return Ok(sum);
            }
        }
        Err(Error::backend(format_args!("`{key}` changed {TRIES} times while it was to be counted")))
    }

    fn in_envelope(&self, key: &Key, counted: &Entry) -> Result<Arc<Entry>> {
        match counted.downcast_ref::<i64>() {
            Some(number) => self.sealed(key, counted, &Payload::of_number(*number)),
            None => Err(Error::NotANumber),
        }
    }
}

/// The number after the step, and the entry that holds it.
fn counted(entry: Option<&Entry>, step: Increment, now: Time) -> Result<(i64, Arc<Entry>)> {
    let before = entry.filter(|entry| entry.kind() == Kind::Value);
    let number = match before {
        None => 0,
        Some(entry) => number_of(entry).ok_or(Error::NotANumber)?,
    };
    let sum = step.sum(number)?;
    let mut meta = step.times(before.map(Entry::meta), now);
    // Another store than the one before, also where it is the same number again.
    meta.nonce = 0;
    let stamps = before.map_or_else(Vec::new, |entry| entry.stamps().to_vec());
    Ok((sum, Entry::new(sum, meta).stamped(stamps)))
}

fn number_of(entry: &Entry) -> Option<i64> {
    entry.downcast_ref::<i64>().copied().or_else(|| entry.downcast_ref::<Payload>()?.number())
}
