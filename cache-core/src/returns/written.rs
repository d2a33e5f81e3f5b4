//! From the type as written to its shape, by autoref dispatch.

use std::marker::PhantomData;

use super::shape::{FallibleOption, FallibleValue, OptionalValue, PlainValue};

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

impl<Out> Shaped<Out, PlainValue> {
    /// A value as it stands, whatever it is.
    pub const PLAIN: Self = Self(PhantomData, PlainValue);
}

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
