//! Why a command is dropped: because its time is over, or because its caller went away.

use std::cell::Cell;

use crate::sync::thread_local;

thread_local! {
    static LATE: Cell<bool> = const { Cell::new(false) };
}

/// Drops a command that has taken longer than it may. What it holds knows why, by [`is_late`].
pub(crate) fn late<T>(command: T) {
    struct Before(bool);
    impl Drop for Before {
        fn drop(&mut self) {
            LATE.with(|late| late.set(self.0));
        }
    }
    let _before = Before(LATE.with(|late| late.replace(true)));
    drop(command);
}

/// Whether what is being dropped has taken too long.
pub(super) fn is_late() -> bool {
    // A thread that ends has no caller to be late for.
    LATE.try_with(Cell::get).unwrap_or(false)
}
