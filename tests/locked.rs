//! `#[locked]`: one call of a key at a time, who waits for it and how long, and who counts it.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use async_trait::async_trait;
use macadamia::testing::{Faults, ManualClock, Wire};
use macadamia::{
    Cache, Command, Error, EventKind, Memory, Outcome, Scope, Stats, cached, detect, locked, rate_limit,
    registry,
};
use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use support::gate::Gate;
use support::{Fixture, settle};
use tokio::task::{JoinHandle, JoinSet};

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

/// The call in a task of its own, on this cache.
fn spawned<F: Future<Output: Send> + Send + 'static>(cache: &Cache, call: F) -> JoinHandle<F::Output> {
    tokio::spawn(Scope::new().cache(cache).run(call))
}

#[locked(key = "k")]
async fn patient(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[locked(key = "k", wait = "5s")]
async fn hurried(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[locked(key = "k", wait = false)]
async fn impatient(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[locked(ttl = "3s", wait = false, key = "short:<of>")]
async fn short(of: usize, gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[tokio::test]
async fn a_holder_that_is_not_heard_of_for_its_lease_has_lost_the_lock_and_a_nanosecond_earlier_not() {
    for (late, enters) in [(SECOND * 3 - NANO, false), (SECOND * 3, true)] {
        for (of, fixture) in Fixture::each().await.into_iter().enumerate() {
            let of = of + 10 * usize::from(enters);
            let gate = Arc::new(Gate::closed());
            let held = spawned(&fixture.cache, short(of, Arc::clone(&gate)));
            settle().await;
            // At one go: no renewal comes in time.
            fixture.clock.advance(late);
            let second = fixture.run(async {
                tokio::select! {
                    biased;
                    answer = short(of, Arc::clone(&gate)) => Some(answer.is_ok()),
                    () = settle() => None,
                }
            });
            let second = second.await;
            assert_eq!((second, gate.entered()), if enters { (None, 2) } else { (Some(false), 1) });
            gate.open();
            held.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_callers_at_once_no_two_run_together() {
    for Fixture { cache, .. } in Fixture::each().await {
        let gate = Arc::new(Gate::opened());
        let mut calls = JoinSet::new();
        for _ in 0..100 {
            calls.spawn(Scope::new().cache(&cache).run(patient(gate.clone())));
        }
        assert!(calls.join_all().await.into_iter().all(|answer| answer.is_ok()));
        assert_eq!((gate.entered(), gate.most()), (100, 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn nor_of_those_of_two_caches_that_share_a_backend() {
    let (clock, wire, memory) = (ManualClock::new(), Wire::new(), Memory::default());
    let caches =
        async |builder: fn() -> macadamia::CacheBuilder,
               shared: &dyn Fn(macadamia::CacheBuilder) -> macadamia::CacheBuilder| {
            let open = || shared(builder()).clock(clock.clone()).build();
            [open().await.unwrap(), open().await.unwrap()]
        };
    let of_wire = caches(Cache::builder, &|builder| builder.route("", wire.clone())).await;
    let of_memory = caches(Cache::builder, &|builder| builder.route("", memory.clone())).await;
    for caches in [of_wire, of_memory] {
        let gate = Arc::new(Gate::opened());
        let mut calls = JoinSet::new();
        for number in 0..100 {
            calls.spawn(Scope::new().cache(&caches[number % 2]).run(patient(gate.clone())));
        }
        assert!(calls.join_all().await.into_iter().all(|answer| answer.is_ok()));
        assert_eq!((gate.entered(), gate.most()), (100, 1));
    }
}

#[tokio::test]
async fn each_waits_as_long_as_it_says_and_a_nanosecond_less_is_not_enough() {
    for Fixture { cache, clock, .. } in Fixture::each().await {
        let gate = Arc::new(Gate::opened());
        let _held = cache.lock("k", "1h").await.unwrap();
        assert_eq!(
            spawned(&cache, impatient(gate.clone())).await.unwrap().unwrap_err().to_string(),
            Error::Locked.to_string()
        );
        let (long, short) = (spawned(&cache, patient(gate.clone())), spawned(&cache, hurried(gate.clone())));
        settle().await;
        clock.advance(5 * SECOND - NANO);
        settle().await;
        assert!(!short.is_finished());
        clock.advance(NANO);
        assert!(matches!(short.await.unwrap(), Err(Error::LockTimeout)));
        clock.advance(55 * SECOND - NANO);
        settle().await;
        assert!(!long.is_finished());
        clock.advance(NANO);
        assert!(matches!(long.await.unwrap(), Err(Error::LockTimeout)));
        assert_eq!(gate.entered(), 0, "the function ran for a call that was refused");
    }
}

#[tokio::test]
async fn a_waiter_wakes_at_the_release_while_the_clock_stands_still() {
    for Fixture { cache, .. } in Fixture::each().await {
        let (closed, opened) = (Arc::new(Gate::closed()), Arc::new(Gate::opened()));
        let holder = spawned(&cache, patient(closed.clone()));
        closed.until(1).await;
        let waiter = spawned(&cache, patient(opened.clone()));
        settle().await;
        assert_eq!(opened.entered(), 0);
        closed.open();
        holder.await.unwrap().unwrap();
        waiter.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn who_came_first_is_served_first() {
    #[locked(key = "in-order")]
    async fn noted(number: usize, order: Arc<Mutex<Vec<usize>>>) -> Result<(), Error> {
        order.lock().unwrap().push(number);
        tokio::task::yield_now().await;
        Ok(())
    }
    for Fixture { cache, .. } in Fixture::each().await {
        let order = Arc::new(Mutex::new(Vec::new()));
        let held = cache.lock("in-order", "1h").await.unwrap();
        let mut calls = Vec::new();
        for number in 0..20 {
            calls.push(spawned(&cache, noted(number, order.clone())));
            settle().await;
        }
        held.release().await.unwrap();
        for call in calls {
            call.await.unwrap().unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..20).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn calls_one_after_the_other_are_not_in_their_own_way() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let gate = Arc::new(Gate::opened());
                for _ in 0..50 {
                    impatient(gate.clone()).await.unwrap();
                }
            })
            .await;
    }
}

#[locked(wait = false, skip(_trace))]
async fn by_default(tenant: &str, page: Option<u8>, _trace: u8, gate: &Nameless) -> Result<(), Error> {
    let _ = (tenant, page);
    gate.0.pass().await;
    Ok(())
}

/// In a key, always the same.
struct Nameless(Gate);

impl std::fmt::Display for Nameless {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("gate")
    }
}

#[tokio::test]
async fn without_a_key_calls_of_other_arguments_do_not_wait_for_each_other() {
    let fixture = Fixture::memory().await;
    let gate = Arc::new(Nameless(Gate::closed()));
    let call = |tenant: &'static str, page, trace| {
        let gate = gate.clone();
        spawned(&fixture.cache, async move { by_default(tenant, page, trace, &gate).await })
    };
    let running = [call("a", None, 0), call("a", Some(1), 0), call("b", None, 0)];
    gate.0.until(3).await;
    assert!(matches!(call("a", None, 1).await.unwrap(), Err(Error::Locked)));
    gate.0.open();
    for call in running {
        call.await.unwrap().unwrap();
    }
}

static KINDS: AtomicUsize = AtomicUsize::new(0);

/// Two at once would see each other.
async fn alone<T>(answer: T) -> Result<T, Error> {
    assert_eq!(KINDS.fetch_add(1, SeqCst), 0, "two run at once");
    for _ in 0..5 {
        tokio::task::yield_now().await;
    }
    KINDS.fetch_sub(1, SeqCst);
    Ok(answer)
}

struct Desk {
    id: u32,
}

impl Desk {
    #[locked(key = "desk:<self.id>")]
    async fn by_ref(&self) -> Result<u32, Error> {
        alone(self.id).await
    }

    #[locked(skip(self))]
    async fn by_mut(&mut self) -> Result<u32, Error> {
        self.id += 1;
        alone(self.id).await
    }

    #[locked]
    async fn associated(id: u32) -> Result<Self, Error> {
        alone(Self { id }).await
    }
}

trait Native {
    fn native(&self) -> impl Future<Output = Result<u32, Error>> + Send;
}

impl Native for Desk {
    #[locked(skip(self), fence = token)]
    async fn native(&self) -> Result<u32, Error> {
        assert!(token.get() > 0);
        alone(self.id).await
    }
}

#[async_trait]
trait Boxed {
    async fn boxed(&self, by: &str) -> Result<usize, Error>;
}

#[async_trait]
impl Boxed for Desk {
    #[locked(skip(self), fence = token)]
    async fn boxed(&self, by: &str) -> Result<usize, Error> {
        assert!(token.get() > 0);
        alone(by.len()).await
    }
}

#[locked(key = "generic:<value>")]
async fn generic<T: std::fmt::Display + Sync>(
    value: &T,
) -> Result<Option<String>, Box<dyn std::error::Error>> {
    Ok(Some(alone(value.to_string()).await?))
}

#[locked(fence = token)]
fn opaque(id: u32) -> impl Future<Output = Result<u64, Error>> + Send {
    async move { alone(token.get() + u64::from(id)).await }
}

#[tokio::test]
async fn functions_and_methods_of_every_kind_can_be_locked() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let (mut one, mut other) = (Desk { id: 1 }, Desk { id: 1 });
                let done = tokio::join!(one.by_ref(), other.by_ref(), one.by_ref());
                assert!(done.0.is_ok() && done.1.is_ok() && done.2.is_ok());
                let done = tokio::join!(one.by_mut(), other.by_mut());
                assert_eq!((done.0.unwrap(), done.1.unwrap()), (2, 2));
                let done = tokio::join!(Desk::associated(1), Desk::associated(1));
                assert!(done.0.is_ok() && done.1.is_ok());
                let done = tokio::join!(one.native(), other.native());
                assert!(done.0.is_ok() && done.1.is_ok());
                let done = tokio::join!(one.boxed("x"), other.boxed("x"));
                assert!(done.0.is_ok() && done.1.is_ok());
                let done = tokio::join!(generic(&1), generic(&"1"));
                assert!(done.0.is_ok() && done.1.is_ok());
                let done = tokio::join!(opaque(1), opaque(1));
                assert_ne!(done.0.unwrap(), done.1.unwrap(), "a fence is of one acquisition");
            })
            .await;
    }
}

/// An error that cannot be sent between threads makes no locked call one that cannot.
#[tokio::test]
async fn a_call_whose_error_cannot_be_sent_can() {
    let fixture = Fixture::wire().await;
    let call = spawned(&fixture.cache, async { generic(&7).await.is_ok() });
    assert!(call.await.unwrap());
}

#[locked(key = "fenced", fence = token)]
async fn fenced() -> Result<u64, Error> {
    Ok(token.get())
}

#[tokio::test]
async fn the_fence_grows_with_each_holder() {
    for fixture in Fixture::each().await {
        fixture
            .run(async {
                let mut last = 0;
                for _ in 0..10 {
                    let fence = fenced().await.unwrap();
                    assert!(fence > last);
                    last = fence;
                }
                assert!(fixture.cache.delete("lock:fenced").await.unwrap());
                fixture.clock.advance(Duration::from_micros(1));
                assert!(fenced().await.unwrap() > last, "also if the lock was forgotten");
            })
            .await;
    }
}

#[locked(key = "inside", fence = token)]
#[cached(ttl = "1h", key = "numbered:<id>", when = token.get() > 0, condition = |value| *value > 0)]
async fn numbered(id: u64) -> Result<u64, Error> {
    let _ = id;
    Ok(token.get())
}

#[tokio::test]
async fn layers_inside_see_the_fence_too() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let first = numbered(1).await.unwrap();
            assert_eq!(numbered(1).await.unwrap(), first);
            // Who holds nothing has none.
            assert_eq!(Scope::new().disable(Command::Lock).run(numbered(1)).await.unwrap(), 0);
        })
        .await;
    assert_eq!(stats("numbered"), (1, 1, 0, 1));
}

fn all_stats(name: &str) -> Stats {
    registry().find(|function| function.name == name).unwrap().stats()
}

/// Hits, computed, rejected, bypassed; nothing else.
fn stats(name: &str) -> (u64, u64, u64, u64) {
    let stats = all_stats(name);
    assert_eq!(stats.calls(), stats.hits + stats.computed + stats.rejected + stats.bypassed);
    (stats.hits, stats.computed, stats.rejected, stats.bypassed)
}

#[cached(ttl = "1h", key = "outside:<id>")]
#[locked(key = "outside", wait = false)]
async fn cached_outside(id: u32) -> Result<u32, Error> {
    Ok(id)
}

#[locked(key = "told", wait = false, when = !admin)]
async fn told(admin: bool) -> Result<bool, Error> {
    Ok(admin)
}

#[tokio::test]
async fn a_lock_alone_counts_its_calls_and_tells_of_them() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            told(false).await.unwrap();
            let held = fixture.cache.lock("told", "1h").await.unwrap();
            let (refused, calls) = detect(told(false)).await;
            assert!(matches!(refused, Err(Error::Locked)));
            assert_eq!(calls.len(), 1);
            assert_eq!((calls[0].outcome, calls[0].strategy), (Outcome::Rejected, "locked"));
            assert_eq!(calls[0].key.as_str(), "lock:told");
            assert!(matches!(calls[0].error, Some(Error::Locked)));
            told(true).await.unwrap();
            Scope::new().disable(Command::Lock).run(told(false)).await.unwrap();
            drop(held);
        })
        .await;
    assert_eq!(stats("told"), (0, 1, 1, 2));
    assert_eq!(fixture.events.count(EventKind::Computed), 1);
    assert_eq!(fixture.events.count(EventKind::Rejected), 1);
    assert_eq!(fixture.events.count(EventKind::Bypassed), 2);
    let function = registry().find(|function| function.name == "told").unwrap();
    assert_eq!((function.strategies, function.template), (&["locked"][..], None));
}

