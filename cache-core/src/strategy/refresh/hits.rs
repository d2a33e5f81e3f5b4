//! Counting hits where entries are bytes: the count is a state of its own, and belongs to one entry.

use std::time::Duration;

use crate::backend::{Step, Transition};
use crate::clock::Time;

/// A count that nobody adds to is forgotten after this time, so that counts do not outlive entries that have made room.
/// What was counted from its beginning is computed anew then.
const REST: Duration = Duration::from_secs(86_400);

/// One hit, or the beginning of a count.
#[derive(Debug)]
pub(super) struct Count {
    /// The entry.
    nonce: u64,
    /// Whether counts of it were begun when it was stored: then one of another entry says that it is replaced.
    is_begun: bool,
    /// How long the entry lives yet, and the count with it.
    left: Duration,
    told: u32,
    word: Word,
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Begin,
    Hit,
}

impl Count {
    pub(super) const fn hit(nonce: u64, is_begun: bool, left: Duration) -> Self {
        Self { nonce, is_begun, left, told: 1, word: Word::Hit }
    }

    /// For an entry about to be stored. From here on what is counted of the one before is beyond every limit.
    pub(super) const fn begin(nonce: u64, left: Duration) -> Self {
        Self { nonce, is_begun: true, left, told: 0, word: Word::Begin }
    }

    /// How many there were with this one.
    pub(super) const fn told(&self) -> u32 {
        self.told
    }
}

impl Transition for Count {
    fn name(&self) -> &'static str {
        "hits"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.told = match (self.word, state.and_then(read)) {
            (Word::Begin, _) => 0,
            (Word::Hit, Some((nonce, count))) if nonce == self.nonce => count.saturating_add(1),
            // Of another entry, or lost.
            (Word::Hit, _) if self.is_begun => {
                self.told = u32::MAX;
                return Step::Keep;
            }
            (Word::Hit, _) => 1,
        };
        let state = [&self.nonce.to_le_bytes()[..], &self.told.to_le_bytes()].concat();
        Step::Put(state, now.after(self.left.min(REST)))
    }
}

fn read(bytes: &[u8]) -> Option<(u64, u32)> {
    let (nonce, count) = bytes.split_first_chunk()?;
    Some((u64::from_le_bytes(*nonce), u32::from_le_bytes(count.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_goes_on_for_its_entry_and_begins_anew_for_one_set_by_hand() {
        let mut state: Option<Vec<u8>> = None;
        let mut hit = |nonce| {
            let mut count = Count::hit(nonce, false, Duration::MAX);
            if let Step::Put(put, _) = count.step(state.as_deref(), Time::ORIGIN) {
                state = Some(put);
            }
            count.told()
        };
        assert_eq!([hit(1), hit(1), hit(2), hit(2), hit(2), hit(1)], [1, 2, 1, 2, 3, 1]);
        for lost in [None, Some(b"rubbish".to_vec())] {
            let mut count = Count::hit(1, true, Duration::MAX);
            count.step(lost.as_deref(), Time::ORIGIN);
            assert_eq!(count.told(), u32::MAX, "a count that was lost began anew");
        }
    }

    #[test]
    fn hits_of_an_entry_that_is_being_replaced_are_beyond_every_limit_and_count_for_nobody() {
        let mut state: Option<Vec<u8>> = None;
        let mut ask = |mut count: Count| {
            if let Step::Put(put, _) = count.step(state.as_deref(), Time::ORIGIN) {
                state = Some(put);
            }
            count.told()
        };
        assert_eq!(ask(Count::begin(1, Duration::MAX)), 0);
        let hit = |nonce| Count::hit(nonce, true, Duration::MAX);
        assert_eq!([ask(hit(1)), ask(hit(1))], [1, 2]);
        ask(Count::begin(2, Duration::MAX));
        assert_eq!([ask(hit(2)), ask(hit(1)), ask(hit(2))], [1, u32::MAX, 2]);
    }
}
