//! What a function gives back, seen through aliases: a value, `None`, or `Err`.
//!
//! The written type picks one of four shapes by autoref dispatch, so `type Answer = Result<Option<T>, E>` is
//! what it means and not what it is called. What is stored is always the innermost `T`.

use std::any::{Any, TypeId};
use std::convert::Infallible;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::Codec;
use crate::entry::{Entry, Kind, Meta};
use crate::strategy::Reader;

/// An answer, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome<V, E> {
    /// The value of `Ok`, of `Some`, or the plain one.
    Value(V),
    /// `None`.
    Absent,
    /// `Err`.
    Failed(E),
}

/// One of the four ways a type can be an answer.
pub trait Shape<Out>: Copy {
    /// What is stored.
    type Value: Any + Clone + Send + Sync;
    /// What `Err` holds.
    type Error;

    /// The answer, taken apart.
    fn split(out: &Out) -> Outcome<&Self::Value, &Self::Error>;
    /// The answer that holds this value.
    fn value(value: Self::Value) -> Out;
    /// The answer `None`, where there is one.
    fn absent() -> Option<Out>;
    /// The answer `Err`, where there is one.
    fn failed(error: Self::Error) -> Option<Out>;
}

/// `Result<Option<T>, E>`.
#[derive(Debug, Clone, Copy)]
pub struct FallibleOption;
/// `Result<T, E>`.
#[derive(Debug, Clone, Copy)]
pub struct FallibleValue;
/// `Option<T>`.
#[derive(Debug, Clone, Copy)]
pub struct OptionalValue;
/// Anything else.
#[derive(Debug, Clone, Copy)]
pub struct PlainValue;

impl<T: Any + Clone + Send + Sync, E> Shape<Result<Option<T>, E>> for FallibleOption {
    type Value = T;
    type Error = E;

    fn split(out: &Result<Option<T>, E>) -> Outcome<&T, &E> {
        match out {
            Ok(Some(value)) => Outcome::Value(value),
            Ok(None) => Outcome::Absent,
            Err(error) => Outcome::Failed(error),
        }
    }

    fn value(value: T) -> Result<Option<T>, E> {
        Ok(Some(value))
    }

    fn absent() -> Option<Result<Option<T>, E>> {
        Some(Ok(None))
    }

    fn failed(error: E) -> Option<Result<Option<T>, E>> {
        Some(Err(error))
    }
}

impl<T: Any + Clone + Send + Sync, E> Shape<Result<T, E>> for FallibleValue {
    type Value = T;
    type Error = E;

