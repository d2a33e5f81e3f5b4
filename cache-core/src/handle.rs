//! Handles: what the name of an annotated function stands for beside the function itself.

pub(crate) mod method;

use std::borrow::Borrow;
use std::future::Future;

use crate::backend::SetIf;
use crate::cache::CacheRef;
use crate::command::{Command, Sparing};
use crate::error::{Error, Result};
use crate::key::{Key, KeyBuf};
use crate::pattern::{Pattern, PatternBuf};
use crate::returns::{Returned, Shape};
use crate::scope::Scope;
use crate::strategy::policy::{Fresh, Policy};
use crate::strategy::refresh::begin_count;
use crate::tag::Tags;
use crate::ttl::Ttl;

/// An annotated function that others can invalidate by name.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a target",
    label = "no annotated function, or one whose keys are made by code",
    note = "a function can when an attribute such as `#[cached]` stands above it, without `handle = false` and without `key = |…| …`; a method can when its attribute says `handle`",
    note = "what cannot is named by a pattern of its keys, such as `\"user:<id>\"`"
)]
pub trait Handle {
    /// The placeholders of its template, as written.
    const PLACEHOLDERS: &'static [&'static str];
    /// What to say to a name that is not among them.
    const UNKNOWN: &'static str;
    /// What to say where a key needs all of them and one is left out.
    const MISSING: &'static str;

    /// Whether its cache is known without a call.
    type Cache;
    /// The cache its entries are in.
    const CACHE: Self::Cache;

    /// Its keys, with each placeholder filled by `fill` or left open.
    fn pattern(fill: &mut dyn FnMut(usize, &mut PatternBuf) -> bool) -> Pattern;
}

/// The cache of a handle.
pub fn cache_of_handle<C: method::KnownCache>(cache: &C) -> CacheRef {
    cache.cache()
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
    if let Some(index) = position(names, name) {
        return index;
    }
    let (text, length) = joined(&["`", name, "` is no placeholder of ", unknown]);
    match std::str::from_utf8(text.split_at(length).0) {
        Ok(message) => panic!("{}", message),
        Err(_) => panic!("{}", unknown),
    }
}

/// Fails the build unless every placeholder is among `given`. Of a name that is none, [`placeholder`] tells.
#[track_caller]
#[expect(clippy::missing_panics_doc, reason = "a panic at build time is a compile error")]
pub const fn all_given(names: &[&str], given: &[&str], message: &str) {
    let mut index = 0;
    while index < given.len() {
        if position(names, given[index]).is_none() {
            return;
        }
        index += 1;
    }
    index = 0;
    while index < names.len() {
        assert!(position(given, names[index]).is_some(), "{}", message);
        index += 1;
    }
}

const fn position(names: &[&str], name: &str) -> Option<usize> {
    let mut index = 0;
    while index < names.len() {
        if same(names[index].as_bytes(), name.as_bytes()) {
            return Some(index);
        }
        index += 1;
    }
    None
}

/// The texts behind each other, as far as there is room.
const fn joined(texts: &[&str]) -> ([u8; 1024], usize) {
    let (mut all, mut length, mut text) = ([0; 1024], 0, 0);
    while text < texts.len() {
        let (bytes, mut at) = (texts[text].as_bytes(), 0);
        while at < bytes.len() && length < all.len() {
            all[length] = bytes[at];
            (at, length) = (at + 1, length + 1);
        }
        text += 1;
    }
    (all, length)
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

/// What is stored, as the answer it is; `None` if there is none of this type and version.
pub async fn peek<Out, S: Shape<Out>>(
    returned: Returned<Out, S>,
    cache: CacheRef,
    key: KeyBuf,
    version: u32,
) -> Result<Option<Out>> {
    let key = finished(key)?;
    let Some(route) = cache.route_for(Command::Get, &key)? else { return Ok(None) };
    let mut near = None;
    route.peek(key.as_key(), &mut |entry| {
        if entry.version() == version && cache.is_alive(entry) {
            near = returned.answer(entry);
        }
    });
    if near.is_some() {
        return Ok(near);
    }
    let entry = cache.readable(&key, route.get(&key, returned.coding()).await);
    let entry = Sparing::PLAIN.on(&cache, route, key.as_str(), entry, None)?;
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
    tags: Tags,
) -> Result<bool> {
    set_marked(returned, cache, key, answer, ttl, version, tags, Policy::Keep, Ok(Fresh::Whole)).await
}

/// The same for a value that is computed anew before it expires.
#[expect(clippy::too_many_arguments, reason = "printed by a macro")]
pub async fn set_marked<Out, S: Shape<Out>>(
    returned: Returned<Out, S>,
    cache: CacheRef,
    key: KeyBuf,
    answer: &Out,
    ttl: Result<Ttl>,
    version: u32,
    tags: Tags,
    policy: Policy,
    fresh: Result<Fresh>,
) -> Result<bool> {
    let key = finished(key)?;
    if let Some(why) = tags.why_unkeyable() {
        return Err(Error::NoKey(why));
    }
    let ttl = ttl?;
    let mut meta = cache.meta(Some(ttl));
    meta.version = version;
    if Returned::<Out, S>::is_value(answer) {
        policy.mark(&mut meta, ttl, fresh?);
    }
    match returned.entry(answer, meta) {
        Some(entry) => {
            let Some(route) = cache.route_for(Command::Set, &key)? else { return Ok(false) };
            let store = async {
                let stamps = route.stamp(&tags).await?;
                let entry = entry.stamped(stamps);
                // A backend without counts has none to begin.
                drop(begin_count(policy, route, &key, &entry).await);
                cache.store(&key, entry, returned.coding(), SetIf::Always).await
            };
            Sparing::PLAIN.of(&cache, &key, false, store).await
        }
        None => Ok(false),
    }
}

/// Removes one key, and what `#[fail]` keeps of it.
pub async fn invalidate_key(cache: CacheRef, key: KeyBuf) -> Result<bool> {
    invalidate_with(cache, key, Pattern::new("")).await
}

/// The same, and what `#[fail]` keeps under keys of its own: the resorts of this pattern.
pub async fn invalidate_with(cache: CacheRef, key: KeyBuf, resorts: Pattern) -> Result<bool> {
    if let Some(why) = resorts.why_unkeyable() {
        return Err(Error::NoKey(why));
    }
    let key = finished(key)?;
    Sparing::PLAIN.of(&cache, &key, false, cache.invalidate(&key, &resorts)).await
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

    #[test]
    #[should_panic(expected = "`page` is no placeholder of `f`. Its placeholders: lang")]
    fn an_unknown_name_is_told_with_those_there_are() {
        placeholder(&["lang"], "page", "`f`. Its placeholders: lang");
    }

    #[test]
    #[should_panic(expected = "all of them")]
    fn what_is_left_out_is_told() {
        all_given(&["user.uid", "lang"], &["lang"], "all of them");
    }

    #[test]
    fn what_is_left_out_is_not_told_beside_an_unknown_name() {
        all_given(&["user.uid", "lang"], &["lang", "user"], "all of them");
    }
}
