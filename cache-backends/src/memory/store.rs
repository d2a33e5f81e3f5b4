//! The verbs: each changes the shelf under one stripe, lets go of it, then tells moka.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::{
    Clock, Entry, Error, Fill, Increment, Key, Pattern, RESERVED, Result, SetIf, SetOptions, SystemClock,
    Time,
};

use super::counter;
use super::guards::Guards;
use super::limits::Limits;
use super::residents::Residents;
use super::shelf::{STRIPES, Shelf};
use super::slot::Lent;
use super::tags::Tags;

/// How many entries a purge removes before it lets others at the stripe.
const PURGED_AT_ONCE: usize = 256;

pub(crate) struct Store {
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) residents: Residents,
    pub(crate) tags: Tags,
    pub(crate) guards: Guards,
    pub(crate) limits: Limits,
    /// Zero: nobody purges but who asks for it.
    pub(crate) check_interval: Duration,
    /// What was wrong with the bounds asked for.
    pub(crate) possible: Result<()>,
    /// Of the first cache that routes here.
    pub(crate) clock: OnceLock<Arc<dyn Clock>>,
}

/// Only such keys have states that are no entries.
fn is_reserved(key: &Key) -> bool {
    RESERVED.iter().any(|prefix| key.as_str().starts_with(prefix))
}

impl Store {
    pub(crate) fn new(limits: Limits, check_interval: Duration, possible: Result<()>) -> Self {
        Self::on(Shelf::new(), limits, check_interval, possible)
    }

    /// Of entries of another backend, bounded by their number. Nobody purges it by itself.
    #[cfg(feature = "redis")]
    pub(crate) fn of_copies(entries: u64) -> Self {
        Self::on(Shelf::of_copies(), Limits::new(Some(entries), None), Duration::ZERO, Ok(()))
    }