#[tokio::test]
async fn a_hit_outside_of_the_lock_waits_for_nobody_and_every_call_is_counted_once() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            cached_outside(1).await.unwrap();
            let _held = fixture.cache.lock("outside", "1h").await.unwrap();
            assert_eq!(cached_outside(1).await.unwrap(), 1);
            assert!(matches!(cached_outside(2).await, Err(Error::Locked)));
            assert_eq!(fixture.cache.keys_count().await.unwrap(), 1, "a refusal is no answer to keep");
        })
        .await;
    assert_eq!(stats("cached_outside"), (1, 1, 1, 0));
}

#[locked(key = "both", wait = false)]
#[rate_limit(limit = 1, period = "1m", key = "both")]
async fn limited_inside() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn what_a_guard_inside_refuses_releases_the_lock_and_is_counted_once() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            limited_inside().await.unwrap();
            assert!(matches!(limited_inside().await, Err(Error::RateLimited { .. })));
            assert!(!fixture.cache.is_locked("both").await.unwrap());
        })
        .await;
    assert_eq!(stats("limited_inside"), (0, 1, 1, 0));
}

#[locked(key = "twice")]
#[locked(key = "twice", prefix = "inner")]
async fn twice() -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn of_two_locks_the_call_takes_both() {
    let fixture = Fixture::memory().await;
    for key in ["twice", "inner:twice"] {
        let _held = fixture.cache.lock(key, "1h").await.unwrap();
        let call = spawned(&fixture.cache, twice());
        settle().await;
        fixture.clock.advance(60 * SECOND);
        assert!(matches!(call.await.unwrap(), Err(Error::LockTimeout)), "{key} was not taken");
    }
    fixture.run(twice()).await.unwrap();
    assert_eq!(stats("twice"), (0, 1, 2, 0));
}

