//! Scopes: what differs for the calls inside one future.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::cache::{AsCache, Cache};
use crate::command::Commands;
use crate::key::{KeyBuf, KeyPart};

/// Changes how annotated functions behave inside one future: task-local, nested, inherited by what it awaits.
///
/// Tests give each its own cache with it; services put what a key needs and no parameter carries into it.
/// It does not follow into tasks that the future spawns: wrap those too.
///
/// ```
/// use cache_core::Scope;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let answer = Scope::new().key("client_id", &7).run(async { 42 }).await;
/// assert_eq!(answer, 42);
/// # });
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a scope does nothing before `.run(…)`"]
pub struct Scope {
    changes: Changes,
}

#[derive(Debug, Clone, Default)]
struct Changes {
    cache: Option<Cache>,
    keys: Vec<(&'static str, Arc<str>)>,
    /// Calls inside run their function whatever is stored, and store what it gives.
    recompute: Option<bool>,
    /// Commands that do nothing inside, beside those that an outer scope switches off.
    disabled: Commands,
    /// How long a command may take; `Some(None)`: as long as it likes.
    timeout: Option<Option<Duration>>,
    outer: Option<Arc<Changes>>,
}

thread_local! {
    /// The scope of the running code: set while a future inside it is polled, so it follows the task.
    static SCOPE: RefCell<Option<Arc<Changes>>> = const { RefCell::new(None) };
}

/// Scopes being run anywhere. While there are none, a call does not look for one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

/// A scope that code runs in.
#[derive(Debug)]
struct Active(Arc<Changes>);

impl Active {
    fn new(changes: Changes) -> Self {
        ACTIVE.fetch_add(1, Ordering::Acquire);
        let outer = SCOPE.try_with(|scope| scope.borrow().clone()).ok().flatten();
        Self(Arc::new(Changes { outer, ..changes }))
    }

    /// Makes it the scope of this thread, up to the guard's end. Not generic, so that it is compiled once.
    #[inline(never)]
    fn enter(&self) -> Entered {
        Entered(swap(Some(Arc::clone(&self.0))))
    }
}

/// Sets the scope of this thread and gives the one before. A thread that is ending has none: what its destructors
/// call runs outside.
fn swap(scope: Option<Arc<Changes>>) -> Option<Arc<Changes>> {
    SCOPE.try_with(|current| current.replace(scope)).ok().flatten()
}

/// Puts the scope around back when dropped, also by a panic.
pub(crate) struct Entered(Option<Arc<Changes>>);

impl Drop for Entered {
    #[inline(never)]
    fn drop(&mut self) {
        swap(self.0.take());
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Release);
    }
}

impl Scope {
    /// A scope that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Calls inside use this cache, unless their attribute names one.
    pub fn cache(mut self, cache: impl AsCache) -> Self {
        self.changes.cache = Some(cache.as_cache().clone());
        self
    }

    /// Sets a value of the key context: `<@name>` in templates. An inner scope's value hides an outer one's.
    pub fn key(mut self, name: &'static str, value: &(impl KeyPart + ?Sized)) -> Self {
        let mut text = KeyBuf::new();
        text.part(value);
        self.changes.keys.push((name, text.as_str().into()));
        self
    }

    /// Switches commands off inside: they do nothing and answer as if nothing were there. An inner scope cannot
    /// switch them on again.
    pub fn disable(mut self, commands: impl Into<Commands>) -> Self {
        self.changes.disabled = self.changes.disabled.and(commands.into());
        self
    }

    /// How long each command inside may take; zero is as long as it likes. An option of the command itself wins.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.changes.timeout = Some((!limit.is_zero()).then_some(limit));
        self
    }

    pub(crate) fn recompute(mut self, recompute: bool) -> Self {
        self.changes.recompute = Some(recompute);
        self
    }

    /// Runs the future inside this scope, and that inside the scope in which it is first polled.
    pub fn run<F: Future>(self, future: F) -> Inside<F> {
        Inside { changes: Some(self.changes), scope: None, future }
    }
}

pin_project! {
    /// A future inside a scope: what [`Scope::run`] returns.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Inside<F> {
        // Until it is first polled.
        changes: Option<Changes>,
        // From then on.
        scope: Option<Active>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Future for Inside<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        if let Some(changes) = this.changes.take() {
            *this.scope = Some(Active::new(changes));
        }
        let _entered = this.scope.as_ref().map(Active::enter);
        this.future.poll(cx)
    }
}

/// The scope of a refreshed function's body, in which recomputing is over.
#[derive(Debug)]
pub(crate) struct Calm(Active);

impl Calm {
    /// For the running code, if it is being refreshed.
    pub(crate) fn if_recomputing() -> Option<Self> {
        if !recomputes() {
            return None;
        }
        Some(Self(Active::new(Changes { recompute: Some(false), ..Changes::default() })))
    }

    /// Makes it the scope of this thread, up to the guard's end.
    pub(crate) fn enter(&self) -> Entered {
        self.0.enter()
    }
}

/// Looks through the scopes around the running code, innermost first.
fn find<T>(mut look: impl FnMut(&Changes) -> Option<T>) -> Option<T> {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return None;
    }
    SCOPE
        .try_with(|innermost| {
            let innermost = innermost.borrow();
            let mut changes = innermost.as_ref();
            while let Some(current) = changes {
                if let Some(found) = look(current) {
                    return Some(found);
                }
                changes = current.outer.as_ref();
            }
            None
        })
        .ok()
        .flatten()
}

#[inline]
pub(crate) fn cache() -> Option<Cache> {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return None;
    }
    find(|changes| changes.cache.clone())
}

#[inline]
pub(crate) fn recomputes() -> bool {
    ACTIVE.load(Ordering::Relaxed) != 0 && find(|changes| changes.recompute).unwrap_or(false)
}

/// The commands that the scopes around the running code switch off.
pub(crate) fn disabled() -> Commands {
    let mut all = Commands::none();
    find(|changes| {
        all = all.and(changes.disabled);
        None::<()>
    });
    all
}

/// How long a command may take, if a scope says so.
pub(crate) fn timeout() -> Option<Option<Duration>> {
    find(|changes| changes.timeout)
}

/// Appends the context value `name`; without one the arguments make no key.
pub fn context(out: &mut KeyBuf, name: &str) {
    let value = find(|changes| {
        changes.keys.iter().rev().find(|(known, _)| *known == name).map(|(_, text)| Arc::clone(text))
    });
    match value {
        Some(text) => out.literal(&text),
        None => out.unkeyable("a value of the key context is not set (`Scope::new().key(…)`)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<String> {
        let mut out = KeyBuf::new();
        context(&mut out, name);
        out.why_unkeyable().is_none().then(|| out.as_str().to_owned())
    }

    #[tokio::test]
    async fn inner_scopes_hide_and_outer_ones_return() {
        assert_eq!(read("id"), None);
        Scope::new()
            .key("id", &1)
            .key("lang", "en:GB")
            .run(async {
                assert_eq!(read("id").as_deref(), Some("1"));
                Scope::new().key("id", &2).run(async { assert_eq!(read("id").as_deref(), Some("2")) }).await;
                assert_eq!(read("id").as_deref(), Some("1"));
                assert_eq!(read("lang").as_deref(), Some("en%3AGB"));
            })
            .await;
        assert_eq!(read("id"), None);
    }

    #[tokio::test]
    async fn a_scope_can_be_spawned_and_does_not_leak() {
        tokio::spawn(Scope::new().key("id", &1).run(async { assert_eq!(read("id").as_deref(), Some("1")) }))
            .await
            .unwrap();
        assert_eq!(read("id"), None);
    }
}
