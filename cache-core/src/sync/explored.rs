//! Primitives that let a scheduler choose who goes on. They are right outside of an exploration too, and in statics,
//! which live longer than one.

use std::cell::RefCell;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::{LockResult, PoisonError, TryLockError};
use std::thread::panicking;

use shuttle::current::try_get_current_task;
use shuttle::thread::{AccessError, LocalKey, yield_now};

fn is_exploring() -> bool {
    try_get_current_task().is_some()
}

/// Another task may go on here. Not while unwinding: who ran then would take the panic for its own.
fn point() {
    if is_exploring() && !panicking() {
        shuttle::sync::atomic::AtomicBool::new(false).load(atomic::Ordering::SeqCst);
    }
}

shuttle::lazy_static! {
    static ref IN_BACKGROUND: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
}

/// A task of its own, for what the background thread does otherwise.
pub(crate) fn spawn(future: impl Future<Output = ()> + Send + 'static) -> bool {
    IN_BACKGROUND.fetch_add(1, atomic::Ordering::SeqCst);
    drop(shuttle::future::spawn(async {
        future.await;
        IN_BACKGROUND.fetch_sub(1, atomic::Ordering::SeqCst);
    }));
    true
}

/// Waits until nothing is left to be done in the background.
pub(crate) async fn settled() {
    while IN_BACKGROUND.load(atomic::Ordering::SeqCst) > 0 {
        shuttle::future::yield_now().await;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Mutex<T: ?Sized>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }
}

impl<T: ?Sized> Mutex<T> {
    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        point();
        loop {
            match self.0.try_lock() {
                Ok(guard) => return Ok(MutexGuard(Some(guard))),
                Err(TryLockError::Poisoned(guard)) => {
                    return Err(PoisonError::new(MutexGuard(Some(guard.into_inner()))));
                }
                // Its holder has stopped at a point, and has to go on first.
                Err(TryLockError::WouldBlock) => yield_now(),
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct MutexGuard<'a, T: ?Sized>(Option<std::sync::MutexGuard<'a, T>>);

impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("held until it is dropped")
    }
}

impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.0.as_mut().expect("held until it is dropped")
    }
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.0 = None;
        point();
    }
}

pub(crate) mod atomic {
    pub(crate) use std::sync::atomic::Ordering;

    use super::point;

    macro_rules! atomics {
        ($($name:ident: $value:ty { $($command:ident($($argument:ident),*) $(-> $out:ty)?;)* })*) => {$(
            #[derive(Debug, Default)]
            pub(crate) struct $name(std::sync::atomic::$name);

            impl $name {
                pub(crate) const fn new(value: $value) -> Self {
                    Self(std::sync::atomic::$name::new(value))
                }

                $(
                    pub(crate) fn $command(&self, $($argument: $value,)* order: Ordering) $(-> $out)? {
                        point();
                        self.0.$command($($argument,)* order)
                    }
                )*
            }
        )*};
    }

    atomics! {
        AtomicBool: bool {
            load() -> bool;
            store(value);
        }
        AtomicU64: u64 {
            load() -> u64;
            store(value);
            fetch_min(value) -> u64;
            fetch_add(value) -> u64;
        }
        AtomicUsize: usize {
            load() -> usize;
            fetch_add(value) -> usize;
            fetch_sub(value) -> usize;
        }
    }
}

/// What each task has of its own, as each thread has otherwise.
#[derive(Debug)]
pub(crate) struct Local<T: 'static>(pub(crate) &'static LocalKey<T>);

impl<T> Local<RefCell<T>> {
    pub(crate) fn with_borrow<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        self.0.with(|value| look(&value.borrow()))
    }

    pub(crate) fn with_borrow_mut<R>(&self, change: impl FnOnce(&mut T) -> R) -> R {
        self.0.with(|value| change(&mut value.borrow_mut()))
    }

    pub(crate) fn try_with<R>(&self, look: impl FnOnce(&RefCell<T>) -> R) -> Result<R, AccessError> {
        self.0.try_with(look)
    }
}

macro_rules! own {
    ($(#[$meta:meta])* static $name:ident: $value:ty = const { $first:expr };) => {
        $(#[$meta])*
        static $name: $crate::sync::explored::Local<$value> = {
            ::shuttle::thread_local! {
                static KEY: $value = $first;
            }
            $crate::sync::explored::Local(&KEY)
        };
    };
}

pub(crate) use own as thread_local;
