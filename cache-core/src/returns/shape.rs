//! The four shapes an answer can have, and taking it apart.

use std::convert::Infallible;

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
///
/// Asks nothing of the types inside: a bound here would be one of every future that holds an answer, and
/// `&'static str` does not survive the compiler's look at those. Whether a value can be kept is [`Shared`]'s.
///
/// [`Shared`]: super::Shared
pub trait Shape<Out>: Copy {
    /// What is stored.
    type Value;
    /// What `Err` holds.
    type Error;

    /// The answer, taken apart.
    fn split(out: &Out) -> Outcome<&Self::Value, &Self::Error>;
    /// The value inside, or the answer as it was if it holds none.
    fn into_value(out: Out) -> Result<Self::Value, Out>;
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

impl<T, E> Shape<Result<Option<T>, E>> for FallibleOption {
    type Value = T;
    type Error = E;

    fn split(out: &Result<Option<T>, E>) -> Outcome<&T, &E> {
        match out {
            Ok(Some(value)) => Outcome::Value(value),
            Ok(None) => Outcome::Absent,
            Err(error) => Outcome::Failed(error),
        }
    }

    fn into_value(out: Result<Option<T>, E>) -> Result<T, Result<Option<T>, E>> {
        match out {
            Ok(Some(value)) => Ok(value),
            other => Err(other),
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

impl<T, E> Shape<Result<T, E>> for FallibleValue {
    type Value = T;
    type Error = E;

    fn split(out: &Result<T, E>) -> Outcome<&T, &E> {
        match out {
            Ok(value) => Outcome::Value(value),
            Err(error) => Outcome::Failed(error),
        }
    }

    fn into_value(out: Result<T, E>) -> Result<T, Result<T, E>> {
        out.map_err(Err)
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

impl<T> Shape<Option<T>> for OptionalValue {
    type Value = T;
    type Error = Infallible;

    fn split(out: &Option<T>) -> Outcome<&T, &Infallible> {
        out.as_ref().map_or(Outcome::Absent, Outcome::Value)
    }

    fn into_value(out: Option<T>) -> Result<T, Option<T>> {
        out.ok_or(None)
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

impl<T> Shape<T> for PlainValue {
    type Value = T;
    type Error = Infallible;

    fn split(out: &T) -> Outcome<&T, &Infallible> {
        Outcome::Value(out)
    }

    fn into_value(out: T) -> Result<T, T> {
        Ok(out)
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

/// Shapes with a `None`.
#[diagnostic::on_unimplemented(
    message = "this function never returns `None`",
    label = "`none_ttl` says how long to keep a `None`",
    note = "it is for `Option<T>` and `Result<Option<T>, E>`: leave it out here"
)]
pub trait CanBeAbsent {}

impl CanBeAbsent for FallibleOption {}
impl CanBeAbsent for OptionalValue {}

/// Shapes with an `Err`.
#[diagnostic::on_unimplemented(
    message = "this function never returns `Err`",
    label = "`err_ttl` says how long to keep an `Err`",
    note = "it is for `Result<T, E>`: leave it out here"
)]
pub trait CanBeErr {}

impl CanBeErr for FallibleOption {}
impl CanBeErr for FallibleValue {}

/// Shapes of functions that can fail.
#[diagnostic::on_unimplemented(
    message = "`#[fail]` answers in place of an `Err`, and this function never returns one",
    label = "no `Result`",
    note = "return a `Result`, or leave `#[fail]` out"
)]
pub trait Fails {}

impl Fails for FallibleOption {}
impl Fails for FallibleValue {}

/// The same, asked by a strategy that has a present value for it.
#[diagnostic::on_unimplemented(
    message = "`#[soft]` answers with the present value when computing it anew fails, and this function never returns \
        an `Err`",
    label = "no `Result`",
    note = "return a `Result`, or use `#[early]` or `#[cached]`"
)]
pub trait FailsAnew {}

impl FailsAnew for FallibleOption {}
impl FailsAnew for FallibleValue {}
