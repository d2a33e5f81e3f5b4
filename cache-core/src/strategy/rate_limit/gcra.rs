//! The generic cell rate algorithm without bursts: calls are kept one interval, `period / limit`, apart.
//!
//! Never more than the limit in any window of the period, and evenly: with a tolerance for bursts beside the full
//! rate, nearly twice the limit could come in one window. The state is one time, and gone when it is over.

use std::time::Duration;

use super::rule::{Limit, Verdict};
use crate::backend::Step;
use crate::clock::Time;

/// What tells the state from those of other algorithms.
const TAG: u8 = b'g';

pub(super) fn step(limit: &Limit, state: Option<&[u8]>, now: Time) -> (Verdict, Step) {
    if let Some(next) = state.and_then(read).filter(|next| *next > now) {
        return (Err(next.since(now)), Step::Keep);
    }
    let next = now.after(interval(limit));
    let bytes = [&[TAG][..], &next.as_nanos().to_le_bytes()].concat();
    (Ok(()), Step::Put(bytes, next))
}

/// Rounded up: rounded down, one more than the limit would fit into a window.
fn interval(limit: &Limit) -> Duration {
    let nanos = limit.period.as_nanos().div_ceil(u128::from(limit.limit.max(1)));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

fn read(bytes: &[u8]) -> Option<Time> {
    let next = bytes.strip_prefix(&[TAG])?.try_into().ok()?;
    Some(Time::from_nanos(u64::from_le_bytes(next)))
}
