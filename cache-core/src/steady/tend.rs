//! The task beside the callers: asks a backend that is down, and does what was kept once it answers.

use std::future::Future;
use std::sync::Weak;
use std::time::Duration;

use super::Steady;
use super::breaker::{Failure, pause};
use super::kept::{Debt, Removal};
use crate::background;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::event::EventKind;

/// How many keys or tags go at once.
const AT_ONCE: usize = 250;

/// What walks over all there is may take longer than anybody would wait for.
const WALK: Duration = Duration::from_secs(60);

/// The longest pause between two tries of what a backend refuses.
const LONGEST: Duration = Duration::from_secs(5);

/// What is next.
enum Next {
    Wait(Time),
    Try,
    Nothing,
}

/// What trying came to.
enum Tried {
    Done,
    /// Some of it was refused.
    Refused,
    /// The backend is not there.
    Failed(Error),
}

impl Steady {
    /// Begins the task; it ends when there is nothing left to do, or nobody to do it for.
    pub(super) fn tend(&self) {
        let tending = Tending { steady: self.this.clone(), is_over: false };
        // Where the machine refuses a thread the task is dropped, and the next who meets the trouble begins another.
        background::spawn_here(tending.run());
    }

    fn next(&self) -> Next {
        let (mut state, now) = (self.state(), self.now());
        let due = match state.breaker.due() {
            // Nobody asks for it: whoever does begins the task again.
            Some(due) if due <= now && !state.is_wanted && state.kept.is_empty() => None,
            Some(due) => Some(due),
            None if state.kept.is_empty() => None,
            None => Some(state.retry.0),
        };
        match due {
            None => {
                state.is_tended = false;
                Next::Nothing
            }
            Some(due) if due > now => Next::Wait(due),
            Some(_) => {
                (state.is_trying, state.is_wanted) = (true, false);
                Next::Try
            }
        }
    }

    /// Asks a backend that is down; then removes what was kept, and lets others in when it is about to walk.
    async fn attempt(&self) {
        let (was_down, kept) = {
            let state = self.state();
            (state.breaker.is_down(), !state.kept.is_empty())
        };
        let tried = self.try_all(was_down).await;
        let is_paid = {
            let (mut state, now) = (self.state(), self.now());
            state.is_trying = false;
            state.retry = match &tried {
                Tried::Done => (now, 0),
                Tried::Refused | Tried::Failed(_) => {
                    let level = state.retry.1;
                    (now.after(pause(level, LONGEST, fastrand::f64())), level.saturating_add(1))
                }
            };
            if let Tried::Failed(error) = tried
                && was_down
                && state.breaker.is_down()
            {
                state.breaker.still_down(now, fastrand::f64());
                state.error = Some(self.down(&error));
            }
            self.publish(&state);
            kept && state.kept.is_empty()
        };
        self.ended.notify_waiters();
        if is_paid {
            let untold = self.state().keeping.untold();
            self.tell(EventKind::InvalidationsDone, &self.route, None, untold);
        }
    }

    async fn try_all(&self, was_down: bool) -> Tried {
        if was_down {
            match self.within(self.limit, self.inner.ping("macadamia")).await {
                Err(error) if error.is_unavailable() => return Tried::Failed(error),
                // A refusal is an answer too.
                _ => {}
            }
        }
        let narrow = self.state().kept.narrow(AT_ONCE);
        let narrow = self.pay(narrow, self.limit).await;
        if matches!(narrow, Tried::Failed(_)) {
            return narrow;
        }
        if was_down {
            self.is_back();
        }
        let wide = self.state().kept.wide();
        match (narrow, self.pay(wide, WALK).await) {
            (Tried::Refused, Tried::Done) => Tried::Refused,
            (_, wide) => wide,
        }
    }

    fn is_back(&self) {
        let untold = {
            let mut state = self.state();
            state.breaker.up(self.now());
            state.error = None;
            self.publish(&state);
            std::mem::take(&mut state.failures).untold()
        };
        self.tell(EventKind::BackendUp, &self.route, None, untold);
    }

