//! Looking after those in line.

use std::sync::{Arc, Weak};
use std::time::Duration;

use cache_core::{Clock, SystemClock, Time, background};

use super::{Batch, LANES, Line, Pass, State, held, taken, together};
use crate::redis::link::Link;

/// How often it is looked.
const PULSE: Duration = Duration::from_millis(20);

/// A question that takes longer than this may be one that nobody drives: its place is given to another, and who waits for
/// its answer is asked for once more. Where a server is that slow, this is some questions more than there need be.
const OVERDUE: Duration = Duration::from_millis(50);

/// So many times nobody is in line before it ends.
const IDLE: u32 = 50;

/// Looks until nobody has been in line for a while.
pub(super) fn begin(line: &Arc<Line>, way: &Arc<Link>) {
    background::spawn(watch(Arc::downgrade(line), Arc::downgrade(way)));
}

async fn watch(line: Weak<Line>, way: Weak<Link>) {
    let mut idle = 0;
    loop {
        SystemClock.sleep_until(SystemClock.now().after(PULSE)).await;
        let (Some(line), Some(way)) = (line.upgrade(), way.upgrade()) else { return };
        let sure = {
            let mut state = line.state();
            idle = if state.is_idle() { idle + 1 } else { 0 };
            if idle > IDLE {
                state.is_watched = false;
                return;
            }
            state.take_over(SystemClock.now())
        };
        for (question, batch) in sure {
            let pass = Pass { line: Arc::clone(&line), link: Arc::clone(&way), question };
            if !way.is_open() {
                // A connection lives where it was opened: each asks for itself, and opens it where it is used.
                drop(taken(&batch));
                continue;
            }
            // A task each: the watch goes on.
            background::spawn(together(pass, batch));
        }
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.under_way.iter().all(|question| question.batch.is_none())
    }

    /// Gives up what is overdue. What is to be asked in its stead.
    fn take_over(&mut self, now: Time) -> Vec<(u64, Batch)> {
        let is_overdue = |since: Time| now.since(since) > OVERDUE;
        let mut given_up = Vec::new();
        self.under_way.retain(|question| {
            let goes_on = question.is_sure || !is_overdue(question.since);
            if !goes_on {
                given_up.extend(question.batch.clone());
            }
            goes_on
        });
        let mut sure = Vec::new();
        for batch in given_up {
            let mut waiting = taken(&batch);
            waiting.retain(|waiting| !waiting.told.is_closed());
            if !waiting.is_empty() {
                let batch = Batch::default();
                *held(&batch) = waiting;
                sure.push((self.begin(Some(Arc::clone(&batch)), true), batch));
            }
        }
        while self.under_way.len() < LANES
            && let Some(next) = self.next(true)
        {
            sure.push(next);
        }
        sure
    }
}
