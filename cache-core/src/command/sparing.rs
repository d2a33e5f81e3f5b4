//! Commands whose backend is not there: what they answer, where their route spares callers the error.
//!
//! | answer | commands |
//! |---|---|
//! | there is nothing | `get`, `gets`, `get_many`, `get_raw`, `exists`, `get_expire`, `size_of`, `expire`, `touch` |
//! | nothing was stored | `set`, `set_many`, `set_raw`, `add` |
//! | nothing was there, and the removal is kept | `delete`, `delete_many`, `delete_match`, `delete_tags`, `clear` |
//! | the error | all others: their answers say something that nobody knows then |

use std::future::Future;

use crate::cache::{Cache, Route};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::key::Key;
use crate::lock;

/// Who is told of what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sparing {
    /// The call itself says how long it may take; then it is told when that is over.
    is_limited: bool,
}

impl Sparing {
    /// Of a call without a limit of its own.
    pub(crate) const PLAIN: Self = Self { is_limited: false };

    pub(super) const fn new(is_limited: bool) -> Self {
        Self { is_limited }
    }

    /// What a command on this route came to, or `instead`.
    pub(crate) fn on<T>(
        self,
        cache: &Cache,
        route: &Route,
        key: &str,
        outcome: Result<T>,
        instead: T,
    ) -> Result<T> {
        match outcome {
            Err(error)
                // A lock is not freed late: that it was not freed now is told.
                if route.spares(&error)
                    && !lock::is_lock(key)
                    && !(self.is_limited && matches!(error, Error::Timeout { .. })) =>
            {
                cache.tell(EventKind::BackendFailed, key, None, Some(&error));
                Ok(instead)
            }
            outcome => outcome,
        }
    }

    /// The command of one key, or `instead`.
    pub(crate) async fn of<T>(
        self,
        cache: &Cache,
        key: &Key,
        instead: T,
        command: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let outcome = command.await;
        match cache.route_of(key.as_key()) {
            Some(route) if outcome.is_err() => self.on(cache, route, key.as_str(), outcome, instead),
            _ => outcome,
        }
    }
}

/// What was removed on several routes, and the first error, one that nobody is spared before others.
#[derive(Debug)]
pub(crate) struct Removed {
    count: u64,
    outcome: Result<()>,
}

impl Removed {
    pub(crate) const fn nothing() -> Self {
        Self { count: 0, outcome: Ok(()) }
    }

    pub(crate) const fn failed(error: Error) -> Self {
        Self { count: 0, outcome: Err(error) }
    }

    pub(crate) fn add(&mut self, removed: Result<u64>) {
        match removed {
            Ok(count) => self.count += count,
            Err(error) => {
                let is_worse = self.outcome.as_ref().is_err_and(Error::is_unavailable);
                if self.outcome.is_ok() || (is_worse && !error.is_unavailable()) {
                    self.outcome = Err(error);
                }
            }
        }
    }

    pub(crate) fn error(&self) -> Option<&Error> {
        self.outcome.as_ref().err()
    }

    /// How many went; the error if one is told.
    pub(crate) fn all(self) -> Result<u64> {
        self.outcome.map(|()| self.count)
    }
}

impl Cache {
    /// The same where callers are spared what each of these routes spares them.
    pub(crate) fn spared<'c>(
        &'c self,
        removed: Removed,
        name: &str,
        mut routes: impl Iterator<Item = &'c Route>,
    ) -> Result<u64> {
        match removed.outcome {
            Err(error) if !lock::is_lock(name) && routes.all(|route| route.spares(&error)) => {
                self.tell(EventKind::BackendFailed, name, None, Some(&error));
                Ok(removed.count)
            }
            outcome => outcome.map(|()| removed.count),
        }
    }
}
