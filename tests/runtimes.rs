//! Executors: no tokio runtime, several of them, one that ended.

mod support;

use macadamia::{Cache, Memory, Scope, cached};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

static RUNS: AtomicUsize = AtomicUsize::new(0);

#[cached(ttl = "1h", key = "anywhere:<id>")]
async fn anywhere(id: u32) -> u32 {
    RUNS.fetch_add(1, SeqCst);
    id
}

struct Unpark(std::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The smallest executor there is.
fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(out) => return out,
            Poll::Pending => std::thread::park(),
        }
    }
}

#[test]
fn an_annotated_function_runs_on_any_executor_and_without_tokio() {
    block_on(async {
        let cache = Cache::builder().route("", Memory::builder().build()).build().await.unwrap();
        let scope = || Scope::new().cache(&cache);
        assert_eq!(scope().run(anywhere(1)).await, 1);
        assert_eq!(scope().run(anywhere(1)).await, 1);
        assert_eq!(RUNS.load(SeqCst), 1);
        cache.set("k", &1).ttl("1h").await.unwrap();
        assert_eq!(cache.get::<i32>("k").await.unwrap(), Some(1));
    });
}

#[test]
fn a_command_that_hangs_times_out_without_a_runtime() {
    block_on(async {
        let faults = macadamia::testing::Faults::new();
        // Memory behind faults is still memory: only a byte backend has a limit of its own.
        let route = macadamia::Route::to(faults.wrap(macadamia::Null::new())).suppress(false);
        let cache = Cache::builder().route("", route).build().await.unwrap();
        faults.hang(true);
        let started = std::time::Instant::now();
        let outcome = cache.get::<i32>("k").await;
        assert!(matches!(outcome, Err(macadamia::Error::Timeout { .. })), "{outcome:?}");
        assert!(started.elapsed() >= Duration::from_millis(250));
    });
}

#[test]
fn a_waiter_on_one_runtime_has_the_answer_of_a_leader_on_another() {
    static STARTED: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "across")]
    async fn across() -> usize {
        std::future::poll_fn(|cx| {
            // Ready once the other thread has had time to queue up.
            if STARTED.fetch_add(1, SeqCst) < 200 {
                std::thread::sleep(Duration::from_millis(1));
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(())
        })
        .await;
        7
    }
    let cache = block_on(Cache::builder().route("", Memory::builder().build()).build()).unwrap();
    let run = |cache: Cache| {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(Scope::new().cache(&cache).run(across()))
        })
    };
    let threads = [run(cache.clone()), run(cache.clone()), run(cache.clone())];
    assert_eq!(threads.map(|thread| thread.join().unwrap()), [7, 7, 7]);
    assert_eq!(cache.in_flight(), 0);
}

#[test]
fn a_cache_outlives_the_runtime_it_was_first_used_on() {
    let cache = block_on(Cache::builder().route("", Memory::builder().build()).build()).unwrap();
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
        runtime.block_on(async {
            assert_eq!(cache.incr("rounds").ttl("1h").await.unwrap(), round + 1);
        });
    }
}
