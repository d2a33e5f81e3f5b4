//! Why a command is dropped: because its time is over, or because its caller went away.

use std::cell::RefCell;

use crate::sync::thread_local;

thread_local! {
    static LATE: RefCell<bool> = const { RefCell::new(false) };
}

/// Drops a command that has taken longer than it may. What it holds knows why, by [`is_late`].
pub(crate) fn late<T>(command: T) {
    let _before = Before(replace(true));
    drop(command);
}

struct Before(bool);

impl Drop for Before {
    fn drop(&mut self) {
        replace(self.0);
    }
}

/// A thread that ends has no caller to be late for.
fn replace(is: bool) -> bool {
    LATE.try_with(|late| late.replace(is)).unwrap_or(false)
}

/// Whether what is being dropped has taken too long.
pub(super) fn is_late() -> bool {
    LATE.try_with(|late| *late.borrow()).unwrap_or(false)
}
