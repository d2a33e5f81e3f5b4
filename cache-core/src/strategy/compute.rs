//! The cold half of leaving: the right to compute, and to store what came of it. Over erased entries, written once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use super::lease::Leases;
use super::policy::Fresh;
use super::refresh::{Begun, Hold, Refreshing, begin_count};
use super::{Call, Led, Reader};
use crate::backend::Form;
use crate::background;
use crate::cache::{FillGuard, Route};
use crate::clock::{BoxFuture, Time};
use crate::coder::Coding;
use crate::entry::{Entry, Kind, Meta};
use crate::error::Error;
use crate::event::EventKind;
use crate::flight::{Leader, Makeshift, Mark, fell_back};
use crate::tag::Stamp;
use crate::ttl::Ttl;

/// The token of a computation. Dropping it frees its place in the flight and its right to store.
pub(crate) struct Ticket {
    pub(super) call: Call,
    pub(super) reader: Reader,
    leader: Option<Leader>,
    /// What it replaces, if a value is there.
    pub(super) refreshing: Option<Refreshing>,
    pub(super) fill: Option<FillGuard>,
    /// The tags, with their generations from before the computation.
    pub(super) stamps: Vec<Stamp>,
    pub(super) leases: Leases,
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
            refreshing: None,
            fill,
            stamps: Vec::new(),
            leases: Leases::around(),
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

    /// To replace a value that is there.
    pub(super) fn refreshing(
        call: Call,
        reader: Reader,
        leader: Option<Leader>,
        present: Arc<Entry>,
        beside: bool,
    ) -> Box<Self> {
        let refreshing = Some(Refreshing { present, hold: None, beside });
        Box::new(Self { refreshing, ..Self::new(call, reader, leader, None) })
    }

    pub(super) fn into_call(self) -> Call {
        self.call
    }

    pub(super) fn into_parts(self) -> (Call, Option<Leader>) {
        (self.call, self.leader)
    }

    /// The computation this one is, for the chain a nested call looks at.
    pub(crate) fn flight(&self) -> Option<u64> {
        self.leader.as_ref().map(Leader::id)
    }

