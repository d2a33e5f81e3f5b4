//! A breaker beside a naive one that forgets nothing and counts by looking at all that ever happened.

use proptest::prelude::*;

use super::*;

/// A call under way: what it was given, and what the naive breaker knows of it.
#[derive(Clone, Copy)]
struct Flying {
    pass: Pass,
    id: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Closed,
    Open { since: Time },
    HalfOpen,
}

/// A call as the naive breaker remembers it.
#[derive(Clone, Copy)]
struct Called {
    /// In the how-manieth phase it began.
    phase: usize,
    at: Time,
    /// Its place was given to another.
    replaced: bool,
    ended: Option<(Time, Outcome)>,
}

#[derive(Clone)]
struct Naive {
    breaker: Breaker,
    /// How many phases there were.
    phases: usize,
    phase: Phase,
    calls: Vec<Called>,
}

impl Naive {
    fn new(breaker: Breaker) -> Self {
        Self { breaker, phases: 0, phase: Phase::Closed, calls: Vec::new() }
    }

    fn enter(&mut self, phase: Phase) {
        self.phases += 1;
        self.phase = phase;
    }

    fn of_phase(&self) -> impl Iterator<Item = &Called> {
        self.calls.iter().filter(|call| call.phase == self.phases)
    }

    fn succeeded(&self) -> usize {
        self.of_phase()
            .filter(|call| matches!(call.ended, Some((_, Outcome::Succeeded))) && !call.replaced)
            .count()
    }

    /// Probes that may still tell something.
    fn flying(&self) -> impl Iterator<Item = &Called> {
        self.of_phase().filter(|call| call.ended.is_none() && !call.replaced)
    }

    fn begin(&mut self, now: Time) -> Result<usize, Duration> {
        if let Phase::Open { since } = self.phase {
            let until = since.after(self.breaker.ttl);
            if now < until {
                return Err(until.since(now));
            }
            self.enter(Phase::HalfOpen);
        }
        if self.phase == Phase::HalfOpen {
            let (phase, ttl) = (self.phases, self.breaker.half_open_ttl);
            for call in &mut self.calls {
                call.replaced |= call.phase == phase && call.ended.is_none() && call.at.after(ttl) <= now;
            }
            if self.flying().count() + self.succeeded() >= self.breaker.half_open_calls as usize {
                return Err(self.flying().map(|call| call.at.after(ttl)).min().unwrap().since(now));
            }
        }
        self.calls.push(Called { phase: self.phases, at: now, replaced: false, ended: None });
        Ok(self.calls.len() - 1)
    }

    fn end(&mut self, id: usize, outcome: Outcome, now: Time) {
        let call = &mut self.calls[id];
        call.ended = Some((now, outcome));
        if call.phase != self.phases || call.replaced || outcome == Outcome::Nothing {
            return;
        }
        match self.phase {
            Phase::Closed => {
                let part = u64::try_from(self.breaker.period.as_nanos()).unwrap().div_ceil(10);
                let recent =
                    |at: Time| Time::from_nanos(at.as_nanos() / part * part).after(self.breaker.period) > now;
                let count = |wanted: &[Outcome]| {
                    let ended = self.of_phase().filter_map(|call| call.ended);
                    ended.filter(|(at, outcome)| recent(*at) && wanted.contains(outcome)).count()
                };
                let (calls, failed) =
                    (count(&[Outcome::Succeeded, Outcome::Failed]), count(&[Outcome::Failed]));
                let enough = calls >= self.breaker.min_calls as usize;
                let share = |calls: usize| f64::from(u32::try_from(calls).unwrap());
                if enough && share(failed) * 100.0 >= self.breaker.errors_rate * share(calls) {
                    self.enter(Phase::Open { since: now });
                }
            }
            Phase::HalfOpen if outcome == Outcome::Failed => self.enter(Phase::Open { since: now }),
            Phase::HalfOpen => {
                if self.succeeded() >= self.breaker.half_open_calls as usize {
                    self.enter(Phase::Closed);
                }
            }
            Phase::Open { .. } => {}
        }
    }
}

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Event {
    Begin,
    /// The call under way at this place of the line ends.
    End(usize, Outcome),
    Wait(Duration),
}

