//! The task beside the callers: asks a backend that is down, and does what was kept once it answers.

use std::future::Future;
use std::sync::Weak;
use std::time::Duration;

use super::breaker::{Failure, pause};
use super::kept::{Debt, Removal};
use super::{Steady, with_guards};
use crate::background;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::event::EventKind;
use crate::lock;
use crate::sync::atomic::Ordering;

/// How many keys or tags go at once.
const AT_ONCE: usize = 250;

/// What walks over all there is may take longer than anybody would wait for. A walk cannot be gone on with, so one
/// that was not through by then has twice as long the next time.
const WALK: Duration = Duration::from_secs(300);

/// How often something else is seen to while a walk goes on.
const TICK: Duration = Duration::from_millis(500);

/// A task that has not gone on for so long after it wanted to is on a runtime that stands still.
const STALL: Duration = Duration::from_secs(2);

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

/// Who is at it. There is one task at a time; one on a runtime that nobody runs any more is left behind.
#[derive(Debug, Default)]
pub(super) struct Tender {
    number: u64,
    /// When it will have gone on, if it still does.
    until: Option<Time>,
}

impl Tender {
    /// The number of the task that is to begin; `None`: there is one.
    pub(super) fn take(&mut self, now: Time) -> Option<u64> {
        if self.until.is_some_and(|until| now < until.after(STALL)) {
            return None;
        }
        self.number += 1;
        self.until = Some(now);
        Some(self.number)
    }

    pub(super) const fn is_there(&self) -> bool {
        self.until.is_some()
    }

    #[cfg(test)]
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    const fn is(&self, number: u64) -> bool {
        self.is_there() && self.number == number
    }
}

impl Steady {
    /// Begins the task of this number; it ends when there is nothing left to do, or nobody to do it for.
    pub(super) fn tend(&self, number: Option<u64>) {
        if let Some(number) = number {
            let tending = Tending { steady: self.this.clone(), number };
            // Where the machine refuses a thread the task is dropped, and the next who meets the trouble begins another.
            background::spawn_here(tending.run());
        }
    }

    fn next(&self, number: u64) -> Next {
        let (mut state, now) = (self.state(), self.now());
        if !state.tender.is(number) {
            return Next::Nothing;
        }
        let due = match state.breaker.due() {
            // Nobody asks for it: whoever does begins the task again.
            Some(due) if due <= now && !state.is_wanted && state.kept.is_empty() => None,
            Some(due) => Some(due),
            None if state.kept.is_empty() => None,
            None => Some(state.retry.0),
        };
        match due {
            None => {
                state.tender.until = None;
                Next::Nothing
            }
            Some(due) if due > now => {
                state.tender.until = Some(due);
                Next::Wait(due)
            }
            Some(_) => {
                (state.is_trying, state.is_wanted) = (true, false);
                state.tender.until = Some(now.after(self.limit));
                Next::Try
            }
        }
    }

