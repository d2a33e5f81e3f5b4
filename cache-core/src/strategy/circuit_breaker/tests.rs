//! The rules of breakers, on a state in the hand: examples here, every short history and long random ones in `model`.

mod model;

use std::time::Duration;

use super::rule::{Ask, Breaker, Change, Outcome, Pass};
use super::state::{Probe, State};
use super::window::Window;
use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::event::EventKind;

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const BREAKER: Breaker = Breaker {
    errors_rate: 50.0,
    period: Duration::from_secs(10),
    ttl: Duration::from_secs(5),
    half_open_ttl: Duration::from_secs(3),
    half_open_calls: 1,
    min_calls: 4,
    slow_call: None,
};

/// What a backend does, keeping the state until its time is over; and a clock.
#[derive(Clone)]
struct Kept {
    breaker: Breaker,
    state: Option<(Vec<u8>, Time)>,
    now: Time,
    next_id: u64,
    moved: Vec<EventKind>,
}

impl Kept {
    fn new(breaker: Breaker) -> Self {
        Self { breaker, state: None, now: Time::from_nanos(100_000_000_000), next_id: 0, moved: Vec::new() }
    }

    fn step(&mut self, ask: Ask) -> Result<Pass, Duration> {
        let mut change = Change::new(self.breaker, ask);
        let state =
            self.state.as_ref().filter(|(_, until)| *until > self.now).map(|(state, _)| state.as_slice());
        match change.step(state, self.now) {
            Step::Keep => {}
            Step::Put(state, until) => self.state = Some((state, until)),
            Step::Remove => self.state = None,
        }
        self.moved.extend(change.moved);
        change.told
    }

    fn begin(&mut self) -> Result<Pass, Duration> {
        self.next_id += 1;
        self.step(Ask::Begin(self.next_id))
    }

    fn end(&mut self, pass: Pass, outcome: Outcome) {
        self.step(Ask::End(pass, outcome)).ok();
    }