/// The two of them, and the calls under way.
#[derive(Clone)]
struct Both {
    kept: Kept,
    naive: Naive,
    flying: Vec<Flying>,
    told: usize,
}

impl Both {
    fn new(breaker: Breaker) -> Self {
        Self { kept: Kept::new(breaker), naive: Naive::new(breaker), flying: Vec::new(), told: 0 }
    }

    /// One event for both; `Err` where they differ, or an invariant is broken. `false`: nothing happened.
    fn happen(&mut self, event: Event) -> Result<bool, String> {
        let phases = self.naive.phases;
        match event {
            Event::Wait(time) => self.kept.wait(time),
            Event::Begin => {
                let (told, expected) = (self.kept.begin(), self.naive.begin(self.kept.now));
                match (told, expected) {
                    (Ok(pass), Ok(id)) => {
                        if matches!(pass, Pass::Probe(_)) != (self.naive.phase == Phase::HalfOpen) {
                            return Err(format!("{pass:?} in another state"));
                        }
                        self.flying.push(Flying { pass, id });
                    }
                    (Err(told), Err(expected)) if told == expected => self.is_exact(told)?,
                    differ => return Err(format!("told {:?}, expected {:?}", differ.0, differ.1)),
                }
            }
            Event::End(place, outcome) => {
                if place >= self.flying.len() {
                    return Ok(false);
                }
                let Flying { pass, id } = self.flying.remove(place);
                self.kept.end(pass, outcome);
                self.naive.end(id, outcome, self.kept.now);
            }
        }
        self.told += self.naive.phases - phases;
        if self.kept.moved.len() != self.told {
            return Err(format!("{:?}, but {} transitions", self.kept.moved, self.told));
        }
        let last = match self.naive.phase {
            Phase::Closed => EventKind::CircuitClosed,
            Phase::Open { .. } => EventKind::CircuitOpened,
            Phase::HalfOpen => EventKind::CircuitHalfOpened,
        };
        if self.kept.moved.last().is_some_and(|told| *told != last) {
            return Err(format!("{:?} told in another state", self.kept.moved));
        }
        let probes = self.naive.flying().count();
        if self.naive.phase == Phase::HalfOpen && probes > self.kept.breaker.half_open_calls as usize {
            return Err(format!("{probes} probes"));
        }
        let longest = 13 + 16 * 10.max(self.kept.breaker.half_open_calls as usize);
        if self.kept.len() > longest { Err(format!("{} bytes", self.kept.len())) } else { Ok(true) }
    }

    /// Who comes after that long is let through, and not a nanosecond earlier.
    fn is_exact(&self, retry_after: Duration) -> Result<(), String> {
        let after = |time| {
            let mut later = self.kept.clone();
            later.wait(time);
            later.begin()
        };
        let (early, then) = (after(retry_after.saturating_sub(NANO)), after(retry_after));
        if early == Err(NANO) && then.is_ok() { Ok(()) } else { Err(format!("{early:?}, then {then:?}")) }
    }

    /// Whatever is under way and never returns, in the end it closes.
    fn can_close(&self) -> Result<(), String> {
        let mut kept = self.kept.clone();
        for _ in 0..=2 * kept.breaker.half_open_calls {
            kept.wait(kept.breaker.ttl.max(kept.breaker.half_open_ttl));
            let Ok(pass) = kept.begin() else { return Err("refused at the end".to_owned()) };
            if matches!(pass, Pass::Closed(_)) {
                return Ok(());
            }
            kept.end(pass, Outcome::Succeeded);
        }
        Err("it does not close".to_owned())
    }
}

