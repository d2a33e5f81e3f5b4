//! Whether a backend is up, as a decision: of what commands came to, the time, and a draw. No runtime, no backend.
//!
//! ```text
//!          a refused connection; three commands in a row without an answer
//!      up ──────────────────────────────────────────────────────────────────► down ──┐ the probe fails:
//!       ▲                                                                      │  ▲───┘ another, longer pause
//!       └──────────────────────────── the probe is answered ───────────────────┘
//! ```

use std::time::Duration;

use crate::clock::Time;

/// How many commands in a row may stay without an answer.
const UNANSWERED: u32 = 3;

/// The longest that the first pause is, and what it doubles up to.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_millis(500);

/// A backend that was up for so long is not one that comes and goes.
const CALM: Duration = Duration::from_secs(10);

/// The pause before try number `level + 1`, at most `longest`: anywhere from none to twice the one before, as `draw` in
/// 0..1 says. All who lost the same backend come back at different times.
pub(super) fn pause(level: u32, longest: Duration, draw: f64) -> Duration {
    let cap = SHORTEST.saturating_mul(1 << level.min(16)).min(longest);
    cap.mul_f64(draw.clamp(0.0, 1.0))
}

/// What speaks for a backend that is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It cannot be reached, or says itself that it can do nothing.
    Unreachable,
    /// A command begun then was given up on.
    Unanswered(Time),
}

/// Between two outages: what a command came to says nothing about a later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Spell(u64);

impl Spell {
    /// As one word keeps it with other things.
    pub(super) const fn number(self) -> u64 {
        self.0
    }

    pub(super) const fn from_number(number: u64) -> Self {
        Self(number)
    }
}

/// Whether a backend is up.
#[derive(Debug)]
pub(super) struct Breaker {
    state: State,
    spell: Spell,
    /// How many pauses came before, in a row.
    level: u32,
    /// How long silence lasts before it counts.
    limit: Duration,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// `since`: the last outage; `None`: there was none.
    Up {
        since: Option<Time>,
        silence: Option<Silence>,
    },
    Down {
        due: Time,
    },
}

/// Commands in a row without an answer.
#[derive(Debug, Clone, Copy)]
struct Silence {
    since: Time,
    commands: u32,
}

impl Breaker {
    /// Of a backend whose commands may take `limit`.
    pub(super) const fn new(limit: Duration) -> Self {
        let state = State::Up { since: None, silence: None };
        Self { state, spell: Spell(0), level: 0, limit }
    }

    pub(super) const fn is_down(&self) -> bool {
        matches!(self.state, State::Down { .. })
    }

