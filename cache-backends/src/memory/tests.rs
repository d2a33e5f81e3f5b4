//! Many threads at once, and what must hold when they are done.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cache_core::{Clock, Entry, Fill, Increment, Key, Meta, Pattern, SetOptions, SystemClock, Time};

use super::shelf::STRIPES;
use super::slot::Lent;
use super::{Memory, Store};

pub(super) fn entry_until(expires: Time) -> Arc<Entry> {
    Entry::new((), Meta::new(Time::from_nanos(1), expires))
}

fn weighing(bytes: u32, expires: Time) -> Arc<Entry> {
    let mut meta = Meta::new(Time::from_nanos(1), expires);
    meta.weight = bytes;
    Entry::new((), meta)
}

fn filling(fill: Fill) -> SetOptions {
    let mut options = SetOptions::default();
    options.fill = Some(fill);
    options
}

/// The invariants of a store that nobody is using: moka, the flat map, the weights and the index agree.
fn check_at_rest(store: &Store) {
    let moka = store.residents.moka();
    moka.run_pending_tasks();
    let (shelf, keys) = (&store.shelf, store.shelf.keys(|_, _| true));
    let (mut weight, mut seats) = (0, 0);
    for key in &keys {
        let slot = shelf.read(Lent(key.as_key()), |slot| (slot.weight, slot.seat.due)).unwrap();
        assert_eq!(moka.get(key), Some(slot.0), "{key} would never be evicted");
        weight += u64::from(slot.0);
        seats += usize::from(slot.1 != Time::NEVER);
    }
    assert_eq!((shelf.len(), shelf.used()), (keys.len(), weight));
    assert!(weight <= store.limits.capacity(), "{weight} of {}", store.limits.capacity());
    let sizes = (0..STRIPES).map(|stripe| shelf.row_at(stripe).stripe.sizes());
    let (fills, indexed) = sizes.fold((0, 0), |sum, size| (sum.0 + size.0, sum.1 + size.1));
    assert_eq!((fills, indexed), (0, seats));
    assert_eq!((moka.entry_count(), moka.weighted_size()), (keys.len() as u64, weight), "moka's books");
}

/// Numbers that differ by thread.
fn draws(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut rng = fastrand::Rng::with_seed(seed);
    move |below| rng.u64(..below)
}

fn hammer(memory: &Memory, steps: usize) {
    thread::scope(|scope| {
        for seed in 0..8 {
            scope.spawn(move || {
                let (store, mut draw) = (&*memory.0, draws(seed));
                for _ in 0..steps {
                    let key = Key::from(format!("key:{}", draw(300)));
                    let soon = SystemClock.now().after(Duration::from_micros(draw(3_000)));
                    let expires = if draw(2) == 0 { Time::NEVER } else { soon };
                    match draw(16) {
                        0 | 1 => _ = store.delete(&key),
                        2 => _ = store.expire(&key, expires),
                        3 => _ = store.increment(&key, Increment::new(1, None)),
                        4 => _ = memory.purge_expired(),
                        5 if draw(20) == 0 => _ = store.delete_match(&Pattern::new("key:1*")),
                        6 if draw(50) == 0 => store.clear(),
                        7 => {
                            let fill = store.begin_fill(&key);
                            store.set(&key, &entry_until(expires), filling(fill));
                            store.end_fill(&key, fill);
                        }
                        8..=10 => _ = store.get(&key),
                        _ => {
                            let bytes = u32::try_from(draw(2_000)).unwrap();
                            store.set(&key, &weighing(bytes, expires), SetOptions::default());
                        }
                    }
                }
            });
        }
    });
    check_at_rest(&memory.0);
}

#[test]
fn hammered_from_all_sides_a_store_bounded_by_entries_agrees_with_moka() {
    hammer(&Memory::builder().max_entries(50).build(), 4_000);
}

#[test]
fn hammered_from_all_sides_a_store_bounded_by_bytes_agrees_with_moka() {
    hammer(&Memory::builder().max_bytes(60_000).build(), 4_000);
}

#[test]
fn hammered_from_all_sides_a_store_bounded_both_ways_agrees_with_moka() {
    hammer(&Memory::builder().max_entries(100).max_bytes(80_000).build(), 4_000);
}

#[test]
fn on_one_key_eviction_and_rewriting_leave_no_entry_that_moka_does_not_know() {
    let memory = Memory::builder().max_entries(1).build();
    thread::scope(|scope| {
        for seed in 0..4 {
            let store = &memory.0;
            scope.spawn(move || {
                let mut draw = draws(seed);
                for _ in 0..5_000 {
                    let key = Key::from(["a", "b"][usize::from(draw(2) == 0)]);
                    if draw(4) == 0 {
                        store.delete(&key);
                    } else {
                        store.set(&key, &entry_until(Time::NEVER), SetOptions::default());
                    }
                }
            });
        }
    });
    check_at_rest(&memory.0);
}

#[test]
fn increments_of_many_threads_add_up() {
    let (memory, key) = (Memory::default(), Key::from("counter"));
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..2_000).for_each(|_| _ = memory.0.increment(&key, Increment::new(1, None))));
        }
    });
    assert_eq!(memory.0.increment(&key, Increment::new(0, None)).unwrap(), 16_000);
    check_at_rest(&memory.0);
}

#[test]
fn rewriting_a_key_does_not_grow_the_index() {
    let (memory, key) = (Memory::default(), Key::from("k"));
    for i in 1..100_000 {
        memory.0.set(&key, &entry_until(Time::from_nanos(u64::MAX / 2 + i)), SetOptions::default());
    }
    check_at_rest(&memory.0);
    assert_eq!(memory.len(), 1);
}

/// Threads fill a key with the version they read before; one raises the version and then invalidates. After
/// that, no reader may see an older one.
fn race(invalidate: impl Fn(&Store, &Key) + Sync) {
    let (memory, key) = (Memory::default(), Key::from("users:7"));
    let (source, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let seen = |key| memory.0.get(key).and_then(|entry| entry.downcast_ref::<u64>().copied());
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let fill = memory.0.begin_fill(&key);
                    let version = source.load(Ordering::SeqCst);
                    thread::yield_now();
                    let entry = Entry::new(version, Meta::new(Time::from_nanos(1), Time::NEVER));
                    memory.0.set(&key, &entry, filling(fill));
                    memory.0.end_fill(&key, fill);
                }
            });
        }
        for version in 1..=4_000 {
            source.store(version, Ordering::SeqCst);
            // As an eviction does: with no entry to find, the right to fill is all that can be taken.
            memory.0.shelf.row(&key).take(&key, Time::ORIGIN);
            memory.0.residents.settle(&key);
            invalidate(&memory.0, &key);
            for _ in 0..3 {
                let seen = seen(&key).unwrap_or(version);
                if seen < version {
                    done.store(true, Ordering::Relaxed);
                }
                assert!(seen >= version, "version {seen} came back after {version} invalidated it");
                thread::yield_now();
            }
        }
        done.store(true, Ordering::Relaxed);
    });
    check_at_rest(&memory.0);
}

#[test]
fn a_fill_begun_before_a_delete_never_shows_after_it() {
    race(|store, key| _ = store.delete(key));
}

#[test]
fn a_fill_begun_before_a_pattern_was_deleted_never_shows_after_it() {
    race(|store, _| _ = store.delete_match(&Pattern::new("users:*")));
}

#[test]
fn a_fill_begun_before_a_clear_never_shows_after_it() {
    race(|store, _| store.clear());
}
