//! What is told of the calls, counted chapter by chapter, and shown as it changes.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use macadamia::{Event, EventKind};

/// How often something happened to a function within a chapter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Told(Vec<(&'static str, EventKind, usize)>);

impl Told {
    pub(crate) fn count(&self, function: &str, kind: EventKind) -> usize {
        self.0.iter().find(|told| (told.0, told.1) == (function, kind)).map_or(0, |told| told.2)
    }

    /// How often it has happened now.
    fn add(&mut self, function: &'static str, kind: EventKind) -> usize {
        if let Some(told) = self.0.iter_mut().find(|told| (told.0, told.1) == (function, kind)) {
            told.2 += 1;
            return told.2;
        }
        self.0.push((function, kind, 1));
        1
    }
}

pub(crate) struct Log {
    began: Instant,
    told: Mutex<Told>,
}

impl Default for Log {
    fn default() -> Self {
        Self { began: Instant::now(), told: Mutex::default() }
    }
}

impl Log {
    /// A line for each change of a breaker, and for everything else the first time in a chapter.
    pub(crate) fn note(&self, event: &Event<'_>) {
        let (Some(function), Some(what)) = (event.function, sentence(event.kind)) else { return };
        let times = self.told().add(function.name, event.kind);
        if times == 1 || is_transition(event.kind) {
            let why = event.error.map(|error| format!(" ({error})")).unwrap_or_default();
            let at = self.began.elapsed().as_secs_f64();
            println!("  {at:5.2} s  {:<7} {what}{why}", function.name);
        }
    }

    pub(crate) fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new chapter begins.
    pub(crate) fn begin(&self, title: &str) {
        *self.told() = Told::default();
        println!("\n{title}");
    }
}

const fn is_transition(kind: EventKind) -> bool {
    matches!(kind, EventKind::CircuitOpened | EventKind::CircuitHalfOpened | EventKind::CircuitClosed)
}

const fn sentence(kind: EventKind) -> Option<&'static str> {
    Some(match kind {
        EventKind::Hit => "answers from the cache",
        EventKind::Computed => "asks the service",
        EventKind::Stale => "answers with what it has, though it is time for a new one",
        EventKind::Refreshed => "has a new value, computed beside the calls",
        EventKind::NotRefreshed => "could not be computed anew: the present value stays",
        EventKind::Fallback => "fails, and answers with the last good value",
        EventKind::Rejected => "is refused, the service not asked",
        EventKind::CircuitOpened => "CIRCUIT OPEN",
        EventKind::CircuitHalfOpened => "CIRCUIT HALF-OPEN: only probes may ask",
        EventKind::CircuitClosed => "CIRCUIT CLOSED",
        _ => return None,
    })
}
