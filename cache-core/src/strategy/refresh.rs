//! Values that are computed anew while they are there: `early`, `soft`, `hit`.
//!
//! ```text
//! value there ─┬─ fresh ────────────────────────────────────────────────────────► answer
//!              ├─ due soon ─┬─ somebody is at it, or it failed a moment ago ────► answer (stale)
//!              │            └─ the right to: beside the call ─ run ─ store       answer (stale)
//!              └─ due now ──┬─ somebody here is at it ─ wait ───────────────────► their answer
//!                           ├─ somebody elsewhere is, or it failed a moment ago ► answer (stale)
//!                           └─ the right to: run ─┬─ store ─────────────────────► the new answer
//!                                                 └─ failed ────────────────────► answer (stale)
//! no value: the way of a miss
//! ```

mod backoff;
mod detach;
mod hits;
mod hold;

use std::sync::Arc;

pub(crate) use detach::can_detach;
pub use detach::{Copied, detach, over, own, portable};
pub(crate) use hold::{Hold, Refused};

use super::lead::Place;
use super::policy::{Due, Policy, Seen};
use super::{Call, Led, Mode, Reader, Ticket};
use crate::backend::Form;
use crate::cache::Route;
use crate::command::Command;
use crate::entry::Entry;
use crate::event::EventKind;
use crate::flight::{Answer, Leader, fell_back};
use crate::key::Key;
use hits::Count;

/// What a computation is about that replaces a present value.
pub(crate) struct Refreshing {
    pub(crate) present: Arc<Entry>,
    /// `None` before it has begun, and where the backend keeps no such states.
    pub(crate) hold: Option<Hold>,
    /// Beside the calls: those have the present value.
    pub(crate) beside: bool,
}

/// How beginning to compute went.
pub(crate) enum Begun {
    Yes,
    /// Not now.
    No(Refused),
    /// Somebody has computed it.
    Found(Arc<Entry>),
}

impl Call {
    /// Answers with the value that is there, or takes the right to compute it anew. `Err`: there is none, and whether
    /// the backend could be asked.
    pub(super) async fn refresh(self, reader: Reader, detaches: bool) -> Result<Led, (Self, bool)> {
        let Some(route) = self.route().filter(|_| self.mode == Mode::Cached) else {
            return Err((self, true));
        };
        let present = match self.look(route, reader).await {
            (Some(present), _) => present,
            (None, reachable) => return Err((self, reachable)),
        };
        let seen = self.seen.filter(|seen| seen.is(&present));
        let hits = self.count(route, &present, seen).await;
        let due = match seen {
            Some(_) if self.policy.is_by_chance() => Due::Soon,
            _ => self.policy.due(&present, || self.cache.now(), hits),
        };
        match due {
            Due::Fresh => {
                self.answered(EventKind::Hit, Some(present.meta()));
                Ok(Led::Found(present, self))
            }
            // What cannot be stored need not be computed beside a call; whoever is to have the new one computes it.
            Due::Soon if self.cache.is_off(Command::Set, route) => Ok(self.stale(present, Refused::Busy)),
            Due::Now if self.cache.is_off(Command::Set, route) => {
                Ok(Led::Compute(Ticket::refreshing(self, reader, None, present, false)))
            }
            Due::Soon => Ok(self.soon(reader, present, detaches).await),
            Due::Now => Ok(self.now(reader, present).await),
        }
    }

    /// Counts the call, where hits count, unless the first look has.
    async fn count(&self, route: &Route, present: &Entry, seen: Option<Seen>) -> u32 {
        if !self.policy.counts_hits() {
            return 0;
        }
        if let Some(seen) = seen {
            return seen.hits;
        }
        if route.form() == Form::Objects {
            return present.count_hit();
        }
        let left = present.expires().since(self.cache.now());
        let mut count = Count::hit(present.identity(), present.is_counted(), left);
        if let Err(error) = route.update(&hold::beside("hit:", &self.key), &mut count).await {
            // A value that cannot be counted is an answer all the same.
            self.tell(EventKind::BackendFailed, Some(&error));
        }
        count.told()
    }

    /// The present value is the answer, and one caller sees to a new one.
    async fn soon(self, reader: Reader, present: Arc<Entry>, detaches: bool) -> Led {
        let leader = if self.single_flight {
            let tags = self.tags.names();
            let flights = self.cache.flights();
            match flights.try_lead(&self.key, self.mode.circle(), reader.answer, tags, self.cache.now()) {
                Some(leader) => Some(leader),
                None => return self.stale(present, Refused::Busy),
            }
        } else {
            None
        };
        // Elsewhere the right is asked for beside the call: nobody waits for it.
        let waits = self.route().is_none_or(|route| route.form() == Form::Objects);
        let mut ticket = Ticket::refreshing(self, reader, leader, Arc::clone(&present), detaches);
        if waits || !detaches {
            match ticket.begin().await {
                Begun::Yes => {}
                Begun::No(why) => return ticket.into_call().stale(present, why),
                Begun::Found(entry) => return ticket.found(entry).await,
            }
        }
        if detaches {
            ticket.tell_stale(&present);
            return Led::Beside(present, ticket);
        }
        Led::Compute(ticket)
    }

