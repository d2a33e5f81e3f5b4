//! What attributes that may refuse a call have in common: where their state is, and how they tell what they did.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Enter;
use super::finish::Finish;
use crate::backend::Transition;
use crate::cache::{CacheRef, Route};
use crate::clock::{BoxFuture, Time};
use crate::command::{Command, LockGuard, Place, take};
use crate::detect::{self, DetectedCall, Outcome};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::flight::is_beside;
use crate::key::{Key, KeyBuf};
use crate::registry::Function;
use crate::ttl::Ttl;

/// What the attribute fixes before the call.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// `when = …` said no.
    pub bypass: bool,
    /// No other attribute of the function counts its calls.
    pub counts: bool,
}

/// A return type that can say that a call was refused.
#[diagnostic::on_unimplemented(
    message = "an attribute that may refuse a call needs a function that can say so: `{Self}` is no `Result<_, E>` \
        with `E: From<macadamia::Error>`",
    label = "this cannot say that the call was refused",
    note = "return a `Result`, and give its error `impl From<macadamia::Error>`; `macadamia::Error` itself will do"
)]
pub trait Refusable {
    /// The answer of a call that was refused.
    fn refused(error: Error) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T, E: From<Error>> Refusable for Result<T, E> {
    fn refused(error: Error) -> Self {
        Err(error.into())
    }
}

/// The answer of a call that was refused.
pub fn refusal<Out: Refusable>(error: Error) -> Out {
    Out::refused(error)
}

/// What asking comes to. Known at once where the state is in this process's memory: then nothing is boxed.
pub enum Entering<Token> {
    /// It is known; taken when it was told.
    Known(Option<Enter<Error, Token>>),
    /// The backend is being asked.
    Asking(BoxFuture<'static, Enter<Error, Token>>),
}

impl<Token> Entering<Token> {
    pub(super) const fn known(entered: Enter<Error, Token>) -> Self {
        Self::Known(Some(entered))
    }

    pub(super) fn asking(asking: impl Future<Output = Enter<Error, Token>> + Send + 'static) -> Self {
        Self::Asking(Box::pin(asking))
    }
}

impl<Token: Unpin> Future for Entering<Token> {
    type Output = Enter<Error, Token>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Known(entered) => entered.take().map_or(Poll::Pending, Poll::Ready),
            Self::Asking(asking) => asking.as_mut().poll(cx),
        }
    }
}

impl<Token> fmt::Debug for Entering<Token> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Known(_) => "Known",
            Self::Asking(_) => "Asking",
        })
    }
}

/// One step of a guard that watches how calls end.
pub(super) trait Watch: Transition {
    /// The transition that the step was, to be told once.
    fn moved(&self) -> Option<EventKind>;
}

/// One call that asks a guard.
pub(super) struct Guarded {
    strategy: &'static str,
    function: &'static Function,
    cache: CacheRef,
    /// With the prefix of the guard.
    key: Key,
    /// The number of the route that has it.
    place: Option<usize>,
    why_unkeyable: Option<&'static str>,
    settings: Settings,
}

impl Guarded {
    /// A call of `function` whose state is under `prefix` and `key`: in the route that names the prefix if there is
    /// one, else in that of the key.
    pub(super) fn new(
        strategy: &'static str,
        prefix: &str,
        function: &'static Function,
        cache: CacheRef,
        key: &mut KeyBuf,
        settings: Settings,
    ) -> Self {
        let why_unkeyable = key.why_unkeyable();
        key.finish();
        let mut state = KeyBuf::new();
        state.literal(prefix);
        state.append(key);
        let key = state.as_key().to_key();
        let place = cache.place_of(prefix, key.as_str());
        Self { strategy, function, cache, key, place, why_unkeyable, settings }
    }

    fn route(&self) -> Option<&Route> {
        self.cache.routes().get(self.place?)
    }

    /// Whether the guard is not to be asked: `when`, no key, or `command` is switched off here.
    pub(super) fn is_bypass(&self, command: Command) -> bool {
        let off = || self.route().is_some_and(|route| self.cache.is_off(command, route));
        self.settings.bypass || self.why_unkeyable.is_some() || off()
    }

