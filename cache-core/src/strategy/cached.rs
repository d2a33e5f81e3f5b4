//! `#[cached]`: execute, store, and answer from the cache until the entry expires.
//!
//! ```text
//! call ── peek ──► alive ─────────────────────────────────► answer (no allocation, no await)
//!           └────► missing ── lead ──► somebody computes ──► wait ──► their answer
//!                               └────► look again ── run the function ── store ──► answer
//! ```

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use super::inside::Inside;
use super::keep::{Keep, Kept};
use super::policy::{Policy, Seen};
use super::refresh::can_detach;
use super::{Call, Enter, Led, Mode, Reader, Ticket, Trouble, careful};
use crate::background;
use crate::cache::CacheRef;
use crate::clock::BoxFuture;
use crate::entry::Entry;
use crate::error::Error;
use crate::flight::{Mark, Within, within};
use crate::key::{KeyBuf, is_reserved};
use crate::returns::{Outcome, Returned, Shape};
use crate::scope::{self, Calm, Scope};
use crate::site::Site;
use crate::tag::Tags;
use crate::ttl::Ttl;

/// What the attribute fixes before the call.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `version = …`: entries of another version are misses.
    pub version: u32,
    /// `single_flight = …`.
    pub single_flight: bool,
    /// `lock = …`: how long the lease of a computation lasts.
    pub lock: Option<Ttl>,
    /// `when = …` said no.
    pub bypass: bool,
    /// What is made of a value that is there.
    pub policy: Policy,
}

/// Looks once, without waiting. A hit ends here.
///
/// Inlined whatever the optimizer thinks: then what the attribute fixes is constant in it, a third of a hit.
#[expect(clippy::inline_always, reason = "measured: see benches/instructions.sh")]
#[inline(always)]
pub fn enter<Out, S: Shape<Out>>(
    site: &'static Site,
    cache: CacheRef,
    key: &mut KeyBuf,
    returned: Returned<Out, S>,
    settings: Settings,
) -> Enter<Out, Pending> {
    let mut mode = Mode::Cached;
    let (mut routed, mut seen) = (None, None);
    if settings.bypass || key.why_unkeyable().is_some() {
        mode = Mode::Bypass;
    }
    let text = key.as_key();
    if mode == Mode::Cached
        && let Some((index, route)) = cache.route_at(Some(site), text)
    {
        routed = Some(index);
        let mut answer = None;
        if scope::is_special() {
            mode =
                careful::look(site, &cache, route, text, settings.version, settings.policy, &mut |entry| {
                    if settings.policy.is_fresh(&cache, entry, &mut seen) {
                        answer = returned.answer(entry);
                    }
                    answer.is_some()
                });
            if let Some(out) = answer {
                return Enter::Answer(out);
            }
        } else {
            let fits = |entry: &Entry| entry.version() == settings.version && cache.is_alive(entry);
            // Apart, so that `cached` does not pay for what the others ask.
            if matches!(settings.policy, Policy::Keep) {
                route.peek(text, &mut |entry| {
                    if fits(entry) {
                        answer = returned.answer(entry);
                    }
                });
            } else if settings.policy.looks_at(route.form()) {
                route.peek(text, &mut |entry| {
                    if fits(entry) && settings.policy.is_fresh(&cache, entry, &mut seen) {
                        answer = returned.answer(entry);
                    }
                });
            }
            if let Some(out) = answer {
                cache.tell_hit(text, site);
                return Enter::Answer(out);
            }
        }
    }
    Enter::Go(Pending::new(site, cache, key, returned.reader(), settings, mode, (routed, seen)))
}

/// A call that missed. From here to the answer nothing depends on its type: a future that holds this stays small
/// and can be sent wherever its own parts can.
pub struct Pending {
    pub(super) call: Call,
    pub(super) reader: Reader,
}

impl Pending {
    #[cold]
    fn new(
        site: &'static Site,
        cache: CacheRef,
        key: &mut KeyBuf,
        reader: Reader,
        settings: Settings,
        mode: Mode,
        (route, seen): (Option<u32>, Option<Seen>),
    ) -> Self {
        let mut why = key.why_unkeyable();
        let key = key.as_key().to_key();
        let mut mode = mode;
        if is_reserved(key.as_str()) {
            // A template that begins with a placeholder can run into a reserved prefix; those are not its to write.
            mode = Mode::Bypass;
            why = why.or(Some("it would begin with a reserved prefix"));
        }
        let call = Call {
            cache,
            site: Some(site),
            key,
            route,
            mode,
            version: settings.version,
            policy: settings.policy,
            seen,
            tags: Tags::new(),
            single_flight: settings.single_flight,
            lock: settings.lock,
            trouble: Trouble::unkeyable(why),
        };
        Self { call, reader }
    }

