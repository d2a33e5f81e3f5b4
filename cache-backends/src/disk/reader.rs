//! A thread of a shard that reads. It takes its share of what has come since and answers it from one snapshot.

use std::path::Path;
use std::sync::Arc;

use super::desk::{Desk, Tags};
use super::door::Door;
use super::fault::Fault;
use super::job::{Job, Progress};
use super::queue::{Queue, Taken};
use super::shared::Shared;

/// How many jobs are answered from one snapshot at most.
const BATCH: usize = 64;

pub(super) struct Reader {
    pub(super) door: Door,
    pub(super) tags: Tags,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<Queue>,
    /// Whose line it tells when there are uses to be written down.
    pub(super) writer: Arc<Queue>,
    /// How many take from this queue.
    pub(super) share: usize,
}

impl Reader {
    /// Serves until the queue is closed and empty.
    pub(super) fn serve(mut self) {
        loop {
            match self.queue.take(self.share, BATCH, None) {
                Taken::Jobs(jobs) => self.work(jobs),
                Taken::Nothing => {}
                Taken::Over => return,
            }
        }
    }

    fn work(&mut self, jobs: Vec<Box<dyn Job>>) {
        let now = self.shared.clock().now();
        let path = self.door.place().path();
        let failed = match self.door.enter(now) {
            Ok(connection) => {
                let desk = Desk::new(connection, &self.shared, &self.tags, 0);
                answer(&desk, jobs, &self.queue, &path)
            }
            Err(error) => {
                jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
                None
            }
        };
        if let Some(fault) = failed {
            self.door.shut(&fault, now);
        }
        if self.shared.take_news() {
            self.writer.nudge();
        }
    }
}

/// Answers each by itself; the fault that ends the connection, if there was one.
fn answer(desk: &Desk<'_>, jobs: Vec<Box<dyn Job>>, queue: &Queue, path: &Path) -> Option<Fault> {
    let begun = desk.run("BEGIN", []);
    let mut failed = None;
    for mut job in jobs.into_iter().filter(|job| job.is_wanted()) {
        match job.run(desk) {
            Ok(Progress::Done) => job.answer(Ok(())),
            Ok(Progress::More) => queue.put_back(job),
            Err(fault) => {
                job.answer(Err(fault.told(path)));
                failed = Some(fault).filter(Fault::ends_connection).or(failed);
            }
        }
    }
    if begun.is_ok() {
        let _ = desk.run("COMMIT", []);
    }
    failed
}
