//! Code of the user's before and after commands.

use std::collections::HashMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::{Middleware, Next, Request, Response, Verb};
use crate::clock::BoxFuture;
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;
use crate::pattern::Pattern;

type Before = Box<dyn Fn(&Request) + Send + Sync>;
type After = Box<dyn Fn(&Request, &Result<Response>) + Send + Sync>;
type Removal = Box<dyn Fn(&Removed) + Send + Sync>;

/// Runs closures before and after commands, and when keys are removed.
///
/// They watch and change nothing: to change something write a [`Middleware`]. A closure that panics does not fail
/// the command, and the others still run. They run on the caller's task in the order they were added, before ones
/// before and after ones after; after ones also when the command failed, with the error. A command that is dropped
/// on the way has no after.
///
/// ```
/// use cache_core::middleware::{Callbacks, Removed, Verb};
///
/// let callbacks = Callbacks::new()
///     .before(Verb::Set, |request| println!("about to store {:?}", request.key()))
///     .after(Verb::Set, |_, outcome| println!("stored: {}", outcome.is_ok()))
///     .on_remove(|removed| {
///         if let Removed::Keys(keys) = removed {
///             println!("gone: {keys:?}");
///         }
///     });
/// # drop(callbacks);
/// ```
#[derive(Default)]
pub struct Callbacks {
    before: HashMap<Verb, Vec<Before>>,
    after: HashMap<Verb, Vec<After>>,
    removal: Vec<Removal>,
}

/// What was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Removed {
    /// These keys, as this place of the chain names them.
    Keys(Vec<Key>),
    /// What matched, on a backend that cannot tell its keys.
    Matching(Pattern),
    /// Everything, whoever stored it: `flush_all`, or `clear` on a backend that cannot tell its keys.
    All,
}

impl Callbacks {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs before this verb.
    #[must_use]
    pub fn before(mut self, verb: Verb, run: impl Fn(&Request) + Send + Sync + 'static) -> Self {
        self.before.entry(verb).or_default().push(Box::new(run));
        self
    }

    /// Runs after this verb, also if it failed.
    #[must_use]
    pub fn after(
        mut self,
        verb: Verb,
        run: impl Fn(&Request, &Result<Response>) + Send + Sync + 'static,
    ) -> Self {
        self.after.entry(verb).or_default().push(Box::new(run));
        self
    }

    /// Runs when keys were removed through this chain: by `delete`, `delete_many`, `delete_match`, `clear`,
    /// `flush_all`, and by what uses them (`#[invalidate]`, for one). Keys under which nothing was are not told.
    ///
    /// To know the keys, `delete_many` reads them before, and `delete_match` and `clear` scan: another command,
    /// and what is stored between the two goes untold. It is **not** told of entries that expire, are evicted or
    /// replaced, of those that a deleted tag ends (nobody knows which those are), and of what other processes
    /// remove: backends do not report these.
    #[must_use]
    pub fn on_remove(mut self, run: impl Fn(&Removed) + Send + Sync + 'static) -> Self {
        self.removal.push(Box::new(run));
        self
    }

    /// What a removal is about to remove, as far as that must be known before.
    async fn foresee(&self, request: &Request, next: Next<'_>) -> Option<Removed> {
        if self.removal.is_empty() {
            return None;
        }
        let scan = async |pattern: &Pattern| match next.run(Request::Scan { pattern: pattern.clone() }).await
        {
            Ok(Response::Keys(keys)) => Some(Removed::Keys(keys)),
            _ => None,
        };
        Some(match request {
            Request::Delete { key } => Removed::Keys(vec![key.clone()]),
            Request::DeleteMany { keys } => {
                let lives = |entry: &Option<Arc<Entry>>| {
                    entry.as_ref().is_some_and(|entry| entry.is_alive(next.clock()))
                };
                match next.run(Request::GetMany { keys: keys.clone() }).await {
                    Ok(Response::Entries(entries)) => Removed::Keys(
                        keys.iter()
                            .zip(&entries)
                            .filter(|(_, entry)| lives(entry))
                            .map(|(key, _)| key.clone())
                            .collect(),
                    ),
                    _ => Removed::Keys(keys.clone()),
                }
            }
            Request::DeleteMatch { pattern } => {
                scan(pattern).await.unwrap_or_else(|| Removed::Matching(pattern.clone()))
            }
            Request::Clear => scan(&Pattern::new("*")).await.unwrap_or(Removed::All),
            Request::FlushAll => Removed::All,
            _ => return None,
        })
    }
}

/// Whether a removal took something away.
fn has_removed(removed: &Removed, outcome: &Result<Response>) -> bool {
    let some = !matches!(removed, Removed::Keys(keys) if keys.is_empty());
    some && !matches!(outcome, Err(_) | Ok(Response::Flag(false) | Response::Count(0)))
}

/// Runs what the user gave; its panic stays its own.
fn isolated(run: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(run)));
}

impl Middleware for Callbacks {
    fn sees_hits(&self) -> bool {
        [Verb::Get, Verb::GetMany]
            .iter()
            .any(|verb| self.before.contains_key(verb) || self.after.contains_key(verb))
    }

    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        Box::pin(async move {
            let verb = request.verb();
            for before in self.before.get(&verb).into_iter().flatten() {
                isolated(|| before(&request));
            }
            let removed = self.foresee(&request, next).await;
            let outcome = next.run(request.clone()).await;
            if let Some(removed) = removed.filter(|removed| has_removed(removed, &outcome)) {
                for told in &self.removal {
                    isolated(|| told(&removed));
                }
            }
            for after in self.after.get(&verb).into_iter().flatten() {
                isolated(|| after(&request, &outcome));
            }
            outcome
        })
    }
}

impl fmt::Debug for Callbacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callbacks")
            .field("before", &self.before.keys())
            .field("after", &self.after.keys())
            .field("removal", &self.removal.len())
            .finish()
    }
}
