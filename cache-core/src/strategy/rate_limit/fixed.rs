//! Fixed windows with a ban: the cheapest count, and a penalty for who goes beyond it.
//!
//! A window begins with the first call after the one before. The call beyond the limit begins the ban, which lasts
//! as long as it says and at least to the end of the window; calls during it do not prolong it. Two windows may
//! meet: up to twice the limit can come around the moment where they do.

use super::rule::{Limit, Verdict};
use crate::backend::Step;
use crate::clock::Time;

/// What tells the state from those of other algorithms.
const TAG: u8 = b'f';

/// The count of a window that has become a ban.
const BAN: u64 = u64::MAX;

struct State {
    count: u64,
    /// The end of the window, or of the ban.
    until: Time,
}

pub(super) fn step(limit: &Limit, state: Option<&[u8]>, now: Time) -> (Verdict, Step) {
    let state = state.and_then(State::read).filter(|state| state.until > now);
    match state {
        None => (Ok(()), put(1, now.after(limit.period))),
        Some(State { count: BAN, until }) => (Err(until.since(now)), Step::Keep),
        Some(State { count, until }) if count < u64::from(limit.limit) => (Ok(()), put(count + 1, until)),
        Some(State { until, .. }) => {
            let until = until.max(now.after(limit.ban));
            (Err(until.since(now)), put(BAN, until))
        }
    }
}

impl State {
    fn read(bytes: &[u8]) -> Option<Self> {
        let (count, until) = bytes.strip_prefix(&[TAG])?.split_first_chunk()?;
        Some(Self {
            count: u64::from_le_bytes(*count),
            until: Time::from_nanos(u64::from_le_bytes(until.try_into().ok()?)),
        })
    }
}

fn put(count: u64, until: Time) -> Step {
    let mut bytes = Vec::with_capacity(17);
    bytes.push(TAG);
    bytes.extend_from_slice(&count.to_le_bytes());
    bytes.extend_from_slice(&until.as_nanos().to_le_bytes());
    Step::Put(bytes, until)
}
