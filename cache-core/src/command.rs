//! The commands of a cache: options are chained, then awaited.
//!
//! ```text
//! cache.set("k", &value).ttl("20h").if_absent().await?
//! ```
//!
//! Every command returns [`Result`]: used directly, a cache tells what went wrong. (Annotated
//! functions never see these errors.)

mod counter;
mod keys;
mod kind;
mod lifetime;
mod read;
mod write;

use std::sync::Arc;

pub use counter::Incr;
pub use kind::{Command, Commands};
pub use lifetime::{Expire, Touch};
pub use read::{Get, GetMany, GetOrSet};
use serde::Serialize;
use serde::de::DeserializeOwned;
pub use write::{Add, Set, SetMany};

use crate::backend::SetIf;
use crate::cache::Cache;
use crate::codec::Codec;
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;
use crate::strategy::weighed;

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
    /// Stores a value under a key of whatever route, and lets go of computations that are older.
    pub(crate) async fn store(
        &self,
        key: &Key,
        mut entry: Arc<Entry>,
        codec: Option<&'static Codec>,
        only_if: SetIf,
    ) -> Result<bool> {
        let route = self.route_or_error(key)?;
        if route.weighs() {
            entry = weighed(entry, codec);
        }
        let stored = route.set(key, entry, codec, only_if).await?;
        // A value too large for its backend has taken the old one's place all the same.
        if stored || only_if == SetIf::Always {
            self.flights().abandon(key.as_key());
        }
        Ok(stored)
    }
}
