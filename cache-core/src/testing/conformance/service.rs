//! What belongs to no entry: connections, sizes, raw commands, refusals.

use super::Capability;
use super::bench::{Answer, Bench};
use crate::backend::{Backend, Increment};
use crate::entry::Entry;
use crate::error::Result;
use crate::key::Key;
use crate::pattern::Pattern;

use super::locks::Look;

pub(super) async fn a_ping_comes_back(bench: Bench) {
    for message in ["hello", "", "two words", "line\r\nbreak", "🥜"] {
        must_eq!(bench.backend.ping(message).await.of("ping"), message);
    }
}

pub(super) async fn a_backend_has_a_name(bench: Bench) {
    let name = bench.backend.name();
    assert!(!name.is_empty(), "the name stands in errors and events");
    must_eq!(bench.backend.check().err().map(|error| error.to_string()), None, "`check` of a sound backend");
}

pub(super) async fn a_raw_command_is_answered_or_refused(bench: Bench) {
    bench.set("k", "v").await;
    // Whatever it says, it must say it, and go on.
    let _ = bench.backend.raw("MACADAMIA.NOSUCHCOMMAND", &[b"\0\r\nflush_all\r\n", b""]).await;
    must_eq!(bench.get("k").await.as_deref(), Some("v"), "a raw command that nobody knows did something");
}

pub(super) async fn closing_is_not_the_end(bench: Bench) {
    bench.set("k", "v").await;
    bench.backend.close().await.of("close");
    bench.backend.close().await.of("close, again,");
    bench.set("l", "v").await;
    must_eq!(bench.get("l").await.as_deref(), Some("v"), "a command after `close` opens what it needs");
    must_eq!(bench.backend.ping("hello").await.of("ping"), "hello");
}

pub(super) async fn a_size_is_told_of_what_is_there(bench: Bench) {
    let size = async |key: &str| bench.backend.size_of(&key.into()).await.of("size_of");
    must_eq!(size("k").await, None, "nothing was stored");
    bench.set("k", "v").await;
    let small = size("k").await;
    assert!(small.is_some_and(|size| size > 0), "an entry is there, and its size is {small:?}");
    bench.set("k", &"v".repeat(100_000)).await;
    assert!(size("k").await >= small, "a larger value takes no less");
    bench.delete("k").await;
    must_eq!(size("k").await, None, "it was deleted");
}

/// Nothing is imitated: what a backend lacks it refuses, and the cache can say so.
pub(super) async fn what_is_said_to_be_missing_is_refused(bench: Bench) {
    for capability in bench.missing.clone() {
        for (verb, refused) in refusals(&bench, capability).await {
            assert!(refused, "it was said to have no {capability:?}, and `{verb}` did not refuse");
        }
    }
}

async fn refusals(bench: &Bench, capability: Capability) -> Vec<(&'static str, bool)> {
    let (backend, key): (&dyn Backend, Key) = (&*bench.backend, "k".into());
    let (keys, pattern) = ([key.clone()], Pattern::new("k*"));
    match capability {
        Capability::Scan => vec![("scan", is_refused(backend.scan(&pattern).await))],
        Capability::DeleteMatch => vec![("delete_match", is_refused(backend.delete_match(&pattern).await))],
        Capability::Expire => vec![("expire", is_refused(backend.expire(&key, bench.now()).await))],
        Capability::Sizes => vec![("size_of", is_refused(backend.size_of(&key).await))],
        Capability::Cas => {
            let entry: std::sync::Arc<Entry> = bench.entry("v");
            vec![(
                "compare_and_set",
                is_refused(backend.compare_and_set(&key, &entry, std::sync::Arc::clone(&entry)).await),
            )]
        }
        Capability::Counters => {
            vec![("increment", is_refused(backend.increment(&key, Increment::new(1, None)).await))]
        }
        Capability::Fills => {
            vec![("begin_fill", backend.begin_fill(&key).await.of("begin_fill").is_none())]
        }
        Capability::Tags => vec![
            ("stamp", is_refused(backend.stamp(&keys).await)),
            ("generations", is_refused(backend.generations(&keys).await)),
            ("delete_tags", is_refused(backend.delete_tags(&keys).await)),
        ],
        Capability::Locks => {
            vec![("update", is_refused(backend.update(&"lock:k".into(), &mut Look).await))]
        }
    }
}

fn is_refused<T>(answer: Result<T>) -> bool {
    answer.err().is_some_and(|error| error.is_unsupported())
}
