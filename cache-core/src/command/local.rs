//! Values of any type, on the routes whose backend lives in this process.

use std::any::Any;
use std::future::IntoFuture;
use std::marker::PhantomData;

use super::options::{Life, Options, call_options, life_options};
use crate::backend::{Form, SetIf};
use crate::cache::Cache;
use crate::clock::BoxFuture;
use crate::coder::Coding;
use crate::command::Command;
use crate::entry::{Entry, Kind};
use crate::error::{Error, Result};
use crate::key::{IntoKey, Key};

impl Cache {
    /// Stores a value that need not be serializable: a connection, a compiled template, a channel. `true` if it was
    /// stored; only on routes to memory.
    ///
    /// A store bounded by bytes counts the value itself and nothing that it points to.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the backend keeps bytes.
    ///
    /// ```no_run
    /// # async fn example(cache: cache_core::Cache) -> cache_core::Result<()> {
    /// use std::sync::{Arc, Mutex};
    ///
    /// let shared = Arc::new(Mutex::new(7));
    /// cache.set_local("shared", Arc::clone(&shared)).ttl("1h").await?;
    /// let same = cache.get_local::<Arc<Mutex<i32>>>("shared").await?.unwrap();
    /// assert!(Arc::ptr_eq(&shared, &same));
    /// # Ok(()) }
    /// ```
    pub fn set_local<T>(&self, key: impl IntoKey, value: T) -> SetLocal<'_, T>
    where
        T: Clone + Send + Sync + 'static,
    {
        SetLocal {
            cache: self,
            key: key.into_key(),
            value,
            life: Life::default(),
            only_if: SetIf::Always,
            options: Options::default(),
        }
    }

    /// A clone of the value under a key, whatever stored it; `None` for a miss, and for a value of another type.
    ///
    /// # Errors
    /// [`Error::Unsupported`] where the backend keeps bytes.
    pub fn get_local<T>(&self, key: impl IntoKey) -> GetLocal<'_, T>
    where
        T: Clone + Send + Sync + 'static,
    {
        GetLocal { cache: self, key: key.into_key(), options: Options::default(), value: PhantomData }
    }

    fn only_objects(&self, key: &Key, command: &'static str) -> Result<()> {
        let route = self.route_or_error(key)?;
        match route.form() {
            Form::Objects => Ok(()),
            Form::Bytes => Err(Error::unsupported(route.backend_name(), command)),
        }
    }
}

/// [`Cache::set_local`], on its way.
#[derive(Debug)]
#[must_use = "nothing is stored before `.await`"]
pub struct SetLocal<'c, T> {
    cache: &'c Cache,
    key: Key,
    value: T,
    life: Life,
    only_if: SetIf,
    options: Options,
}

call_options!(SetLocal<T>, options);
life_options!(SetLocal<T>, life);

impl<T> SetLocal<'_, T> {
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

impl<'c, T: Any + Send + Sync> IntoFuture for SetLocal<'c, T> {
    type Output = Result<bool>;
    type IntoFuture = BoxFuture<'c, Result<bool>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, value, life, only_if, options } = self;
        let key = options.key(key);
        options.run(cache, async move {
            cache.only_objects(&key, "set_local")?;
            if cache.route_for(Command::Set, &key)?.is_none() {
                return Ok(false);
            }
            let (meta, stamps) = cache.begin_entry(&key, life).await?;
            cache.store(&key, Entry::new(value, meta).stamped(stamps), Coding::NONE, only_if).await
        })
    }
}

/// [`Cache::get_local`], on its way.
#[derive(Debug)]
#[must_use = "nothing is read before `.await`"]
pub struct GetLocal<'c, T> {
    cache: &'c Cache,
    key: Key,
    options: Options,
    value: PhantomData<fn() -> T>,
}

call_options!(GetLocal<T>, options);

impl<'c, T: Clone + Send + Sync + 'static> IntoFuture for GetLocal<'c, T> {
    type Output = Result<Option<T>>;
    type IntoFuture = BoxFuture<'c, Result<Option<T>>>;

    fn into_future(self) -> Self::IntoFuture {
        let Self { cache, key, options, .. } = self;
        let key = options.key(key);
        options.run(cache, async move {
            cache.only_objects(&key, "get_local")?;
            if cache.route_for(Command::Get, &key)?.is_none() {
                return Ok(None);
            }
            let entry = cache.look(&key, Coding::NONE).await?.filter(|entry| entry.kind() == Kind::Value);
            Ok(entry.and_then(|entry| entry.downcast_ref::<T>().cloned()))
        })
    }
}
