//! After a failure a present value is left alone for a while, longer each time.

use std::time::Duration;

use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::strategy::policy::pause_after;

/// How long failures are remembered after the pause: the next one within that time doubles it.
const MEMORY: Duration = Duration::from_secs(60);

/// One question or word about the failures of computing an entry anew.
#[derive(Debug)]
pub(super) struct Backoff {
    /// The entry: another has no failures.
    of: u64,
    word: Word,
    told: Option<Duration>,
    failures: u32,
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Look,
    Failed,
    Over,
}

impl Backoff {
    const fn new(of: u64, word: Word) -> Self {
        Self { of, word, told: None, failures: 0 }
    }

    /// Whether it may be computed now.
    pub(super) const fn look(of: u64) -> Self {
        Self::new(of, Word::Look)
    }

    /// It failed.
    pub(super) const fn failed(of: u64) -> Self {
        Self::new(of, Word::Failed)
    }

    /// It was computed.
    pub(super) const fn over(of: u64) -> Self {
        Self::new(of, Word::Over)
    }

    /// For how long it is to be left alone.
    pub(super) const fn left(&self) -> Option<Duration> {
        self.told
    }

    /// Whether it failed before.
    pub(super) const fn has_failed(&self) -> bool {
        self.failures > 0
    }
}

impl Transition for Backoff {
    fn name(&self) -> &'static str {
        "backoff"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        let state = state.and_then(State::read).filter(|state| state.of == self.of);
        (self.told, self.failures) = (None, state.as_ref().map_or(0, |state| state.failures));
        match self.word {
            Word::Look => {
                let until = state.map(|state| state.until).filter(|until| *until > now);
                self.told = until.map(|until| until.since(now));
                Step::Keep
            }
            Word::Failed => {
                self.failures = self.failures.saturating_add(1);
                let until = now.after(pause_after(self.failures));
                let state = State { of: self.of, failures: self.failures, until };
                Step::Put(state.write(), until.after(MEMORY))
            }
            Word::Over if self.failures > 0 => Step::Remove,
            Word::Over => Step::Keep,
        }
    }
}

struct State {
    of: u64,
    failures: u32,
    until: Time,
}

impl State {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (of, rest) = bytes.split_first_chunk()?;
        let (until, failures) = rest.split_first_chunk()?;
        Some(Self {
            of: u64::from_le_bytes(*of),
            until: Time::from_nanos(u64::from_le_bytes(*until)),
            failures: u32::from_le_bytes(failures.try_into().ok()?),
        })
    }

    fn write(&self) -> Vec<u8> {
        let Self { of, failures, until } = self;
        [&of.to_le_bytes()[..], &until.as_nanos().to_le_bytes(), &failures.to_le_bytes()].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a backend does: keeps the state until its time is over.
    #[derive(Default)]
    struct Kept(Option<(Vec<u8>, Time)>);

    impl Kept {
        fn ask(&mut self, mut backoff: Backoff, millis: u64) -> Option<u128> {
            let now = at(millis);
            let state = self.0.as_ref().filter(|(_, until)| *until > now).map(|(state, _)| state.as_slice());
            match backoff.step(state, now) {
                Step::Keep => {}
                Step::Put(state, until) => self.0 = Some((state, until)),
                Step::Remove => self.0 = None,
            }
            backoff.left().map(|left| left.as_millis())
        }
    }

    fn at(millis: u64) -> Time {
        Time::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn each_failure_in_a_row_doubles_the_pause() {
        let (mut kept, entry, mut now) = (Kept::default(), 1, 10);
        for pause in [1_000, 2_000, 4_000] {
            assert_eq!(kept.ask(Backoff::look(entry), now), None);
            kept.ask(Backoff::failed(entry), now);
            assert_eq!(kept.ask(Backoff::look(entry), now), Some(pause));
            now += u64::try_from(pause).unwrap();
            assert_eq!(kept.ask(Backoff::look(entry), now - 1), Some(1));
        }
        assert_eq!(kept.ask(Backoff::look(entry), now), None);
    }

    #[test]
    fn success_another_entry_and_a_quiet_minute_end_it() {
        let (mut kept, entry) = (Kept::default(), 1);
        kept.ask(Backoff::failed(entry), 10);
        assert_eq!(kept.ask(Backoff::look(2), 10), None);
        kept.ask(Backoff::over(2), 10);
        assert_eq!(kept.ask(Backoff::look(entry), 10), Some(1_000), "another entry's success ended it");
        kept.ask(Backoff::over(entry), 10);
        assert!(kept.0.is_none());
        kept.ask(Backoff::failed(entry), 10);
        kept.ask(Backoff::failed(entry), 61_010);
        assert_eq!(kept.ask(Backoff::look(entry), 61_010), Some(1_000), "a failure of long ago counts");
    }

    #[test]
    fn a_state_that_cannot_be_read_is_none() {
        for bytes in [&b""[..], b"short", &[7; 21]] {
            let mut kept = Kept(Some((bytes.to_vec(), Time::NEVER)));
            assert_eq!(kept.ask(Backoff::look(1), 1), None);
        }
    }
}
