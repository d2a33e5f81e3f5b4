//! The connections to one server.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use cache_core::{Clock, Error, Result, SystemClock};
use futures_util::future::{Either, select};
use redis::Cmd;

use super::attempts::Attempts;
use super::company::Company;
use super::slot::{Attempt, Found, Slot};
use super::turn::Turn;
use super::wire::Wire;
use super::{Address, Lane, Listener, setup};
use crate::redis::clock::{ServerClock, Source};
use crate::redis::fault;
use crate::redis::settings::Settings;

/// So many callers wait on a connection before another is opened for reads.
const BUSY: usize = 16;

/// By so much an attempt may take longer than it may take, until it counts as one that nobody goes on with.
const GRACE: Duration = Duration::from_millis(250);

/// To find a place empty, to begin, to wait, and once more if that was in vain.
const ROUNDS: usize = 5;

/// The connections to one server: the first is for writes, and for reads too.
pub(in crate::redis) struct Pool {
    settings: Arc<Settings>,
    clock: Arc<ServerClock>,
    slots: Box<[Slot]>,
    attempts: Mutex<Attempts>,
    /// One attempt at a time, also when several places are empty.
    turn: Turn,
    /// Of connections; other pools may share them.
    numbers: Arc<AtomicU64>,
    listener: OnceLock<Arc<dyn Listener>>,
    company: Arc<Company>,
    address: Address,
    source: Source,
    is_one_of_many: bool,
}

impl Pool {
    /// To a server that is all there is.
    pub(super) fn new(settings: Arc<Settings>, clock: Arc<ServerClock>) -> Self {
        Self { is_one_of_many: false, ..Self::among(settings, clock, Source::default(), Arc::default()) }
    }

    /// To a server that is one of many.
    pub(super) fn among(
        settings: Arc<Settings>,
        clock: Arc<ServerClock>,
        source: Source,
        numbers: Arc<AtomicU64>,
    ) -> Self {
        let slots = (0..settings.maxsize.max(1)).map(|_| Slot::default()).collect();
        Self {
            address: settings.address(),
            settings,
            clock,
            slots,
            attempts: Mutex::default(),
            turn: Turn::default(),
            numbers,
            listener: OnceLock::new(),
            company: Arc::default(),
            source,
            is_one_of_many: true,
        }
    }