    /// One step of the state, where nothing has to be waited for; `false`: nothing was done.
    pub(super) fn update_now(&self, change: &mut dyn Transition) -> bool {
        self.route().is_some_and(|route| route.update_now(self.key.as_key(), change))
    }

    /// One step of the state.
    pub(super) async fn update(&self, change: &mut dyn Transition) -> Result<()> {
        self.cache.route_or_error(&self.key)?.update(&self.key, change).await
    }

    /// The lock of this key.
    pub(super) async fn lock(&self, lease: Ttl, wait: Duration) -> Result<LockGuard> {
        let place = Place::of_state(&self.cache, self.key.clone())?;
        let mut guard = take(place, lease, wait).await?;
        guard.keep_renewed(lease)?;
        Ok(guard)
    }

    /// Goes on without the guard, as was asked for.
    pub(super) fn bypassed(self) -> Admitted {
        if self.why_unkeyable.is_some() && !self.settings.counts {
            // Whoever counts the call does not know of this.
            self.tell(EventKind::Bypassed, self.why_unkeyable.map(Error::NoKey).as_ref());
        }
        Admitted { call: self, kind: EventKind::Bypassed }
    }

    /// Goes on without the guard, because it cannot be asked.
    pub(super) fn unguarded(self, error: &Error) -> Admitted {
        self.tell(EventKind::BackendFailed, Some(error));
        self.admitted()
    }

    pub(super) fn admitted(self) -> Admitted {
        Admitted { call: self, kind: EventKind::Computed }
    }

    /// Ends here.
    pub(super) fn refused(self, error: Error) -> Error {
        self.tell(EventKind::Rejected, Some(&error));
        if is_beside(self.function) {
            return error;
        }
        self.function.counters.count(EventKind::Rejected);
        detect::record(|| {
            let (age, expiry) = DetectedCall::times(None, self.cache.now());
            DetectedCall {
                key: self.key.clone(),
                function: Some(self.function),
                strategy: self.strategy,
                outcome: Outcome::Rejected,
                backend: self.route().map(Route::backend_name),
                age,
                expiry,
                error: Some(error.clone()),
            }
        });
        error
    }

    /// Tells of the transition that a step was.
    pub(super) fn tell_moved(&self, change: &impl Watch) {
        if let Some(kind) = change.moved() {
            self.tell(kind, None);
        }
    }

    /// By the clock of the cache.
    pub(super) fn now(&self) -> Time {
        self.cache.now()
    }

    pub(super) fn tell(&self, kind: EventKind, error: Option<&Error>) {
        self.cache.tell(kind, self.key.as_str(), Some(self.function), error);
    }
}

/// A call that a guard has let through.
pub struct Admitted {
    call: Guarded,
    kind: EventKind,
}

impl Admitted {
    /// Something else that came of the call.
    pub(super) fn tell(&self, kind: EventKind) {
        self.call.tell(kind, None);
    }

    /// The function has answered.
    pub fn leave(self) {
        self.count();
    }

    pub(super) fn count(&self) {
        let Self { call, kind } = self;
        if call.settings.counts {
            call.function.counters.count(*kind);
            call.tell(*kind, call.why_unkeyable.map(Error::NoKey).as_ref());
        }
    }

    pub(super) const fn call(&self) -> &Guarded {
        &self.call
    }

    /// Takes the step by which the guard learns how the call ended; not cut off once it has begun.
    pub(super) fn end(self, mut change: impl Watch + 'static) -> Finish<()> {
        if self.call.update_now(&mut change) {
            self.call.tell_moved(&change);
            return Finish::done(());
        }
        Finish::begun(async move {
            match self.call.update(&mut change).await {
                Ok(()) => self.call.tell_moved(&change),
                Err(error) => self.call.tell(EventKind::BackendFailed, Some(&error)),
            }
        })
    }
}

impl fmt::Debug for Admitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admitted").field("key", &self.call.key).finish_non_exhaustive()
    }
}
