//! Where two rules meet: what a reviewer's pencil found, each a sentence.

mod support;

use macadamia::testing::drop_after;
use macadamia::{
    Backend, BoxFuture, Cache, Entry, Event, EventKind, Form, Key, KeyRef, Memory, Peek, Result, Scope,
    SetOptions, cached, invalidate, purge,
};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::{Fixture, settle};
use tokio::task::{JoinSet, yield_now};

#[tokio::test]
async fn an_older_computation_does_not_overwrite_a_refresh() {
    static DATA: AtomicUsize = AtomicUsize::new(1);
    static GO: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "refreshed")]
    async fn read() -> usize {
        let seen = DATA.load(SeqCst);
        while seen == 1 && !GO.load(SeqCst) {
            yield_now().await;
        }
        seen
    }
    let fixture = Fixture::memory().await;
    let old = tokio::spawn(Scope::new().cache(&fixture.cache).run(read()));
    settle().await;
    DATA.store(2, SeqCst);
    assert_eq!(fixture.run(read::refresh()).await, 2);
    GO.store(true, SeqCst);
    assert_eq!(old.await.unwrap(), 1);
    assert_eq!(fixture.run(read()).await, 2);
}

#[tokio::test]
async fn a_refresh_recomputes_what_was_asked_and_nothing_inside() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "refresh:inner")]
    async fn inner() -> usize {
        RUNS.fetch_add(1, SeqCst)
    }
    #[cached(ttl = "1h", key = "refresh:<on>", when = on)]
    async fn outer(on: bool) -> usize {
        inner().await
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            inner().await;
            outer::refresh(true).await;
            outer::refresh(false).await;
            assert_eq!(RUNS.load(SeqCst), 1);
        })
        .await;
}

#[tokio::test]
async fn a_circle_through_two_caches_is_seen() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "circle:left", cache = one)]
    async fn left(one: &Cache, two: &Cache) -> usize {
        settle().await;
        Box::pin(right(one, two)).await
    }
    #[cached(ttl = "1h", key = "circle:right", cache = two)]
    async fn right(one: &Cache, two: &Cache) -> usize {
        settle().await;
        if ASKED.swap(true, SeqCst) { 2 } else { Box::pin(left(one, two)).await }
    }
    let (one, two) = (Fixture::memory().await, Fixture::memory().await);
    let both = async { tokio::join!(left(&one.cache, &two.cache), right(&one.cache, &two.cache)) };
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(10), both).await.expect("a circle of waiters"),
        (2, 2)
    );
}

#[tokio::test]
async fn patterns_reach_keys_that_were_shortened() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "long:<name>:<lang>")]
    async fn read(name: &str, lang: &str) -> usize {
        let _ = (name, lang);
        RUNS.fetch_add(1, SeqCst)
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let long = "x".repeat(9_000);
            let first = read(&long, "en").await;
            assert_eq!(read(&long, "en").await, first);
            purge!(read(lang = "en")).await.unwrap();
            assert_ne!(read(&long, "en").await, first);
            fixture.cache.set(&long, &1).await.unwrap();
            assert_eq!(fixture.cache.delete_match(long.as_str()).await.unwrap(), 1);
        })
        .await;
}

#[tokio::test]
async fn a_target_without_its_context_value_removes_nothing_and_says_so() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            for key in ["tenant-7:1", "tenant-8:1"] {
                fixture.cache.set(key, &1).await.unwrap();
            }
            assert!(purge!("tenant-<@tenant>*").await.is_err());
            assert_eq!(fixture.cache.keys_count().await.unwrap(), 2);
            assert_eq!(fixture.events.count(EventKind::NotInvalidated), 1);
            assert_eq!(
                Scope::new()
                    .key("tenant", &7)
                    .run(async { purge!("tenant-<@tenant>*").await })
                    .await
                    .unwrap(),
                1
            );
        })
        .await;
}

#[tokio::test]
async fn callers_of_different_versions_do_not_share_an_answer() {
    #[cached(ttl = "1h", key = "joined-versions", version = 1)]
    async fn first() -> usize {
        settle().await;
        1
    }
    #[cached(ttl = "1h", key = "joined-versions", version = 2)]
    async fn second() -> usize {
        settle().await;
        2
    }
    let fixture = Fixture::memory().await;
    fixture.run(async { assert_eq!(tokio::join!(first(), second()), (1, 2)) }).await;
}

