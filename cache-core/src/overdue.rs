//! Limits that are noticed too late, because the thread was busy with something else.

use std::time::Duration;

use crate::clock::{BoxFuture, Clock, SystemClock, Time};
use crate::error::{Error, Result};
use crate::steady::late;

/// A timer that fires so much later than it was to is not to blame: nothing ran here meanwhile.
const BUSY: Duration = Duration::from_millis(10);

/// How long the runtime then has to see to what has come in, and a server to what is only now sent.
const TURN: Duration = Duration::from_millis(25);

/// How many times everybody else goes on before and after that.
const TURNS: usize = 3;

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
    let turn = async {
        turns().await;
        // By the machine's clock: a test that stops another one does not stop the runtime.
        SystemClock.sleep_until(SystemClock.now().after(TURN)).await;
        turns().await;
    };
    tokio::select! {
        biased;
        outcome = &mut command => return outcome,
        () = turn => {}
    }
    Err(Error::Timeout { limit })
}

async fn turns() {
    for _ in 0..TURNS {
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::task::Poll;

    use tokio::sync::oneshot;

    use super::*;
    use crate::testing::ManualClock;

    const LIMIT: Duration = Duration::from_millis(250);

    /// What comes of a command that is answered by a task which runs first when so much time has passed.
    async fn answered_after(passed: Duration) -> Result<u8> {
        let (clock, (answer, answered)) = (ManualClock::new(), oneshot::channel());
        let command = Box::pin(async { Ok(answered.await.unwrap_or_default()) });
        let mut limited = std::pin::pin!(limited(&clock, clock.now(), LIMIT, command));
        poll_fn(|cx| {
            assert!(limited.as_mut().poll(cx).is_pending());
            Poll::Ready(())
        })
        .await;
        clock.advance(passed);
        tokio::spawn(async { answer.send(7) });
        limited.await
    }

    #[tokio::test]
    async fn an_answer_that_came_while_the_thread_was_busy_is_taken() {
        assert_eq!(answered_after(LIMIT + 2 * BUSY).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn a_limit_that_is_noticed_in_time_is_one() {
        assert!(matches!(answered_after(LIMIT).await, Err(Error::Timeout { limit: LIMIT })));
    }

    #[tokio::test]
    async fn who_has_no_answer_then_waits_no_longer() {
        let clock = ManualClock::new();
        let begun = clock.now();
        clock.advance(LIMIT + 2 * BUSY);
        let outcome = limited::<()>(&clock, begun, LIMIT, Box::pin(std::future::pending())).await;
        assert!(matches!(outcome, Err(Error::Timeout { .. })));
    }
}
