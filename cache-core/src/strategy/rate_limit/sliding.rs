//! The sliding window: never more than the limit in any window of the period, and a call is admitted as soon as an
//! admitted one has left it. Refused calls are not counted, so a caller that never stops asking gets its share.
//!
//! Up to 128 calls are remembered each by its time: exact. Of a greater limit, calls within one 128th of the period
//! are remembered together, as if all had come with the last of them: a place becomes free up to that much later
//! than it might, and never earlier. Either way a state is at most 1.6 KiB.

use super::rule::{Limit, Verdict};
use crate::backend::Step;
use crate::clock::Time;

/// What tells the state from those of other algorithms.
const TAG: u8 = b's';

/// How many times are remembered.
pub(super) const EXACT: u32 = 128;

/// Calls that leave the window together, after the last of them.
#[derive(Clone, Copy)]
struct Group {
    last: Time,
    calls: u32,
}

pub(super) fn step(limit: &Limit, state: Option<&[u8]>, now: Time) -> (Verdict, Step) {
    let mut groups = state.and_then(read).unwrap_or_default();
    groups.retain(|group| group.last.after(limit.period) > now);
    let calls: u64 = groups.iter().map(|group| u64::from(group.calls)).sum();
    if calls >= u64::from(limit.limit) {
        return (Err(free_at(limit, &groups, calls).since(now)), Step::Keep);
    }
    // A server's clock may be set back; the order stays.
    let at = groups.last().map_or(now, |group| group.last.max(now));
    match groups.last_mut().filter(|group| slot(limit, group.last) == slot(limit, at)) {
        Some(group) => *group = Group { last: at, calls: group.calls.saturating_add(1) },
        None => groups.push(Group { last: at, calls: 1 }),
    }
    (Ok(()), Step::Put(write(&groups), at.after(limit.period)))
}

/// When enough of the oldest have left. Nobody is admitted until then, so it stays true.
fn free_at(limit: &Limit, groups: &[Group], mut calls: u64) -> Time {
    for group in groups {
        calls -= u64::from(group.calls).min(calls);
        if calls < u64::from(limit.limit) {
            return group.last.after(limit.period);
        }
    }
    Time::NEVER
}

/// Times with the same number are remembered together.
fn slot(limit: &Limit, at: Time) -> u128 {
    let nanos = u128::from(at.as_nanos());
    if limit.limit <= EXACT { nanos } else { nanos / (limit.period.as_nanos() / u128::from(EXACT)).max(1) }
}

fn read(bytes: &[u8]) -> Option<Vec<Group>> {
    let (groups, []) = bytes.strip_prefix(&[TAG])?.as_chunks::<12>() else { return None };
    let group = |bytes: &[u8; 12]| {
        let (last, calls) = bytes.split_first_chunk()?;
        Some(Group {
            last: Time::from_nanos(u64::from_le_bytes(*last)),
            calls: u32::from_le_bytes(calls.try_into().ok()?),
        })
    };
    groups.iter().map(group).collect()
}

fn write(groups: &[Group]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(1 + groups.len() * 12);
    bytes.push(TAG);
    for group in groups {
        bytes.extend_from_slice(&group.last.as_nanos().to_le_bytes());
        bytes.extend_from_slice(&group.calls.to_le_bytes());
    }
    bytes
}