    fn split(out: &Result<T, E>) -> Outcome<&T, &E> {
        match out {
            Ok(value) => Outcome::Value(value),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn value(value: T) -> Result<T, E> {
        Ok(value)
    }

    fn absent() -> Option<Result<T, E>> {
        None
    }

    fn failed(error: E) -> Option<Result<T, E>> {
        Some(Err(error))
    }
}

impl<T: Any + Clone + Send + Sync> Shape<Option<T>> for OptionalValue {
    type Value = T;
    type Error = Infallible;

    fn split(out: &Option<T>) -> Outcome<&T, &Infallible> {
        out.as_ref().map_or(Outcome::Absent, Outcome::Value)
    }

    fn value(value: T) -> Option<T> {
        Some(value)
    }

    fn absent() -> Option<Option<T>> {
        Some(None)
    }

    fn failed(error: Infallible) -> Option<Option<T>> {
        match error {}
    }
}

impl<T: Any + Clone + Send + Sync> Shape<T> for PlainValue {
    type Value = T;
    type Error = Infallible;

    fn split(out: &T) -> Outcome<&T, &Infallible> {
        Outcome::Value(out)
    }

    fn value(value: T) -> T {
        value
    }

    fn absent() -> Option<T> {
        None
    }

    fn failed(error: Infallible) -> Option<T> {
        match error {}
    }
}

/// The return type as written. The macros call `.shape()` on `&&&&Written`.
#[derive(Debug)]
pub struct Written<Out>(PhantomData<fn() -> Out>);

impl<Out> Written<Out> {
    /// The marker.
    pub const NEW: Self = Self(PhantomData);
}

/// A return type and its shape.
#[derive(Debug)]
pub struct Shaped<Out, S>(PhantomData<fn() -> Out>, S);

impl<Out, S: Copy> Clone for Shaped<Out, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Out, S: Copy> Copy for Shaped<Out, S> {}

macro_rules! level {
    ($(#[$doc:meta])* $name:ident, <$($param:ident),*> $out:ty, $on:ty => $shape:ident) => {
        $(#[$doc])*
        pub trait $name<Out> {
            /// The shape of the written type.
            fn shape(&self) -> Shaped<Out, $shape>;
        }
        impl<$($param),*> $name<$out> for $on {
            fn shape(&self) -> Shaped<$out, $shape> {
                Shaped(PhantomData, $shape)
            }
        }
    };
}
level!(/** First level. */ ShapeOfFallibleOption, <T, E> Result<Option<T>, E>, &&&Written<Result<Option<T>, E>> => FallibleOption);
level!(/** Second level. */ ShapeOfFallible, <T, E> Result<T, E>, &&Written<Result<T, E>> => FallibleValue);
level!(/** Second level too: a type cannot be both. */ ShapeOfOption, <T> Option<T>, &Written<Option<T>> => OptionalValue);
level!(/** What is left. */ ShapeOfPlain, <T> T, Written<T> => PlainValue);

/// Asks what a type can do, by autoref: `(&&Probe::<T>::NEW).codec()`.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The marker.
    pub const NEW: Self = Self(PhantomData);
}

/// The value behind a shape.
pub fn value_of<Out, S: Shape<Out>>(_: Shaped<Out, S>) -> Probe<S::Value> {
    Probe::NEW
}

/// The error behind a shape.
pub fn error_of<Out, S: Shape<Out>>(_: Shaped<Out, S>) -> Probe<S::Error> {
    Probe::NEW
}

/// Types with serde implementations have a codec.
pub trait WithCodec {
    /// The codec.
    fn codec(&self) -> Option<&'static Codec>;
}

impl<T: Serialize + DeserializeOwned + Any + Send + Sync> WithCodec for &Probe<T> {
    fn codec(&self) -> Option<&'static Codec> {
        Some(Codec::of::<T>())
    }
}

/// The others have none: they are cached in memory only.
pub trait WithoutCodec {
    /// No codec.
    fn codec(&self) -> Option<&'static Codec>;
}

impl<T> WithoutCodec for Probe<T> {
    fn codec(&self) -> Option<&'static Codec> {
        None
    }
}

/// How an error is kept and given to several callers.
#[derive(Debug)]
pub struct SharedError<E> {
    keep: fn(&E, Meta) -> Arc<Entry>,
    give: fn(&Entry) -> Option<E>,
    fits: fn(&Entry) -> bool,
}

/// Errors that are `Clone` can be shared.
pub trait WithSharing<E> {
    /// How.
    fn sharing(&self) -> Option<SharedError<E>>;
}

impl<E: Any + Clone + Send + Sync> WithSharing<E> for &Probe<E> {
    fn sharing(&self) -> Option<SharedError<E>> {
        Some(SharedError {
            keep: |error, meta| Entry::new(error.clone(), meta),
            give: |entry| entry.downcast_ref::<E>().cloned(),
            fits: |entry| entry.downcast_ref::<E>().is_some(),
        })
    }
}

/// The others cannot.
pub trait WithoutSharing<E> {
    /// Not.
    fn sharing(&self) -> Option<SharedError<E>>;
}

impl<E> WithoutSharing<E> for Probe<E> {
    fn sharing(&self) -> Option<SharedError<E>> {
        None
    }
}

/// Whether an answer is an `Err`, for types that can be one.
pub trait CanFail<Out> {
    /// Whether it is.
    fn failed(&self, out: &Out) -> bool;
}

impl<T, E> CanFail<Result<T, E>> for &Written<Result<T, E>> {
    fn failed(&self, out: &Result<T, E>) -> bool {
        out.is_err()
    }
}

/// The others never are.
pub trait CannotFail<Out> {
    /// Never.
    fn failed(&self, out: &Out) -> bool;
}

impl<Out> CannotFail<Out> for Written<Out> {
    fn failed(&self, _: &Out) -> bool {
        false
    }
}

/// Whether an answer of the written type is an `Err`; asks nothing else of the type.
#[doc(hidden)]
#[macro_export]
macro_rules! __failed {
    ($type:ty, $out:expr) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::returns::{CanFail as _, CannotFail as _};
        (&&$crate::__private::returns::Written::<$type>::NEW).failed($out)
    }};
}

/// Everything the engine knows of a return type. `Copy`, and a constant to the optimizer.
#[derive(Debug)]
pub struct Returned<Out, S: Shape<Out>> {
    out: PhantomData<fn() -> Out>,
    codec: Option<&'static Codec>,
    sharing: Option<SharedError<S::Error>>,
}

impl<Out, S: Shape<Out>> Clone for Returned<Out, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Out, S: Shape<Out>> Copy for Returned<Out, S> {}

impl<E> Clone for SharedError<E> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E> Copy for SharedError<E> {}

impl<Out, S: Shape<Out>> Returned<Out, S> {
    /// Put together by [`returns!`](crate::__returns).
    pub const fn new(
        _: Shaped<Out, S>,
        codec: Option<&'static Codec>,
        sharing: Option<SharedError<S::Error>>,
    ) -> Self {
        Self { out: PhantomData, codec, sharing }
    }

