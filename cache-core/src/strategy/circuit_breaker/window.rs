//! The outcomes of one period: how many calls, and how many of them failed.
//!
//! They are counted together by tenths of the period, so that a state stays small however many calls come. The
//! oldest tenth leaves at once: an outcome counts for nine to ten tenths.

use std::time::Duration;

use crate::clock::Time;
use crate::strategy::numbers::{Reader, Writer};

/// Into how many parts a period is divided.
const PARTS: u64 = 10;

/// How many bytes one takes.
const BYTES: usize = 16;

/// The calls that ended in one part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bucket {
    start: Time,
    calls: u32,
    failed: u32,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Window(Vec<Bucket>);

impl Window {
    /// One more call, which ended now.
    pub(super) fn add(&mut self, failed: bool, period: Duration, now: Time) {
        let part = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX).div_ceil(PARTS).max(1);
        self.0.retain(|bucket| bucket.start.after(period) > now);
        let start = Time::from_nanos(now.as_nanos() / part * part);
        // A server's clock may be set back; the order stays.
        match self.0.last_mut().filter(|last| last.start >= start) {
            Some(last) => last.add(failed),
            None => self.0.push(Bucket { start, calls: 1, failed: u32::from(failed) }),
        }
        // Only where the period changes from call to call.
        while self.0.len() as u64 > PARTS {
            self.0.remove(0);
        }
    }

    /// All calls, and how many of them failed.
    pub(super) fn sums(&self) -> (u64, u64) {
        self.0.iter().fold((0, 0), |(calls, failed), bucket| {
            (calls + u64::from(bucket.calls), failed + u64::from(bucket.failed))
        })
    }

    pub(super) fn read(reader: &mut Reader<'_>) -> Option<Self> {
        // One more than there are: it is likely to be added to.
        let mut buckets = Vec::with_capacity(reader.len() / BYTES + 1);
        while !reader.is_empty() {
            buckets.push(Bucket { start: reader.time()?, calls: reader.u32()?, failed: reader.u32()? });
        }
        Some(Self(buckets))
    }

    /// How many bytes it is written in.
    pub(super) fn bytes(&self) -> usize {
        self.0.len() * BYTES
    }

    pub(super) fn write(&self, writer: &mut Writer) {
        for bucket in &self.0 {
            writer.time(bucket.start).u32(bucket.calls).u32(bucket.failed);
        }
    }
}

impl Bucket {
    fn add(&mut self, failed: bool) {
        // One that is full keeps its rate.
        if let Some(calls) = self.calls.checked_add(1) {
            self.calls = calls;
            self.failed += u32::from(failed);
        }
    }
}