    /// Whether the last command stayed without an answer.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.state, State::Up { silence: Some(_), .. })
    }

    /// When it is to be asked again, if it is down.
    pub(super) const fn due(&self) -> Option<Time> {
        match self.state {
            State::Down { due } => Some(due),
            State::Up { .. } => None,
        }
    }

    pub(super) const fn spell(&self) -> Spell {
        self.spell
    }

    /// A command of this spell was answered, be it with a refusal.
    pub(super) fn answered(&mut self, spell: Spell) {
        if let State::Up { silence, .. } = &mut self.state
            && spell == self.spell
        {
            *silence = None;
        }
    }

    /// A command of this spell failed; whether the backend is taken for down from now on.
    pub(super) fn failed(&mut self, spell: Spell, failure: Failure, now: Time, draw: f64) -> bool {
        let State::Up { since, silence } = &mut self.state else { return false };
        if spell != self.spell {
            return false;
        }
        if let Failure::Unanswered(begun) = failure {
            let so_far = silence.get_or_insert(Silence { since: begun, commands: 0 });
            so_far.since = so_far.since.min(begun);
            so_far.commands += 1;
            // Callers in a hurry are no measure: it has as long as it has for anybody.
            if so_far.commands < UNANSWERED || now.since(so_far.since) < self.limit {
                return false;
            }
        }
        let comes_and_goes = since.is_some_and(|since| now.since(since) < CALM);
        self.level = if comes_and_goes { self.level.saturating_add(1) } else { 0 };
        self.state = State::Down { due: now.after(pause(self.level, LONGEST, draw)) };
        true
    }

    /// The probe failed.
    pub(super) fn still_down(&mut self, now: Time, draw: f64) {
        if self.is_down() {
            self.level = self.level.saturating_add(1);
            self.state = State::Down { due: now.after(pause(self.level, LONGEST, draw)) };
        }
    }

    /// The probe was answered. What was under way before counts for nothing any more.
    pub(super) fn up(&mut self, now: Time) {
        self.spell = Spell(self.spell.0.wrapping_add(1));
        self.state = State::Up { since: Some(now), silence: None };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(250);
    const START: Time = Time::from_nanos(1_000_000_000);

    fn at(millis: u64) -> Time {
        START.after(Duration::from_millis(millis))
    }

    fn unanswered(breaker: &mut Breaker, begun: u64, now: u64) -> bool {
        breaker.failed(breaker.spell(), Failure::Unanswered(at(begun)), at(now), 1.0)
    }

    fn unreachable(breaker: &mut Breaker, now: u64) -> bool {
        breaker.failed(breaker.spell(), Failure::Unreachable, at(now), 1.0)
    }

    #[test]
    fn one_refused_connection_is_enough() {
        let mut breaker = Breaker::new(LIMIT);
        assert!(unreachable(&mut breaker, 0) && breaker.is_down());
        assert!(!unreachable(&mut breaker, 1), "down once");
        assert_eq!(breaker.due(), Some(at(50)));
    }

    #[test]
    fn three_commands_in_a_row_without_an_answer_are_enough_and_two_are_not() {
        let mut breaker = Breaker::new(LIMIT);
        assert!(!unanswered(&mut breaker, 0, 250) && !unanswered(&mut breaker, 0, 250));
        assert!(breaker.is_silent());
        breaker.answered(breaker.spell());
        assert!(!breaker.is_silent());
        assert!(!unanswered(&mut breaker, 300, 550) && !unanswered(&mut breaker, 300, 550));
        assert!(unanswered(&mut breaker, 300, 550));
    }

    #[test]
    fn callers_in_a_hurry_close_nothing_before_the_limit_has_passed() {
        let mut breaker = Breaker::new(LIMIT);
        for begun in (0..240).step_by(20) {
            assert!(!unanswered(&mut breaker, begun, begun + 5), "after {begun} ms");
        }
        assert!(unanswered(&mut breaker, 245, 250));
    }

    #[test]
    fn pauses_double_up_to_half_a_second_and_are_drawn_from_nothing_on() {
        let mut breaker = Breaker::new(LIMIT);
        unreachable(&mut breaker, 0);
        let mut now = 0;
        for pause in [50, 100, 200, 400, 500, 500] {
            assert_eq!(breaker.due(), Some(at(now + pause)));
            now += pause;
            breaker.still_down(at(now), 1.0);
        }
        breaker.still_down(at(now), 0.0);
        assert_eq!(breaker.due(), Some(at(now)));
        breaker.still_down(at(now), 0.5);
        assert_eq!(breaker.due(), Some(at(now + 250)));
    }

    #[test]
    fn a_backend_that_comes_and_goes_is_asked_less_and_less_often() {
        let mut breaker = Breaker::new(LIMIT);
        let mut now = 0;
        for pause in [50, 100, 200, 400, 500] {
            unreachable(&mut breaker, now);
            assert_eq!(breaker.due(), Some(at(now + pause)));
            now += pause;
            breaker.up(at(now));
            now += 500;
        }
        now += 10_000;
        unreachable(&mut breaker, now);
        assert_eq!(breaker.due(), Some(at(now + 50)), "it was calm for long enough");
    }

    #[test]
    fn what_was_under_way_before_says_nothing_about_a_backend_that_is_back() {
        let mut breaker = Breaker::new(LIMIT);
        let old = breaker.spell();
        unreachable(&mut breaker, 0);
        breaker.up(at(50));
        assert!(!breaker.failed(old, Failure::Unreachable, at(60), 1.0));
        for _ in 0..UNANSWERED {
            assert!(!breaker.failed(old, Failure::Unanswered(START), at(300), 1.0));
        }
        assert!(!breaker.is_silent());
        unanswered(&mut breaker, 60, 310);
        breaker.answered(old);
        assert!(breaker.is_silent(), "an old answer ended a new silence");
    }
}
