//! `#[cached(many = ids)]`: one read for all elements, one call with those that are missing.
//!
//! ```text
//! keys ── read all at once ──► all there ─────────────────────────────────► answer
//!               └────► missing ── lead what nobody computes ─┐
//!                               └ wait for what others do ───┴─► run the function with the rest ── store each
//! ```

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::Poll;

use super::cached::{Lead, Settings};
use super::{Call, Led, Mode, Reader, Trouble, careful};
use crate::cache::CacheRef;
use crate::clock::BoxFuture;
use crate::entry::Entry;
use crate::flight::{Hold, Mark, Within, group, hold, within};
use crate::key::{Key, KeyBuf, PrehashedState, is_reserved};
use crate::returns::{OptionalValue, Returned};
use crate::scope::Calm;
use crate::site::Site;
use crate::tag::Tags;

/// The keys of a call, one for each element.
pub struct Batch {
    site: &'static Site,
    cache: CacheRef,
    reader: Reader,
    settings: Settings,
    /// Each key once, with the index of the element that it was first of.
    calls: Vec<(usize, Call)>,
    known: HashMap<Key, usize, PrehashedState>,
    /// Which call answers for each element.
    elements: Vec<usize>,
}

impl Batch {
    /// None yet.
    pub fn new<V>(
        site: &'static Site,
        cache: CacheRef,
        returned: Returned<Option<V>, OptionalValue>,
        settings: Settings,
    ) -> Self {
        let reader = returned.reader();
        Self {
            site,
            cache,
            reader,
            settings,
            calls: Vec::new(),
            known: HashMap::default(),
            elements: Vec::new(),
        }
    }

    /// The key and the tags of the next element.
    pub fn push(&mut self, mut key: KeyBuf, tags: Tags) {
        let unkeyable = key.why_unkeyable().or(tags.why_unkeyable());
        let key = key.as_key().to_key();
        let element = self.elements.len();
        let routed = self.cache.route_at(Some(self.site), key.as_key());
        let mode = if self.settings.bypass || unkeyable.is_some() || is_reserved(key.as_str()) {
            Mode::Bypass
        } else {
            routed.map_or(Mode::Bypass, |(_, route)| careful::mode(&self.cache, route))
        };
        let route = routed.map(|(index, _)| index);
        // Elements of one key have one entry. What goes past the cache has no key that counts.
        if mode != Mode::Bypass {
            if let Some(known) = self.known.get(&key) {
                self.elements.push(*known);
                return;
            }
            self.known.insert(key.clone(), self.calls.len());
        }
        self.elements.push(self.calls.len());
        self.calls.push((
            element,
            Call {
                cache: self.cache.clone(),
                site: Some(self.site),
                key,
                route,
                mode,
                version: self.settings.version,
                policy: self.settings.policy,
                seen: None,
                tags,
                single_flight: self.settings.single_flight,
                // The leases of several elements would have to be taken in one order by all, those who wait included.
                lock: None,
                trouble: Trouble::unkeyable(unkeyable),
            },
        ));
    }

    /// Reads all at once, waits for what others compute, and takes the right to compute the rest.
    pub fn fetch(self) -> BoxFuture<'static, Fetched> {
        Box::pin(async move {
            let mut entries =
                Call::look_many(self.calls.iter().map(|(_, call)| call).collect(), self.reader).await;
            // First all that nobody computes, and then the waits: those are waits of what is held, too.
            let (mut leads, mut busy) = (Vec::new(), Vec::new());
            for (at, (element, call)) in self.calls.into_iter().enumerate() {
                if entries[at].is_none() {
                    match call.try_lead(self.reader) {
                        Ok(leading) => leads.push((at, element, leading)),
                        Err(call) => busy.push((at, element, call)),
                    }
                }
            }
            let group = group();
            let holds: Vec<Option<Hold>> = leads
                .iter()
                .filter_map(|(_, _, leading)| leading.flight())
                .map(|id| hold(id, group))
                .collect();
            let mut futures: Vec<BoxFuture<'static, Element>> = Vec::new();
            for (at, element, leading) in leads {
                futures.push(Box::pin(async move { (at, element, leading.go().await, None) }));
            }
            for (at, element, call) in busy {
                let reader = self.reader;
                let led = async move {
                    let mut led = call.lead(reader, false).await;
                    let mut held = None;
                    if let Led::Compute(ticket) = &mut led
                        && let Some(id) = ticket.flight()
                    {
                        held = hold(id, group);
                        if held.is_none() {
                            ticket.step_down();
                        }
                    }
                    (at, element, led, held)
                };
                futures.push(Box::pin(within(vec![Mark::Flight(group)], None, led)));
            }
            let mut missing = Vec::new();
            for (at, element, led, _hold) in all(futures).await {
                match led {
                    Led::Found(entry, _) => entries[at] = Some(entry),
                    Led::Compute(ticket) | Led::Beside(_, ticket) => missing.push((element, Lead { ticket })),
                }
            }
            drop(holds);
            missing.sort_by_key(|(element, _)| *element);
            Fetched { entries, elements: self.elements, missing }
        })
    }
}

