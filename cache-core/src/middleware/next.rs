//! The rest of a chain, as one link sees it.

use std::fmt;

use tokio::sync::Mutex;

use super::layered::Layered;
use super::taken::Taken;
use super::{Middleware, Request, Response, mapping};
use crate::backend::{Backend, Transition};
use crate::clock::{BoxFuture, Clock, SystemClock};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;

/// What comes after a middleware: the inner ones and the backend. Copied freely; each [`run`](Self::run) is one more
/// command.
#[derive(Clone, Copy)]
pub struct Next<'a> {
    chain: &'a Layered,
    /// How many layers the request has passed.
    passed: usize,
    along: Along<'a>,
}

/// What goes along with a request and cannot be owned by it.
#[derive(Clone, Copy, Default)]
pub(super) struct Along<'a> {
    pub(super) expected: Option<&'a Entry>,
    pub(super) change: Option<&'a (dyn Change + 'a)>,
    /// Rights that were taken and have not reached whoever asked.
    pub(super) taken: Option<&'a Taken<'a>>,
}

/// The step of a state; behind a lock, so that a request can be run again.
pub(super) trait Change: Send + Sync {
    fn update<'a>(&'a self, backend: &'a dyn Backend, key: &'a Key) -> BoxFuture<'a, Result<()>>;
}

impl Change for Mutex<&mut dyn Transition> {
    fn update<'a>(&'a self, backend: &'a dyn Backend, key: &'a Key) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move { backend.update(key, &mut **self.lock().await).await })
    }
}

impl<'a> Next<'a> {
    pub(super) const fn new(chain: &'a Layered, along: Along<'a>) -> Self {
        Self { chain, passed: 0, along }
    }

    /// Passes a request on and gives the answer.
    pub fn run(self, request: Request) -> BoxFuture<'a, Result<Response>> {
        let layers = self.chain.layers();
        let here: Option<&dyn Middleware> =
            self.passed.checked_sub(1).and_then(|at| layers.get(at)).map(|layer| &**layer);
        let Some(here) = here else { return self.enter(request) };
        let inner = self.enter(mapping::map_request(here, request));
        Box::pin(async move { Ok(mapping::unmap_response(here, inner.await?)) })
    }

    /// The next layer, or the backend.
    fn enter(self, request: Request) -> BoxFuture<'a, Result<Response>> {
        match self.chain.layers().get(self.passed) {
            Some(layer) => layer.call(request, Self { passed: self.passed + 1, ..self }),
            None => Box::pin(self.chain.finish(request, self.along)),
        }
    }

    /// The clock of the cache: what a middleware measures with, so that tests hold its time in their hand.
    pub fn clock(&self) -> &'a dyn Clock {
        match self.chain.clock() {
            Some(clock) => &**clock,
            None => &SystemClock,
        }
    }

    /// The backend's own name.
    pub fn backend(&self) -> &'static str {
        self.chain.backend().name()
    }
}

impl fmt::Debug for Next<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("passed", &self.passed).finish_non_exhaustive()
    }
}