#[locked(key = "computed", ttl = lease, wait = wait)]
async fn computed(lease: Duration, wait: &str) -> Result<(), Error> {
    Ok(())
}

#[tokio::test]
async fn lease_and_wait_may_be_computed_and_what_is_none_is_refused() {
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            computed(SECOND, "5s").await.unwrap();
            assert!(matches!(computed(Duration::ZERO, "5s").await, Err(Error::Config(_))));
            assert!(matches!(computed(SECOND, "soon").await, Err(Error::Config(_))));
            let _held = fixture.cache.lock("computed", "1h").await.unwrap();
            assert!(matches!(computed(SECOND, "0").await, Err(Error::Locked)));
        })
        .await;
    assert_eq!(fixture.events.count(EventKind::BackendFailed), 0);
}

#[locked(key = "recursive:<from>")]
async fn recursive(from: u32, depth: u32) -> Result<u32, Error> {
    if depth == 0 {
        return Ok(0);
    }
    let next = if depth > 9 { from } else { from + 1 };
    Ok(Box::pin(recursive(next, depth - 1)).await? + 1)
}

#[locked(key = "asked-inside")]
async fn asks_inside(cache: &Cache, key: &str) -> Result<(), Error> {
    cache.lock(key, "1s").await.map(drop)
}

