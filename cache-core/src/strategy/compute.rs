//! The cold half of every value strategy: look, share, compute, store. Over erased entries, written once.

use std::any::TypeId;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use crate::backend::Form;
use crate::cache::{CacheRef, FillGuard, Route};
use crate::clock::{BoxFuture, Time};
use crate::codec::Codec;
use crate::entry::{Entry, Kind, Meta};
use crate::error::Error;
use crate::event::EventKind;
use crate::flight::{Join, Landing, Leader, Waiter};
use crate::key::Key;
use crate::registry::Function;
use crate::site::Site;
use crate::tag::{Stamp, Tags};
use crate::ttl::Ttl;

/// Whether a call asks the cache, fills it, or neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Cached,
    /// Runs the function and stores what it gives, whatever is there.
    Recompute,
    Bypass,
}

/// One call on its way to an answer.
pub(crate) struct Call {
    pub(crate) cache: CacheRef,
    pub(crate) site: Option<&'static Site>,
    pub(crate) key: Key,
    pub(crate) route: Option<u32>,
    pub(crate) mode: Mode,
    pub(crate) version: u32,
    pub(crate) tags: Tags,
    pub(crate) single_flight: bool,
}

/// What the erased half must know of the answer's type.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) answer: TypeId,
    pub(crate) codec: Option<&'static Codec>,
    /// `None` where the value, or the error, cannot be shared and so is never kept.
    pub(crate) value: Option<fn(&Entry) -> bool>,
    pub(crate) absent: bool,
    pub(crate) failed: Option<fn(&Entry) -> bool>,
}

impl Reader {
    /// Whether an entry holds an answer of this type.
    fn fits(&self, entry: &Entry) -> bool {
        match entry.kind() {
            Kind::Value => self.value.is_some_and(|fits| fits(entry)),
            Kind::Absent => self.absent,
            Kind::Failed => self.failed.is_some_and(|fits| fits(entry)),
        }
    }
}

/// Where a call that missed got to.
pub(crate) enum Led {
    /// Somebody has the answer already.
    Found(Arc<Entry>, Call),
    /// Compute.
    Compute(Box<Ticket>),
}

/// The token of a computation. Dropping it frees its place in the flight and its right to store.
pub(crate) struct Ticket {
    call: Call,
    reader: Reader,
    leader: Option<Leader>,
    fill: Option<FillGuard>,
    /// The tags, with their generations from before the computation.
    stamps: Vec<Stamp>,
    started: Time,
}

impl Call {
    fn route(&self) -> Option<&Route> {
        self.cache.routes().get(self.route? as usize)
    }

    fn is_bypass(&self) -> bool {
        self.mode == Mode::Bypass || self.route.is_none()
    }

