//! The rules of limits, on a state in the hand.

use std::time::Duration;

use proptest::prelude::*;

use super::rule::Admission;
use super::sliding::EXACT;
use super::{Algorithm, Limit};
use crate::backend::{Step, Transition};
use crate::clock::Time;

const PERIOD: Duration = Duration::from_secs(10);
const ALL: [Algorithm; 3] = [Algorithm::Fixed, Algorithm::Sliding, Algorithm::Gcra];

const fn of(algorithm: Algorithm, limit: u32) -> Limit {
    Limit { algorithm, limit, period: PERIOD, ban: PERIOD }
}

const fn at(millis: u64) -> Time {
    Time::from_nanos(millis * 1_000_000)
}

/// What a backend does: keeps the state until its time is over.
#[derive(Clone, Default)]
struct Kept(Option<(Vec<u8>, Time)>);

impl Kept {
    fn ask(&mut self, limit: Limit, now: Time) -> Result<(), Duration> {
        let mut admission = Admission::new(limit);
        let state = self.0.as_ref().filter(|(_, until)| *until > now).map(|(state, _)| state.as_slice());
        match admission.step(state, now) {
            Step::Keep => {}
            Step::Put(state, until) => self.0 = Some((state, until)),
            Step::Remove => self.0 = None,
        }
        admission.told().map_or(Ok(()), Err)
    }

    fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |(state, _)| state.len())
    }
}

/// Which of these calls are admitted.
fn admitted(limit: Limit, calls: impl IntoIterator<Item = Time>) -> Vec<Time> {
    let mut kept = Kept::default();
    calls.into_iter().filter(|now| kept.ask(limit, *now).is_ok()).collect()
}

fn seconds(times: &[Time]) -> Vec<u64> {
    times.iter().map(|time| time.as_nanos() / 1_000_000_000 - 100).collect()
}

#[test]
fn a_call_each_second_comes_through_as_the_documentation_draws_it() {
    let calls = || (0..15).map(|second| at((100 + second) * 1000));
    let of = |algorithm| seconds(&admitted(of(algorithm, 3), calls()));
    assert_eq!(of(Algorithm::Fixed), [0, 1, 2, 13, 14]);
    assert_eq!(of(Algorithm::Sliding), [0, 1, 2, 10, 11, 12]);
    assert_eq!(of(Algorithm::Gcra), [0, 4, 8, 12]);
}

#[test]
fn a_window_of_fixed_begins_with_its_first_call_and_ends_without_a_ban_if_nobody_goes_beyond() {
    let times = [0, 9_998, 9_999, 10_000, 10_001, 10_002].map(|millis| at(100_000 + millis));
    assert_eq!(admitted(of(Algorithm::Fixed, 3), times), times);
}

#[test]
fn a_ban_lasts_as_long_as_it_says_and_at_least_to_the_end_of_the_window_and_is_not_prolonged() {
    for (ban, expected) in [(1, 10), (10, 14), (60, 64)] {
        let limit = Limit { ban: Duration::from_secs(ban), ..of(Algorithm::Fixed, 1) };
        let mut kept = Kept::default();
        assert_eq!(kept.ask(limit, at(100_000)), Ok(()));
        for second in 4..expected {
            let left = Duration::from_secs(expected - second);
            assert_eq!(kept.ask(limit, at((100 + second) * 1000)), Err(left), "a ban of {ban} s");
        }
        assert_eq!(kept.ask(limit, at((100 + expected) * 1000)), Ok(()));
    }
}

#[test]
fn whoever_never_stops_asking_gets_the_full_rate() {
    // 5 in 500 ms, asked for each 20 ms for 3 s: about 30, and not 5 and then none.
    let calls = || (0..150).map(|call| at(100_000 + call * 20));
    let of = |algorithm| {
        let limit = Limit { algorithm, limit: 5, period: Duration::from_millis(500), ban: Duration::ZERO };
        admitted(limit, calls()).len()
    };
    assert_eq!((of(Algorithm::Sliding), of(Algorithm::Gcra)), (30, 30));
}

#[test]
fn a_limit_of_none_refuses_all_and_a_period_of_zero_limits_nothing() {
    for algorithm in ALL {
        assert_eq!(Kept::default().ask(of(algorithm, 0), at(1)), Err(PERIOD));
        let limit = Limit { period: Duration::ZERO, ban: Duration::ZERO, ..of(algorithm, 1) };
        assert_eq!(admitted(limit, [at(1); 5]).len(), 5);
    }
}

#[test]
fn a_state_that_cannot_be_read_is_none() {
    for algorithm in ALL {
        for bytes in [&b""[..], b"f", b"s1", b"g123", b"x12345678", b"f123456781234567", b"s1234567890123"] {
            let mut kept = Kept(Some((bytes.to_vec(), Time::NEVER)));
            assert_eq!(kept.ask(of(algorithm, 1), at(1)), Ok(()), "{algorithm:?} {bytes:?}");
            assert!(kept.ask(of(algorithm, 1), at(1)).is_err());
        }
    }
}

