//! What is near, without a server: the ear hears what one would say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cache_core::{Clock, Entry, Key, KeyRef, Mark, Meta, Near, Pattern, Peek, SystemClock, Time};
use redis::Value;

use super::ear::Ear;
use super::{Nearby, What};
use crate::Redis;
use crate::redis::link::Listener;
use crate::redis::names;

/// What is near to a server that nobody has asked anything, and one open connection.
fn near() -> (Arc<Nearby>, Ear) {
    let redis = Redis::builder().client_side(true).build();
    let near = redis.near.clone().unwrap();
    let ear = Ear(Arc::downgrade(&near));
    open(&near, &ear, 1);
    (near, ear)
}

/// One that is believed to stand however slow the test is.
fn open(near: &Nearby, ear: &Ear, connection: u64) {
    ear.opened(connection, true);
    near.trust.heard(connection, SystemClock.now().after(Duration::from_secs(3_600)));
}

fn entry(value: u64) -> Arc<Entry> {
    Entry::new(value, Meta::new(Time::from_nanos(1), Time::NEVER))
}

fn shown(near: &Arc<Nearby>, key: &str) -> Option<u64> {
    let mut shown = None;
    let peek = near.peek(KeyRef::new(key), &mut |entry| {
        shown = entry.downcast_ref().copied().filter(|_| entry.is_alive_at(Time::from_nanos(2)));
    });
    assert!(peek == Peek::Found || shown.is_none() && peek == Peek::Remote);
    shown
}

fn keep(near: &Nearby, key: &str, value: u64) -> Option<Mark> {
    let key = Key::from(key);
    let mark = near.mark(&key)?;
    near.keep(&key, mark, &entry(value));
    Some(mark)
}

fn name(key: &str) -> Value {
    Value::BulkString(key.as_bytes().to_vec())
}

#[test]
fn a_push_ends_the_keys_it_names_and_an_empty_one_all() {
    let (near, ear) = near();
    for (key, value) in [("a", 1), ("b", 2), ("c", 3)] {
        keep(&near, key, value);
    }
    ear.changed(1, Some(&[name("a"), name("other"), Value::BulkString(vec![0xFF]), Value::Nil]));
    assert_eq!(["a", "b", "c"].map(|key| shown(&near, key)), [None, Some(2), Some(3)]);
    ear.changed(1, None);
    assert_eq!((shown(&near, "b"), near.len()), (None, 0));
}

#[test]
fn what_was_read_before_a_change_is_not_kept_after_it() {
    let (near, ear) = near();
    let key = Key::from("k");
    let changes: [&dyn Fn(); 5] = [
        &|| ear.changed(1, Some(&[name("k")])),
        &|| ear.changed(1, None),
        &|| drop(near.written(What::Key(&key))),
        &|| drop(near.written(What::All)),
        &|| {
            ear.lost(1);
            open(&near, &ear, 2);
        },
    ];
    for change in changes {
        let mark = near.mark(&key).unwrap();
        change();
        near.keep(&key, mark, &entry(7));
        assert_eq!(shown(&near, "k"), None);
        keep(&near, "k", 7);
        assert_eq!(shown(&near, "k"), Some(7));
    }
}

#[test]
fn every_kind_of_write_ends_what_it_changes_and_nothing_else() {
    let (near, _ear) = near();
    let (keys, pattern) = ([Key::from("other"), Key::from("k")], Pattern::new("k*"));
    let entries = [(Key::from("k"), entry(8))];
    let kinds = [
        (What::Key(&keys[1]), Some(2)),
        (What::Keys(&keys), Some(2)),
        (What::Entries(&entries), Some(2)),
        (What::Match(&pattern), Some(2)),
        (What::Raw { command: "set", args: &[b"k", b"v"] }, Some(2)),
        (What::Raw { command: "EVAL", args: &[b"return 1"] }, None),
        (What::All, None),
    ];
    for (what, left) in kinds {
        keep(&near, "k", 1);
        keep(&near, "left", 2);
        drop(near.written(what));
        assert_eq!((shown(&near, "k"), shown(&near, "left")), (None, left), "{what:?}");
    }
}

