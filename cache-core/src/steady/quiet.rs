//! Not saying the same thing a thousand times.

use std::time::Duration;

use crate::clock::Time;

const PAUSE: Duration = Duration::from_secs(1);

/// What is told once a second at most.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    last: Option<Time>,
    untold: u64,
}

impl Quiet {
    /// Whether it is to be told now, and how many times it was not since the last.
    pub(super) fn ask(&mut self, now: Time) -> Option<u64> {
        if self.last.is_some_and(|last| now.since(last) < PAUSE) {
            self.untold += 1;
            return None;
        }
        self.last = Some(now);
        Some(self.untold())
    }

    /// How many times it was not told since the last.
    pub(super) const fn untold(&mut self) -> u64 {
        std::mem::replace(&mut self.untold, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn once_a_second_it_is_told_how_often_it_was_not() {
        let (mut quiet, start) = (Quiet::default(), Time::from_nanos(1));
        assert_eq!(quiet.ask(start), Some(0));
        assert_eq!(quiet.ask(start.after(PAUSE / 2)), None);
        assert_eq!(quiet.ask(start.after(PAUSE / 2)), None);
        assert_eq!(quiet.ask(start.after(PAUSE)), Some(2));
        assert_eq!(quiet.ask(start.after(PAUSE * 2)), Some(0));
    }
}