    /// A call that is let through and ends at once.
    fn call(&mut self, outcome: Outcome) {
        let pass = self.begin().unwrap();
        self.end(pass, outcome);
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    fn open(breaker: Breaker) -> Self {
        let mut kept = Self::new(breaker);
        (0..breaker.min_calls).for_each(|_| kept.call(Outcome::Failed));
        assert_eq!(kept.moved, [EventKind::CircuitOpened]);
        kept
    }

    fn half_open(breaker: Breaker) -> Self {
        let mut kept = Self::open(breaker);
        kept.wait(breaker.ttl);
        kept
    }

    fn len(&self) -> usize {
        self.state.as_ref().map_or(0, |(state, _)| state.len())
    }
}

#[test]
fn it_opens_when_enough_calls_failed_and_not_before() {
    let mut kept = Kept::new(BREAKER);
    for outcome in [Outcome::Failed, Outcome::Failed, Outcome::Succeeded] {
        kept.call(outcome);
        assert_eq!(kept.moved, [], "three calls say nothing");
    }
    kept.call(Outcome::Succeeded);
    assert_eq!(kept.moved, [EventKind::CircuitOpened], "two of four are 50 %");

    let mut kept = Kept::new(Breaker { errors_rate: 50.1, ..BREAKER });
    (0..5).for_each(|call| kept.call(if call % 2 == 0 { Outcome::Failed } else { Outcome::Succeeded }));
    assert_eq!(kept.moved, [EventKind::CircuitOpened], "three of five are 60 %");
    assert_eq!(kept.begin(), Err(BREAKER.ttl));
}

#[test]
fn a_rate_of_100_opens_when_all_fail_and_one_of_none_when_one_does() {
    let mut kept = Kept::new(Breaker { errors_rate: 100.0, ..BREAKER });
    kept.call(Outcome::Succeeded);
    (0..50).for_each(|_| kept.call(Outcome::Failed));
    assert_eq!(kept.moved, []);
    Kept::open(Breaker { errors_rate: 100.0, ..BREAKER });

    let mut kept = Kept::new(Breaker { errors_rate: 0.0, ..BREAKER });
    (0..50).for_each(|_| kept.call(Outcome::Succeeded));
    assert_eq!(kept.moved, []);
    kept.call(Outcome::Failed);
    assert_eq!(kept.moved, [EventKind::CircuitOpened]);
}

#[test]
fn a_rate_is_right_however_many_calls_come() {
    let mut kept = Kept::new(Breaker { errors_rate: 1.5, ..BREAKER });
    for call in 0..30_000 {
        kept.call(if call % 100 == 99 { Outcome::Failed } else { Outcome::Succeeded });
        kept.wait(Duration::from_micros(100));
    }
    assert_eq!(kept.moved, [], "1 % is less than 1.5 %");
    assert!(kept.len() <= 9 + 10 * 16, "{} bytes", kept.len());
}

#[test]
fn what_is_older_than_the_period_counts_no_more_and_what_is_younger_than_nine_tenths_does() {
    for (after, opens) in [(8_999, true), (10_000, false)] {
        let mut kept = Kept::new(BREAKER);
        (0..3).for_each(|_| kept.call(Outcome::Failed));
        kept.wait(Duration::from_millis(after));
        kept.call(Outcome::Failed);
        assert_eq!(!kept.moved.is_empty(), opens, "after {after} ms");
    }
}

#[test]
fn entering_a_closed_breaker_only_looks() {
    let mut kept = Kept::new(BREAKER);
    kept.begin().unwrap();
    assert!(kept.state.is_none());
    kept.call(Outcome::Succeeded);
    let before = kept.state.clone();
    kept.begin().unwrap();
    assert_eq!(kept.state, before);
}

#[test]
fn an_open_breaker_tells_exactly_when_to_come_again_and_then_lets_one_probe_through() {
    let mut kept = Kept::open(BREAKER);
    kept.wait(SECOND);
    assert_eq!(kept.begin(), Err(4 * SECOND));
    kept.wait((4 * SECOND).saturating_sub(NANO));
    assert_eq!(kept.begin(), Err(NANO));
    kept.wait(NANO);
    assert!(matches!(kept.begin(), Ok(Pass::Probe(_))));
    assert_eq!(kept.moved, [EventKind::CircuitOpened, EventKind::CircuitHalfOpened]);
    kept.wait(SECOND);
    assert_eq!(kept.begin(), Err(2 * SECOND), "until the permit is free again");
}

#[test]
fn the_first_call_after_a_quiet_time_is_a_probe() {
    let mut kept = Kept::half_open(BREAKER);
    kept.wait(DAY / 2);
    assert!(matches!(kept.begin(), Ok(Pass::Probe(_))));
    assert!(kept.begin().is_err());
}

#[test]
fn it_closes_when_all_probes_have_succeeded_and_has_forgotten_what_failed() {
    let mut kept = Kept::half_open(Breaker { half_open_calls: 3, ..BREAKER });
    let probes = [(); 3].map(|()| kept.begin().unwrap());
    assert!(kept.begin().is_err());
    kept.end(probes[1], Outcome::Succeeded);
    assert!(kept.begin().is_err(), "no more are needed");
    kept.end(probes[0], Outcome::Succeeded);
    assert_eq!(kept.moved.len(), 2);
    kept.end(probes[2], Outcome::Succeeded);
    assert_eq!(kept.moved[2..], [EventKind::CircuitClosed]);
    (0..3).for_each(|_| kept.call(Outcome::Failed));
    assert_eq!(kept.moved.len(), 3);
    kept.call(Outcome::Failed);
    assert_eq!(kept.moved[3..], [EventKind::CircuitOpened]);
}

#[test]
fn one_probe_that_fails_opens_it_again_for_its_whole_time() {
    let mut kept = Kept::half_open(Breaker { half_open_calls: 2, ..BREAKER });
    let probes = [(); 2].map(|()| kept.begin().unwrap());
    kept.end(probes[0], Outcome::Succeeded);
    kept.wait(SECOND);
    kept.end(probes[1], Outcome::Failed);
    assert_eq!(kept.moved[2..], [EventKind::CircuitOpened]);
    assert_eq!(kept.begin(), Err(BREAKER.ttl));
}

#[test]
fn a_probe_that_tells_nothing_gives_its_permit_back_and_does_not_close() {
    let mut kept = Kept::half_open(BREAKER);
    for _ in 0..5 {
        let probe = kept.begin().unwrap();
        assert!(kept.begin().is_err());
        kept.end(probe, Outcome::Nothing);
    }
    assert_eq!(kept.moved.len(), 2);
}

#[test]
fn a_probe_that_never_returns_is_replaced_and_counts_no_more() {
    for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Nothing] {
        let mut kept = Kept::half_open(BREAKER);
        let lost = kept.begin().unwrap();
        kept.wait(BREAKER.half_open_ttl.saturating_sub(NANO));
        assert_eq!(kept.begin(), Err(NANO));
        kept.wait(NANO);
        let probe = kept.begin().unwrap();
        kept.end(lost, outcome);
        assert!(kept.begin().is_err(), "the permit is another's");
        assert_eq!(kept.moved.len(), 2);
        kept.end(probe, Outcome::Succeeded);
        assert_eq!(kept.moved[2..], [EventKind::CircuitClosed]);
    }
}