    fn function(&self) -> Option<&'static Function> {
        self.site.map(Site::function)
    }

    fn tell(&self, kind: EventKind, error: Option<&Error>) {
        if let Some(site) = self.site {
            site.counters().count(kind);
        }
        self.cache.tell(kind, self.key.as_str(), self.function(), error);
    }

    /// Finds the answer or the right to compute it.
    pub(crate) async fn lead(self, reader: Reader) -> Led {
        let Some(route) = self.route().filter(|_| !self.is_bypass()) else {
            self.tell(EventKind::Bypassed, None);
            return Ticket::compute(self, reader, None, None);
        };
        if route.form() == Form::Bytes && reader.codec.is_none() {
            self.tell(EventKind::NotSerializable, None);
        }
        let leader = match self.join(reader).await {
            Place::Found(entry) => return Led::Found(entry, self),
            Place::Leads(leader) => Some(leader),
            Place::Alone => None,
            Place::Inside => return Ticket::compute(self, reader, None, None),
        };
        // Somebody may have stored it between the first look and getting here.
        let (entry, reachable) = self.look(route, reader).await;
        if let Some(entry) = entry {
            if let Some(leader) = leader {
                leader.answer(Some(Arc::clone(&entry)));
            }
            self.tell(EventKind::Hit, None);
            return Led::Found(entry, self);
        }
        // A backend that just failed is not asked again: the answer is given, not stored.
        let right = if reachable { self.begin_fill(route).await } else { None };
        let mut ticket = Ticket::new(self, reader, leader, None);
        if let Some((fill, stamps)) = right {
            (ticket.fill, ticket.stamps) = (Some(fill), stamps);
        }
        Led::Compute(Box::new(ticket))
    }

    /// The right to store, and the generations of the tags: both from before the computation.
    async fn begin_fill(&self, route: &Route) -> Option<(FillGuard, Vec<Stamp>)> {
        let begin = async {
            let fill = route.begin_fill(&self.key).await?;
            Ok((fill, route.stamp(&self.tags).await?))
        };
        match begin.await {
            Ok(right) => Some(right),
            Err(error) => {
                self.tell(EventKind::BackendFailed, Some(&error));
                None
            }
        }
    }

    /// The usable entry, and whether the backend answered at all.
    async fn look(&self, route: &Route, reader: Reader) -> (Option<Arc<Entry>>, bool) {
        if self.mode == Mode::Recompute {
            return (None, true);
        }
        match route.get(&self.key, reader.codec).await {
            Ok(Some(entry)) if entry.version() == self.version && reader.fits(&entry) => (Some(entry), true),
            Ok(Some(_)) => {
                self.tell(EventKind::Unreadable, None);
                (None, true)
            }
            Ok(None) => (None, true),
            Err(error @ Error::Codec { .. }) => {
                self.tell(EventKind::Unreadable, Some(&error));
                (None, true)
            }
            Err(error) => {
                self.tell(EventKind::BackendFailed, Some(&error));
                (None, false)
            }
        }
    }

    async fn join(&self, reader: Reader) -> Place {
        if !self.single_flight || self.mode == Mode::Recompute {
            return Place::Alone;
        }
        let mut deadline = self.cache.now().after(self.cache.wait());
        let mut expired = false;
        loop {
            match self.cache.flights().join(&self.key, reader.answer, self.tags.names(), self.cache.now()) {
                Join::Lead(leader) => return Place::Leads(leader),
                Join::Alone => return Place::Alone,
                Join::Recursion => {
                    self.tell(EventKind::Recursion, None);
                    return Place::Inside;
                }
                Join::Wait(waiter) => match waiter.land(self.cache.clock().sleep_until(deadline)).await {
                    Landing::Answer(entry) if entry.version() == self.version && reader.fits(&entry) => {
                        self.tell(EventKind::Joined, None);
                        return Place::Found(entry);
                    }
                    Landing::Answer(_) => return Place::Alone,
                    Landing::Lead(leader) => return Place::Leads(leader),
                    Landing::Again => {}
                    // Once more for whoever takes the place of a leader that hangs, and then no longer: else all
                    // who waited would compute at once.
                    Landing::Expired if expired => return Place::Alone,
                    Landing::Expired => {
                        expired = true;
                        deadline = self.after_waiting(&waiter);
                    }
                },
            }
        }
    }

    /// Waited long enough: a leader that has been at it for that long is left behind. Tells until when to wait
    /// for the next.
    fn after_waiting(&self, waiter: &Waiter) -> Time {
        self.tell(EventKind::WaitExpired, None);
        let now = self.cache.now();
        if now.since(waiter.started()) >= self.cache.wait() {
            waiter.abandon();
        }
        now.after(self.cache.wait())
    }
}

/// Where joining a flight put the caller.
enum Place {
    Found(Arc<Entry>),
    Leads(Leader),
    /// Outside any flight.
    Alone,
    /// Within its own key's computation: neither look nor store.
    Inside,
}

impl Ticket {
    pub(crate) fn new(call: Call, reader: Reader, leader: Option<Leader>, fill: Option<FillGuard>) -> Self {
        let started = call.cache.now();
        Self { call, reader, leader, fill, stamps: Vec::new(), started }
    }

