//! A backend with one defect of one's choice, over one without any.

mod defect;
mod reads;
mod rights;
mod stores;
mod texts;
mod tools;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use macadamia::testing::Wire;
use macadamia::{
    Backend, BoxFuture, Clock, Entry, Fill, Increment, Key, KeyRef, Pattern, Peek, Result, SetOptions, Stamp,
    Time, Transition,
};

pub use defect::Defect;
use rights::Rights;

#[derive(Clone)]
pub struct Broken(Arc<State>);

pub struct State {
    defect: Defect,
    wire: Wire,
    clock: OnceLock<Arc<dyn Clock>>,
    rights: Rights,
    /// Every entry that was ever stored and not deleted.
    stored: Mutex<HashMap<Key, Arc<Entry>>>,
    /// Generations as numbers that begin at one.
    numbers: Mutex<HashMap<Key, u64>>,
    /// Values stored together, to tell when there are many.
    many: AtomicUsize,
    is_closed: AtomicBool,
}

impl Broken {
    pub fn new(defect: Defect) -> Self {
        Self(Arc::new(State {
            defect,
            wire: Wire::new(),
            clock: OnceLock::new(),
            rights: Rights::default(),
            stored: Mutex::default(),
            numbers: Mutex::default(),
            many: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
        }))
    }
}

impl State {
    fn has(&self, defect: Defect) -> bool {
        self.defect == defect
    }

    fn now(&self) -> Time {
        self.clock.get().expect("the suite attaches a clock").now()
    }

    /// The generation of a tag, where it is counted.
    fn number(&self, tag: &Key) -> u64 {
        let mut numbers = self.numbers.lock().unwrap();
        if numbers.len() > 100 && !numbers.contains_key(tag) {
            numbers.clear();
        }
        *numbers.entry(tag.clone()).or_insert(1)
    }
}

