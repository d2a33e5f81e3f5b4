//! Bytes past the codec.

use std::future::IntoFuture;

use bytes::Bytes;

use super::options::{Life, Options, call_options, key_command, life_options};
use crate::backend::{Form, SetIf};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::coder::Coding;
use crate::command::Command;
use crate::entry::{Entry, Kind, Payload};
use crate::error::Result;
use crate::key::{IntoKey, Key};

impl Cache {
    /// Stores bytes as they are, past the codec; `true` if they were stored. Options as in [`set`](Cache::set).
    ///
    /// For what is encoded already: rendered pages, images, messages on their way through.
    /// [`get_raw`](Cache::get_raw) gives them back.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> cache_core::Result<()> {
    /// # let cache = cache_core::Cache::builder().route("", cache_core::testing::Wire::new()).build().await?;
    /// cache.set_raw("page:7", "<h1>Seven</h1>").ttl("5m").if_absent().await?;
    /// assert_eq!(cache.get_raw("page:7").await?.as_deref(), Some(&b"<h1>Seven</h1>"[..]));
    /// # Ok(()) }
    /// ```
    pub fn set_raw(&self, key: impl IntoKey, bytes: impl Into<Vec<u8>>) -> SetRaw<'_> {
        SetRaw {
            cache: self,
            key: key.into_key(),
            bytes: bytes.into().into(),
            life: Life::default(),
            only_if: SetIf::Always,
            options: Options::default(),
        }
    }

    /// The bytes under a key, not decoded; `None` for a miss.
    ///
    /// On a backend of bytes those of any value, as its codec wrote them. Memory keeps values as the types they are
    /// and never encodes them: there, what was not stored by [`set_raw`](Cache::set_raw) is a miss.
    pub fn get_raw(&self, key: impl IntoKey) -> GetRaw<'_> {
        GetRaw { cache: self, key: key.into_key(), options: Options::default() }
    }
}

/// [`Cache::set_raw`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct SetRaw<'c> {
    cache: &'c Cache,
    key: Key,
    bytes: Bytes,
    life: Life,
    only_if: SetIf,
    options: Options,
}

call_options!(SetRaw, options);
life_options!(SetRaw, life);

impl SetRaw<'_> {
    /// Only if there is no living entry.
    pub fn if_absent(mut self) -> Self {
        self.only_if = SetIf::Absent;
        self
    }

    /// Only if there is a living entry.
    pub fn if_present(mut self) -> Self {
        self.only_if = SetIf::Present;
        self
    }
}

impl<'c> IntoFuture for SetRaw<'c> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, bytes, life, only_if, options } = self;
        let key = options.key(key);
        let sparing = options.sparing();
        options.run(cache, async move {
            if cache.route_for(Command::SetRaw, &key)?.is_none() {
                return Ok(false);
            }
            let store = async {
                let (meta, stamps) = cache.begin_entry(&key, life).await?;
                let entry = Entry::new(Payload::raw(bytes), meta).stamped(stamps);
                cache.store(&key, entry, Coding::NONE, only_if).await
            };
            sparing.of(cache, &key, false, store).await
        })
    }
}

/// [`Cache::get_raw`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct GetRaw<'c> {
    cache: &'c Cache,
    key: Key,
    options: Options,
}

key_command!(GetRaw -> Option<Bytes>, or None, |cache, key| {
    if cache.route_for(Command::GetRaw, &key)?.is_none() {
        return Ok(None);
    }
    let entry = cache.look(&key, Coding::NONE).await?.filter(|entry| entry.kind() == Kind::Value);
    let counted = |entry: &Entry| entry.downcast_ref::<i64>().map(|number| number.to_string().into());
    // Where numbers are counted they lie in decimal; in memory they are the type they are.
    let counts = cache.route_or_error(&key)?.form() == Form::Bytes;
    Ok(entry.and_then(|entry| entry.payload().cloned().or_else(|| counted(&entry).filter(|_| counts))))
});
