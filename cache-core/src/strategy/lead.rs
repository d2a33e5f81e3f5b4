//! The cold half of entering: look, share, take the right to compute. Over erased entries, written once.

use std::sync::Arc;

use super::lease::Leased;
use super::{Call, Mode, Reader, Ticket};
use crate::backend::Form;
use crate::cache::{FillGuard, Route};
use crate::clock::Time;
use crate::command::Command;
use crate::entry::Entry;
use crate::event::EventKind;
use crate::flight::{Answer, Join, Landing, Leader, Waiter, fell_back};
use crate::key::Key;
use crate::tag::Stamp;

/// Where a call that missed got to.
pub(crate) enum Led {
    /// Somebody has the answer already.
    Found(Arc<Entry>, Call),
    /// Compute.
    Compute(Box<Ticket>),
    /// The answer is there; compute beside the call.
    Beside(Arc<Entry>, Box<Ticket>),
}
impl Call {
    /// Finds the answer or the right to compute it; beside the call, if that is possible and enough.
    pub(crate) async fn lead(mut self, reader: Reader, detaches: bool) -> Led {
        let mut reachable = true;
        if self.policy.refreshes() {
            (self, reachable) = match self.refresh(reader, detaches).await {
                Ok(led) => return led,
                Err(missed) => missed,
            };
        }
        let Some(route) = self.route().filter(|_| !self.is_bypass()) else {
            return Ticket::compute(self, reader, None, None);
        };
        if route.form() == Form::Bytes && !reader.coding.has_values() {
            self.tell(EventKind::NotSerializable, None);
        }
        let leader = match self.join(reader).await {
            Place::Found(entry) => return Led::Found(entry, self),
            Place::Leads(leader) => Some(leader),
            Place::Alone => None,
            Place::Inside => {
                return Ticket::compute(Self { mode: Mode::Bypass, ..self }, reader, None, None);
            }
        };
        self.led(reader, leader, reachable).await
    }

    /// The right to compute, if nobody does. `Err`: somebody does.
    pub(crate) fn try_lead(self, reader: Reader) -> Result<Leading, Box<Self>> {
        if self.is_bypass() || !self.shares() {
            return Ok(Leading { call: self, reader, leader: None });
        }
        match self.cache.flights().try_lead(
            &self.key,
            self.mode.circle(),
            reader.answer,
            self.tags.names(),
            self.cache.now(),
        ) {
            Some(leader) => Ok(Leading { call: self, reader, leader: Some(leader) }),
            None => Err(Box::new(self)),
        }
    }

    /// The usable entries of several calls, read from each backend at once. One that fails has none.
    pub(crate) async fn look_many(calls: Vec<&Self>, reader: Reader) -> Vec<Option<Arc<Entry>>> {
        let mut entries: Vec<Option<Arc<Entry>>> = calls.iter().map(|_| None).collect();
        let mut groups: Vec<(u32, Vec<usize>)> = Vec::new();
        for (at, call) in calls.iter().enumerate() {
            let Some(route) = call.route.filter(|_| call.mode == Mode::Cached) else { continue };
            match groups.iter_mut().find(|(known, _)| *known == route) {
                Some((_, group)) => group.push(at),
                None => groups.push((route, vec![at])),
            }
        }
        for (_, group) in groups {
            let keys: Vec<Key> = group.iter().map(|at| calls[*at].key.clone()).collect();
            // All are of one function.
            let Some(first) = group.first().map(|at| calls[*at]) else { continue };
            let Some(route) = first.route() else { continue };
            let fits = |entry: &Entry| entry.version() == first.version && reader.fits(entry);
            // What cannot be read here is looked at once more, alone, by whoever computes it.
            let found = route.get_many_near(&keys, reader.coding, fits).await.unwrap_or_default();
            for (at, entry) in group.into_iter().zip(found) {
                let call = calls[at];
                entries[at] = entry.ok().flatten().filter(|entry| fits(entry));
                if let Some(entry) = &entries[at] {
                    call.answered(EventKind::Hit, Some(entry.meta()));
                }
            }
        }
        entries
    }

