//! When a value that is there is computed anew all the same. Pure: of the entry, the time, and a draw.

use std::time::Duration;

use crate::backend::Form;
use crate::cache::Cache;
use crate::clock::Time;
use crate::entry::{Entry, Meta};
use crate::ttl::Ttl;

/// What a value strategy makes of a value that is there.
#[derive(Debug, Clone, Copy)]
pub enum Policy {
    /// `cached`: it answers until it expires.
    Keep,
    /// `early`: from a time on it answers while it is computed anew.
    Early {
        /// XFetch: by chance before that time, the likelier the nearer it is and the longer computing takes.
        beta: Option<f64>,
        /// In a task of its own.
        background: bool,
    },
    /// `soft`: from a time on it answers only if computing anew fails.
    Soft,
    /// `hit`: it answers so many calls.
    Hit {
        /// So many.
        limit: u32,
        /// From this one on it answers while it is computed anew.
        refresh_from: u32,
        /// In a task of its own.
        background: bool,
    },
}

/// What becomes of a call that finds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// It is the answer.
    Fresh,
    /// It is the answer, and somebody computes it anew.
    Soon,
    /// It is computed anew, and is the answer if that fails.
    Now,
}

/// What the first look made of an entry: it is counted and judged once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    identity: u64,
    /// How many calls it has answered with this one, where hits count.
    pub(crate) hits: u32,
}

impl Seen {
    const fn new(entry: &Entry, hits: u32) -> Self {
        Self { identity: entry.identity(), hits }
    }

    /// Whether it was this one.
    pub(crate) fn is(&self, entry: &Entry) -> bool {
        self.identity == entry.identity()
    }
}

impl Policy {
    /// `early` by time, beside the call.
    pub const EARLY: Self = Self::Early { beta: None, background: true };

    /// `hit` with this many.
    pub const fn hit(limit: u32) -> Self {
        Self::Hit { limit, refresh_from: u32::MAX, background: true }
    }

    /// `update_before = …`: computed anew when so many hits are left.
    #[must_use]
    pub const fn before(self, left: u32) -> Self {
        match self {
            Self::Hit { limit, .. } => self.after(limit.saturating_sub(left)),
            other => other,
        }
    }

    /// `update_after = …`: computed anew at this hit.
    #[must_use]
    pub const fn after(self, hits: u32) -> Self {
        match self {
            Self::Hit { limit, background, .. } => Self::Hit { limit, refresh_from: hits, background },
            other => other,
        }
    }

    /// `beta = …`: by chance.
    #[must_use]
    pub const fn by_chance(self, by: f64) -> Self {
        match self {
            Self::Early { background, .. } => Self::Early { beta: Some(by), background },
            other => other,
        }
    }

    /// `background = false`: by the caller who is there first.
    #[must_use]
    pub const fn in_foreground(self) -> Self {
        match self {
            Self::Early { beta, .. } => Self::Early { beta, background: false },
            Self::Hit { limit, refresh_from, .. } => Self::Hit { limit, refresh_from, background: false },
            other => other,
        }
    }