/// A call with its place and its element, led, and the hold on what it leads.
type Element = (usize, usize, Led, Option<Hold>);

/// What was found, and what is to be computed.
pub struct Fetched {
    entries: Vec<Option<Arc<Entry>>>,
    elements: Vec<usize>,
    missing: Vec<(usize, Lead)>,
}

impl Fetched {
    /// Whether there is nothing to compute.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty()
    }

    /// The elements that were found, with their values; absent ones have none.
    pub fn known<T, K, V>(&self, elements: &[T], returned: Returned<Option<V>, OptionalValue>) -> Vec<(K, V)>
    where
        T: Clone + Into<K>,
    {
        let mut known = Vec::new();
        for (element, at) in elements.iter().zip(&self.elements) {
            if let Some(entry) = self.entries.get(*at).and_then(Option::as_ref)
                && let Some(Some(value)) = returned.answer(entry)
            {
                known.push((element.clone().into(), value));
            }
        }
        known
    }

    /// For each element to compute the others of the same key: they have its value.
    pub fn others<T: Clone + Into<K>, K>(&self, elements: &[T]) -> Vec<Vec<K>> {
        let others = |first: usize| {
            let call = self.elements.get(first);
            let same = elements.iter().zip(&self.elements).enumerate();
            let same = same.filter(move |(at, (_, of))| *at != first && Some(*of) == call);
            same.map(|(_, (element, _))| element.clone().into()).collect()
        };
        // Nothing to look for where each element has a key of its own.
        if self.elements.len() == self.entries.len() {
            return self.missing.iter().map(|_| Vec::new()).collect();
        }
        self.missing.iter().map(|(element, _)| others(*element)).collect()
    }

    /// The elements to compute, in their order.
    pub fn pick<T: Clone>(&self, elements: &[T]) -> Vec<T> {
        self.missing.iter().filter_map(|(element, _)| elements.get(*element)).cloned().collect()
    }

    /// Runs the function as part of all these computations.
    pub fn run<F: Future>(&self, body: F) -> Within<F> {
        let marks = self.missing.iter().flat_map(|(_, lead)| lead.marks()).collect();
        within(marks, Calm::if_recomputing(), body)
    }

    /// The rights to store, in the order of [`pick`](Self::pick).
    pub fn leads(self) -> impl Iterator<Item = Lead> {
        self.missing.into_iter().map(|(_, lead)| lead)
    }

    /// A guard inside refused the call, and has told so.
    pub fn refused(&self) {
        self.missing.iter().for_each(|(_, lead)| lead.refused());
    }

    /// The function failed: who waits for an element computes it.
    pub fn fail(self) {
        self.leads().for_each(Lead::fail);
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch").field("keys", &self.calls.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("missing", &self.missing.len()).finish_non_exhaustive()
    }
}

/// What stands for these elements in the answer.
pub fn keys<T: Clone + Into<K>, K>(elements: &[T]) -> Vec<K> {
    elements.iter().cloned().map(Into::into).collect()
}

/// All of them at once, in their order.
pub async fn all<T>(mut futures: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut outcomes: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut pending = false;
        for (future, outcome) in
            futures.iter_mut().zip(&mut outcomes).filter(|(_, outcome)| outcome.is_none())
        {
            match future.as_mut().poll(cx) {
                Poll::Ready(done) => *outcome = Some(done),
                Poll::Pending => pending = true,
            }
        }
        if pending { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}
