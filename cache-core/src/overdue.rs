//! Limits that are noticed too late, because the thread was busy with something else.

use std::time::{Duration, Instant};

use crate::clock::{BoxFuture, Clock, Time};
use crate::error::{Error, Result};
use crate::steady::late;

/// A timer that fires so much later than it was to is not to blame: nothing ran here meanwhile.
const BUSY: Duration = Duration::from_millis(10);

/// How long the runtime then has to see to what has come in.
const TURN: Duration = Duration::from_millis(5);

/// The command, or an error once its time is over.
///
/// Where that is noticed late, the answer may lie unread in a socket: everybody else has a turn, and the command is
/// asked once more. If it has no answer then, that says nothing about the backend.
pub(crate) async fn limited<T>(
    clock: &dyn Clock,
    begun: Time,
    limit: Duration,
    mut command: BoxFuture<'_, Result<T>>,
) -> Result<T> {
    let due = begun.after(limit);
    let deadline = clock.sleep_until(due);
    tokio::select! {
        biased;
        outcome = &mut command => return outcome,
        () = deadline => {}
    }
    if clock.now().since(due) < BUSY {
        late(command);
        return Err(Error::Timeout { limit });
    }
    let noticed = Instant::now();
    while noticed.elapsed() < TURN {
        tokio::select! {
            biased;
            outcome = &mut command => return outcome,
            () = tokio::task::yield_now() => {}
        }
    }
    Err(Error::Timeout { limit })
}
