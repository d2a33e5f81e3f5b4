//! The rule of slowness, on a state in the hand.

use std::time::Duration;

use proptest::prelude::*;

use super::rule::{Ask, Change, Perf};
use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::event::EventKind;

const MILLI: Duration = Duration::from_millis(1);
const NANO: Duration = Duration::from_nanos(1);
const PERF: Perf = Perf { trace_size: 3, factor: 2.0, ttl: Duration::from_secs(5) };

/// What a backend does, keeping the state until its time is over; and a clock.
#[derive(Clone)]
struct Kept {
    perf: Perf,
    state: Option<(Vec<u8>, Time)>,
    now: Time,
    degraded: usize,
}

impl Kept {
    fn new(perf: Perf) -> Self {
        Self { perf, state: None, now: Time::from_nanos(100_000_000_000), degraded: 0 }
    }

    fn step(&mut self, ask: Ask) -> Result<Time, Duration> {
        let mut change = Change::new(self.perf, ask);
        let state =
            self.state.as_ref().filter(|(_, until)| *until > self.now).map(|(state, _)| state.as_slice());
        match change.step(state, self.now) {
            Step::Keep => {}
            Step::Put(state, until) => self.state = Some((state, until)),
            Step::Remove => self.state = None,
        }
        if let Some(moved) = change.moved {
            assert_eq!(moved, EventKind::Degraded);
            self.degraded += 1;
        }
        change.told
    }

    fn begin(&mut self) -> Result<Time, Duration> {
        self.step(Ask::Begin)
    }

    fn end(&mut self, began: Time, failed: bool) {
        let took = self.now.since(began);
        self.step(Ask::End { began, took, failed }).ok();
    }

    fn wait(&mut self, time: Duration) {
        self.now = self.now.after(time);
    }

    /// A call that takes so long; whether it was let through.
    fn call(&mut self, took: Duration, failed: bool) -> bool {
        let began = self.begin();
        if let Ok(began) = began {
            self.wait(took);
            self.end(began, failed);
        }
        began.is_ok()
    }

    fn traced(perf: Perf) -> Self {
        let mut kept = Self::new(perf);
        (0..perf.trace_size).for_each(|_| assert!(kept.call(10 * MILLI, false)));
        kept
    }

    fn len(&self) -> usize {
        self.state.as_ref().map_or(0, |(state, _)| state.len())
    }
}

#[test]
fn longer_than_the_factor_times_the_mean_degrades_and_exactly_that_does_not() {
    let mut kept = Kept::traced(PERF);
    kept.call(20 * MILLI, false);
    assert_eq!(kept.degraded, 0);
    let mut kept = Kept::traced(PERF);
    kept.call(20 * MILLI + NANO, false);
    assert_eq!(kept.degraded, 1);
}

#[test]
fn while_it_is_spared_calls_are_told_exactly_when_to_come_again() {
    let mut kept = Kept::traced(PERF);
    assert!(kept.call(21 * MILLI, false));
    assert_eq!(kept.begin(), Err(PERF.ttl));
    kept.wait(PERF.ttl.saturating_sub(NANO));
    assert_eq!(kept.begin(), Err(NANO));
    kept.wait(NANO);
    assert!(kept.begin().is_ok());
}

#[test]
fn afterwards_it_begins_with_an_empty_trace() {
    let mut kept = Kept::traced(PERF);
    kept.call(21 * MILLI, false);
    kept.wait(PERF.ttl);
    // What was slow is usual now, from the first call on.
    for took in [100, 300, 1000] {
        kept.call(took * MILLI, false);
    }
    assert_eq!(kept.degraded, 1);
    kept.call(940 * MILLI, false);
    assert_eq!(kept.degraded, 2);
}

#[test]
fn the_mean_is_that_of_the_last_calls() {
    let mut kept = Kept::traced(PERF);
    for took in [12, 15, 19, 24] {
        kept.call(took * MILLI, false);
    }
    // (15 + 19 + 24) / 3 · 2 = 38.7
    kept.call(38 * MILLI, false);
    assert_eq!(kept.degraded, 0);
    // (19 + 24 + 38) / 3 · 2 = 54
    kept.call(55 * MILLI, false);
    assert_eq!(kept.degraded, 1);
}

#[test]
fn few_calls_say_nothing() {
    let mut kept = Kept::new(PERF);
    for took in [1, 10, 1000] {
        kept.call(took * MILLI, false);
    }
    assert_eq!(kept.degraded, 0);
}

#[test]
fn errors_that_come_fast_do_not_lower_the_mean_and_one_that_comes_late_degrades() {
    let mut kept = Kept::traced(PERF);
    (0..10).for_each(|_| assert!(kept.call(NANO, true)));
    kept.call(20 * MILLI, false);
    assert_eq!(kept.degraded, 0);
    kept.call(100 * MILLI, true);
    assert_eq!(kept.degraded, 1);
}