    fn on(shelf: Shelf, limits: Limits, check_interval: Duration, possible: Result<()>) -> Self {
        let shelf = Arc::new(shelf);
        let residents = Residents::new(&limits, &shelf);
        Self {
            shelf,
            residents,
            tags: Tags::new(),
            guards: Guards::new(),
            limits,
            check_interval,
            possible,
            clock: OnceLock::new(),
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.clock.get().map_or_else(|| SystemClock.now(), |clock| clock.now())
    }

    /// Shows the entry, expired or not, and again if it was replaced meanwhile: a reader must not take the
    /// passing of a value for its absence. Takes no lock and allocates nothing; the hits that moka is told of may
    /// run a share of its housekeeping.
    #[inline]
    pub(crate) fn look<R>(&self, key: Lent<'_>, mut show: impl FnMut(&Arc<Entry>) -> R) -> Option<R> {
        loop {
            let (shown, gone, tell) = self.shelf.read(key, |slot| {
                let shown = show(&slot.entry);
                (shown, slot.entry.is_dead(), slot.hit())
            })?;
            if tell {
                self.residents.touch(key);
            }
            if !gone {
                return Some(shown);
            }
        }
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Entry>> {
        loop {
            let entry = self.look(Lent(key.as_key()), Arc::clone)?;
            if entry.is_alive_at(self.now()) {
                return Some(entry);
            }
            if !entry.is_dead() {
                return None;
            }
        }
    }

    /// `false` if the options forbade it or the entry is heavier than everything that fits.
    pub(crate) fn set(&self, key: &Key, entry: &Arc<Entry>, options: SetOptions) -> bool {
        self.put(key, entry, options, |living| match options.only_if {
            SetIf::Always => true,
            SetIf::Absent => living().is_none(),
            SetIf::Present => living().is_some(),
        })
    }

    /// `false` if something else is there than `expected`.
    pub(crate) fn compare_and_set(&self, key: &Key, expected: &Entry, entry: &Arc<Entry>) -> bool {
        // Entries are shared and never changed: the same value is the same entry.
        self.put(key, entry, SetOptions::default(), |living| {
            living().is_some_and(|current| std::ptr::eq(&raw const *current, expected))
        })
    }

    /// Puts an entry in its place if that is `allowed`, asked while nobody else can change the key.
    #[cfg(feature = "redis")]
    pub(crate) fn put_if(&self, key: &Key, entry: &Arc<Entry>, allowed: impl FnOnce() -> bool) -> bool {
        self.put(key, entry, SetOptions::default(), |_| allowed())
    }

    fn put(
        &self,
        key: &Key,
        entry: &Arc<Entry>,
        options: SetOptions,
        allowed: impl FnOnce(&dyn Fn() -> Option<Arc<Entry>>) -> bool,
    ) -> bool {
        let now = self.now();
        let weight = self.limits.weigh(key, entry);
        let mut row = self.shelf.row(key);
        if !allowed(&|| row.living(key, now))
            || options.fill.is_some_and(|fill| !row.stripe.permits(key, fill))
        {
            return false;
        }
        if options.fill.is_none() || options.supersedes {
            // What somebody computes since before this write is older than it.
            row.stripe.drop_fill(key);
        }
        if let Some(weight) = weight {
            row.place(key, entry, weight);
            drop(row);
            self.residents.admit(key);
        } else {
            // The old value has been replaced all the same.
            let was_there = row.take(key, now).is_some();
            drop(row);
            if was_there {
                self.residents.settle(key);
            }
        }
        weight.is_some()
    }

    /// Whether a living entry went.
    pub(crate) fn delete(&self, key: &Key) -> bool {
        let now = self.now();
        let mut row = self.shelf.row(key);
        row.stripe.drop_fill(key);
        let taken = row.take(key, now);
        drop(row);
        if taken.is_some() {
            self.residents.settle(key);
        }
        let held = is_reserved(key) && self.guards.remove(key, now);
        held || taken.is_some_and(|living| living)
    }

    /// How many living entries went.
    pub(crate) fn delete_match(&self, pattern: &Pattern) -> u64 {
        if pattern.is_literal() {
            return self.delete(&Key::from(pattern.as_str())).into();
        }
        self.delete_where(|key| pattern.matches(key.as_str()))
    }

    pub(crate) fn clear(&self) {
        self.delete_where(|_| true);
    }

    /// First the rights to fill, then the entries: whatever was computed before is by then either on the shelf,
    /// where it is found, or refused. `delete` drops the right again, with the entry that was filled between.
    pub(crate) fn delete_where(&self, wanted: impl Fn(&Key) -> bool) -> u64 {
        for stripe in 0..STRIPES {
            self.shelf.row_at(stripe).stripe.drop_fills(&wanted);
        }
        let keys = self.shelf.keys(|key, _| wanted(key));
        let entries: u64 = keys.iter().map(|key| u64::from(self.delete(key))).sum();
        entries + self.guards.remove_where(self.now(), wanted)
    }

    pub(crate) fn scan(&self, pattern: &Pattern) -> Vec<Key> {
        let now = self.now();
        let matches = |key: &Key| pattern.matches(key.as_str());
        let mut keys = self.shelf.keys(|key, slot| matches(key) && slot.entry.is_alive_at(now));
        keys.extend(self.guards.keys(now, matches));
        keys
    }

    /// `false` if there is no living entry.
    pub(crate) fn expire(&self, key: &Key, expires: Time) -> bool {
        let now = self.now();
        let mut row = self.shelf.row(key);
        let Some(entry) = row.living(key, now) else { return false };
        if !entry.expire_at(now, expires) {
            return false;
        }
        let Some(weight) = self.limits.weigh(key, &entry) else { return false };
        // The same key and weight: nothing that moka must hear.
        row.place(key, &entry, weight);
        true
    }

    pub(crate) fn increment(&self, key: &Key, step: Increment) -> Result<i64> {
        let now = self.now();
        let mut row = self.shelf.row(key);
        let (entry, sum) = counter::step(row.living(key, now).as_deref(), step, now)?;
        let Some(weight) = self.limits.weigh(key, &entry) else {
            return Err(Error::backend("the key of a counter is longer than `max_bytes` allows"));
        };
        row.stripe.drop_fill(key);
        let news = row.place(key, &entry, weight);
        drop(row);
        if news {
            self.residents.admit(key);
        } else {
            self.look(Lent(key.as_key()), |_| ());
        }
        Ok(sum)
    }

    pub(crate) fn begin_fill(&self, key: &Key) -> Fill {
        self.shelf.row(key).stripe.join_fill(key)
    }

    pub(crate) fn end_fill(&self, key: &Key, fill: Fill) {
        self.shelf.row(key).stripe.leave_fill(key, fill);
    }

    /// Takes out what a stripe has expired; tells how many.
    pub(crate) fn purge(&self, stripe: usize, now: Time) -> usize {
        let mut purged = 0;
        self.guards.purge(stripe, STRIPES, now);
        loop {
            let gone = self.shelf.row_at(stripe).take_due(now, PURGED_AT_ONCE);
            gone.iter().for_each(|key| self.residents.settle(key));
            purged += gone.len();
            if gone.len() < PURGED_AT_ONCE {
                return purged;
            }
        }
    }
}
