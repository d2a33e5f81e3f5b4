//! Stores that take place only if.

use super::bench::{Answer, Bench};
use crate::backend::SetIf;
use crate::entry::Entry;

pub(super) async fn each_condition_holds_where_it_should(bench: Bench) {
    for (only_if, over_nothing, over_an_entry) in
        [(SetIf::Always, true, true), (SetIf::Absent, true, false), (SetIf::Present, false, true)]
    {
        bench.clear().await;
        for (there, expected) in [(false, over_nothing), (true, over_an_entry)] {
            let key = if there { "there" } else { "not there" };
            if there {
                bench.set(key, "old").await;
            }
            must_eq!(bench.store_if(key, "new", only_if).await, expected, "{only_if:?} where it is {key}");
            let value = match (expected, there) {
                (true, _) => Some("new"),
                (false, true) => Some("old"),
                (false, false) => None,
            };
            must_eq!(bench.get(key).await.as_deref(), value, "after {only_if:?} where it is {key}");
        }
    }
}

pub(super) async fn a_condition_that_fails_leaves_the_end_as_it_is(bench: Bench) {
    let life = bench.life();
    bench.set_for("k", "old", Some(life)).await;
    assert!(!bench.store_if("k", "new", SetIf::Absent).await);
    bench.pass(life).await;
    must_eq!(bench.get("k").await, None, "a store that was refused took the end away");
}

pub(super) async fn of_many_who_add_one_succeeds(bench: Bench) {
    for round in 0..bench.rounds(50) {
        let key = format!("k{round}");
        let added = bench
            .at_once(4, move |bench, thread| {
                let key = key.clone();
                async move { bench.store_if(&key, &format!("{thread}"), SetIf::Absent).await }
            })
            .await;
        let winners: Vec<_> = (0..4).filter(|thread| added[*thread]).collect();
        must_eq!(
            winners.len(),
            1,
            "of four who stored if absent at once, these were told they did: {winners:?}"
        );
        let value = bench.get(&format!("k{round}")).await;
        must_eq!(value, Some(format!("{}", winners[0])), "the value must be the winner's");
    }
}

// ── Compare and set ──

async fn gets(bench: &Bench, key: &str) -> std::sync::Arc<Entry> {
    bench.living(key).await.unwrap_or_else(|| panic!("{key:?} was stored and is not there"))
}

async fn cas(bench: &Bench, key: &str, expected: &Entry, value: &str) -> bool {
    let entry = bench.entry(value);
    bench.backend.compare_and_set(&key.into(), expected, entry).await.of("compare_and_set")
}

pub(super) async fn what_was_read_can_be_replaced_once(bench: Bench) {
    bench.set("k", "one").await;
    let read = gets(&bench, "k").await;
    bench.pass(bench.life()).await;
    assert!(cas(&bench, "k", &read, "two").await, "nobody has changed it");
    must_eq!(bench.get("k").await.as_deref(), Some("two"));
    assert!(!cas(&bench, "k", &read, "three").await, "it was changed since");
    must_eq!(bench.get("k").await.as_deref(), Some("two"));
}

pub(super) async fn what_was_changed_since_is_not_replaced(bench: Bench) {
    bench.set("k", "one").await;
    let read = gets(&bench, "k").await;
    bench.pass(bench.life()).await;
    bench.set("k", "other").await;
    assert!(!cas(&bench, "k", &read, "mine").await, "another value is there");
    must_eq!(bench.get("k").await.as_deref(), Some("other"));
}

/// What counts is what was read, not what it was like.
pub(super) async fn an_equal_value_that_was_stored_since_is_not_replaced(bench: Bench) {
    bench.set("k", "one").await;
    let read = gets(&bench, "k").await;
    bench.pass(bench.life()).await;
    bench.set("k", "two").await;
    bench.set("k", "one").await;
    assert!(!cas(&bench, "k", &read, "mine").await, "it was written twice since, the last time the same");
}

pub(super) async fn what_is_gone_is_not_replaced(bench: Bench) {
    bench.set("deleted", "v").await;
    let read = gets(&bench, "deleted").await;
    bench.delete("deleted").await;
    assert!(!cas(&bench, "deleted", &read, "mine").await, "it was deleted since");
    must_eq!(bench.get("deleted").await, None);
    bench.set_for("expired", "v", Some(bench.life())).await;
    let read = gets(&bench, "expired").await;
    bench.pass(bench.life()).await;
    assert!(!cas(&bench, "expired", &read, "mine").await, "it has expired since");
    must_eq!(bench.get("expired").await, None);
}

pub(super) async fn of_many_who_replace_one_succeeds(bench: Bench) {
    for _ in 0..bench.rounds(50) {
        bench.set("k", "one").await;
        let read = gets(&bench, "k").await;
        let replaced = bench
            .at_once(4, move |bench, thread| {
                let read = std::sync::Arc::clone(&read);
                async move { cas(&bench, "k", &read, &format!("{thread}")).await }
            })
            .await;
        let winners = replaced.iter().filter(|replaced| **replaced).count();
        must_eq!(winners, 1, "of four who replaced what they had read, so many were told they did");
    }
}
