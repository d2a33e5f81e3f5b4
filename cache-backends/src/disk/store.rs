//! The shards together: which of them a key is in, and how they are asked.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cache_core::{Clock, Error, Key, Moment, Result, SystemClock};

use super::desk::Desk;
use super::fault::Fault;
use super::job::{Answer, Job, Unwanted, whole};
use super::place::{Home, Place};
use super::shard::{Shard, Side};
use super::shared::Shared;

/// Readers of the only shard, and of each of several.
const READERS: [usize; 2] = [2, 1];

pub(super) struct Store {
    pub(super) home: Home,
    pub(super) check_interval: Duration,
    /// That of the first cache that routes here.
    pub(super) clock: Arc<OnceLock<Arc<dyn Clock>>>,
    /// What is wrong with how it was put together.
    pub(super) possible: Result<()>,
    shards: Vec<Shard>,
}

impl Store {
    pub(super) fn new(
        home: Home,
        count: u32,
        limit: Option<u64>,
        check_interval: Duration,
        possible: Result<()>,
    ) -> Self {
        let clock = Arc::<OnceLock<Arc<dyn Clock>>>::default();
        let limit = limit.map(|limit| i64::try_from(limit / u64::from(count)).unwrap_or(i64::MAX));
        let [one, several] = READERS;
        let readers = if count == 1 { one } else { several };
        let shard = |index| {
            let place = Place { home: home.clone(), index, shards: count };
            Shard::new(place, Arc::new(Shared::new(Arc::clone(&clock), limit)), readers)
        };
        let shards = (0..count).map(shard).collect();
        Self { home, check_interval, clock, possible, shards }
    }

    pub(super) fn moment(&self) -> Moment {
        self.clock.get().map_or_else(|| Moment::of(&SystemClock), |clock| Moment::of(&**clock))
    }

    pub(super) const fn shards(&self) -> &[Shard] {
        self.shards.as_slice()
    }

    /// The shard that a key is in, in every process and at any time.
    pub(super) fn index_of(&self, key: &Key) -> usize {
        // FNV-1a, its upper half folded in: the lower bits of a short key's say little.
        let hash = key.as_str().bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let count = self.shards.len().max(1) as u64;
        usize::try_from((hash ^ (hash >> 32)) % count).unwrap_or_default()
    }

    /// The items by the shard that they belong to.
    pub(super) fn sorted<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &Key,
    ) -> Vec<(usize, Vec<T>)> {
        let mut sorted: Vec<(usize, Vec<T>)> =
            (0..self.shards.len()).map(|index| (index, Vec::new())).collect();
        for item in items {
            if let Some((_, shard)) = sorted.get_mut(self.index_of(key(&item))) {
                shard.push(item);
            }
        }
        sorted.retain(|(_, items)| !items.is_empty());
        sorted
    }

    pub(super) fn shard(&self, index: usize) -> Result<&Shard> {
        self.shards.get(index).ok_or_else(|| Error::backend("there is no such shard"))
    }

    /// Puts a job in the line of a shard.
    pub(super) fn ask<T>(
        &self,
        index: usize,
        side: Side,
        job: (Box<dyn Job>, Answer<T>),
    ) -> Result<Answer<T>> {
        let (job, answer) = job;
        self.shard(index)?.ask(side, job).map(|()| answer)
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        index: usize,
        work: impl FnMut(&Desk<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        told(self.ask(index, Side::Read, whole(Unwanted::Skip, work))?).await
    }

    /// What stores is not done any more once its caller has left.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        index: usize,
        work: impl FnMut(&Desk<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        told(self.ask(index, Side::Write, whole(Unwanted::Skip, work))?).await
    }

    /// What removes is done in any case.
    pub(super) async fn remove<T: Send + 'static>(
        &self,
        index: usize,
        work: impl FnMut(&Desk<'_>) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T> {
        told(self.ask(index, Side::Write, whole(Unwanted::Finish, work))?).await
    }

    /// Asks every shard for its part before the first answer is waited for; and hears all of them, since what one
    /// shard fails at the others have done.
    pub(super) async fn gather<T>(asked: Vec<Result<Answer<T>>>) -> Result<Vec<T>> {
        let (mut answers, mut failed) = (Vec::with_capacity(asked.len()), None);
        for asked in asked {
            let answer = match asked {
                Ok(answer) => told(answer).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(answer) => answers.push(answer),
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(answers), Err)
    }
}

async fn told<T>(answer: Answer<T>) -> Result<T> {
    answer.await.unwrap_or_else(|_| Err(Error::backend("the thread of the disk ended before it answered")))
}
