//! Keeping a good answer: on a backend of bytes not more often than it must be.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use super::attempt::Attempt;
use crate::backend::Form;
use crate::cache::{FillGuard, Last, Route};
use crate::clock::{BoxFuture, Time};
use crate::entry::{Entry, Meta};
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::key;
use crate::sealed;
use crate::strategy::weighed;
use crate::ttl::Ttl;

/// An answer that does not change is written again after a tenth of its ttl, and at least once in this time.
const LONGEST: Duration = Duration::from_secs(1);

/// For how long an answer that does not change is not written again.
fn rest(ttl: Ttl) -> Duration {
    ttl.duration().map_or(LONGEST, |ttl| (ttl / 10).min(LONGEST))
}

impl Attempt {
    /// Times of an entry that is kept now. Where the same answer is not written each time, the entry lies a little
    /// longer than it is good.
    pub(super) fn meta(&self, ttl: Ttl) -> Meta {
        let mut meta = self.cache.meta(Some(ttl));
        if self.route().is_some_and(|route| route.form() == Form::Bytes) {
            meta.expires = meta.expires.after(rest(ttl));
            // To know it again by.
            meta.nonce = sealed::nonce();
        }
        meta.cost = meta.stored.since(self.started);
        meta
    }

    /// Begins to keep the answer; `None` if that is done already, as it is in this process's memory. For another
    /// backend the caller waits: should the next call fail, it is there.
    pub(super) fn begin_keep(self: Box<Self>, entry: Arc<Entry>) -> Option<BoxFuture<'static, ()>> {
        let mut keeping: BoxFuture<'static, ()> = Box::pin(self.keep(entry));
        keeping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending().then_some(keeping)
    }

    async fn keep(self: Box<Self>, entry: Arc<Entry>) {
        let Some((route, fill)) = self.route().zip(self.fill.as_ref()) else { return self.done(None) };
        let meta = entry.meta();
        let stored = match route.form() {
            Form::Objects => self.store(route, fill, entry).await.map(Some),
            Form::Bytes => self.write(route, fill, entry).await,
        };
        let (kind, error) = match stored {
            Ok(None) => return self.done(Some(Meta { expires: meta.fresh_until, ..meta })),
            Ok(Some(true)) => (EventKind::Stored, None),
            Ok(Some(false)) => (EventKind::Overtaken, None),
            Err(error @ Error::Codec { .. }) => (EventKind::NotSerializable, Some(error)),
            Err(error) => (EventKind::BackendFailed, Some(error)),
        };
        match &error {
            Some(error) => self.trouble(kind, error),
            None => self.tell(kind, None),
        }
        self.done((kind == EventKind::Stored).then_some(Meta { expires: meta.fresh_until, ..meta }));
    }

    async fn store(&self, route: &Route, fill: &FillGuard, entry: Arc<Entry>) -> Result<bool> {
        let entry = if route.weighs() { weighed(entry, self.reader.coding) } else { entry };
        route.fill(&self.key, entry, self.reader.coding, fill, false).await
    }

    /// Stores the answer unless it is there; `None` if it is.
    async fn write(&self, route: &Route, fill: &FillGuard, entry: Arc<Entry>) -> Result<Option<bool>> {
        let digest = route.payload(&entry, self.reader.coding)?.payload().map_or(0, |bytes| key::hash(bytes));
        let Meta { stored, fresh_until, expires, nonce, .. } = entry.meta();
        if route.renew(&self.key, digest, stored, fresh_until) {
            return Ok(None);
        }
        let again = if fresh_until == Time::NEVER {
            stored.after(LONGEST)
        } else {
            stored.after(expires.since(fresh_until))
        };
        let noted = route.note(&self.key, Last { digest, nonce, again, good_until: fresh_until });
        let stored = self.store(route, fill, entry).await?;
        if stored {
            noted.stands();
        }
        Ok(Some(stored))
    }
}