    /// Does each of these; what is refused stays kept, and what fails ends the try.
    async fn pay(&self, debts: Vec<Debt>, limit: Duration) -> Tried {
        let mut tried = Tried::Done;
        for debt in debts {
            let (spell, begun) = (self.state().breaker.spell(), self.now());
            match self.pay_one(&debt, limit).await {
                Ok(true) => {}
                Ok(false) => tried = Tried::Refused,
                Err(error) => {
                    let failure = match error {
                        Error::Timeout { .. } => Failure::Unanswered(begun),
                        _ => Failure::Unreachable,
                    };
                    self.failed(spell, failure, &error);
                    return Tried::Failed(error);
                }
            }
        }
        tried
    }

    /// `false`: refused. An error: the backend is not there.
    async fn pay_one(&self, debt: &Debt, limit: Duration) -> Result<bool> {
        let outcome = match self.within(limit, self.send(&debt.removal)).await {
            Err(Error::Unsupported { .. }) if debt.is_overflow => {
                self.within(limit, self.inner.clear()).await
            }
            outcome => outcome,
        };
        match (outcome, &debt.removal) {
            (Ok(()), _) => {}
            (Err(error), _) if error.is_unavailable() => return Err(error),
            // It never will.
            (Err(error @ (Error::Unsupported { .. } | Error::Config(_))), removal) => {
                self.tell(EventKind::NotInvalidated, removal.name(), Some(&error), 0);
            }
            // Perhaps one of them is in the way of the others.
            (Err(_), Removal::Keys(keys)) if keys.len() > 1 => {
                let mut all = true;
                for key in keys {
                    let one = Debt { removal: Removal::Keys(vec![key.clone()]), ..debt.clone() };
                    all &= Box::pin(self.pay_one(&one, limit)).await?;
                }
                return Ok(all);
            }
            (Err(_), _) => return Ok(false),
        }
        self.repaid(&debt.removal, debt.mark);
        Ok(true)
    }

    async fn send(&self, removal: &Removal) -> Result<()> {
        match removal {
            Removal::Keys(keys) => match &keys[..] {
                [key] => self.inner.delete(key).await.map(drop),
                keys => self.inner.delete_many(keys).await.map(drop),
            },
            Removal::Match(pattern) => self.inner.delete_match(pattern).await.map(drop),
            Removal::Tags(tags) => self.inner.delete_tags(tags).await,
            Removal::All => self.inner.clear().await,
        }
    }

    /// What can be done before the backend is let go of.
    pub(super) async fn settle(&self) {
        if self.status.keeps() && !self.status.is_down() {
            let narrow = self.state().kept.narrow(AT_ONCE);
            drop(self.pay(narrow, self.limit).await);
        }
    }

    async fn within<T>(&self, limit: Duration, command: impl Future<Output = Result<T>>) -> Result<T> {
        let Some(clock) = self.clock.get() else { return command.await };
        tokio::select! {
            biased;
            outcome = command => outcome,
            () = clock.sleep_until(clock.now().after(limit)) => Err(Error::Timeout { limit }),
        }
    }
}

/// The task. However it ends, another can begin.
struct Tending {
    steady: Weak<Steady>,
    is_over: bool,
}

impl Tending {
    async fn run(mut self) {
        while let Some(steady) = self.steady.upgrade() {
            match steady.next() {
                Next::Nothing => {
                    self.is_over = true;
                    break;
                }
                Next::Try => steady.attempt().await,
                Next::Wait(due) => {
                    let Some(sleep) = steady.clock.get().map(|clock| clock.sleep_until(due)) else { break };
                    // Whoever drops the cache meanwhile is rid of it.
                    drop(steady);
                    sleep.await;
                }
            }
        }
    }
}

impl Drop for Tending {
    fn drop(&mut self) {
        let Some(steady) = self.steady.upgrade().filter(|_| !self.is_over) else { return };
        {
            let mut state = steady.state();
            (state.is_tended, state.is_trying) = (false, false);
        }
        steady.ended.notify_waiters();
    }
}
