//! What becomes of a breaker when a call begins, and when it ends. No runtime, no backend.

use std::time::Duration;

use super::state::{Probe, State};
use super::window::Window;
use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::event::EventKind;
use crate::strategy::guard::Watch;

/// The most permits that a half-open breaker gives.
const MOST_PROBES: u32 = 128;

/// How long is remembered what no call asks for: that a breaker was open, so that the first call after a quiet night
/// is a probe; and that it has closed since, so that a result from before is known as such.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// When a breaker opens and how it closes.
#[derive(Debug, Clone, Copy)]
pub struct Breaker {
    /// The share of failed calls that opens it, in percent.
    pub errors_rate: f64,
    /// The time over which they are counted.
    pub period: Duration,
    /// How long it stays open.
    pub ttl: Duration,
    /// How long a probe may take before another call may be one instead.
    pub half_open_ttl: Duration,
    /// How many calls run at once while it is half-open, and how many of them must succeed.
    pub half_open_calls: u32,
    /// Fewer calls than this in a period say nothing.
    pub min_calls: u32,
    /// A call that took at least this long has failed.
    pub slow_call: Option<Duration>,
}

/// By what a call was let through: it shows this when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pass {
    /// The breaker was closed, in this epoch.
    Closed(u64),
    /// It was half-open, and this is the probe.
    Probe(u64),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Succeeded,
    Failed,
    /// It says nothing of the function.
    Nothing,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// To be let through; as the probe of this number, if it comes to that.
    Begin(u64),
    /// Nothing: to tell how the call ended.
    End(Pass, Outcome),
}

/// One step of a breaker.
#[derive(Debug)]
pub(super) struct Change {
    breaker: Breaker,
    ask: Ask,
    /// What who began was told.
    pub(super) told: Result<Pass, Duration>,
    /// The transition that the step was.
    pub(super) moved: Option<EventKind>,
}

impl Change {
    pub(super) const fn new(breaker: Breaker, ask: Ask) -> Self {
        Self { breaker, ask, told: Ok(Pass::Closed(0)), moved: None }
    }
}

impl Watch for Change {
    fn moved(&self) -> Option<EventKind> {
        self.moved
    }
}

impl Transition for Change {
    fn name(&self) -> &'static str {
        "circuit_breaker"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.moved = None;
        let state = state.and_then(State::read).unwrap_or_else(State::first);
        let next = match self.ask {
            Ask::Begin(id) => {
                let (told, next) = self.breaker.begin(&state, id, now);
                self.told = told;
                next
            }
            Ask::End(pass, outcome) => self.breaker.end(&state, pass, outcome, now),
        };
        let Some(next) = next else { return Step::Keep };
        self.moved = moved(&state, &next);
        Step::Put(next.write(), self.breaker.kept_until(&next, now))
    }
}

/// The transition between two states, if they are not of one kind.
fn moved(before: &State, after: &State) -> Option<EventKind> {
    match (before, after) {
        (State::Closed { .. }, State::Closed { .. }) | (State::HalfOpen { .. }, State::HalfOpen { .. }) => {
            None
        }
        (_, State::Closed { .. }) => Some(EventKind::CircuitClosed),
        (_, State::Open { .. }) => Some(EventKind::CircuitOpened),
        (_, State::HalfOpen { .. }) => Some(EventKind::CircuitHalfOpened),
    }
}

impl Breaker {
    /// Whether a call may run, and the state if it becomes another.
    fn begin(&self, state: &State, id: u64, now: Time) -> (Result<Pass, Duration>, Option<State>) {
        let permit = Probe { id, until: now.after(self.half_open_ttl) };
        match state {
            State::Closed { epoch, .. } => (Ok(Pass::Closed(*epoch)), None),
            State::Open { until, .. } if *until > now => (Err(until.since(now)), None),
            State::Open { .. } => {
                let epoch = state.next_epoch(now);
                (Ok(Pass::Probe(id)), Some(State::HalfOpen { epoch, succeeded: 0, probes: vec![permit] }))
            }
            State::HalfOpen { epoch, succeeded, probes } => {
                // What a probe has succeeded in need not be tried again.
                let free = self.probes().saturating_sub(*succeeded).max(1);
                let mut probes = probes.clone();
                probes.retain(|probe| probe.until > now);
                if probes.len() as u64 >= u64::from(free) {
                    let first = probes.iter().map(|probe| probe.until).min().unwrap_or(now);
                    return (Err(first.since(now)), None);
                }
                probes.push(permit);
                let next = State::HalfOpen { epoch: *epoch, succeeded: *succeeded, probes };
                (Ok(Pass::Probe(id)), Some(next))
            }
        }
    }

    /// The state if the outcome of a call makes it another.
    fn end(&self, state: &State, pass: Pass, outcome: Outcome, now: Time) -> Option<State> {
        match (state, pass) {
            // A later epoch than that of the call: it says nothing of now. An earlier one: the breaker has had
            // nothing to count for so long that its state was dropped.
            (State::Closed { epoch, window }, Pass::Closed(seen)) if *epoch <= seen => {
                if outcome == Outcome::Nothing {
                    return None;
                }
                let mut window = window.clone();
                window.add(outcome == Outcome::Failed, self.period, now);
                Some(if self.is_too_much(&window) {
                    self.opened(state, now)
                } else {
                    State::Closed { epoch: *epoch, window }
                })
            }
            (State::HalfOpen { epoch, succeeded, probes }, Pass::Probe(id)) => {
                let mut left = probes.clone();
                left.retain(|probe| probe.id != id);
                if left.len() == probes.len() {
                    return None;
                }
                let succeeded = succeeded.saturating_add(u32::from(outcome == Outcome::Succeeded));
                Some(match outcome {
                    Outcome::Failed => self.opened(state, now),
                    Outcome::Succeeded if succeeded >= self.probes() => {
                        State::Closed { epoch: state.next_epoch(now), window: Window::default() }
                    }
                    Outcome::Succeeded | Outcome::Nothing => {
                        State::HalfOpen { epoch: *epoch, succeeded, probes: left }
                    }
                })
            }
            _ => None,
        }
    }

    fn opened(&self, state: &State, now: Time) -> State {
        State::Open { epoch: state.next_epoch(now), until: now.after(self.ttl) }
    }

    fn is_too_much(&self, window: &Window) -> bool {
        #[expect(clippy::cast_precision_loss, reason = "a share of 2^53 calls may be off by one of them")]
        let share = |failed: u64, calls: u64| failed as f64 * 100.0 >= self.errors_rate * calls as f64;
        let (calls, failed) = window.sums();
        calls >= u64::from(self.min_calls.max(1)) && failed > 0 && share(failed, calls)
    }

    fn probes(&self) -> u32 {
        self.half_open_calls.clamp(1, MOST_PROBES)
    }

    /// When nothing that the state says can be asked for any more.
    fn kept_until(&self, state: &State, now: Time) -> Time {
        match state {
            // One that was never open holds nothing but counts.
            State::Closed { epoch: 0, .. } => now.after(self.period),
            State::Closed { .. } => now.after(self.period.max(REMEMBERED)),
            State::Open { until, .. } => until.after(REMEMBERED),
            State::HalfOpen { .. } => now.after(self.half_open_ttl).after(REMEMBERED),
        }
    }
}
