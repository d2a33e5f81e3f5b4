//! Who waits for whom: a wait that would close a circle is not begun.
//!
//! Only callers that are themselves computing something are recorded, so the usual wait costs nothing here.

use std::collections::HashMap;
use std::sync::{LazyLock, PoisonError};

use crate::sync::Mutex;

/// Of all caches of the process: a circle may lead through several.
static WAITS: LazyLock<Waits> = LazyLock::new(Waits::default);

/// Edges from a computation to those its leader waits for.
#[derive(Default)]
pub(super) struct Waits(Mutex<Edges>);

type Edges = HashMap<u64, Vec<u64>>;

/// A recorded wait; forgotten when dropped.
pub(super) struct Edge {
    waits: &'static Waits,
    from: Vec<u64>,
    to: u64,
}

/// The waits of the process.
pub(super) fn waits() -> &'static Waits {
    &WAITS
}

impl Waits {
    /// Records that the computations `from` wait for `to`. `None`: `to` already waits for one of them.
    /// `Some(None)`: nothing to record.
    #[expect(clippy::option_option, reason = "refused, nothing to hold, and held are three answers")]
    pub(super) fn register(&'static self, from: &[u64], to: u64) -> Option<Option<Edge>> {
        if from.is_empty() {
            return Some(None);
        }
        let mut edges = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut reached, mut seen) = (vec![to], Vec::new());
        while let Some(id) = reached.pop() {
            if from.contains(&id) {
                return None;
            }
            if !seen.contains(&id) {
                seen.push(id);
                reached.extend(edges.get(&id).into_iter().flatten());
            }
        }
        for id in from {
            edges.entry(*id).or_default().push(to);
        }
        drop(edges);
        Some(Some(Edge { waits: self, from: from.to_vec(), to }))
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let mut edges = self.waits.0.lock().unwrap_or_else(PoisonError::into_inner);
        for id in &self.from {
            if let Some(targets) = edges.get_mut(id) {
                if let Some(at) = targets.iter().position(|target| *target == self.to) {
                    targets.swap_remove(at);
                }
                if targets.is_empty() {
                    edges.remove(id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_that_closes_a_circle_is_refused() {
        let waits: &'static Waits = Box::leak(Box::default());
        let a_for_b = waits.register(&[1], 2).unwrap();
        let b_for_c = waits.register(&[2], 3).unwrap();
        assert!(waits.register(&[3], 1).is_none());
        assert!(waits.register(&[3], 4).is_some());
        drop(b_for_c);
        assert!(waits.register(&[3], 1).is_some());
        drop(a_for_b);
        assert!(waits.0.lock().unwrap().is_empty());
    }
}
