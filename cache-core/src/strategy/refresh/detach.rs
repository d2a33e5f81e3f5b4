//! Computing beside a call: in a task of its own, with arguments of its own.

use std::borrow::Borrow;
use std::marker::PhantomData;

use tokio::runtime::Handle;

use crate::background;
use crate::clock::BoxFuture;
use crate::scope::Scope;

/// Whether there is a runtime to put a task on. Without one, whoever would have it computed beside computes itself.
pub(crate) fn can_detach() -> bool {
    Handle::try_current().is_ok()
}

/// Runs a computation on the caller's runtime, inside the caller's scope. Whoever listens to the caller's calls does not
/// hear it: it answers none of them.
pub fn detach(computation: BoxFuture<'static, ()>) {
    let computation = Scope::current().unheard().run(computation);
    match Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn(computation)),
        // It ended since it was asked for. There is a thread for what is left behind.
        Err(_) => drop(background::spawn(computation)),
    }
}

/// What a borrowed argument must be to be taken along: it is copied when the function is about to run.
#[diagnostic::on_unimplemented(
    message = "a refresh in the background outlives the call, and takes along a copy of what is borrowed: `{Self}` has \
        no owned form that can be sent to another thread",
    label = "this cannot be taken along",
    note = "derive `Clone` for it, take it by value or as an `Arc`, or refresh in the foreground: `background = false`"
)]
pub trait Detach: ToOwned<Owned: Send + 'static> {}

#[diagnostic::do_not_recommend]
impl<T: ToOwned<Owned: Send + 'static> + ?Sized> Detach for T {}

/// What an argument must be to be taken along as it is.
#[diagnostic::on_unimplemented(
    message = "a refresh in the background outlives the call, and takes along its arguments: `{Self}` cannot be sent to \
        another thread",
    label = "this cannot be taken along",
    note = "refresh in the foreground: `background = false`"
)]
pub trait Portable: Send {}

#[diagnostic::do_not_recommend]
impl<T: Send> Portable for T {}

/// Asks whether an argument can be taken along as it is.
pub const fn portable<T: Portable + 'static>(_: &T) {}

/// What an argument was borrowed as.
pub type As<T> = PhantomData<fn(&T)>;

/// A copy of a borrowed argument, and what it was borrowed as.
pub fn own<T: Detach + ?Sized>(argument: &T) -> (T::Owned, As<T>) {
    (argument.to_owned(), PhantomData)
}

/// The copy, borrowed as the argument was.
pub fn lend<T: ToOwned + ?Sized>(owned: &T::Owned, _: As<T>) -> &T {
    owned.borrow()
}