/// All histories of so many events behind what happened already; how many there were.
fn every(both: &Both, events: &[Event], left: usize, history: &mut Vec<Event>) -> usize {
    if left == 0 {
        both.can_close().unwrap_or_else(|why| panic!("{why} after {history:?}"));
        return 1;
    }
    let mut count = 0;
    for event in events {
        let mut next = both.clone();
        history.push(*event);
        match next.happen(*event) {
            Ok(true) => count += every(&next, events, left - 1, history),
            Ok(false) => {}
            Err(why) => panic!("{why} after {history:?}"),
        }
        history.pop();
    }
    count
}

const OUTCOMES: [Outcome; 3] = [Outcome::Succeeded, Outcome::Failed, Outcome::Nothing];

#[test]
fn every_short_history_is_that_of_a_breaker_that_forgets_nothing() {
    let breaker = Breaker { min_calls: 2, half_open_calls: 2, ..BREAKER };
    let mut events = vec![Event::Begin, Event::Wait(breaker.half_open_ttl), Event::Wait(breaker.period)];
    events.extend([0, 1].into_iter().flat_map(|place| OUTCOMES.map(|outcome| Event::End(place, outcome))));
    let end = |outcome| Event::End(0, outcome);
    let fail = [Event::Begin, end(Outcome::Failed)];
    let starts: [Vec<Event>; 4] = [
        vec![],
        // Open, with two late calls of the time before.
        [&[Event::Begin; 2], &[Event::Begin; 2], &[Event::End(2, Outcome::Failed); 2][..]].concat(),
        // Half-open, with two probes.
        [&fail[..], &fail, &[Event::Wait(breaker.ttl), Event::Begin, Event::Begin]].concat(),
        // Closed again, with a late probe of another half-open time.
        [
            &fail[..],
            &fail,
            &[Event::Wait(breaker.ttl), Event::Begin, Event::Begin, Event::End(1, Outcome::Failed)],
            &[Event::Wait(breaker.ttl), Event::Begin, Event::Begin],
            &[Event::End(1, Outcome::Succeeded), Event::End(1, Outcome::Succeeded)],
        ]
        .concat(),
    ];
    let mut count = 0;
    for start in starts {
        let mut both = Both::new(breaker);
        for event in &start {
            assert_eq!(both.happen(*event), Ok(true), "{event:?} of {start:?}");
        }
        count += every(&both, &events, 6, &mut start.clone());
    }
    assert!(count > 100_000, "{count}");
}

fn breakers() -> impl Strategy<Value = Breaker> {
    let time =
        || prop_oneof![Just(1u64), 2..50u64, 1_000_000..20_000_000_000u64].prop_map(Duration::from_nanos);
    let rate = prop_oneof![Just(100.0), 0.5..100.0f64];
    (rate, time(), time(), time(), 1..5u32, 1..8u32).prop_map(
        |(errors_rate, period, ttl, half_open_ttl, half_open_calls, min_calls)| Breaker {
            errors_rate,
            period,
            ttl,
            half_open_ttl,
            half_open_calls,
            min_calls,
            slow_call: None,
        },
    )
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let outcome = || prop_oneof![3 => Just(Outcome::Failed), 3 => Just(Outcome::Succeeded), 1 => Just(Outcome::Nothing)];
    let wait = prop_oneof![0..50u64, 0..3_000_000_000u64, 0..30_000_000_000u64];
    let event = prop_oneof![
        4 => Just(Event::Begin),
        3 => (0..4usize, outcome()).prop_map(|(place, outcome)| Event::End(place, outcome)),
        1 => Just(Event::End(0, Outcome::Succeeded)),
        2 => wait.prop_map(|nanos| Event::Wait(Duration::from_nanos(nanos))),
    ];
    proptest::collection::vec(event, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_long_history_is_that_of_a_breaker_that_forgets_nothing(breaker in breakers(), events in events()) {
        let mut both = Both::new(breaker);
        for event in events {
            let happened = both.happen(event);
            prop_assert!(happened.is_ok(), "{event:?}: {happened:?}");
        }
        prop_assert_eq!(both.can_close(), Ok(()));
    }
}
