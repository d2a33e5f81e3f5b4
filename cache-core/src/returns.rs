//! What a function gives back, seen through aliases: a value, `None`, or `Err`.
//!
//! The written type picks one of four shapes by autoref dispatch, so `type Answer = Result<Option<T>, E>` is
//! what it means and not what it is called. What is stored is always the innermost `T`.

mod batched;
mod hidden;
mod probe;
mod shape;
mod written;

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

pub use crate::coder::Coding;
pub use batched::{BatchMap, Batched};
pub use hidden::{HiddenByName, HiddenOurs, HiddenShown, HiddenWritten};
pub use probe::{
    Probe, Shared, WithCoder, WithSharing, WithoutCoder, WithoutSharing, can_be_absent, can_be_err, can_fail,
    can_fail_anew, error_of, storable, storable_error, value_of,
};
pub use shape::{FallibleOption, FallibleValue, OptionalValue, Outcome, PlainValue, Shape};
pub use written::{
    CanFail, CannotFail, ShapeOfFallible, ShapeOfFallibleOption, ShapeOfOption, ShapeOfPlain, Shaped, Written,
};

use crate::clock::Time;
use crate::codec::Codec;
use crate::command::Value;
use crate::entry::{Entry, Kind, Meta};
use crate::strategy::Reader;

/// Everything the engine knows of a return type. `Copy`, and a constant to the optimizer.
pub struct Returned<Out, S: Shape<Out>> {
    shape: Shaped<Out, S>,
    coding: Coding,
    /// `None` for a value that cannot be kept; a build error says so, and saying it once is enough.
    value: Option<Shared<S::Value>>,
    error: Option<Shared<S::Error>>,
}

impl<Out, S: Shape<Out>> Clone for Returned<Out, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Out, S: Shape<Out>> Copy for Returned<Out, S> {}

impl<Out, S: Shape<Out>> Returned<Out, S> {
    /// Put together by [`returns!`](crate::__returns).
    #[inline]
    pub const fn new(
        shape: Shaped<Out, S>,
        coding: Coding,
        value: Option<Shared<S::Value>>,
        error: Option<Shared<S::Error>>,
    ) -> Self {
        Self { shape, coding, value, error }
    }

    /// The shape it is.
    pub fn shape(&self) -> Shaped<Out, S> {
        self.shape
    }

    /// Asks about the value.
    pub const fn of_value(&self) -> Probe<S::Value> {
        Probe::NEW
    }

    /// Asks about the error.
    pub const fn of_error(&self) -> Probe<S::Error> {
        Probe::NEW
    }

    /// How values and errors become bytes.
    pub const fn coding(&self) -> Coding {
        self.coding
    }

    /// `codec = …`.
    #[must_use]
    pub const fn by(self, codec: Option<&'static dyn Codec>) -> Self {
        Self { coding: self.coding.by(codec), ..self }
    }

    /// The answer an entry holds; `None` if it holds none of this type.
    #[inline]
    pub fn answer(&self, entry: &Entry) -> Option<Out> {
        match entry.kind() {
            Kind::Value => self.value.and_then(|shared| (shared.give)(entry)).map(S::value),
            Kind::Absent => S::absent(),
            Kind::Failed => self.error.and_then(|shared| (shared.give)(entry)).and_then(S::failed),
        }
    }

    /// The answer once more, by the way it takes through the cache.
    pub fn again(&self, out: &Out) -> Option<Out> {
        let entry = self.entry(out, Meta::new(Time::ORIGIN, Time::NEVER))?;
        self.answer(&entry)
    }

    /// The answer that holds this value.
    pub fn value(&self, value: S::Value) -> Out {
        S::value(value)
    }

    /// What the erased half of a call must know.
    pub(crate) fn reader(&self) -> Reader {
        Reader {
            answer: self.value.map_or(TypeId::of::<()>(), |shared| (shared.type_id)()),
            coding: self.coding,
            value: self.value.map(|shared| shared.fits),
            absent: S::absent().is_some(),
            failed: self.error.map(|shared| shared.fits),
        }
    }

