//! One connection, on which many commands are under way at once.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cache_core::BoxFuture;
use futures_util::future::{Either, select};
use redis::aio::MultiplexedConnection;
use redis::{Cmd, RedisError, Value};

use super::company::Company;
use super::life::Life;
use super::setup::{Peer, is_replica};
use crate::redis::clock::{ServerClock, Source};
use crate::redis::fault;

/// A command that was given up earlier than this says nothing about the connection: its caller lost interest.
const PATIENCE: Duration = Duration::from_millis(100);

/// A connection on which nothing was answered for so long, while commands were given up, is no connection.
const SILENCE: Duration = Duration::from_secs(1);

/// A connection to a server that takes no writes is used at least for so long before another is tried.
const RENEWED: Duration = Duration::from_secs(1);

/// Nobody waits longer.
const LONGEST: Duration = Duration::from_secs(30);

/// One connection.
pub(super) struct Wire {
    connection: MultiplexedConnection,
    life: Arc<Life>,
    peer: Option<Peer>,
    /// Those to the same address.
    company: Arc<Company>,
    /// Whether a replica was there when it was opened.
    is_of_replica: bool,
    opened: Instant,
    clock: Arc<ServerClock>,
    /// Whose time is told on it.
    source: Source,
    /// Commands that somebody waits for.
    waiting: AtomicUsize,
    silence: Mutex<Silence>,
}

/// Commands that were given up without an answer to anything since.
#[derive(Default)]
struct Silence {
    given_up: u32,
    since: Option<Instant>,
    answers: u64,
}

impl Wire {
    pub(super) fn new(
        connection: MultiplexedConnection,
        life: Arc<Life>,
        peer: Option<Peer>,
        company: Arc<Company>,
        is_of_replica: bool,
        (clock, source): (Arc<ServerClock>, Source),
    ) -> Self {
        let (waiting, silence, opened) = (AtomicUsize::new(0), Mutex::default(), Instant::now());
        Self { connection, life, peer, company, is_of_replica, opened, clock, source, waiting, silence }
    }

    /// Whether it was opened to a server that takes no writes.
    pub(super) fn is_of_replica(&self) -> bool {
        self.is_of_replica
    }

    /// Whether it stands, and leads to who it was opened to.
    pub(super) async fn stands(&self) -> bool {
        // A server tells it to every user.
        match self.ask(&redis::cmd("HELLO")).await {
            Ok(answer) if is_replica(&answer) && !self.is_of_replica => {
                self.company.retire();
                false
            }
            Ok(_) => true,
            Err(error) if fault::is_lost(&error) => false,
            // Something between it and the server does not know the question.
            Err(_) => self.ask(&redis::cmd("PING")).await.is_ok(),
        }
    }

    /// Sends a command and waits for its answer, for as long as there is a connection. Dropped before it was written, it is
    /// not sent; dropped later, what it does is done, before whatever is asked on this connection afterwards.
    pub(super) async fn ask(&self, command: &Cmd) -> Result<Value, RedisError> {
        if self.company.is_time_due(self.clock.coarse()) {
            return self.ask_beside_the_time(command).await;
        }
        self.ask_alone(command).await
    }

    /// Nobody waits for the time: it is asked first, and so answered first.
    fn ask_beside_the_time<'a>(&'a self, command: &'a Cmd) -> BoxFuture<'a, Result<Value, RedisError>> {
        let time = Box::pin(async {
            let sent = Instant::now();
            let answer = self.connection.clone().send_packed_command(&redis::cmd("TIME")).await;
            if let Some(time) = answer.ok().and_then(|answer| fault::read_time(&answer)) {
                self.clock.learn(self.source, time, sent, Instant::now());
            }
        });
        Box::pin(async move {
            match select(time, Box::pin(self.ask_alone(command))).await {
                Either::Left(((), answer)) => answer.await,
                Either::Right((answer, _)) => answer,
            }
        })
    }

    async fn ask_alone(&self, command: &Cmd) -> Result<Value, RedisError> {
        let mut connection = self.connection.clone();
        self.awaited(connection.send_packed_command(command)).await
    }

