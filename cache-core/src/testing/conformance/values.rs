//! What is set is what is read.

use std::time::Duration;

use super::bench::{Answer, Bench};
use crate::backend::{Peek, SetOptions};
use crate::clock::Time;
use crate::entry::{Kind, Meta};
use crate::key::{KeyRef, MAX_KEY};

pub(super) async fn a_miss_is_none(bench: Bench) {
    must_eq!(bench.get("k").await, None, "nothing was ever stored under the key");
    bench.set("other", "v").await;
    must_eq!(bench.get("k").await, None, "only another key was stored");
}

pub(super) async fn what_was_set_is_what_is_read(bench: Bench) {
    bench.set("k", "one").await;
    bench.set("l", "two").await;
    must_eq!(bench.get("k").await.as_deref(), Some("one"));
    must_eq!(bench.get("k").await.as_deref(), Some("one"), "reading again");
    must_eq!(bench.get("l").await.as_deref(), Some("two"));
}

pub(super) async fn an_overwrite_replaces_the_value(bench: Bench) {
    for value in ["one", "a longer value", "", "2"] {
        bench.set("k", value).await;
        must_eq!(bench.get("k").await.as_deref(), Some(value));
    }
}

pub(super) async fn the_marks_of_an_entry_come_back(bench: Bench) {
    let now = bench.now();
    for (kind, version) in [(Kind::Value, 7), (Kind::Absent, 0), (Kind::Failed, u32::MAX)] {
        let mut meta = Meta::new(now, now.after(Duration::from_secs(3600)));
        (meta.kind, meta.version, meta.cost) = (kind, version, Duration::from_millis(1_500));
        meta.fresh_until = now.after(Duration::from_secs(1200));
        let stored = bench.backend.set(&"k".into(), bench.entry_with("v", meta), SetOptions::default()).await;
        assert!(stored.of("set"));
        let back =
            bench.living("k").await.unwrap_or_else(|| panic!("an entry of {kind:?} is not there")).meta();
        must_eq!((back.kind, back.version, back.cost), (meta.kind, meta.version, meta.cost));
        for (back, meta, what) in [
            (back.stored, meta.stored, "stored"),
            (back.expires, meta.expires, "expires"),
            (back.fresh_until, meta.fresh_until, "fresh_until"),
        ] {
            let off = back.since(meta).max(meta.since(back));
            assert!(off <= Duration::from_millis(10), "`{what}` came back as {back:?} instead of {meta:?}");
        }
    }
    bench.set("k", "v").await;
    let back = bench.living("k").await.map(|entry| (entry.kind(), entry.version(), entry.expires()));
    must_eq!(back, Some((Kind::Value, 0, Time::NEVER)), "an overwrite must replace the marks");
}

pub(super) async fn several_keys_come_in_their_order_with_gaps_and_repeats(bench: Bench) {
    for key in ["a", "b", "c"] {
        bench.set(key, key).await;
    }
    let found = bench.get_many(&["c", "none", "a", "c", "none", "b"]).await;
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    must_eq!(found, [Some("c"), None, Some("a"), Some("c"), None, Some("b")]);
}

pub(super) async fn several_are_stored_at_once_and_the_last_of_equals_wins(bench: Bench) {
    bench.set("b", "old").await;
    bench.set_many(&[("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")]).await;
    let found = bench.get_many(&["a", "b", "c"]).await;
    let found: Vec<_> = found.iter().map(Option::as_deref).collect();
    must_eq!(found, [Some("3"), Some("2"), Some("4")]);
}

pub(super) async fn several_hundred_are_stored_and_read_at_once(bench: Bench) {
    let keys: Vec<String> = (0..300).map(|i| format!("key:{i}")).collect();
    let entries: Vec<_> = keys.iter().map(|key| (key.as_str(), key.as_str())).collect();
    bench.set_many(&entries).await;
    let wanted: Vec<&str> = keys.iter().rev().map(String::as_str).collect();
    let found = bench.get_many(&wanted).await;
    must_eq!(found.len(), wanted.len());
    for (key, found) in wanted.iter().zip(found) {
        must_eq!(found.as_deref(), Some(*key), "each key must come with its own value");
    }
}

pub(super) async fn no_keys_are_no_question(bench: Bench) {
    bench.set("k", "v").await;
    assert!(bench.get_many(&[]).await.is_empty());
    bench.set_many(&[]).await;
    must_eq!(bench.backend.delete_many(&[]).await.of("delete_many"), 0);
    must_eq!(bench.get("k").await.as_deref(), Some("v"));
}

pub(super) async fn an_empty_value_is_a_value(bench: Bench) {
    bench.set("k", "").await;
    must_eq!(bench.get("k").await.as_deref(), Some(""));
}

pub(super) async fn a_megabyte_comes_back_whole(bench: Bench) {
    let value: String = (0..1_048_576u32).map(|i| char::from(b'a' + (i % 23) as u8)).collect();
    bench.set("large", &value).await;
    bench.set("small", "v").await;
    assert!(bench.get("large").await.is_some_and(|found| found == value), "a value of 1 MiB was changed");
    must_eq!(bench.get("small").await.as_deref(), Some("v"));
}

pub(super) async fn keys_of_one_byte_and_of_the_greatest_length_differ(bench: Bench) {
    let long = |last: char| "k".repeat(MAX_KEY - 1) + &last.to_string();
    let keys = ["k".to_owned(), "l".to_owned(), long('a'), long('b')];
    for (key, i) in keys.iter().zip(0..) {
        bench.set(key, &format!("{i}")).await;
    }
    for (key, i) in keys.iter().zip(0..) {
        let value = bench.get(key).await;
        must_eq!(
            value,
            Some(format!("{i}")),
            "key of {} bytes ending in {:?}",
            key.len(),
            key.chars().last()
        );
    }
}

pub(super) async fn a_look_without_waiting_tells_what_reading_tells(bench: Bench) {
    bench.set("k", "v").await;
    let look = |key: &str| {
        let mut shown = None;
        let peek = bench.backend.peek(KeyRef::new(key), &mut |entry| shown = Some(super::verbs::read(entry)));
        (peek, shown)
    };
    match look("k") {
        (Peek::Found, shown) => must_eq!(shown.as_deref(), Some("v"), "`peek` found it and must show it"),
        (Peek::Missing, _) => panic!("`peek` says there is none, and there is"),
        (Peek::Remote, shown) => must_eq!(shown, None, "`peek` cannot tell, so it must show nothing"),
    }
    let (peek, shown) = look("none");
    assert!(peek != Peek::Found && shown.is_none(), "`peek` shows {shown:?} where nothing was stored");
}
