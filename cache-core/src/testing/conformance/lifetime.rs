//! An entry lives to its end, and no verb sees it after that.

use std::time::Duration;

use super::bench::{Answer, Bench};
use super::verbs::keyed;
use crate::backend::{Peek, SetIf};
use crate::clock::Time;
use crate::key::KeyRef;

const MONTH: Duration = Duration::from_secs(31 * 86_400);

/// A key whose entry is expired.
async fn expired(bench: &Bench, key: &str) {
    bench.set_for(key, "old", Some(bench.life())).await;
    bench.pass(bench.life()).await;
}

pub(super) async fn an_entry_lives_to_its_end_and_no_longer(bench: Bench) {
    let life = bench.life();
    bench.set_for("k", "v", Some(life)).await;
    bench.almost(life).await;
    must_eq!(bench.get("k").await.as_deref(), Some("v"), "its time is not over");
    bench.rest(life).await;
    must_eq!(bench.get("k").await, None, "its time is over");
}

pub(super) async fn a_millisecond_is_a_life(bench: Bench) {
    let life = Duration::from_millis(1);
    bench.set_for("k", "v", Some(life)).await;
    if !bench.is_real_time() {
        must_eq!(bench.get("k").await.as_deref(), Some("v"), "1 ms must not be rounded to nothing");
    }
    bench.pass(life).await;
    must_eq!(bench.get("k").await, None, "1 ms must not be rounded to for ever");
}

/// Some servers take more than thirty days for a point in time.
pub(super) async fn a_month_is_a_life(bench: Bench) {
    bench.set_for("k", "v", Some(MONTH)).await;
    let expires = bench.living("k").await.map(|entry| entry.expires());
    let left = expires.unwrap_or_else(|| panic!("31 days are over at once")).since(bench.now());
    let off = MONTH.abs_diff(left);
    assert!(off < Duration::from_secs(2), "an entry for 31 days is kept for {left:?}");
    if !bench.is_real_time() {
        bench.almost(MONTH).await;
        assert!(bench.get("k").await.is_some(), "31 days are not over");
        bench.rest(MONTH).await;
        must_eq!(bench.get("k").await, None, "31 days are over");
    }
}

pub(super) async fn what_never_expires_stays(bench: Bench) {
    bench.set("k", "v").await;
    if !bench.is_real_time() {
        bench.pass(MONTH * 1_200).await;
    }
    let expires = bench.living("k").await.map(|entry| entry.expires());
    must_eq!(expires, Some(Time::NEVER), "it was stored for ever");
}

pub(super) async fn an_overwrite_forgets_the_old_end(bench: Bench) {
    let life = bench.life();
    bench.set_for("for ever", "old", Some(life)).await;
    bench.set("for ever", "new").await;
    bench.set_for("longer", "old", Some(life)).await;
    bench.set_for("longer", "new", Some(life * 3)).await;
    bench.set("shorter", "old").await;
    bench.set_for("shorter", "new", Some(life)).await;
    bench.pass(life).await;
    must_eq!(bench.get("for ever").await.as_deref(), Some("new"), "set without an end, after one with");
    must_eq!(bench.get("longer").await.as_deref(), Some("new"), "set with a later end");
    must_eq!(bench.get("shorter").await, None, "set with an end, after one without");
    bench.set("shorter", "newest").await;
    must_eq!(bench.get("shorter").await.as_deref(), Some("newest"), "set where the old one is expired");
}

pub(super) async fn an_expired_entry_is_absent_for_reading(bench: Bench) {
    expired(&bench, "k").await;
    bench.set("l", "v").await;
    must_eq!(bench.get("k").await, None);
    must_eq!(bench.get_many(&["k", "l"]).await, [None, Some("v".to_owned())]);
    let mut alive = false;
    let peek = bench.backend.peek(KeyRef::new("k"), &mut |entry| alive = entry.is_alive_at(bench.now()));
    assert!(peek != Peek::Found || !alive, "`peek` shows an expired entry as alive");
}

pub(super) async fn an_expired_entry_is_absent_for_conditions(bench: Bench) {
    expired(&bench, "k").await;
    assert!(!bench.store_if("k", "new", SetIf::Present).await, "stored over an expired entry, if present");
    must_eq!(bench.get("k").await, None);
    assert!(bench.store_if("k", "new", SetIf::Absent).await, "an expired entry kept a new one out");
    must_eq!(bench.get("k").await.as_deref(), Some("new"));
}

