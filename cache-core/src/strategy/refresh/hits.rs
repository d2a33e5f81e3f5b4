//! Counting hits where entries are bytes: the count is a state of its own, and belongs to one entry.

use crate::backend::{Step, Transition};
use crate::clock::Time;

/// One hit.
#[derive(Debug)]
pub(super) struct Count {
    /// The entry; the count of another begins anew.
    nonce: u64,
    /// When the entry expires, and the count with it.
    expires: Time,
    told: u32,
}

impl Count {
    pub(super) const fn new(nonce: u64, expires: Time) -> Self {
        Self { nonce, expires, told: 1 }
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

    fn step(&mut self, state: Option<&[u8]>, _: Time) -> Step {
        let before =
            state.and_then(read).filter(|(nonce, _)| *nonce == self.nonce).map_or(0, |(_, count)| count);
        self.told = before.saturating_add(1);
        let state = [&self.nonce.to_le_bytes()[..], &self.told.to_le_bytes()].concat();
        Step::Put(state, self.expires)
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
    fn a_count_goes_on_for_its_entry_and_begins_anew_for_another() {
        let mut state: Option<Vec<u8>> = None;
        let mut hit = |nonce| {
            let mut count = Count::new(nonce, Time::NEVER);
            if let Step::Put(put, _) = count.step(state.as_deref(), Time::ORIGIN) {
                state = Some(put);
            }
            count.told()
        };
        assert_eq!([hit(1), hit(1), hit(2), hit(2), hit(2), hit(1)], [1, 2, 1, 2, 3, 1]);
        state = Some(b"rubbish".to_vec());
        let mut count = Count::new(1, Time::NEVER);
        count.step(state.as_deref(), Time::ORIGIN);
        assert_eq!(count.told(), 1);
    }
}
