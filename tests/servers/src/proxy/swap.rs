//! Replies in another order.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::{State, frame};

/// Longer than a server needs to answer the second of two commands, shorter than anybody waits.
const ALONE: Duration = Duration::from_millis(20);

/// What waits for the reply that overtakes it.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    kept: Option<(Instant, Vec<u8>)>,
    /// The beginning of a reply.
    begun: Vec<u8>,
}

impl Pairs {
    /// What arrives when `bytes` came.
    pub(super) fn swap(&mut self, bytes: Vec<u8>, state: &State) -> Vec<u8> {
        let mut arrives = Vec::new();
        self.begun.extend(bytes);
        while let Some(length) = frame::length(&self.begun) {
            let reply: Vec<u8> = self.begun.drain(..length).collect();
            if frame::is_push(&reply) {
                arrives.extend(reply); // nobody asked for it, so it takes nobody's place
            } else if let Some((_, earlier)) = self.kept.take() {
                arrives.extend(reply);
                arrives.extend(earlier);
                state.swapped.fetch_add(1, Ordering::SeqCst);
            } else {
                self.kept = Some((Instant::now() + ALONE, reply));
            }
        }
        arrives
    }

    /// The reply that no other came to overtake.
    pub(super) async fn alone(&mut self) -> Vec<u8> {
        match &self.kept {
            Some((until, _)) => sleep_until(*until).await,
            None => std::future::pending().await,
        }
        self.kept.take().map(|(_, reply)| reply).unwrap_or_default()
    }

    /// All that is left, for another mode.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        let mut rest = self.kept.take().map(|(_, reply)| reply).unwrap_or_default();
        rest.append(&mut self.begun);
        rest
    }
}
