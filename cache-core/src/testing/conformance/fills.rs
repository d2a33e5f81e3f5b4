//! Rights to store what is computed: nothing older than a deletion is stored after it.

use super::bench::{Answer, Bench};
use super::verbs::keyed;
use crate::backend::{Fill, Increment, SetIf, SetOptions};

/// The right must have ended, and its store must leave no trace.
async fn assert_ended(bench: &Bench, key: &str, fill: Fill, by: &str) {
    let before = bench.get(key).await;
    assert!(!bench.store_filling(key, "older", fill).await, "{by} did not end the right to fill {key:?}");
    must_eq!(bench.get(key).await, before, "a fill that was refused was stored");
}

async fn assert_stands(bench: &Bench, key: &str, fill: Fill, after: &str) {
    assert!(bench.store_filling(key, "filled", fill).await, "{after} ended the right to fill {key:?}");
}

pub(super) async fn a_computation_is_stored_while_its_right_stands(bench: Bench) {
    let fill = bench.fill("k").await;
    assert_stands(&bench, "k", fill, "nothing").await;
    must_eq!(bench.get("k").await.as_deref(), Some("filled"));
    bench.backend.end_fill(&"k".into(), fill);
    must_eq!(bench.get("k").await.as_deref(), Some("filled"), "giving the right back took the value");
}

pub(super) async fn a_second_computation_joins(bench: Bench) {
    let (first, second) = (bench.fill("k").await, bench.fill("k").await);
    assert_stands(&bench, "k", first, "a second computation").await;
    assert_stands(&bench, "k", second, "the store of the first").await;
    bench.backend.end_fill(&"k".into(), first);
    assert_stands(&bench, "k", second, "that the first was given back").await;
}

pub(super) async fn a_right_is_for_one_key(bench: Bench) {
    let (fill, other) = (bench.fill("k").await, bench.fill("other").await);
    assert_ne!(fill, other, "two keys have the same right");
    bench.delete("other").await;
    assert_stands(&bench, "k", fill, "the deletion of another key").await;
    assert_ended(&bench, "other", fill, "being of another key").await;
}

pub(super) async fn a_right_that_nobody_gave_is_none(bench: Bench) {
    assert_ended(&bench, "k", Fill(0), "being invented").await;
    let fill = bench.fill("k").await;
    assert_ended(&bench, "k", Fill(fill.0.wrapping_add(1)), "being forged").await;
}

pub(super) async fn a_deletion_ends_the_right(bench: Bench) {
    let fill = bench.fill("k").await;
    bench.delete("k").await;
    assert_ended(&bench, "k", fill, "`delete` of nothing").await;
    let fill = bench.fill("k").await;
    bench.store_filling("k", "v", fill).await;
    bench.delete("k").await;
    assert_ended(&bench, "k", fill, "`delete`").await;
    let fill = bench.fill("k").await;
    bench.backend.delete_many(&keyed(&["other", "k"])).await.of("delete_many");
    assert_ended(&bench, "k", fill, "`delete_many`").await;
}

pub(super) async fn the_next_right_is_another(bench: Bench) {
    let first = bench.fill("k").await;
    bench.delete("k").await;
    let second = bench.fill("k").await;
    assert_ne!(first, second, "the right of before the deletion is the right of after it");
    assert_ended(&bench, "k", first, "`delete`, with a new right taken since,").await;
    bench.backend.end_fill(&"k".into(), first);
    assert_stands(&bench, "k", second, "that an older one was given back").await;
}

pub(super) async fn a_pattern_ends_the_rights_it_matches(bench: Bench) {
    for pattern in ["user:1", "user:*", "*:1", "*"] {
        let (fill, other) = (bench.fill("user:1").await, bench.fill("lock:user:1").await);
        bench.delete_match(pattern).await;
        assert_ended(&bench, "user:1", fill, &format!("`delete_match` of {pattern:?}")).await;
        assert_stands(&bench, "lock:user:1", other, &format!("`delete_match` of {pattern:?}")).await;
    }
}

pub(super) async fn a_clear_ends_every_right(bench: Bench) {
    let (fill, reserved) = (bench.fill("k").await, bench.fill("fail:k").await);
    bench.clear().await;
    assert_ended(&bench, "k", fill, "`clear`").await;
    assert_ended(&bench, "fail:k", reserved, "`clear`").await;
}

pub(super) async fn a_direct_store_ends_the_right(bench: Bench) {
    let fill = bench.fill("k").await;
    bench.set("k", "newer").await;
    assert_ended(&bench, "k", fill, "`set`").await;
    let fill = bench.fill("many").await;
    bench.set_many(&[("other", "v"), ("many", "newer")]).await;
    assert_ended(&bench, "many", fill, "`set_many`").await;
    let fill = bench.fill("added").await;
    assert!(bench.store_if("added", "newer", SetIf::Absent).await);
    assert_ended(&bench, "added", fill, "`set` if absent").await;
}

pub(super) async fn a_new_end_leaves_the_right(bench: Bench) {
    bench.set("k", "present").await;
    let fill = bench.fill("k").await;
    assert!(bench.expire("k", Some(bench.life())).await);
    assert_stands(&bench, "k", fill, "`expire`").await;
}

pub(super) async fn a_count_ends_the_right(bench: Bench) {
    let fill = bench.fill("n").await;
    bench.count("n", 1, None).await;
    assert!(!bench.store_filling("n", "older", fill).await, "`increment` did not end the right to fill");
    must_eq!(bench.number("n").await, Some(1));
}

pub(super) async fn a_replacement_ends_the_right(bench: Bench) {
    bench.set("k", "one").await;
    let fill = bench.fill("k").await;
    let Some(read) = bench.living("k").await else { panic!("it was stored and is not there") };
    let two = bench.entry("two");
    assert!(bench.backend.compare_and_set(&"k".into(), &read, two).await.of("compare_and_set"));
    assert_ended(&bench, "k", fill, "`compare_and_set`").await;
}

pub(super) async fn what_stores_nothing_leaves_the_right(bench: Bench) {
    bench.set("k", "v").await;
    let fill = bench.fill("k").await;
    assert!(!bench.store_if("k", "new", SetIf::Absent).await);
    bench.get("k").await;
    bench.get_many(&["k"]).await;
    assert_stands(&bench, "k", fill, "a store that was refused").await;
}

pub(super) async fn what_could_not_be_counted_leaves_the_right(bench: Bench) {
    bench.set("k", "text").await;
    let fill = bench.fill("k").await;
    let counted = bench.backend.increment(&"k".into(), Increment::new(1, None)).await;
    assert!(counted.is_err(), "a text was counted on");
    assert_stands(&bench, "k", fill, "a count that was refused").await;
}

pub(super) async fn a_fill_keeps_to_its_condition(bench: Bench) {
    bench.set("k", "v").await;
    let fill = bench.fill("k").await;
    let options = SetOptions { fill: Some(fill), only_if: SetIf::Absent, ..SetOptions::default() };
    assert!(!bench.store("k", "new", None, options).await, "filled if absent where an entry is");
    must_eq!(bench.get("k").await.as_deref(), Some("v"));
}

pub(super) async fn what_supersedes_ends_the_rights_of_others(bench: Bench) {
    let fill = bench.fill("k").await;
    let options = SetOptions { fill: Some(fill), supersedes: true, ..SetOptions::default() };
    assert!(bench.store("k", "recomputed", None, options).await, "the right stood");
    assert_ended(&bench, "k", fill, "a store that supersedes").await;
    must_eq!(bench.get("k").await.as_deref(), Some("recomputed"));
}
