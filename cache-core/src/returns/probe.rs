//! What the types behind a shape can do, by autoref dispatch: be encoded, be given out again.

use std::any::{Any, TypeId};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::shape::Shape;
use super::written::Shaped;
use crate::coder::Coder;
use crate::entry::{Entry, Meta};

/// Asks what a type can do, by autoref: `(&&Probe::<T>::NEW).coder()`.
#[derive(Debug)]
pub struct Probe<T>(PhantomData<fn() -> T>);

impl<T> Probe<T> {
    /// The marker.
    pub const NEW: Self = Self(PhantomData);
}

/// The value behind a shape.
pub const fn value_of<Out, S: Shape<Out>>(_: Shaped<Out, S>) -> Probe<S::Value> {
    Probe::NEW
}

/// The error behind a shape.
pub const fn error_of<Out, S: Shape<Out>>(_: Shaped<Out, S>) -> Probe<S::Error> {
    Probe::NEW
}

/// Types with serde implementations have a way into bytes.
pub trait WithCoder {
    /// It.
    fn coder(&self) -> Option<&'static Coder>;
}

impl<T: Serialize + DeserializeOwned + Any + Send + Sync> WithCoder for &Probe<T> {
    fn coder(&self) -> Option<&'static Coder> {
        Some(Coder::of::<T>())
    }
}

/// The others have none: they are cached in memory only.
pub trait WithoutCoder {
    /// None.
    fn coder(&self) -> Option<&'static Coder>;
}

impl<T> WithoutCoder for Probe<T> {
    fn coder(&self) -> Option<&'static Coder> {
        None
    }
}

/// How a value or an error is kept and given to several callers.
pub struct Shared<T> {
    pub(super) keep: fn(&T, Meta) -> Arc<Entry>,
    pub(super) give: fn(&Entry) -> Option<T>,
    pub(super) fits: fn(&Entry) -> bool,
    pub(super) type_id: fn() -> TypeId,
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Shared<T> {}

impl<T> fmt::Debug for Shared<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shared<{}>", std::any::type_name::<T>())
    }
}

/// What is `Clone + Send + Sync + 'static` can be shared.
pub trait WithSharing<T> {
    /// How.
    fn sharing(&self) -> Option<Shared<T>>;
}

impl<T: Any + Clone + Send + Sync> WithSharing<T> for &Probe<T> {
    #[inline]
    fn sharing(&self) -> Option<Shared<T>> {
        Some(Shared {
            keep: |value, meta| Entry::new(value.clone(), meta),
            give: |entry| entry.downcast_ref::<T>().cloned(),
            fits: |entry| entry.downcast_ref::<T>().is_some(),
            type_id: TypeId::of::<T>,
        })
    }
}

/// The rest cannot.
pub trait WithoutSharing<T> {
    /// Not.
    fn sharing(&self) -> Option<Shared<T>>;
}

impl<T> WithoutSharing<T> for Probe<T> {
    #[inline]
    fn sharing(&self) -> Option<Shared<T>> {
        None
    }
}

/// What a value must be to be kept; asked once, at the return type.
#[diagnostic::on_unimplemented(
    message = "a stored value is given out again and again: `{Self}` must be `Clone + Send + Sync + 'static`",
    label = "this cannot be stored",
    note = "derive `Clone`, or return an `Arc` of it"
)]
pub trait Storable {}

#[diagnostic::do_not_recommend]
impl<T: Any + Clone + Send + Sync> Storable for T {}

/// Asks whether the value of an answer can be kept.
pub const fn storable<T: Storable>(_: &Probe<T>) {}

/// What an error must be to be kept; asked at `err_ttl`.
#[diagnostic::on_unimplemented(
    message = "a stored error is given out again and again: `{Self}` must be `Clone + Send + Sync + 'static`",
    label = "`err_ttl` stores this function's errors",
    note = "derive `Clone` for the error, hold its parts in `Arc`s, or leave `err_ttl` out"
)]
pub trait StorableError {}

#[diagnostic::do_not_recommend]
impl<E: Any + Clone + Send + Sync> StorableError for E {}

/// Asks whether the error of an answer can be kept.
pub const fn storable_error<E: StorableError>(_: &Probe<E>) {}

/// Asks whether the answer can be an `Err`.
pub const fn can_be_err<Out, S: super::shape::CanBeErr>(_: &Shaped<Out, S>) {}

/// Asks whether there are errors to answer in place of.
pub const fn can_fail<Out, S: super::shape::Fails>(_: &Shaped<Out, S>) {}

/// Asks whether there are errors that a present value is the better answer to.
pub const fn can_fail_anew<Out, S: super::shape::FailsAnew>(_: &Shaped<Out, S>) {}

/// Asks whether the answer can be `None`.
pub const fn can_be_absent<Out, S: super::shape::CanBeAbsent>(_: &Shaped<Out, S>) {}
