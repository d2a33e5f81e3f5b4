//! The cold half of leaving: the right to compute, and to store what came of it. Over erased entries, written once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use super::{Call, Led, Reader};
use crate::cache::FillGuard;
use crate::clock::{BoxFuture, Time};
use crate::codec::Codec;
use crate::entry::{Entry, Meta};
use crate::error::Error;
use crate::event::EventKind;
use crate::flight::{Leader, Makeshift, Mark};
use crate::tag::Stamp;
use crate::ttl::Ttl;

/// The token of a computation. Dropping it frees its place in the flight and its right to store.
pub(crate) struct Ticket {
    call: Call,
    reader: Reader,
    leader: Option<Leader>,
    pub(super) fill: Option<FillGuard>,
    /// The tags, with their generations from before the computation.
    pub(super) stamps: Vec<Stamp>,
    started: Time,
    /// Whether the answer is made of a fallback.
    makeshift: Makeshift,
    /// Whether the call has said how it was answered.
    told: AtomicBool,
}
impl Ticket {
    pub(crate) fn new(call: Call, reader: Reader, leader: Option<Leader>, fill: Option<FillGuard>) -> Self {
        let started = call.cache.now();
        Self {
            call,
            reader,
            leader,
            fill,
            stamps: Vec::new(),
            started,
            makeshift: Makeshift::default(),
            told: AtomicBool::new(false),
        }
    }

    pub(super) fn compute(
        call: Call,
        reader: Reader,
        leader: Option<Leader>,
        fill: Option<FillGuard>,
    ) -> Led {
        Led::Compute(Box::new(Self::new(call, reader, leader, fill)))
    }

    /// The computation this one is, for the chain a nested call looks at.
    pub(crate) fn flight(&self) -> Option<u64> {
        self.leader.as_ref().map(Leader::id)
    }

    /// What the body is part of.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> {
        let flight = self.flight().map(Mark::Flight);
        flight.into_iter().chain([Mark::Answer(self.makeshift.clone())])
    }

    /// Leaves the flight to the next who waits, and computes beside it.
    pub(crate) fn step_down(&mut self) {
        drop(self.leader.take());
    }

    /// Whether what it stores counts, and not what was begun before and ends later.
    fn supersedes(&self) -> bool {
        self.call.mode.recomputes()
    }

    /// How long computing took so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.call.cache.now().since(self.started)
    }

    /// Whether a value kept for `ttl` would go anywhere. A fallback goes nowhere: it would pass for fresh.
    pub(crate) fn stores(&self) -> bool {
        self.fill.is_some() && !self.makeshift.is()
    }

    /// Times for the entry of an answer computed just now; one that is not to be kept has none to live.
    pub(crate) fn meta(&self, ttl: Option<Ttl>) -> Meta {
        let mut meta = self.call.cache.meta(ttl);
        if ttl.is_none() {
            (meta.expires, meta.fresh_until) = (meta.stored, meta.stored);
        }
        meta.cost = meta.stored.since(self.started);
        meta.version = self.call.version;
        meta
    }

    /// Whether somebody waits for an answer that will not be stored. Nobody can join after this.
    pub(crate) fn closes_with_waiters(&self) -> bool {
        self.leader.as_ref().is_some_and(Leader::close)
    }

    /// The function ran: every call tells once how it was answered.
    fn tell_answer(&self, kept: Option<Meta>) {
        if self.told.swap(true, Ordering::Relaxed) {
            return;
        }
        let kind = if self.call.is_bypass() { EventKind::Bypassed } else { EventKind::Computed };
        self.call.answered(kind, kept);
    }

    /// For an answer that was told before it turned out to be none.
    pub(crate) fn told(self) -> Self {
        Self { told: AtomicBool::new(true), ..self }
    }

    /// For an answer that somebody else has told.
    pub(crate) fn refused(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// An error that cannot be shared: the others try in growing groups.
    pub(crate) fn fail(mut self) {
        self.tell_answer(None);
        if let Some(leader) = self.leader.take() {
            leader.fail();
        }
    }

    /// Gives the answer to whoever waits, without storing it.
    pub(crate) fn share(mut self, entry: Option<Arc<Entry>>) {
        self.tell_answer(None);
        if let Some(leader) = self.leader.take() {
            leader.answer(entry, self.makeshift.is());
        }
    }

    /// Begins to store the answer; `None` if that is done already, as it is in this process's memory. Whether the
    /// caller waits until it is, or goes on with its answer.
    pub(crate) fn begin_store(self, entry: Arc<Entry>, waits: bool) -> Option<BoxFuture<'static, ()>> {
        let mut store: BoxFuture<'static, ()> = Box::pin(self.store(entry, waits));
        store.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending().then_some(store)
    }

    /// Stores the answer, then gives it to whoever waits.
    async fn store(self, mut entry: Arc<Entry>, waits: bool) {
        let Some((route, fill)) = self.call.route().zip(self.fill.as_ref()) else {
            return self.share(Some(entry));
        };
        entry = entry.stamped(self.stamps.clone());
        if route.weighs() {
            entry = weighed(entry, self.reader.codec);
        }
        let supersedes = self.supersedes();
        let stored = {
            let mut filling = std::pin::pin!(route.fill(
                &self.call.key,
                Arc::clone(&entry),
                self.reader.codec,
                fill,
                supersedes
            ));
            std::future::poll_fn(|cx| {
                let stored = filling.as_mut().poll(cx);
                if stored.is_pending() && !waits {
                    // The caller has its answer by now.
                    self.tell_answer(Some(entry.meta()));
                }
                stored
            })
            .await
        };
        if supersedes {
            self.call.cache.abandon(&self.call.key);
        }
        let (kind, error) = match stored {
            Ok(true) => (EventKind::Stored, None),
            Ok(false) => (EventKind::Overtaken, None),
            Err(error @ Error::Codec { .. }) => (EventKind::NotSerializable, Some(error)),
            Err(error) => (EventKind::BackendFailed, Some(error)),
        };
        self.call.tell(kind, error.as_ref());
        if kind == EventKind::Stored {
            self.tell_answer(Some(entry.meta()));
        } else if kind == EventKind::Overtaken {
            // Nobody keeps it, and who joined is to know.
            entry.kill();
        }
        self.share(Some(entry));
    }
}

/// The entry with an estimate of its bytes: what it takes encoded, which is what it holds, roughly.
pub(crate) fn weighed(entry: Arc<Entry>, codec: Option<&Codec>) -> Arc<Entry> {
    let value = entry.value();
    let heap = match codec {
        None if entry.encoded().is_some() => entry.encoded().map_or(0, bytes::Bytes::len),
        // What cannot be measured is not let in: a bound that guesses is none.
        Some(codec) => codec.encoded_len(value).unwrap_or(usize::MAX),
        None => 0,
    };
    let tags: usize = entry.stamps().iter().map(|stamp| 64 + stamp.tag().as_str().len()).sum();
    let bytes = heap.saturating_add(std::mem::size_of_val(value)).saturating_add(tags);
    entry.weigh(bytes)
}
