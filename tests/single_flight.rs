//! Of all callers that miss one key, one computes: whatever happens to it, nobody hangs and nothing leaks.

mod support;

use macadamia::testing::drop_after;
use macadamia::{EventKind, cached};
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::{Duration, Instant};
use support::{Fixture, settle};
use tokio::task::{JoinSet, yield_now};

async fn spawn_all<T: Send + 'static>(
    fixture: &Fixture,
    count: usize,
    call: impl Fn(usize) -> std::pin::Pin<Box<dyn Future<Output = T> + Send>>,
) -> Vec<T> {
    let mut tasks = JoinSet::new();
    for index in 0..count {
        tasks.spawn(macadamia::Scope::new().cache(&fixture.cache).run(call(index)));
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_callers_of_a_cold_key_run_the_function_once() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "stampede")]
    async fn value() -> usize {
        tokio::time::sleep(Duration::from_millis(50)).await;
        RUNS.fetch_add(1, SeqCst) + 41
    }
    for fixture in [Fixture::memory().await, Fixture::remote().await.0] {
        RUNS.store(0, SeqCst);
        let started = Instant::now();
        let values = spawn_all(&fixture, 10_000, |_| Box::pin(value())).await;
        assert!(values.iter().all(|value| *value == 41));
        assert_eq!(RUNS.load(SeqCst), 1);
        assert_eq!(fixture.cache.in_flight(), 0);
        println!("10,000 callers of a 50 ms function: {:?}", started.elapsed());
        let told = |kind| fixture.events.count(kind);
        assert_eq!(told(EventKind::Hit) + told(EventKind::Joined) + told(EventKind::Computed), 10_000);
    }
}

#[tokio::test]
async fn an_error_that_can_be_cloned_is_shared_by_all_who_wait() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static OPEN: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "shared-error")]
    async fn fails() -> Result<u8, String> {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        while !OPEN.load(SeqCst) {
            yield_now().await;
        }
        Err(format!("attempt {run}"))
    }
    let fixture = Fixture::memory().await;
    let mut tasks = JoinSet::new();
    for _ in 0..500 {
        tasks.spawn(macadamia::Scope::new().cache(&fixture.cache).run(fails()));
    }
    settle().await;
    OPEN.store(true, SeqCst);
    while let Some(outcome) = tasks.join_next().await {
        assert_eq!(outcome.unwrap(), Err("attempt 1".to_owned()));
    }
    assert_eq!((RUNS.load(SeqCst), fixture.events.count(EventKind::Joined)), (1, 499));
    assert_eq!(fixture.cache.in_flight(), 0);
    fixture.run(fails()).await.unwrap_err();
    assert_eq!(RUNS.load(SeqCst), 2, "an error is not stored");
}