#[tokio::test]
async fn who_asks_for_a_lock_it_runs_under_is_refused_at_once_instead_of_waiting_for_itself() {
    for fixture in Fixture::each().await {
        let calls = fixture.run(async {
            assert_eq!(recursive(1, 5).await.unwrap(), 5, "the locks are others");
            assert!(matches!(recursive(1, 10).await, Err(Error::Locked)));
            assert!(matches!(asks_inside(&fixture.cache, "asked-inside").await, Err(Error::Locked)));
            asks_inside(&fixture.cache, "another").await.unwrap();
            assert!(!fixture.cache.is_locked("recursive:1").await.unwrap());
        });
        tokio::time::timeout(10 * SECOND, calls).await.unwrap();
    }
}

#[locked(key = "client:<@client>", wait = false)]
async fn by_context(gate: Arc<Gate>) -> Result<(), Error> {
    gate.pass().await;
    Ok(())
}

#[tokio::test]
async fn whom_nobody_can_name_runs_without_a_lock() {
    let fixture = Fixture::memory().await;
    let gate = Arc::new(Gate::closed());
    let unnamed = [
        spawned(&fixture.cache, by_context(gate.clone())),
        spawned(&fixture.cache, by_context(gate.clone())),
    ];
    gate.until(2).await;
    let named =
        |name| spawned(&fixture.cache, Scope::new().key("client", name).run(by_context(gate.clone())));
    let (one, other) = (named("a"), named("b"));
    gate.until(4).await;
    assert!(matches!(named("a").await.unwrap(), Err(Error::Locked)));
    gate.open();
    for call in unnamed.into_iter().chain([one, other]) {
        call.await.unwrap().unwrap();
    }
    assert_eq!(stats("by_context"), (0, 2, 1, 2));
}