    /// The present value is the answer only if there is no new one.
    async fn now(self, reader: Reader, present: Arc<Entry>) -> Led {
        let leader = match self.join(reader).await {
            Place::Found(entry) => return Led::Found(entry, self),
            Place::Leads(leader) => Some(leader),
            Place::Alone => None,
            Place::Inside => {
                return Ticket::compute(Self { mode: Mode::Bypass, ..self }, reader, None, None);
            }
        };
        let mut ticket = Ticket::refreshing(self, reader, leader, Arc::clone(&present), false);
        match ticket.begin().await {
            Begun::Yes => Led::Compute(ticket),
            Begun::Found(entry) => ticket.found(entry).await,
            Begun::No(why) => {
                // Whoever had the right may have stored a new one, and be about to give the right back.
                if let Some(entry) = ticket.successor(&present).await {
                    return ticket.found(entry).await;
                }
                let (call, leader) = ticket.into_parts();
                if let Some(leader) = leader {
                    leader.stale(Arc::clone(&present), why == Refused::Pausing);
                }
                call.stale(present, why)
            }
        }
    }

    fn stale(self, present: Arc<Entry>, why: Refused) -> Led {
        if why == Refused::Pausing {
            // It would have been computed anew by now.
            fell_back();
        }
        self.answered(EventKind::Stale, Some(present.meta()));
        Led::Found(present, self)
    }
}

impl Leader {
    /// Gives everybody the present value.
    pub(crate) fn stale(self, present: Arc<Entry>, is_makeshift: bool) {
        self.give(Answer { entry: present, kind: EventKind::Stale, is_makeshift });
    }
}

impl Ticket {
    /// The right to compute, once more and for good: so the present value is looked for again.
    pub(crate) async fn begin(&mut self) -> Begun {
        let Some(refreshing) = &self.refreshing else { return Begun::Yes };
        let present = Arc::clone(&refreshing.present);
        let Some(route) = self.call.route() else { return Begun::No(Refused::Busy) };
        let hold = match Hold::take(&self.call, route, &present).await {
            Ok(Ok(hold)) => Some(hold),
            Ok(Err(why)) => return Begun::No(why),
            // Then it is one at a time in this process, and nobody pauses.
            Err(error) if error.is_unsupported() => {
                self.call.tell(EventKind::BackendFailed, Some(&error));
                None
            }
            Err(error) => {
                self.call.tell(EventKind::BackendFailed, Some(&error));
                return Begun::No(Refused::Busy);
            }
        };
        let beside = refreshing.beside;
        match self.call.look(route, self.reader).await {
            (Some(entry), _) if !is_same(&entry, &present) => return Begun::Found(entry),
            (Some(_), _) => {}
            (None, false) => return Begun::No(Refused::Busy),
            // Gone meanwhile: there is nothing to replace, and nobody beside whom to compute.
            (None, true) if beside => return Begun::No(Refused::Busy),
            (None, true) => {
                self.refreshing = None;
                drop(hold);
                self.take_right().await;
                return Begun::Yes;
            }
        }
        if let Some(refreshing) = &mut self.refreshing {
            refreshing.hold = hold;
        }
        self.take_right().await;
        Begun::Yes
    }

    /// The right to store.
    async fn take_right(&mut self) {
        let Some(route) = self.call.route() else { return };
        if let Some((fill, stamps)) = self.call.begin_fill(route).await {
            (self.fill, self.stamps) = (Some(fill), stamps);
        }
    }

    /// The value that has taken the place of the present one, if one has.
    async fn successor(&self, present: &Arc<Entry>) -> Option<Arc<Entry>> {
        let (entry, _) = self.call.look(self.call.route()?, self.reader).await;
        entry.filter(|entry| !is_same(entry, present))
    }

    /// Somebody has stored a new one.
    async fn found(self, entry: Arc<Entry>) -> Led {
        let (call, leader) = self.into_parts();
        if let Some(route) = call.route() {
            call.count(route, &entry, None).await;
        }
        if let Some(leader) = leader {
            leader.found(Arc::clone(&entry));
        }
        call.answered(EventKind::Hit, Some(entry.meta()));
        Led::Found(entry, call)
    }
}

/// Begins the count of an entry that is about to be stored, where it is kept apart from the entry.
pub(crate) async fn begin_count(
    policy: Policy,
    route: &Route,
    key: &Key,
    entry: &Entry,
) -> crate::Result<()> {
    if !policy.counts_hits() || route.form() == Form::Objects {
        return Ok(());
    }
    let life = entry.expires().since(entry.times().stored);
    route.update(&hold::beside("hit:", key), &mut Count::begin(entry.identity(), life)).await
}

/// Whether what was looked up twice is one entry. Bytes are another object each time.
fn is_same(one: &Arc<Entry>, other: &Arc<Entry>) -> bool {
    let is_equal = one.identity() == other.identity();
    Arc::ptr_eq(one, other) || (is_equal && !one.is_dead() && !other.is_dead())
}
