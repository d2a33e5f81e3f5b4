//! Scopes: what differs for the calls inside one future.

mod context;
mod inside;
mod state;

use std::future::Future;
use std::time::Duration;

pub use context::{context, write_context};
pub(crate) use inside::{Calm, Inside};
use state::State;
pub(crate) use state::{Circle, Recompute, Special};

use crate::cache::{AsCache, Cache};
use crate::command::Commands;
use crate::detect::Recorder;
use crate::key::KeyPart;

/// Changes how annotated functions and commands behave inside one future.
///
/// Tests give each its own cache with it; services put what a key needs and no parameter carries into it (who asks,
/// in which language); a "reload" button recomputes what a page is made of. What holds for the whole program
/// belongs into [`Cache::builder`](crate::Cache::builder) instead, and what differs by argument into the function.
///
/// # Where it holds
///
/// In everything the future awaits, on whatever thread, up to its end; in two futures of one `join!` each has its
/// own. Scopes nest: an inner one inherits all and hides what it sets itself; commands that an outer one switched
/// off stay off, and what it [recomputes](Self::invalidate_further) is recomputed. Code that a scope is not around
/// never sees it, and pays nothing for it.
///
/// A task that the future **spawns** is not inside: it may live longer. Take the present scope along with
/// [`Scope::current`].
///
/// ```
/// use cache_core::{Scope, context};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let answer = Scope::new().key("client_id", &7).run(async {
///     // Functions with `key = "orders:<@client_id>"` use it, and so does code that asks:
///     context("client_id")
/// });
/// assert_eq!(answer.await.as_deref(), Some("7"));
/// assert_eq!(context("client_id"), None);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a scope does nothing before `.run(…)`"]
pub struct Scope {
    changes: State,
    /// What is inside recomputes, from when this is run.
    further: bool,
}

impl Scope {
    /// A scope that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// All that holds for the running code, to take along into a task that it spawns.
    ///
    /// The task then has the same cache, key context, switched-off commands and timeout; its calls are told to the
    /// [`detect`](crate::detect()) that is around, while that lasts. Use it where the task is part of the work;
    /// leave it where the task is of its own, as a worker that goes on after the request. Outside any scope it is
    /// [`Scope::new`].
    ///
    /// ```
    /// use cache_core::{Scope, context};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let scope = Scope::new().key("lang", "en");
    /// scope.run(async {
    ///     let alone = tokio::spawn(async { context("lang") });
    ///     let along = tokio::spawn(Scope::current().run(async { context("lang") }));
    ///     assert_eq!(alone.await.unwrap(), None);
    ///     assert_eq!(along.await.unwrap().as_deref(), Some("en"));
    /// }).await;
    /// # });
    /// ```
    pub fn current() -> Self {
        let mut changes = state::present().map(|state| State::clone(&state)).unwrap_or_default();
        // Whoever refreshes means one call, and that is not one of the task's.
        changes.refresh = None;
        Self { changes, further: false }
    }

    /// Calls inside use this cache, unless their attribute names one. For tests, and for a tenant's own cache; by
    /// default it is the installed one.
    ///
    /// ```
    /// # async fn example(tests_own: cache_core::Cache) {
    /// use cache_core::Scope;
    ///
    /// Scope::new().cache(&tests_own).run(async { /* the test */ }).await;
    /// # }
    /// ```
    pub fn cache(mut self, cache: impl AsCache) -> Self {
        self.changes.cache = Some(cache.as_cache().clone());
        self
    }

    /// Sets a value of the key context: what `<@name>` in a template stands for. An inner scope's value hides an
    /// outer one's; functions that name a value nobody has set go past the cache, with an event.
    ///
    /// For what belongs to the request and not to the call: tenant, language, role. What the function is called
    /// with is better a parameter: the compiler checks that it is there.
    ///
    /// ```
    /// use cache_core::{Scope, context};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let inner = async { Scope::new().key("lang", "de").run(async { context("lang") }).await };
    /// assert_eq!(Scope::new().key("lang", "en").run(inner).await.as_deref(), Some("de"));
    /// # });
    /// ```
    pub fn key(mut self, name: &'static str, value: &(impl KeyPart + ?Sized)) -> Self {
        self.changes.set_key(name, context::text_of(value));
        self
    }