/// Polls once.
async fn futures_poll<F: Future + ?Sized>(mut future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match future.as_mut().poll(cx) {
            std::task::Poll::Ready(out) => Some(out),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[tokio::test]
async fn an_error_that_cannot_be_cloned_lets_groups_of_1_2_4_8_try() {
    struct NoClone;
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static ALLOWED: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "groups")]
    async fn fails() -> Result<u8, NoClone> {
        let run = RUNS.fetch_add(1, SeqCst);
        while ALLOWED.load(SeqCst) <= run {
            yield_now().await;
        }
        Err(NoClone)
    }
    let fixture = Fixture::memory().await;
    let mut tasks = JoinSet::new();
    for _ in 0..40 {
        tasks.spawn(macadamia::Scope::new().cache(&fixture.cache).run(fails()));
    }
    let mut groups = Vec::new();
    while groups.iter().sum::<usize>() < 40 {
        settle().await;
        let started = RUNS.load(SeqCst);
        groups.push(started - ALLOWED.load(SeqCst));
        assert_ne!(groups.last(), Some(&0), "callers wait and nobody runs");
        ALLOWED.store(started, SeqCst);
    }
    while let Some(outcome) = tasks.join_next().await {
        assert!(outcome.unwrap().is_err());
    }
    assert_eq!(groups, [1, 2, 4, 8, 16, 9], "each caller got an error of its own");
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn a_success_after_failures_is_shared_with_all_who_still_wait() {
    struct NoClone;
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "recovers")]
    async fn recovers() -> Result<usize, NoClone> {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        settle().await;
        if run <= 3 { Err(NoClone) } else { Ok(run) }
    }
    let fixture = Fixture::memory().await;
    let outcomes = spawn_all(&fixture, 200, |_| Box::pin(recovers())).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_err()).count(), 3);
    assert!(RUNS.load(SeqCst) <= 7, "{} runs", RUNS.load(SeqCst));
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn a_panic_frees_the_slot_and_one_waiter_takes_over() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "panics")]
    async fn panics_once() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        settle().await;
        assert!(run > 1, "the first run panics");
        run
    }
    let fixture = Fixture::memory().await;
    let mut tasks = JoinSet::new();
    for _ in 0..50 {
        tasks.spawn(macadamia::Scope::new().cache(&fixture.cache).run(panics_once()));
    }
    let (mut values, mut panics) = (Vec::new(), 0);
    while let Some(outcome) = tasks.join_next().await {
        match outcome {
            Ok(value) => values.push(value),
            Err(error) => panics += usize::from(error.is_panic()),
        }
    }
    assert_eq!((panics, values), (1, vec![2; 49]));
    assert_eq!(RUNS.load(SeqCst), 2);
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn a_leader_dropped_at_any_await_point_leaves_no_slot_and_a_waiter_takes_over() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "dropped:<round>")]
    async fn slow(round: usize) -> usize {
        RUNS.fetch_add(1, SeqCst);
        for _ in 0..3 {
            yield_now().await;
        }
        round
    }
    for remote in [false, true] {
        let mut reached = 0;
        for polls in 0.. {
            let fixture = if remote { Fixture::remote().await.0 } else { Fixture::memory().await };
            RUNS.store(0, SeqCst);
            let mut waiters = JoinSet::new();
            let leader = fixture.run(async {
                let leader = slow(polls);
                let mut leader = Box::pin(drop_after(polls, leader));
                // The leader goes first, then the others queue up behind it.
                let first = futures_poll(leader.as_mut()).await;
                for _ in 0..5 {
                    waiters.spawn(macadamia::Scope::new().cache(&fixture.cache).run(slow(polls)));
                }
                match first {
                    Some(outcome) => outcome,
                    None => leader.await,
                }
            });
            let finished = leader.await.is_some();
            let values = tokio::time::timeout(Duration::from_secs(10), waiters.join_all()).await;
            assert_eq!(values.expect("a waiter hangs"), [polls; 5], "dropped after {polls} polls");
            assert!(RUNS.load(SeqCst) <= 2, "dropped after {polls} polls: {} runs", RUNS.load(SeqCst));
            assert_eq!(fixture.cache.in_flight(), 0, "dropped after {polls} polls");
            assert_eq!(fixture.run(slow(polls)).await, polls);
            assert!(RUNS.load(SeqCst) <= 2, "the answer was not stored");
            if finished {
                reached = polls;
                break;
            }
        }
        println!("remote: {remote}: dropped at {reached} points");
        assert!(reached >= if remote { 9 } else { 4 }, "only {reached} points were reached");
    }
}

#[tokio::test]
async fn a_leader_that_is_polled_once_and_kept_is_left_after_the_longest_wait() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "kept")]
    async fn slow() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        yield_now().await;
        run
    }
    for fixture in Fixture::quiet().await {
        RUNS.store(0, SeqCst);
        fixture
            .run(async {
                let mut leader = std::pin::pin!(slow());
                while RUNS.load(SeqCst) == 0 {
                    // Polled, and never again.
                    let polled = std::future::poll_fn(|cx| Poll::Ready(leader.as_mut().poll(cx))).await;
                    assert!(polled.is_pending());
                    yield_now().await;
                }
                let waiter = tokio::spawn(macadamia::Scope::current().run(slow()));
                settle().await;
                assert!(!waiter.is_finished());
                fixture.clock.advance(Duration::from_secs(30));
                let value = tokio::time::timeout(Duration::from_secs(10), waiter).await;
                assert_eq!(value.expect("the waiter hangs").ok(), Some(2));
            })
            .await;
    }
}

#[tokio::test]
async fn a_waiter_dropped_at_any_await_point_disturbs_nobody() {
    #[cached(ttl = "1h", key = "patient:<round>")]
    async fn slow(round: usize) -> usize {
        for _ in 0..5 {
            yield_now().await;
        }
        round
    }
    for polls in 0..8 {
        let (fixture, _) = Fixture::remote().await;
        fixture
            .run(async {
                let (leader, _, other) =
                    tokio::join!(slow(polls), drop_after(polls, slow(polls)), slow(polls));
                assert_eq!((leader, other), (polls, polls));
                assert_eq!(fixture.cache.in_flight(), 0);
            })
            .await;
    }
}

