//! The servers of a cluster, and which of them a command is for.
//!
//! Each server has a [`Pool`] of its own, and with it all that holds on one server: commands of the writing lane are
//! done in order, what was given up is not done later, nothing is asked twice. A key is asked where it lies; replicas
//! are not asked, since what they know is older.

mod census;
mod looking;
mod place;
mod table;
mod turn;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use cache_core::{Clock, Error, Result, SystemClock};
use redis::{Cmd, Value};

pub(in crate::redis) use self::census::Census;
use self::looking::Looking;
pub(in crate::redis) use self::place::Address;
use self::table::Table;
use self::turn::Turn;
use super::pool::Pool;
use super::{Failure, Lane, Listener};
use crate::redis::clock::{ServerClock, Source};
use crate::redis::settings::{Place, Settings};
use crate::redis::{fault, names};

/// To be sent elsewhere, there and back, while a slot moves; more often is a circle.
const REDIRECTS: usize = 5;

/// While a slot moves, a script about two names of which one has moved is refused: mostly for some milliseconds.
const MOVING: Duration = Duration::from_millis(10);

/// So often it is asked again then: for about as long as anybody waits for a command.
const AGAIN: usize = 20;

/// What to do amid the move of a slot, where no server has all that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Amid {
    Wait,
    Tell,
}

/// The servers of a cluster.
#[derive(Debug)]
pub(in crate::redis) struct Cluster {
    settings: Arc<Settings>,
    clock: Arc<ServerClock>,
    listener: OnceLock<Arc<dyn Listener>>,
    /// Of connections, whichever server they are to.
    numbers: Arc<AtomicU64>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    table: Option<Arc<Table>>,
    pools: BTreeMap<Address, Arc<Pool>>,
    looking: Looking,
    /// How many servers there have been.
    sources: u32,
}

impl Cluster {
    pub(super) fn new(settings: Arc<Settings>, clock: Arc<ServerClock>) -> Self {
        let (numbers, state) = (Arc::default(), Mutex::default());
        Self { settings, clock, listener: OnceLock::new(), numbers, state }
    }