pub(super) async fn an_expired_entry_is_absent_for_deletion(bench: Bench) {
    bench.set_for("l", "old", Some(bench.life())).await;
    expired(&bench, "k").await;
    assert!(!bench.delete("k").await, "an expired entry was deleted as a living one");
    must_eq!(bench.backend.delete_many(&keyed(&["l"])).await.of("delete_many"), 0);
}

pub(super) async fn an_expired_entry_is_absent_for_patterns(bench: Bench) {
    expired(&bench, "k:1").await;
    bench.set("k:2", "v").await;
    must_eq!(bench.delete_match("k:*").await, 1, "an expired entry was counted");
}

pub(super) async fn an_expired_entry_is_absent_for_listing(bench: Bench) {
    expired(&bench, "k:1").await;
    bench.set("k:2", "v").await;
    must_eq!(bench.scan("k:*").await, ["k:2"]);
}

pub(super) async fn an_expired_entry_is_not_revived(bench: Bench) {
    expired(&bench, "k").await;
    assert!(!bench.expire("k", None).await, "`expire` found an expired entry");
    must_eq!(bench.get("k").await, None, "`expire` revived an expired entry");
}

pub(super) async fn an_expired_counter_begins_anew(bench: Bench) {
    let life = bench.life();
    bench.count("n", 5, Some(life)).await;
    bench.pass(life).await;
    must_eq!(bench.count("n", 1, None).await, 1, "an expired counter was counted on");
    bench.pass(life).await;
    must_eq!(bench.number("n").await, Some(1), "a counter without end has the end of an expired one");
    expired(&bench, "text").await;
    must_eq!(bench.count("text", 1, None).await, 1, "an expired text is in the way of a counter");
}

pub(super) async fn an_expired_entry_has_no_size(bench: Bench) {
    expired(&bench, "k").await;
    must_eq!(bench.backend.size_of(&"k".into()).await.of("size_of"), None);
}

pub(super) async fn the_end_moves_both_ways(bench: Bench) {
    let life = bench.life();
    bench.set_for("later", "v", Some(life)).await;
    bench.set_for("sooner", "v", Some(MONTH)).await;
    bench.set_for("never", "v", Some(life)).await;
    bench.set("some time", "v").await;
    assert!(bench.expire("later", Some(life * 4)).await);
    assert!(bench.expire("sooner", Some(life)).await);
    assert!(bench.expire("never", None).await);
    assert!(bench.expire("some time", Some(life)).await);
    bench.pass(life).await;
    must_eq!(bench.get("later").await.as_deref(), Some("v"), "its end was put off");
    must_eq!(bench.get("sooner").await, None, "its end was brought nearer");
    must_eq!(bench.get("some time").await, None, "it was given an end");
    bench.pass(life * 4).await;
    must_eq!(bench.get("later").await, None, "the end it was given has come");
    must_eq!(bench.get("never").await.as_deref(), Some("v"), "its end was taken away");
    assert!(!bench.expire("none", None).await, "`expire` found what was never stored");
    must_eq!(bench.get("none").await, None);
}

pub(super) async fn the_end_of_a_counter_moves_both_ways(bench: Bench) {
    let life = bench.life();
    for (key, end) in
        [("later", Some(life)), ("sooner", Some(MONTH)), ("never", Some(life)), ("some time", None)]
    {
        bench.set_number(key, 5, end).await;
    }
    assert!(bench.expire("later", Some(life * 4)).await);
    assert!(bench.expire("sooner", Some(life)).await);
    assert!(bench.expire("never", None).await);
    assert!(bench.expire("some time", Some(life)).await);
    bench.pass(life).await;
    must_eq!(bench.number("later").await, Some(5), "its end was put off");
    must_eq!(bench.number("sooner").await, None, "its end was brought nearer");
    must_eq!(bench.number("some time").await, None, "it was given an end");
    must_eq!(bench.count("sooner", 1, None).await, 1, "an expired counter was counted on");
    bench.pass(life * 4).await;
    must_eq!(bench.number("later").await, None, "the end it was given has come");
    must_eq!(bench.count("never", 1, None).await, 6, "its end was taken away");
}

pub(super) async fn an_end_that_is_now_ends_it(bench: Bench) {
    bench.set("k", "v").await;
    assert!(bench.expire("k", Some(Duration::ZERO)).await, "there was an entry");
    bench.pass(Duration::from_millis(1)).await;
    must_eq!(bench.get("k").await, None, "it was to end at once");
}