    /// What the body is part of.
    pub(crate) fn marks(&self) -> impl Iterator<Item = Mark> {
        let flight = self.flight().map(Mark::Flight);
        let beside = self.call.site.filter(|_| self.is_beside()).map(|site| Mark::Beside(site.function()));
        let answer = Mark::Answer(self.makeshift.clone());
        flight.into_iter().chain(beside).chain([answer]).chain(self.leases.mark())
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

    /// Whether the right to compute was kept up to now. In this process it ends with the present value: who is still
    /// at it then stores what nobody else has.
    async fn may_store(&self, route: &Route) -> bool {
        let hold = self.refreshing.as_ref().and_then(|refreshing| refreshing.hold.as_ref());
        if hold.is_none_or(Hold::is_held) {
            return true;
        }
        route.form() == Form::Objects
            && matches!(route.get(&self.call.key, self.reader.coding).await, Ok(None))
    }

    /// Times for the entry of an answer computed just now; a value knows how long it is fresh, and no answer of
    /// another kind has to be.
    pub(crate) fn meta(&self, (ttl, fresh): (Ttl, Option<Fresh>)) -> Meta {
        let mut meta = self.timed(Some(ttl));
        self.call.policy.mark(&mut meta, ttl, fresh.unwrap_or(Fresh::Whole));
        meta
    }

    /// Times for an entry that is not to be kept: it has none to live.
    pub(crate) fn passing(&self) -> Meta {
        let mut meta = self.timed(None);
        (meta.expires, meta.fresh_until) = (meta.stored, meta.stored);
        meta
    }

    fn timed(&self, ttl: Option<Ttl>) -> Meta {
        let mut meta = self.call.cache.meta(ttl);
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
        if self.is_beside() {
            let kind = if kept.is_some() { EventKind::Refreshed } else { EventKind::NotRefreshed };
            return self.call.tell(kind, None);
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

    /// Whether it computes beside the calls.
    fn is_beside(&self) -> bool {
        self.refreshing.as_ref().is_some_and(|refreshing| refreshing.beside)
    }

    /// The call that computes beside itself has its answer.
    pub(super) fn tell_stale(&self, present: &Entry) {
        self.call.answered(EventKind::Stale, Some(present.meta()));
    }

    /// Asks for the right to compute beside the calls, unless it is there.
    pub(crate) async fn begin_beside(&mut self) -> bool {
        if self.fill.is_some() {
            return true;
        }
        let begun = self.begin().await;
        if matches!(begun, Begun::Yes) && self.fill.is_some() {
            return true;
        }
        // Nothing ran, so there is nothing to tell.
        self.refused();
        false
    }

    /// The value that is there while its successor is computed, as long as it may be used. An error that is kept is
    /// none: the newer one is the answer.
    pub(super) fn present(&self) -> Option<Arc<Entry>> {
        let present = &self.refreshing.as_ref()?.present;
        let is_value = present.kind() != Kind::Failed;
        (is_value && self.call.cache.is_alive(present)).then(|| Arc::clone(present))
    }

    /// No new value came of it: the one that is there is the answer, and is left alone for a while.
    /// What it gives back is still to be done: whoever waits for that is sure of the pause.
    pub(super) fn fall_back(mut self, present: Arc<Entry>) -> BoxFuture<'static, ()> {
        let (beside, hold) = (self.is_beside(), self.take_hold());
        // A guard that refused it has told so.
        if !self.told.swap(true, Ordering::Relaxed) {
            self.call.tell(EventKind::NotRefreshed, None);
            if !beside {
                self.tell_stale(&present);
            }
        }
        if !beside {
            fell_back();
        }
        if let Some(leader) = self.leader.take() {
            leader.stale(present, true);
        }
        Box::pin(async move {
            if let Some(hold) = hold {
                hold.failed().await;
            }
        })
    }

    fn take_hold(&mut self) -> Option<Hold> {
        self.refreshing.as_mut().and_then(|refreshing| refreshing.hold.take())
    }

    /// An error that cannot be shared: the others try in growing groups.
    pub(crate) fn fail(mut self) {
        self.tell_answer(None);
        self.unkept();
        if let Some(leader) = self.leader.take() {
            leader.fail();
        }
    }

    /// Gives the answer to whoever waits, without storing it.
    pub(crate) fn share(mut self, entry: Option<Arc<Entry>>) {
        self.tell_answer(None);
        self.unkept();
        if let Some(leader) = self.leader.take() {
            leader.answer(entry, self.makeshift.is());
        }
    }

    /// There is an answer that is not kept. Callers who have the present value instead do not ask for it at once again;
    /// whoever computes in its place gets what the function says.
    fn unkept(&mut self) {
        if let Some(hold) = self.take_hold().filter(|_| self.is_beside()) {
            background::finish(Box::pin(hold.failed()));
        }
    }

    /// Begins to store the answer; `None` if that is done already, as it is in this process's memory. Whether the
    /// caller waits until it is, or goes on with its answer.
    pub(crate) fn begin_store(self, entry: Arc<Entry>, waits: bool) -> Option<BoxFuture<'static, ()>> {
        let mut store: BoxFuture<'static, ()> = Box::pin(self.store(entry, waits));
        store.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending().then_some(store)
    }

    /// Stores the answer, then gives it to whoever waits.
    async fn store(mut self, mut entry: Arc<Entry>, waits: bool) {
        let Some((route, fill)) = self.call.route().zip(self.fill.as_ref()) else {
            return self.share(Some(entry));
        };
        if !self.may_store(route).await {
            self.call.tell(EventKind::LeaseLost, None);
            return self.share(Some(entry));
        }
        entry = entry.stamped(self.stamps.clone());
        if route.weighs() {
            entry = weighed(entry, self.reader.coding);
        }
        if let Some(kind) = self.leases.lost() {
            self.call.tell(kind, None);
            entry.kill();
            return self.share(Some(entry));
        }
        if let Err(error) = begin_count(self.call.policy, route, &self.call.key, &entry).await
            && !error.is_unsupported()
        {
            self.call.tell(EventKind::BackendFailed, Some(&error));
        }
        let supersedes = self.supersedes();
        let stored = {
            let mut filling = std::pin::pin!(route.fill(
                &self.call.key,
                Arc::clone(&entry),
                self.reader.coding,
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
            if let Some(hold) = self.take_hold() {
                hold.over().await;
            }
        } else if kind == EventKind::Overtaken {
            // Nobody keeps it, and who joined is to know.
            entry.kill();
        }
        self.share(Some(entry));
    }
}

/// The entry with an estimate of its bytes: what it takes encoded, which is what it holds, roughly.
pub(crate) fn weighed(entry: Arc<Entry>, coding: Coding) -> Arc<Entry> {
    let value = entry.value();
    let heap = match entry.payload() {
        Some(bytes) => bytes.len(),
        // What cannot be measured is not let in: a bound that guesses is none.
        None if coding.measures(entry.kind()) => coding.encoded_len(&entry).unwrap_or(usize::MAX),
        None => 0,
    };
    let tags: usize = entry.stamps().iter().map(|stamp| 64 + stamp.tag().as_str().len()).sum();
    let bytes = heap.saturating_add(std::mem::size_of_val(value)).saturating_add(tags);
    entry.weigh(bytes)
}
