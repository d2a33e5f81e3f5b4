//! Reads that come together go together: one `MGET` for what was asked while other answers were awaited.
//!
//! Who comes when little is under way asks at once, alone. Else the key is put in line, and whoever is done takes the
//! next ones along, up to [`MOST`]: by a task of its own, so that nobody's going away leaves others waiting.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cache_core::{Clock, Key, Result, SystemClock};
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
    under_way: usize,
    waiting: VecDeque<Waiting>,
}

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
        if state.under_way < LANES {
            state.under_way += 1;
            return Turn::Ask(Pass { line: Arc::clone(self), link: Arc::clone(link) });
        }
        let (told, waiting) = oneshot::channel();
        state.waiting.push_back(Waiting { key: key.clone(), told });
        Turn::Wait(waiting)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            state.under_way -= 1;
            // Who has gone away meanwhile is not asked for.
            state.waiting.retain(|waiting| !waiting.told.is_closed());
            let count = state.waiting.len().min(MOST);
            let next: Vec<Waiting> = state.waiting.drain(..count).collect();
            state.under_way += usize::from(!next.is_empty());
            next
        };
        if next.is_empty() {
            return;
        }
        let pass = Self { line: Arc::clone(&self.line), link: Arc::clone(&self.link) };
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(together(pass, next));
            return;
        }
        // They ask for themselves. First the line is cut, so that handing on ends.
        let rest = std::mem::take(&mut self.line.state().waiting);
        drop((next, rest));
    }
}

/// Asks for all of them at once, for as long as one of them waits.
async fn together(pass: Pass, waiting: Vec<Waiting>) {
    let values = {
        let keys: Vec<&[u8]> = waiting.iter().map(|waiting| bytes(&waiting.key)).collect();
        let mut values = std::pin::pin!(pass.link.read_many(&keys));
        loop {
            let look = SystemClock.sleep_until(SystemClock.coarse().after(LOOK));
            tokio::select! {
                biased;
                values = &mut values => break values,
                () = look => {
                    if waiting.iter().all(|waiting| waiting.told.is_closed()) {
                        return;
                    }
                }
            }
        }
    };
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