    fn compute(call: Call, reader: Reader, leader: Option<Leader>, fill: Option<FillGuard>) -> Led {
        Led::Compute(Box::new(Self::new(call, reader, leader, fill)))
    }

    /// The computation this one is, for the chain a nested call looks at.
    pub(crate) fn flight(&self) -> Option<u64> {
        self.leader.as_ref().map(Leader::id)
    }

    /// Whether calls inside the function are to recompute as well: no, only the one that was asked.
    pub(crate) fn is_refresh(&self) -> bool {
        self.call.mode == Mode::Recompute
    }

    /// How long computing took so far.
    pub(crate) fn elapsed(&self) -> Duration {
        self.call.cache.now().since(self.started)
    }

    /// Whether a value kept for `ttl` would go anywhere.
    pub(crate) fn stores(&self) -> bool {
        self.fill.is_some()
    }

    /// Times for the entry of an answer computed just now.
    pub(crate) fn meta(&self, ttl: Option<Ttl>) -> Meta {
        let mut meta = self.call.cache.meta(ttl);
        meta.cost = meta.stored.since(self.started);
        meta.version = self.call.version;
        meta
    }

    /// Whether somebody waits for an answer that will not be stored. Nobody can join after this.
    pub(crate) fn closes_with_waiters(&self) -> bool {
        self.leader.as_ref().is_some_and(Leader::close)
    }

    /// Every call tells once how it was answered; one that went past the cache has said so.
    fn tell_computed(&self) {
        if !self.call.is_bypass() {
            self.call.tell(EventKind::Computed, None);
        }
    }

    /// An error that cannot be shared: the others try in growing groups.
    pub(crate) fn fail(mut self) {
        self.tell_computed();
        if let Some(leader) = self.leader.take() {
            leader.fail();
        }
    }

    /// Gives the answer to whoever waits, without storing it.
    pub(crate) fn share(mut self, entry: Option<Arc<Entry>>) {
        self.tell_computed();
        if let Some(leader) = self.leader.take() {
            leader.answer(entry);
        }
    }

    /// Begins to store the answer; `None` if that is done already, as it is in this process's memory.
    pub(crate) fn begin_store(self, entry: Arc<Entry>) -> Option<BoxFuture<'static, ()>> {
        let mut store: BoxFuture<'static, ()> = Box::pin(self.store(entry));
        store.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending().then_some(store)
    }

    /// Stores the answer, then gives it to whoever waits.
    async fn store(self, mut entry: Arc<Entry>) {
        let Some((route, fill)) = self.call.route().zip(self.fill.as_ref()) else {
            return self.share(Some(entry));
        };
        entry = entry.stamped(self.stamps.clone());
        if route.weighs() {
            entry = weighed(entry, self.reader.codec);
        }
        let supersedes = self.is_refresh();
        let stored =
            route.fill(&self.call.key, Arc::clone(&entry), self.reader.codec, fill, supersedes).await;
        if supersedes {
            self.call.cache.flights().abandon(self.call.key.as_key());
        }
        let (kind, error) = match stored {
            Ok(true) => (EventKind::Stored, None),
            Ok(false) => (EventKind::Overtaken, None),
            Err(error @ Error::Codec { .. }) => (EventKind::NotSerializable, Some(error)),
            Err(error) => (EventKind::BackendFailed, Some(error)),
        };
        self.call.tell(kind, error.as_ref());
        self.share(Some(entry));
    }
}

/// The entry with an estimate of its bytes: what it takes encoded, which is what it holds, roughly.
pub(crate) fn weighed(entry: Arc<Entry>, codec: Option<&Codec>) -> Arc<Entry> {
    let value = entry.value();
    let heap = match codec {
        // What cannot be measured is not let in: a bound that guesses is none.
        Some(codec) => codec.encoded_len(value).unwrap_or(usize::MAX),
        None => 0,
    };
    let tags: usize = entry.stamps().iter().map(|stamp| 64 + stamp.tag().as_str().len()).sum();
    let bytes = heap.saturating_add(std::mem::size_of_val(value)).saturating_add(tags);
    entry.weigh(bytes)
}
