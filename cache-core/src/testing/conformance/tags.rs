//! Generations of tags: what was deleted by a tag never comes back.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::bench::{Answer, Bench};
use super::verbs::keyed;
use crate::backend::SetOptions;
use crate::entry::Entry;
use crate::key::Key;
use crate::tag::Stamp;

async fn stamps(bench: &Bench, tags: &[&str]) -> Vec<Stamp> {
    let stamps = bench.backend.stamp(&keyed(tags)).await.of("stamp");
    let names: Vec<_> = stamps.iter().map(|stamp| stamp.tag().as_str()).collect();
    must_eq!(names, tags, "`stamp` must answer for each tag, in their order");
    stamps
}

async fn store(bench: &Bench, key: &str, stamps: Vec<Stamp>) {
    let entry: Arc<Entry> = bench.entry(key).stamped(stamps);
    assert!(bench.backend.set(&key.into(), entry, SetOptions::default()).await.of("set"));
}

async fn tagged(bench: &Bench, key: &str, tags: &[&str]) {
    let stamps = stamps(bench, tags).await;
    store(bench, key, stamps).await;
}

async fn delete(bench: &Bench, tags: &[&str]) {
    bench.backend.delete_tags(&keyed(tags)).await.of("delete_tags");
}

async fn is_there(bench: &Bench, key: &str) -> bool {
    bench.get(key).await.is_some()
}

/// Stamps so many other tags that a backend with room for some of them forgets the rest.
async fn flood(bench: &Bench) {
    for batch in 0..bench.rounds(20) {
        let tags: Vec<Key> = (0..1_000).map(|i| Key::from(format!("flood:{batch}:{i}"))).collect();
        bench.backend.stamp(&tags).await.of("stamp");
    }
}

pub(super) async fn a_deleted_tag_ends_all_that_carry_it_and_nothing_else(bench: Bench) {
    for key in ["a", "b", "c"] {
        tagged(&bench, key, &["red"]).await;
    }
    tagged(&bench, "blue", &["blue"]).await;
    bench.set("plain", "v").await;
    bench.set("red", "a key, and no tag").await;
    for key in ["a", "b", "c", "blue", "plain"] {
        assert!(is_there(&bench, key).await, "{key:?} was stored, and no tag was deleted");
    }
    delete(&bench, &["red"]).await;
    for key in ["a", "b", "c"] {
        assert!(!is_there(&bench, key).await, "the tag of {key:?} was deleted");
    }
    for key in ["blue", "plain", "red"] {
        assert!(is_there(&bench, key).await, "{key:?} does not carry the deleted tag");
    }
}

pub(super) async fn any_of_several_tags_ends_an_entry(bench: Bench) {
    for deleted in ["red", "green", "blue"] {
        tagged(&bench, "k", &["red", "green", "blue"]).await;
        tagged(&bench, "other", &["white"]).await;
        delete(&bench, &[deleted]).await;
        assert!(!is_there(&bench, "k").await, "it carries three tags, and {deleted:?} was deleted");
    }
    tagged(&bench, "k", &["red"]).await;
    tagged(&bench, "l", &["blue"]).await;
    delete(&bench, &["blue", "unknown", "red"]).await;
    assert!(!is_there(&bench, "k").await && !is_there(&bench, "l").await, "both tags were deleted at once");
    assert!(is_there(&bench, "other").await);
}

pub(super) async fn what_was_begun_before_a_deletion_is_not_valid_after_it(bench: Bench) {
    let before = stamps(&bench, &["red"]).await;
    delete(&bench, &["red"]).await;
    store(&bench, "k", before.clone()).await;
    assert!(!is_there(&bench, "k").await, "it was computed before its tag was deleted");
    let after = stamps(&bench, &["red"]).await;
    assert!(!is_there(&bench, "k").await, "the next generation made an older entry valid");
    store(&bench, "l", after).await;
    assert!(is_there(&bench, "l").await, "it was computed after its tag was deleted");
    store(&bench, "k", before).await;
    assert!(!is_there(&bench, "k").await, "it was computed before its tag was deleted");
}