    /// On every connection to any of the servers, from the next one on.
    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        self.state().pools.values().for_each(|pool| pool.listen(Arc::clone(&listener)));
        let _ = self.listener.set(listener);
    }

    /// Asks every server that has slots whether it serves them, on each connection, and tells which have answered so: one
    /// that was cut off from the others goes on talking, and hears of no change. Connections to servers without slots are
    /// let go of.
    pub(super) async fn ping(&self, heard: &impl Fn(u64)) {
        let (table, pools) = {
            let state = self.state();
            let Some(table) = state.table.clone() else { return };
            (table, state.pools.values().cloned().collect::<Vec<_>>())
        };
        let asked = pools.into_iter().filter(|pool| pool.is_open()).map(|pool| {
            let slot = table.slot_of(&pool);
            async move {
                let Some(slot) = slot else { return pool.close() };
                pool.ping(Some(&serves(slot)), heard).await;
            }
        });
        futures_util::future::join_all(asked).await;
    }

    pub(super) fn is_open(&self) -> bool {
        self.state().pools.values().any(|pool| pool.is_open())
    }

    /// Opens a connection to one of the servers.
    pub(super) async fn ready(self: &Arc<Self>) -> Result<()> {
        let mut last = fault::unreachable("no server has any slots");
        for pool in self.shuffled().await? {
            match pool.wire(Lane::Write).await {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        self.look_again();
        Err(last)
    }

    /// Whose time holds for the slot, as far as is known.
    pub(super) fn source(&self, slot: u16) -> Source {
        let table = self.state().table.clone();
        table.and_then(|table| table.owner(slot).map(|pool| pool.source())).unwrap_or_default()
    }

    /// Asks whoever has the key's slot, and goes where it is sent.
    pub(super) async fn ask(
        self: &Arc<Self>,
        lane: Lane,
        slot: u16,
        command: &Cmd,
        amid: Amid,
    ) -> Result<Value, Failure> {
        let mut to = self.owner(slot).await?;
        let mut is_asking = false;
        let mut said = String::new();
        let (mut redirects, mut waits) = (0, 0);
        while redirects < REDIRECTS && waits < AGAIN {
            let answer = match to.wire(lane).await {
                Ok(wire) if is_asking => wire.ask_importer(command).await,
                Ok(wire) => wire.ask(command).await,
                Err(error) => return Err(self.is_gone(&to, error).into()),
            };
            let error = match answer {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            said = fault::said(&error);
            match Turn::after(&error, to.address()) {
                Turn::Moved(address) => {
                    redirects += 1;
                    to = self.pool(&address);
                    is_asking = false;
                    self.has_moved(slot, &to);
                }
                Turn::Ask(address) => {
                    redirects += 1;
                    to = self.pool(&address);
                    is_asking = true;
                }
                Turn::Again if amid == Amid::Tell => return Err(error.into()),
                Turn::Again => {
                    waits += 1;
                    SystemClock.sleep_until(SystemClock.now().after(MOVING)).await;
                    // By now it may be here, there, or have arrived.
                    to = self.owner(slot).await?;
                    (is_asking, redirects) = (false, 0);
                }
                Turn::Gone => return Err(self.is_gone(&to, fault::of("", &error)).into()),
                Turn::Down => {
                    self.look_again();
                    return Err(error.into());
                }
                Turn::Answer => return Err(error.into()),
            }
        }
        self.look_again();
        // A refusal of this command: about other keys the cluster answers.
        Err(Error::backend(format_args!(
            "the slot of the key is being moved, and {} says: {said}",
            to.address()
        ))
        .into())
    }

    /// Asks any of them that serves what it has; an error is that none does.
    pub(super) async fn ask_any(self: &Arc<Self>, command: &Cmd) -> Result<Value, Failure> {
        let table = self.table().await?;
        let mut reason = "no server has any slots".to_owned();
        for pool in self.shuffled().await? {
            let Some(slot) = table.slot_of(&pool) else { continue };
            match self.ask_one(&pool, &serves(slot)).await {
                Err(Failure::Said(error)) if matches!(Turn::after(&error, pool.address()), Turn::Down) => {
                    reason = fault::said(&error);
                }
                Err(Failure::Unreached(error)) => reason = error.to_string(),
                // It answers for itself; that it may say something else about a key is not asked here.
                Ok(_) | Err(Failure::Said(_) | Failure::Refused(_)) => {
                    return self.ask_one(&pool, command).await;
                }
            }
        }
        self.look_again();
        Err(fault::unreachable(reason).into())
    }

    /// Those that have slots.
    pub(super) async fn masters(self: &Arc<Self>) -> Result<Vec<Arc<Pool>>> {
        Ok(self.table().await?.masters().to_vec())
    }

    /// Asks one of them, whatever it has.
    pub(super) async fn ask_one(self: &Arc<Self>, pool: &Arc<Pool>, command: &Cmd) -> Result<Value, Failure> {
        let wire = pool.wire(Lane::Write).await.map_err(|error| self.is_gone(pool, error))?;
        wire.ask(command).await.map_err(|error| match Turn::after(&error, pool.address()) {
            Turn::Gone => self.is_gone(pool, fault::of("", &error)).into(),
            _ => error.into(),
        })
    }

    /// One server cannot be reached. While others can, that is no reason to do without all of them: whoever asks hears
    /// of a failure of this command, and another server may have taken over by the next.
    fn is_gone(self: &Arc<Self>, pool: &Arc<Pool>, error: Error) -> Error {
        self.look_again();
        let table = self.state().table.clone();
        let is_other = |other: &Arc<Pool>| !Arc::ptr_eq(other, pool) && other.is_open();
        match error {
            Error::Unavailable { reason, .. }
                if table.is_some_and(|table| table.masters().iter().any(is_other)) =>
            {
                Error::backend(format_args!("the server at {} cannot be reached: {reason}", pool.address()))
            }
            error => error,
        }
    }

    async fn shuffled(self: &Arc<Self>) -> Result<Vec<Arc<Pool>>> {
        let mut masters = self.masters().await?;
        fastrand::shuffle(&mut masters);
        Ok(masters)
    }

    /// Lets go of every connection, and asks anew who is there.
    pub(super) fn close(&self) {
        let mut state = self.state();
        state.pools.values().for_each(|pool| pool.close());
        state.table = None;
    }

    async fn owner(self: &Arc<Self>, slot: u16) -> Result<Arc<Pool>> {
        let table = self.table().await?;
        table.owner(slot).cloned().ok_or_else(|| {
            self.look_again();
            fault::unreachable(format_args!("no server has slot {slot}"))
        })
    }

    /// Who has which slot, as far as is known; asked for if nothing is.
    async fn table(self: &Arc<Self>) -> Result<Arc<Table>> {
        let known = self.state().table.clone();
        match known {
            Some(table) => Ok(table),
            None => self.look().await,
        }
    }

    /// One server has said where one slot is: others may have moved too.
    fn has_moved(self: &Arc<Self>, slot: u16, to: &Arc<Pool>) {
        let mut state = self.state();
        state.table = state.table.as_ref().map(|table| Arc::new(table.with(slot, to)));
        drop(state);
        self.look_again();
    }

    /// The connections to one server.
    fn pool(&self, address: &Address) -> Arc<Pool> {
        self.pool_in(&mut self.state(), address)
    }

    fn pool_in(&self, state: &mut State, address: &Address) -> Arc<Pool> {
        if let Some(pool) = state.pools.get(address) {
            return Arc::clone(pool);
        }
        state.sources += 1;
        let is_secure = matches!(self.settings.place, Place::Tcp { is_secure: true, .. });
        let place = Place::Tcp { host: address.host.clone(), port: address.port, is_secure };
        let settings = Settings { place, ..Settings::clone(&self.settings) };
        let (clock, numbers) = (Arc::clone(&self.clock), Arc::clone(&self.numbers));
        let pool = Arc::new(Pool::among(Arc::new(settings), clock, Source(state.sources), numbers));
        if let Some(listener) = self.listener.get() {
            pool.listen(Arc::clone(listener));
        }
        state.pools.insert(address.clone(), Arc::clone(&pool));
        pool
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answered by a server that serves the slot, and by no other.
fn serves(slot: u16) -> Cmd {
    let mut question = redis::cmd("EXISTS");
    question.arg(&names::in_slot(slot)[..]);
    question
}
