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
mod cluster;
mod company;
mod failure;
mod life;
mod listener;
mod passing;
mod pool;
mod setup;
mod slot;
mod turn;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;

use cache_core::{Error, Result};
use futures_util::future::join_all;
use redis::{Cmd, Value};

pub(super) use cluster::{Address, Census};
use cluster::{Amid, Cluster};
use failure::Failure;
pub(super) use listener::Listener;
use pool::Pool;

use super::clock::{ServerClock, Source};
use super::scripts::Script;
use super::settings::Settings;
use super::{fault, names};

/// Which connection a command takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    /// It changes something: commands of this lane are done in the order in which they were asked.
    Write,
    /// It only looks.
    Read,
}

/// One server of those that hold keys: of a single server, that one.
#[derive(Debug, Clone)]
pub(super) struct Node(Arc<Pool>);

/// The way to a server, or to the servers of a cluster.
#[derive(Debug)]
pub(super) enum Link {
    One(Arc<Pool>),
    Cluster(Arc<Cluster>),
}

impl Link {
    /// Opens nothing yet.
    pub(super) fn new(settings: Arc<Settings>, clock: Arc<ServerClock>) -> Self {
        if settings.cluster {
            Self::Cluster(Arc::new(Cluster::new(settings, clock)))
        } else {
            Self::One(Arc::new(Pool::new(settings, clock)))
        }
    }

    /// Has pushes of the server told to this listener, on every connection from the next one on.
    pub(super) fn listen(&self, listener: Arc<dyn Listener>) {
        match self {
            Self::One(pool) => pool.listen(listener),
            Self::Cluster(cluster) => cluster.listen(listener),
        }
    }

    /// Asks on each connection that is open whether it stands, and tells which have answered as they do.
    pub(super) async fn ping(&self, heard: impl Fn(u64)) {
        match self {
            Self::One(pool) => pool.ping(None, &heard).await,
            Self::Cluster(cluster) => cluster.ping(&heard).await,
        }
    }