    /// Asks a backend that is down; then removes what was kept, and lets others in when it is about to walk.
    async fn attempt(&self) {
        let (was_down, kept, repaid) = {
            let state = self.state();
            (state.breaker.is_down(), !state.kept.is_empty(), state.repaid)
        };
        let tried = self.try_all(was_down).await;
        let is_paid = {
            let (mut state, now) = (self.state(), self.now());
            (state.is_trying, state.walking) = (false, None);
            state.retry = match &tried {
                Tried::Done if state.repaid != repaid => (now, 0),
                // Also where all that is left has to wait for stores that are under way.
                _ => {
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
        let wide = {
            let mut state = self.state();
            let wide = state.kept.wide();
            state.walking = (!wide.is_empty()).then(|| self.now());
            wide
        };
        match (narrow, self.walk(wide).await) {
            (Tried::Refused, Tried::Done) => Tried::Refused,
            (_, wide) => wide,
        }
    }

    /// Goes through all there is, once for each of these. What is cheap is done meanwhile.
    async fn walk(&self, debts: Vec<Debt>) -> Tried {
        let mut tried = Tried::Done;
        for debt in debts {
            let (spell, begun, limit) = {
                let (state, now) = (self.state(), self.now());
                (state.breaker.spell(), now, WALK.saturating_mul(1 << state.long_walks.min(16)))
            };
            let outcome = tokio::select! {
                biased;
                outcome = self.pay_one(&debt, limit) => outcome,
                error = self.meanwhile() => return Tried::Failed(error),
            };
            match outcome {
                Ok(is_done) => {
                    self.state().long_walks = 0;
                    if !is_done {
                        tried = Tried::Refused;
                    }
                }
                // It was on its way.
                Err(Error::Timeout { limit: over }) if over == limit => {
                    let mut state = self.state();
                    state.long_walks = state.long_walks.saturating_add(1);
                    tried = Tried::Refused;
                }
                Err(error) => {
                    self.failed(spell, failure(&error, begun), &error);
                    return Tried::Failed(error);
                }
            }
        }
        tried
    }

    /// While a walk goes on: says that this task does, and removes what can be removed at once. Ends with the error of
    /// a backend that is found to be down: then it is to be asked again, and the walk may never end.
    async fn meanwhile(&self) -> Error {
        loop {
            let Some(clock) = self.clock.get() else { return std::future::pending().await };
            let next = clock.now().after(TICK);
            self.goes_on(next);
            clock.sleep_until(next).await;
            let narrow = self.state().kept.narrow(AT_ONCE);
            drop(self.pay(narrow, self.limit).await);
            let state = self.state();
            if let Some(error) = state.error.clone().filter(|_| state.breaker.is_down()) {
                return error;
            }
        }
    }

    /// The task will go on by then.
    fn goes_on(&self, by: Time) {
        let mut state = self.state();
        state.tender.until = state.tender.until.map(|until| until.max(by));
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
            let begun = self.now();
            self.goes_on(begun.after(limit));
            let spell = self.state().breaker.spell();
            match self.pay_one(&debt, limit).await {
                Ok(true) => {}
                Ok(false) => tried = Tried::Refused,
                Err(error) => {
                    self.failed(spell, failure(&error, begun), &error);
                    return Tried::Failed(error);
                }
            }
        }
        tried
    }

    /// `false`: refused. An error: the backend is not there.
    async fn pay_one(&self, debt: &Debt, limit: Duration) -> Result<bool> {
        let outcome = match self.within(limit, self.send(&debt.removal)).await {
            Err(Error::Unsupported { .. }) if debt.is_overflow || matches!(debt.removal, Removal::All) => {
                self.within(limit, self.inner.clear()).await
            }
            outcome => outcome,
        };
        if !outcome.as_ref().is_err_and(Error::is_unavailable) {
            self.answers.fetch_add(1, Ordering::Relaxed);
        }
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
            // Somebody may hold a lock by now that nobody held when this was asked for.
            Removal::All => {
                for pattern in
                    with_guards("*").iter().filter(|pattern| !lock::is_lock(pattern.literal_head()))
                {
                    self.inner.delete_match(pattern).await?;
                }
                Ok(())
            }
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

/// What it says of the backend that something begun then failed so.
const fn failure(error: &Error, begun: Time) -> Failure {
    match error {
        Error::Timeout { .. } => Failure::Unanswered(begun),
        _ => Failure::Unreachable,
    }
}

/// The task. However it ends, another can begin.
struct Tending {
    steady: Weak<Steady>,
    number: u64,
}

impl Tending {
    async fn run(self) {
        while let Some(steady) = self.steady.upgrade() {
            match steady.next(self.number) {
                Next::Nothing => break,
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
        let Some(steady) = self.steady.upgrade() else { return };
        {
            let mut state = steady.state();
            if !state.tender.is(self.number) {
                return;
            }
            (state.tender.until, state.is_trying, state.walking) = (None, false, None);
        }
        steady.ended.notify_waiters();
    }
}
