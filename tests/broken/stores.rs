//! Defects of writing and removing.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use macadamia::{Backend, Entry, Fill, Key, Result, SetIf, SetOptions, Time};

use super::tools::{closed, give_way, until, with_bytes};
use super::{Defect, State, texts};

impl State {
    pub async fn set(&self, key: &Key, entry: Arc<Entry>, mut options: SetOptions) -> Result<bool> {
        if self.is_closed.load(Ordering::SeqCst) {
            return Err(closed());
        }
        let key = &texts::key(self.defect, key);
        let entry = self.changed(key, entry).await?;
        if options.fill.is_some_and(|fill| self.disregards(key, fill)) {
            options.fill = None;
        }
        match self.defect {
            Defect::IgnoresAbsent if options.only_if == SetIf::Absent => options.only_if = SetIf::Always,
            Defect::IgnoresPresent if options.only_if == SetIf::Present => options.only_if = SetIf::Always,
            Defect::NothingSupersedes => options.supersedes = false,
            Defect::FillIgnoresConditions if options.fill.is_some() => options.only_if = SetIf::Always,
            Defect::SetKeepsRights if options.fill.is_none() => self.rights.pardon(|other| other == key),
            Defect::ExpiredEntriesKeepOut
                if options.only_if == SetIf::Absent && self.stored.lock().unwrap().contains_key(key) =>
            {
                return Ok(false);
            }
            Defect::AddsInTwoSteps if options.only_if == SetIf::Absent => {
                if self.wire.get(key).await?.is_some() {
                    return Ok(false);
                }
                give_way();
                options.only_if = SetIf::Always;
            }
            Defect::OverwritesWithAGap => {
                self.wire.delete(key).await?;
                give_way();
            }
            Defect::WritesInTwoHalves => {
                let half = with_bytes(&entry, |bytes| bytes[..bytes.len() / 2].to_vec());
                self.wire.set(key, half, options).await?;
                give_way();
            }
            Defect::ChecksRightsTooEarly if options.fill.is_some() => {
                if !self.wire.set(key, Arc::clone(&entry), options).await? {
                    return Ok(false);
                }
                give_way();
                options.fill = None;
            }
            Defect::LargeValuesVanish if entry.encoded().is_some_and(|bytes| bytes.len() > 1_000_000) => {
                return Ok(true);
            }
            _ => {}
        }
        self.stored.lock().unwrap().insert(key.clone(), Arc::clone(&entry));
        self.wire.set(key, entry, options).await
    }

    /// The entry as the defective one keeps it.
    async fn changed(&self, key: &Key, entry: Arc<Entry>) -> Result<Arc<Entry>> {
        let (now, expires) = (self.now(), entry.expires());
        let lives = |life: Duration| until(&entry, now.after(life));
        let left = expires.since(now);
        Ok(match self.defect {
            Defect::DiesEarly if expires != Time::NEVER => {
                until(&entry, Time::from_nanos(expires.as_nanos() - 1))
            }
            Defect::WholeSecondsOnly if expires != Time::NEVER => lives(Duration::from_secs(left.as_secs())),
            Defect::MonthsAreDates if expires != Time::NEVER && left > Duration::from_secs(30 * 86_400) => {
                lives(Duration::ZERO)
            }
            Defect::ForeverIsAYear if expires == Time::NEVER => lives(Duration::from_secs(365 * 86_400)),
            Defect::KeepsTheOldEnd if expires == Time::NEVER => {
                let old = self.wire.get(key).await?;
                until(&entry, old.map_or(Time::NEVER, |old| old.expires()))
            }
            _ => entry,
        })
    }

    /// Whether a right counts as standing without being looked at.
    fn disregards(&self, key: &Key, fill: Fill) -> bool {
        self.has(Defect::AnyRightWillDo) || self.rights.is_pardoned(key, fill)
    }

    pub async fn set_many(&self, mut entries: Vec<(Key, Arc<Entry>)>) -> Result<()> {
        match self.defect {
            Defect::TheFirstOfEqualsWins => entries.reverse(),
            Defect::TheLastIsForgotten => drop(entries.pop()),
            Defect::StatesMakeRoom if self.many.fetch_add(entries.len(), Ordering::SeqCst) > 10_000 => {
                self.wire.delete(&"lock:k".into()).await?;
            }
            _ => {}
        }
        for (key, _) in &mut entries {
            *key = texts::key(self.defect, key);
        }
        self.wire.set_many(entries).await
    }

    pub async fn compare_and_set(&self, key: &Key, expected: &Entry, entry: Arc<Entry>) -> Result<bool> {
        let present = self.wire.get(key).await?;
        let goes = match self.defect {
            Defect::ReplacesWhateverIsThere => present.is_some(),
            Defect::ReplacesWhatIsGone => present.is_none(),
            Defect::ReplacesInTwoSteps => {
                give_way();
                present.is_some_and(|present| present.encoded() == expected.encoded())
            }
            _ => false,
        };
        if goes {
            return self.wire.set(key, entry, SetOptions::default()).await;
        }
        self.wire.compare_and_set(key, expected, entry).await
    }

    pub async fn delete(&self, key: &Key) -> Result<bool> {
        let key = &texts::key(self.defect, key);
        match self.defect {
            Defect::DeleteKeepsRights => self.rights.pardon(|other| other == key),
            Defect::DeletesInTwoSteps => {
                let is_there = self.wire.get(key).await?.is_some();
                give_way();
                self.wire.delete(key).await?;
                return Ok(is_there);
            }
            Defect::DeletesNothing => return Ok(self.wire.get(key).await?.is_some()),
            _ => {}
        }
        let was_stored = self.stored.lock().unwrap().remove(key).is_some();
        let went = self.wire.delete(key).await?;
        Ok(went || (was_stored && self.has(Defect::DeletesExpired)))
    }

    pub async fn expire(&self, key: &Key, expires: Time) -> Result<bool> {
        match self.defect {
            Defect::EndsOnlyComeNearer => match self.wire.get(key).await? {
                Some(entry) => self.wire.expire(key, expires.min(entry.expires())).await,
                None => Ok(false),
            },
            _ => self.wire.expire(key, expires).await,
        }
    }
}
