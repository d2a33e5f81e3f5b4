//! What the threads of a shard are asked to do, in order of arrival.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::job::Job;

/// More than this wait for a disk that hangs, and nobody is asked to wait longer.
const MOST: usize = 10_000;

/// A line of jobs; who serves it takes what has come since.
#[derive(Default)]
pub(super) struct Queue {
    line: Mutex<Line>,
    ready: Condvar,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Box<dyn Job>>,
    is_closed: bool,
    is_nudged: bool,
}

/// What taking from a line brought.
pub(super) enum Taken {
    Jobs(Vec<Box<dyn Job>>),
    /// Nothing came in time, or somebody asked to look around.
    Nothing,
    /// Nothing is left, and nothing will come.
    Over,
}

/// Why a job was not taken in.
pub(super) enum Refused {
    /// Nobody serves this line any more; here is the job.
    Closed(Box<dyn Job>),
    /// Too many wait.
    Full,
}

impl Queue {
    pub(super) fn push(&self, job: Box<dyn Job>) -> Result<(), Refused> {
        let mut line = self.line();
        if line.is_closed {
            return Err(Refused::Closed(job));
        }
        if line.jobs.len() >= MOST {
            line.jobs.retain(|job| job.is_wanted());
            if line.jobs.len() >= MOST {
                return Err(Refused::Full);
            }
        }
        line.jobs.push_back(job);
        drop(line);
        self.ready.notify_one();
        Ok(())
    }

    /// Puts one back of which only a part is done; it is finished even when the line is closed.
    pub(super) fn put_back(&self, job: Box<dyn Job>) {
        self.line().jobs.push_back(job);
        self.ready.notify_one();
    }

    /// Takes what is waiting, a `share` of it and not more than `most`; waits for something to come, for as long as
    /// given.
    pub(super) fn take(&self, share: usize, most: usize, wait: Option<Duration>) -> Taken {
        let is_idle = |line: &mut Line| line.jobs.is_empty() && !line.is_closed && !line.is_nudged;
        let line = self.line();
        let mut line = match wait {
            None => self.ready.wait_while(line, is_idle).unwrap_or_else(PoisonError::into_inner),
            Some(wait) => {
                let waited = self.ready.wait_timeout_while(line, wait, is_idle);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        line.is_nudged = false;
        if line.jobs.is_empty() {
            return if line.is_closed { Taken::Over } else { Taken::Nothing };
        }
        let count = line.jobs.len().div_ceil(share.max(1)).min(most);
        Taken::Jobs(line.jobs.drain(..count).collect())
    }

    /// Wakes the one who waits, without anything to do.
    pub(super) fn nudge(&self) {
        self.line().is_nudged = true;
        self.ready.notify_one();
    }

    /// Nothing comes any more. What waits is still done.
    pub(super) fn close(&self) {
        self.line().is_closed = true;
        self.ready.notify_all();
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::desk::Desk;
    use crate::disk::fault::Fault;
    use crate::disk::job::Progress;
    use cache_core::Result;

    struct Idle {
        is_wanted: bool,
    }

    impl Job for Idle {
        fn is_wanted(&self) -> bool {
            self.is_wanted
        }

        fn run(&mut self, _: &Desk<'_>) -> Result<Progress, Fault> {
            Ok(Progress::Done)
        }

        fn answer(self: Box<Self>, _: Result<()>) {}
    }

    fn job(is_wanted: bool) -> Box<dyn Job> {
        Box::new(Idle { is_wanted })
    }

    fn count(taken: &Taken) -> Option<usize> {
        match taken {
            Taken::Jobs(jobs) => Some(jobs.len()),
            Taken::Nothing => Some(0),
            Taken::Over => None,
        }
    }

    #[test]
    fn several_who_serve_take_their_shares() {
        let queue = Queue::default();
        (0..10).for_each(|_| assert!(queue.push(job(true)).is_ok()));
        assert_eq!(count(&queue.take(2, 64, None)), Some(5));
        assert_eq!(count(&queue.take(1, 3, None)), Some(3));
        assert_eq!(count(&queue.take(1, 64, None)), Some(2));
        assert_eq!(count(&queue.take(1, 64, Some(Duration::ZERO))), Some(0));
    }

    #[test]
    fn a_full_line_lets_go_of_what_nobody_waits_for_and_then_refuses() {
        let queue = Queue::default();
        (0..MOST).for_each(|i| assert!(queue.push(job(i % 2 == 0)).is_ok()));
        (0..MOST / 2).for_each(|_| assert!(queue.push(job(true)).is_ok()));
        assert!(matches!(queue.push(job(true)), Err(Refused::Full)));
    }

    #[test]
    fn what_waits_in_a_closed_line_is_done_and_nothing_comes_after() {
        let queue = Queue::default();
        assert!(queue.push(job(true)).is_ok());
        queue.close();
        assert!(matches!(queue.push(job(true)), Err(Refused::Closed(_))));
        let Taken::Jobs(mut jobs) = queue.take(1, 64, None) else { panic!("it was lost") };
        queue.put_back(jobs.remove(0));
        assert_eq!(count(&queue.take(1, 64, None)), Some(1), "the rest of a job that was begun");
        assert_eq!(count(&queue.take(1, 64, None)), None);
    }
}
