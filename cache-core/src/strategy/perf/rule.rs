//! What becomes of a trace when a call begins, and when it ends. No runtime, no backend.

use std::time::Duration;

use crate::backend::{Step, Transition};
use crate::clock::Time;
use crate::event::EventKind;
use crate::strategy::guard::Watch;
use crate::strategy::numbers::{Reader, Writer};

/// The longest trace.
const LONGEST: u32 = 128;

/// How long the trace of a function is kept that nobody calls, and the end of a degradation.
const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// When a function counts as slow, and for how long it is spared then.
#[derive(Debug, Clone, Copy)]
pub struct Perf {
    /// How many calls it is compared with.
    pub trace_size: u32,
    /// How many times as long as their mean is slow.
    pub factor: f64,
    /// How long calls are refused then.
    pub ttl: Duration,
}

/// What is known of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// How long its last calls took, in nanoseconds, the oldest first; those that began before this time do not
    /// count.
    Traced { since: Time, times: Vec<u64> },
    /// It was slow, and is spared until then.
    Degraded { until: Time },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Ask {
    /// To be let through.
    Begin,
    /// Nothing: to tell that a call that began then took so long.
    End { began: Time, took: Duration, failed: bool },
}

/// One step of a trace.
#[derive(Debug)]
pub(super) struct Change {
    perf: Perf,
    ask: Ask,
    /// What who began was told: the time, or when to come again.
    pub(super) told: Result<Time, Duration>,
    /// The transition that the step was.
    pub(super) moved: Option<EventKind>,
}

impl Change {
    pub(super) const fn new(perf: Perf, ask: Ask) -> Self {
        Self { perf, ask, told: Ok(Time::ORIGIN), moved: None }
    }
}

impl Watch for Change {
    fn moved(&self) -> Option<EventKind> {
        self.moved
    }
}

impl Transition for Change {
    fn name(&self) -> &'static str {
        "perf"
    }

    fn step(&mut self, state: Option<&[u8]>, now: Time) -> Step {
        self.moved = None;
        let state = state.and_then(State::read).unwrap_or_else(State::first);
        match self.ask {
            Ask::Begin => {
                self.told = match state {
                    State::Degraded { until } if until > now => Err(until.since(now)),
                    State::Degraded { .. } | State::Traced { .. } => Ok(now),
                };
                Step::Keep
            }
            Ask::End { began, took, failed } => {
                let Some(next) = self.perf.end(state, began, took, failed, now) else { return Step::Keep };
                let mut kept = now;
                if let State::Degraded { until } = next {
                    self.moved = Some(EventKind::Degraded);
                    kept = until;
                }
                Step::Put(next.write(), kept.after(REMEMBERED))
            }
        }
    }
}

impl Perf {
    /// The state if a call that took so long makes it another.
    fn end(&self, state: State, began: Time, took: Duration, failed: bool, now: Time) -> Option<State> {
        let (since, mut times) = match state {
            State::Traced { since, times } => (since, times),
            State::Degraded { until } => (until, Vec::new()),
        };
        if began < since {
            return None;
        }
        let (took, size) = (u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), self.size());
        if times.len() >= size && self.is_slow(took, &times) {
            return Some(State::Degraded { until: now.after(self.ttl) });
        }
        // An error often comes at once: it says nothing of how long an answer takes.
        if failed {
            return None;
        }
        times.push(took);
        times.drain(..times.len().saturating_sub(size));
        Some(State::Traced { since, times })
    }

    #[expect(clippy::cast_precision_loss, reason = "a mean of 2^53 nanoseconds may be off by one of them")]
    fn is_slow(&self, took: u64, times: &[u64]) -> bool {
        let sum: u128 = times.iter().copied().map(u128::from).sum();
        took as f64 * times.len() as f64 > self.factor * sum as f64
    }

    fn size(&self) -> usize {
        self.trace_size.clamp(1, LONGEST) as usize
    }
}

impl State {
    const fn first() -> Self {
        Self::Traced { since: Time::ORIGIN, times: Vec::new() }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let mut reader = Reader::new(rest);
        let time = reader.time()?;
        match tag {
            b't' => {
                // One more than there are: it is likely to be added to.
                let mut times = Vec::with_capacity(reader.len() / 8 + 1);
                while !reader.is_empty() {
                    times.push(reader.u64()?);
                }
                Some(Self::Traced { since: time, times })
            }
            b'd' => reader.is_empty().then_some(Self::Degraded { until: time }),
            _ => None,
        }
    }

    fn write(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(match self {
            Self::Traced { times, .. } => 9 + 8 * times.len(),
            Self::Degraded { .. } => 9,
        });
        match self {
            Self::Traced { since, times } => {
                writer.tag(b't').time(*since);
                for took in times {
                    writer.u64(*took);
                }
            }
            Self::Degraded { until } => {
                writer.tag(b'd').time(*until);
            }
        }
        writer.bytes()
    }
}