pub(super) async fn a_generation_stands_until_its_tag_is_deleted(bench: Bench) {
    let first = stamps(&bench, &["red", "blue"]).await;
    let second = stamps(&bench, &["blue", "red"]).await;
    must_eq!(
        (first[0].nonce(), first[1].nonce()),
        (second[1].nonce(), second[0].nonce()),
        "asking for a generation must not end it"
    );
    store(&bench, "k", first).await;
    delete(&bench, &["green"]).await;
    stamps(&bench, &["red", "green", "blue"]).await;
    assert!(is_there(&bench, "k").await, "only another tag was deleted");
}

pub(super) async fn no_generation_comes_twice(bench: Bench) {
    let mut seen = HashSet::new();
    for round in 0..bench.rounds(500) {
        let nonce = stamps(&bench, &["red"]).await[0].nonce();
        assert!(seen.insert(nonce), "the generation of round {round} was there before");
        delete(&bench, &["red"]).await;
    }
}

/// A record that was lost is a generation that is over, and not one that begins again.
pub(super) async fn a_forgotten_generation_does_not_come_back(bench: Bench) {
    let before = stamps(&bench, &["red"]).await;
    store(&bench, "k", before.clone()).await;
    delete(&bench, &["red"]).await;
    assert!(!is_there(&bench, "k").await);
    flood(&bench).await;
    assert!(!is_there(&bench, "k").await, "forgetting a deletion made an entry valid again");
    for _ in 0..3 {
        let after = stamps(&bench, &["red"]).await;
        assert_ne!(after[0].nonce(), before[0].nonce(), "a forgotten generation came back");
        store(&bench, "k", before.clone()).await;
        assert!(!is_there(&bench, "k").await, "an entry of a deleted tag is valid again");
        flood(&bench).await;
    }
}

pub(super) async fn an_overwrite_replaces_the_tags(bench: Bench) {
    tagged(&bench, "untagged", &["red"]).await;
    bench.set("untagged", "v").await;
    tagged(&bench, "other", &["red"]).await;
    tagged(&bench, "other", &["blue"]).await;
    delete(&bench, &["red"]).await;
    assert!(is_there(&bench, "untagged").await, "it was stored again without tags");
    assert!(is_there(&bench, "other").await, "it was stored again with another tag");
    delete(&bench, &["blue"]).await;
    assert!(!is_there(&bench, "other").await);
}

pub(super) async fn tags_are_kept_apart_from_keys_whatever_their_text(bench: Bench) {
    for tag in ["*", "a:b", "a b", "a\r\nb", "\0", "🥜", "gen:a"] {
        tagged(&bench, "k", &[tag]).await;
        tagged(&bench, "l", &["other"]).await;
        assert!(is_there(&bench, "k").await);
        assert!(bench.living(tag).await.is_none(), "the tag {tag:?} shows up as a key");
        delete(&bench, &[tag]).await;
        assert!(!is_there(&bench, "k").await, "the tag {tag:?} was deleted");
        assert!(is_there(&bench, "l").await, "deleting {tag:?} deleted another tag");
    }
}

pub(super) async fn a_clear_leaves_no_tagged_entry(bench: Bench) {
    let before = stamps(&bench, &["red"]).await;
    tagged(&bench, "k", &["red"]).await;
    bench.clear().await;
    assert!(!is_there(&bench, "k").await);
    tagged(&bench, "k", &["red"]).await;
    assert!(is_there(&bench, "k").await, "a tag can be used again after `clear`");
    delete(&bench, &["red"]).await;
    store(&bench, "k", before).await;
    assert!(!is_there(&bench, "k").await, "an entry of a deleted tag is valid again");
}

pub(super) async fn no_tags_are_no_question(bench: Bench) {
    assert!(stamps(&bench, &[]).await.is_empty());
    delete(&bench, &[]).await;
    delete(&bench, &["unknown", "unknown"]).await;
}

/// Not how long it takes, but that it is not a matter of how many carry it.
pub(super) async fn a_deletion_costs_the_same_however_many_carry_the_tag(bench: Bench) {
    let many = bench.rounds(5_000);
    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        for (best, carriers) in best.iter_mut().zip([1, many]) {
            let stamps = stamps(&bench, &["red"]).await;
            for i in 0..carriers {
                store(&bench, &format!("k{i}"), stamps.clone()).await;
            }
            let start = Instant::now();
            delete(&bench, &["red"]).await;
            *best = start.elapsed().min(*best);
        }
    }
    let [one, all] = best;
    let limit = one * 20 + Duration::from_millis(10);
    assert!(all < limit, "a tag of one entry went in {one:?}, one of {many} in {all:?}");
}
