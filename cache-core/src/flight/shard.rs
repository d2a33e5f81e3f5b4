//! The table of computations that can be joined: those of everybody, and those of circles of callers.

use std::collections::HashMap;
use std::sync::Arc;

use super::Flight;
use crate::key::{Key, PrehashedState};
use crate::scope::Circle;

#[derive(Default)]
pub(super) struct Shard {
    open: HashMap<Key, Arc<Flight>, PrehashedState>,
    /// Of callers that share among themselves alone: none, mostly, and never many.
    closed: Vec<Arc<Flight>>,
}

impl Shard {
    pub(super) fn get(&self, key: &Key, circle: Circle) -> Option<&Arc<Flight>> {
        if circle == Circle::EVERYBODY {
            return self.open.get(key);
        }
        self.closed.iter().find(|flight| flight.circle == circle && flight.key == *key)
    }

    pub(super) fn insert(&mut self, flight: Arc<Flight>) {
        if flight.circle == Circle::EVERYBODY {
            self.open.insert(flight.key.clone(), flight);
        } else {
            self.closed.push(flight);
        }
    }

    /// Takes the flight out, unless another took its place.
    pub(super) fn remove(&mut self, flight: &Arc<Flight>) {
        if flight.circle != Circle::EVERYBODY {
            self.closed.retain(|known| !Arc::ptr_eq(known, flight));
        } else if self.open.get(&flight.key).is_some_and(|known| Arc::ptr_eq(known, flight)) {
            self.open.remove(&flight.key);
        }
    }

    pub(super) fn remove_key(&mut self, key: &Key) {
        self.open.remove(key);
        self.closed.retain(|flight| flight.key != *key);
    }

    pub(super) fn retain(&mut self, stays: impl Fn(&Flight) -> bool) {
        self.open.retain(|_, flight| stays(flight));
        self.closed.retain(|flight| stays(flight));
    }

    pub(super) fn len(&self) -> usize {
        self.open.len() + self.closed.len()
    }
}
