//! One file, the threads that serve it, and their lines.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use cache_core::{Error, Key, Result};
use tokio::sync::oneshot;

use super::desk::Tags;
use super::door::Door;
use super::file::Access;
use super::job::Job;
use super::place::Place;
use super::queue::{Queue, Refused};
use super::reader::Reader;
use super::shared::Shared;
use super::writer::Writer;

/// Who does a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Write,
    Read,
}

/// Steps of states of so many keys can be on their way at once.
const TURNS: usize = 64;

pub(super) struct Shard {
    place: Place,
    shared: Arc<Shared>,
    readers: usize,
    crew: Mutex<Option<Crew>>,
    /// A state of this process is changed by one caller at a time: others would only find that it was changed.
    turns: [tokio::sync::Mutex<()>; TURNS],
}

/// The threads at work. They end when their lines are closed, which they are when this is dropped.
struct Crew {
    writes: Arc<Queue>,
    reads: Arc<Queue>,
    /// Told when the thread has ended, by being dropped.
    writer: Option<oneshot::Receiver<()>>,
    readers: Vec<oneshot::Receiver<()>>,
}

impl Shard {
    pub(super) fn new(place: Place, shared: Arc<Shared>, readers: usize) -> Self {
        let turns = std::array::from_fn(|_| tokio::sync::Mutex::default());
        Self { place, shared, readers, crew: Mutex::default(), turns }
    }

    /// Waits until no other caller of this process changes the state.
    pub(super) async fn turn(&self, key: &Key) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        match self.turns.get((key.hash() >> 32) as usize % TURNS) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }

    /// Puts a job in its line; threads are there from the first one on.
    pub(super) fn ask(&self, side: Side, mut job: Box<dyn Job>) -> Result<()> {
        // The second time if the threads have ended by themselves, which only a failure can make them.
        for _ in 0..2 {
            let mut crew = self.crew();
            let present = match &mut *crew {
                Some(present) => present,
                none => none.insert(self.hire()?),
            };
            let queue = match side {
                Side::Write => &present.writes,
                Side::Read => &present.reads,
            };
            job = match queue.push(job) {
                Ok(()) => return Ok(()),
                Err(Refused::Closed(job)) => job,
                Err(Refused::Full) => return Err(self.place.failed("too many commands wait for the disk")),
            };
            *crew = None;
        }
        Err(self.place.failed("its threads have ended"))
    }

    pub(super) fn is_open(&self) -> bool {
        self.crew().is_some()
    }

    /// Ends the threads when they have done what waits; whoever asks later finds others. Readers first: the last one out
    /// brings the log into the file, and two at once would leave it to each other.
    pub(super) async fn close(&self) {
        let Some(mut crew) = self.crew().take() else { return };
        crew.reads.close();
        for ended in crew.readers.drain(..) {
            let _ = ended.await;
        }
        crew.writes.close();
        if let Some(ended) = crew.writer.take() {
            let _ = ended.await;
        }
    }

    fn hire(&self) -> Result<Crew> {
        let mut crew =
            Crew { writes: Arc::default(), reads: Arc::default(), writer: None, readers: Vec::new() };
        let writer = Writer {
            door: self.door(Access::Write),
            tags: self.tags(),
            shared: Arc::clone(&self.shared),
            queue: Arc::clone(&crew.writes),
        };
        let line = Over(Arc::clone(&crew.writes));
        crew.writer = Some(spawn(line, move || writer.serve())?);
        for _ in 0..self.readers {
            let reader = Reader {
                door: self.door(Access::Read),
                tags: self.tags(),
                shared: Arc::clone(&self.shared),
                queue: Arc::clone(&crew.reads),
                writer: Arc::clone(&crew.writes),
                share: self.readers,
            };
            let line = Over(Arc::clone(&crew.reads));
            crew.readers.push(spawn(line, move || reader.serve())?);
        }
        Ok(crew)
    }

    fn door(&self, access: Access) -> Door {
        Door::new(self.place.clone(), access)
    }

    fn tags(&self) -> Tags {
        if self.place.index == 0 {
            return Tags::Here;
        }
        let door = Door::new(self.place.of_tags(), Access::Read);
        Tags::There(Box::new(door.into()))
    }

    fn crew(&self) -> MutexGuard<'_, Option<Crew>> {
        self.crew.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A thread of its own; what is given back ends when it does.
fn spawn(line: Over, serve: impl FnOnce() + Send + 'static) -> Result<oneshot::Receiver<()>> {
    let (end, ended) = oneshot::channel::<()>();
    let work = move || {
        let _at_the_end = (line, end);
        serve();
    };
    let spawned = thread::Builder::new().name("macadamia-disk".into()).spawn(work);
    spawned.map(|_| ended).map_err(|error| Error::backend(format_args!("no thread for the disk: {error}")))
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.writes.close();
        self.reads.close();
    }
}

/// Closes the line of a thread that ends, whyever it does: nobody is to wait in it.
struct Over(Arc<Queue>);

impl Drop for Over {
    fn drop(&mut self) {
        self.0.close();
    }
}