#[test]
fn a_call_that_began_before_the_degradation_ended_does_not_count() {
    let mut kept = Kept::traced(PERF);
    let late = [(); 6].map(|()| kept.begin().unwrap());
    kept.call(30 * MILLI, false);
    kept.end(late[0], false);
    assert_eq!(kept.degraded, 1, "one of several slow calls tells it");
    kept.wait(PERF.ttl);
    kept.end(late[1], false);
    assert!(kept.call(10 * MILLI, false) && kept.call(10 * MILLI, false));
    kept.end(late[2], false);
    kept.call(10 * MILLI, false);
    kept.end(late[3], false);
    assert_eq!(kept.degraded, 1);
    kept.call(21 * MILLI, false);
    assert_eq!(kept.degraded, 2, "the late ones have not changed the mean");
}

#[test]
fn traces_are_as_long_as_asked_for_but_bounded() {
    for (asked, kept_bytes) in [(0, 8), (1, 8), (128, 128 * 8), (u32::MAX, 128 * 8)] {
        let mut kept = Kept::new(Perf { trace_size: asked, ..PERF });
        (0..500).for_each(|_| assert!(kept.call(MILLI, false)));
        assert_eq!(kept.len(), 9 + kept_bytes, "of {asked}");
    }
    let mut kept = Kept::new(Perf { trace_size: 128, ..PERF });
    (0..500).for_each(|_| assert!(kept.call(MILLI, false)));
    kept.perf.trace_size = 2;
    kept.call(MILLI, false);
    assert_eq!(kept.len(), 9 + 2 * 8);
}

#[test]
fn asked_again_because_another_was_faster_the_last_answer_is_what_happened() {
    let mut kept = Kept::traced(PERF);
    let (began, traced) = (kept.now, kept.state.clone().unwrap().0);
    kept.call(30 * MILLI, false);
    let degraded = kept.state.clone().unwrap().0;
    let mut change = Change::new(PERF, Ask::End { began, took: 30 * MILLI, failed: false });
    assert!(matches!(change.step(Some(&traced), kept.now), Step::Put(..)));
    assert_eq!(change.moved, Some(EventKind::Degraded));
    assert_eq!((change.step(Some(&degraded), kept.now), change.moved), (Step::Keep, None));
}

#[test]
fn absurd_times_are_measured() {
    let end = |took| Ask::End { began: Time::from_nanos(1), took, failed: false };
    let mut kept = Kept::new(PERF);
    (0..5).for_each(|_| assert!(kept.step(end(Duration::MAX)).is_ok()));
    assert_eq!(kept.degraded, 0);
    let mut kept = Kept::new(PERF);
    (0..5).for_each(|_| assert!(kept.step(end(Duration::ZERO)).is_ok()));
    assert_eq!(kept.degraded, 0, "nothing is not more than twice nothing");
    kept.step(end(NANO)).ok();
    assert_eq!(kept.degraded, 1);
}

#[test]
fn what_cannot_be_read_is_no_trace() {
    let mut traced = Kept::traced(PERF);
    let bytes = traced.state.take().unwrap().0;
    for bytes in [&b""[..], b"x12345678", b"t1234", b"d12345678x", &bytes[..bytes.len() - 1]] {
        let mut kept = Kept::new(PERF);
        kept.state = Some((bytes.to_vec(), Time::NEVER));
        for took in [1, 10, 100] {
            assert!(kept.call(took * MILLI, false), "{bytes:?}");
        }
        assert_eq!(kept.degraded, 0, "{bytes:?}");
        kept.call(1000 * MILLI, false);
        assert_eq!(kept.degraded, 1, "{bytes:?}");
    }
}

/// Calls one after another: how long they take, whether they fail, and how long nobody calls then.
fn calls() -> impl Strategy<Value = Vec<(u32, bool, u32)>> {
    let took = prop_oneof![5 => 900..1_100u32, 1 => 1..10u32, 1 => 1_000..5_000u32];
    let gap = prop_oneof![Just(0), 0..3_000u32, 0..20_000u32];
    proptest::collection::vec((took, proptest::bool::weighted(0.2), gap), 0..150)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn it_degrades_exactly_when_a_naive_count_says_so(size in 1..8u32, factor in 1.01..4.0f64, calls in calls()) {
        let mut kept = Kept::new(Perf { trace_size: size, factor, ttl: 5_000 * MILLI });
        let (mut good, mut until, mut degraded) = (Vec::new(), Time::ORIGIN, 0);
        for (took, failed, gap) in calls {
            prop_assert_eq!(kept.begin().is_ok(), kept.now >= until);
            if kept.call(took * MILLI, failed) {
                let last: Vec<u32> = good.iter().rev().take(size as usize).copied().collect();
                let mean = f64::from(last.iter().sum::<u32>()) / f64::from(size);
                if last.len() == size as usize && f64::from(took) > factor * mean {
                    degraded += 1;
                    until = kept.now.after(kept.perf.ttl);
                    good.clear();
                } else if !failed {
                    good.push(took);
                }
            }
            prop_assert_eq!(kept.degraded, degraded);
            kept.wait(gap * MILLI);
        }
    }
}
