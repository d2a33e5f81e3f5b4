//! Scopes: what differs for the calls inside one future.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::cache::{AsCache, Cache};
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
    outer: Option<Arc<Changes>>,
}

tokio::task_local! {
    static SCOPE: Arc<Changes>;
}

/// Scopes being run anywhere. While there are none, a call does not look for one.
static ACTIVE: AtomicUsize = AtomicUsize::new(0);

struct Active;

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

    pub(crate) fn recompute(mut self, recompute: bool) -> Self {
        self.changes.recompute = Some(recompute);
        self
    }

    /// Runs the future inside this scope.
    pub async fn run<F: Future>(self, future: F) -> F::Output {
        let mut changes = self.changes;
        changes.outer = SCOPE.try_with(Arc::clone).ok();
        ACTIVE.fetch_add(1, Ordering::Acquire);
        let _active = Active;
        SCOPE.scope(Arc::new(changes), future).await
    }
}

/// The scope of a refreshed function's body, in which recomputing is over.
#[derive(Debug)]
pub(crate) struct Calm(Arc<Changes>);

impl Calm {
    /// For the running code, if it is being refreshed.
    pub(crate) fn if_recomputing() -> Option<Self> {
        if !recomputes() {
            return None;
        }
        let outer = SCOPE.try_with(Arc::clone).ok();
        ACTIVE.fetch_add(1, Ordering::Acquire);
        Some(Self(Arc::new(Changes { recompute: Some(false), outer, ..Changes::default() })))
    }

    /// Runs something inside.
    pub(crate) fn enter<T>(&self, run: impl FnOnce() -> T) -> T {
        SCOPE.sync_scope(Arc::clone(&self.0), run)
    }
}

impl Drop for Calm {
    fn drop(&mut self) {
        ACTIVE.fetch_sub(1, Ordering::Release);
    }
}

/// Looks through the scopes around the running code, innermost first.
fn find<T>(mut look: impl FnMut(&Changes) -> Option<T>) -> Option<T> {
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return None;
    }
    SCOPE
        .try_with(|innermost| {
            let mut changes = Some(innermost);
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
