//! Middleware: a chain around every command that goes to a backend.
//!
//! ```text
//! command ── codec-less entry ──► outer.call ─ map_key ─► inner.call ─ map_key ─► codec ──► backend
//! answer  ◄── unmap_key ───────── outer.call ◄─ unmap_key ─ inner.call ◄──────────────────── answer
//! ```
//!
//! | to … | use |
//! |---|---|
//! | keep services apart that share a server | [`KeyPrefix`], or the option `key_prefix` |
//! | take `User:7` and `user:7` for one key | [`LowerKeys`] |
//! | keep what is too small or too large out | [`SizeLimit`] |
//! | know how long commands take | [`Timing`] |
//! | know how often reads find something | [`HitRatio`] |
//! | run code before and after commands, or when keys are removed | [`Callbacks`] |
//! | anything else | your own [`Middleware`] |
//!
//! A route without middleware is not wrapped at all: its backend is asked directly, and a hit costs what it cost.

mod callbacks;
mod item;
mod keys;
mod layered;
mod mapping;
mod next;
mod plugin;
mod ratio;
mod request;
mod size;
mod taken;
#[cfg(test)]
mod tests;
mod timing;
mod verbs;

use std::any::Any;
use std::borrow::Cow;
use std::fmt;

pub use callbacks::{Callbacks, Removed};
pub use item::Item;
pub(crate) use item::{encoded, unencoded};
pub use keys::{KeyPrefix, LowerKeys};
pub(crate) use layered::{Layered, innermost};
pub use next::Next;
pub use plugin::{Plugin, PluginOptions};
pub(crate) use plugin::{check as check_plugin, make as make_plugin};
pub use ratio::{HitRatio, Ratio};
pub use request::{Request, Response, Verb};
pub use size::SizeLimit;
pub use timing::{Timing, Took};

use crate::clock::BoxFuture;
use crate::error::Result;

/// A link of the chain around the commands of a cache or of one route.
///
/// Install it with [`CacheBuilder::middleware`](crate::CacheBuilder::middleware) for all routes, or with
/// [`Route::middleware`](crate::Route::middleware) for one. Order: as added, the first is the outermost; those of
/// the cache are outside those of the route. So the first sees a command first and its answer last.
///
/// All methods have defaults that change nothing. A middleware looks at commands ([`call`](Self::call)), changes
/// keys ([`map_key`](Self::map_key)), or both. Its `call` sees keys as the layers outside it made them; its own
/// `map_key` applies to what it passes on, so nobody maps a key twice.
///
/// It belongs to how a *backend* is talked to. To learn what became of calls of annotated functions use an
/// [`Observer`](crate::Observer); to change what a function returns, change the function.
///
/// ```
/// use cache_core::middleware::{Next, Request, Response};
/// use cache_core::{BoxFuture, Middleware, Result};
///
/// /// Says what is done to which key.
/// struct Log;
///
/// impl Middleware for Log {
///     fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
///         Box::pin(async move {
///             println!("{} {:?}", request.verb(), request.key());
///             next.run(request).await
///         })
///     }
/// }
/// ```
pub trait Middleware: Any + Send + Sync {
    /// Whether it was put together sensibly; asked when a cache with it is built.
    ///
    /// # Errors
    /// What is wrong, in a sentence: the cache is not built.
    fn check(&self) -> Result<()> {
        Ok(())
    }

    /// Around one command: do something, pass it on with [`next.run`](Next::run), do something with the answer.
    ///
    /// It may change the request, answer without passing it on, or pass it on several times. An answer must be of
    /// the kind that the request asks for; another is an error of the command.
    ///
    /// A panic in here is a panic of the command. Dropping the future in the middle is cancelling the command.
    fn call<'a>(&'a self, request: Request, next: Next<'a>) -> BoxFuture<'a, Result<Response>> {
        next.run(request)
    }

    /// Whether [`call`](Self::call) has to see reads that this process's memory could answer at once. Default: yes,
    /// and then every hit takes the asynchronous way. Say no if `call` does nothing with reads.
    fn sees_hits(&self) -> bool {
        true
    }

    /// The key as the layers inside this one see it. Default: as it is.
    ///
    /// Must be a pure function; two keys that map to one *are* one. Applied to tags too, and to patterns, in which
    /// `*` must stay `*`. A reserved prefix (`lock:`, `fail:` …) is not part of what it gets and stays in front, so
    /// that locks and values stay apart.
    fn map_key<'k>(&self, key: &'k str) -> Cow<'k, str> {
        Cow::Borrowed(key)
    }

    /// The way back, for keys that a scan found; `None` for a key that is not from here.
    fn unmap_key<'k>(&self, key: &'k str) -> Option<Cow<'k, str>> {
        Some(Cow::Borrowed(key))
    }
}

impl fmt::Debug for dyn Middleware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Middleware")
    }
}
