//! Computing beside a call: in a task of its own, with arguments of its own.

use std::borrow::Borrow;

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

/// Nobody waits for what a refresh answers.
pub fn over<T>(_: T) {}

/// Where a copy of a borrowed argument goes.
#[derive(Debug)]
pub struct Background;

/// What a borrowed argument must be to be taken along: it is copied when the function is about to run.
#[diagnostic::on_unimplemented(
    message = "a refresh in the background outlives the call, and takes along a copy of what is borrowed: `{T}` has no \
        owned form that can be sent to another thread",
    label = "this cannot be taken along",
    note = "it takes `Clone + Send + 'static`: derive that, ask for it, or take the argument by value or as an `Arc`",
    note = "or refresh in the foreground: `background = false`"
)]
pub trait Takes<T: ?Sized> {
    /// The owned form.
    type Owned;

    /// The copy.
    fn take(argument: &T) -> Copied<Self::Owned, T>;
}

#[diagnostic::do_not_recommend]
impl<T: ToOwned<Owned: Send> + ?Sized> Takes<T> for Background {
    type Owned = T::Owned;

    fn take(argument: &T) -> Copied<T::Owned, T> {
        Copied { owned: argument.to_owned(), lend: Borrow::borrow }
    }
}

/// A copy of a borrowed argument.
#[derive(Debug)]
pub struct Copied<Owned: ?Sized, T: ?Sized> {
    lend: fn(&Owned) -> &T,
    owned: Owned,
}

impl<Owned: ?Sized, T: ?Sized> Copied<Owned, T> {
    /// Borrowed as the argument was. Asks nothing of the types, so that what is wrong with one is said once.
    pub fn lend(&self) -> &T {
        (self.lend)(&self.owned)
    }
}

/// Copies a borrowed argument.
pub fn own<T: ?Sized>(argument: &T) -> Copied<<Background as Takes<T>>::Owned, T>
where
    Background: Takes<T>,
{
    Background::take(argument)
}

/// What an argument must be to be taken along as it is. That it borrows nothing is asked of the whole.
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
pub const fn portable<T: Portable>(_: &T) {}
