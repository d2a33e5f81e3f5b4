//! What the server says unasked.

use std::fmt;
use std::sync::{Arc, Weak};

use cache_core::{Clock, Key, KeyRef, SystemClock};
use redis::{Cmd, Value};

use super::Nearby;
use crate::redis::link::Listener;
use crate::redis::names;

/// Hears it on behalf of what is near. The link must not keep that alive, since that keeps the link.
pub(super) struct Ear(pub(super) Weak<Nearby>);

impl Listener for Ear {
    /// The mode in which the server remembers who has read what, and tells nobody of what he did himself.
    fn greetings(&self) -> Vec<Cmd> {
        let mut tracking = redis::cmd("CLIENT");
        tracking.arg("TRACKING").arg("ON").arg("NOLOOP");
        vec![tracking]
    }

    fn opened(&self, connection: u64, greeted: bool) {
        if let Some(near) = self.near() {
            near.trust.opened(connection, greeted, SystemClock.now());
            if !greeted {
                // Reads that were begun before may take it.
                near.epochs.move_all();
            }
            near.wake();
        }
    }

    fn changed(&self, _: u64, keys: Option<&[Value]>) {
        let Some(near) = self.near() else { return };
        match keys {
            // To forget all costs less than to look for so many.
            Some(keys) if keys.len() <= near.len().max(FEW) => keys.iter().for_each(|key| near.hear(key)),
            _ => near.change_all(),
        }
    }

    fn lost(&self, connection: u64) {
        if let Some(near) = self.near() {
            near.trust.lost(connection);
            near.change_all();
        }
    }
}

/// So many keys that were told together are looked for in any case.
const FEW: usize = 1_000;

impl Ear {
    fn near(&self) -> Option<Arc<Nearby>> {
        self.0.upgrade()
    }
}

impl Nearby {
    fn hear(&self, name: &Value) {
        match name {
            Value::BulkString(name) => self.change_name(name),
            Value::SimpleString(name) => self.change_name(name.as_bytes()),
            _ => {}
        }
    }

    /// What has this name on the server has changed. What is no text is no key of ours.
    pub(super) fn change_name(&self, name: &[u8]) {
        if let Some(tag) = names::tag_of(name) {
            self.end_tag(&Key::from(tag));
        }
        if let Ok(key) = std::str::from_utf8(name) {
            self.change(KeyRef::new(key));
        }
    }
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ear")
    }
}