    /// The entry an answer becomes; `None` for what cannot be given to several callers.
    pub fn entry(&self, out: &Out, meta: Meta) -> Option<Arc<Entry>> {
        match S::split(out) {
            Outcome::Value(value) => {
                self.value.map(|shared| (shared.keep)(value, Meta { kind: Kind::Value, ..meta }))
            }
            Outcome::Absent => Some(Entry::new((), Meta { kind: Kind::Absent, ..meta })),
            Outcome::Failed(error) => {
                self.error.map(|shared| (shared.keep)(error, Meta { kind: Kind::Failed, ..meta }))
            }
        }
    }

    /// Whether the answer is a value, and neither `None` nor `Err`.
    pub(crate) fn is_value(out: &Out) -> bool {
        matches!(S::split(out), Outcome::Value(_))
    }

    /// Whether the answer can be given to several callers.
    pub(crate) fn is_shareable(&self, out: &Out) -> bool {
        match S::split(out) {
            Outcome::Value(_) => self.value.is_some(),
            Outcome::Absent => true,
            Outcome::Failed(_) => self.error.is_some(),
        }
    }
}

impl<T: Value> Returned<T, PlainValue> {
    /// A value as it stands.
    pub(crate) fn plain(coding: Coding) -> Self {
        Self::new(Shaped::PLAIN, coding, (&&Probe::<T>::NEW).sharing(), None)
    }
}

impl<Out, S: Shape<Out>> fmt::Debug for Returned<Out, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Returned").field("coding", &self.coding).finish_non_exhaustive()
    }
}

/// The written return type, asked everything at once; `plain` takes it for a value as it stands.
#[doc(hidden)]
#[macro_export]
macro_rules! __returns {
    ($($rest:tt)*) => {{
        #[allow(unused_imports, reason = "which of these is needed depends on the type")]
        use $crate::__private::returns::{
            ShapeOfFallible as _, ShapeOfFallibleOption as _, ShapeOfOption as _, ShapeOfPlain as _,
            WithCoder as _, WithSharing as _, WithoutCoder as _, WithoutSharing as _,
        };
        $crate::__returned!($($rest)*)
    }};
}

/// The inside of [`returns!`](crate::__returns), with its traits in scope.
#[doc(hidden)]
#[macro_export]
macro_rules! __returned {
    (plain static $out:ty) => {
        $crate::__returned!(
            shape $crate::__private::returns::Shaped::<$out, _>::PLAIN,
            ::core::option::Option::None, ::core::option::Option::None
        )
    };
    (plain $out:ty) => {
        $crate::__returned!(
            shape $crate::__private::returns::Shaped::<$out, _>::PLAIN,
            (&&$crate::__private::returns::Probe::<$out>::NEW).coder(), ::core::option::Option::None
        )
    };
    // A type with a `&'static` inside cannot be decoded from bytes, and asking whether it can does not compile.
    (static $out:ty) => {
        $crate::__returned!(
            shape (&&&&$crate::__private::returns::Written::<$out>::NEW).shape(),
            ::core::option::Option::None, ::core::option::Option::None
        )
    };
    (shape $shape:expr, $value:expr, $error:expr) => {{
        let shape = $shape;
        $crate::__private::returns::Returned::new(
            shape,
            $crate::__private::returns::Coding::new($value, $error),
            (&&$crate::__private::returns::value_of(shape)).sharing(),
            (&&$crate::__private::returns::error_of(shape)).sharing(),
        )
    }};
    ($out:ty) => {{
        let shape = (&&&&$crate::__private::returns::Written::<$out>::NEW).shape();
        $crate::__returned!(
            shape shape,
            (&&$crate::__private::returns::value_of(shape)).coder(),
            (&&$crate::__private::returns::error_of(shape)).coder()
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
        assert!(crate::__returns!(Result<u8, NoClone>).error.is_none());
        assert!(crate::__returns!(Answer<u8>).error.is_some());
        assert!(crate::__returns!(Result<NoClone, u8>).value.is_none());
    }

    #[test]
    fn only_serde_types_have_a_way_into_bytes() {
        #[derive(Clone)]
        struct Plain;
        assert!(!crate::__returns!(Plain).coding().has_values());
        assert!(!crate::__returns!(static Result<&'static str, NoClone>).coding().has_values());
        assert!(crate::__returns!(Result<Option<String>, NoClone>).coding().has_values());
    }
}