    /// The same of a server of a cluster that a slot is on its way to: it answers those who know.
    pub(super) async fn ask_importer(&self, command: &Cmd) -> Result<Value, RedisError> {
        let mut pipe = redis::pipe();
        pipe.cmd("ASKING").add_command(command.clone());
        let mut connection = self.connection.clone();
        let answers = connection.send_packed_commands(&pipe, 1, 1);
        self.awaited(async { Ok(answers.await?.pop().unwrap_or(Value::Nil)) }).await
    }

    /// Waits for an answer for as long as there is a connection.
    async fn awaited(
        &self,
        answer: impl Future<Output = Result<Value, RedisError>>,
    ) -> Result<Value, RedisError> {
        let wait = Wait::begin(self);
        let answer = tokio::select! {
            biased;
            answer = limited(answer) => answer,
            () = self.life.over() => Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::ConnectionAborted))),
        };
        wait.end(answer.as_ref().err());
        self.heed(answer)
    }

    fn heed(&self, answer: Result<Value, RedisError>) -> Result<Value, RedisError> {
        answer.and_then(Value::extract_error).inspect_err(|error| {
            if fault::is_lost(error) {
                self.life.end();
            } else if fault::is_read_only(error) {
                // A master that became a replica: whoever is the master now is found by connecting again. Where there was
                // a replica from the beginning that is looked for now and then.
                if !self.is_of_replica || self.opened.elapsed() > RENEWED {
                    self.company.retire();
                }
            }
        })
    }

    /// Whether it may be used. What has been silent for too long is given up here.
    pub(super) fn is_usable(&self) -> bool {
        if self.is_silent() {
            self.life.end();
        }
        !self.life.is_over.load(Ordering::Acquire)
    }

    /// What it is called to whoever listens.
    pub(super) fn number(&self) -> u64 {
        self.life.number
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Whom the server has to end before another connection takes over. Where the server has hung up there is nothing to
    /// end, and where connections have no address of their own another server's might be meant.
    pub(super) fn to_be_ended(&self) -> Option<&Peer> {
        let is_gone = self.life.has_hung_up.load(Ordering::Acquire);
        self.peer.as_ref().filter(|peer| peer.has_own_address() || !is_gone)
    }

    fn is_silent(&self) -> bool {
        let silence = self.silence();
        silence.given_up > 1 && silence.since.is_some_and(|since| since.elapsed() > SILENCE)
    }

    fn silence(&self) -> std::sync::MutexGuard<'_, Silence> {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.life.end();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire")
            .field("number", &self.life.number)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// The answer, or an error once it has taken far too long: commands have limits of their own, this is for those that
/// were asked without any.
async fn limited(answer: impl Future<Output = Result<Value, RedisError>>) -> Result<Value, RedisError> {
    if tokio::runtime::Handle::try_current().is_err() {
        return answer.await;
    }
    let answer = tokio::time::timeout(LONGEST, answer).await;
    answer.unwrap_or_else(|_| Err(RedisError::from(std::io::Error::from(std::io::ErrorKind::TimedOut))))
}

/// A caller that waits for an answer.
struct Wait<'w> {
    wire: &'w Wire,
    begun: Instant,
    /// How many answers there had been.
    answers: u64,
    is_over: bool,
}

impl<'w> Wait<'w> {
    fn begin(wire: &'w Wire) -> Self {
        wire.waiting.fetch_add(1, Ordering::Relaxed);
        let answers = wire.silence().answers;
        Self { wire, begun: Instant::now(), answers, is_over: false }
    }

    fn end(mut self, error: Option<&RedisError>) {
        self.is_over = true;
        if error.is_none() {
            let mut silence = self.wire.silence();
            *silence = Silence { answers: silence.answers.wrapping_add(1), ..Silence::default() };
        }
    }
}

impl Drop for Wait<'_> {
    fn drop(&mut self) {
        self.wire.waiting.fetch_sub(1, Ordering::Relaxed);
        if self.is_over || self.begun.elapsed() < PATIENCE {
            return;
        }
        let mut silence = self.wire.silence();
        if silence.answers == self.answers {
            silence.given_up += 1;
            silence.since.get_or_insert(self.begun);
        }
    }
}
