//! The way to the server: which connection a command takes, and what becomes of one that is lost.
//!
//! ```text
//! verbs ── Link ── Pool ── Slot ── Wire ── one socket, many commands at once
//!                            └ opens another when one is lost: one attempt at a time, after a pause
//! ```
//!
//! Whoever writes takes the first connection, always: what was asked first is done first, also where nobody waits for
//! the answer any more. Reads may take others.

mod attempts;
mod listener;
mod pool;
mod setup;
mod slot;
mod wire;

use std::sync::Arc;

use cache_core::Result;
use redis::{Cmd, Value};

pub(super) use listener::Listener;
use pool::Pool;

use super::clock::ServerClock;
use super::fault;
use super::scripts::Script;
use super::settings::Settings;

/// Which connection a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It changes something: commands of this lane are done in the order in which they were asked.
    Write,
    /// It only looks.
    Read,
}

/// One server of those that hold keys: of a single server, that one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Node(pub(super) usize);

/// The way to a server.
#[derive(Debug)]
pub(super) enum Link {
    /// One server, with all keys.
    One(Arc<Pool>),
}

impl Link {
    /// Opens nothing yet.
    pub(super) fn new(settings: Arc<Settings>, clock: Arc<ServerClock>) -> Self {
        Self::One(Arc::new(Pool::new(settings, clock)))
    }

    /// Has pushes of the server told to this listener, on every connection from the next one on.
    #[expect(dead_code, reason = "who listens comes with the entries that are kept near")]
    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        let Self::One(pool) = self;
        pool.listen(listener);
    }

    /// Opens the connection for writing, if it is not open.
    pub(super) async fn ready(&self) -> Result<()> {
        let Self::One(pool) = self;
        pool.wire(Lane::Write).await.map(drop)
    }

    /// One command about one key, or about keys that lie together; `verb` is what it is called in errors.
    pub(super) async fn ask(
        &self,
        lane: Lane,
        _key: &[u8],
        verb: &'static str,
        command: Cmd,
    ) -> Result<Value> {
        self.send(lane, verb, &command).await
    }

    /// One command that is about no key.
    pub(super) async fn ask_any(&self, verb: &'static str, command: Cmd) -> Result<Value> {
        self.send(Lane::Write, verb, &command).await
    }

    /// The values of keys wherever they lie, in their order.
    pub(super) async fn read_many(&self, keys: &[&[u8]]) -> Result<Vec<Value>> {
        let mut command = redis::cmd("MGET");
        for key in keys {
            command.arg(*key);
        }
        match self.send(Lane::Read, "get_many", &command).await? {
            Value::Array(values) if values.len() == keys.len() => Ok(values),
            other => Err(fault::unexpected("MGET", &other)),
        }
    }

    /// A script about keys that lie together; the first says where.
    pub(super) async fn run(
        &self,
        lane: Lane,
        verb: &'static str,
        script: &Script,
        keys: &[&[u8]],
        args: &[&[u8]],
    ) -> Result<Value> {
        let Self::One(pool) = self;
        let wire = pool.wire(lane).await?;
        match wire.ask(&script.by_digest(keys, args)).await {
            // The server was restarted, or told to forget. The whole text makes it know again.
            Err(error) if fault::is_no_script(&error) => wire.ask(&script.by_text(keys, args)).await,
            answer => answer,
        }
        .map_err(|error| fault::of(verb, &error))
    }

    /// Sorts keys into groups that lie together, so that a command or script may be about all of one: positions in `keys`.
    pub(super) fn together(&self, keys: &[&[u8]]) -> Vec<Vec<usize>> {
        match self {
            Self::One(_) if keys.is_empty() => Vec::new(),
            Self::One(_) => vec![(0..keys.len()).collect()],
        }
    }

    /// The servers that hold keys.
    #[expect(clippy::unused_async, reason = "a cluster has to be asked")]
    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        match self {
            Self::One(_) => Ok(vec![Node(0)]),
        }
    }

    /// One command to one of them, in the lane of writes.
    pub(super) async fn ask_node(&self, _node: Node, verb: &'static str, command: Cmd) -> Result<Value> {
        self.send(Lane::Write, verb, &command).await
    }

    /// Lets go of every connection.
    pub(super) fn close(&self) {
        let Self::One(pool) = self;
        pool.close();
    }

    async fn send(&self, lane: Lane, verb: &'static str, command: &Cmd) -> Result<Value> {
        let Self::One(pool) = self;
        let wire = pool.wire(lane).await?;
        wire.ask(command).await.map_err(|error| fault::of(verb, &error))
    }
}
