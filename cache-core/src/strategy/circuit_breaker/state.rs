//! What a breaker remembers, and its bytes.

use super::window::Window;
use crate::clock::Time;
use crate::strategy::numbers::{Reader, Writer};

/// Where a breaker is. Each transition begins an epoch with a greater number, by which results of an earlier one
/// are known. A breaker without a state is closed, in the first epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Calls run, and their outcomes are counted.
    Closed { epoch: u64, window: Window },
    /// Nobody runs.
    Open { epoch: u64, until: Time },
    /// Some run, to see whether all may again.
    HalfOpen { epoch: u64, succeeded: u32, probes: Vec<Probe> },
}

/// A call that was let through a half-open breaker and has not told how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Probe {
    pub(super) id: u64,
    /// When its permit may be given to another.
    pub(super) until: Time,
}

impl State {
    /// Of a breaker that has none.
    pub(super) fn first() -> Self {
        Self::Closed { epoch: 0, window: Window::default() }
    }

    /// The number behind that of the epoch before: greater, also where a backend has forgotten that one.
    pub(super) fn next_epoch(&self, now: Time) -> u64 {
        let (Self::Closed { epoch, .. } | Self::Open { epoch, .. } | Self::HalfOpen { epoch, .. }) = self;
        epoch.saturating_add(1).max(now.as_nanos())
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        let mut reader = Reader::new(rest);
        let epoch = reader.u64()?;
        let state = match tag {
            b'c' => Self::Closed { epoch, window: Window::read(&mut reader)? },
            b'o' => Self::Open { epoch, until: reader.time()? },
            b'h' => {
                let (succeeded, mut probes) = (reader.u32()?, Vec::new());
                while !reader.is_empty() {
                    probes.push(Probe { id: reader.u64()?, until: reader.time()? });
                }
                Self::HalfOpen { epoch, succeeded, probes }
            }
            _ => return None,
        };
        reader.is_empty().then_some(state)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        let mut writer = Writer::with_capacity(match self {
            Self::Closed { window, .. } => 9 + window.bytes(),
            Self::Open { .. } => 17,
            Self::HalfOpen { probes, .. } => 13 + 16 * probes.len(),
        });
        match self {
            Self::Closed { epoch, window } => window.write(writer.tag(b'c').u64(*epoch)),
            Self::Open { epoch, until } => {
                writer.tag(b'o').u64(*epoch).time(*until);
            }
            Self::HalfOpen { epoch, succeeded, probes } => {
                writer.tag(b'h').u64(*epoch).u32(*succeeded);
                for probe in probes {
                    writer.u64(probe.id).time(probe.until);
                }
            }
        }
        writer.bytes()
    }
}
