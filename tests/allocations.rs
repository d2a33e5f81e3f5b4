//! A hit allocates nothing.

mod support;

use macadamia::{Cache, Memory, cached};
use std::future::Future;
use std::sync::Arc;
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

#[tokio::test]
async fn a_hit_of_an_arc_under_a_key_of_64_bytes_allocates_nothing() {
    Cache::builder()
        .route("", Memory::builder().build())
        .route("other:", "null://")
        .build()
        .await
        .unwrap()
        .install()
        .unwrap();
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