    /// Waits for somebody else's answer, or gets the right to compute. Boxed: this is the cold path, and large.
    pub fn lead(self, tags: Tags) -> BoxFuture<'static, Enter<Found, Lead>> {
        let entering = self.led(tags, false);
        Box::pin(async move {
            match entering.await {
                Entered::Answer(found) => Enter::Answer(*found),
                Entered::Go(lead) | Entered::Beside(_, lead) => Enter::Go(lead),
            }
        })
    }

    /// The same, or the right to compute beside the call, whose answer is there.
    pub fn lead_or_detach(self, tags: Tags) -> BoxFuture<'static, Entered> {
        let detaches = self.call.policy.is_background() && can_detach();
        self.led(tags, detaches)
    }

    fn led(self, tags: Tags, detaches: bool) -> BoxFuture<'static, Entered> {
        let Self { mut call, reader } = self;
        if let Some(why) = tags.why_unkeyable() {
            // An entry that its tags do not reach could not be deleted by them.
            call.mode = Mode::Bypass;
            call.trouble.note(&Error::NoKey(why));
        }
        call.tags = tags;
        Box::pin(async move {
            match call.lead(reader, detaches).await {
                Led::Compute(ticket) => Entered::Go(Lead { ticket }),
                Led::Found(entry, call) => Entered::Answer(Box::new(Found { entry, call, reader })),
                Led::Beside(entry, ticket) => Entered::Beside(Present(entry), Lead { ticket }),
            }
        })
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("key", &self.call.key).finish_non_exhaustive()
    }
}

/// What became of a call that may compute beside itself.
#[derive(Debug)]
pub enum Entered {
    /// The answer is there.
    Answer(Box<Found>),
    /// Compute.
    Go(Lead),
    /// The answer is there; compute beside the call.
    Beside(Present, Lead),
}

/// A value that answers while it is computed anew.
pub struct Present(Arc<Entry>);

impl Present {
    /// The answer; `None` where the reader was wrong that it fits.
    pub fn answer<Out, S: Shape<Out>>(&self, returned: Returned<Out, S>) -> Option<Out> {
        returned.answer(&self.0)
    }
}

impl fmt::Debug for Present {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An entry that answers the call.
pub struct Found {
    entry: Arc<Entry>,
    call: Call,
    reader: Reader,
}

impl Found {
    /// The answer. The reader has said that this entry fits; should it not, computing is the safe answer.
    pub fn answer<Out, S: Shape<Out>>(self, returned: Returned<Out, S>) -> Enter<Out, Lead> {
        match returned.answer(&self.entry) {
            Some(out) => Enter::Answer(out),
            None => {
                Enter::Go(Lead { ticket: Box::new(Ticket::new(self.call, self.reader, None, None).told()) })
            }
        }
    }
}

impl fmt::Debug for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Found").field("key", &self.call.key).finish_non_exhaustive()
    }
}

/// The right to compute, and what is known for storing the answer.
pub struct Lead {
    /// Boxed: it lives across the body, and futures stay small.
    pub(super) ticket: Box<Ticket>,
}

impl Lead {
    /// What the function is part of.
    pub(super) fn marks(&self) -> impl Iterator<Item = Mark> {
        self.ticket.marks()
    }

    /// The function gave an error that is not kept: who waits tries in growing groups.
    pub(super) fn fail(self) {
        self.ticket.fail();
    }

    /// A guard inside refused the call, and has told so.
    pub fn refused(&self) {
        self.ticket.refused();
    }

    /// Begins to compute beside the call; `false`: somebody else does, or it failed a moment ago.
    pub fn begin(&mut self) -> BoxFuture<'_, bool> {
        Box::pin(self.ticket.begin_beside())
    }

    /// Runs the function as part of this computation.
    pub fn run<F: Future>(&mut self, body: F) -> Within<F> {
        within(self.ticket.marks().collect(), Calm::if_recomputing(), body)
    }

    /// Begins the decision whether and for how long to keep the answer.
    pub fn keep<'a, Out, S: Shape<Out>>(
        &'a self,
        _: Returned<Out, S>,
        out: &'a Out,
    ) -> Keep<'a, S::Value, S::Error> {
        Keep::new(self, S::split(out))
    }

    /// Stores the answer if it is to be kept, and gives it to whoever waits.
    ///
    /// A backend in this process is done at once. For another the answer is taken apart while it waits: the value
    /// can be sent between threads, which an `Err` of the same type perhaps cannot.
    pub fn leave<Out, S: Shape<Out>>(
        self,
        returned: Returned<Out, S>,
        out: Out,
        kept: Kept,
        outside: Option<&Inside>,
    ) -> Enter<Out, (BoxFuture<'static, ()>, S::Value)> {
        let Self { ticket } = self;
        if kept.falls_back()
            && let Some(present) = ticket.present()
            && let Some(answer) = returned.answer(&present)
        {
            if let Some(outside) = outside {
                outside.recall();
            }
            let settled = ticket.fall_back(present);
            return match S::into_value(answer) {
                Ok(value) => Enter::Go((settled, value)),
                Err(answer) => {
                    background::spawn(settled);
                    Enter::Answer(answer)
                }
            };
        }
        let Some(kept) = kept.kept().filter(|_| ticket.stores()) else {
            // Nothing to store: an entry is made only for those who wait.
            if returned.is_shareable(&out) {
                let entry = ticket.closes_with_waiters().then(|| returned.entry(&out, ticket.passing()));
                ticket.share(entry.flatten());
            } else {
                ticket.fail();
            }
            return Enter::Answer(out);
        };
        let Some(entry) = returned.entry(&out, ticket.meta(kept)) else {
            ticket.fail();
            return Enter::Answer(out);
        };
        let waits = matches!(S::split(&out), Outcome::Value(_));
        let Some(store) = ticket.begin_store(entry, waits) else { return Enter::Answer(out) };
        match S::into_value(out) {
            Ok(value) => Enter::Go((store, value)),
            Err(out) => {
                // `None` and `Err` are stored meanwhile; until they are, callers join this computation.
                background::spawn(Scope::current().run(store));
                Enter::Answer(out)
            }
        }
    }
}

impl fmt::Debug for Lead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lead").finish_non_exhaustive()
    }
}