#[tokio::test]
async fn a_leader_that_hangs_is_left_behind_after_thirty_seconds() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    static RELEASED: AtomicBool = AtomicBool::new(false);
    #[cached(ttl = "1h", key = "hangs")]
    async fn hangs() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        while run == 1 && !RELEASED.load(SeqCst) {
            yield_now().await;
        }
        run
    }
    let fixture = Fixture::memory().await;
    let call = || macadamia::Scope::new().cache(&fixture.cache).run(hangs());
    let hung = tokio::spawn(call());
    settle().await;
    let waiter = tokio::spawn(call());
    settle().await;
    fixture.clock.advance(Duration::from_millis(29_999));
    settle().await;
    assert!(!waiter.is_finished());
    fixture.clock.advance(Duration::from_millis(1));
    assert_eq!(waiter.await.unwrap(), 2);
    assert_eq!(fixture.events.count(EventKind::WaitExpired), 1);
    // Newcomers have the new answer; the old leader gives its own to its own caller.
    assert_eq!(call().await, 2);
    RELEASED.store(true, SeqCst);
    assert_eq!(hung.await.unwrap(), 1);
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn a_function_that_asks_for_its_own_key_runs_instead_of_waiting_for_itself() {
    #[cached(ttl = "1h", key = "recursive")]
    async fn recursive(depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(recursive(depth - 1)).await + 1 }
    }
    #[cached(ttl = "1h", key = "ping")]
    async fn ping(depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(pong(depth - 1)).await + 1 }
    }
    #[cached(ttl = "1h", key = "pong")]
    async fn pong(depth: u32) -> u32 {
        if depth == 0 { 0 } else { Box::pin(ping(depth - 1)).await + 1 }
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(recursive(3).await, 3);
            assert_eq!(recursive(9).await, 3, "the outermost answer is what is stored");
            assert_eq!(ping(5).await, 5);
            assert!(fixture.events.count(EventKind::Recursion) >= 3);
            assert_eq!(fixture.cache.in_flight(), 0);
        })
        .await;
}

#[tokio::test]
async fn two_computations_that_need_each_other_do_not_wait_forever() {
    #[cached(ttl = "1h", key = "left:<deep>")]
    async fn left(deep: bool) -> u8 {
        settle().await;
        if deep { Box::pin(right(true)).await } else { 1 }
    }
    #[cached(ttl = "1h", key = "right:<deep>")]
    async fn right(deep: bool) -> u8 {
        settle().await;
        static ASKED: AtomicBool = AtomicBool::new(false);
        if deep && !ASKED.swap(true, SeqCst) { Box::pin(left(true)).await } else { 2 }
    }
    let fixture = Fixture::memory().await;
    let one = tokio::spawn(macadamia::Scope::new().cache(&fixture.cache).run(left(true)));
    let two = tokio::spawn(macadamia::Scope::new().cache(&fixture.cache).run(right(true)));
    // The clock stands still: only the recognised circle can end this.
    let both = async { (one.await.unwrap(), two.await.unwrap()) };
    assert_eq!(
        tokio::time::timeout(Duration::from_secs(10), both).await.expect("a circle of waiters"),
        (2, 2)
    );
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn functions_of_different_types_under_one_key_do_not_share() {
    #[cached(ttl = "1h", key = "contested")]
    async fn number() -> u64 {
        settle().await;
        1
    }
    #[cached(ttl = "1h", key = "contested")]
    async fn text() -> String {
        settle().await;
        "one".to_owned()
    }
    let fixture = Fixture::memory().await;
    fixture.run(async { assert_eq!(tokio::join!(number(), text()), (1, "one".to_owned())) }).await;
    assert_eq!(fixture.cache.in_flight(), 0);
}

#[tokio::test]
async fn a_waiter_shares_an_answer_that_is_not_stored() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "unstored", condition = |_: &usize| false)]
    async fn unstored() -> usize {
        let run = RUNS.fetch_add(1, SeqCst) + 1;
        settle().await;
        run
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            assert_eq!(tokio::join!(unstored(), unstored(), unstored()), (1, 1, 1));
            assert_eq!(unstored().await, 2);
        })
        .await;
}

#[tokio::test]
async fn instances_with_different_fields_have_different_entries() {
    struct Repo {
        tenant: u32,
        suffix: &'static str,
    }
    impl Repo {
        #[cached(ttl = "1h", key = "repo:<self.tenant>:<id>")]
        async fn load(&self, id: u64) -> String {
            settle().await;
            format!("{}-{id}{}", self.tenant, self.suffix)
        }
    }
    let fixture = Fixture::memory().await;
    fixture
        .run(async {
            let (a, b) = (Repo { tenant: 1, suffix: "!" }, Repo { tenant: 2, suffix: "?" });
            let (first, second, shared) = tokio::join!(a.load(7), b.load(7), a.load(7));
            assert_eq!((first.as_str(), second.as_str(), shared.as_str()), ("1-7!", "2-7?", "1-7!"));
        })
        .await;
}
