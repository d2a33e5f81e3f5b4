//! What calls allocate: a hit nothing, a call that a guard lets through little.

mod support;

use macadamia::{
    Cache, Error, Memory, cached, circuit_breaker, early, fail, hit, locked, perf, rate_limit, soft,
};
use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll, Waker};

/// Counts the allocations of this thread.
mod counting {
    #![expect(
        unsafe_code,
        reason = "a global allocator is an unsafe trait; this one only counts and forwards"
    )]

    use std::alloc::{GlobalAlloc, Layout, System};
    use std::cell::Cell;

    thread_local! {
        static COUNT: Cell<usize> = const { Cell::new(0) };
    }

    struct Counting;

    #[global_allocator]
    static ALLOCATOR: Counting = Counting;

    // SAFETY: every call is forwarded unchanged to the system allocator.
    unsafe impl GlobalAlloc for Counting {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            COUNT.set(COUNT.get() + 1);
            unsafe { System.alloc(layout) }
        }

        unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
            unsafe { System.dealloc(pointer, layout) }
        }

        unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
            COUNT.set(COUNT.get() + 1);
            unsafe { System.realloc(pointer, layout, size) }
        }
    }

    pub(super) fn during(work: impl FnOnce()) -> usize {
        let before = COUNT.get();
        work();
        COUNT.get() - before
    }
}

/// Polls a future that is ready at once.
fn now<F: Future>(future: F) -> F::Output {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(out) => out,
        Poll::Pending => panic!("a hit had to wait"),
    }
}

#[cached(ttl = "1h", key = "user:<id>:profile")]
async fn profile(id: u64) -> Arc<String> {
    Arc::new(id.to_string())
}

#[cached(ttl = "1h", key = "<tenant>:<name>:<lang>")]
async fn three_parts(tenant: u32, name: &str, lang: &str) -> Result<Option<Arc<str>>, String> {
    Ok(Some(format!("{tenant}{name}{lang}").into()))
}

#[cached(ttl = "1h", key = "long:<name>")]
async fn long_key(name: &str) -> Arc<str> {
    name.into()
}

/// The cache of all tests here: they may share a process.
static INSTALLED: LazyLock<()> = LazyLock::new(|| {
    let routes = Cache::builder().route("", Memory::builder().build()).route("other:", "null://");
    now(routes.build()).and_then(Cache::install).expect("the first cache of this process");
});

#[tokio::test]
async fn a_hit_of_an_arc_under_a_key_of_64_bytes_allocates_nothing() {
    LazyLock::force(&INSTALLED);
    let name = "n".repeat(59);
    for id in 0..100 {
        profile(id).await;
    }
    three_parts(7, "alice", "en").await.unwrap();
    long_key(&name).await;
    let hits = || {
        for round in 0..50 {
            for id in 0..100 {
                assert_eq!(now(profile(id)).len(), if id < 10 { 1 } else { 2 }, "{round}");
            }
            assert!(now(three_parts(7, "alice", "en")).is_ok());
            assert_eq!(now(long_key(&name)).len(), 59);
        }
    };
    // Thread-locals and the eviction policy's own buffers warm up first.
    hits();
    let allocations = counting::during(hits);
    // The eviction policy drains its read buffer now and then, which may allocate: less than one in a thousand hits.
    assert!(allocations <= 5, "{allocations} allocations in 5,100 hits");
    let spilled = "n".repeat(100);
    long_key(&spilled).await;
    assert!(counting::during(|| drop(now(long_key(&spilled)))) >= 1, "the counter counts");
}

#[early(ttl = "1h", key = "early:<id>")]
async fn refreshed_early(id: u64) -> Arc<u64> {
    Arc::new(id)
}

#[soft(ttl = "1h", key = "soft:<id>")]
async fn refreshed_in_time(id: u64) -> Result<Arc<u64>, Error> {
    Ok(Arc::new(id))
}

#[hit(ttl = "1h", cache_hits = 1_000_000, key = "hits:<id>")]
async fn refreshed_by_hits(id: u64) -> Arc<u64> {
    Arc::new(id)
}

#[rate_limit(limit = 1_000_000, period = "1h", key = "fixed:<id>")]
async fn fixed(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[rate_limit(limit = 1_000_000, period = "1h", key = "sliding:<id>", algorithm = "sliding")]
async fn sliding(id: u64) -> Result<u64, Error> {
    Ok(id)
}

// One call a nanosecond: each has a time of its own.
#[rate_limit(limit = 1_000_000_000, period = "1s", key = "gcra:<id>", algorithm = "gcra")]
async fn gcra(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[circuit_breaker(errors_rate = 50, period = "1h", ttl = "1m", key = "breaker")]
async fn broken_seldom(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[perf(ttl = "1m", factor = 1_000_000_000, key = "perf")]
async fn slow_seldom(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[locked(key = "locked:<id>")]
async fn alone(id: u64) -> Result<u64, Error> {
    Ok(id)
}

#[fail(ttl = "1h", key = "kept:<id>")]
async fn kept(id: u64) -> Result<u64, Error> {
    Ok(id)
}

/// Allocations of a hundred calls, each of which is done at once: the fewest of several times, for timers and the
/// eviction policy have their own now and then, in whichever thread is there.
fn of_a_hundred(call: impl Fn()) -> usize {
    LazyLock::force(&INSTALLED);
    // States grow to their size, and the eviction policy hears of an entry.
    (0..100).for_each(|_| call());
    let times = (0..20).map(|_| counting::during(|| (0..100).for_each(|_| call())));
    times.min().unwrap_or_default()
}

#[test]
fn a_hit_of_a_value_that_is_refreshed_allocates_nothing() {
    let hits = [
        of_a_hundred(|| drop(now(refreshed_early(7)))),
        of_a_hundred(|| drop(now(refreshed_in_time(7)))),
        of_a_hundred(|| drop(now(refreshed_by_hits(7)))),
    ];
    assert_eq!(hits, [0; 3]);
}

#[test]
fn what_a_call_allocates_that_is_let_through() {
    let calls = [
        ("fixed", of_a_hundred(|| assert!(now(fixed(7)).is_ok()))),
        ("sliding", of_a_hundred(|| assert!(now(sliding(7)).is_ok()))),
        ("gcra", of_a_hundred(|| assert!(now(gcra(7)).is_ok()))),
        ("circuit_breaker", of_a_hundred(|| assert!(now(broken_seldom(7)).is_ok()))),
        ("perf", of_a_hundred(|| assert!(now(slow_seldom(7)).is_ok()))),
        ("locked", of_a_hundred(|| assert!(now(alone(7)).is_ok()))),
        ("fail", of_a_hundred(|| assert!(now(kept(7)).is_ok()))),
    ];
    let each = calls.map(|(name, allocations)| (name, allocations / 100));
    let expected = [
        ("fixed", 2),
        ("sliding", 3),
        ("gcra", 2),
        ("circuit_breaker", 5),
        ("perf", 4),
        ("locked", 16),
        ("fail", 10),
    ];
    assert_eq!(each, expected, "{calls:?}");
}
