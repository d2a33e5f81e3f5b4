//! Handles: what the name of an annotated function stands for beside the function itself.

pub(crate) mod method;

use std::any::Any;
use std::borrow::Borrow;
use std::future::Future;

use crate::backend::SetIf;
use crate::cache::CacheRef;
use crate::codec::Codec;
use crate::error::{Error, Result};
use crate::key::{Key, KeyBuf};
use crate::pattern::{Pattern, PatternBuf};
use crate::returns::{PlainValue, Returned, Shape, ShapeOfPlain, Written};
use crate::scope::Scope;
use crate::ttl::Ttl;

/// An annotated function that others can invalidate by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the handle of an annotated function",
    note = "a function has one when an attribute such as `#[cached]` stands above it; methods and functions with `handle = false` have none: name their keys by a pattern"
)]
pub trait Handle {
    /// The placeholders of its template, as written.
    const PLACEHOLDERS: &'static [&'static str];
    /// What to say to a name that is not among them.
    const UNKNOWN: &'static str;
    /// What to say where a key needs all of them and one is left out.
    const MISSING: &'static str;

    /// Its keys, with each placeholder filled by `fill` or left open.
    fn pattern(fill: &mut dyn FnMut(usize, &mut PatternBuf) -> bool) -> Pattern;
}

/// A handle whose cache is known without a call.
#[diagnostic::on_unimplemented(
    message = "the cache of `{Self}` depends on its arguments",
    note = "say which one is meant: `cache = …` beside the target"
)]
pub trait HasCache: Handle {
    /// The cache its entries are in.
    fn cache() -> CacheRef;
}

/// A placeholder of a handle, and what may fill it.
#[diagnostic::on_unimplemented(
    message = "this value cannot fill the placeholder",
    label = "`{V}` does not fit",
    note = "give a value of the parameter's type, or what borrows as it"
)]
pub trait Placeholder<const INDEX: usize, V: ?Sized> {
    /// Writes the value as the template does.
    fn write(value: &V, out: &mut PatternBuf);
}

/// `Self` can stand for a `P`: it is one, or borrows as one (`String` for `str`, `Vec<T>` for `[T]`).
#[diagnostic::on_unimplemented(
    message = "a `{Self}` cannot stand for the `{P}` that the template names",
    label = "expected `{P}` or what borrows as it"
)]
pub trait Fits<P: ?Sized> {
    /// The value as a `P`.
    fn fit(&self) -> &P;
}

#[diagnostic::do_not_recommend]
impl<P: ?Sized, V: Borrow<P> + ?Sized> Fits<P> for V {
    fn fit(&self) -> &P {
        self.borrow()
    }
}

// Both `panic!`s below run while the user's program is compiled and are its error messages.

/// The index of a placeholder; a build error with the names there are for one that does not exist.
#[track_caller]
#[expect(clippy::missing_panics_doc, reason = "a panic at build time is a compile error")]
pub const fn placeholder(names: &[&str], name: &str, unknown: &str) -> usize {
    let mut index = 0;
    while index < names.len() {
        if same(names[index].as_bytes(), name.as_bytes()) {
            return index;
        }
        index += 1;
    }
    panic!("{}", unknown)
}

/// Fails the build unless every placeholder is among `given`.
#[expect(clippy::missing_panics_doc, reason = "a panic at build time is a compile error")]
pub const fn all_given(names: &[&str], given: &[&str], message: &str) {
    let mut index = 0;
    while index < names.len() {
        let (mut at, mut found) = (0, false);
        while at < given.len() {
            found = found || same(names[index].as_bytes(), given[at].as_bytes());
            at += 1;
        }
        assert!(found, "{}", message);
        index += 1;
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}

fn finished(mut key: KeyBuf) -> Result<Key> {
    match key.why_unkeyable() {
        Some(why) => Err(Error::NoKey(why)),
        None => Ok(key.as_key().to_key()),
    }
}

/// The key as a handle or `key!` shows it. Arguments that make no key give one under which nothing is stored.
pub fn finish_key(mut key: KeyBuf) -> Key {
    if key.why_unkeyable().is_some() {
        key.literal("%!");
    }
    key.as_key().to_key()
}

/// The key a fully filled pattern is.
#[expect(clippy::needless_pass_by_value, reason = "made for this")]
pub fn key_of(pattern: Pattern) -> Key {
    let mut key = KeyBuf::new();
    key.literal(pattern.as_str());
    if let Some(why) = pattern.why_unkeyable() {
        key.unkeyable(why);
    }
    finish_key(key)
}

/// A return type that is a value as it stands.
pub fn plain<V: Any + Clone + Send + Sync>(codec: Option<&'static Codec>) -> Returned<V, PlainValue> {
    Returned::new(ShapeOfPlain::shape(&Written::<V>::NEW), codec, None)
}

/// What is stored, as the answer it is; `None` if there is none of this type and version.
pub async fn peek<Out, S: Shape<Out>>(
    returned: Returned<Out, S>,
    cache: CacheRef,
    key: KeyBuf,
    version: u32,
) -> Result<Option<Out>> {
    let key = finished(key)?;
    let entry = cache.route_or_error(&key)?.get(&key, returned.codec()).await?;
    Ok(entry.filter(|entry| entry.version() == version).and_then(|entry| returned.answer(&entry)))
}

/// Stores an answer where the function would; `false` if it is an error that cannot be kept.
pub async fn set<Out, S: Shape<Out>>(
    returned: Returned<Out, S>,
    cache: CacheRef,
    key: KeyBuf,
    answer: &Out,
    ttl: Result<Ttl>,
    version: u32,
) -> Result<bool> {
    let key = finished(key)?;
    let mut meta = cache.meta(Some(ttl?));
    meta.version = version;
    match returned.entry(answer, meta) {
        Some(entry) => cache.store(&key, entry, returned.codec(), SetIf::Always).await,
        None => Ok(false),
    }
}

/// Removes one key.
pub async fn invalidate_key(cache: CacheRef, key: KeyBuf) -> Result<bool> {
    cache.remove(&finished(key)?).await
}

/// Runs the function and stores what it gives, whatever is there.
pub async fn refresh<F: Future>(call: F) -> F::Output {
    Scope::new().recompute(true).run(call).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_found_by_name() {
        const INDEX: usize = placeholder(&["user.uid", "lang"], "lang", "no");
        assert_eq!(INDEX, 1);
    }
}