#[test]
fn a_late_probe_that_nobody_has_replaced_counts() {
    let mut kept = Kept::half_open(BREAKER);
    let late = kept.begin().unwrap();
    kept.wait(2 * BREAKER.half_open_ttl);
    kept.end(late, Outcome::Succeeded);
    assert_eq!(kept.moved[2..], [EventKind::CircuitClosed]);
}

#[test]
fn a_result_of_an_earlier_state_does_not_count() {
    let mut kept = Kept::new(BREAKER);
    let late = [(); 8].map(|()| kept.begin().unwrap());
    (0..4).for_each(|_| kept.call(Outcome::Failed));
    kept.end(late[0], Outcome::Failed);
    kept.wait(BREAKER.ttl);
    let probe = kept.begin().unwrap();
    kept.end(late[1], Outcome::Failed);
    kept.end(late[2], Outcome::Succeeded);
    assert!(kept.begin().is_err());
    kept.end(probe, Outcome::Succeeded);
    let told = kept.moved.len();
    late[3..].iter().for_each(|late| kept.end(*late, Outcome::Failed));
    kept.end(probe, Outcome::Failed);
    assert_eq!(kept.moved.len(), told, "{:?}", kept.moved);
    kept.wait(DAY / 2);
    late.iter().for_each(|late| kept.end(*late, Outcome::Failed));
    assert_eq!(kept.moved.len(), told, "half a day later");
}

#[test]
fn a_call_that_takes_longer_than_the_period_counts_all_the_same() {
    let mut kept = Kept::new(BREAKER);
    kept.call(Outcome::Succeeded);
    let long = [(); 4].map(|()| kept.begin().unwrap());
    kept.wait(10 * BREAKER.period);
    long.iter().for_each(|pass| kept.end(*pass, Outcome::Failed));
    assert_eq!(kept.moved, [EventKind::CircuitOpened]);

    // And where it has been open before.
    kept.wait(BREAKER.ttl);
    kept.call(Outcome::Succeeded);
    let long = [(); 4].map(|()| kept.begin().unwrap());
    kept.wait(2 * DAY);
    long.iter().for_each(|pass| kept.end(*pass, Outcome::Failed));
    assert_eq!(kept.moved[3..], [EventKind::CircuitOpened]);
}

#[test]
fn epochs_never_repeat_though_a_backend_forgets_or_its_clock_is_set_back() {
    let state = State::Open { epoch: 500, until: Time::ORIGIN };
    assert_eq!(state.next_epoch(Time::from_nanos(7)), 501);
    assert_eq!(State::first().next_epoch(Time::from_nanos(7)), 7);
}