    /// Looks once more, and takes the right to store.
    async fn led(self, reader: Reader, leader: Option<Leader>, reachable: bool) -> Led {
        let Some(route) = self.route() else { return Ticket::compute(self, reader, leader, None) };
        // Somebody may have stored it between the first look and getting here.
        let (mut entry, reachable) = if reachable { self.look(route, reader).await } else { (None, false) };
        let mut lease = None;
        if entry.is_none() && reachable {
            match self.lease(route, reader, leader.is_some()).await {
                Leased::Found(stored) => entry = Some(stored),
                Leased::Held(guard) => lease = Some(guard),
                Leased::None => {}
            }
        }
        if let Some(entry) = entry {
            if let Some(leader) = leader {
                leader.found(Arc::clone(&entry));
            }
            self.answered(EventKind::Hit, Some(entry.meta()));
            return Led::Found(entry, self);
        }
        // A backend that just failed is not asked again: the answer is given, not stored.
        let right = if reachable && !self.cache.is_off(Command::Set, route) {
            self.begin_fill(route).await
        } else {
            None
        };
        let mut ticket = Ticket::new(self, reader, leader, None);
        if let Some(lease) = lease {
            ticket.leases.take(lease);
        }
        if let Some((fill, stamps)) = right {
            (ticket.fill, ticket.stamps) = (Some(fill), stamps);
        }
        Led::Compute(Box::new(ticket))
    }

    /// The right to store, and the generations of the tags: both from before the computation.
    pub(super) async fn begin_fill(&self, route: &Route) -> Option<(FillGuard, Vec<Stamp>)> {
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
    pub(super) async fn look(&self, route: &Route, reader: Reader) -> (Option<Arc<Entry>>, bool) {
        if self.mode.recomputes() {
            return (None, true);
        }
        match route.get(&self.key, reader.coding).await {
            Ok(Some(entry)) if entry.version() == self.version && reader.fits(&entry) => (Some(entry), true),
            Ok(Some(_)) => {
                self.tell(EventKind::Unreadable, None);
                (None, true)
            }
            Ok(None) => (None, true),
            Err(error) if error.is_unreadable() => {
                self.tell(EventKind::Unreadable, Some(&error));
                (None, true)
            }
            Err(error) => {
                self.tell(EventKind::BackendFailed, Some(&error));
                (None, false)
            }
        }
    }

    pub(super) async fn join(&self, reader: Reader) -> Place {
        if !self.shares() {
            return Place::Alone;
        }
        let mut deadline = self.cache.now().after(self.cache.wait());
        let mut expired = false;
        loop {
            match self.cache.flights().join(
                &self.key,
                self.mode.circle(),
                reader.answer,
                self.tags.names(),
                self.cache.now(),
            ) {
                Join::Lead(leader) => return Place::Leads(leader),
                Join::Alone => return Place::Alone,
                Join::Recursion => {
                    self.tell(EventKind::Recursion, None);
                    return Place::Inside;
                }
                Join::Wait(waiter) => match waiter.land(self.cache.clock().sleep_until(deadline)).await {
                    Landing::Answer(Answer { entry, kind, is_makeshift })
                        if entry.version() == self.version && reader.fits(&entry) =>
                    {
                        if is_makeshift {
                            fell_back();
                        }
                        self.answered(kind, Some(entry.meta()));
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

/// A call that nobody else is computing.
pub(crate) struct Leading {
    call: Call,
    reader: Reader,
    leader: Option<Leader>,
}

impl Leading {
    /// The computation this one is.
    pub(crate) fn flight(&self) -> Option<u64> {
        self.leader.as_ref().map(Leader::id)
    }

    /// On to the right to store.
    pub(crate) async fn go(self) -> Led {
        let Self { call, reader, leader } = self;
        if call.is_bypass() { call.lead(reader, false).await } else { call.led(reader, leader, true).await }
    }
}

/// Where joining a flight put the caller.
pub(super) enum Place {
    Found(Arc<Entry>),
    Leads(Leader),
    /// Outside any flight.
    Alone,
    /// Within its own key's computation: neither look nor store.
    Inside,
}