    /// How detection names it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Keep => "cached",
            Self::Early { .. } => "early",
            Self::Soft => "soft",
            Self::Hit { .. } => "hit",
        }
    }

    /// Whether a value that is there may be computed anew.
    pub(crate) const fn refreshes(self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Whether chance decides: then it has decided at the first look.
    pub(crate) const fn is_by_chance(self) -> bool {
        matches!(self, Self::Early { beta: Some(_), .. })
    }

    /// Whether hits are counted.
    pub(crate) const fn counts_hits(self) -> bool {
        matches!(self, Self::Hit { .. })
    }

    /// Whether an entry of this process may answer. Hits of a server's entry are counted there, whoever has it near.
    #[inline]
    pub(crate) const fn looks_at(self, form: Form) -> bool {
        !self.counts_hits() || matches!(form, Form::Objects)
    }

    /// Whether that is done beside the call, where there is a runtime to do it on.
    pub(crate) const fn is_background(self) -> bool {
        matches!(self, Self::Early { background: true, .. } | Self::Hit { background: true, .. })
    }

    /// What becomes of a call that finds this entry; `hits` is its count where hits count.
    pub(crate) fn due(self, entry: &Entry, now: impl Fn() -> Time, hits: u32) -> Due {
        let meta = entry.times();
        match self {
            Self::Keep => Due::Fresh,
            Self::Early { beta, .. } => {
                let due = match beta {
                    Some(beta) => is_due_by_chance(meta, now(), beta, fastrand::f64),
                    None => now() >= meta.fresh_until,
                };
                if due { Due::Soon } else { Due::Fresh }
            }
            Self::Soft => {
                if now() >= meta.fresh_until {
                    Due::Now
                } else {
                    Due::Fresh
                }
            }
            Self::Hit { limit, refresh_from, .. } => match hits {
                hits if hits > limit => Due::Now,
                hits if hits >= refresh_from => Due::Soon,
                _ => Due::Fresh,
            },
        }
    }

    /// The first look at an entry of this process: whether it is the answer. Counts the hit where hits count.
    #[inline]
    pub(crate) fn is_fresh(self, cache: &Cache, entry: &Entry, seen: &mut Option<Seen>) -> bool {
        match self {
            Self::Keep => true,
            Self::Early { beta: None, .. } | Self::Soft => cache.is_fresh(entry),
            Self::Early { .. } => {
                *seen = Some(Seen::new(entry, 0));
                self.due(entry, || cache.now(), 0) == Due::Fresh
            }
            Self::Hit { .. } => {
                let count = entry.count_hit();
                *seen = Some(Seen::new(entry, count));
                self.due(entry, || cache.now(), count) == Due::Fresh
            }
        }
    }

    /// Puts on a value's entry what decides later: until when it is fresh, or which entry it is.
    pub(crate) fn mark(self, meta: &mut Meta, ttl: Ttl, fresh: Fresh) {
        match self {
            Self::Keep => {}
            Self::Early { .. } | Self::Soft => {
                let fresh = match fresh {
                    Fresh::Whole => None,
                    Fresh::Third => ttl.duration().map(|ttl| ttl / 3),
                    Fresh::For(fresh) => fresh.duration(),
                };
                meta.fresh_until =
                    fresh.map_or(meta.expires, |fresh| meta.stored.after(fresh).min(meta.expires));
            }
            Self::Hit { .. } => meta.nonce = fastrand::u64(..) | 1,
        }
    }
}

/// How long a value is fresh.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fresh {
    /// As long as it lives.
    Whole,
    /// A third of that.
    Third,
    /// So long.
    For(Ttl),
}

/// XFetch: whether this call is the one to begin early. With independent draws, computing begins `cost * beta` before
/// the end on average, and the more callers there are the surer one of them is that far ahead.
fn is_due_by_chance(meta: &Meta, now: Time, beta: f64, draw: impl FnOnce() -> f64) -> bool {
    if now >= meta.fresh_until {
        return true;
    }
    let (left, scale) = (meta.fresh_until.since(now).as_secs_f64(), meta.cost.as_secs_f64() * beta);
    // A draw has 53 bits, so its logarithm stays above -37: mostly nothing has to be drawn.
    left <= scale * 37.0 && left <= scale * -(1.0 - draw()).ln()
}

