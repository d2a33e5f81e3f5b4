//! `lock = …` of `#[cached]`: one computation across processes, and nobody is refused.
#![allow(clippy::unwrap_used, reason = "a helper of tests")]
#![allow(clippy::unchecked_time_subtraction, reason = "the numbers are in view")]

mod support;

use macadamia::testing::{Faults, ManualClock, Wire, drop_after};
use macadamia::{
    Backend, Cache, CacheBuilder, Command, Error, EventKind, Memory, Scope, Step, Time, Transition, cached,
    locked,
};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;
use support::gate::{Gate, until};
use support::{Events, Fixture, settle};
use tokio::task::{JoinHandle, JoinSet};

const SECOND: Duration = Duration::from_secs(1);
const NANO: Duration = Duration::from_nanos(1);

fn spawned<F: Future<Output: Send> + Send + 'static>(cache: &Cache, call: F) -> JoinHandle<F::Output> {
    tokio::spawn(Scope::new().cache(cache).run(call))
}

/// The gate, and how many have come to it before.
#[cached(ttl = "1h", key = "k", lock = true)]
async fn value(gate: Arc<Gate>) -> usize {
    gate.pass().await;
    gate.entered()
}

/// Two processes that share a backend: each has its flights, both have the leases.
struct Two {
    clock: ManualClock,
    one: (Cache, Events),
    other: (Cache, Events),
}

impl Two {
    async fn over(shared: impl Fn(CacheBuilder) -> CacheBuilder) -> Self {
        let clock = ManualClock::new();
        let open = async || {
            let events = Events::default();
            let builder = shared(Cache::builder()).clock(clock.clone()).observer(events.clone());
            (builder.build().await.unwrap(), events)
        };
        Self { one: open().await, other: open().await, clock }
    }

    async fn each() -> [Self; 2] {
        let (wire, memory) = (Wire::new(), Memory::builder().check_interval(Duration::ZERO).build());
        let on_memory = Self::over(|builder| builder.route("", memory.clone())).await;
        [Self::over(|builder| builder.route("", wire.clone())).await, on_memory]
    }
}

/// What a process has written that is gone: the state of a lease that lasts this long yet.
struct Left(Duration);

impl Transition for Left {
    fn name(&self) -> &'static str {
        "lock"
    }

    fn step(&mut self, _: Option<&[u8]>, now: Time) -> Step {
        let (mut state, end) = (1_u64.to_le_bytes().to_vec(), now.after(self.0));
        state.extend_from_slice(&end.as_nanos().to_le_bytes());
        state.extend_from_slice(b"somebody");
        Step::Put(state, end)
    }
}

async fn leave_lease(wire: &Wire, lease: Duration) {
    wire.update(&"gen:k%lock".into(), &mut Left(lease)).await.unwrap();
}