#[test]
fn time_that_is_set_back_frees_no_place() {
    let mut kept = Kept::default();
    assert_eq!(kept.ask(of(Algorithm::Sliding, 2), at(100_000)), Ok(()));
    assert_eq!(kept.ask(of(Algorithm::Sliding, 2), at(50_000)), Ok(()));
    assert_eq!(kept.ask(of(Algorithm::Sliding, 2), at(101_000)), Err(Duration::from_secs(9)));
}

#[test]
fn a_limit_that_was_lowered_counts_what_came_before() {
    let mut kept = Kept::default();
    for second in 0..5 {
        assert_eq!(kept.ask(of(Algorithm::Sliding, 5), at((100 + second) * 1000)), Ok(()));
    }
    // The calls of seconds 0 to 3 have to leave.
    assert_eq!(kept.ask(of(Algorithm::Sliding, 2), at(105_000)), Err(Duration::from_secs(8)));
}

/// Times of calls, close together and far apart.
fn arrivals(count: usize) -> impl Strategy<Value = Vec<Time>> {
    let gap = prop_oneof![Just(0), 0..3u64, 0..2_000_000u64, 0..2_000_000_000u64, 0..15_000_000_000u64];
    proptest::collection::vec(gap, 0..count).prop_map(|gaps| {
        let mut now = 100_000_000_000;
        let mut next = |gap| {
            now += gap;
            Time::from_nanos(now)
        };
        gaps.into_iter().map(&mut next).collect()
    })
}

/// How many of these times are in the window that begins behind `from` and ends with `to`.
fn within(times: &[Time], from: Option<u64>, to: Time) -> usize {
    let from = |time: &Time| from.is_none_or(|from| time.as_nanos() > from);
    times.iter().rev().take_while(|time| from(time)).filter(|time| **time <= to).count()
}

/// The most that come in any window of the period.
fn most(times: &[Time]) -> usize {
    let period = u64::try_from(PERIOD.as_nanos()).unwrap();
    times
        .iter()
        .enumerate()
        .map(|(index, end)| within(&times[..=index], end.as_nanos().checked_sub(period), *end))
        .max()
        .unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn never_more_than_the_limit_in_any_window(limit in 1..12u32, calls in arrivals(120)) {
        for algorithm in [Algorithm::Sliding, Algorithm::Gcra] {
            prop_assert!(most(&admitted(of(algorithm, limit), calls.clone())) <= limit as usize, "{algorithm:?}");
        }
    }

    #[test]
    fn sliding_admits_exactly_who_finds_a_place(limit in 1..12u32, calls in arrivals(120)) {
        let period = u64::try_from(PERIOD.as_nanos()).unwrap();
        let mut model: Vec<Time> = Vec::new();
        for now in &calls {
            if within(&model, now.as_nanos().checked_sub(period), *now) < limit as usize {
                model.push(*now);
            }
        }
        prop_assert_eq!(admitted(of(Algorithm::Sliding, limit), calls), model);
    }

    #[test]
    fn fixed_admits_at_most_twice_the_limit_in_any_window(limit in 1..12u32, calls in arrivals(120)) {
        prop_assert!(most(&admitted(of(Algorithm::Fixed, limit), calls)) <= 2 * limit as usize);
    }

    #[test]
    fn retry_after_is_exact(limit in 1..12u32, calls in arrivals(60)) {
        for algorithm in ALL {
            let (limit, mut kept) = (of(algorithm, limit), Kept::default());
            for now in &calls {
                let Err(retry_after) = kept.ask(limit, *now) else { continue };
                let then = now.after(retry_after);
                let before = Time::from_nanos(then.as_nanos() - 1);
                prop_assert_eq!(kept.clone().ask(limit, then), Ok(()), "{:?}", algorithm);
                prop_assert_eq!(kept.clone().ask(limit, before), Err(Duration::from_nanos(1)), "{:?}", algorithm);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_great_limit_takes_bounded_space_holds_and_gives_a_place_at_most_a_128th_late(
        limit in EXACT + 1..400,
        gaps in proptest::collection::vec(prop_oneof![0..1_000u64, 0..60_000_000u64, 0..400_000_000u64], 0..1500),
    ) {
        let (limit, mut kept, mut now) = (of(Algorithm::Sliding, limit), Kept::default(), 100_000_000_000);
        let period = u64::try_from(PERIOD.as_nanos()).unwrap();
        let mut times: Vec<Time> = Vec::new();
        for gap in gaps {
            now += gap;
            let late = period + period / u64::from(EXACT) + 1;
            let place = within(&times, now.checked_sub(late), Time::from_nanos(now)) < limit.limit as usize;
            match kept.ask(limit, Time::from_nanos(now)) {
                Ok(()) => times.push(Time::from_nanos(now)),
                Err(retry_after) => {
                    prop_assert!(!place);
                    let then = Time::from_nanos(now).after(retry_after);
                    prop_assert_eq!(kept.clone().ask(limit, then), Ok(()));
                    prop_assert!(kept.clone().ask(limit, Time::from_nanos(then.as_nanos() - 1)).is_err());
                }
            }
            prop_assert!(kept.len() <= 1 + 12 * (EXACT as usize + 2), "{} bytes", kept.len());
        }
        prop_assert!(most(&times) <= limit.limit as usize);
    }
}