#[test]
fn asked_again_because_another_was_faster_the_last_answer_is_what_happened() {
    let mut kept = Kept::half_open(BREAKER);
    let before = kept.state.clone().unwrap().0;
    kept.begin().unwrap();
    let after = kept.state.clone().unwrap().0;
    let mut change = Change::new(BREAKER, Ask::Begin(7));
    assert!(matches!(change.step(Some(&before), kept.now), Step::Put(..)));
    assert_eq!((change.told, change.moved), (Ok(Pass::Probe(7)), Some(EventKind::CircuitHalfOpened)));
    assert_eq!(change.step(Some(&after), kept.now), Step::Keep);
    assert_eq!((change.told, change.moved), (Err(BREAKER.half_open_ttl), None));
}

#[test]
fn settings_that_change_from_call_to_call_lock_nobody_out_and_keep_states_small() {
    let mut kept = Kept::half_open(Breaker { half_open_calls: 5, ..BREAKER });
    (0..3).for_each(|_| kept.call(Outcome::Succeeded));
    kept.breaker.half_open_calls = 2;
    kept.call(Outcome::Succeeded);
    assert_eq!(kept.moved[2..], [EventKind::CircuitClosed]);

    for round in 0..200 {
        kept.breaker.period = Duration::from_millis(1 + round * 7919 % 60_000);
        kept.call(Outcome::Succeeded);
        kept.wait(Duration::from_millis(50));
        assert!(kept.len() <= 9 + 10 * 16, "{} bytes", kept.len());
    }
    let mut kept = Kept::half_open(Breaker { half_open_calls: u32::MAX, ..BREAKER });
    let admitted = (0..1000).filter(|_| kept.begin().is_ok()).count();
    assert_eq!((admitted, kept.len()), (128, 13 + 128 * 16));
}

#[test]
fn none_of_anything_is_one() {
    let mut kept = Kept::new(Breaker { min_calls: 0, half_open_calls: 0, ..BREAKER });
    kept.call(Outcome::Failed);
    kept.wait(BREAKER.ttl);
    let probe = kept.begin().unwrap();
    assert!(kept.begin().is_err());
    kept.end(probe, Outcome::Succeeded);
    let all = [EventKind::CircuitOpened, EventKind::CircuitHalfOpened, EventKind::CircuitClosed];
    assert_eq!(kept.moved, all);
}

#[test]
fn time_that_is_set_back_loses_no_outcome() {
    let mut kept = Kept::new(BREAKER);
    (0..3).for_each(|_| kept.call(Outcome::Failed));
    kept.now = Time::from_nanos(50_000_000_000);
    kept.call(Outcome::Failed);
    assert_eq!(kept.moved, [EventKind::CircuitOpened]);
}

#[test]
fn states_are_read_as_they_were_written_and_what_cannot_be_read_is_none() {
    let mut window = Window::default();
    for millis in 0..30 {
        let now = Time::from_nanos(1_000_000_000 + millis * 100_000_000);
        window.add(millis % 3 == 0, BREAKER.period, now);
    }
    let probes = vec![Probe { id: u64::MAX, until: Time::NEVER }, Probe { id: 0, until: Time::ORIGIN }];
    for state in [
        State::first(),
        State::Closed { epoch: 7, window },
        State::Open { epoch: 8, until: Time::from_nanos(9) },
        State::HalfOpen { epoch: 1, succeeded: 2, probes },
    ] {
        let bytes = state.write();
        assert_eq!(State::read(&bytes), Some(state));
        for end in 0..bytes.len() {
            let read = State::read(&bytes[..end]);
            assert!(read.is_none() || read.unwrap().write() == bytes[..end], "{:?}", &bytes[..end]);
        }
        assert_eq!(State::read(&[&b"x"[..], &bytes[1..]].concat()), None);
    }
    let mut kept = Kept::new(BREAKER);
    kept.state = Some((b"what is this".to_vec(), Time::NEVER));
    (0..4).for_each(|_| kept.call(Outcome::Failed));
    assert_eq!(kept.moved, [EventKind::CircuitOpened]);
}