async fn on_wire() -> (Fixture, Wire) {
    let (clock, events, wire) = (ManualClock::new(), Events::default(), Wire::new());
    let builder = Cache::builder().route("", wire.clone()).clock(clock.clone()).observer(events.clone());
    (Fixture { cache: builder.build().await.unwrap(), clock, events }, wire)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_callers_in_each_of_two_processes_one_computes() {
    for Two { one, other, .. } in Two::each().await {
        let gate = Arc::new(Gate::closed());
        let mut calls = JoinSet::new();
        for _ in 0..50 {
            calls.spawn(Scope::new().cache(&one.0).run(value(gate.clone())));
            calls.spawn(Scope::new().cache(&other.0).run(value(gate.clone())));
        }
        gate.until(1).await;
        settle().await;
        gate.open();
        assert!(calls.join_all().await.into_iter().all(|value| value == 1));
        let told = |kind| one.1.count(kind) + other.1.count(kind);
        assert_eq!((told(EventKind::Computed), told(EventKind::Stored)), (1, 1));
        assert_eq!(told(EventKind::Computed) + told(EventKind::Hit) + told(EventKind::Joined), 100);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn without_sharing_in_the_process_the_lease_alone_keeps_callers_apart() {
    #[cached(ttl = "1h", key = "alone", lock = true, single_flight = false)]
    async fn alone(gate: Arc<Gate>) -> usize {
        gate.pass().await;
        gate.entered()
    }
    for Fixture { cache, .. } in Fixture::each().await {
        let gate = Arc::new(Gate::opened());
        let mut calls = JoinSet::new();
        for _ in 0..20 {
            calls.spawn(Scope::new().cache(&cache).run(alone(gate.clone())));
        }
        assert!(calls.join_all().await.into_iter().all(|value| value == 1));
        assert_eq!(gate.entered(), 1);
    }
}

#[tokio::test]
async fn a_hit_never_touches_the_lease() {
    let (fixture, faults) = Fixture::remote().await;
    let gate = Arc::new(Gate::opened());
    fixture
        .run(async {
            value(gate.clone()).await;
            // The release goes on behind the caller's back.
            until(|| faults.commands() >= 6, "the lease is not released").await;
            let before = faults.commands();
            for _ in 0..10 {
                assert_eq!(value(gate.clone()).await, 1);
            }
            assert_eq!(faults.commands() - before, 10, "each hit reads, and does nothing else");
        })
        .await;
}

#[tokio::test]
async fn what_it_costs_a_miss_is_a_lease_a_second_look_and_a_release() {
    #[cached(ttl = "1h", key = "plain", lock = false)]
    async fn plain() -> u8 {
        1
    }
    let (fixture, faults) = Fixture::remote().await;
    fixture
        .run(async {
            plain().await;
            let without = faults.commands();
            value(Arc::new(Gate::opened())).await;
            until(|| faults.commands() == 2 * without + 3, "the commands are others").await;
            // Locks that are switched off are not asked for.
            fixture.cache.delete("k").await.unwrap();
            let before = faults.commands();
            Scope::new().disable(Command::Lock).run(value(Arc::new(Gate::opened()))).await;
            assert_eq!(faults.commands() - before, without);
        })
        .await;
}

#[tokio::test]
async fn who_waits_has_the_value_as_soon_as_it_is_there() {
    for Two { one, other, .. } in Two::each().await {
        let (closed, opened) = (Arc::new(Gate::closed()), Arc::new(Gate::opened()));
        let computing = spawned(&one.0, value(closed.clone()));
        closed.until(1).await;
        let waiting = spawned(&other.0, value(opened.clone()));
        settle().await;
        closed.open();
        // The clock stands still.
        assert_eq!((computing.await.unwrap(), waiting.await.unwrap()), (1, 1));
        assert_eq!(opened.entered(), 0);
        assert_eq!(other.1.count(EventKind::Hit), 1);
    }
}

#[tokio::test]
async fn at_whatever_step_another_process_stores_the_value_it_is_not_computed_again() {
    for polls in 0..30 {
        let (faults, memory, clock) = (Faults::new(), Memory::default(), ManualClock::new());
        faults.yields(1);
        let open = |builder: CacheBuilder| builder.clock(clock.clone()).build();
        let slow = open(Cache::builder().route("", faults.wrap(memory.clone()))).await.unwrap();
        let quick = open(Cache::builder().route("", memory)).await.unwrap();
        let gate = Arc::new(Gate::opened());
        let mut halfway = Box::pin(Scope::new().cache(&slow).run(value(gate.clone())));
        let mut done = false;
        for _ in 0..polls {
            done = done || poll_fn(|cx| Poll::Ready(halfway.as_mut().poll(cx).is_ready())).await;
        }
        let other = spawned(&quick, value(gate.clone()));
        settle().await;
        if !done {
            assert_eq!(halfway.await, 1, "after {polls} polls");
        }
        assert_eq!(other.await.unwrap(), 1, "after {polls} polls");
    }
}

#[tokio::test]
async fn a_value_that_another_process_stored_is_found_while_its_lease_is_held() {
    let (Fixture { cache, clock, .. }, wire) = on_wire().await;
    leave_lease(&wire, 3600 * SECOND).await;
    let gate = Arc::new(Gate::opened());
    let waiting = spawned(&cache, value(gate.clone()));
    settle().await;
    cache.set("k", &7_usize).await.unwrap();
    clock.advance(SECOND);
    assert_eq!(waiting.await.unwrap(), 7);
    assert_eq!(gate.entered(), 0);
}

#[tokio::test]
async fn the_crash_of_a_holder_keeps_others_waiting_to_the_end_of_its_lease() {
    let (Fixture { cache, clock, events }, wire) = on_wire().await;
    leave_lease(&wire, 10 * SECOND).await;
    let gate = Arc::new(Gate::opened());
    let waiting = spawned(&cache, value(gate.clone()));
    settle().await;
    clock.advance(10 * SECOND - NANO);
    settle().await;
    assert_eq!(gate.entered(), 0);
    clock.advance(NANO);
    assert_eq!(waiting.await.unwrap(), 1);
    assert_eq!((events.count(EventKind::WaitExpired), events.count(EventKind::Stored)), (0, 1));
}

#[tokio::test]
async fn who_has_waited_as_long_as_callers_wait_for_each_other_computes() {
    let (Fixture { cache, clock, events }, wire) = on_wire().await;
    leave_lease(&wire, 3600 * SECOND).await;
    let gate = Arc::new(Gate::opened());
    let waiting = spawned(&cache, value(gate.clone()));
    settle().await;
    clock.advance(30 * SECOND - NANO);
    settle().await;
    assert_eq!(gate.entered(), 0);
    clock.advance(NANO);
    assert_eq!(waiting.await.unwrap(), 1);
    assert_eq!((events.count(EventKind::WaitExpired), events.count(EventKind::Stored)), (1, 1));
}

#[tokio::test]
async fn a_lease_is_renewed_as_long_as_the_function_runs() {
    #[cached(ttl = "1h", key = "short", lock = "3s")]
    async fn short(gate: Arc<Gate>) -> usize {
        gate.pass().await;
        gate.entered()
    }
    for Two { clock, one, other } in Two::each().await {
        let (closed, opened) = (Arc::new(Gate::closed()), Arc::new(Gate::opened()));
        let computing = spawned(&one.0, short(closed.clone()));
        closed.until(1).await;
        for _ in 0..10 {
            until(|| clock.sleepers() > 0, "nobody renews").await;
            clock.advance(SECOND);
        }
        until(|| clock.sleepers() > 0, "nobody renews").await;
        let waiting = spawned(&other.0, short(opened.clone()));
        settle().await;
        assert_eq!(opened.entered(), 0);
        closed.open();
        assert_eq!((computing.await.unwrap(), waiting.await.unwrap()), (1, 1));
        until(|| clock.sleepers() == 0, "the renewal goes on").await;
        assert_eq!(one.1.count(EventKind::LeaseLost), 0);
    }
}

#[tokio::test]
async fn a_computation_that_loses_its_lease_gives_its_answer_and_stores_nothing() {
    for Two { clock, one, other } in Two::each().await {
        let (closed, opened) = (Arc::new(Gate::closed()), Arc::new(Gate::opened()));
        let late = spawned(&one.0, value(closed.clone()));
        closed.until(1).await;
        let joined = spawned(&one.0, value(closed.clone()));
        settle().await;
        // As in a process that stood still: the renewal comes too late.
        clock.advance(11 * SECOND);
        opened.pass().await;
        assert_eq!(spawned(&other.0, value(opened.clone())).await.unwrap(), 2);
        closed.open();
        assert_eq!((late.await.unwrap(), joined.await.unwrap()), (1, 1), "who joined has the answer too");
        assert_eq!(one.0.get::<usize>("k").await.unwrap(), Some(2));
        assert_eq!((one.1.count(EventKind::LeaseLost), one.1.count(EventKind::Stored)), (1, 0));
        assert_eq!((other.1.count(EventKind::LeaseLost), other.1.count(EventKind::Stored)), (0, 1));
    }
}

#[tokio::test]
async fn a_backend_that_fails_between_look_and_lease_is_no_reason_not_to_compute() {
    let cache =
        |events: &Events| Cache::builder().route("", support::echo::Echo).observer(events.clone()).build();
    let events = Events::default();
    let cache = cache(&events).await.unwrap();
    let answer = Scope::new().cache(&cache).run(value(Arc::new(Gate::opened()))).await;
    assert_eq!(answer, 1);
    assert_eq!(events.count(EventKind::Rejected), 0);

    let (fixture, faults) = Fixture::remote().await;
    let gate = Arc::new(Gate::opened());
    faults.fail(Some(Error::backend("down")));
    assert_eq!(fixture.run(value(gate.clone())).await, 1);
    assert_eq!(faults.commands(), 1, "a backend that just failed is not asked for a lease");
    faults.fail(None);
    assert_eq!(fixture.run(value(gate)).await, 2);
}

#[tokio::test]
async fn a_call_dropped_at_any_await_leaves_no_lease() {
    for Two { one, other, .. } in Two::each().await {
        for polls in 0.. {
            let call = || Scope::new().cache(&one.0).run(value(Arc::new(Gate::opened())));
            let done = drop_after(polls, call()).await.is_some();
            other.0.delete("k").await.unwrap();
            // The clock stands still: what was left behind would be waited for without end.
            let next = spawned(&other.0, value(Arc::new(Gate::opened())));
            assert_eq!(tokio::time::timeout(10 * SECOND, next).await.unwrap().unwrap(), 1);
            other.0.delete("k").await.unwrap();
            if done {
                assert!(polls > 1);
                break;
            }
            assert!(polls < 100);
        }
    }
}

#[tokio::test]
async fn a_panic_and_an_error_release_the_lease() {
    #[cached(ttl = "1h", key = "failing", lock = true)]
    async fn failing(panics: bool, fails: bool) -> Result<u8, String> {
        assert!(!panics, "as the test asks");
        if fails { Err("as the test asks".to_owned()) } else { Ok(1) }
    }
    for Two { one, other, .. } in Two::each().await {
        let _: tokio::task::JoinError = spawned(&one.0, failing(true, false)).await.unwrap_err();
        spawned(&other.0, failing(false, true)).await.unwrap().unwrap_err();
        assert_eq!(spawned(&one.0, failing(false, false)).await.unwrap(), Ok(1));
    }
}

#[tokio::test]
async fn the_lease_is_beside_the_value_and_no_lock_of_the_same_name() {
    #[locked(key = "user:<id>")]
    #[cached(ttl = "1h", key = "user:<id>", lock = true)]
    async fn user(id: u32) -> Result<u32, Error> {
        Ok(id)
    }
    let [rest, users, locks] = [Faults::new(), Faults::new(), Faults::new()];
    let wrap = |faults: &Faults| faults.wrap(Memory::default());
    let builder = Cache::builder().route("", wrap(&rest)).route("user:", wrap(&users));
    let cache = builder.route("lock:", wrap(&locks)).route("gen:", wrap(&rest)).build().await.unwrap();
    assert_eq!(Scope::new().cache(&cache).run(user(7)).await.unwrap(), 7);
    assert_eq!((rest.commands(), locks.commands()), (0, 2));
    assert!(users.commands() >= 5);
}

#[tokio::test]
async fn leases_are_not_listed_or_deleted_with_values_and_end_with_all_there_is() {
    for Fixture { cache, .. } in Fixture::each().await {
        let gate = Arc::new(Gate::closed());
        let call = spawned(&cache, value(gate.clone()));
        gate.until(1).await;
        assert_eq!(cache.scan("*").await.unwrap().len(), 0);
        assert_eq!(cache.delete_match("*").await.unwrap(), 0);
        assert_eq!(cache.scan("gen:*").await.unwrap().len(), 1);
        cache.clear().await.unwrap();
        assert_eq!(cache.scan("gen:*").await.unwrap().len(), 0);
        gate.open();
        call.await.unwrap();
    }
    let cache = Cache::builder().route("", Memory::default()).route("k", Wire::new()).build().await.unwrap();
    let gate = Arc::new(Gate::closed());
    let call = spawned(&cache, value(gate.clone()));
    gate.until(1).await;
    assert_eq!(cache.scan("gen:k*").await.unwrap().len(), 1);
    cache.clear().await.unwrap();
    assert_eq!(
        cache.scan("gen:k*").await.unwrap().len(),
        0,
        "the route's own keys are those under its prefix"
    );
    gate.open();
    call.await.unwrap();
}

#[tokio::test]
async fn a_function_that_asks_for_its_own_value_does_not_wait_for_its_own_lease() {
    #[cached(ttl = "1h", key = "own", lock = true, single_flight = false)]
    async fn own(depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(own(depth - 1)).await + 1 }
    }
    #[cached(ttl = "1h", key = "shared", lock = true)]
    async fn shared(depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(shared(depth - 1)).await + 1 }
    }
    for fixture in Fixture::each().await {
        let calls = fixture.run(async { (own(3).await, shared(3).await) });
        assert_eq!(tokio::time::timeout(10 * SECOND, calls).await.unwrap(), (3, 3));
    }
}

type Boxed = Pin<Box<dyn Future<Output = u8>>>;

#[cached(ttl = "1h", key = "left", lock = true)]
async fn left(gate: Arc<Gate>, other: Option<fn(Arc<Gate>) -> Boxed>) -> u8 {
    let Some(other) = other else { return 1 };
    gate.pass().await;
    other(gate).await
}

#[cached(ttl = "1h", key = "right", lock = true)]
async fn right(gate: Arc<Gate>, other: Option<fn(Arc<Gate>) -> Boxed>) -> u8 {
    let Some(other) = other else { return 2 };
    gate.pass().await;
    other(gate).await
}

#[tokio::test]
async fn two_functions_that_wait_for_each_other_do_not_wait_for_each_other_s_leases() {
    for fixture in Fixture::each().await {
        let gate = Arc::new(Gate::closed());
        let opens = async {
            gate.until(2).await;
            gate.open();
        };
        let calls = fixture.run(async {
            tokio::join!(
                left(gate.clone(), Some(|gate| Box::pin(right(gate, None)))),
                right(gate.clone(), Some(|gate| Box::pin(left(gate, None)))),
                opens,
            )
        });
        let (one, other, ()) = tokio::time::timeout(10 * SECOND, calls).await.unwrap();
        assert!(one == 1 || other == 2, "one of them was computed beside the other: {one} {other}");
    }
}

#[tokio::test]
async fn what_is_recomputed_on_purpose_waits_for_no_lease() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "k", lock = true)]
    async fn anew() -> usize {
        RUNS.fetch_add(1, SeqCst) + 1
    }
    let (fixture, wire) = on_wire().await;
    fixture
        .run(async {
            assert_eq!(anew().await, 1);
            leave_lease(&wire, 3600 * SECOND).await;
            assert_eq!(anew().await, 1, "a hit asks nobody");
            let further = Scope::new().invalidate_further();
            assert_eq!(tokio::time::timeout(10 * SECOND, further.run(anew())).await.unwrap(), 2);
            assert_eq!(tokio::time::timeout(10 * SECOND, anew::refresh()).await.unwrap(), 3);
            assert_eq!(anew().await, 3);
        })
        .await;
}

#[tokio::test]
async fn a_value_invalidated_meanwhile_is_not_stored_with_a_lease_either() {
    for Fixture { cache, events, .. } in Fixture::each().await {
        let gate = Arc::new(Gate::closed());
        let call = spawned(&cache, value(gate.clone()));
        gate.until(1).await;
        cache.delete("k").await.unwrap();
        gate.open();
        assert_eq!(call.await.unwrap(), 1);
        assert_eq!(cache.get::<usize>("k").await.unwrap(), None);
        assert_eq!((events.count(EventKind::Overtaken), events.count(EventKind::LeaseLost)), (1, 0));
    }
}
