//! The commands of a cache: options are chained, then awaited.
//!
//! ```text
//! cache.set("k", &value).ttl("20h").if_absent().await?
//! ```
//!
//! Every command returns [`Result`]: used directly, a cache tells what went wrong. (Annotated
//! functions never see these errors.)

mod bytes;
mod cas;
mod counter;
mod find;
mod get_or_set;
mod keys;
mod kind;
mod lifetime;
mod limit;
mod local;
mod lock;
mod options;
mod read;
mod server;
mod sparing;
mod write;

use std::sync::Arc;

pub use bytes::{GetRaw, SetRaw};
pub use cas::{Cas, Gets, Token};
pub use counter::Incr;
pub use find::GetMatch;
pub use get_or_set::GetOrSet;
pub use keys::{Delete, DeleteMany, Exists, SizeOf};
pub use kind::{Command, Commands};
pub use lifetime::{Expire, GetExpire, Touch};
pub use limit::{IntoLimit, IntoWait};
pub use local::{GetLocal, SetLocal};
pub use lock::{IsLocked, Lock, LockGuard, SetLock, Unlock};
pub(crate) use lock::{Lease, Pauses, Place, take};
pub use read::{Get, GetMany};
use serde::Serialize;
use serde::de::DeserializeOwned;
pub use server::Raw;
pub(crate) use sparing::{Removed, Sparing};
pub use write::{Add, Set, SetMany};

use self::options::Life;
use crate::backend::SetIf;
use crate::cache::{Cache, Route};
use crate::coder::Coding;
use crate::entry::{Entry, Meta};
use crate::error::Result;
use crate::key::Key;
use crate::strategy::weighed;
use crate::tag::Stamp;

/// What commands store: anything that can be cloned, shared and serialized.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored by a command",
    note = "values are `Clone + Send + Sync + Serialize + DeserializeOwned + 'static`, so that they work on every backend"
)]
pub trait Value: Clone + Send + Sync + Serialize + DeserializeOwned + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + Serialize + DeserializeOwned + 'static> Value for T {}

/// A value lent to a command: `&T`, or `&str` for a `String`.
pub trait ToValue {
    /// What is stored.
    type Stored: Value;

    /// The value to store.
    fn to_stored(&self) -> Self::Stored;
}

impl<T: Value> ToValue for &T {
    type Stored = T;

    fn to_stored(&self) -> T {
        (*self).clone()
    }
}

impl ToValue for &str {
    type Stored = String;

    fn to_stored(&self) -> String {
        (*self).to_owned()
    }
}

impl Cache {
    /// The living entry as its backend keeps it, or decoded.
    pub(crate) async fn look(&self, key: &Key, coding: Coding) -> Result<Option<Arc<Entry>>> {
        self.readable(key, self.route_or_error(key)?.get(key, coding).await)
    }

    /// Times and tags of an entry that is about to be stored.
    async fn begin_entry(&self, key: &Key, life: Life) -> Result<(Meta, Vec<Stamp>)> {
        let route = self.route_or_error(key)?;
        let ttl = Life::ttl_or(life.ttl, route.default_ttl())?;
        let stamps = route.stamp(&life.tags).await?;
        Ok((self.meta(ttl), stamps))
    }

    /// Stores a value under a key of whatever route, and lets go of computations that are older.
    pub(crate) async fn store(
        &self,
        key: &Key,
        entry: Arc<Entry>,
        coding: Coding,
        only_if: SetIf,
    ) -> Result<bool> {
        let route = self.route_or_error(key)?;
        let stored = route.set(key, weigh(route, entry, coding), coding, only_if).await?;
        // A value too large for its backend has taken the old one's place all the same.
        if stored || only_if == SetIf::Always {
            self.abandon(key);
        }
        Ok(stored)
    }
}

/// Notes what the entry weighs, where that matters.
fn weigh(route: &Route, entry: Arc<Entry>, coding: Coding) -> Arc<Entry> {
    if route.weighs() { weighed(entry, coding) } else { entry }
}