/// How long a present value is left alone after computing it anew has failed so many times in a row.
pub(crate) fn pause_after(failures: u32) -> Duration {
    const LONGEST: Duration = Duration::from_secs(60);
    Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn secs(secs: u64) -> Duration {
        Duration::from_secs(secs)
    }

    fn entry(policy: Policy, fresh: Fresh) -> std::sync::Arc<Entry> {
        let ttl = Ttl::from_millis(90_000);
        let mut meta = Meta::new(Time::ORIGIN, ttl.expiry(Time::ORIGIN));
        meta.cost = secs(2);
        policy.mark(&mut meta, ttl, fresh);
        Entry::new(7, meta)
    }

    fn at(seconds: u64) -> Time {
        Time::ORIGIN.after(secs(seconds))
    }

    #[test]
    fn a_value_is_fresh_for_a_third_of_its_ttl_or_as_long_as_it_says() {
        let early = Policy::Early { beta: None, background: true };
        for (policy, due) in [(early, Due::Soon), (Policy::Soft, Due::Now)] {
            for (fresh, end) in [(Fresh::Third, 30), (Fresh::For(Ttl::from_millis(80_000)), 80)] {
                let entry = entry(policy, fresh);
                assert_eq!(policy.due(&entry, || at(end - 1), 0), Due::Fresh);
                assert_eq!(policy.due(&entry, || at(end), 0), due);
            }
        }
        assert_eq!(Policy::Keep.due(&entry(Policy::Keep, Fresh::Third), || at(89), 0), Due::Fresh);
    }

    #[test]
    fn a_value_cannot_be_fresh_for_longer_than_it_lives() {
        let longer = entry(Policy::Soft, Fresh::For(Ttl::FOREVER));
        assert_eq!(longer.meta().fresh_until, longer.expires());
        let longer = entry(Policy::Soft, Fresh::For(Ttl::from_millis(100_000)));
        assert_eq!(longer.meta().fresh_until, longer.expires());
    }

    #[test]
    fn so_many_hits_and_the_last_of_them_are_a_sign() {
        let hit = Policy::Hit { limit: 5, refresh_from: 4, background: true };
        let entry = entry(hit, Fresh::Whole);
        let due: Vec<_> = (1..=7).map(|hits| hit.due(&entry, || at(0), hits)).collect();
        let (fresh, soon, now) = (Due::Fresh, Due::Soon, Due::Now);
        assert_eq!(due, [fresh, fresh, fresh, soon, soon, now, now]);
    }

    #[test]
    fn hits_are_counted_entry_by_entry() {
        let hit = Policy::Hit { limit: 5, refresh_from: u32::MAX, background: true };
        let (one, other) = (entry(hit, Fresh::Whole), entry(hit, Fresh::Whole));
        assert_ne!(one.identity(), other.identity());
        assert_eq!([one.count_hit(), one.count_hit(), other.count_hit()], [1, 2, 1]);
    }

    /// `exp(-left / (cost * beta))` is what the paper says.
    #[test]
    fn chance_grows_towards_the_end_as_the_exponential_says() {
        let seed = 20_261_121;
        let mut random = fastrand::Rng::with_seed(seed);
        for (beta, left) in [(1.0, 1), (1.0, 2), (1.0, 6), (2.5, 5), (0.5, 1), (4.0, 20)] {
            let mut meta = Meta::new(at(0), at(100));
            meta.cost = secs(2);
            let now = at(100 - left);
            let draws = 200_000;
            let due = (0..draws).filter(|_| is_due_by_chance(&meta, now, beta, || random.f64())).count();
            #[expect(clippy::cast_precision_loss, reason = "small numbers")]
            let (share, left) = (due as f64 / f64::from(draws), left as f64);
            let expected = (-left / (2.0 * beta)).exp();
            assert!(
                (share - expected).abs() < 0.005,
                "beta {beta}, {left} s left: {share} instead of {expected}"
            );
        }
    }

    #[test]
    fn chance_is_sure_at_the_end_and_none_for_what_costs_nothing() {
        let mut meta = Meta::new(at(0), at(100));
        assert!(is_due_by_chance(&meta, at(100), 1.0, || 0.0));
        assert!(!is_due_by_chance(&meta, at(99), 1.0, || 0.999_999));
        meta.cost = secs(1);
        assert!(
            !is_due_by_chance(&meta, at(40), 1.0, || 1.0 - f64::EPSILON / 2.0),
            "a minute ahead for a second"
        );
    }

    #[test]
    fn pauses_double_from_a_second_to_a_minute() {
        let pauses: Vec<_> = (1..=9).map(|failures| pause_after(failures).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
        assert_eq!(pause_after(u32::MAX), secs(60));
    }
}
