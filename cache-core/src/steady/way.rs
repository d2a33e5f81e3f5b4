//! Who goes on while an invalidation is kept, who waits, and who is refused.

use std::time::Duration;

use super::Steady;
use super::kept::{Concern, Kept, Mark, Removal};
use crate::error::{Error, Result};
use crate::key::Key;

/// How long anybody waits for what somebody else has to have done first: a walk that is under way for so long is not
/// waited for at all.
const PATIENCE: Duration = Duration::from_millis(50);

impl Steady {
    /// Whether a removal that is kept concerns the key: then there is nothing under it.
    pub(super) fn concerns(&self, key: &Key) -> bool {
        self.status.keeps() && self.state().kept.concern(key.as_str()) != Concern::No
    }

    pub(super) fn concerns_tag_of(&self, stamps: &[crate::tag::Stamp]) -> bool {
        if stamps.is_empty() || !self.status.keeps() {
            return false;
        }
        let state = self.state();
        stamps.iter().any(|stamp| state.kept.concerns_tag(stamp.tag()))
    }

    /// Waits a little for the try that is under way or due, so that nothing begins that it would undo; an error where it
    /// fails, and where there is none.
    pub(super) async fn way(&self, is_in_it: impl Fn(&Kept) -> bool) -> Result<()> {
        let latest = self.now().after(PATIENCE);
        while self.status.keeps() {
            let ended = self.ended.notified();
            let (starts, waits, until) = {
                let (mut state, now) = (self.state(), self.now());
                if !is_in_it(&state.kept) {
                    break;
                }
                let starts = state.tender.take(now);
                // The task is about to wake.
                state.is_trying |= now >= state.retry.0;
                let until = state.walking.map_or(latest, |since| latest.min(since.after(PATIENCE)));
                (starts, state.is_trying && !state.breaker.is_down() && now < until, until)
            };
            self.tend(starts);
            if !waits {
                let why = "an invalidation of the same has still to reach it";
                return Err(self.refusal().unwrap_or_else(|| Error::unavailable(self.inner.name(), why)));
            }
            match self.clock.get() {
                Some(clock) => tokio::select! {
                    biased;
                    () = ended => {}
                    () = clock.sleep_until(until) => {}
                },
                None => ended.await,
            }
        }
        Ok(())
    }

    /// The same for one key.
    pub(super) async fn way_of(&self, key: &Key) -> Result<()> {
        self.way(|kept| kept.concern(key.as_str()) != Concern::No).await
    }

    /// The way to change what is stored under the key and keeps its tags: which they are is asked for, as long as the
    /// removal of any tag is kept.
    pub(super) async fn way_past_tags_of(&self, key: &Key) -> Result<()> {
        if !self.status.keeps() || !self.state().kept.has_tags() {
            return Ok(());
        }
        let Some(found) = self.watched(self.inner.get(key)).await? else { return Ok(()) };
        let stamps = found.stamps();
        self.way(|kept| stamps.iter().any(|stamp| kept.concerns_tag(stamp.tag()))).await
    }

    /// The way to store these keys plainly: then a removal of the key itself that is kept is in nobody's way.
    pub(super) async fn way_over(&self, keys: &[&Key]) -> Result<Storing<'_>> {
        let is_about = |kept: &Kept, least| keys.iter().any(|key| kept.concern(key.as_str()) == least);
        if self.way(|kept| is_about(kept, Concern::Key) || is_about(kept, Concern::Wide)).await.is_err() {
            self.way(|kept| is_about(kept, Concern::Wide)).await?;
        }
        let mut storing = Storing { steady: self, keys: Vec::new(), begun: Mark::default() };
        if self.status.keeps() {
            let mut state = self.state();
            storing.begun = state.kept.now();
            for key in keys.iter().filter(|key| state.kept.begin_store(key)) {
                storing.keys.push((*key).clone());
            }
        }
        Ok(storing)
    }

    /// A removal is done that was begun at this mark.
    pub(super) fn repaid(&self, removal: &Removal, begun: Mark) {
        let mut state = self.state();
        state.kept.done(removal, begun);
        state.repaid += 1;
        self.publish(&state);
    }
}

/// Stores that take the place of removals.
pub(super) struct Storing<'a> {
    steady: &'a Steady,
    keys: Vec<Key>,
    begun: Mark,
}

impl Storing<'_> {
    pub(super) fn done(mut self) {
        self.end(true);
    }

    fn end(&mut self, stored: bool) {
        let keys = std::mem::take(&mut self.keys);
        if keys.is_empty() {
            return;
        }
        let mut state = self.steady.state();
        keys.iter().for_each(|key| state.kept.end_store(key, self.begun, stored));
        self.steady.publish(&state);
    }
}

impl Drop for Storing<'_> {
    fn drop(&mut self) {
        self.end(false);
    }
}