    /// Whether something could be asked without opening a connection first.
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::One(pool) => pool.is_open(),
            Self::Cluster(cluster) => cluster.is_open(),
        }
    }

    /// Opens the connection for writing, if it is not open; of a cluster, to one of the servers.
    pub(super) async fn ready(&self) -> Result<()> {
        match self {
            Self::One(pool) => pool.wire(Lane::Write).await.map(drop),
            Self::Cluster(cluster) => cluster.ready().await,
        }
    }

    /// Whose time holds where the key lies.
    pub(super) fn source(&self, key: &[u8]) -> Source {
        match self {
            Self::One(pool) => pool.source(),
            Self::Cluster(cluster) => cluster.source(names::slot(key)),
        }
    }

    /// One command about one key, or about keys that lie together; `verb` is what it is called in errors.
    pub(super) async fn ask(
        &self,
        lane: Lane,
        key: &[u8],
        verb: &'static str,
        command: Cmd,
    ) -> Result<Value> {
        self.send(lane, key, &command).await.map_err(|failure| failure.of(verb))
    }

    /// One command that is about no key: to any server that serves.
    pub(super) async fn ask_any(&self, verb: &'static str, command: Cmd) -> Result<Value> {
        let answer = match self {
            Self::One(pool) => ask(pool, Lane::Write, &command).await,
            Self::Cluster(cluster) => cluster.ask_any(&command).await,
        };
        answer.map_err(|failure| failure.of(verb))
    }

    /// The values of keys wherever they lie, in their order.
    pub(super) async fn read_many(&self, keys: &[&[u8]]) -> Result<Vec<Value>> {
        let mut values = vec![Value::Nil; keys.len()];
        let groups = self.together(keys);
        for answer in join_all(groups.into_iter().map(|group| self.read_group(keys, group))).await {
            let (group, found) = answer?;
            for (at, value) in group.into_iter().zip(found) {
                if let Some(place) = values.get_mut(at) {
                    *place = value;
                }
            }
        }
        Ok(values)
    }

    /// The values of keys that lie together.
    async fn read_group(&self, keys: &[&[u8]], group: Vec<usize>) -> Result<(Vec<usize>, Vec<Value>)> {
        let asked: Vec<&[u8]> = group.iter().filter_map(|at| keys.get(*at).copied()).collect();
        let values = match self.read_together(&asked).await {
            // Half of them have moved to another server, and neither has all. Each one is where it is.
            Err(failure) if failure.is_try_again() && asked.len() > 1 => {
                let each = asked.iter().map(|key| self.read_together(std::slice::from_ref(key)));
                let values = join_all(each).await.into_iter().collect::<Result<Vec<_>, _>>();
                values.map(|values| values.into_iter().flatten().collect())
            }
            values => values,
        };
        Ok((group, values.map_err(|failure| failure.of("get_many"))?))
    }

    async fn read_together(&self, keys: &[&[u8]]) -> Result<Vec<Value>, Failure> {
        let Some(first) = keys.first() else { return Ok(Vec::new()) };
        let mut command = redis::cmd("MGET");
        keys.iter().for_each(|key| {
            command.arg(*key);
        });
        let answer = match self {
            Self::One(pool) => ask(pool, Lane::Read, &command).await,
            Self::Cluster(cluster) => cluster.ask(Lane::Read, names::slot(first), &command, Amid::Tell).await,
        };
        match answer? {
            Value::Array(values) if values.len() == keys.len() => Ok(values),
            other => Err(fault::unexpected("MGET", &other).into()),
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
        let key = keys.first().copied().unwrap_or_default();
        match self.send(lane, key, &script.by_digest(keys, args)).await {
            // The server was restarted, or told to forget. The whole text makes it know again.
            Err(failure) if failure.is_no_script() => self.send(lane, key, &script.by_text(keys, args)).await,
            answer => answer,
        }
        .map_err(|failure| failure.of(verb))
    }

    /// Sorts keys into groups that lie together, so that a command or script may be about all of one: positions in `keys`.
    pub(super) fn together(&self, keys: &[&[u8]]) -> Vec<Vec<usize>> {
        match self {
            Self::One(_) if keys.is_empty() => Vec::new(),
            Self::One(_) => vec![(0..keys.len()).collect()],
            Self::Cluster(_) => {
                let mut groups: BTreeMap<u16, Vec<usize>> = BTreeMap::new();
                for (at, key) in keys.iter().enumerate() {
                    groups.entry(names::slot(key)).or_default().push(at);
                }
                groups.into_values().collect()
            }
        }
    }

    /// Where keys may lie.
    pub(super) async fn census(&self, verb: &'static str) -> Result<Census> {
        match self {
            Self::One(pool) => Ok(Census::of(Node(Arc::clone(pool)))),
            Self::Cluster(cluster) => cluster.census().await.map_err(|failure| failure.of(verb)),
        }
    }

    /// The servers that hold keys.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>> {
        match self {
            Self::One(pool) => Ok(vec![Node(Arc::clone(pool))]),
            Self::Cluster(cluster) => Ok(cluster.masters().await?.into_iter().map(Node).collect()),
        }
    }

    /// One command to one of them, in the lane of writes.
    pub(super) async fn ask_node(&self, node: &Node, verb: &'static str, command: Cmd) -> Result<Value> {
        let answer = match self {
            Self::One(pool) => ask(pool, Lane::Write, &command).await,
            Self::Cluster(cluster) => cluster.ask_one(&node.0, &command).await,
        };
        answer.map_err(|failure| failure.of(verb))
    }

    /// Lets go of every connection.
    pub(super) fn close(&self) {
        match self {
            Self::One(pool) => pool.close(),
            Self::Cluster(cluster) => cluster.close(),
        }
    }

    async fn send(&self, lane: Lane, key: &[u8], command: &Cmd) -> Result<Value, Failure> {
        match self {
            Self::One(pool) => ask(pool, lane, command).await,
            Self::Cluster(cluster) => cluster.ask(lane, names::slot(key), command, Amid::Wait).await,
        }
    }
}

async fn ask(pool: &Arc<Pool>, lane: Lane, command: &Cmd) -> Result<Value, Failure> {
    let wire = pool.wire(lane).await?;
    wire.ask(command).await.map_err(|error| {
        if wire.is_of_replica() && fault::is_read_only(&error) {
            // Whoever is there is no master, also when asked anew: it answers, and takes no writes.
            Failure::Refused(Error::backend(fault::said(&error)))
        } else {
            error.into()
        }
    })
}