#[test]
fn nothing_is_near_without_a_connection_or_beside_one_that_refused_to_tell() {
    let (near, ear) = near();
    keep(&near, "k", 1);
    ear.lost(1);
    assert_eq!((shown(&near, "k"), keep(&near, "k", 1), near.len()), (None, None, 0));
    open(&near, &ear, 2);
    keep(&near, "k", 1);
    assert_eq!(shown(&near, "k"), Some(1));
    let mark = near.mark(&Key::from("k")).unwrap();
    ear.opened(3, false);
    assert_eq!((shown(&near, "k"), keep(&near, "k", 1)), (None, None));
    ear.lost(3);
    near.keep(&Key::from("k"), mark, &entry(1));
    assert_eq!(shown(&near, "k"), None, "it may have been read over the one that tells nothing");
    keep(&near, "k", 1);
    assert_eq!(shown(&near, "k"), Some(1));
}

#[test]
fn a_push_about_a_tag_ends_what_carries_it() {
    let (near, ear) = near();
    let (tag, key) = (Key::from("red"), Key::from("k"));
    let read = |nonce| near.know(std::slice::from_ref(&tag), vec![near.mark(&tag)], &[Some(nonce)]);
    let tagged = |nonce| {
        let stamp = near.stamp(&tag, nonce)?;
        near.keep(&key, near.mark(&key)?, &entry(1).stamped(vec![stamp]));
        shown(&near, "k")
    };
    assert_eq!(tagged(7), None, "nobody has asked for the generation");
    let told = Value::BulkString(names::tag("red"));
    let ends: [&dyn Fn(); 4] = [
        &|| ear.changed(1, Some(std::slice::from_ref(&told))),
        &|| drop(near.written(What::Tags(std::slice::from_ref(&tag)))),
        &|| drop(near.written(What::Raw { command: "DEL", args: &[&names::tag("red")] })),
        &|| ear.changed(1, None),
    ];
    for (end, nonce) in ends.into_iter().zip(7..) {
        read(nonce);
        assert_eq!((tagged(nonce + 100), tagged(nonce)), (None, Some(1)));
        let mark = near.mark(&tag);
        end();
        assert_eq!((shown(&near, "k"), tagged(nonce)), (None, None));
        near.know(std::slice::from_ref(&tag), vec![mark], &[Some(nonce)]);
        assert_eq!(tagged(nonce), None, "the answer of before the deletion was believed after it");
    }
}

#[test]
fn more_entries_than_there_is_room_for_are_not_kept() {
    let (near, _ear) = near();
    for number in 0..100_000 {
        keep(&near, &format!("k{number}"), number);
    }
    assert!(near.len() <= 10_100, "{} entries", near.len());
}

#[test]
fn more_keys_at_once_than_there_are_entries_end_all() {
    let (near, ear) = near();
    keep(&near, "k", 1);
    let storm: Vec<Value> = (0..50_000).map(|number| name(&format!("other{number}"))).collect();
    ear.changed(1, Some(&storm[..900]));
    assert_eq!(shown(&near, "k"), Some(1));
    ear.changed(1, Some(&storm));
    assert_eq!(shown(&near, "k"), None);
}

/// Readers read and keep all the time; whoever has changed the key sees nothing of before.
#[test]
fn no_reader_is_quick_enough_to_keep_what_has_changed() {
    let (near, ear) = near();
    let (server, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let key = Key::from("k");
                while !is_over.load(Ordering::SeqCst) {
                    // Else nothing is kept, and nothing shown.
                    open(&near, &ear, 1);
                    let Some(mark) = near.mark(&key) else { continue };
                    let read = entry(server.load(Ordering::SeqCst));
                    near.keep(&key, mark, &read);
                }
            });
        }
        let mut seen = 0;
        for round in 1..=100_000 {
            server.store(round, Ordering::SeqCst);
            match round % 100 {
                0 => ear.changed(1, None),
                1 => ear.lost(1),
                2..50 => ear.changed(1, Some(&[name("k")])),
                _ => drop(near.written(What::Key(&Key::from("k")))),
            }
            let now = shown(&near, "k");
            seen += u32::from(now.is_some());
            if now.is_some_and(|now| now != round) {
                is_over.store(true, Ordering::SeqCst);
                panic!("{now:?} is shown after {round}");
            }
        }
        is_over.store(true, Ordering::SeqCst);
        assert!(seen > 0, "nothing was ever near");
    });
}
