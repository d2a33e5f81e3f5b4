//! Whole numbers that are counted in one step.

use std::collections::BTreeSet;
use std::time::Duration;

use super::bench::Bench;
use crate::backend::{Increment, SetIf};
use crate::error::Error;

pub(super) async fn a_counter_begins_at_zero(bench: Bench) {
    must_eq!(bench.count("n", 5, None).await, 5);
    must_eq!(bench.count("n", 2, None).await, 7);
    must_eq!(bench.number("n").await, Some(7), "what `get` shows must be what was counted");
    must_eq!(bench.count("other", 1, None).await, 1, "each key is its own counter");
}

pub(super) async fn a_counter_goes_below_zero_and_over_it(bench: Bench) {
    must_eq!(bench.count("n", -3, None).await, -3);
    must_eq!(bench.number("n").await, Some(-3));
    must_eq!(bench.count("n", 3, None).await, 0);
    must_eq!(bench.number("n").await, Some(0), "a counter at zero is there");
    must_eq!(bench.count("n", 0, None).await, 0, "a step of zero");
    must_eq!(bench.count("n", 10, None).await, 10);
}

pub(super) async fn a_sum_beyond_64_bits_is_an_error_and_changes_nothing(bench: Bench) {
    for (limit, step) in [(i64::MAX, 1), (i64::MIN, -1)] {
        let key = format!("n{step}");
        must_eq!(bench.count(&key, limit, None).await, limit);
        let beyond = bench.backend.increment(&key.as_str().into(), Increment::new(step, None)).await;
        assert!(beyond.is_err(), "{limit} and {step} more was answered by {beyond:?}");
        must_eq!(bench.number(&key).await, Some(limit), "an overflow changed the counter");
    }
}

pub(super) async fn what_is_no_number_is_an_error_and_stays(bench: Bench) {
    let life = bench.life();
    bench.set_for("k", "seven", Some(life)).await;
    let counted = bench.backend.increment(&"k".into(), Increment::new(1, Some(life * 9))).await;
    assert!(matches!(counted, Err(Error::NotANumber)), "counting on a text was answered by {counted:?}");
    must_eq!(bench.get("k").await.as_deref(), Some("seven"), "the text was touched");
    bench.pass(life).await;
    must_eq!(bench.get("k").await, None, "a count that was refused moved the end of the text");
}

pub(super) async fn a_counter_is_given_an_end_at_any_step(bench: Bench) {
    let life = bench.life();
    bench.count("first", 5, Some(life)).await;
    bench.count("later", 1, None).await;
    bench.count("later", 1, Some(life)).await;
    bench.count("down", -4, Some(life)).await;
    bench.almost(life).await;
    must_eq!(bench.number("first").await, Some(5), "its time is not over");
    bench.rest(life).await;
    for key in ["first", "later", "down"] {
        must_eq!(bench.number(key).await, None, "the counter {key:?} was given an end that has come");
    }
}

pub(super) async fn a_counter_keeps_the_end_it_has(bench: Bench) {
    let life = bench.life();
    bench.count("n", 1, Some(life)).await;
    bench.almost(life).await;
    must_eq!(bench.count("n", 1, Some(life * 9)).await, 2, "its time is not over");
    must_eq!(bench.count("n", 1, None).await, 3);
    bench.rest(life).await;
    must_eq!(bench.number("n").await, None, "a later step put the end off");
    bench.count("free", 1, None).await;
    bench.count("free", 1, None).await;
    bench.pass(life).await;
    must_eq!(bench.number("free").await, Some(2), "a counter without end has ended");
}

pub(super) async fn a_counter_is_an_entry(bench: Bench) {
    bench.count("n", 1, None).await;
    assert!(!bench.store_if("n", "text", SetIf::Absent).await, "a counter is there");
    assert!(bench.delete("n").await, "a counter can be deleted");
    must_eq!(bench.count("n", 1, None).await, 1, "a deleted counter begins anew");
    bench.set("n", "text").await;
    must_eq!(bench.get("n").await.as_deref(), Some("text"), "a counter can be replaced");
    bench.count("m", 1, None).await;
    bench.clear().await;
    must_eq!(bench.number("m").await, None, "a counter can be cleared");
}

pub(super) async fn a_long_life_of_a_counter_is_kept(bench: Bench) {
    let month = Duration::from_secs(31 * 86_400);
    bench.count("n", 1, Some(month)).await;
    let left = bench.living("n").await.map(|entry| entry.expires().since(bench.now()));
    let kept = left.is_some_and(|left| left.abs_diff(month) < Duration::from_secs(2));
    assert!(kept, "a counter for 31 days is kept for {left:?}");
}

pub(super) async fn no_count_is_lost_among_threads(bench: Bench) {
    let each = bench.rounds(250);
    let sums = bench
        .at_once(4, move |bench, _| async move {
            let mut sums = Vec::new();
            for _ in 0..each {
                sums.push(bench.count("n", 1, None).await);
            }
            sums
        })
        .await;
    let all = i64::try_from(4 * each).unwrap_or_default();
    must_eq!(bench.number("n").await, Some(all), "{all} counts by four threads");
    let told: BTreeSet<i64> = sums.into_iter().flatten().collect();
    assert!(told.into_iter().eq(1..=all), "each count must be told once");
}
