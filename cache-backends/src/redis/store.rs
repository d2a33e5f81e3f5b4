//! The verbs of entries.

use std::sync::Arc;

use cache_core::{Entry, Fill, Key, Moment, Result, SetIf, SetOptions};
use futures_util::stream::{self, StreamExt, TryStreamExt};
use redis::Value;

use super::clock::ServerClock;
use super::coalesce::Line;
use super::link::{Lane, Link};
use super::scripts::{self, Script};
use super::settings::Settings;
use super::states::States;
use super::suspicion::Suspicion;
use super::{fault, names, record};

/// What a script is asked about at once, so that none keeps the server busy for long.
pub(super) const PART: usize = 512;

/// So many parts of a long list are under way, so that a way that takes long is not gone for each of them.
const AT_ONCE: usize = 8;

/// What becomes of the rights to a key when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rights {
    End,
    /// It is the same value, in another envelope.
    Stand,
}

/// A server and what is remembered of it.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) link: Arc<Link>,
    pub(super) clock: Arc<ServerClock>,
    pub(super) line: Arc<Line>,
    pub(super) states: States,
    pub(super) suspicion: Suspicion,
}

impl Store {
    pub(super) fn new(settings: Settings) -> Self {
        let clock = Arc::new(ServerClock::new());
        let link = Arc::new(Link::new(Arc::new(settings), Arc::clone(&clock)));
        Self { link, clock, line: Arc::default(), states: States::default(), suspicion: Suspicion::default() }
    }

    /// Now, by the server's time: where it has not told yet it is asked, by opening a connection.
    pub(super) async fn moment(&self) -> Result<Moment> {
        if !self.clock.is_known() {
            self.link.ready().await?;
        }
        Ok(self.clock.moment())
    }

    /// The same by the server that the key lies on.
    pub(super) async fn moment_by(&self, key: &Key) -> Result<Moment> {
        self.moment().await?;
        Ok(self.clock.moment_by(self.link.source(bytes(key))))
    }

    // ── Entries ──

    pub(super) async fn get(&self, key: &Key) -> Result<Option<Arc<Entry>>> {
        let value = self.line.get(&self.link, key).await?;
        self.entry(value)
    }

    pub(super) async fn get_many(&self, keys: &[Key]) -> Result<Vec<Option<Arc<Entry>>>> {
        let parts: Vec<_> = keys.chunks(PART).map(|part| self.values(part)).collect();
        let mut parts = stream::iter(parts).buffered(AT_ONCE);
        let mut entries = Vec::with_capacity(keys.len());
        while let Some(values) = parts.try_next().await? {
            for value in values {
                entries.push(self.entry(value)?);
            }
        }
        Ok(entries)
    }

    async fn values(&self, keys: &[Key]) -> Result<Vec<Value>> {
        let names: Vec<&[u8]> = keys.iter().map(bytes).collect();
        self.link.read_many(&names).await
    }

    fn entry(&self, value: Value) -> Result<Option<Arc<Entry>>> {
        match value {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(record::entry(bytes, self.clock.pair())),
            other => Err(fault::unexpected("GET", &other)),
        }
    }

    pub(super) async fn set(&self, key: &Key, entry: &Entry, options: SetOptions) -> Result<bool> {
        let moment = self.moment().await?;
        let ends = options.fill.is_none() || options.supersedes;
        let nonce = options.fill.map(|Fill(nonce)| nonce.to_le_bytes());
        let how = How { only_if: options.only_if, nonce: nonce.as_ref().map_or(&[], |nonce| nonce), ends };
        let (one, carrying) = ([(key, entry)], [entry]);
        let stored = self.put("set", &one, &how, moment);
        let (stored, ()) = futures_util::future::join(stored, self.carried(&carrying, moment)).await;
        Ok(stored? == 1)
    }

    pub(super) async fn set_many(&self, entries: &[(Key, Arc<Entry>)]) -> Result<()> {
        let moment = self.moment().await?;
        let how = How { only_if: SetIf::Always, nonce: &[], ends: true };
        for part in entries.chunks(PART) {
            let pairs: Vec<(&Key, &Entry)> = part.iter().map(|(key, entry)| (key, &**entry)).collect();
            self.put("set_many", &pairs, &how, moment).await?;
            let carrying: Vec<&Entry> = pairs.into_iter().map(|(_, entry)| entry).collect();
            self.carried(&carrying, moment).await;
        }
        Ok(())
    }

