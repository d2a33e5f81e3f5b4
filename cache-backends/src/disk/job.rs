//! One thing to do at a desk, and the caller who waits for the answer, or has left.

use cache_core::Result;
use tokio::sync::oneshot;

use super::desk::Desk;
use super::fault::Fault;

/// How far a job has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    Done,
    /// A part; the rest in a transaction of its own, so that others get their turn.
    More,
}

/// A job in a queue.
pub(super) trait Job: Send {
    /// Whether it is to be done still. Asked when the database is held: what says no here is never done.
    fn is_wanted(&self) -> bool;

    /// Whether it needs a transaction of its own: what it notes on the way must not be undone with others.
    fn is_alone(&self) -> bool {
        false
    }

    /// Does it, or a part. Unless it is alone it may be done again, when the transaction was undone.
    fn run(&mut self, desk: &Desk<'_>) -> Result<Progress, Fault>;

    /// Tells the caller what came of it, once that lasts.
    fn answer(self: Box<Self>, outcome: Result<()>);
}

/// What is done when nobody waits for it any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unwanted {
    /// Nothing: a store whose caller has left must not come after a later deletion.
    Skip,
    /// The same: a deletion too many is harmless, one too few is not.
    Finish,
}

struct Task<T, F> {
    work: F,
    found: Option<Result<T>>,
    reply: Option<oneshot::Sender<Result<T>>>,
    unwanted: Unwanted,
    is_alone: bool,
}

/// Where the answer of a job comes.
pub(super) type Answer<T> = oneshot::Receiver<Result<T>>;

/// A job done at once.
pub(super) fn whole<T, F>(unwanted: Unwanted, mut work: F) -> (Box<dyn Job>, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&Desk<'_>) -> Result<T, Fault> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    let work = move |desk: &Desk<'_>| work(desk).map(Some);
    (Box::new(Task { work, found: None, reply: Some(reply), unwanted, is_alone: false }), answer)
}

/// A job done part by part: `None` while there is more to do.
pub(super) fn in_parts<T, F>(unwanted: Unwanted, work: F) -> (Box<dyn Job>, Answer<T>)
where
    T: Send + 'static,
    F: FnMut(&Desk<'_>) -> Result<Option<T>, Fault> + Send + 'static,
{
    let (reply, answer) = oneshot::channel();
    (Box::new(Task { work, found: None, reply: Some(reply), unwanted, is_alone: true }), answer)
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: FnMut(&Desk<'_>) -> Result<Option<T>, Fault> + Send,
{
    fn is_wanted(&self) -> bool {
        self.unwanted == Unwanted::Finish || self.reply.as_ref().is_some_and(|reply| !reply.is_closed())
    }

    fn is_alone(&self) -> bool {
        self.is_alone
    }

    fn run(&mut self, desk: &Desk<'_>) -> Result<Progress, Fault> {
        self.found = match (self.work)(desk) {
            Ok(None) => return Ok(Progress::More),
            Ok(Some(found)) => Some(Ok(found)),
            // The answer of this one; the transaction is as it was.
            Err(Fault::Answer(error)) => Some(Err(error)),
            Err(fault) => return Err(fault),
        };
        Ok(Progress::Done)
    }

    fn answer(self: Box<Self>, outcome: Result<()>) {
        let Some(reply) = self.reply else { return };
        match (outcome, self.found) {
            (Ok(()), Some(found)) => drop(reply.send(found)),
            (Ok(()), None) => {}
            (Err(error), _) => drop(reply.send(Err(error))),
        }
    }
}