#[tokio::test]
async fn a_value_larger_than_its_store_is_not_let_in_whatever_its_size() {
    static GO: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "crowded")]
    async fn read(old: bool) -> String {
        while old && !GO.load(SeqCst) {
            yield_now().await;
        }
        if old { "old".into() } else { "new".into() }
    }
    let cache =
        Cache::builder().route("", Memory::builder().max_bytes(1 << 20).build()).build().await.unwrap();
    for mebibytes in [2, 33] {
        assert!(
            !cache.set("big", &"x".repeat(mebibytes << 20)).await.unwrap(),
            "{mebibytes} MiB in a store of one"
        );
    }
    // Refused or not, it was a write: what is computed since before it is older.
    let old = tokio::spawn(Scope::new().cache(&cache).run(read(true)));
    settle().await;
    assert!(!cache.set("crowded", &"x".repeat(2 << 20)).await.unwrap());
    assert_eq!(Scope::new().cache(&cache).run(read(false)).await, "new");
    GO.store(true, SeqCst);
    assert_eq!(old.await.unwrap(), "old");
}

#[tokio::test]
async fn when_a_leader_hangs_its_waiters_do_not_all_compute_at_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static OPEN: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "hung")]
    async fn hangs() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        while !OPEN.load(SeqCst) {
            yield_now().await;
        }
        run
    }
    let fixture = Fixture::memory().await;
    let mut callers = JoinSet::new();
    for _ in 0..500 {
        callers.spawn(Scope::new().cache(&fixture.cache).run(hangs()));
    }
    settle().await;
    fixture.clock.advance(Duration::from_secs(30));
    settle().await;
    assert_eq!(RUNS.load(SeqCst), 2, "one took the place of the one that hangs");
    // A second time they wait no longer: no wait is without end.
    fixture.clock.advance(Duration::from_secs(30));
    settle().await;
    assert_eq!(RUNS.load(SeqCst), 500);
    OPEN.store(true, SeqCst);
    callers.join_all().await;
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn an_observer_that_panics_is_a_panic_and_not_the_end_of_the_process() {
    #[invalidate("anything")]
    async fn change() {}
    let observer = |event: &Event<'_>| assert!(event.kind != EventKind::Invalidated, "an observer's mistake");
    let cache = Cache::builder().route("", "mem://").observer(observer).build().await.unwrap();
    let outcome = tokio::spawn(Scope::new().cache(&cache).run(change())).await;
    assert!(outcome.unwrap_err().is_panic());
}

/// A value whose destructor asks the cache.
#[derive(Clone)]
struct Curious(Cache);

impl Drop for Curious {
    fn drop(&mut self) {
        self.0.in_flight();
    }
}

#[test]
fn a_destructor_that_asks_the_cache_blocks_nothing() {
    struct NoClone;
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "curious", condition = |_: &Curious| false)]
    async fn make(cache: Cache) -> Result<Curious, NoClone> {
        let run = RUNS.fetch_add(1, SeqCst);
        for _ in 0..3 {
            yield_now().await;
        }
        if run == 0 { Err(NoClone) } else { Ok(Curious(cache)) }
    }
    let (done, waits) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let cache = Fixture::memory().await.cache;
            let call = || Box::pin(Scope::new().cache(&cache).run(make(cache.clone())));
            let mut calls: Vec<_> = (0..6).map(|_| call()).collect();
            let mut random = fastrand::Rng::with_seed(1);
            for _ in 0..500 {
                // The last ones are polled seldom, so that they still wait when several leaders answer.
                let index = random.usize(0..6);
                if index < calls.len()
                    && (index < 3 || random.u32(0..20) == 0)
                    && drop_after(1, calls[index].as_mut()).await.is_some()
                {
                    drop(calls.remove(index));
                }
            }
        });
        done.send(()).unwrap();
    });
    assert!(waits.recv_timeout(Duration::from_secs(20)).is_ok(), "a deadlock");
}

#[tokio::test]
async fn a_function_whose_error_cannot_be_sent_can_still_be_spawned() {
    #[cached(ttl = "1h", key = "boxed-error:<id>")]
    async fn boxed(id: u32) -> Result<u32, Box<dyn std::error::Error>> {
        yield_now().await;
        if id == 0 { Err("zero".into()) } else { Ok(id) }
    }
    let (fixture, _) = Fixture::remote().await;
    let call = Scope::new().cache(&fixture.cache).run(async {
        let first = boxed(1).await.is_ok_and(|id| id == 1);
        first && boxed(1).await.is_ok() && boxed(0).await.is_err()
    });
    assert!(tokio::spawn(call).await.unwrap());
    assert!(fixture.cache.exists("boxed-error:1").await.unwrap());
}

#[test]
fn absurd_numbers_are_no_panic() {
    for builder in [Memory::builder().max_bytes(u64::MAX), Memory::builder().max_entries(u64::MAX)] {
        drop(builder.clone().build());
        drop(builder.max_bytes(u64::MAX).build());
    }
    for share in [0.0, -1.0, 7.0, f64::NAN, f64::INFINITY] {
        for ttl in [Duration::MAX, Duration::from_millis(1)] {
            assert!(macadamia::Ttl::new(ttl).unwrap().jittered(share).duration().unwrap() <= ttl);
        }
    }
}

/// Four verbs and no rights to fill: the cache guards this process itself.
#[derive(Clone, Default)]
struct Plain {
    entries: Arc<Mutex<HashMap<Key, Arc<Entry>>>>,
    shows: bool,
}

