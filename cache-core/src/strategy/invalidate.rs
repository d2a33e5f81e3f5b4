//! `#[invalidate]`: when the function has changed something, what was computed from it goes.
//!
//! Targets are made from the arguments before the body runs. An `Err` leaves them alone unless `on` says
//! otherwise; a function that panics or is dropped midway invalidates, because what it did is unknown.

use std::fmt;
use std::future::Future;

use crate::background;
use crate::cache::{CacheRef, Route};
use crate::command::{Command, Removed};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::pattern::Pattern;
use crate::scope::Scope;
use crate::tag::Tags;

/// When invalidation takes place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// After the function, unless it gave `Err`.
    Success,
    /// After the function, whatever it gave.
    Always,
    /// Before the function. What is computed meanwhile from the old state may be stored: prefer `Success`.
    Before,
}

/// Keys of one cache that are to go.
pub struct Target {
    cache: CacheRef,
    what: What,
}

enum What {
    Keys(Pattern),
    Tags(Tags),
}

impl Target {
    /// The keys that match `pattern`, or the one key it is.
    pub const fn new(cache: CacheRef, pattern: Pattern) -> Self {
        Self { cache, what: What::Keys(pattern) }
    }

    /// The entries that carry one of these tags.
    pub const fn tags(cache: CacheRef, tags: Tags) -> Self {
        Self { cache, what: What::Tags(tags) }
    }

    /// Whether the command that does it is switched off wherever the keys may be.
    fn is_off(&self) -> bool {
        let command = match &self.what {
            What::Keys(_) => Command::DeleteMatch,
            What::Tags(_) => Command::DeleteTags,
        };
        let mut routes: Box<dyn Iterator<Item = &Route>> = match &self.what {
            What::Keys(pattern) => Box::new(self.cache.routes_of(pattern)),
            What::Tags(_) => Box::new(self.cache.routes().iter()),
        };
        let mut any = false;
        let off = routes.all(|route| {
            any = true;
            self.cache.is_off(command, route)
        });
        any && off
    }

    async fn remove(&self) -> Result<u64> {
        let (why, name) = match &self.what {
            What::Keys(pattern) => (pattern.why_unkeyable(), pattern.as_str()),
            What::Tags(tags) => (tags.why_unkeyable(), tags.names().first().map_or("", |tag| tag.as_str())),
        };
        let removed = match (why, &self.what) {
            // Better nothing than what the arguments did not say.
            (Some(why), _) => Removed::failed(Error::NoKey(why)),
            (None, What::Keys(pattern)) => self.cache.invalidate_match(pattern).await,
            (None, What::Tags(tags)) => self.cache.end_tags(tags).await,
        };
        let (kind, error) = match removed.error() {
            None if self.is_off() => (EventKind::NotInvalidated, None),
            None => (EventKind::Invalidated, None),
            Some(error) => (EventKind::NotInvalidated, Some(error)),
        };
        self.cache.tell(kind, name, None, error);
        match &self.what {
            What::Keys(pattern) => self.cache.spared(removed, name, self.cache.routes_of(pattern)),
            What::Tags(_) => self.cache.spared(removed, name, self.cache.routes().iter()),
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Keys(pattern) => f.debug_tuple("Target").field(pattern).finish(),
            What::Tags(tags) => f.debug_tuple("Target").field(&tags.names()).finish(),
        }
    }
}

/// Removes what the targets name; tells how many entries went. All are tried; the first error is told.
pub async fn purge(targets: impl IntoIterator<Item = Target>) -> Result<u64> {
    let (mut removed, mut outcome) = (0, Ok(()));
    for target in targets {
        match target.remove().await {
            Ok(count) => removed += count,
            Err(error) => outcome = outcome.and(Err(error)),
        }
    }
    outcome.map(|()| removed)
}

/// Begins a function that invalidates.
pub async fn enter(on: On, targets: impl IntoIterator<Item = Target>) -> Running {
    let mut targets: Vec<_> = targets.into_iter().collect();
    if on == On::Before {
        // A failure is an event; the function's answer is not ours to withhold.
        drop(purge(targets.drain(..)).await);
    }
    Running { on, targets, began: false }
}

/// A function that invalidates, under way. Dropped midway it invalidates.
#[derive(Debug)]
pub struct Running {
    on: On,
    targets: Vec<Target>,
    began: bool,
}

impl Running {
    /// The function begins. Its future is given back as it is: held twice, it would double with each layer.
    pub fn run<F: Future>(&mut self, body: F) -> F {
        self.began = true;
        body
    }

    /// Invalidates, if the outcome calls for it.
    pub async fn leave(mut self, failed: bool) {
        if failed && self.on == On::Success {
            self.targets.clear();
            return;
        }
        // Dropped while at it, the rest goes by `Drop`: a target leaves the list when it is done.
        while let Some(target) = self.targets.last() {
            drop(target.remove().await);
            self.targets.pop();
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let targets = std::mem::take(&mut self.targets);
        if !self.began || targets.is_empty() {
            return;
        }
        // Backends in this process answer at once; the others are waited for in the background.
        // What the scope says of commands holds there too.
        background::finish(Box::pin(Scope::current().run(async move {
            drop(purge(targets).await);
        })));
    }
}
