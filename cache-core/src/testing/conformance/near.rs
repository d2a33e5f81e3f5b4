//! Entries that a backend keeps near, if it does: never older than what was written through it.

use std::sync::Arc;
use std::time::Duration;

use super::bench::{Answer, Bench};
use super::verbs::{keyed, read};
use crate::backend::{Increment, Near, Offer, Peek, SetOptions};
use crate::clock::Time;
use crate::codec::Bincode;
use crate::coder::Coding;
use crate::entry::Entry;
use crate::key::{Key, KeyRef};
use crate::pattern::Pattern;
use crate::testing::drop_after;

/// How often to look for what a server may need a moment to allow.
const LOOKS: usize = 500;

impl Bench {
    fn near(&self) -> Option<&dyn Near> {
        self.backend.near()
    }

    /// What is shown without waiting.
    fn shown(&self, key: &str) -> Option<String> {
        let mut shown = None;
        self.backend.peek(KeyRef::new(key), &mut |entry| {
            if entry.is_alive_at(self.now()) {
                shown = Some(read(entry));
            }
        });
        shown
    }

    /// Reads as a cache reads; what there is to keep, and the place for it.
    async fn offered(&self, key: &str) -> Option<(Offer, Arc<Entry>)> {
        let entry = self.living(key).await?;
        let offer = entry.offer().cloned()?;
        Some((offer, Coding::of::<String>().decode(entry, &Bincode).of("decoding")))
    }

    /// Keeps a value near, however long the backend needs to let it.
    async fn keep(&self, key: &str, value: &str) {
        for _ in 0..LOOKS {
            if let (Some(near), Some((offer, entry))) = (self.near(), self.offered(key).await) {
                offer.take(near, entry);
            }
            if self.shown(key).as_deref() == Some(value) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("what was read and kept under {key:?} is not shown by `peek`")
    }
}

pub(super) async fn what_is_kept_near_is_shown_without_waiting(bench: Bench) {
    let Some(near) = bench.near() else { return };
    bench.set("k", "v").await;
    must_eq!(bench.shown("k"), None, "nobody has kept it");
    bench.keep("k", "v").await;
    must_eq!(near.get(KeyRef::new("k")).map(|entry| read(&entry)), Some("v".to_owned()));
    must_eq!(bench.backend.peek(KeyRef::new("other"), &mut |_| {}), Peek::Remote);
}

/// Each way to write the key, and whether it can be asked for.
async fn write(bench: &Bench, how: &str) {
    let (backend, key) = (&bench.backend, Key::from("k"));
    match how {
        "set" => drop(backend.set(&key, bench.entry("new"), SetOptions::default()).await.of(how)),
        "set_many" => backend.set_many(vec![(key, bench.entry("new"))]).await.of(how),
        "delete" => drop(backend.delete(&key).await.of(how)),
        "delete_many" => drop(backend.delete_many(&keyed(&["other", "k"])).await.of(how)),
        "delete_match" => drop(backend.delete_match(&Pattern::new("k*")).await),
        "expire" => drop(backend.expire(&key, Time::NEVER).await),
        "increment" => drop(backend.increment(&key, Increment::new(1, None)).await),
        "compare_and_set" => {
            if let Some(old) = bench.living("k").await {
                drop(backend.compare_and_set(&key, &old, bench.entry("new")).await);
            }
        }
        "flush_all" => backend.flush_all().await.of(how),
        _ => backend.clear().await.of(how),
    }
}

const WRITES: [&str; 10] = [
    "set",
    "set_many",
    "delete",
    "delete_many",
    "delete_match",
    "expire",
    "increment",
    "compare_and_set",
    "flush_all",
    "clear",
];

pub(super) async fn what_is_written_here_is_not_near_any_more(bench: Bench) {
    if bench.near().is_none() {
        return;
    }
    for how in WRITES {
        bench.set("k", "old").await;
        bench.keep("k", "old").await;
        write(&bench, how).await;
        let now = bench.get("k").await;
        if now.as_deref() != Some("old") {
            must_eq!(bench.shown("k"), None, "after `{how}`");
        }
    }
}

pub(super) async fn what_was_read_before_a_write_is_not_kept_after_it(bench: Bench) {
    let Some(near) = bench.near() else { return };
    for how in WRITES {
        bench.set("k", "old").await;
        bench.keep("k", "old").await;
        let Some((offer, entry)) = bench.offered("k").await else {
            panic!("what was kept a moment ago is not offered again")
        };
        write(&bench, how).await;
        let now = bench.get("k").await;
        offer.take(near, entry);
        if now.as_deref() != Some("old") {
            must_eq!(bench.shown("k"), None, "what was read before `{how}` was kept after it");
        }
    }
}

pub(super) async fn a_write_that_was_dropped_leaves_nothing_near(bench: Bench) {
    if bench.near().is_none() {
        return;
    }
    for polls in 1..1_000 {
        bench.set("k", "old").await;
        bench.keep("k", "old").await;
        let done = drop_after(polls, bench.set("k", "new")).await.is_some();
        must_eq!(bench.shown("k"), None, "after a `set` that was dropped after {polls} polls");
        if done {
            return;
        }
    }
}

pub(super) async fn a_deleted_tag_ends_what_is_near(bench: Bench) {
    if bench.near().is_none() {
        return;
    }
    for _ in 0..3 {
        let stamps = bench.backend.stamp(&keyed(&["red", "blue"])).await.of("stamp");
        let entry = bench.entry("v").stamped(stamps);
        assert!(bench.backend.set(&"k".into(), entry, SetOptions::default()).await.of("set"));
        bench.keep("k", "v").await;
        bench.backend.delete_tags(&keyed(&["red"])).await.of("delete_tags");
        must_eq!(bench.shown("k"), None);
        must_eq!(bench.get("k").await, None);
    }
}

/// One writes and reads what it wrote, others read and keep all the time.
pub(super) async fn who_has_written_sees_nothing_older(bench: Bench) {
    if bench.near().is_none() {
        return;
    }
    let rounds = bench.rounds(2_000);
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    bench
        .at_once(3, move |bench, thread| {
            let done = Arc::clone(&done);
            async move {
                if thread > 0 {
                    while !done.load(std::sync::atomic::Ordering::SeqCst) {
                        if let (Some(near), Some((offer, entry))) = (bench.near(), bench.offered("k").await) {
                            offer.take(near, entry);
                        }
                    }
                    return;
                }
                let _done = Done(done);
                for round in 0..rounds {
                    bench.set("k", &round.to_string()).await;
                    for _ in 0..3 {
                        let seen = bench.shown("k");
                        assert!(
                            seen.is_none() || seen == Some(round.to_string()),
                            "after `set` of {round} had returned, {seen:?} was near"
                        );
                        tokio::task::yield_now().await;
                    }
                }
            }
        })
        .await;
}

struct Done(Arc<std::sync::atomic::AtomicBool>);

impl Drop for Done {
    fn drop(&mut self) {
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
    }
}