impl Plain {
    async fn slowly<T>(&self, verb: impl FnOnce(&mut HashMap<Key, Arc<Entry>>) -> T) -> Result<T> {
        yield_now().await;
        let out = verb(&mut self.entries.lock().expect("no panic inside"));
        yield_now().await;
        Ok(out)
    }
}

impl Backend for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn form(&self) -> Form {
        if self.shows { Form::Bytes } else { Form::Objects }
    }

    fn peek(&self, key: KeyRef<'_>, show: &mut dyn FnMut(&Entry)) -> Peek {
        match self.entries.lock().expect("no panic inside").get(&key.to_key()) {
            _ if !self.shows => Peek::Remote,
            None => Peek::Missing,
            Some(entry) => {
                show(entry);
                Peek::Found
            }
        }
    }

    fn get<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<Option<Arc<Entry>>>> {
        Box::pin(self.slowly(|entries| entries.get(key).cloned()))
    }

    fn set<'a>(&'a self, key: &'a Key, entry: Arc<Entry>, _: SetOptions) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.slowly(|entries| {
            entries.insert(key.clone(), entry);
            true
        }))
    }

    fn delete<'a>(&'a self, key: &'a Key) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.slowly(|entries| entries.remove(key).is_some()))
    }

    fn clear(&self) -> BoxFuture<'_, Result<()>> {
        Box::pin(self.slowly(HashMap::clear))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_read_is_older_than_its_last_invalidation_where_the_backend_keeps_no_rights() {
    static VERSION: AtomicUsize = AtomicUsize::new(0);
    static FLOOR: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "guarded")]
    async fn read(dawdle: u32) -> usize {
        let seen = VERSION.load(SeqCst);
        for _ in 0..dawdle {
            yield_now().await;
        }
        seen
    }
    let cache = Cache::builder().route("", Plain::default()).build().await.unwrap();
    let mut tasks = JoinSet::new();
    for task in 0..32 {
        let inside = cache.clone();
        tasks.spawn(Scope::new().cache(&cache).run(async move {
            let mut random = fastrand::Rng::with_seed(task);
            let mut stale = 0;
            for _ in 0..300 {
                if random.u32(0..5) == 0 {
                    let version = VERSION.fetch_add(1, SeqCst) + 1;
                    match random.u32(0..10) {
                        0 => inside.clear().await.unwrap(),
                        _ => drop(inside.delete("guarded").await.unwrap()),
                    }
                    FLOOR.fetch_max(version, SeqCst);
                } else {
                    let floor = FLOOR.load(SeqCst);
                    stale += usize::from(read(random.u32(0..4)).await < floor);
                }
            }
            stale
        }));
    }
    assert_eq!(tasks.join_all().await.into_iter().sum::<usize>(), 0);
    assert_eq!(cache.in_flight(), 0);
}

#[tokio::test]
async fn a_byte_backend_that_shows_its_entries_is_read_by_every_command() {
    let cache = Cache::builder().route("", Plain { shows: true, ..Plain::default() }).build().await.unwrap();
    cache.set("k", &7usize).await.unwrap();
    assert_eq!(cache.get::<usize>("k").await.unwrap(), Some(7));
    assert_eq!(cache.get_many::<usize, _>(["k"]).await.unwrap(), [Some(7)]);
}

#[test]
fn a_call_is_not_much_larger_than_its_body() {
    #[cached(ttl = "1h", key = "sized:<id>")]
    async fn inner(id: u32) -> [u8; 1024] {
        let body = [u8::try_from(id % 256).unwrap_or(0); 1024];
        yield_now().await;
        body
    }
    #[cached(ttl = "1h", key = "nested:<id>")]
    async fn outer(id: u32) -> u8 {
        inner(id).await[0]
    }
    let (inner, outer) = (size_of_val(&inner(1)), size_of_val(&outer(1)));
    println!("a body of 1 KiB: {inner} bytes; a call of it in another: {outer} bytes");
    assert!(inner < 3 * 1024 && outer < inner + 512, "{inner} and {outer} bytes");
}

#[tokio::test]
async fn who_names_every_placeholder_needs_no_backend_that_can_list_its_keys() {
    #[cached(ttl = "1h", key = "exact:<id>")]
    async fn read(id: u32) -> u32 {
        id
    }
    #[invalidate(read(id = id))]
    async fn change(id: u32) {}
    let cache = Cache::builder().route("", Plain::default()).build().await.unwrap();
    Scope::new()
        .cache(&cache)
        .run(async {
            assert_eq!((read(1).await, read(2).await), (1, 2));
            assert!(cache.scan("exact:*").await.unwrap_err().is_unsupported());
            change(1).await;
            assert_eq!((read::peek(1).await.unwrap(), read::peek(2).await.unwrap()), (None, Some(2)));
        })
        .await;
}
