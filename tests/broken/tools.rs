//! What makes defects.

use std::sync::Arc;

use macadamia::{Encoded, Entry, Error, Step, Time, Transition};

/// Lets another thread come between two halves of what should be one step.
pub fn give_way() {
    std::thread::sleep(std::time::Duration::from_micros(50));
}

/// The bytes of an entry, changed.
pub fn with_bytes(entry: &Entry, change: impl FnOnce(&[u8]) -> Vec<u8>) -> Arc<Entry> {
    let Some(bytes) = entry.encoded() else { return Entry::new(0i64, entry.meta()) };
    Entry::new(Encoded(change(bytes).into()), entry.meta()).stamped(entry.stamps().to_vec())
}

/// The same entry with another end.
pub fn until(entry: &Entry, expires: Time) -> Arc<Entry> {
    let mut meta = entry.meta();
    meta.expires = expires;
    match entry.downcast_ref::<i64>() {
        Some(number) => Entry::new(*number, meta),
        None => Entry::new(Encoded(entry.encoded().cloned().unwrap_or_default()), meta),
    }
    .stamped(entry.stamps().to_vec())
}

pub fn closed() -> Error {
    Error::backend("the connection is closed")
}

/// The next state, told without changing anything.
pub struct Glance(pub Option<Vec<u8>>);

impl Transition for Glance {
    fn name(&self) -> &'static str {
        "glance"
    }

    fn step(&mut self, state: Option<&[u8]>, _: Time) -> Step {
        self.0 = state.map(<[u8]>::to_vec);
        Step::Keep
    }
}

/// The next state, whatever it was.
pub struct Replace(pub Step);

impl Transition for Replace {
    fn name(&self) -> &'static str {
        "replace"
    }

    fn step(&mut self, _: Option<&[u8]>, _: Time) -> Step {
        self.0.clone()
    }
}
