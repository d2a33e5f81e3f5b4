//! Handles of methods. An `impl` holds no types, so the handle is a constant beside the method, and what
//! may fill its placeholders is in that constant's type.

use std::fmt;

use super::Fits;
use crate::cache::CacheRef;
use crate::key::filter::{KeyLen, RawText, display, len};
use crate::key::{KeyBuf, KeyPart};
use crate::pattern::{Pattern, PatternBuf};

type Fill<'a> = &'a mut dyn FnMut(usize, &mut PatternBuf) -> bool;

/// The handle of a method: its placeholders, the slot of each, and where its entries are.
pub struct MethodHandle<Slots, C> {
    names: &'static [&'static str],
    unknown: &'static str,
    missing: &'static str,
    pattern: fn(Fill<'_>) -> Pattern,
    cache: C,
    slots: Slots,
}

impl<Slots: Copy, C: Copy> MethodHandle<Slots, C> {
    /// Put together by the attribute.
    pub const fn new(
        names: &'static [&'static str],
        unknown: &'static str,
        missing: &'static str,
        pattern: fn(Fill<'_>) -> Pattern,
        cache: C,
        slots: Slots,
    ) -> Self {
        Self { names, unknown, missing, pattern, cache, slots }
    }

    /// The index of a placeholder; a build error with the names there are for one that does not exist.
    #[track_caller]
    pub const fn index(self, name: &str) -> usize {
        super::placeholder(self.names, name, self.unknown)
    }

    /// Fails the build unless every placeholder is among `given`.
    #[track_caller]
    pub const fn complete(self, given: &[&str]) -> usize {
        super::all_given(self.names, given, self.missing);
        0
    }

    /// Its keys, with each placeholder filled by `fill` or left open.
    pub fn pattern(&self, fill: Fill<'_>) -> Pattern {
        (self.pattern)(fill)
    }

    /// The cache its entries are in.
    pub fn cache(&self) -> CacheRef
    where
        C: KnownCache,
    {
        self.cache.cache()
    }

    /// Fills placeholder `I`, if that is the one asked for.
    pub fn fill<const I: usize, V>(&self, asked: usize, value: &V, out: &mut PatternBuf) -> bool
    where
        Slots: At<I>,
        V: Fills<Slots::Slot> + ?Sized,
    {
        if asked == I {
            value.fill(self.slots.at(), out);
        }
        asked == I
    }
}

impl<Slots, C> fmt::Debug for MethodHandle<Slots, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MethodHandle").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The handle of an annotated method.
#[diagnostic::on_unimplemented(
    message = "this method has no handle",
    label = "no method of this name says `handle`, or it is private",
    note = "write `handle` into its attribute, as in `#[cached(…, handle)]`, or name its keys by a pattern such as `\"user:<id>\"`"
)]
pub trait IsHandle {}

#[diagnostic::do_not_recommend]
impl<Slots, C> IsHandle for MethodHandle<Slots, C> {}

/// Asks whether there is a handle.
pub const fn known<H: IsHandle>(_: &H) {}

/// Found where a method has no handle, so that this is said and nothing else.
#[derive(Debug, Clone, Copy)]
pub struct NoHandle;

impl NoHandle {
    /// Any.
    pub const fn index(self, _: &str) -> usize {
        0
    }

    /// Any.
    pub const fn complete(self, _: &[&str]) -> usize {
        0
    }

    /// Any.
    pub fn pattern(&self, _: Fill<'_>) -> Pattern {
        Pattern::new("")
    }

    /// Any.
    pub fn cache(&self) -> CacheRef {
        crate::cache::current()
    }

    /// Nothing.
    pub fn fill<const I: usize, V: ?Sized>(&self, _: usize, _: &V, _: &mut PatternBuf) -> bool {
        false
    }
}

/// Does nothing: what it is for has been computed at build time.
pub const fn checked<const I: usize>() {}

/// The cache of a target, if it is known without a call.
#[diagnostic::on_unimplemented(
    message = "the cache of this target depends on the arguments of its calls",
    label = "its cache is not known here",
    note = "say which one is meant: `cache = …` beside the target"
)]
pub trait KnownCache {
    /// The cache.
    fn cache(&self) -> CacheRef;
}

/// A cache that is known.
#[derive(Debug, Clone, Copy)]
pub struct Known(pub fn() -> CacheRef);

/// A cache that is an argument of the call.
#[derive(Debug, Clone, Copy)]
pub struct Lent;

#[diagnostic::do_not_recommend]
impl KnownCache for Known {
    fn cache(&self) -> CacheRef {
        (self.0)()
    }
}

/// The parameter itself, of this type, and how the template writes it.
pub struct Exact<T: ?Sized>(pub fn(&T, &mut PatternBuf));
/// A part of a key, written as it is.
#[derive(Debug, Clone, Copy)]
pub struct AnyPart;
/// Text behind a filter.
#[derive(Debug, Clone, Copy)]
pub struct AnyText(pub fn(&mut KeyBuf, &str));
/// What has a length.
#[derive(Debug, Clone, Copy)]
pub struct AnyLength;
/// What can be displayed.
#[derive(Debug, Clone, Copy)]
pub struct AnyDisplay;
/// No placeholder that a target can fill.
#[derive(Debug, Clone, Copy)]
pub struct Closed;

impl<T: ?Sized> Clone for Exact<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Exact<T> {}

impl<T: ?Sized> fmt::Debug for Exact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::any::type_name::<Self>())
    }
}

/// A value that can fill a slot.
#[diagnostic::on_unimplemented(
    message = "this value cannot fill the placeholder",
    label = "`{Self}` does not fit",
    note = "give a value of the parameter's type, or what borrows as it"
)]
pub trait Fills<Slot> {
    /// Writes the value as the template does.
    fn fill(&self, slot: &Slot, out: &mut PatternBuf);
}

impl<T: ?Sized, V: Fits<T> + ?Sized> Fills<Exact<T>> for V {
    fn fill(&self, slot: &Exact<T>, out: &mut PatternBuf) {
        (slot.0)(self.fit(), out);
    }
}

impl<V: KeyPart + ?Sized> Fills<AnyPart> for V {
    fn fill(&self, _: &AnyPart, out: &mut PatternBuf) {
        out.buf().part(self);
    }
}

impl<V: RawText + ?Sized> Fills<AnyText> for V {
    fn fill(&self, slot: &AnyText, out: &mut PatternBuf) {
        (slot.0)(out.buf(), &self.raw_text());
    }
}

impl<V: KeyLen + ?Sized> Fills<AnyLength> for V {
    fn fill(&self, _: &AnyLength, out: &mut PatternBuf) {
        len(out.buf(), self);
    }
}

impl<V: fmt::Display + ?Sized> Fills<AnyDisplay> for V {
    fn fill(&self, _: &AnyDisplay, out: &mut PatternBuf) {
        display(out.buf(), self);
    }
}

/// Slots, by index.
pub trait At<const I: usize> {
    /// The kind of slot there.
    type Slot;

    /// The slot.
    fn at(&self) -> &Self::Slot;
}

macro_rules! at {
    ($($index:tt $slot:ident),*) => {$(
        impl<A, B, C, D, E, F, G, H, I, J, K, L> At<$index> for (A, B, C, D, E, F, G, H, I, J, K, L) {
            type Slot = $slot;

            fn at(&self) -> &$slot {
                &self.$index
            }
        }
    )*};
}
at!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);