    /// Stores entries; how many of them.
    async fn put(
        &self,
        verb: &'static str,
        entries: &[(&Key, &Entry)],
        how: &How<'_>,
        moment: Moment,
    ) -> Result<i64> {
        let condition: &[u8] = match how.only_if {
            SetIf::Always => b"always",
            SetIf::Absent => b"absent",
            SetIf::Present => b"present",
        };
        let (now, ends) = (moment.wall.to_le_bytes(), flag(how.ends));
        let mut asked = Vec::new();
        let names: Vec<&[u8]> = entries.iter().map(|(key, _)| bytes(key)).collect();
        for group in self.link.together(&names) {
            let mut keys: Vec<Vec<u8>> = Vec::with_capacity(group.len() * 2);
            let mut args: Vec<Vec<u8>> = [&now[..], condition, how.nonce, ends].map(<[u8]>::to_vec).into();
            for (key, entry) in group.iter().filter_map(|at| entries.get(*at)) {
                let expires = moment.wall_of(entry.expires());
                keys.extend([bytes(key).to_vec(), names::fill(bytes(key))]);
                args.extend([record::of_entry(entry, expires)?, millis(expires)]);
            }
            asked.push(self.run_number(verb, &scripts::SET, keys, args));
        }
        sum(futures_util::future::join_all(asked).await)
    }

    pub(super) async fn replace(
        &self,
        key: &Key,
        expected: &Entry,
        entry: &Entry,
        rights: Rights,
    ) -> Result<bool> {
        let moment = self.moment().await?;
        let Some(seen) = record::seen(expected) else { return Ok(false) };
        let expires = moment.wall_of(entry.expires());
        let keys = vec![bytes(key).to_vec(), names::fill(bytes(key))];
        let args = vec![
            moment.wall.to_le_bytes().to_vec(),
            seen,
            record::of_entry(entry, expires)?,
            millis(expires),
            flag(rights == Rights::End).to_vec(),
        ];
        let (replaced, carrying) = (self.run_number("cas", &scripts::REPLACE, keys, args), [entry]);
        let (replaced, ()) = futures_util::future::join(replaced, self.carried(&carrying, moment)).await;
        Ok(replaced? == 1)
    }

    pub(super) async fn delete(&self, keys: &[Key]) -> Result<u64> {
        let now = self.moment().await?.wall.to_le_bytes();
        self.states.forget(keys);
        let mut deleted = 0;
        for part in keys.chunks(PART) {
            let mut asked = Vec::new();
            let names: Vec<&[u8]> = part.iter().map(bytes).collect();
            for group in self.link.together(&names) {
                let keys = group.iter().filter_map(|at| names.get(*at).copied());
                let keys = keys.flat_map(|key| [key.to_vec(), names::fill(key)]).collect();
                asked.push(self.run_number("delete", &scripts::DELETE, keys, vec![now.to_vec()]));
            }
            deleted += sum(futures_util::future::join_all(asked).await)?;
        }
        Ok(u64::try_from(deleted).unwrap_or_default())
    }

    pub(super) async fn size_of(&self, key: &Key) -> Result<Option<u64>> {
        let now = self.moment().await?.wall.to_le_bytes();
        match self.link.run(Lane::Read, "size_of", &scripts::SIZE, &[bytes(key)], &[&now]).await? {
            Value::Int(size) => Ok(u64::try_from(size).ok()),
            Value::Nil => Ok(None),
            other => Err(fault::unexpected("MEMORY USAGE", &other)),
        }
    }

    // ── Scripts ──

    pub(super) async fn run(
        &self,
        verb: &'static str,
        script: &Script,
        keys: &[Vec<u8>],
        args: &[Vec<u8>],
    ) -> Result<Value> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        self.link.run(Lane::Write, verb, script, &keys, &args).await
    }

    pub(super) async fn run_number(
        &self,
        verb: &'static str,
        script: &Script,
        keys: Vec<Vec<u8>>,
        args: Vec<Vec<u8>>,
    ) -> Result<i64> {
        match self.run(verb, script, &keys, &args).await? {
            Value::Int(number) => Ok(number),
            other => Err(fault::unexpected("a script", &other)),
        }
    }
}

/// How entries are stored.
struct How<'h> {
    only_if: SetIf,
    /// Of the right to show.
    nonce: &'h [u8],
    /// Whether rights of others end.
    ends: bool,
}

pub(super) fn bytes(key: &Key) -> &[u8] {
    key.as_str().as_bytes()
}

const fn flag(is_set: bool) -> &'static [u8] {
    if is_set { b"1" } else { b"" }
}

/// When the server is to let go of what expires then, in milliseconds; nothing for never. Not before: rounded up.
pub(super) fn millis(expires: u64) -> Vec<u8> {
    if expires == u64::MAX {
        return Vec::new();
    }
    expires.div_ceil(1_000_000).max(1).to_string().into_bytes()
}

fn sum(answers: Vec<Result<i64>>) -> Result<i64> {
    answers.into_iter().sum()
}