impl Backend for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn counts(&self) -> bool {
        true
    }

    fn attach(&self, clock: &Arc<dyn Clock>) {
        let _ = self.0.clock.set(Arc::clone(clock));
        self.0.wire.attach(clock);
    }

    fn peek(&self, _: KeyRef<'_>, _: &mut dyn FnMut(&Entry)) -> Peek {
        if self.0.has(Defect::PeekSeesNothing) { Peek::Missing } else { Peek::Remote }
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(self.0.get(key))
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Arc<Entry>>>>> {
        Box::pin(self.0.get_many(keys))
    }

    fn set<'a>(
        &'a self,
        key: &'a Key,
        entry: Arc<Entry>,
        options: SetOptions,
    ) -> BoxFuture<'a, Result<bool>> {
        if self.0.has(Defect::StoresAfterItWasDropped) {
            let (state, key) = (Arc::clone(&self.0), key.clone());
            let store = async move { state.set(&key, entry, options).await };
            return Box::pin(async { tokio::spawn(store).await.expect("stored") });
        }
        Box::pin(self.0.set(key, entry, options))
    }

    fn set_many(&self, entries: Vec<(Key, Arc<Entry>)>) -> BoxFuture<'_, Result<()>> {
        if self.0.has(Defect::StoresSeveralAfterItWasDropped) {
            let state = Arc::clone(&self.0);
            return Box::pin(async {
                tokio::spawn(async move { state.set_many(entries).await }).await.expect("stored")
            });
        }
        Box::pin(self.0.set_many(entries))
    }

    fn compare_and_set<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.compare_and_set(key, expected, entry))
    }

    fn reseal<'a>(
        &'a self,
        key: &'a Key,
        expected: &'a Entry,
        entry: Arc<Entry>,
    ) -> BoxFuture<'a, Result<bool>> {
        if self.0.has(Defect::ResealsAsItReplaces) {
            return self.0.wire.compare_and_set(key, expected, entry);
        }
        self.0.wire.reseal(key, expected, entry)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.delete(key))
    }

    fn delete_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<u64>> {
        Box::pin(async move {
            if self.0.has(Defect::CountsWhatIsNotThere) {
                self.0.wire.delete_many(keys).await?;
                return Ok(keys.len() as u64);
            }
            self.0.wire.delete_many(keys).await
        })
    }

    fn delete_match<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<u64>> {
        Box::pin(self.0.delete_match(pattern))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move {
            if self.0.has(Defect::ClearKeepsRights) {
                self.0.rights.pardon(|_| true);
            }
            if self.0.has(Defect::ClearLeavesReserved) {
                return self.0.wire.delete_match(&"*".into()).await.map(drop);
            }
            self.0.wire.clear().await
        })
    }

    fn scan<'a>(&'a self, pattern: &'a Pattern) -> BoxFuture<'a, Result<Vec<Key>>> {
        Box::pin(self.0.scan(pattern))
    }

    fn expire<'a>(&'a self, key: &'a Key, expires: Time) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.0.expire(key, expires))
    }

    fn increment<'a>(&'a self, key: &'a Key, step: Increment) -> BoxFuture<'a, Result<i64>> {
        Box::pin(self.0.increment(key, step))
    }

    fn begin_fill<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Fill>>> {
        Box::pin(async move {
            if self.0.has(Defect::EachComputationEndsTheOthers) {
                self.0.rights.of(key).into_iter().for_each(|fill| self.0.wire.end_fill(key, fill));
            }
            let fill = self.0.wire.begin_fill(key).await?;
            self.0.rights.note(key, fill);
            Ok(fill)
        })
    }

    fn end_fill(&self, key: &Key, fill: Fill) {
        if self.0.has(Defect::OneGivesBackForAll) {
            self.0.rights.of(key).into_iter().for_each(|fill| self.0.wire.end_fill(key, fill));
        }
        self.0.wire.end_fill(key, fill);
    }

    fn stamp<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Stamp>>> {
        Box::pin(async move {
            match self.0.defect {
                Defect::CountsGenerations => {
                    return Ok(tags.iter().map(|tag| Stamp::new(tag.clone(), self.0.number(tag))).collect());
                }
                Defect::AskingBeginsAnew => self.0.wire.delete_tags(tags).await?,
                Defect::TagsAreKeys => {
                    for tag in tags {
                        self.0.wire.increment(tag, Increment::new(1, None)).await?;
                    }
                }
                _ => {}
            }
            self.0.wire.stamp(tags).await
        })
    }

    fn generations<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<u64>>>> {
        Box::pin(async move {
            if self.0.has(Defect::CountsGenerations) {
                return Ok(tags.iter().map(|tag| Some(self.0.number(tag))).collect());
            }
            self.0.wire.generations(tags).await
        })
    }

    fn delete_tags<'a>(&'a self, tags: &'a [Key]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            match self.0.defect {
                Defect::TagsAreNotDeleted => Ok(()),
                Defect::OnlyTheFirstTagIsDeleted => self.0.wire.delete_tags(&tags[..tags.len().min(1)]).await,
                Defect::AnyTagEndsAll => self.0.wire.clear().await,
                Defect::CountsGenerations => {
                    tags.iter()
                        .for_each(|tag| *self.0.numbers.lock().unwrap().entry(tag.clone()).or_insert(1) += 1);
                    Ok(())
                }
                _ => self.0.wire.delete_tags(tags).await,
            }
        })
    }

    fn update<'a>(&'a self, key: &'a Key, change: &'a mut dyn Transition) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.0.update(key, change))
    }

    fn size_of<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<u64>>> {
        Box::pin(async move {
            match self.0.defect {
                Defect::NoSize => Ok(None),
                Defect::ASizeOfNothing => self.0.wire.size_of(key).await.map(|size| size.or(Some(0))),
                _ => self.0.wire.size_of(key).await,
            }
        })
    }

    fn ping<'a>(&'a self, message: &'a str) -> BoxFuture<'a, Result<String>> {
        Box::pin(async move {
            if self.0.has(Defect::AlwaysPong) { Ok("PONG".to_owned()) } else { Ok(message.to_owned()) }
        })
    }

    fn close(&self) -> BoxFuture<'_, Result<()>> {
        self.0.is_closed.store(self.0.has(Defect::ClosedForGood), Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(())))
    }
}