    /// Every cached call inside runs its function and stores what it gives, whatever is there: annotated functions,
    /// those that they call, and [`get_or_set`](crate::Cache::get_or_set).
    ///
    /// For "reload" and for filling a cache anew. What is stored stays for everybody else until the new value
    /// replaces it, or for good if the function fails: to take values away use `#[invalidate]` or
    /// `purge!`. To recompute one function and answer those inside it from the cache,
    /// use its handle's `refresh`.
    ///
    /// Of calls inside that are made for one key at the same time one runs; one after another, each runs. None is
    /// given what was computed, or begun, outside. Plain commands (`get`) read what is there.
    ///
    /// ```
    /// # async fn page() {}
    /// # async fn example() {
    /// use cache_core::Scope;
    ///
    /// Scope::new().invalidate_further().run(page()).await;
    /// # }
    /// ```
    pub fn invalidate_further(mut self) -> Self {
        self.further = true;
        self
    }

    /// Switches commands off inside: they do nothing and answer as if nothing were there. An inner scope adds to
    /// them and cannot switch them on again. By default all are on.
    ///
    /// For a request that says `no-store`, and for tests of the cold way.
    ///
    /// ```
    /// # async fn page() {}
    /// # async fn example() {
    /// use cache_core::{Command, Scope};
    ///
    /// // Computed anew, and stored for nobody.
    /// Scope::new().disable([Command::Get, Command::Set]).run(page()).await;
    /// # }
    /// ```
    pub fn disable(mut self, commands: impl Into<Commands>) -> Self {
        self.changes.disabled = self.changes.disabled.and(commands.into());
        self
    }

    /// How long each command inside may take; zero is as long as it likes. An option of the command itself wins,
    /// an inner scope hides an outer one, and by default the route says (250 ms on a backend of bytes).
    ///
    /// ```
    /// # async fn page() {}
    /// # async fn example() {
    /// use std::time::Duration;
    ///
    /// // A request in a hurry: rather a miss than a slow cache.
    /// cache_core::Scope::new().timeout(Duration::from_millis(20)).run(page()).await;
    /// # }
    /// ```
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.changes.timeout = Some(limit);
        self
    }

    /// The next call recomputes, and nothing inside it.
    pub(crate) fn recompute(mut self, recompute: bool) -> Self {
        self.changes.refresh = Some(recompute);
        self
    }

    /// Calls inside are told to nobody who listens outside.
    pub(crate) fn unheard(mut self) -> Self {
        self.changes.recorders.clear();
        self
    }

    /// Calls inside are told to this recorder.
    pub(crate) fn recorder(mut self, recorder: Recorder) -> Self {
        self.changes.recorders.push(recorder);
        self
    }

    /// Runs the future inside this scope, and that inside the scope in which it is first polled.
    ///
    /// The future that comes back can be spawned if the given one can. If it is dropped before its end, what is in
    /// it is dropped inside the scope.
    pub fn run<F: Future>(self, future: F) -> Inside<F> {
        Inside::new(self, future)
    }
}

/// Whether the running code may be inside a scope. `false`, as nearly always, ends every question here.
#[inline]
pub(crate) fn is_special() -> bool {
    state::is_special()
}

/// The cache that a scope gives.
#[inline]
pub(crate) fn cache() -> Option<Cache> {
    if is_special() { state::ask(|state| state.cache.clone()) } else { None }
}

/// Whether the next call recomputes, and for whom.
pub(crate) fn recompute() -> Option<Recompute> {
    state::ask(State::recompute)
}

/// The commands that the scopes around the running code switch off.
pub(crate) fn disabled() -> Commands {
    state::ask(|state| Some(state.disabled)).unwrap_or(Commands::none())
}

/// How long a command may take, if a scope says so; `Some(None)`: as long as it likes.
#[expect(clippy::option_option, reason = "nothing said, no limit, and a limit are three answers")]
pub(crate) fn timeout() -> Option<Option<Duration>> {
    state::ask(|state| state.timeout).map(|limit| (!limit.is_zero()).then_some(limit))
}

/// Those who want to know of the calls of the running code.
pub(crate) fn recorders() -> Vec<Recorder> {
    state::ask(|state| Some(state.recorders.clone())).unwrap_or_default()
}
