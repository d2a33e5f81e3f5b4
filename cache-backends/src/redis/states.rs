//! Small states, changed in one step: thought out here, stored by the server if what was expected is still there.
//!
//! What was seen last is remembered, so a step that nobody else comes between is one round trip. Callers of this process
//! take turns for each state: they would only be in each other's way.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cache_core::{Error, Key, Result, Step, Time, Transition};
use redis::Value;

use super::link::Lane;
use super::store::{Store, bytes, millis};
use super::{fault, record, scripts};

/// How often a step is thought out again because somebody was quicker. Each time somebody was, so this ends.
const ROUNDS: usize = 1_000;

/// How far the server's time may be from what it was thought to be, in milliseconds: as long as an answer takes at most.
const LATE: &[u8] = b"1000";

/// So many states are remembered; then those that nobody is at are forgotten, and asked for when they are needed.
const MOST: usize = 10_000;

/// What is remembered of states.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<HashMap<Key, Arc<Remembered>>>);

/// The record that was last seen, empty for none. Whoever holds it takes the next step.
type Remembered = tokio::sync::Mutex<Vec<u8>>;

impl States {
    fn of(&self, key: &Key) -> Arc<Remembered> {
        let mut states = self.states();
        if states.len() >= MOST && !states.contains_key(key) {
            states.retain(|_, remembered| Arc::strong_count(remembered) > 1);
        }
        Arc::clone(states.entry(key.clone()).or_default())
    }

    /// They are about to be removed.
    pub(super) fn forget(&self, keys: &[Key]) {
        let mut states = self.states();
        if !states.is_empty() {
            keys.iter().for_each(|key| drop(states.remove(key)));
        }
    }

    pub(super) fn forget_all(&self) {
        self.states().clear();
    }

    fn states(&self) -> MutexGuard<'_, HashMap<Key, Arc<Remembered>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step came to.
enum Done {
    Yes,
    /// This is there instead.
    No(Vec<u8>),
}

impl Store {
    pub(super) async fn update(&self, key: &Key, change: &mut dyn Transition) -> Result<()> {
        let remembered = self.states.of(key);
        let mut seen = remembered.lock().await;
        for _ in 0..ROUNDS {
            let now = self.moment_by(key).await?.wall;
            let state = record::state(&seen);
            let is_over = state.is_some_and(|(_, until)| until <= now);
            let state = state.filter(|_| !is_over).map(|(state, _)| state);
            let next = match change.step(state, Time::from_nanos(now)) {
                Step::Keep => Next::Keep,
                Step::Put(state, until) => {
                    Next::Put(record::of_state(&state, until.as_nanos()), millis(until.as_nanos()))
                }
                Step::Remove => Next::Remove,
            };
            match self.step_to(key, &seen, is_over, &next).await? {
                Done::Yes => {
                    match next {
                        Next::Keep => {}
                        Next::Put(record, _) => *seen = record,
                        Next::Remove => seen.clear(),
                    }
                    return Ok(());
                }
                Done::No(present) => *seen = present,
            }
        }
        Err(Error::backend(format_args!("the state `{key}` was changed by others {ROUNDS} times meanwhile")))
    }

    async fn step_to(&self, key: &Key, seen: &[u8], is_over: bool, next: &Next) -> Result<Done> {
        let (word, record, until): (&[u8], &[u8], &[u8]) = match next {
            Next::Keep => (b"keep", b"", b""),
            Next::Put(record, until) => (b"put", record, until),
            Next::Remove => (b"remove", b"", b""),
        };
        let over: &[u8] = if is_over { b"1" } else { b"" };
        let source = self.link.source(bytes(key));
        let thought = self.clock.untouched(source).to_string();
        let args = [seen, over, word, record, until, thought.as_bytes(), LATE];
        let sent = Instant::now();
        let answer =
            self.link.run(Lane::Write, "locks and limits", &scripts::STEP, &[bytes(key)], &args).await?;
        let Value::Array(parts) = answer else { return Err(fault::unexpected("a script", &answer)) };
        let (done, seconds, micros, present) = match <[Value; 4]>::try_from(parts) {
            Ok([done, seconds, micros, present]) => (done, seconds, micros, Some(present)),
            Err(parts) => match <[Value; 3]>::try_from(parts) {
                Ok([done, seconds, micros]) => (done, seconds, micros, None),
                Err(parts) => return Err(fault::unexpected("a script", &Value::Array(parts))),
            },
        };
        if let Some(time) = fault::read_time(&Value::Array(vec![seconds, micros])) {
            self.clock.learn(source, time, sent, Instant::now());
        }
        match (done, present) {
            (Value::Int(1), _) => Ok(Done::Yes),
            (_, Some(Value::BulkString(present))) => Ok(Done::No(present)),
            _ => Err(fault::unexpected("a script", &Value::Nil)),
        }
    }
}

/// What is to become of a state.
enum Next {
    Keep,
    Put(Vec<u8>, Vec<u8>),
    Remove,
}