#[tokio::test]
async fn states_go_where_a_route_names_their_prefix_else_with_their_key() {
    let [values, locks, own] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::builder().build());
    let calls = async |cache: &Cache| Scope::new().cache(cache).run(fenced()).await.unwrap();
    let with = Cache::builder().route("", wrap(&values)).route("fen", wrap(&own));
    calls(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), own.commands()), (0, 2));
    let with = Cache::builder().route("", wrap(&values)).route("lock:", wrap(&locks));
    calls(&with.build().await.unwrap()).await;
    assert_eq!((values.commands(), locks.commands()), (0, 2));
}

#[locked(key = "<name>")]
async fn by_name(name: &str, gate: &Gate) -> Result<(), Error> {
    let _ = name;
    gate.pass().await;
    Ok(())
}

#[tokio::test]
async fn a_waiter_wakes_at_the_release_of_a_lock_that_is_its_own_by_another_spelling() {
    let clock = ManualClock::new();
    let memory = Memory::builder().check_interval(Duration::ZERO).build();
    let cache = Cache::builder()
        .route("", memory)
        .middleware(macadamia::middleware::LowerKeys)
        .clock(clock.clone())
        .build()
        .await
        .unwrap();
    let gate = Gate::closed();
    let one = Scope::new().cache(&cache).run(by_name("Host", &gate));
    let other = Scope::new().cache(&cache).run(by_name("host", &gate));
    let all = async {
        tokio::join!(one, other, async {
            settle().await;
            assert_eq!(gate.entered(), 1);
            gate.open();
        })
    };
    let (one, other, ()) = tokio::time::timeout(SECOND * 5, all).await.expect("nobody told the waiter");
    one.unwrap();
    other.unwrap();
    assert_eq!(gate.most(), 1);
}
