//! The one thread of a shard that writes.
//!
//! It takes what has come since, does it in one transaction, and answers when that is committed: a commit costs more
//! than most of what is in it. Order of arrival is order of commits, and what nobody waits for any more is let go
//! while the database is held. So a store that was dropped is either before a later deletion, here or in another
//! process, or never.

use std::sync::Arc;
use std::time::Duration;

use cache_core::Result;
use rusqlite::Connection;

use super::desk::{Desk, Tags};
use super::door::Door;
use super::fault::Fault;
use super::job::{Job, Progress};
use super::queue::{Queue, Taken};
use super::shared::Shared;

/// How many jobs go into one transaction at most.
const BATCH: usize = 1_000;

/// How long uses of entries are collected before they are written down.
const USES: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    pub(super) door: Door,
    pub(super) tags: Tags,
    pub(super) shared: Arc<Shared>,
    pub(super) queue: Arc<Queue>,
}

type Jobs = Vec<Box<dyn Job>>;

impl Writer {
    /// Serves until the queue is closed and empty.
    pub(super) fn serve(mut self) {
        loop {
            let linger = self.shared.has_uses().then_some(USES);
            match self.queue.take(1, BATCH, linger) {
                Taken::Jobs(jobs) => self.work(jobs),
                // Woken because there is something to be written down by and by.
                Taken::Nothing if linger.is_none() => {}
                Taken::Nothing => self.note_uses(),
                Taken::Over => return self.note_uses(),
            }
        }
    }

    /// All together where they may be, in their order.
    fn work(&mut self, jobs: Jobs) {
        let mut together = Jobs::new();
        for job in jobs {
            if job.is_alone() {
                self.together(std::mem::take(&mut together));
                self.alone(job);
            } else {
                together.push(job);
            }
        }
        self.together(together);
        self.door.tidy();
    }

    /// In one transaction. If that fails, each in its own: one that asks too much fails for itself alone.
    fn together(&mut self, mut jobs: Jobs) {
        if jobs.is_empty() {
            return;
        }
        match self.commit(&mut jobs) {
            Ok(_) => jobs.into_iter().for_each(|job| job.answer(Ok(()))),
            Err(fault) if jobs.len() > 1 && !fault.is_busy() && !fault.ends_connection() => {
                jobs.into_iter().for_each(|job| self.alone(job));
            }
            Err(fault) => {
                let error = fault.told(&self.door.place().path());
                jobs.into_iter().for_each(|job| job.answer(Err(error.clone())));
            }
        }
    }

    fn alone(&mut self, job: Box<dyn Job>) {
        let mut jobs = vec![job];
        let outcome = self.commit(&mut jobs);
        let Some(job) = jobs.pop() else { return };
        match outcome {
            Ok(Progress::Done) => job.answer(Ok(())),
            Ok(Progress::More) => self.queue.put_back(job),
            Err(fault) => job.answer(Err(fault.told(&self.door.place().path()))),
        }
    }

    /// Those that are still wanted; the others are taken out.
    fn commit(&mut self, jobs: &mut Jobs) -> Result<Progress, Fault> {
        let now = self.shared.clock().now();
        let connection = self.door.enter(now)?;
        let outcome = transaction(connection, &self.shared, &self.tags, |desk| {
            jobs.retain(|job| job.is_wanted());
            let mut progress = Progress::Done;
            for job in jobs.iter_mut() {
                progress = job.run(desk)?;
            }
            Ok(progress)
        });
        if let Err(fault) = &outcome {
            if fault.is_full() {
                // What was undone is in the log still, and that takes room.
                let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
            }
            self.door.shut(fault, now);
        }
        outcome
    }

    /// Uses that cannot be written down are lost, and nothing with them.
    fn note_uses(&mut self) {
        let Ok(connection) = self.door.enter(self.shared.clock().now()) else {
            self.shared.take_uses();
            return;
        };
        let _ = transaction(connection, &self.shared, &self.tags, |desk| {
            desk.write_uses()?;
            Ok(())
        });
    }
}

/// Holds the database while `work` is done, and keeps what it did or nothing of it.
fn transaction<T>(
    connection: &Connection,
    shared: &Shared,
    tags: &Tags,
    work: impl FnOnce(&Desk<'_>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let run = |sql: &str| connection.prepare_cached(sql)?.execute([]);
    run("BEGIN IMMEDIATE")?;
    let sum = "SELECT value FROM meta WHERE name = 'bytes'";
    let outcome = connection.prepare_cached(sum).and_then(|mut sum| sum.query_row([], |row| row.get(0)));
    let outcome = outcome.map_err(Fault::from).and_then(|bytes| {
        let desk = Desk::new(connection, shared, tags, bytes);
        let done = work(&desk)?;
        if desk.growth() != 0 {
            desk.run("UPDATE meta SET value = value + ?1 WHERE name = 'bytes'", [desk.growth()])?;
        }
        run("COMMIT")?;
        Ok(done)
    });
    if outcome.is_err() && !connection.is_autocommit() {
        let _ = run("ROLLBACK");
    }
    outcome
}
