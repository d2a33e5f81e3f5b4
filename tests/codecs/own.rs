//! A codec of one's own, beside what it does not know.

use macadamia::testing::Wire;
use macadamia::{Cache, EventKind, Route, Scope, cached};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use super::{GREETING, Reversed, plain, telling};

#[tokio::test]
async fn an_entry_of_an_unknown_codec_is_a_miss_that_is_told() {
    let wire = Wire::new();
    let writer = Cache::builder().route("", Route::to(wire.clone()).codec(&Reversed)).build().await.unwrap();
    writer.set("k", GREETING).await.unwrap();
    let (reader, told) = plain(&wire).await;
    assert_eq!(reader.get::<String>("k").await.unwrap(), None);
    let why = "the stored entry cannot be used: its codec, number 200, is not known here";
    assert_eq!(told.of(EventKind::Unreadable), [why]);
    assert_eq!(reader.get_many::<String, _>(["k"]).await.unwrap(), [None]);
    assert_eq!(told.of(EventKind::Unreadable), [why]);
    // It is there all the same.
    assert!(reader.exists("k").await.unwrap());
    assert_eq!(writer.get::<String>("k").await.unwrap().as_deref(), Some(GREETING));
}

#[tokio::test]
async fn a_function_that_meets_an_unknown_codec_runs_and_replaces_the_entry() {
    static RUNS: AtomicUsize = AtomicUsize::new(0);
    #[cached(ttl = "1h", key = "unknown")]
    async fn greeting() -> String {
        RUNS.fetch_add(1, SeqCst);
        "computed".to_owned()
    }
    let wire = Wire::new();
    let writer = Cache::builder().route("", Route::to(wire.clone()).codec(&Reversed)).build().await.unwrap();
    writer.set("unknown", GREETING).await.unwrap();
    let (reader, told) = plain(&wire).await;
    for _ in 0..2 {
        assert_eq!(Scope::new().cache(&reader).run(greeting()).await, "computed");
    }
    assert_eq!(RUNS.load(SeqCst), 1);
    assert_eq!(told.of(EventKind::Unreadable).len(), 1);
    assert_eq!(told.of(EventKind::Hit).len(), 1);
}

#[tokio::test]
async fn a_route_that_has_it_reads_what_ours_wrote_before() {
    let wire = Wire::new();
    let (before, _) = plain(&wire).await;
    before.set("old", GREETING).await.unwrap();
    let route = Route::to(wire.clone()).codec(&Reversed);
    let (after, told) = telling(Cache::builder().route("", route)).await;
    after.set("new", GREETING).await.unwrap();
    for key in ["old", "new"] {
        assert_eq!(after.get::<String>(key).await.unwrap().as_deref(), Some(GREETING), "{key}");
    }
    assert!(told.of(EventKind::Unreadable).is_empty());
}