    /// The codec of the value.
    pub const fn codec(&self) -> Option<&'static Codec> {
        self.codec
    }

    /// The answer an entry holds; `None` if it holds none of this type.
    #[inline]
    pub fn answer(&self, entry: &Entry) -> Option<Out> {
        match entry.kind() {
            Kind::Value => entry.downcast_ref::<S::Value>().map(|value| S::value(value.clone())),
            Kind::Absent => S::absent(),
            Kind::Failed => self.sharing.and_then(|sharing| (sharing.give)(entry)).and_then(S::failed),
        }
    }

    /// What the erased half of a call must know.
    pub(crate) fn reader(&self) -> Reader {
        Reader {
            answer: TypeId::of::<S::Value>(),
            codec: self.codec,
            value: |entry| entry.downcast_ref::<S::Value>().is_some(),
            absent: S::absent().is_some(),
            failed: self.sharing.map(|sharing| sharing.fits),
        }
    }

    /// Whether the answer can be given to several callers.
    pub(crate) fn is_shareable(&self, out: &Out) -> bool {
        self.sharing.is_some() || !matches!(S::split(out), Outcome::Failed(_))
    }

    /// The entry an answer becomes; `None` for an error that cannot be shared.
    pub fn entry(&self, out: &Out, meta: Meta) -> Option<Arc<Entry>> {
        match S::split(out) {
            Outcome::Value(value) => Some(Entry::new(value.clone(), Meta { kind: Kind::Value, ..meta })),
            Outcome::Absent => Some(Entry::new((), Meta { kind: Kind::Absent, ..meta })),
            Outcome::Failed(error) => {
                self.sharing.map(|sharing| (sharing.keep)(error, Meta { kind: Kind::Failed, ..meta }))
            }
        }
    }
}

/// The written return type, asked everything at once.
#[doc(hidden)]
#[macro_export]
macro_rules! __returns {
    // A type with a `&'static` inside cannot be decoded from bytes, and asking whether it can does not compile.
    (static $out:ty) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::returns::{
            ShapeOfFallible as _, ShapeOfFallibleOption as _, ShapeOfOption as _, ShapeOfPlain as _,
            WithSharing as _, WithoutSharing as _,
        };
        let shape = (&&&&$crate::__private::returns::Written::<$out>::NEW).shape();
        $crate::__private::returns::Returned::new(
            shape,
            ::core::option::Option::None,
            (&&$crate::__private::returns::error_of(shape)).sharing(),
        )
    }};
    ($out:ty) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::returns::{
            ShapeOfFallible as _, ShapeOfFallibleOption as _, ShapeOfOption as _, ShapeOfPlain as _,
            WithCodec as _, WithSharing as _, WithoutCodec as _, WithoutSharing as _,
        };
        let shape = (&&&&$crate::__private::returns::Written::<$out>::NEW).shape();
        $crate::__private::returns::Returned::new(
            shape,
            (&&$crate::__private::returns::value_of(shape)).codec(),
            (&&$crate::__private::returns::error_of(shape)).sharing(),
        )
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    type Answer<T> = Result<T, std::num::ParseIntError>;
    type Maybe = Option<u8>;
    struct NoClone;

    #[test]
    fn a_type_is_what_it_means_not_what_it_is_called() {
        fn name<Out, S: Shape<Out>>(_: Returned<Out, S>) -> &'static str {
            std::any::type_name::<S>().rsplit("::").next().unwrap_or_default()
        }
        assert_eq!(name(crate::__returns!(Answer<Option<u8>>)), "FallibleOption");
        assert_eq!(name(crate::__returns!(Answer<Maybe>)), "FallibleOption");
        assert_eq!(name(crate::__returns!(Answer<u8>)), "FallibleValue");
        assert_eq!(name(crate::__returns!(Maybe)), "OptionalValue");
        assert_eq!(name(crate::__returns!(Vec<u8>)), "PlainValue");
        assert_eq!(name(crate::__returns!(())), "PlainValue");
    }

    #[test]
    fn only_errors_that_can_be_cloned_are_shared() {
        assert!(crate::__returns!(Result<u8, NoClone>).sharing.is_none());
        assert!(crate::__returns!(Answer<u8>).sharing.is_some());
    }

    #[test]
    fn only_serde_types_have_a_codec() {
        #[derive(Clone)]
        struct Plain;
        assert!(crate::__returns!(Plain).codec().is_none());
        assert!(crate::__returns!(static Result<&'static str, NoClone>).codec().is_none());
        assert!(crate::__returns!(Result<Option<String>, NoClone>).codec().is_some());
    }
}
