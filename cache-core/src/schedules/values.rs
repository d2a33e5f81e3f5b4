//! Values on their way through a cache, while their source changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};

use super::shelf::Shelf;
use super::{KEY, cache_over, call, explore, perhaps_dropped, pick, settled, together, work};
use crate::backend::Backend;
use crate::cache::Cache;
use crate::returns::{Returned, Shape};
use crate::strategy::cached::Settings;
use crate::strategy::policy::Policy;
use crate::testing::{ManualClock, Wire};

/// Given to one caller alone.
#[derive(Debug)]
struct Private;

/// Given to all who wait.
#[derive(Debug, Clone)]
struct Common;

pub(super) const SETTINGS: Settings =
    Settings { version: 0, single_flight: true, lock: None, bypass: false, policy: Policy::Keep };

/// What the function reads: the number of its last change, and of the last one that was told to the cache.
struct Source {
    cache: Cache,
    now: AtomicU64,
    told: AtomicU64,
}

impl Source {
    async fn over(backend: impl Backend) -> Arc<Self> {
        let cache = cache_over(backend, &ManualClock::new()).await;
        Arc::new(Self { cache, now: AtomicU64::new(1), told: AtomicU64::new(1) })
    }

    /// Nobody who asks now is given what was good before the last invalidation.
    async fn ask<E, S: Shape<Result<u64, E>>>(
        &self,
        returned: Returned<Result<u64, E>, S>,
        fails: impl FnOnce() -> Option<E>,
    ) {
        let told = self.told.load(SeqCst);
        let body = async {
            let read = self.now.load(SeqCst);
            work().await;
            fails().map_or(Ok(read), Err)
        };
        if let Ok(value) = call(&self.cache, returned, SETTINGS, body).await {
            assert!(value >= told, "{value} was invalidated by {told}");
        }
    }

    async fn change(&self) {
        work().await;
        let changed = self.now.fetch_add(1, SeqCst) + 1;
        self.cache.delete(KEY).await.unwrap();
        self.told.fetch_max(changed, SeqCst);
    }

    async fn check(&self) {
        settled().await;
        assert_eq!(self.cache.in_flight(), 0);
        let (told, stored) = (self.told.load(SeqCst), self.cache.get::<u64>(KEY).await.unwrap());
        assert!(
            stored.is_none_or(|stored| stored >= told),
            "{stored:?} was stored after {told} invalidated it"
        );
    }
}

/// Few at a time as well: of two, each more often does all it does between two steps of the other.
async fn changes_among_calls(source: Arc<Source>) {
    if pick(&[true, false]) {
        source.ask(crate::__returns!(Result<u64, Common>), || None).await;
    }
    let (changes, callers) = (pick(&[1, 1, 2]), pick(&[1, 2, 3]));
    let tasks = (0..changes + callers).map(|at| {
        let source = Arc::clone(&source);
        async move {
            let private = || pick(&[false, false, true]).then_some(Private);
            let common = || pick(&[false, false, true]).then_some(Common);
            if at < changes {
                source.change().await;
            } else if pick(&[true, false]) {
                perhaps_dropped(source.ask(crate::__returns!(Result<u64, Common>), common)).await;
            } else {
                perhaps_dropped(source.ask(crate::__returns!(Result<u64, Private>), private)).await;
            }
        }
    });
    together(tasks).await;
    source.check().await;
}

#[test]
fn a_value_begun_before_an_invalidation_is_not_stored_after_it_on_a_server() {
    explore(|| async { changes_among_calls(Source::over(Wire::new()).await).await });
}

#[test]
fn a_value_begun_before_an_invalidation_is_not_stored_after_it_in_this_process() {
    explore(|| async { changes_among_calls(Source::over(Shelf::default()).await).await });
}

#[test]
fn callers_of_one_key_run_the_function_once() {
    explore(|| async {
        let source = Source::over(Wire::new()).await;
        let runs = Arc::new(AtomicU64::new(0));
        let tasks = (0..4).map(|_| {
            let (source, runs) = (Arc::clone(&source), Arc::clone(&runs));
            async move {
                let fails = || {
                    runs.fetch_add(1, SeqCst);
                    None::<Common>
                };
                source.ask(crate::__returns!(Result<u64, Common>), fails).await;
            }
        });
        together(tasks).await;
        assert_eq!(runs.load(SeqCst), 1);
        source.check().await;
    });
}
