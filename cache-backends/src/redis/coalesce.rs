//! Reads that come together go together: one `MGET` for what was asked while other answers were awaited.
//!
//! Who comes when little is under way asks at once, alone. Else the key is put in line, and whoever is done takes the
//! next ones along, up to [`MOST`]: by a task of its own, so that nobody's going away leaves others waiting.
//!
//! That task runs where whoever is done runs, and a runtime that nobody drives does nothing. So while somebody is in line
//! the [`watch`] looks whether all goes on: what does not is asked for in the background, where something always runs.

mod watch;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_core::{Clock, Key, Result, SystemClock, Time};
use redis::Value;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::link::{Lane, Link};
use super::store::bytes;

/// So many questions are under way before further ones are put in line.
const LANES: usize = 2;

/// How often it is looked whether anybody still waits.
const LOOK: Duration = Duration::from_millis(100);

/// So many keys are asked for at once.
const MOST: usize = 128;

/// Those who wait to be asked for.
#[derive(Debug, Default)]
pub(super) struct Line(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    under_way: Vec<UnderWay>,
    waiting: VecDeque<Waiting>,
    /// How many questions there have been.
    questions: u64,
    is_watched: bool,
}

/// A question that holds a place.
#[derive(Debug)]
struct UnderWay {
    question: u64,
    since: Time,
    /// Of a question for several.
    batch: Option<Batch>,
    /// Whether it is asked where something always runs.
    is_sure: bool,
}

/// Those who are asked for together, until they are told.
type Batch = Arc<Mutex<Vec<Waiting>>>;

#[derive(Debug)]
struct Waiting {
    key: Key,
    told: oneshot::Sender<Result<Value>>,
}

/// What somebody who asks has to do.
enum Turn {
    Ask(Pass),
    Wait(oneshot::Receiver<Result<Value>>),
}

/// The right to ask, handed on when it is dropped.
struct Pass {
    line: Arc<Line>,
    link: Arc<Link>,
    question: u64,
}

impl Line {
    /// What lies under a key.
    pub(super) async fn get(self: &Arc<Self>, link: &Arc<Link>, key: &Key) -> Result<Value> {
        let told = match self.turn(link, key) {
            Turn::Ask(pass) => {
                let value = ask(link, key).await;
                drop(pass);
                return value;
            }
            Turn::Wait(told) => told.await,
        };
        match told {
            Ok(value) => value,
            // Nobody was left to ask: the runtime of the one before has ended.
            Err(_) => ask(link, key).await,
        }
    }

    fn turn(self: &Arc<Self>, link: &Arc<Link>, key: &Key) -> Turn {
        let mut state = self.state();
        if state.under_way.len() < LANES {
            let question = state.begin(None, false);
            return Turn::Ask(Pass { line: Arc::clone(self), link: Arc::clone(link), question });
        }
        let (told, waiting) = oneshot::channel();
        state.waiting.push_back(Waiting { key: key.clone(), told });
        if !state.is_watched {
            state.is_watched = true;
            watch::begin(self, link);
        }
        Turn::Wait(waiting)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn begin(&mut self, batch: Option<Batch>, is_sure: bool) -> u64 {
        self.questions += 1;
        let (question, since) = (self.questions, SystemClock.coarse());
        self.under_way.push(UnderWay { question, since, batch, is_sure });
        question
    }

    /// The next in line, who hold a place from now on, and which.
    fn next(&mut self, is_sure: bool) -> Option<(u64, Batch)> {
        // Who has gone away meanwhile is not asked for.
        self.waiting.retain(|waiting| !waiting.told.is_closed());
        let count = self.waiting.len().min(MOST);
        if count == 0 || self.under_way.len() >= LANES {
            return None;
        }
        let batch: Batch = Arc::new(Mutex::new(self.waiting.drain(..count).collect()));
        Some((self.begin(Some(Arc::clone(&batch)), is_sure), batch))
    }
}

async fn ask(link: &Link, key: &Key) -> Result<Value> {
    let mut command = redis::cmd("GET");
    command.arg(bytes(key));
    link.ask(Lane::Read, bytes(key), "get", command).await
}

impl Drop for Pass {
    fn drop(&mut self) {
        let next = {
            let mut state = self.line.state();
            // It is there no more if this was given up.
            state.under_way.retain(|other| other.question != self.question);
            state.next(false)
        };
        let Some((question, batch)) = next else { return };
        let pass = Self { line: Arc::clone(&self.line), link: Arc::clone(&self.link), question };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(together(pass, batch));
            return;
        }
        // They ask for themselves. First the line is cut, so that handing on ends.
        let rest = std::mem::take(&mut self.line.state().waiting);
        drop((taken(&batch), rest));
    }
}

/// Whoever takes them tells them.
fn taken(batch: &Batch) -> Vec<Waiting> {
    std::mem::take(&mut *held(batch))
}

fn held(batch: &Batch) -> MutexGuard<'_, Vec<Waiting>> {
    batch.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks for all of them at once, for as long as one of them waits.
async fn together(pass: Pass, batch: Batch) {
    // If its runtime ends amid it, they are not left in what the line holds.
    let batch = Dropped(batch);
    let keys: Vec<Key> = held(&batch.0).iter().map(|waiting| waiting.key.clone()).collect();
    if keys.is_empty() {
        return;
    }
    let values = {
        let keys: Vec<&[u8]> = keys.iter().map(bytes).collect();
        let mut values = std::pin::pin!(pass.link.read_many(&keys));
        loop {
            let look = SystemClock.sleep_until(SystemClock.coarse().after(LOOK));
            tokio::select! {
                biased;
                values = &mut values => break values,
                () = look => {
                    if held(&batch.0).iter().all(|waiting| waiting.told.is_closed()) {
                        return;
                    }
                }
            }
        }
    };
    let waiting = taken(&batch.0);
    match values {
        Ok(values) => {
            let is_many = waiting.len() > 1;
            for (waiting, value) in waiting.into_iter().zip(values) {
                let _ = waiting.told.send(Ok(value));
            }
            if is_many {
                // Those who have been told may have the next question ready: it goes along with the others.
                tokio::task::yield_now().await;
            }
        }
        Err(error) => {
            for waiting in waiting {
                let _ = waiting.told.send(Err(error.clone()));
            }
        }
    }
}

/// Those of them who were not told are, by its end, that they were not.
struct Dropped(Batch);

impl Drop for Dropped {
    fn drop(&mut self) {
        drop(taken(&self.0));
    }
}
