//! What is deleted is gone.

use super::bench::{Answer, Bench};
use super::verbs::keyed;
use crate::testing::drop_after;

pub(super) async fn a_deletion_tells_whether_an_entry_went(bench: Bench) {
    assert!(!bench.delete("k").await, "there was nothing to delete");
    bench.set("k", "v").await;
    bench.set("other", "v").await;
    assert!(bench.delete("k").await, "there was an entry to delete");
    must_eq!(bench.get("k").await, None, "it was deleted");
    assert!(!bench.delete("k").await, "it was deleted before");
    assert!(bench.get("other").await.is_some(), "another key was deleted");
}

pub(super) async fn several_are_deleted_and_counted_once(bench: Bench) {
    for key in ["a", "b", "c"] {
        bench.set(key, key).await;
    }
    let deleted = bench.backend.delete_many(&keyed(&["a", "none", "b", "a"])).await.of("delete_many");
    must_eq!(deleted, 2, "a key that is named twice goes once, and one that is not there not at all");
    let left = bench.get_many(&["a", "b", "c"]).await;
    must_eq!(left.iter().map(Option::is_some).collect::<Vec<_>>(), [false, false, true]);
}

pub(super) async fn after_a_clear_nothing_is_left(bench: Bench) {
    let keys = ["a", "user:1", "*", "lock:user:1", "fail:user:1", "gen:x"];
    for key in keys {
        bench.set(key, "v").await;
    }
    bench.clear().await;
    for key in keys {
        must_eq!(bench.get(key).await, None, "{key:?} is still there");
    }
    bench.clear().await;
}

pub(super) async fn after_a_flush_nothing_is_left(bench: Bench) {
    bench.set("a", "v").await;
    bench.set("lock:a", "v").await;
    bench.backend.flush_all().await.of("flush_all");
    must_eq!((bench.get("a").await, bench.get("lock:a").await), (None, None));
}

pub(super) async fn what_was_removed_can_be_set_again(bench: Bench) {
    bench.set("k", "one").await;
    bench.delete("k").await;
    bench.set("k", "two").await;
    must_eq!(bench.get("k").await.as_deref(), Some("two"), "after a deletion");
    bench.clear().await;
    bench.set("k", "three").await;
    must_eq!(bench.get("k").await.as_deref(), Some("three"), "after a clear");
}

/// Drops a store after its first poll, its second, …, and deletes: whatever was on its way must not arrive.
pub(super) async fn a_store_that_was_dropped_does_not_come_after_a_deletion(bench: Bench) {
    for polls in 1..1_000 {
        let done = drop_after(polls, bench.set("k", "late")).await.is_some();
        bench.delete("k").await;
        settle(&bench).await;
        must_eq!(bench.get("k").await, None, "a `set` dropped after {polls} polls stored after a `delete`");
        if done {
            return;
        }
    }
}

pub(super) async fn a_store_of_several_that_was_dropped_does_not_come_after_a_clear(bench: Bench) {
    for polls in 1..1_000 {
        let done = drop_after(polls, bench.set_many(&[("a", "late"), ("b", "late")])).await.is_some();
        bench.clear().await;
        settle(&bench).await;
        let left = bench.get_many(&["a", "b"]).await;
        must_eq!(left, [None, None], "a `set_many` dropped after {polls} polls stored after a `clear`");
        if done {
            return;
        }
    }
}

/// Time for what the backend does behind our back.
async fn settle(bench: &Bench) {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    let moment = if bench.is_real_time() { 50 } else { 2 };
    tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
}