    /// Where the server is.
    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    /// Whose time it tells.
    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Whether there is a connection for writing.
    pub(super) fn is_open(&self) -> bool {
        self.slots.first().and_then(Slot::wire).is_some_and(|wire| wire.is_usable())
    }

    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        let _ = self.listener.set(listener);
    }

    /// A connection for this lane, opened if need be.
    pub(super) async fn wire(self: &Arc<Self>, lane: Lane) -> Result<Arc<Wire>> {
        match lane {
            Lane::Write => self.wire_at(0).await,
            Lane::Read => self.reader().await,
        }
    }

    pub(super) fn close(&self) {
        self.slots.iter().for_each(Slot::close);
    }

    /// Asks this on each connection that is open, else whether it still leads to a master, and tells which have answered
    /// well as they do.
    pub(super) async fn ping(&self, question: Option<&Cmd>, heard: &impl Fn(u64)) {
        let wires = self.slots.iter().filter_map(Slot::wire).filter(|wire| wire.is_usable());
        let pings = wires.map(|wire| async move {
            let is_well = match question {
                Some(question) => wire.ask(question).await.is_ok(),
                None => wire.stands().await,
            };
            if is_well {
                heard(wire.number());
            }
        });
        futures_util::future::join_all(pings).await;
    }

    /// The first that has little to do; if none has, that with the least, and one more is opened behind it.
    async fn reader(self: &Arc<Self>) -> Result<Arc<Wire>> {
        let mut least: Option<Arc<Wire>> = None;
        let mut free = None;
        for (at, slot) in self.slots.iter().enumerate() {
            match slot.wire().filter(|wire| wire.is_usable()) {
                Some(wire) if wire.waiting() < BUSY => return Ok(wire),
                Some(wire) if least.as_ref().is_none_or(|least| wire.waiting() < least.waiting()) => {
                    least = Some(wire);
                }
                Some(_) => {}
                None => free = free.or(Some(at)),
            }
        }
        match (least, free) {
            (None, _) => self.wire_at(0).await,
            (Some(wire), Some(at)) => {
                // In the background: nobody waits for what only makes things faster.
                if let Ok(Found::Open(attempt)) = self.find(at) {
                    self.begin(at, attempt);
                }
                Ok(wire)
            }
            (Some(wire), None) => Ok(wire),
        }
    }

    async fn wire_at(self: &Arc<Self>, at: usize) -> Result<Arc<Wire>> {
        for _ in 0..ROUNDS {
            let (opening, left) = match self.find(at)? {
                Found::Wire(wire) => return Ok(wire),
                Found::Wait(opening, left) => {
                    // The others go on meanwhile, so nobody waits for a server that was not there a moment ago.
                    if let Some(error) = self.attempts().error().filter(|_| self.is_one_of_many) {
                        return Err(error);
                    }
                    (opening, left)
                }
                Found::Open(attempt) => {
                    self.begin(at, attempt);
                    continue;
                }
            };
            let patience = SystemClock.sleep_until(SystemClock.now().after(left));
            let opened = match select(opening.clone(), patience).await {
                Either::Left((opened, _)) => opened,
                // Its runtime stands still: it is tried from this one.
                Either::Right(_) => continue,
            };
            match opened {
                // Whoever was opening it is gone with its runtime: it is tried from this one.
                Err(_)
                    if self
                        .slots
                        .get(at)
                        .is_some_and(|slot| slot.is_stuck(&opening) || slot.is_over(&opening)) => {}
                opened => return opened,
            }
        }
        Err(fault::unreachable("connecting was broken off"))
    }

    fn find(&self, at: usize) -> Result<Found> {
        let slot = self.slots.get(at).ok_or_else(|| fault::unreachable("there is no such connection"))?;
        if slot.wire().is_none_or(|wire| !wire.is_usable())
            && let Some(error) = self.attempts().pause(Instant::now())
        {
            return Err(error);
        }
        Ok(slot.find(self.settings.create_connection_timeout + GRACE))
    }

    /// Opens a connection in a task of its own: the command that needs it may be given up earlier.
    fn begin(self: &Arc<Self>, at: usize, attempt: Attempt) {
        let Some(slot) = self.slots.get(at) else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            slot.settle(attempt, Err(fault::unreachable("there is no Tokio runtime here")));
            return;
        };
        let pool = Arc::clone(self);
        runtime.spawn(async move {
            let opened = pool.open(&attempt).await;
            let is_first = at == 0 && opened.is_ok();
            if let Some(slot) = pool.slots.get(at) {
                slot.settle(attempt, opened);
            }
            if is_first {
                pool.fill();
            }
        });
    }

    async fn open(&self, attempt: &Attempt) -> Result<Arc<Wire>> {
        if attempt.is_in_place {
            self.turn.take_away();
        }
        let _turn = self.turn.take(self.settings.create_connection_timeout + GRACE).await;
        if let Some(error) = self.attempts().pause(Instant::now()) {
            return Err(error);
        }
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let listener = self.listener.get().cloned();
        let predecessor = attempt.predecessor.as_ref();
        let time = (&self.clock, self.source);
        let opened = setup::open(&self.settings, time, listener, number, predecessor, &self.company).await;
        match &opened {
            Ok(_) => self.attempts().succeeded(),
            Err(error) => self.attempts().failed(Instant::now(), Error::clone(error)),
        }
        opened.map(Arc::new)
    }

    /// Opens as many as there should be at least.
    fn fill(self: &Arc<Self>) {
        for at in 1..self.settings.minsize.min(self.slots.len()) {
            if self.slots.get(at).is_some_and(Slot::is_closed)
                && let Ok(Found::Open(attempt)) = self.find(at)
            {
                self.begin(at, attempt);
            }
        }
    }

    fn attempts(&self) -> std::sync::MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("slots", &self.slots).finish_non_exhaustive()
    }
}
